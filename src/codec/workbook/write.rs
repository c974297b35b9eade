//! A workbook that is being written, whatever its format.
//!
//! Both formats get the same look: a bold header that stays in view, a filter on it, columns as
//! wide as what stands in them, and cells that are marked where something is wrong. Texts are
//! given Excel's format "text", so that what a person edits stays what they typed: no identifier
//! becomes `1.2E+10`, and a text that begins with `=` does not turn into a formula.

use std::io::{self, Read, Seek, Write};
use std::path::Path;

use super::cell::{Cell, cell_name};
use super::xls::XlsWriter;
use super::xlsx::XlsxWriter;
use super::{CELL_UNITS_MAX, Format};

/// The narrowest column, and one without anything, in characters: Excel's own default.
const COLUMN_CHARACTERS_MIN: usize = 9;
/// The widest column. Longer texts are seen when their cell is chosen.
const COLUMN_CHARACTERS_MAX: usize = 50;
/// Room beside a header for the filter's button, in characters.
const BUTTON_CHARACTERS: usize = 3;

/// The longest name of a sheet, in UTF-16 units.
const SHEET_NAME_UNITS_MAX: usize = 31;
/// What the name of a sheet can not hold, because formulas use it.
const SHEET_NAME_FORBIDDEN: [char; 7] = ['[', ']', ':', '*', '?', '/', '\\'];

/// Whether a cell is shown as wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    #[default]
    None,
    /// Filled with a light red.
    Wrong,
}

/// A cell to be written, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Marked<'a> {
    pub cell: Cell<'a>,
    pub mark: Mark,
}

impl<'a, C: Into<Cell<'a>>> From<C> for Marked<'a> {
    fn from(cell: C) -> Self {
        Self { cell: cell.into(), mark: Mark::None }
    }
}

/// Why a workbook can not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the workbook can not be written")]
    Io(#[from] io::Error),
    #[error(
        "the sheet '{sheet}' would have more than {} rows with its header, which is all that \
         {format} holds; {}",
        format.rows_max(), format.way_out()
    )]
    Rows { sheet: String, format: Format },
    #[error(
        "the sheet '{sheet}' would have more than {} columns, which is all that {format} holds; {}",
        format.columns_max(), format.way_out()
    )]
    Columns { sheet: String, format: Format },
    #[error(
        "the text for {sheet}!{} has {units} characters, and a cell holds {CELL_UNITS_MAX}; a \
         project's export has no such limit",
        cell_name(*row, *column)
    )]
    Text { sheet: String, row: u32, column: u32, units: usize },
    #[error("no sheet can be called '{name}': {problem}")]
    SheetName { name: String, problem: SheetNameProblem },
    #[error("a workbook has at least one sheet, and a row stands in one")]
    NoSheet,
    #[error(
        "the workbook would have more than {bytes_max} bytes, which is all that {format} holds; {}",
        format.way_out()
    )]
    Long { bytes_max: u64, format: Format },
}

/// What is wrong with the name of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SheetNameProblem {
    #[error("it is empty")]
    Empty,
    #[error("it has more than {SHEET_NAME_UNITS_MAX} characters")]
    Long,
    #[error("it holds '{}'", .character.escape_debug())]
    Character { character: char },
    #[error("it begins or ends with an apostrophe")]
    Apostrophe,
    #[error("another sheet is called the same, but for the case of letters")]
    Twice,
}

/// A workbook that is being written, row by row. What was written lies in unnamed files of the
/// scratch folder until it is finished, so memory does not grow with it.
#[derive(Debug)]
pub struct WorkbookWriter {
    engine: Engine,
    format: Format,
    sheets: Vec<String>,
    row: u32,
    look: Look,
}

#[derive(Debug)]
enum Engine {
    Xls(Box<XlsWriter>),
    Xlsx(Box<XlsxWriter>),
}

/// What the header and the columns of a sheet look like; known when the sheet ends.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// How many columns the header has. They get the filter.
    pub(super) header_columns: u32,
    /// The width of each column in characters.
    pub(super) widths: Vec<usize>,
}

/// Which of the looks a cell has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Header,
    Body,
}

impl WorkbookWriter {
    /// Begins a workbook. `scratch` is a folder for files without a name, on a disk that has room
    /// for the workbook twice over.
    ///
    /// # Errors
    /// No file can be made there.
    pub fn new(format: Format, scratch: &Path) -> Result<Self, WriteError> {
        let engine = match format {
            Format::Xls => Engine::Xls(Box::new(XlsWriter::new(scratch)?)),
            Format::Xlsx => Engine::Xlsx(Box::new(XlsxWriter::new(scratch)?)),
        };
        Ok(Self { engine, format, sheets: Vec::new(), row: 0, look: Look::default() })
    }

    /// Ends the sheet before, if there is one, and begins another with its header.
    ///
    /// # Errors
    /// The name is none for a sheet, or the header does not fit.
    pub fn begin_sheet<'a>(
        &mut self,
        name: &str,
        header: impl IntoIterator<Item: Into<Marked<'a>>>,
    ) -> Result<(), WriteError> {
        self.check_name(name)?;
        self.end_sheet()?;
        match &mut self.engine {
            Engine::Xls(xls) => xls.begin_sheet(name),
            Engine::Xlsx(xlsx) => xlsx.begin_sheet(name)?,
        }
        self.sheets.push(name.to_owned());
        self.row = 0;
        self.write_row(header, Style::Header)?;
        self.look.header_columns = self.look.widths.len() as u32;
        Ok(())
    }

    /// Writes the next row of the sheet. [`Cell::Empty`] leaves a cell out, and so does a row
    /// that ends before it.
    ///
    /// # Errors
    /// The row does not fit, or can not be written. The workbook is lost then.
    pub fn row<'a>(
        &mut self,
        cells: impl IntoIterator<Item: Into<Marked<'a>>>,
    ) -> Result<(), WriteError> {
        if self.sheets.is_empty() {
            return Err(WriteError::NoSheet);
        }
        self.write_row(cells, Style::Body)
    }

    /// Ends the workbook, writes it to `out` from where that stands, which has to be its beginning,
    /// and gives it back. `out` is read only from where it was written to.
    ///
    /// # Errors
    /// There is no sheet, or it can not be written.
    pub fn finish<W: Read + Write + Seek + Send>(mut self, out: W) -> Result<W, WriteError> {
        if self.sheets.is_empty() {
            return Err(WriteError::NoSheet);
        }
        self.end_sheet()?;
        match self.engine {
            Engine::Xls(xls) => xls.finish(out),
            Engine::Xlsx(xlsx) => xlsx.finish(out),
        }
    }

    fn sheet(&self) -> String {
        self.sheets.last().cloned().unwrap_or_default()
    }

    fn write_row<'a>(
        &mut self,
        cells: impl IntoIterator<Item: Into<Marked<'a>>>,
        style: Style,
    ) -> Result<(), WriteError> {
        if self.row == self.format.rows_max() {
            return Err(WriteError::Rows { sheet: self.sheet(), format: self.format });
        }
        for (column, marked) in (0..).zip(cells) {
            let mut marked = marked.into();
            if matches!(&marked.cell, Cell::Text(text) if text.is_empty()) {
                marked.cell = Cell::Empty;
            }
            self.check(column, &marked)?;
            self.look.widen(column as usize, &marked.cell, style);
            match &mut self.engine {
                Engine::Xls(xls) => xls.cell(column as u16, &marked, style)?,
                Engine::Xlsx(xlsx) => xlsx.cell(column as u16, &marked, style)?,
            }
        }
        match &mut self.engine {
            Engine::Xls(xls) => xls.end_row()?,
            Engine::Xlsx(xlsx) => xlsx.end_row()?,
        }
        self.row += 1;
        Ok(())
    }

    fn end_sheet(&mut self) -> Result<(), WriteError> {
        if self.sheets.is_empty() {
            return Ok(());
        }
        let look = std::mem::take(&mut self.look);
        match &mut self.engine {
            Engine::Xls(xls) => xls.end_sheet(look),
            Engine::Xlsx(xlsx) => xlsx.end_sheet(look),
        }
    }

    /// Whether a cell fits.
    fn check(&self, column: u32, marked: &Marked<'_>) -> Result<(), WriteError> {
        if column >= self.format.columns_max() {
            return Err(WriteError::Columns { sheet: self.sheet(), format: self.format });
        }
        let (Cell::Text(text) | Cell::Formula(text)) = &marked.cell else { return Ok(()) };
        // The `=` before a formula counts as well.
        let units = usize::from(matches!(marked.cell, Cell::Formula(_)));
        // No text has more units than bytes.
        if units + text.len() <= CELL_UNITS_MAX {
            return Ok(());
        }
        let units = units + text.encode_utf16().count();
        if units <= CELL_UNITS_MAX {
            return Ok(());
        }
        Err(WriteError::Text { sheet: self.sheet(), row: self.row, column, units })
    }

    fn check_name(&self, name: &str) -> Result<(), WriteError> {
        let bad = |c: &char| c.is_control() || SHEET_NAME_FORBIDDEN.contains(c);
        let lower = name.to_lowercase();
        let problem = if name.is_empty() {
            SheetNameProblem::Empty
        } else if name.encode_utf16().count() > SHEET_NAME_UNITS_MAX {
            SheetNameProblem::Long
        } else if let Some(character) = name.chars().find(bad) {
            SheetNameProblem::Character { character }
        } else if name.starts_with('\'') || name.ends_with('\'') {
            SheetNameProblem::Apostrophe
        } else if self.sheets.iter().any(|sheet| sheet.to_lowercase() == lower) {
            SheetNameProblem::Twice
        } else {
            return Ok(());
        };
        Err(WriteError::SheetName { name: name.to_owned(), problem })
    }
}

impl Look {
    /// Makes room for a cell.
    fn widen(&mut self, column: usize, cell: &Cell<'_>, style: Style) {
        if self.widths.len() <= column {
            self.widths.resize(column + 1, COLUMN_CHARACTERS_MIN);
        }
        let width = &mut self.widths[column];
        let text = match cell {
            // Counting characters costs time; most texts are seen to fit by their bytes.
            Cell::Text(text) | Cell::Formula(text) if text.len() < *width => return,
            Cell::Text(text) | Cell::Formula(text) => text,
            Cell::Date(_) => "2024-01-31 12:30:00",
            Cell::Empty | Cell::Number(_) | Cell::Bool(_) | Cell::Error(_) | Cell::Duration(_) => {
                return;
            }
        };
        let room = match style {
            Style::Header => BUTTON_CHARACTERS,
            Style::Body => 1,
        };
        let wanted = text.chars().take(COLUMN_CHARACTERS_MAX).count() + room;
        *width = wanted.clamp(*width, COLUMN_CHARACTERS_MAX);
    }
}
