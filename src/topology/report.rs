//! What an export wrote, and of which workbook an import was, as data.

use serde::Serialize;

use crate::{codec::workbook::Format, import, model::Kind};

/// What the import of a workbook did, or would do.
pub type ImportReport = import::ImportReport<Imported>;

/// The workbook that was imported, and what was made of its sheets and columns.
#[derive(Clone, Debug, Serialize)]
pub struct Imported {
    /// What the file was called where it came from.
    pub workbook: Option<String>,
    pub format: SourceFormat,
    /// The sheets that were read.
    pub sheets: Vec<SheetReport>,
    /// Columns that became properties of the site's own.
    pub custom_columns: Vec<CustomColumn>,
    /// Columns of which nothing was taken.
    pub ignored_columns: Vec<IgnoredColumn>,
    /// Sheets that are neither `device` nor `link`.
    pub ignored_sheets: Vec<String>,
}

/// What a file is by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceFormat {
    Xls,
    /// `.xlsx`, or another of the zipped formats.
    Xlsx,
    Csv,
}

impl SourceFormat {
    /// The format in which such a file is handed back.
    pub fn handed_back(self) -> Format {
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
    /// Columns whose values are properties.
    pub columns: u64,
}

/// A column that became a property of the site's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CustomColumn {
    pub sheet: Kind,
    /// `AB`.
    pub column: String,
    pub name: String,
    /// The known property that has nearly this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<&'static str>,
}

/// A column of which nothing was taken.
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
    /// It is called like a property that holds a secret, and no secret is in a workbook.
    Secret,
    /// It is worked out from other records, or numbers them.
    Computed,
    /// A long text of a device, which has a call of its own.
    LongText,
    /// It says what was wrong with an earlier import.
    Problems,
    /// Cells without a name above them.
    Unnamed,
}

/// What an export wrote.
#[derive(Clone, Debug, Serialize)]
pub struct ExportReport {
    pub workbook: String,
    /// `xls` or `xlsx`.
    pub format: &'static str,
    pub sheets: Vec<SheetReport>,
    /// The file's size.
    pub bytes: u64,
    pub warnings: Vec<String>,
    pub milliseconds: u64,
}

/// A workbook in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkbookSummary {
    pub name: String,
    pub bytes: u64,
    /// When it was written, in UTC, as RFC 3339 spells it.
    pub modified: String,
    /// `xls` or `xlsx`.
    pub format: &'static str,
}

impl Ignored {
    /// The end of a sentence that begins with the column.
    pub(super) fn why(self) -> &'static str {
        match self {
            Ignored::Secret => "no secret is taken from a workbook",
            Ignored::Computed => "it is worked out, not stored",
            Ignored::LongText => "it is set by a call of its own, device by device",
            Ignored::Problems => "it says what was wrong with an earlier import",
            Ignored::Unnamed => "it has no name in the header",
        }
    }
}
