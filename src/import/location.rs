//! The location of a record or a problem in the imported documents.

use schemars::JsonSchema;
use serde::Serialize;

/// The position of a record in its document or sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPosition {
    /// The number of the record in its document, from 0.
    pub index: u64,
    /// The line of the document or the row of the sheet, from 1.
    pub line: u64,
}

/// The location of a problem. Absent parts are unknown or do not apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
pub struct DocumentLocation {
    /// The line of a document, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The column in that line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// The row of a sheet, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// The cell of a sheet: `device!C17`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
    /// The number of the record in its document, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The name of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

impl DocumentLocation {
    /// The location of a record of which only the name is known.
    pub(super) fn of_record(name: String) -> Self {
        Self { record: Some(name), ..Self::default() }
    }
}
