//! The requests of an export and an import.

use super::ProjectName;
use crate::{
    import::{EmptyReplacement, Mode, OnError},
    model::{Kind, Secrets},
};

/// Which kinds an import empties in the same step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyFirst {
    /// All requested kinds, also those without a document.
    Yes,
    /// The requested kinds that have a document.
    WithDocument,
    No,
}

/// The request to export a project.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    pub name: ProjectName,
    pub kinds: Vec<Kind>,
    pub secrets: Secrets,
}

/// The request to import a project.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    pub name: ProjectName,
    pub kinds: Vec<Kind>,
    pub empty: EmptyFirst,
    /// Whether a document without records may empty its kind.
    pub empty_replacement: EmptyReplacement,
    pub on_error: OnError,
    pub mode: Mode,
}
