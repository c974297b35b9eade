//! The reports of an export and an import, as data.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{import, model::Kind};

/// The report of an import, or of its dry run.
pub type ImportReport = import::ImportReport<Imported>;

/// The project that was imported.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "ProjectImport")]
pub struct Imported {
    /// The name of the project.
    pub project: String,
    /// The release that the project declares.
    pub release: Option<String>,
}

/// The report of an export.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "ProjectExport")]
pub struct ExportReport {
    /// The name of the project.
    pub project: String,
    /// The release of eNMS that reads the documents.
    pub release: String,
    /// The time of the export, as in `metadata.yaml`: in UTC, written without a time zone.
    pub export_time: String,
    /// The format version of the bundle.
    pub format: u32,
    /// The documents, in the order of an import.
    pub types: Vec<ExportedKind>,
    /// The number of records of all types.
    pub records: u64,
    /// The size of the bundle in bytes.
    pub bytes: u64,
    /// `included` or `left_out`.
    pub secrets: &'static str,
    /// The properties with secrets of the exported types, as `type.property`. Those of eNMS come first, then the
    /// custom ones that a record has, at most 100 of each type.
    pub secret_properties: Vec<String>,
    /// Sentences about records and sizes that an import would reject or compute again.
    pub warnings: Vec<String>,
    /// The duration of the export, in milliseconds.
    pub milliseconds: u64,
}

/// One document of an export.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ExportedKind {
    /// The kind of the records in the document.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The number of records.
    pub records: u64,
    /// The length of the unpacked document, in bytes.
    pub bytes: u64,
    /// The SHA-256 of the unpacked document, in lower-case hexadecimal digits.
    pub sha256: String,
}
