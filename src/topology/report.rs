//! Reports of exports and imports of workbooks.

use serde::Serialize;

use crate::{codec::workbook::Format, import, model::Kind};

/// The report of an import of a workbook, or of its dry run.
pub type ImportReport = import::ImportReport<Imported>;

/// The part of the report of an import that is about the workbook, its sheets and columns.
#[derive(Clone, Debug, Serialize)]
pub struct Imported {
    /// The file name that the client sent.
    pub workbook: Option<String>,
    pub format: SourceFormat,
    /// The sheets that were read.
    pub sheets: Vec<SheetReport>,
    /// Columns that were read as custom properties.
    pub custom_columns: Vec<CustomColumn>,
    /// Columns that were ignored.
    pub ignored_columns: Vec<IgnoredColumn>,
    /// Sheets whose name is not `device` or `link`.
    pub ignored_sheets: Vec<String>,
}

/// The format of a file by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceFormat {
    Xls,
    /// `.xlsx`, or another of the zipped formats.
    Xlsx,
    Csv,
}

impl SourceFormat {
    /// The format of the marked workbook of such a file.
    pub fn of_marked(self) -> Format {
        match self {
            SourceFormat::Xls => Format::Xls,
            SourceFormat::Xlsx | SourceFormat::Csv => Format::Xlsx,
        }
    }
}

/// A sheet that was read or written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SheetReport {
    pub sheet: Kind,
    /// Rows that are not blank, without the header.
    pub rows: u64,
    /// Columns that hold a property.
    pub columns: u64,
}

/// A column that was read as a custom property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CustomColumn {
    pub sheet: Kind,
    /// `AB`.
    pub column: String,
    pub name: String,
    /// A known property with a similar name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<&'static str>,
}

/// A column that was ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IgnoredColumn {
    pub sheet: Kind,
    /// `AB`.
    pub column: String,
    pub name: String,
    pub reason: Ignored,
}

/// Why a column is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ignored {
    /// Its name is that of a secret. Workbooks contain no secrets.
    Secret,
    /// It is computed from other records, or is the database id.
    Computed,
    /// It is a long text of a device, which has its own REST call.
    LongText,
    /// It lists the problems of an earlier import.
    Problems,
    /// It has cells but no heading.
    Unnamed,
}

/// The report of an export.
#[derive(Clone, Debug, Serialize)]
pub struct ExportReport {
    pub workbook: String,
    /// `xls` or `xlsx`.
    pub format: &'static str,
    pub sheets: Vec<SheetReport>,
    /// Size of the file.
    pub bytes: u64,
    pub warnings: Vec<String>,
    pub milliseconds: u64,
}

/// A workbook in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkbookSummary {
    pub name: String,
    pub bytes: u64,
    /// Time of its last change, in UTC, as RFC 3339.
    pub modified: String,
    /// `xls` or `xlsx`.
    pub format: &'static str,
}

impl Ignored {
    /// The reason, for a warning.
    pub(super) fn why(self) -> &'static str {
        match self {
            Ignored::Secret => "secrets are not read from workbooks",
            Ignored::Computed => "it is computed, not stored",
            Ignored::LongText => "use the REST call for long texts of a device",
            Ignored::Problems => "it lists the problems of an earlier import",
            Ignored::Unnamed => "it has no heading",
        }
    }
}
