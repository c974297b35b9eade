//! Requests to export and import workbooks.

use super::{Mapping, WorkbookName};
use crate::{
    import::{EmptyReplacement, Mode, OnError},
    model::Kind,
};

/// The content of an exported workbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportContent {
    /// The devices and links.
    Records,
    /// Only headings with notes and an example row, to be filled in.
    Template,
}

/// An export of the devices and links.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The name of the workbook to create or replace. Its extension determines the format.
    pub name: WorkbookName,
    /// The content of the workbook.
    pub content: ExportContent,
}

/// The kinds that an import empties in the same step, before it adds the records of the workbook.
/// For a table, only the kind of the table is emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Devices and links, also those without a sheet.
    Yes,
    /// The kinds among device and link that have a sheet in the workbook.
    WithSheet,
    /// No kind: the records are added, or update the existing ones.
    No,
}

/// An import of devices and links.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// The file name that the client sent, for the report.
    pub file_name: Option<String>,
    /// The sheet to read, the kind of its records, and the row of its header.
    pub reading: ReadOptions,
    /// The kinds whose existing records are removed.
    pub replace: Replace,
    /// Whether a sheet without records, or a missing sheet, is allowed to empty its kind.
    pub empty_replacement: EmptyReplacement,
    /// Whether records with errors are skipped, or prevent the import.
    pub on_error: OnError,
    /// Whether the import is applied or a dry run.
    pub mode: Mode,
}

impl ImportRequest {
    /// The request without any option: it adds and updates the records of the sheets named `device`
    /// and `link`, and fails if a record is rejected.
    pub const DEFAULT: Self = Self {
        file_name: None,
        reading: ReadOptions::BY_NAME,
        replace: Replace::No,
        empty_replacement: EmptyReplacement::Refused,
        on_error: OnError::Fail,
        mode: Mode::Apply,
    };
}

/// The sheet of a file to read, the kind of its records, and the row of its header.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The name of the only sheet to read. `None` reads the sheets named `device` and `link`, or the
    /// only sheet that has cells if `kind` is set and no sheet has its name. With a table, a name is
    /// refused.
    pub sheet: Option<String>,
    /// The kind of the records of the sheet or table: [`Kind::Device`] or [`Kind::Link`]. `None`
    /// refuses tables, and takes the kind of a sheet from its name.
    pub kind: Option<Kind>,
    /// The row of the headings, from 1. `None` searches the first rows.
    pub header_row: Option<u32>,
    /// The properties of headings that are not property names, and the columns to ignore.
    pub mapping: Mapping,
}

impl ReadOptions {
    /// No option is set: the sheets named `device` and `link` are read.
    pub const BY_NAME: Self =
        Self { sheet: None, kind: None, header_row: None, mapping: Mapping::EMPTY };
}
