//! The entry of a project in a list.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{
    codec::bundle::{Release, secrets_word},
    model::{PerKind, Secrets},
};

/// The layout of a project in the library: a file or a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ProjectLayout")]
pub enum Layout {
    /// One file, `NAME.zip`.
    Bundle,
    /// A folder, `NAME/`.
    Folder,
}

/// The entry of a project in a list.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
#[schemars(rename = "Project")]
pub struct ProjectSummary {
    /// The name of the file or folder without the extension. If it is not a valid project name,
    /// `problem` has the reason.
    pub name: String,
    /// Whether the project is a file or a folder.
    pub layout: Layout,
    /// The release of the system that wrote the project, if the metadata has it.
    #[schemars(with = "Value", extend("type" = ["string", "number", "null"]))]
    pub release: Option<Release>,
    /// The export time from `metadata.yaml`, without a time zone: `2023-05-23 17:11:12.171765`.
    pub export_time: Option<String>,
    /// Whether passwords and keys are contained: `included`, `left_out`, or null if unknown.
    #[serde(serialize_with = "secrets")]
    #[schemars(with = "Option<String>")]
    pub secrets: Option<Secrets>,
    /// The documents by kind; kinds without a document are absent.
    #[serde(serialize_with = "present")]
    #[schemars(with = "BTreeMap<String, DocumentSummary>")]
    pub documents: PerKind<Option<DocumentSummary>>,
    /// The names of files that are not read.
    pub ignored: Vec<String>,
    /// Sentences about missing metadata and files that are not read.
    pub warnings: Vec<String>,
    /// The size on the disk in bytes.
    pub bytes: u64,
    /// The reason why the project cannot be imported; null if it can be imported.
    pub problem: Option<String>,
}

/// The entry of a document in a list of projects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct DocumentSummary {
    /// The number of records that a bundle of Satchel declares; null in all others.
    pub records: Option<u64>,
    /// The length of the unpacked document in bytes.
    pub bytes: u64,
}

impl ProjectSummary {
    /// Returns the entry of a project that cannot be read.
    pub(super) fn broken(name: String, layout: Layout, bytes: u64, problem: String) -> Self {
        Self {
            name,
            layout,
            release: None,
            export_time: None,
            secrets: None,
            documents: PerKind::default(),
            ignored: Vec::new(),
            warnings: Vec::new(),
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
