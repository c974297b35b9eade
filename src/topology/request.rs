//! What an export and an import are asked to do.

use super::WorkbookName;
use crate::{
    import::{EmptyReplacement, Mode, OnError},
    model::Kind,
};

/// An export of the devices and links.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    pub name: WorkbookName,
}

/// Whether an import empties what it brings, in the same step: devices and links, or the one kind
/// that a table brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Devices and links, also those without a sheet.
    Yes,
    /// Those of the two that have a sheet.
    WithSheet,
    No,
}

/// An import of devices and links.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// What the file was called where it came from, for the report.
    pub file_name: Option<String>,
    /// The kind of the records where the upload is a table (CSV), [`Kind::Device`] or
    /// [`Kind::Link`]. A workbook is read as one all the same; without this a table is refused.
    pub table: Option<Kind>,
    pub replace: Replace,
    /// Whether a sheet without records, or one that is missing, may empty its kind.
    pub empty_replacement: EmptyReplacement,
    pub on_error: OnError,
    pub mode: Mode,
}
