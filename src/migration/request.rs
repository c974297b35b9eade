//! What an export and an import are asked to do.

use super::ProjectName;
use crate::model::{Kind, Secrets};

/// Whether an import empties the kinds that it lists, in the same step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyFirst {
    Yes,
    No,
}

/// What an import does with the good records beside rejected ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// Nothing is changed.
    Fail,
    /// The good ones are imported.
    Skip,
}

/// Whether an import is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Apply,
    DryRun,
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
    pub on_error: OnError,
    pub mode: Mode,
}
