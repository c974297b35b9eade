//! Workbooks: `.xls` and `.xlsx`, read and written.
//!
//! ```text
//! write      WorkbookWriter: one writer for both formats, which checks their limits
//!   sink       the trait that each format implements
//!   xls        writes `.xls` (our own code)
//!   xlsx       writes `.xlsx` with rust_xlsxwriter
//!   style      styles of cells;  layout  widths of columns;  marked  cells with marks
//!   column_guide  notes on headings, and the values that columns accept
//! child      Decoding: a child process that reads a workbook
//!   read       decoding in the child: calamine and csv → cells
//!   frame      the frames in which the child returns rows over the pipe
//! cell       the value of a cell
//! cell_value cells ⇄ values of properties
//! ```
//!
//! The server never decodes a workbook itself. On hostile bytes calamine can allocate more
//! memory than the system has. That aborts the process and cannot be caught. [`Decoding`] starts the same
//! executable with a hidden subcommand, gives it the file as standard input and limits that the
//! kernel enforces, and reads rows from its standard output. [`DecodeError`] has the reason if
//! the child fails.

mod cell;
mod cell_value;
mod child;
mod column_guide;
mod error;
mod foreign_file;
mod format;
mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
mod iso;
mod layout;
mod limits;
mod marked;
mod read;
mod refusal;
mod sheet_name;
mod sink;
mod source_kind;
mod style;
mod write;
mod xls;
mod xlsx;

pub use cell::{
    Cell, CellError, cell_name, column_name, format_serial_date, is_time_of_day, parse_serial_date,
};
pub use cell_value::{CellFault, format_cell, parse_cell};
pub use child::{
    DecodeError, DecodeLimits, Decoding, Protection, Protections, SUBCOMMAND, decode_main,
    executable, probe,
};
pub use column_guide::{AcceptedValues, ColumnGuide};
pub use error::WriteError;
pub use foreign_file::{FOREIGN_BYTES, ForeignFile};
pub use format::{Format, UnknownFormat};
pub use frame::{Item, MergedRange, Row};
pub use limits::{CELL_UNITS_MAX, READ_ROWS_MAX};
pub use marked::{Mark, MarkedCell};
pub use refusal::{OutputLimit, Refusal};
pub use sheet_name::{SHEET_NAME_UNITS_MAX, SheetNameProblem, is_sheet_name_character};
pub use sink::OutputFile;
pub use source_kind::{RELATIONS_SUFFIX, SourceKind};
pub use write::WorkbookWriter;

#[cfg(test)]
mod tests;
