//! The reasons why the content of a file is refused.

use super::foreign_file::ForeignFile;
use super::limits::{OUTPUT_BYTES_MAX, OUTPUT_ROWS_MAX, READ_SHEETS_MAX, ROW_BYTES_MAX};

/// The reason why a file cannot be read as a workbook or as a CSV table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The file has no bytes.
    #[error("the file is empty. Its download or export was probably interrupted")]
    Empty,
    /// The first bytes match no workbook format.
    #[error(
        "this is not a workbook: the file does not start like a .xls, .xlsx, .xlsb or .ods file"
    )]
    Unknown,
    /// The file has a known format that is not read.
    #[error(transparent)]
    Foreign(ForeignFile),
    /// A zip archive without its last record, which has the positions of the parts of the workbook.
    #[error(
        "the workbook is not complete: the end of the file is missing. Its upload or download was \
         probably interrupted. Send it again"
    )]
    CutOff,
    /// The workbook is encrypted, so it needs a password to be opened.
    #[error("the workbook is protected by a password. Save it without a password")]
    Encrypted,
    /// A `.xls` of Excel 5 or 95 has a code page that is not read.
    #[error(
        "the texts of this old .xls workbook (Excel 5 or 95) have the code page {number}, which is not \
         read. Open it in a spreadsheet program, and save it as .xlsx"
    )]
    CodePage {
        /// The number of the code page.
        number: u16,
    },
    /// The workbook is damaged.
    #[error("the workbook is damaged: {reason}")]
    Damaged {
        /// The message after "the workbook is damaged".
        reason: String,
    },
    /// A table of comma-separated values has another encoding.
    #[error("line {line} is not UTF-8. Save the table as \"CSV UTF-8\"")]
    NotUtf8 {
        /// The line of the file at which the first such row begins, from 1.
        line: u64,
    },
    /// A cell of a table begins with a quotation mark, and does not end with one.
    #[error(
        "line {line}: a quotation mark (\") begins a cell, and none ends it. Add the second one, or \
         double a quotation mark that belongs to the text (\"\")"
    )]
    OpenQuote {
        /// The line of the file with the quotation mark, from 1.
        line: u64,
    },
}

/// A limit that the content of a workbook exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutputLimit {
    /// More than [`READ_SHEETS_MAX`] sheets.
    #[error("the workbook has more than {READ_SHEETS_MAX} sheets")]
    Sheets,
    /// More than [`OUTPUT_ROWS_MAX`] rows with a cell, in all sheets together.
    #[error("the workbook has more than {OUTPUT_ROWS_MAX} rows that are not empty")]
    Rows,
    /// More than [`OUTPUT_BYTES_MAX`] bytes of cells in all sheets together.
    #[error("the cells of the workbook contain more than {} MiB", OUTPUT_BYTES_MAX >> 20)]
    Bytes,
    /// More than [`ROW_BYTES_MAX`] bytes of cells in one row.
    #[error("row {} of a sheet contains more than {} MiB", row + 1, ROW_BYTES_MAX >> 20)]
    RowBytes {
        /// The row, from 0.
        row: u32,
    },
}
