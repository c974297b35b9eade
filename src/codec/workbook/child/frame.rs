//! How rows come back from the child: frames of a tag, a length and a body.
//!
//! Both ends are the same executable, so there is no version. The reader still believes nothing:
//! a child that decodes hostile bytes may have become hostile.
//!
//! ```text
//! frame   tag: u8, length: u32, body
//! sheet   its name
//! rows    each: row: u32, cells: u32, then each cell: column: u16, what: u8, and what it holds
//! end     nothing: everything was read
//! stop    why the rest will not come
//! ```

use std::borrow::Cow;
use std::io::{self, ErrorKind, Read, Write};

use super::super::cell::{Cell, CellError, cell_name};
use super::super::limits::{
    FRAME_BYTES, FRAME_BYTES_MAX, OUTPUT_BYTES_MAX, OUTPUT_ROWS_MAX, READ_COLUMNS_MAX,
    READ_ROWS_MAX, READ_SHEETS_MAX, REASON_BYTES_MAX, ROW_BYTES_MAX,
};
use super::{OutputLimit, Refusal};

const TAG_SHEET: u8 = 1;
const TAG_ROWS: u8 = 2;
const TAG_END: u8 = 3;
const TAG_STOP: u8 = 4;

const CELL_TEXT: u8 = 1;
const CELL_NUMBER: u8 = 2;
const CELL_FALSE: u8 = 3;
const CELL_TRUE: u8 = 4;
const CELL_ERROR: u8 = 5;
const CELL_DATE: u8 = 6;
const CELL_DURATION: u8 = 7;
const CELL_FORMULA: u8 = 8;

const STOP_UNKNOWN: u8 = 1;
const STOP_ENCRYPTED: u8 = 2;
const STOP_DAMAGED: u8 = 3;
const STOP_NOT_UTF8: u8 = 4;
const STOP_SHEETS: u8 = 5;
const STOP_ROWS: u8 = 6;
const STOP_BYTES: u8 = 7;
const STOP_ROW_BYTES: u8 = 8;
const STOP_IO: u8 = 9;

/// Why a child hands over no more.
#[derive(Debug)]
pub(in super::super) enum Stop {
    Refused(Refusal),
    Output(OutputLimit),
    /// The workbook could not be read, or nobody reads the rows.
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The child's end: takes cells in order, and hands over rows.
#[derive(Debug)]
pub(in super::super) struct FrameWriter<W> {
    out: W,
    /// Rows that are gathered.
    body: Vec<u8>,
    row: Option<OpenRow>,
    /// The last row of the sheet.
    last_row: Option<u32>,
    sheets: usize,
    rows: u64,
    bytes: u64,
}

/// The row that is being written.
#[derive(Clone, Copy, Debug)]
struct OpenRow {
    row: u32,
    /// Where it begins in the body.
    at: usize,
    cells: u32,
    last_column: u32,
}

impl<W: Write> FrameWriter<W> {
    pub(in super::super) fn new(out: W) -> Self {
        let body = Vec::with_capacity(2 * FRAME_BYTES);
        Self { out, body, row: None, last_row: None, sheets: 0, rows: 0, bytes: 0 }
    }

    pub(in super::super) fn sheet(&mut self, name: &str) -> Result<(), Stop> {
        self.end_rows()?;
        self.last_row = None;
        self.sheets += 1;
        if self.sheets > READ_SHEETS_MAX {
            return Err(Stop::Output(OutputLimit::Sheets));
        }
        if name.len() > REASON_BYTES_MAX {
            return Err(damaged("a sheet has a name of thousands of characters".to_owned()));
        }
        self.frame(TAG_SHEET, name.as_bytes())
    }

    /// Takes the next cell. Empty ones are left out.
    pub(in super::super) fn cell(
        &mut self,
        row: u32,
        column: u32,
        cell: &Cell<'_>,
    ) -> Result<(), Stop> {
        if matches!(cell, Cell::Empty) {
            return Ok(());
        }
        if row >= READ_ROWS_MAX || column >= READ_COLUMNS_MAX {
            let place = cell_name(row, column);
            return Err(damaged(format!("a cell stands at {place}, where no sheet has one")));
        }
        if self.row.is_none_or(|open| open.row != row) {
            self.begin_row(row)?;
        } else if self.row.is_some_and(|open| open.last_column >= column) {
            let place = cell_name(row, column);
            return Err(damaged(format!("the cell {place} stands behind a later one")));
        }
        self.body.extend_from_slice(&(column as u16).to_le_bytes());
        write_cell(&mut self.body, cell);
        let Some(open) = &mut self.row else { return Ok(()) };
        open.cells += 1;
        open.last_column = column;
        if self.body.len() - open.at > ROW_BYTES_MAX {
            return Err(Stop::Output(OutputLimit::RowBytes { row }));
        }
        Ok(())
    }

    /// Ends the workbook.
    pub(in super::super) fn finish(&mut self) -> Result<(), Stop> {
        self.end_rows()?;
        self.frame(TAG_END, &[])?;
        Ok(self.out.flush()?)
    }

    /// Says why nothing more comes. What was gathered is not worth handing over any more.
    pub(in super::super) fn stop(&mut self, stop: &Stop) -> io::Result<()> {
        let (tag, number, text) = match stop {
            Stop::Refused(Refusal::Unknown) => (STOP_UNKNOWN, 0, ""),
            Stop::Refused(Refusal::Encrypted) => (STOP_ENCRYPTED, 0, ""),
            Stop::Refused(Refusal::Damaged { reason }) => (STOP_DAMAGED, 0, reason.as_str()),
            Stop::Refused(Refusal::NotUtf8 { line }) => (STOP_NOT_UTF8, *line, ""),
            Stop::Output(OutputLimit::Sheets) => (STOP_SHEETS, 0, ""),
            Stop::Output(OutputLimit::Rows) => (STOP_ROWS, 0, ""),
            Stop::Output(OutputLimit::Bytes) => (STOP_BYTES, 0, ""),
            Stop::Output(OutputLimit::RowBytes { row }) => (STOP_ROW_BYTES, u64::from(*row), ""),
            Stop::Io(error) => (STOP_IO, 0, &*error.to_string()),
        };
        let end = text.floor_char_boundary(REASON_BYTES_MAX);
        let mut body = vec![tag];
        body.extend_from_slice(&number.to_le_bytes());
        body.extend_from_slice(&text.as_bytes()[..end]);
        self.out.write_all(&head(TAG_STOP, body.len()))?;
        self.out.write_all(&body)?;
        self.out.flush()
    }

    fn begin_row(&mut self, row: u32) -> Result<(), Stop> {
        self.end_row();
        if self.last_row.is_some_and(|last| last >= row) {
            return Err(damaged(format!("row {} stands behind a later one", row + 1)));
        }
        if self.body.len() >= FRAME_BYTES {
            self.end_rows()?;
        }
        self.rows += 1;
        if self.rows > OUTPUT_ROWS_MAX {
            return Err(Stop::Output(OutputLimit::Rows));
        }
        self.row = Some(OpenRow { row, at: self.body.len(), cells: 0, last_column: 0 });
        self.last_row = Some(row);
        self.body.extend_from_slice(&row.to_le_bytes());
        self.body.extend_from_slice(&[0; 4]);
        Ok(())
    }

    fn end_row(&mut self) {
        if let Some(open) = self.row.take() {
            self.body[open.at + 4..open.at + 8].copy_from_slice(&open.cells.to_le_bytes());
        }
    }

    /// Hands over the rows that are gathered.
    fn end_rows(&mut self) -> Result<(), Stop> {
        self.end_row();
        if self.body.is_empty() {
            return Ok(());
        }
        let body = std::mem::take(&mut self.body);
        self.frame(TAG_ROWS, &body)?;
        self.body = body;
        self.body.clear();
        Ok(())
    }

    fn frame(&mut self, tag: u8, body: &[u8]) -> Result<(), Stop> {
        self.bytes += body.len() as u64;
        if self.bytes > OUTPUT_BYTES_MAX {
            return Err(Stop::Output(OutputLimit::Bytes));
        }
        self.out.write_all(&head(tag, body.len()))?;
        Ok(self.out.write_all(body)?)
    }
}

const HEAD_BYTES: usize = 5;

fn head(tag: u8, length: usize) -> [u8; HEAD_BYTES] {
    let [a, b, c, d] = (length as u32).to_le_bytes();
    [tag, a, b, c, d]
}

fn damaged(reason: String) -> Stop {
    Stop::Refused(Refusal::Damaged { reason })
}

fn write_cell(out: &mut Vec<u8>, cell: &Cell<'_>) {
    let mut text = |what: u8, text: &str| {
        out.push(what);
        out.extend_from_slice(&(text.len() as u32).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    };
    match cell {
        Cell::Text(value) => text(CELL_TEXT, value),
        Cell::Formula(formula) => text(CELL_FORMULA, formula),
        // Empty ones are never written.
        Cell::Empty => text(CELL_TEXT, ""),
        Cell::Number(number) => {
            out.push(CELL_NUMBER);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Cell::Date(days) => {
            out.push(CELL_DATE);
            out.extend_from_slice(&days.to_le_bytes());
        }
        Cell::Duration(days) => {
            out.push(CELL_DURATION);
            out.extend_from_slice(&days.to_le_bytes());
        }
        Cell::Bool(false) => out.push(CELL_FALSE),
        Cell::Bool(true) => out.push(CELL_TRUE),
        Cell::Error(error) => out.extend_from_slice(&[CELL_ERROR, error.code()]),
    }
}

/// One thing that a workbook was found to hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Item<'a> {
    /// A sheet begins. Tables of comma-separated values have one, without a name.
    Sheet(&'a str),
    /// A row of that sheet. Rows come in order; those without anything are left out.
    Row(Row<'a>),
}

/// A row that is not empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    /// The first of a sheet is 0.
    pub row: u32,
    /// What is not empty, by column, in order. The first is 0.
    pub cells: Vec<(u32, Cell<'a>)>,
}

/// Why frames can not be read.
#[derive(Debug)]
pub(in super::super) enum FrameError {
    /// The child said why.
    Stopped(Stop),
    /// It ended in the middle.
    CutOff,
    /// What came is no frame, or more than any child of ours hands over.
    Garbled,
    Io(io::Error),
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::CutOff,
            _ => Self::Io(error),
        }
    }
}

/// The server's end.
#[derive(Debug)]
pub(in super::super) struct FrameReader<R> {
    pub(in super::super) from: R,
    body: Vec<u8>,
    /// How much of the body's rows was given out.
    at: usize,
    rows: u64,
    bytes: u64,
    has_ended: bool,
}

impl<R: Read> FrameReader<R> {
    pub(in super::super) fn new(from: R) -> Self {
        Self { from, body: Vec::new(), at: 0, rows: 0, bytes: 0, has_ended: false }
    }

    /// The next thing; `None` when everything came.
    pub(in super::super) fn next_item(&mut self) -> Result<Option<Item<'_>>, FrameError> {
        while self.at == self.body.len() {
            if self.has_ended {
                return Ok(None);
            }
            match self.frame()? {
                TAG_SHEET => {
                    self.at = self.body.len();
                    let name = std::str::from_utf8(&self.body).map_err(|_| FrameError::Garbled)?;
                    return Ok(Some(Item::Sheet(name)));
                }
                TAG_ROWS => {}
                TAG_END => self.has_ended = true,
                TAG_STOP => {
                    let stop = read_stop(&self.body).ok_or(FrameError::Garbled)?;
                    return Err(FrameError::Stopped(stop));
                }
                _ => return Err(FrameError::Garbled),
            }
        }
        self.rows += 1;
        if self.rows > OUTPUT_ROWS_MAX {
            return Err(FrameError::Garbled);
        }
        let mut fields = Fields(&self.body[self.at..]);
        let row = fields.row().ok_or(FrameError::Garbled)?;
        self.at = self.body.len() - fields.0.len();
        Ok(Some(Item::Row(row)))
    }

    /// Reads a frame, and gives its tag.
    fn frame(&mut self) -> Result<u8, FrameError> {
        let mut head = [0; HEAD_BYTES];
        self.from.read_exact(&mut head)?;
        let [tag, length @ ..] = head;
        let length = u32::from_le_bytes(length) as usize;
        self.bytes += length as u64;
        if length > FRAME_BYTES_MAX || self.bytes > OUTPUT_BYTES_MAX {
            return Err(FrameError::Garbled);
        }
        self.body.resize(length, 0);
        self.from.read_exact(&mut self.body)?;
        self.at = 0;
        Ok(tag)
    }
}

fn read_stop(body: &[u8]) -> Option<Stop> {
    let mut fields = Fields(body);
    let tag = fields.u8()?;
    let number = fields.u64()?;
    let reason = || String::from_utf8_lossy(fields.0).into_owned();
    Some(match tag {
        STOP_UNKNOWN => Stop::Refused(Refusal::Unknown),
        STOP_ENCRYPTED => Stop::Refused(Refusal::Encrypted),
        STOP_DAMAGED => Stop::Refused(Refusal::Damaged { reason: reason() }),
        STOP_NOT_UTF8 => Stop::Refused(Refusal::NotUtf8 { line: number }),
        STOP_SHEETS => Stop::Output(OutputLimit::Sheets),
        STOP_ROWS => Stop::Output(OutputLimit::Rows),
        STOP_BYTES => Stop::Output(OutputLimit::Bytes),
        STOP_ROW_BYTES => Stop::Output(OutputLimit::RowBytes { row: u32::try_from(number).ok()? }),
        STOP_IO => Stop::Io(io::Error::other(reason())),
        _ => return None,
    })
}

/// What is left to be read of a body. Each reads on, or there is not so much left.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn row(&mut self) -> Option<Row<'a>> {
        let row = self.u32()?;
        let count = self.u32()?;
        if row >= READ_ROWS_MAX || count > READ_COLUMNS_MAX {
            return None;
        }
        let mut cells = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let column = u32::from(self.u16()?);
            let is_in_order = cells.last().is_none_or(|(last, _)| *last < column);
            if column >= READ_COLUMNS_MAX || !is_in_order {
                return None;
            }
            cells.push((column, self.cell()?));
        }
        Some(Row { row, cells })
    }

    fn cell(&mut self) -> Option<Cell<'a>> {
        Some(match self.u8()? {
            CELL_TEXT => Cell::text(self.text()?),
            CELL_FORMULA => Cell::Formula(Cow::Borrowed(self.text()?)),
            CELL_NUMBER => Cell::Number(self.f64()?),
            CELL_DATE => Cell::Date(self.f64()?),
            CELL_DURATION => Cell::Duration(self.f64()?),
            CELL_FALSE => Cell::Bool(false),
            CELL_TRUE => Cell::Bool(true),
            CELL_ERROR => Cell::Error(CellError::of_code(self.u8()?)?),
            _ => return None,
        })
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.u32()? as usize;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn f64(&mut self) -> Option<f64> {
        self.array().map(f64::from_le_bytes)
    }
}
