//! One sheet: what stands before its cells, the cells in blocks of rows, what stands behind.

use std::io::{self, Write};

use super::super::cell::{Cell, CellError};
use super::super::look::CellLook;
use super::super::write;
use super::buttons;
use super::look;
use super::record::{
    AUTOFILTERINFO, BLANK, BOOLERR, Bytes, COLINFO, DBCELL, DEFAULTROWHEIGHT, DEFCOLWIDTH,
    DIMENSIONS, GUTS, HEAD_BYTES, INDEX, LABELSST, NUMBER, PANE, RK, ROW, SELECTION, Substream,
    WINDOW2, WSBOOL,
};

/// Rows of a block, which Excel finds through the sheet's index.
const BLOCK_ROWS: usize = 32;
const ROW_BYTES: usize = HEAD_BYTES + 16;

/// A twentieth of a point.
const ROW_HEIGHT: u16 = 0x00FF;
/// Characters, of a column about which nothing is said.
const COLUMN_CHARACTERS: u16 = 8;

/// Numbers that fit in 30 bits are written short.
const SHORT_MAX: f64 = ((1 << 29) - 1) as f64;

/// A sheet whose cells are written.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) name: String,
    /// Where its cells begin in the file of cells, and how long they are.
    pub(super) cells_at: u64,
    pub(super) cells_bytes: u64,
    pub(super) look: write::Look,
    pub(super) rows: u32,
    /// The end of each block, from where the cells begin.
    blocks: Vec<u32>,
}

/// A sheet whose cells are being written.
#[derive(Debug)]
pub(super) struct Cells {
    name: String,
    cells_at: u64,
    cells_bytes: u64,
    rows: u32,
    blocks: Vec<u32>,
    /// The records of a block's cells.
    block: Vec<u8>,
    block_rows: Vec<BlockRow>,
    /// The row that is being written.
    row: BlockRow,
}

#[derive(Clone, Copy, Debug, Default)]
struct BlockRow {
    /// Where its first cell stands in the block.
    at: u32,
    /// Its first column, and the one behind its last.
    columns: (u16, u16),
}

/// What a cell's record says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// The number of a text.
    Text(u32),
    Number(f64),
    Bool(bool),
    Error(CellError),
    Blank,
}

impl Cells {
    pub(super) fn new(name: &str, cells_at: u64) -> Self {
        Self {
            name: name.to_owned(),
            cells_at,
            cells_bytes: 0,
            rows: 0,
            blocks: Vec::new(),
            block: Vec::new(),
            block_rows: Vec::new(),
            row: BlockRow::default(),
        }
    }

    /// Adds a cell to the row, with the number of its look.
    pub(super) fn add(&mut self, column: u16, look: u16, content: Content) {
        let (first, end) = &mut self.row.columns;
        if *end == 0 {
            *first = column;
        }
        *end = column + 1;
        let row = self.rows as u16;
        let out = &mut self.block;
        let mut begin = |number: u16, bytes: u16| {
            for field in [number, 6 + bytes, row, column, look] {
                out.extend_from_slice(&field.to_le_bytes());
            }
        };
        match content {
            Content::Text(text) => {
                begin(LABELSST, 4);
                out.extend_from_slice(&text.to_le_bytes());
            }
            Content::Number(number) => match short(number) {
                Some(short) => {
                    begin(RK, 4);
                    out.extend_from_slice(&short.to_le_bytes());
                }
                None => {
                    begin(NUMBER, 8);
                    out.extend_from_slice(&number.to_le_bytes());
                }
            },
            Content::Bool(value) => {
                begin(BOOLERR, 2);
                out.extend_from_slice(&[u8::from(value), 0]);
            }
            Content::Error(error) => {
                begin(BOOLERR, 2);
                out.extend_from_slice(&[error.code(), 1]);
            }
            Content::Blank => begin(BLANK, 0),
        }
    }

    /// Ends the row, and with it perhaps its block.
    pub(super) fn end_row(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.block_rows.push(self.row);
        self.rows += 1;
        if self.block_rows.len() == BLOCK_ROWS {
            self.end_block(out)?;
        }
        self.row = BlockRow { at: self.block.len() as u32, columns: (0, 0) };
        Ok(())
    }

    /// Writes a block: what is said of its rows, their cells, where those are found.
    fn end_block(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.block_rows.is_empty() {
            return Ok(());
        }
        let mut rows = Bytes::default();
        let rows_bytes = self.block_rows.len() * ROW_BYTES;
        // From the end of the first row's record to the first cell, then from row to row.
        let mut last = 0;
        let mut places = Bytes::default().u32((rows_bytes + self.block.len()) as u32);
        let first_row = self.rows - self.block_rows.len() as u32;
        for (number, row) in (first_row..).zip(&self.block_rows) {
            let (first, end) = row.columns;
            let body = Bytes::default().u16(number as u16).u16(first).u16(end).u16(ROW_HEIGHT);
            // Cells that are not there look as cells do.
            let look = u32::from(look::number(CellLook::General, write::Mark::None));
            rows = rows.record(ROW, body.u16(0).u16(0).u32(0x0100 | look << 16));
            let from = if number == first_row { rows_bytes - ROW_BYTES } else { 0 };
            places = places.u16((from + (row.at - last) as usize) as u16);
            last = row.at;
        }
        out.write_all(&rows.0)?;
        out.write_all(&self.block)?;
        self.cells_bytes += (rows_bytes + self.block.len()) as u64;
        self.blocks.push(self.cells_bytes as u32);
        let places = Bytes::default().record(DBCELL, places);
        out.write_all(&places.0)?;
        self.cells_bytes += places.0.len() as u64;
        self.block.clear();
        self.block_rows.clear();
        Ok(())
    }

    /// Where the cells end in the file of cells, as yet.
    pub(super) fn end(&self) -> u64 {
        self.cells_at + self.cells_bytes
    }

    pub(super) fn finish(mut self, look: write::Look, out: &mut impl Write) -> io::Result<Sheet> {
        self.end_block(out)?;
        Ok(Sheet {
            name: self.name,
            cells_at: self.cells_at,
            cells_bytes: self.cells_bytes,
            look,
            rows: self.rows,
            blocks: self.blocks,
        })
    }
}

/// A number in 30 bits, where it is whole and fits.
fn short(number: f64) -> Option<u32> {
    let is_short = number.fract() == 0.0
        && number.abs() <= SHORT_MAX
        && (number != 0.0 || number.is_sign_positive());
    is_short.then(|| (number as i32).cast_unsigned() << 2 | 2)
}

impl Sheet {
    /// What stands before the cells, for a sheet that begins at `at` in the stream.
    pub(super) fn before(&self, at: u64) -> Bytes {
        // What stands before them is as long wherever the sheet stands.
        let bytes = self.before_cells(0, 0).0.len() as u64;
        self.before_cells(at, at + bytes)
    }

    fn before_cells(&self, at: u64, cells_at: u64) -> Bytes {
        let columns = self.look.widths.len() as u16;
        let before = Bytes::default().begin(Substream::Sheet);
        let index_bytes = HEAD_BYTES + 16 + 4 * self.blocks.len();
        let middle = Bytes::default()
            .record(GUTS, Bytes::default().u32(0).u32(0))
            .record(DEFAULTROWHEIGHT, Bytes::default().u16(0).u16(ROW_HEIGHT))
            .record(WSBOOL, Bytes::default().u16(0x04C1));
        let widths_at = at + (before.0.len() + index_bytes + middle.0.len()) as u64;
        let index = Bytes::default().u32(0).u32(0).u32(self.rows).u32(widths_at as u32);
        let index = self
            .blocks
            .iter()
            .fold(index, |index, block| index.u32((cells_at + u64::from(*block)) as u32));
        let before = before.record(INDEX, index).bytes(&middle.0);
        let before = before.record(DEFCOLWIDTH, Bytes::default().u16(COLUMN_CHARACTERS));
        let before = (0..).zip(&self.look.widths).fold(before, |before, (column, width)| {
            // What is typed into an empty cell stays a text, too.
            let look = look::number(CellLook::Text, write::Mark::None);
            let body = Bytes::default().u16(column).u16(column).u16(256 * *width as u16);
            before.record(COLINFO, body.u16(look).u16(0).u16(0))
        });
        let before = match self.look.header_columns {
            0 => before,
            columns => before.record(AUTOFILTERINFO, Bytes::default().u16(columns as u16)),
        };
        let size = Bytes::default().u32(0).u32(self.rows).u16(0).u16(columns).u16(0);
        before.record(DIMENSIONS, size)
    }

    /// What stands behind the cells of the sheet, which is the `number`th from 1.
    pub(super) fn behind(&self, number: u32) -> Bytes {
        /// Grid, names of rows and columns, zeros shown; frozen, not split.
        const SHOWN: u16 = 0x01BE;
        /// The sheet that is seen when the workbook is opened.
        const CHOSEN: u16 = 0x0600;
        let shown = if number == 1 { SHOWN | CHOSEN } else { SHOWN };
        let window = Bytes::default().u16(shown).u16(0).u16(0).u32(0x40).u16(0).u16(0).u32(0);
        // One row above, none beside; the part below is where one is.
        let pane = Bytes::default().u16(0).u16(1).u16(1).u16(0).u16(2);
        let cell = Bytes::default().u8(2).u16(1).u16(0).u16(0).u16(1).u16(1).u16(1).u8(0).u8(0);
        buttons::buttons(number, self.look.header_columns)
            .record(WINDOW2, window)
            .record(PANE, pane)
            .record(SELECTION, cell)
            .end()
    }
}

/// What the record of a cell says. Texts are given by the table.
pub(super) fn content<E>(
    cell: &Cell<'_>,
    mark: write::Mark,
    number_of_text: impl FnOnce(&str) -> Result<u32, E>,
) -> Result<Option<Content>, E> {
    Ok(Some(match cell {
        Cell::Empty => match mark {
            write::Mark::None => return Ok(None),
            write::Mark::Wrong => Content::Blank,
        },
        Cell::Text(text) => Content::Text(number_of_text(text)?),
        Cell::Formula(formula) => Content::Text(number_of_text(&format!("={formula}"))?),
        // What is no number to Excel can not stand where one does.
        Cell::Number(number) | Cell::Date(number) | Cell::Duration(number)
            if !number.is_finite() =>
        {
            Content::Error(CellError::Number)
        }
        Cell::Number(number) | Cell::Date(number) | Cell::Duration(number) => {
            Content::Number(*number)
        }
        Cell::Bool(value) => Content::Bool(*value),
        Cell::Error(error) => Content::Error(*error),
    }))
}
