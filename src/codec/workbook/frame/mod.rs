//! The frames in which the child process returns rows: a tag, a length and a body.
//!
//! Both ends are the same executable, so the protocol has no version. The reader checks everything
//! nevertheless: a hostile workbook can take control of the child.
//!
//! ```text
//! frame   tag: u8, length of the body: u32, body
//! sheet   its name
//! merged  each range of merged cells: first and last row: u32, first and last column: u16
//! rows    each: row: u32, number of cells: u32, then each cell: column: u16, kind: u8, value; the
//!         highest bit of the kind says that a formula adds up the cells above
//! end     empty: the whole workbook was read
//! stop    the reason for an early end
//! ```

mod reader;
mod writer;

use std::io;

use super::cell::Cell;
use super::refusal::{OutputLimit, Refusal};

pub(super) use reader::{FrameError, FrameReader};
pub(super) use writer::FrameWriter;

const TAG_SHEET: u8 = 1;
const TAG_ROWS: u8 = 2;
const TAG_END: u8 = 3;
const TAG_STOP: u8 = 4;
const TAG_MERGED: u8 = 5;

const CELL_TEXT: u8 = 1;
const CELL_NUMBER: u8 = 2;
const CELL_FALSE: u8 = 3;
const CELL_TRUE: u8 = 4;
const CELL_ERROR: u8 = 5;
const CELL_DATE: u8 = 6;
const CELL_DURATION: u8 = 7;
const CELL_FORMULA: u8 = 8;
/// The bit of a kind that marks the value of a formula that adds up the cells above.
const CELL_SUM: u8 = 0x80;
/// The bit of a kind that marks a number as the text that its format shows.
const CELL_SHOWN: u8 = 0x40;

/// The length of a range of merged cells in a frame, in bytes.
const MERGED_BYTES: usize = 12;

const STOP_UNKNOWN: u8 = 1;
const STOP_ENCRYPTED: u8 = 2;
const STOP_DAMAGED: u8 = 3;
const STOP_NOT_UTF8: u8 = 4;
const STOP_SHEETS: u8 = 5;
const STOP_ROWS: u8 = 6;
const STOP_BYTES: u8 = 7;
const STOP_ROW_BYTES: u8 = 8;
const STOP_IO: u8 = 9;
const STOP_FOREIGN: u8 = 10;
const STOP_CUT_OFF: u8 = 11;
const STOP_OPEN_QUOTE: u8 = 12;
const STOP_CODE_PAGE: u8 = 13;
const STOP_EMPTY: u8 = 14;

/// Length of a tag and a length, in bytes.
const HEAD_BYTES: usize = 5;

/// The reason why a child stops before the end of the workbook.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(Refusal),
    Output(OutputLimit),
    /// The workbook cannot be read, or the server does not read the rows any more.
    Io(io::Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The next part of a workbook.
#[derive(Clone, Debug, PartialEq)]
pub enum Item<'a> {
    /// A sheet begins. A table of comma-separated values has one sheet without a name.
    Sheet(&'a str),
    /// The merged cells of the current sheet, by their first row. Comes before its rows, if there are any.
    Merged(Vec<MergedRange>),
    /// The next row of the current sheet that is not empty.
    Row(Row<'a>),
}

/// A row that is not empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    /// The number of the row, from 0.
    pub row: u32,
    /// The cells that are not empty with their columns, from 0, in ascending order.
    pub cells: Vec<(u32, Cell<'a>)>,
    /// The columns of values that formulas compute from several cells of one column above them, such
    /// as `SUM(C2:C41)`, in ascending order.
    pub sums: Vec<u32>,
    /// The columns of texts that are numbers in the file, as their number formats show them, such as
    /// `00042`, in ascending order.
    pub shown: Vec<u32>,
}

/// A range of merged cells: the first cell has the value of all. Rows and columns count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MergedRange {
    /// The first and the last row.
    pub rows: (u32, u32),
    /// The first and the last column.
    pub columns: (u32, u32),
}
