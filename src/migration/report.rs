//! What an export wrote, and of which project an import was, as data.

use serde::Serialize;

use crate::{import, model::Kind};

/// What the import of a project did, or would do.
pub type ImportReport = import::ImportReport<Imported>;

/// The project that was imported.
#[derive(Clone, Debug, Serialize)]
pub struct Imported {
    pub project: String,
    /// The release that the project says it is of.
    pub release: Option<String>,
}

/// What an export wrote.
#[derive(Clone, Debug, Serialize)]
pub struct ExportReport {
    pub project: String,
    /// The release whose documents these are.
    pub release: String,
    pub export_time: String,
    /// The version of the bundle's format.
    pub format: u32,
    pub types: Vec<ExportedKind>,
    /// All records.
    pub records: u64,
    /// The bundle's size.
    pub bytes: u64,
    /// `included` or `left_out`.
    pub secrets: &'static str,
    /// The properties that hold secrets, of the types that were exported.
    pub secret_properties: Vec<String>,
    pub warnings: Vec<String>,
    pub milliseconds: u64,
}

/// One document of an export.
#[derive(Clone, Debug, Serialize)]
pub struct ExportedKind {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub records: u64,
    pub bytes: u64,
    pub sha256: String,
}
