//! One sheet: records before its cells, its cells in blocks of rows, records after them.

use std::io::{self, Write};

use super::super::cell::{Cell, CellError};
use super::super::layout::SheetLayout;
use super::super::marked::{Mark, MarkedCell};
use super::super::style::CellStyle;
use super::record::{
    AUTOFILTERINFO, BLANK, BOOLERR, COLINFO, DBCELL, DEFAULTROWHEIGHT, DEFCOLWIDTH, DIMENSIONS,
    GUTS, HEAD_BYTES, INDEX, LABELSST, NUMBER, PANE, RK, ROW, RecordBuilder, SELECTION, Substream,
    WINDOW2, WSBOOL,
};
use super::style;

/// Number of rows of a block. Excel finds blocks through the INDEX record.
const BLOCK_ROWS: usize = 32;
/// Length of a ROW record, in bytes.
const ROW_BYTES: usize = HEAD_BYTES + 16;

/// In twentieths of a point.
const ROW_HEIGHT: u16 = 0x00FF;
/// Width of a column without a COLINFO record, in characters.
const COLUMN_CHARACTERS: u16 = 8;
/// COLINFO counts widths in this fraction of a character.
const WIDTHS_PER_CHARACTER: u16 = 256;

/// The largest integer that an RK record holds: it has 30 bits.
const RK_MAX: f64 = ((1 << 29) - 1) as f64;

/// A sheet whose cells are written.
#[derive(Debug)]
pub(super) struct FinishedSheet {
    pub(super) name: String,
    /// Position of its cells in the temporary file of cells.
    pub(super) cells_at: u64,
    /// Length of its cells there.
    pub(super) cells_bytes: u64,
    pub(super) layout: SheetLayout,
    pub(super) rows: u32,
    /// Position of the DBCELL record of each block, relative to the first cell.
    blocks: Vec<u32>,
}

/// A sheet whose cells are being written.
#[derive(Debug)]
pub(super) struct OpenSheet {
    name: String,
    cells_at: u64,
    cells_bytes: u64,
    rows: u32,
    blocks: Vec<u32>,
    /// The cell records of the current block.
    block: Vec<u8>,
    /// The finished rows of the current block.
    block_rows: Vec<BlockRow>,
    current_row: BlockRow,
}

/// A row of a block.
#[derive(Clone, Copy, Debug, Default)]
struct BlockRow {
    /// Position of its first cell record in the block.
    at: u32,
    /// Its first column, and the column after its last.
    columns: (u16, u16),
}

/// The value of a cell record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// Index of a text in the table of texts.
    Text(u32),
    Number(f64),
    Bool(bool),
    Error(CellError),
    Blank,
}

impl OpenSheet {
    /// Begins a sheet whose cells go to this position of the temporary file of cells.
    pub(super) fn new(name: &str, cells_at: u64) -> Self {
        Self {
            name: name.to_owned(),
            cells_at,
            cells_bytes: 0,
            rows: 0,
            blocks: Vec::new(),
            block: Vec::new(),
            block_rows: Vec::new(),
            current_row: BlockRow::default(),
        }
    }

    /// Adds a cell to the current row. `style` is the index of its XF record.
    pub(super) fn add_cell(&mut self, column: u16, style: u16, content: Content) {
        let (first, end) = &mut self.current_row.columns;
        if *end == 0 {
            *first = column;
        }
        *end = column + 1;
        let row = self.rows as u16;
        let out = &mut self.block;
        let mut begin = |record: u16, value_bytes: u16| {
            let fields = [
                record.to_le_bytes(),
                (6 + value_bytes).to_le_bytes(),
                row.to_le_bytes(),
                column.to_le_bytes(),
                style.to_le_bytes(),
            ];
            out.extend_from_slice(fields.as_flattened());
        };
        match content {
            Content::Text(index) => {
                begin(LABELSST, 4);
                out.extend_from_slice(&index.to_le_bytes());
            }
            Content::Number(number) => match rk(number) {
                Some(rk) => {
                    begin(RK, 4);
                    out.extend_from_slice(&rk.to_le_bytes());
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
                out.extend_from_slice(&[error.biff_code(), 1]);
            }
            Content::Blank => begin(BLANK, 0),
        }
    }

    /// Ends the current row. Writes the block if it is full.
    pub(super) fn end_row(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.block_rows.push(self.current_row);
        self.rows += 1;
        if self.block_rows.len() == BLOCK_ROWS {
            self.end_block(out)?;
        }
        self.current_row = BlockRow { at: self.block.len() as u32, columns: (0, 0) };
        Ok(())
    }

    /// Writes the current block: its ROW records, its cells, and a DBCELL record with their
    /// positions.
    fn end_block(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.block_rows.is_empty() {
            return Ok(());
        }
        let mut rows = RecordBuilder::default();
        let rows_bytes = self.block_rows.len() * ROW_BYTES;
        // The first offset runs from the end of the first ROW record to the first cell. Each
        // further offset runs from the first cell of the previous row to the first cell of its own row.
        let mut previous_at = 0;
        let mut offsets = RecordBuilder::default().u32((rows_bytes + self.block.len()) as u32);
        let first_row = self.rows - self.block_rows.len() as u32;
        // Style of the cells of the row that have no record.
        let style = u32::from(style::index(CellStyle::General, Mark::None));
        for (number, row) in (first_row..).zip(&self.block_rows) {
            let (first, end) = row.columns;
            let body =
                RecordBuilder::default().u16(number as u16).u16(first).u16(end).u16(ROW_HEIGHT);
            rows = rows.record(ROW, body.u16(0).u16(0).u32(0x0100 | style << 16));
            let from = if number == first_row { rows_bytes - ROW_BYTES } else { 0 };
            offsets = offsets.u16((from + (row.at - previous_at) as usize) as u16);
            previous_at = row.at;
        }
        out.write_all(&rows.0)?;
        out.write_all(&self.block)?;
        self.cells_bytes += (rows_bytes + self.block.len()) as u64;
        self.blocks.push(self.cells_bytes as u32);
        let offsets = RecordBuilder::default().record(DBCELL, offsets);
        out.write_all(&offsets.0)?;
        self.cells_bytes += offsets.0.len() as u64;
        self.block.clear();
        self.block_rows.clear();
        Ok(())
    }

    /// Current end of the cells in the temporary file of cells.
    pub(super) fn cells_end(&self) -> u64 {
        self.cells_at + self.cells_bytes
    }

    /// Writes the last block and ends the sheet.
    pub(super) fn finish(
        mut self,
        layout: SheetLayout,
        out: &mut impl Write,
    ) -> io::Result<FinishedSheet> {
        self.end_block(out)?;
        Ok(FinishedSheet {
            name: self.name,
            cells_at: self.cells_at,
            cells_bytes: self.cells_bytes,
            layout,
            rows: self.rows,
            blocks: self.blocks,
        })
    }
}

/// Returns the 30-bit form of a number. `None` if it has a fraction, is too large, or is -0.
fn rk(number: f64) -> Option<u32> {
    let fits = number.fract() == 0.0
        && number.abs() <= RK_MAX
        && (number != 0.0 || number.is_sign_positive());
    fits.then(|| (number as i32).cast_unsigned() << 2 | 2)
}

impl FinishedSheet {
    /// The records before the cells, for a sheet that begins at `at` in the stream.
    pub(super) fn before_cells(&self, at: u64) -> RecordBuilder {
        // Their length does not depend on the positions that they hold.
        let bytes = self.before_cells_at(0, 0).0.len() as u64;
        self.before_cells_at(at, at + bytes)
    }

    fn before_cells_at(&self, at: u64, cells_at: u64) -> RecordBuilder {
        let columns = self.layout.column_widths.len() as u16;
        let before = RecordBuilder::default().begin(Substream::Sheet);
        let index_bytes = HEAD_BYTES + 16 + 4 * self.blocks.len();
        let middle = RecordBuilder::default()
            .record(GUTS, RecordBuilder::default().u32(0).u32(0))
            .record(DEFAULTROWHEIGHT, RecordBuilder::default().u16(0).u16(ROW_HEIGHT))
            .record(WSBOOL, RecordBuilder::default().u16(0x04C1));
        let widths_at = at + (before.0.len() + index_bytes + middle.0.len()) as u64;
        let index = RecordBuilder::default().u32(0).u32(0).u32(self.rows).u32(widths_at as u32);
        let index = self
            .blocks
            .iter()
            .fold(index, |index, block| index.u32((cells_at + u64::from(*block)) as u32));
        let before = before.record(INDEX, index).bytes(&middle.0);
        let before = before.record(DEFCOLWIDTH, RecordBuilder::default().u16(COLUMN_CHARACTERS));
        // What a person types into an empty cell of the column stays a text.
        let style = style::index(CellStyle::Text, Mark::None);
        let widths = (0..).zip(&self.layout.column_widths);
        let before = widths.fold(before, |before, (column, width)| {
            let width = WIDTHS_PER_CHARACTER * *width as u16;
            let body = RecordBuilder::default().u16(column).u16(column).u16(width);
            before.record(COLINFO, body.u16(style).u16(0).u16(0))
        });
        let before = match self.layout.header_columns {
            0 => before,
            columns => before.record(AUTOFILTERINFO, RecordBuilder::default().u16(columns as u16)),
        };
        let size = RecordBuilder::default().u32(0).u32(self.rows).u16(0).u16(columns).u16(0);
        before.record(DIMENSIONS, size)
    }

    /// The records after the cells of the sheet with this number, from 1.
    pub(super) fn after_cells(number: u32) -> RecordBuilder {
        /// WINDOW2: grid, row and column headings, and zeros shown; panes frozen, not split.
        const SHOWN: u16 = 0x01BE;
        /// WINDOW2: the sheet is selected and active.
        const SELECTED: u16 = 0x0600;
        let options = if number == 1 { SHOWN | SELECTED } else { SHOWN };
        let window =
            RecordBuilder::default().u16(options).u16(0).u16(0).u32(0x40).u16(0).u16(0).u32(0);
        // One row in the upper pane, no column in the left one; the lower pane is active.
        let pane = RecordBuilder::default().u16(0).u16(1).u16(1).u16(0).u16(2);
        let cell =
            RecordBuilder::default().u8(2).u16(1).u16(0).u16(0).u16(1).u16(1).u16(1).u8(0).u8(0);
        RecordBuilder::default()
            .record(WINDOW2, window)
            .record(PANE, pane)
            .record(SELECTION, cell)
            .end()
    }
}

/// Returns the value of a cell's record. `None` if the cell needs no record. `string_index` adds a
/// text to the table of texts and returns its index.
pub(super) fn content<E>(
    cell: &MarkedCell<'_>,
    string_index: impl FnOnce(&str) -> Result<u32, E>,
) -> Result<Option<Content>, E> {
    Ok(Some(match &cell.cell {
        Cell::Empty => match cell.mark {
            Mark::None => return Ok(None),
            Mark::Invalid => Content::Blank,
        },
        Cell::Text(text) => Content::Text(string_index(text)?),
        Cell::Formula(formula) => Content::Text(string_index(&format!("={formula}"))?),
        // Excel has no infinity and no NaN.
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
