//! The reports of an export and an import, as data.

use serde::Serialize;

use crate::{import, model::Kind};

/// The changes of an import, made or previewed.
pub type ImportReport = import::ImportReport<Imported>;

/// The project that was imported.
#[derive(Clone, Debug, Serialize)]
pub struct Imported {
    pub project: String,
    /// The release that the project declares.
    pub release: Option<String>,
}

/// The report of an export.
#[derive(Clone, Debug, Serialize)]
pub struct ExportReport {
    pub project: String,
    /// The release of eNMS that reads the documents.
    pub release: String,
    pub export_time: String,
    /// The format version of the bundle.
    pub format: u32,
    pub types: Vec<ExportedKind>,
    /// The number of records of all types.
    pub records: u64,
    /// The size of the bundle in bytes.
    pub bytes: u64,
    /// `included` or `left_out`.
    pub secrets: &'static str,
    /// The properties with secrets of the exported types, as `type.property`.
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
