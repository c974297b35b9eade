//! The reasons why a workbook cannot be written.

use std::io;

use super::cell::cell_name;
use super::format::Format;
use super::limits::CELL_UNITS_MAX;
use super::sheet_name::SheetNameProblem;

/// The reason why a workbook cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A temporary file cannot be written. `StorageFull`, `QuotaExceeded` and `FileTooLarge` keep their
    /// kind.
    #[error("cannot write a temporary file of the workbook")]
    Scratch(#[source] io::Error),
    /// The finished workbook cannot be written.
    #[error("cannot write the workbook")]
    Output(#[source] io::Error),
    /// A sheet has more rows than the format allows.
    #[error(
        "sheet '{sheet}' would have more than {} rows with its header, which is the limit of \
         {format}. {}",
        format.rows_max(), format.larger_alternative()
    )]
    Rows {
        /// The name of the sheet.
        sheet: String,
        /// The format of the workbook.
        format: Format,
    },
    /// A sheet has more columns than the format allows.
    #[error(
        "sheet '{sheet}' would have more than {} columns, which is the limit of {format}. {}",
        format.columns_max(), format.larger_alternative()
    )]
    Columns {
        /// The name of the sheet.
        sheet: String,
        /// The format of the workbook.
        format: Format,
    },
    /// A text is longer than a cell can hold: [`CELL_UNITS_MAX`] in UTF-16 units.
    #[error(
        "the text for {sheet}!{} has {units} characters, but a cell holds at most \
         {CELL_UNITS_MAX}. A project export has no such limit",
        cell_name(*row, *column)
    )]
    Text {
        /// The name of the sheet.
        sheet: String,
        /// The row of the cell, from 0.
        row: u32,
        /// The column of the cell, from 0.
        column: u32,
        /// The length of the text, in UTF-16 units.
        units: usize,
    },
    /// A sheet cannot have this name.
    #[error("'{name}' is not a valid sheet name: {problem}")]
    SheetName {
        /// The refused name.
        name: String,
        /// The rule that the name breaks.
        problem: SheetNameProblem,
    },
    /// A row was written, or the workbook was finished, before its first sheet was begun.
    #[error("the workbook has no sheet")]
    NoSheet,
    /// The file would be larger than readers of the format accept.
    #[error(
        "the workbook would have more than {bytes_max} bytes, which is the limit of {format}. {}",
        format.larger_alternative()
    )]
    TooLarge {
        /// The limit, in bytes.
        bytes_max: u64,
        /// The format of the workbook.
        format: Format,
    },
    /// The format cannot hold the notes and lists of a [`ColumnGuide`](super::ColumnGuide).
    #[error(
        "{format} workbooks cannot hold the notes and lists of a template. Use a name that ends in .xlsx"
    )]
    Guides {
        /// The format of the workbook.
        format: Format,
    },
    /// An error of the crate that writes `.xlsx`. All its limits are checked before, so this error
    /// is a bug in Satchel.
    #[error("cannot write the workbook: {detail}")]
    Library {
        /// The crate's message.
        detail: String,
    },
}
