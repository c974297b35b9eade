//! Reports of exports and imports of workbooks.

use schemars::JsonSchema;
use serde::Serialize;

use super::ProposedMapping;
use crate::{codec::workbook::Format, import, model::Kind};

/// The report of an import of a workbook, or of its dry run.
pub type ImportReport = import::ImportReport<Imported>;

/// The part of the report of an import that is about the workbook, its sheets and columns.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "WorkbookImport")]
pub struct Imported {
    /// The file name that the client sent.
    pub workbook: Option<String>,
    /// The format of the upload.
    pub format: SourceFormat,
    /// The sheets that were read.
    pub sheets: Vec<SheetReport>,
    /// Columns that were read as custom properties.
    pub custom_columns: Vec<CustomColumn>,
    /// Columns that were ignored.
    pub ignored_columns: Vec<IgnoredColumn>,
    /// Properties for headings that have none: by similar names, and by common words of other
    /// languages. It can be passed back as the mapping of the request.
    #[serde(skip_serializing_if = "is_empty")]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub proposed_mapping: ProposedMapping,
    /// Sheets that were not read.
    pub ignored_sheets: Vec<String>,
}

fn is_empty(proposed: &ProposedMapping) -> bool {
    proposed.0.is_empty()
}

/// The format of a file by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceFormat {
    /// `.xls` (BIFF8).
    Xls,
    /// `.xlsx`, or another of the zipped formats.
    Xlsx,
    /// A table: text with a separator.
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
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct SheetReport {
    /// The kind of the records in the sheet.
    pub sheet: Kind,
    /// The name of the sheet, if it differs from the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The row of the headings, from 1. Absent if the import found no headings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_row: Option<u64>,
    /// Rows that are not blank, without the header.
    pub rows: u64,
    /// Columns that hold a property.
    pub columns: u64,
}

/// A column that was read as a custom property.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct CustomColumn {
    /// The sheet with the column.
    pub sheet: Kind,
    /// The letters of the column, such as `AB`.
    pub column: String,
    /// The heading, which is the name of the property.
    pub name: String,
    /// A known property with a similar name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<&'static str>,
}

/// A column that was ignored.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct IgnoredColumn {
    /// The sheet with the column.
    pub sheet: Kind,
    /// The letters of the column, such as `AB`.
    pub column: String,
    /// The heading; empty if the column has none.
    pub name: String,
    /// The reason why it is ignored.
    pub reason: Ignored,
}

/// The reason why a column is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "IgnoredReason")]
pub enum Ignored {
    /// A secret. It is only read if the mapping of the request names the column.
    Secret,
    /// The request ignores the column.
    Request,
    /// A value that is computed from other records, or the database id of eNMS.
    Computed,
    /// A long text of a device, which has its own REST call.
    LongText,
    /// The problems of an earlier import, in a marked workbook.
    Problems,
    /// A column without a heading.
    Unnamed,
}

/// The report of an export.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "WorkbookExport")]
pub struct ExportReport {
    /// The name of the workbook, with its extension.
    pub workbook: String,
    /// `xls` or `xlsx`.
    pub format: &'static str,
    /// The sheets that were written.
    pub sheets: Vec<SheetReport>,
    /// The size of the file, in bytes.
    pub bytes: u64,
    /// Sentences about properties that are not exported, or that an import would read differently.
    pub warnings: Vec<String>,
    /// The duration of the export, in milliseconds.
    pub milliseconds: u64,
}

/// A workbook in the list.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "Workbook")]
pub struct WorkbookSummary {
    /// The name, with its extension.
    pub name: String,
    /// The size of the file, in bytes.
    pub bytes: u64,
    /// The time of its last change, in UTC, as RFC 3339.
    pub modified: String,
    /// `xls` or `xlsx`.
    pub format: &'static str,
}

impl Ignored {
    /// The reason of several columns, for a warning.
    pub(super) fn why_several(self) -> &'static str {
        match self {
            Ignored::Secret => {
                "their names say that they contain secrets. Use `map` (--map) to read one nevertheless: \
                 every user who can read the record sees the values"
            }
            Ignored::Computed => "the values are computed, not stored",
            Ignored::LongText => "use the REST calls for long texts of a device",
            Ignored::Problems => "the columns list the problems of an earlier import",
            Ignored::Unnamed => "the columns have no heading",
            Ignored::Request => self.why(),
        }
    }

    /// The reason, for a warning or an error.
    pub(super) fn why(self) -> &'static str {
        match self {
            Ignored::Secret => {
                "its name says that it contains secrets. Use `map` (--map) to read it nevertheless: \
                 every user who can read the record sees the values"
            }
            Ignored::Request => "the request says so",
            Ignored::Computed => "the value is computed, not stored",
            Ignored::LongText => "use the REST call for long texts of a device",
            Ignored::Problems => "the column lists the problems of an earlier import",
            Ignored::Unnamed => "the column has no heading",
        }
    }
}
