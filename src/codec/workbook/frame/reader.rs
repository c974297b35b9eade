//! The reader in the server: converts frames to sheets and rows.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Read};

use super::super::cell::{Cell, CellError};
use super::super::foreign_file::ForeignFile;
use super::super::limits::{
    FRAME_BYTES_MAX, MERGED_RANGES_MAX, OUTPUT_BYTES_MAX, OUTPUT_ROWS_MAX, READ_COLUMNS_MAX,
    READ_ROWS_MAX, READ_SHEETS_MAX, REASON_BYTES_MAX, ROW_BYTES_MAX,
};
use super::super::refusal::{OutputLimit, Refusal};
use super::{
    CELL_DATE, CELL_DURATION, CELL_ERROR, CELL_FALSE, CELL_FORMULA, CELL_NUMBER, CELL_SHOWN,
    CELL_SUM, CELL_TEXT, CELL_TRUE, HEAD_BYTES, Item, MERGED_BYTES, MergedRange, Row, STOP_BYTES,
    STOP_CODE_PAGE, STOP_CUT_OFF, STOP_DAMAGED, STOP_EMPTY, STOP_ENCRYPTED, STOP_FOREIGN, STOP_IO,
    STOP_NOT_UTF8, STOP_OPEN_QUOTE, STOP_ROW_BYTES, STOP_ROWS, STOP_SHEETS, STOP_UNKNOWN, Stop,
    TAG_END, TAG_MERGED, TAG_ROWS, TAG_SHEET, TAG_STOP,
};

/// The reason why reading ended.
#[derive(Debug)]
pub(in super::super) enum FrameError {
    /// The child process reported an error.
    Stopped(Stop),
    /// The frames end without an end or a stop frame.
    CutOff,
    /// The bytes are not a frame, or exceed the limits that the child keeps itself.
    Invalid,
    Io(io::Error),
}

impl FrameError {
    fn of_read(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::CutOff,
            _ => Self::Io(error),
        }
    }
}

/// Reads sheets and rows from frames.
#[derive(Debug)]
pub(in super::super) struct FrameReader<R> {
    from: R,
    body: Vec<u8>,
    /// Position of the next row in the body.
    at: usize,
    sheets: usize,
    /// The last row of the current sheet.
    last_row: Option<u32>,
    rows: u64,
    bytes: u64,
    has_ended: bool,
}

impl<R: Read> FrameReader<R> {
    pub(in super::super) fn new(from: R) -> Self {
        Self {
            from,
            body: Vec::new(),
            at: 0,
            sheets: 0,
            last_row: None,
            rows: 0,
            bytes: 0,
            has_ended: false,
        }
    }

    /// Reads the next sheet or row. `None` after the end frame.
    pub(in super::super) fn next_item(&mut self) -> Result<Option<Item<'_>>, FrameError> {
        while self.at == self.body.len() {
            if self.has_ended {
                return Ok(None);
            }
            match self.frame()? {
                TAG_SHEET => {
                    self.at = self.body.len();
                    self.sheets += 1;
                    self.last_row = None;
                    if self.sheets > READ_SHEETS_MAX || self.body.len() > REASON_BYTES_MAX {
                        return Err(FrameError::Invalid);
                    }
                    let name = std::str::from_utf8(&self.body).map_err(|_| FrameError::Invalid)?;
                    return Ok(Some(Item::Sheet(name)));
                }
                TAG_ROWS => {}
                TAG_MERGED => {
                    self.at = self.body.len();
                    let ranges = read_merged(&self.body).ok_or(FrameError::Invalid)?;
                    return Ok(Some(Item::Merged(ranges)));
                }
                TAG_END => self.has_ended = true,
                TAG_STOP => {
                    let stop = read_stop(&self.body).ok_or(FrameError::Invalid)?;
                    return Err(FrameError::Stopped(stop));
                }
                _ => return Err(FrameError::Invalid),
            }
        }
        self.rows += 1;
        if self.rows > OUTPUT_ROWS_MAX {
            return Err(FrameError::Invalid);
        }
        let mut fields = Fields(&self.body[self.at..]);
        let row = fields.row().ok_or(FrameError::Invalid)?;
        let start = self.at;
        self.at = self.body.len() - fields.0.len();
        let is_in_order = self.last_row.is_none_or(|last| last < row.row);
        if !is_in_order || self.at - start > ROW_BYTES_MAX {
            return Err(FrameError::Invalid);
        }
        self.last_row = Some(row.row);
        Ok(Some(Item::Row(row)))
    }

    /// Reads the next frame into the body, and returns its tag.
    fn frame(&mut self) -> Result<u8, FrameError> {
        let mut head = [0; HEAD_BYTES];
        self.from.read_exact(&mut head).map_err(FrameError::of_read)?;
        let [tag, length @ ..] = head;
        let length = u32::from_le_bytes(length) as usize;
        self.bytes += length as u64;
        if length > FRAME_BYTES_MAX || self.bytes > OUTPUT_BYTES_MAX {
            return Err(FrameError::Invalid);
        }
        self.body.resize(length, 0);
        self.from.read_exact(&mut self.body).map_err(FrameError::of_read)?;
        self.at = 0;
        Ok(tag)
    }
}

/// Reads the ranges of merged cells. `None` if they are not valid.
fn read_merged(body: &[u8]) -> Option<Vec<MergedRange>> {
    let count = body.len() / MERGED_BYTES;
    if count > MERGED_RANGES_MAX || count * MERGED_BYTES != body.len() {
        return None;
    }
    let mut fields = Fields(body);
    let mut ranges = Vec::with_capacity(count);
    for _ in 0..count {
        let rows = (fields.u32()?, fields.u32()?);
        let columns = (u32::from(fields.u16()?), u32::from(fields.u16()?));
        let is_ordered = rows.0 <= rows.1 && columns.0 <= columns.1;
        if !is_ordered || rows.1 >= READ_ROWS_MAX || columns.1 >= READ_COLUMNS_MAX {
            return None;
        }
        ranges.push(MergedRange { rows, columns });
    }
    ranges.is_sorted().then_some(ranges)
}

fn read_stop(body: &[u8]) -> Option<Stop> {
    let mut fields = Fields(body);
    let tag = fields.u8()?;
    let number = fields.u64()?;
    let reason = || String::from_utf8_lossy(fields.0).into_owned();
    Some(match tag {
        STOP_EMPTY => Stop::Refused(Refusal::Empty),
        STOP_UNKNOWN => Stop::Refused(Refusal::Unknown),
        STOP_ENCRYPTED => Stop::Refused(Refusal::Encrypted),
        STOP_DAMAGED => Stop::Refused(Refusal::Damaged { reason: reason() }),
        STOP_NOT_UTF8 => Stop::Refused(Refusal::NotUtf8 { line: number }),
        STOP_OPEN_QUOTE => Stop::Refused(Refusal::OpenQuote { line: number }),
        STOP_CODE_PAGE => Stop::Refused(Refusal::CodePage { number: u16::try_from(number).ok()? }),
        STOP_CUT_OFF => Stop::Refused(Refusal::CutOff),
        STOP_FOREIGN => {
            let format = ForeignFile::ALL.get(usize::try_from(number).ok()?)?;
            Stop::Refused(Refusal::Foreign(*format))
        }
        STOP_SHEETS => Stop::Output(OutputLimit::Sheets),
        STOP_ROWS => Stop::Output(OutputLimit::Rows),
        STOP_BYTES => Stop::Output(OutputLimit::Bytes),
        STOP_ROW_BYTES => Stop::Output(OutputLimit::RowBytes { row: u32::try_from(number).ok()? }),
        STOP_IO => Stop::Io(io::Error::other(reason())),
        _ => return None,
    })
}

/// The rest of a body. Each method reads a field from its beginning, and returns `None` if the rest
/// is too short or not valid.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn row(&mut self) -> Option<Row<'a>> {
        let row = self.u32()?;
        let count = self.u32()?;
        if row >= READ_ROWS_MAX || count > READ_COLUMNS_MAX {
            return None;
        }
        let mut cells = Vec::with_capacity(count as usize);
        let mut sums = Vec::new();
        let mut shown = Vec::new();
        for _ in 0..count {
            let column = u32::from(self.u16()?);
            let is_in_order = cells.last().is_none_or(|(last, _)| *last < column);
            if column >= READ_COLUMNS_MAX || !is_in_order {
                return None;
            }
            let kind = self.u8()?;
            if kind & CELL_SUM != 0 {
                sums.push(column);
            }
            if kind & CELL_SHOWN != 0 {
                shown.push(column);
            }
            cells.push((column, self.cell(kind & !(CELL_SUM | CELL_SHOWN))?));
        }
        Some(Row { row, cells, sums, shown })
    }

    fn cell(&mut self, kind: u8) -> Option<Cell<'a>> {
        Some(match kind {
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
