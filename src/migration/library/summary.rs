//! A project in a list.

use serde::{Serialize, Serializer};

use crate::{
    codec::bundle::{Release, secrets_word},
    model::{PerKind, Secrets},
};

/// What a project looks like on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// One file, `NAME.zip`.
    Bundle,
    /// A folder, `NAME/`.
    Folder,
}

/// A project in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProjectSummary {
    /// The name of the file or folder, without the ending. Where it can not be a project's name,
    /// the problem says so.
    pub name: String,
    pub layout: Layout,
    /// The release of the system that wrote it, where it says so.
    pub release: Option<Release>,
    /// As it was written: `2023-05-23 17:11:12.171765`, without a zone.
    pub export_time: Option<String>,
    /// Whether passwords and keys are in: `included`, `left_out`, or null where it is not known.
    #[serde(serialize_with = "secrets")]
    pub secrets: Option<Secrets>,
    /// By kind; kinds without a document are not there.
    #[serde(serialize_with = "present")]
    pub documents: PerKind<Option<DocumentSummary>>,
    /// What is there and is not read, by name.
    pub ignored: Vec<String>,
    /// What it takes on the disk, in bytes.
    pub bytes: u64,
    /// Why it can not be imported; nothing where it can.
    pub problem: Option<String>,
}

/// A document in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DocumentSummary {
    /// How many records a bundle of Satchel's declares; unknown in all others.
    pub records: Option<u64>,
    /// The document's length, unpacked.
    pub bytes: u64,
}

impl ProjectSummary {
    /// One that can not be read.
    pub(super) fn broken(name: String, layout: Layout, bytes: u64, problem: String) -> Self {
        Self {
            name,
            layout,
            release: None,
            export_time: None,
            secrets: None,
            documents: PerKind::default(),
            ignored: Vec::new(),
            bytes,
            problem: Some(problem),
        }
    }
}

fn secrets<S: Serializer>(secrets: &Option<Secrets>, serializer: S) -> Result<S::Ok, S::Error> {
    secrets.map(secrets_word).serialize(serializer)
}

fn present<S: Serializer, T: Serialize>(
    documents: &PerKind<Option<T>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(documents.iter().filter_map(|(kind, one)| Some((kind, one.as_ref()?))))
}
