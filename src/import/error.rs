//! The reasons why an import fails as a whole.

use std::{fmt, io};

use schemars::JsonSchema;
use serde::Serialize;

use super::problem::Document;
use crate::{job::Cancelled, model::Kind, store::StoreError, wording::counted};

/// The reason why an import failed. Problems of the imported records are in the report instead.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The store cannot be read or written, or the import was cancelled.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A temporary file with records, references or problems cannot be written or read.
    #[error("a temporary file of the import cannot be written or read")]
    TemporaryFile(#[source] io::Error),
    /// A long text of the source cannot be read.
    #[error("a long text of a device cannot be read from the imported file")]
    Text(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A temporary file ends within an entry.
    #[error("a temporary file of the import is damaged: an entry is incomplete")]
    TemporaryFileDamaged,
    /// A temporary file holds bytes that are not a record.
    #[error("a temporary file of the import is damaged: a {kind} cannot be decoded: {detail}")]
    Undecodable {
        /// The kind of the record.
        kind: Kind,
        /// The error of the decoder.
        detail: String,
    },
    /// A name in a temporary file or an index is not UTF-8, so the file is damaged.
    #[error("the name of a {kind} is not valid UTF-8")]
    NameBytes {
        /// The kind of the record.
        kind: Kind,
    },
    /// No administrator with a password would remain, so no user could administer the server.
    #[error(
        "after this import no administrator could log in: no user with is_admin and a password \
         would be left. Nothing was changed"
    )]
    NoAdministrator,
    /// The import would empty kinds without importing a record of them.
    #[error(
        "{}. Nothing was changed. Check the imported file. If these records are to be removed, \
         send \"allow_empty\": true, or pass --allow-empty on the command line",
        listed(.0)
    )]
    EmptyReplacement(Vec<EmptyKind>),
    /// The report does not exist. It was never kept, or it was removed for newer ones.
    #[error("there is no report '{id}'")]
    NoReport {
        /// The id that the caller sent.
        id: String,
    },
    /// The file of a report cannot be read or written.
    #[error("the report of an import cannot be stored or read")]
    Report(#[source] io::Error),
    /// The system provides no random numbers for the id of a report.
    #[error("the system provides no random numbers for the name of a report")]
    Random(#[source] io::Error),
}

/// A kind of which an import would only remove records.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct EmptyKind {
    /// The document or sheet that should hold the records.
    #[serde(flatten)]
    pub document: Document,
    /// The number of records that the import would remove.
    pub removed: u64,
    /// The beginning of a sentence: "the sheet 'device' contains no readable record".
    #[serde(skip)]
    pub found: String,
}

impl fmt::Display for EmptyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.document {
            Document::Yaml(kind) | Document::Sheet(kind) => kind,
        };
        let records = counted(self.removed, kind.as_str());
        write!(f, "{}, and the import would remove {records}", self.found)
    }
}

impl From<Cancelled> for ImportError {
    fn from(cancelled: Cancelled) -> Self {
        StoreError::from(cancelled).into()
    }
}

fn listed(kinds: &[EmptyKind]) -> String {
    kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
