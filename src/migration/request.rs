//! What an export and an import are asked to do.

use super::ProjectName;
use crate::{
    import::{EmptyReplacement, Mode, OnError},
    model::{Kind, Secrets},
};

/// Whether an import empties the kinds that it lists, in the same step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyFirst {
    /// All of them, also those without a document.
    Yes,
    /// Those that have a document.
    WithDocument,
    No,
}

/// An export of a project.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    pub name: ProjectName,
    pub kinds: Vec<Kind>,
    pub secrets: Secrets,
}

/// An import of a project.
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
