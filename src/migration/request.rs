//! The requests of an export and an import.

use super::ProjectName;
use crate::{
    import::{EmptyReplacement, Mode, OnError},
    model::{Kind, Secrets},
};

/// The kinds that an import empties in the same step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyFirst {
    /// All requested kinds, also those without a document.
    Yes,
    /// The requested kinds that have a document.
    WithDocument,
    /// No kind: the records are added, or update the existing ones.
    No,
}

/// The request to export a project.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The name of the project to create or replace.
    pub name: ProjectName,
    /// The kinds of records to export.
    pub kinds: Vec<Kind>,
    /// The presence of passwords and keys in the documents.
    pub secrets: Secrets,
}

/// The request to import a project.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// The name of the project in the library.
    pub name: ProjectName,
    /// The kinds of records to import. Documents of other kinds are not read.
    pub kinds: Vec<Kind>,
    /// The kinds whose existing records are removed.
    pub empty: EmptyFirst,
    /// Whether a document without records is allowed to empty its kind.
    pub empty_replacement: EmptyReplacement,
    /// Whether records with errors are skipped, or prevent the import.
    pub on_error: OnError,
    /// Whether the import is applied or a dry run.
    pub mode: Mode,
}

impl ImportRequest {
    /// Returns the request to import these kinds of a project without any option: it adds and
    /// updates records, and fails if a record is rejected.
    pub fn new(name: ProjectName, kinds: Vec<Kind>) -> Self {
        Self {
            name,
            kinds,
            empty: EmptyFirst::No,
            empty_replacement: EmptyReplacement::Refused,
            on_error: OnError::Fail,
            mode: Mode::Apply,
        }
    }
}
