//! Writes a workbook row by row, in either format.
//!
//! Workbooks look the same in both formats: a bold header that stays visible and has a filter,
//! columns as wide as their texts, and a red fill in invalid cells. Texts get Excel's number format
//! "text", so that Excel keeps what a person types: an identifier does not become `1.2E+10`, and a
//! text that begins with `=` does not become a formula.

use std::path::Path;

use super::cell::Cell;
use super::column_guide::ColumnGuide;
use super::error::WriteError;
use super::format::Format;
use super::layout::SheetLayout;
use super::limits::CELL_UNITS_MAX;
use super::marked::MarkedCell;
use super::sheet_name;
use super::sink::{OutputFile, SheetSink};
use super::style::RowKind;
use super::xls::XlsWriter;
use super::xlsx::XlsxWriter;

/// Writes a workbook row by row.
///
/// Rows go to unnamed files in the scratch folder until the workbook is finished. So the memory in
/// use does not grow with the workbook.
#[derive(Debug)]
pub struct WorkbookWriter {
    sink: Box<dyn SheetSink>,
    format: Format,
    /// The names of the sheets so far.
    sheets: Vec<String>,
    /// The number of the next row of the current sheet, from 0.
    row: u32,
    layout: SheetLayout,
}

impl WorkbookWriter {
    /// Begins a workbook. `scratch` is a folder for unnamed files. Its file system needs space for
    /// twice the size of the workbook.
    ///
    /// # Errors
    /// [`WriteError::Scratch`] if no file can be created there.
    pub fn new(format: Format, scratch: &Path) -> Result<Self, WriteError> {
        let sink: Box<dyn SheetSink> = match format {
            Format::Xls => Box::new(XlsWriter::new(scratch)?),
            Format::Xlsx => Box::new(XlsxWriter::new(scratch)?),
        };
        Ok(Self { sink, format, sheets: Vec::new(), row: 0, layout: SheetLayout::default() })
    }

    /// Ends the previous sheet, if there is one, and begins a sheet with this header.
    ///
    /// # Errors
    /// - [`WriteError::SheetName`] if the name is not valid or another sheet has it.
    /// - [`WriteError::Columns`] or [`WriteError::Text`] if the header does not fit.
    /// - [`WriteError::Scratch`] or [`WriteError::TooLarge`] as for [`row`](Self::row).
    pub fn begin_sheet<'a>(
        &mut self,
        name: &str,
        header: impl IntoIterator<Item: Into<MarkedCell<'a>>>,
    ) -> Result<(), WriteError> {
        sheet_name::check(name, &self.sheets)
            .map_err(|problem| WriteError::SheetName { name: name.to_owned(), problem })?;
        self.end_sheet()?;
        self.sink.begin_sheet(name)?;
        self.sheets.push(name.to_owned());
        self.row = 0;
        self.write_row(header, RowKind::Header)?;
        self.layout.header_columns = self.layout.column_widths.len() as u32;
        Ok(())
    }

    /// Adds notes and rules to the columns of the header, in its order. Call it before the first row.
    ///
    /// # Errors
    /// - [`WriteError::NoSheet`] if no sheet was begun.
    /// - [`WriteError::Guides`] if the format cannot hold them.
    pub fn guide_columns(&mut self, guides: &[ColumnGuide]) -> Result<(), WriteError> {
        if self.sheets.is_empty() {
            return Err(WriteError::NoSheet);
        }
        for (column, guide) in (0..).zip(guides) {
            self.sink.guide_column(column, guide)?;
        }
        Ok(())
    }

    /// Writes the next row of the sheet. Cells that are [`Cell::Empty`] or missing at the end stay
    /// empty.
    ///
    /// # Errors
    /// After an error the workbook is unusable.
    /// - [`WriteError::NoSheet`] if no sheet was begun.
    /// - [`WriteError::Rows`], [`WriteError::Columns`] or [`WriteError::Text`] if the row does not
    ///   fit.
    /// - [`WriteError::TooLarge`] if the workbook becomes too large for its format.
    /// - [`WriteError::Scratch`] if a temporary file cannot be written.
    pub fn row<'a>(
        &mut self,
        cells: impl IntoIterator<Item: Into<MarkedCell<'a>>>,
    ) -> Result<(), WriteError> {
        if self.sheets.is_empty() {
            return Err(WriteError::NoSheet);
        }
        self.write_row(cells, RowKind::Body)
    }

    /// Ends the workbook, writes it to the empty file `out`, and returns that file. Its position is
    /// the end of the workbook.
    ///
    /// # Errors
    /// - [`WriteError::NoSheet`] if no sheet was begun.
    /// - [`WriteError::Output`] if `out` cannot be written.
    /// - [`WriteError::Scratch`] if a temporary file cannot be written or read.
    /// - [`WriteError::TooLarge`] if the workbook is too large for its format.
    pub fn finish<W: OutputFile>(mut self, mut out: W) -> Result<W, WriteError> {
        if self.sheets.is_empty() {
            return Err(WriteError::NoSheet);
        }
        self.end_sheet()?;
        self.sink.finish(&mut out)?;
        Ok(out)
    }

    /// The name of the current sheet.
    fn sheet(&self) -> String {
        self.sheets.last().cloned().unwrap_or_default()
    }

    fn write_row<'a>(
        &mut self,
        cells: impl IntoIterator<Item: Into<MarkedCell<'a>>>,
        row: RowKind,
    ) -> Result<(), WriteError> {
        if self.row == self.format.rows_max() {
            return Err(WriteError::Rows { sheet: self.sheet(), format: self.format });
        }
        for (column, cell) in (0..).zip(cells) {
            let mut cell = cell.into();
            if matches!(&cell.cell, Cell::Text(text) if text.is_empty()) {
                cell.cell = Cell::Empty;
            }
            self.check_cell(column, &cell.cell)?;
            self.layout.make_room(column as usize, &cell.cell, row);
            self.sink.write_cell(column as u16, &cell, row)?;
        }
        self.sink.end_row()?;
        self.row += 1;
        Ok(())
    }

    fn end_sheet(&mut self) -> Result<(), WriteError> {
        if self.sheets.is_empty() {
            return Ok(());
        }
        self.sink.end_sheet(std::mem::take(&mut self.layout))
    }

    /// Checks that a cell fits in the format.
    fn check_cell(&self, column: u32, cell: &Cell<'_>) -> Result<(), WriteError> {
        if column >= self.format.columns_max() {
            return Err(WriteError::Columns { sheet: self.sheet(), format: self.format });
        }
        let (Cell::Text(text) | Cell::Formula(text)) = cell else { return Ok(()) };
        // A formula is written as a text, with `=` before it.
        let prefix_units = usize::from(matches!(cell, Cell::Formula(_)));
        // No text has more UTF-16 units than bytes.
        if prefix_units + text.len() <= CELL_UNITS_MAX {
            return Ok(());
        }
        let units = prefix_units + text.encode_utf16().count();
        if units <= CELL_UNITS_MAX {
            return Ok(());
        }
        Err(WriteError::Text { sheet: self.sheet(), row: self.row, column, units })
    }
}
