//! The writer in the child: converts cells to frames.

use std::io::{self, Write};

use super::super::cell::{Cell, cell_name};
use super::super::foreign_file::ForeignFile;
use super::super::limits::{
    FRAME_BYTES, MERGED_RANGES_MAX, OUTPUT_BYTES_MAX, OUTPUT_ROWS_MAX, READ_COLUMNS_MAX,
    READ_ROWS_MAX, READ_SHEETS_MAX, REASON_BYTES_MAX, ROW_BYTES_MAX,
};
use super::super::refusal::{OutputLimit, Refusal};
use super::{
    CELL_DATE, CELL_DURATION, CELL_ERROR, CELL_FALSE, CELL_FORMULA, CELL_NUMBER, CELL_SHOWN,
    CELL_SUM, CELL_TEXT, CELL_TRUE, HEAD_BYTES, MERGED_BYTES, MergedRange, STOP_BYTES,
    STOP_CODE_PAGE, STOP_CUT_OFF, STOP_DAMAGED, STOP_EMPTY, STOP_ENCRYPTED, STOP_FOREIGN, STOP_IO,
    STOP_NOT_UTF8, STOP_OPEN_QUOTE, STOP_ROW_BYTES, STOP_ROWS, STOP_SHEETS, STOP_UNKNOWN, Stop,
    TAG_END, TAG_MERGED, TAG_ROWS, TAG_SHEET, TAG_STOP,
};

/// Writes sheets and cells as frames. The caller passes them in order.
#[derive(Debug)]
pub(in super::super) struct FrameWriter<W> {
    out: W,
    /// Body of the next frame of rows.
    body: Vec<u8>,
    row: Option<OpenRow>,
    /// The number of the last row of the sheet.
    last_row: Option<u32>,
    sheets: usize,
    rows: u64,
    bytes: u64,
}

/// The row that is being written.
#[derive(Clone, Copy, Debug)]
struct OpenRow {
    row: u32,
    /// Its position in the body.
    at: usize,
    cells: u32,
    last_column: u32,
}

impl<W: Write> FrameWriter<W> {
    /// Begins a workbook.
    pub(in super::super) fn new(out: W) -> Self {
        let body = Vec::with_capacity(2 * FRAME_BYTES);
        Self { out, body, row: None, last_row: None, sheets: 0, rows: 0, bytes: 0 }
    }

    /// Begins a sheet.
    pub(in super::super) fn sheet(&mut self, name: &str) -> Result<(), Stop> {
        self.end_rows()?;
        self.last_row = None;
        self.sheets += 1;
        if self.sheets > READ_SHEETS_MAX {
            return Err(Stop::Output(OutputLimit::Sheets));
        }
        if name.len() > REASON_BYTES_MAX {
            return Err(damaged(format!(
                "the name of a sheet has more than {REASON_BYTES_MAX} bytes"
            )));
        }
        self.frame(TAG_SHEET, name.as_bytes())
    }

    /// Writes the ranges of merged cells of the sheet, before its first cell. Ranges of one cell and
    /// ranges outside of every possible sheet are left out.
    pub(in super::super) fn merged(
        &mut self,
        ranges: impl IntoIterator<Item = MergedRange>,
    ) -> Result<(), Stop> {
        let is_valid = |range: &MergedRange| {
            let MergedRange { rows, columns } = range;
            let is_ordered = rows.0 <= rows.1 && columns.0 <= columns.1;
            let is_possible = rows.1 < READ_ROWS_MAX && columns.1 < READ_COLUMNS_MAX;
            is_ordered && is_possible && (rows.0 < rows.1 || columns.0 < columns.1)
        };
        let mut ranges: Vec<_> = ranges.into_iter().filter(is_valid).collect();
        if ranges.is_empty() {
            return Ok(());
        }
        if ranges.len() > MERGED_RANGES_MAX {
            return Err(damaged(format!(
                "a sheet has more than {MERGED_RANGES_MAX} ranges of merged cells"
            )));
        }
        ranges.sort_unstable();
        let mut body = Vec::with_capacity(ranges.len() * MERGED_BYTES);
        for MergedRange { rows, columns } in ranges {
            body.extend_from_slice(&rows.0.to_le_bytes());
            body.extend_from_slice(&rows.1.to_le_bytes());
            body.extend_from_slice(&(columns.0 as u16).to_le_bytes());
            body.extend_from_slice(&(columns.1 as u16).to_le_bytes());
        }
        self.frame(TAG_MERGED, &body)
    }

    /// Writes the next cell, unless it is empty.
    pub(in super::super) fn cell(
        &mut self,
        row: u32,
        column: u32,
        cell: &Cell<'_>,
    ) -> Result<(), Stop> {
        self.put(row, column, cell, 0)
    }

    /// Writes the next cell, whose formula adds up the cells above, unless it is empty.
    pub(in super::super) fn sum(
        &mut self,
        row: u32,
        column: u32,
        cell: &Cell<'_>,
    ) -> Result<(), Stop> {
        self.put(row, column, cell, CELL_SUM)
    }

    /// Writes the next cell, whose text is what the format of a number shows.
    pub(in super::super) fn shown(
        &mut self,
        row: u32,
        column: u32,
        cell: &Cell<'_>,
    ) -> Result<(), Stop> {
        self.put(row, column, cell, CELL_SHOWN)
    }

    /// Writes a cell. `flag` is added to its kind.
    fn put(&mut self, row: u32, column: u32, cell: &Cell<'_>, flag: u8) -> Result<(), Stop> {
        if matches!(cell, Cell::Empty) {
            return Ok(());
        }
        if row >= READ_ROWS_MAX || column >= READ_COLUMNS_MAX {
            let address = cell_name(row, column);
            return Err(damaged(format!("cell {address} is outside of every possible sheet")));
        }
        if self.row.is_none_or(|open| open.row != row) {
            self.begin_row(row)?;
        } else if self.row.is_some_and(|open| open.last_column >= column) {
            let address = cell_name(row, column);
            return Err(damaged(format!("cell {address} comes after a later cell of its row")));
        }
        self.body.extend_from_slice(&(column as u16).to_le_bytes());
        let kind_at = self.body.len();
        write_cell(&mut self.body, cell);
        self.body[kind_at] |= flag;
        let Some(open) = &mut self.row else { return Ok(()) };
        open.cells += 1;
        open.last_column = column;
        if self.body.len() - open.at > ROW_BYTES_MAX {
            return Err(Stop::Output(OutputLimit::RowBytes { row }));
        }
        Ok(())
    }

    /// Writes the end of the workbook.
    pub(in super::super) fn finish(&mut self) -> Result<(), Stop> {
        self.end_rows()?;
        self.frame(TAG_END, &[])?;
        self.out.flush().map_err(Stop::Io)
    }

    /// Writes a stop frame with the reason. Drops the rows of the current frame.
    pub(in super::super) fn stop(&mut self, stop: &Stop) -> io::Result<()> {
        let (tag, number, text) = match stop {
            Stop::Refused(Refusal::Empty) => (STOP_EMPTY, 0, ""),
            Stop::Refused(Refusal::Unknown) => (STOP_UNKNOWN, 0, ""),
            Stop::Refused(Refusal::Encrypted) => (STOP_ENCRYPTED, 0, ""),
            Stop::Refused(Refusal::Damaged { reason }) => (STOP_DAMAGED, 0, reason.as_str()),
            Stop::Refused(Refusal::NotUtf8 { line }) => (STOP_NOT_UTF8, *line, ""),
            Stop::Refused(Refusal::OpenQuote { line }) => (STOP_OPEN_QUOTE, *line, ""),
            Stop::Refused(Refusal::CodePage { number }) => (STOP_CODE_PAGE, u64::from(*number), ""),
            Stop::Refused(Refusal::CutOff) => (STOP_CUT_OFF, 0, ""),
            Stop::Refused(Refusal::Foreign(format)) => {
                let at = ForeignFile::ALL.iter().position(|known| known == format);
                (STOP_FOREIGN, at.unwrap_or_default() as u64, "")
            }
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
            return Err(damaged(format!("row {} comes after a later row", row + 1)));
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

    /// Writes the collected rows as a frame.
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
        self.out.write_all(&head(tag, body.len())).map_err(Stop::Io)?;
        self.out.write_all(body).map_err(Stop::Io)
    }
}

fn head(tag: u8, length: usize) -> [u8; HEAD_BYTES] {
    let [a, b, c, d] = (length as u32).to_le_bytes();
    [tag, a, b, c, d]
}

fn damaged(reason: String) -> Stop {
    Stop::Refused(Refusal::Damaged { reason })
}

fn write_cell(out: &mut Vec<u8>, cell: &Cell<'_>) {
    let mut text = |kind: u8, text: &str| {
        out.push(kind);
        out.extend_from_slice(&(text.len() as u32).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    };
    match cell {
        Cell::Text(value) => text(CELL_TEXT, value),
        Cell::Formula(formula) => text(CELL_FORMULA, formula),
        // The caller leaves out empty cells.
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
