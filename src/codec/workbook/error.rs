//! Why a workbook cannot be written.

use std::io;

use super::cell::cell_name;
use super::format::Format;
use super::limits::CELL_UNITS_MAX;
use super::sheet_name::SheetNameProblem;

/// Why a workbook cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A temporary file of the writer. `StorageFull`, `QuotaExceeded` and `FileTooLarge` keep their
    /// kind.
    #[error("cannot write a temporary file of the workbook")]
    Scratch(#[source] io::Error),
    /// The file that the finished workbook goes to.
    #[error("cannot write the workbook")]
    Output(#[source] io::Error),
    #[error(
        "sheet '{sheet}' would have more than {} rows with its header, which is the limit of \
         {format}. {}",
        format.rows_max(), format.larger_alternative()
    )]
    Rows { sheet: String, format: Format },
    #[error(
        "sheet '{sheet}' would have more than {} columns, which is the limit of {format}. {}",
        format.columns_max(), format.larger_alternative()
    )]
    Columns { sheet: String, format: Format },
    #[error(
        "the text for {sheet}!{} has {units} characters, but a cell holds at most \
         {CELL_UNITS_MAX}. A project export has no such limit",
        cell_name(*row, *column)
    )]
    Text { sheet: String, row: u32, column: u32, units: usize },
    #[error("'{name}' is not a valid sheet name: {problem}")]
    SheetName { name: String, problem: SheetNameProblem },
    #[error("the workbook has no sheet")]
    NoSheet,
    #[error(
        "the workbook would have more than {bytes_max} bytes, which is the limit of {format}. {}",
        format.larger_alternative()
    )]
    TooLarge { bytes_max: u64, format: Format },
    /// An error of the crate that writes `.xlsx`. All its limits are checked before, so this is a
    /// mistake in Satchel.
    #[error("cannot write the workbook: {detail}")]
    Library { detail: String },
}
