//! Requests to export and import workbooks.

use super::WorkbookName;
use crate::{
    import::{EmptyReplacement, Mode, OnError},
    model::Kind,
};

/// An export of the devices and links.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The name of the workbook to create or replace. Its ending is the format.
    pub name: WorkbookName,
}

/// Which kinds an import empties in the same step, before it adds the records of the workbook. For a
/// table it is only the kind of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Devices and links, also those without a sheet.
    Yes,
    /// The kinds among device and link that have a sheet in the workbook.
    WithSheet,
    /// None: the records are added, or update the existing ones.
    No,
}

/// An import of devices and links.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// The file name that the client sent, for the report.
    pub file_name: Option<String>,
    /// The kind of the records if the upload is a table (CSV): [`Kind::Device`] or [`Kind::Link`].
    /// `None` refuses tables. A workbook ignores it.
    pub table: Option<Kind>,
    /// The kinds whose existing records are removed.
    pub replace: Replace,
    /// Whether a sheet without records, or a missing sheet, may empty its kind.
    pub empty_replacement: EmptyReplacement,
    /// Whether records with errors are skipped, or refuse the import.
    pub on_error: OnError,
    /// Whether the import is made or previewed.
    pub mode: Mode,
}
