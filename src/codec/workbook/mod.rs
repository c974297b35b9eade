//! Workbooks: `.xls` and `.xlsx`, in and out.
//!
//! ```text
//! write    one face for both formats; the limits of each are kept here
//!   xls          BIFF8 records in an OLE2 container, written by ourselves
//!   xlsx         zipped XML, written by ourselves
//! look     what cells look like in both
//! child    decoding, in a process of its own that can be lost
//!   read         what the child does: calamine and csv → rows of cells
//!   frame        how rows come back over the pipe
//! cell     what a cell can hold, and what it is called
//! text     cells ⇄ values of properties
//! ```
//!
//! A workbook that comes from outside is never decoded in the server: what calamine does with
//! hostile bytes can be to ask for more memory than there is, which ends a process and can not be
//! caught in it. [`Decoding`] starts the same executable with a hidden subcommand, gives it the
//! file as its standard input and limits that the kernel keeps, and reads rows from its standard
//! output. What can happen to the child is an answer here ([`DecodeError`]).

mod cell;
mod child;
mod format;
mod limits;
mod look;
mod read;
mod text;
mod write;
mod xls;
mod xlsx;

pub use cell::{Cell, CellError, cell_name, column_name, serial_text, text_serial};
pub use child::{
    DecodeError, DecodeLimits, Decoding, Item, OutputLimit, Refusal, Row, SUBCOMMAND, SourceKind,
    decode_main, executable,
};
pub use format::{Format, FormatUnknown};
pub use limits::CELL_UNITS_MAX;
pub use text::{CellFault, parse_cell, spell_cell};
pub use write::{Mark, Marked, SheetNameProblem, WorkbookWriter, WriteError};

#[cfg(test)]
mod tests;
