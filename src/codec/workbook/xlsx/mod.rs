//! `.xlsx`, with the crate `rust_xlsxwriter`.
//!
//! ```text
//! styles     cell styles as formats of the crate
//! text       texts that the crate escapes incorrectly
//! guides     notes on headings, and the values that columns accept
//! contained  converts errors and panics of the crate to our errors
//! ```
//!
//! In its constant-memory mode the crate keeps one row in memory. It writes the XML of a sheet to
//! an unnamed file in the scratch folder, and packs it when the workbook is finished. So the
//! scratch folder needs space for the unpacked XML: about ten times the size of the workbook. Texts
//! stay in the cells (`inlineStr`): a table of shared texts would grow in memory.
//!
//! The crate panics if it cannot write that file, as on a full disk. The alternatives to catching
//! the panic were worse. Texts in memory have no bound. Space for the file cannot be reserved,
//! because the crate opens the file itself. A child process would need a protocol for rows and
//! marks. After a panic, the values of the crate are not used any more. No file has changed: the
//! workbook gets its name only after it is complete. [`mod@contained`] converts the panic to an
//! error.
//!
//! The same cells give the same bytes: the time of creation is a constant.

mod contained;
mod guides;
mod styles;
mod text;

use std::fmt;
use std::path::Path;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Formula, Workbook, Worksheet, XlsxError};

use super::cell::{Cell, CellError};
use super::column_guide::ColumnGuide;
use super::error::WriteError;
use super::format::Format;
use super::layout::SheetLayout;
use super::marked::{Mark, MarkedCell};
use super::sink::{OutputFile, SheetSink};
use super::style::{CellStyle, RowKind};
use contained::{FirstError, contained};
use styles::Styles;

/// Deflate level, from 1 to 9. Cells of an inventory are so similar that level 1 compresses them to
/// a tenth.
const DEFLATE_LEVEL: u8 = 1;

/// The longest XML of all sheets, in bytes. Excel refuses ZIP64, and an archive without ZIP64 holds
/// at most 4 GiB. 16 MiB of that are left for the other parts.
const XML_BYTES_MAX: u64 = (1 << 32) - (16 << 20);

/// The longest markup of a cell around its text, in bytes.
const CELL_MARKUP_BYTES: u64 =
    "<c r=\"XFD1048576\" s=\"10\" t=\"inlineStr\"><is><t xml:space=\"preserve\"></t></is></c>".len()
        as u64;

/// The longest content of a cell that has no text, in bytes.
const VALUE_BYTES: u64 = "<f>#GETTING_DATA</f><v>#GETTING_DATA</v>".len() as u64;

/// Writes a `.xlsx` workbook.
pub(super) struct XlsxWriter {
    workbook: Workbook,
    styles: Styles,
    /// Number of sheets. The last one is the current sheet.
    sheets: usize,
    /// Number of the current row, from 0.
    row: u32,
    /// Number of columns of the current sheet that have a style.
    styled_columns: u16,
    /// Upper bound of the length of the XML of all sheets so far.
    xml_bytes: u64,
    xml_bytes_max: u64,
}

impl XlsxWriter {
    /// Begins a workbook whose temporary files go to `scratch`.
    ///
    /// # Errors
    /// [`WriteError::Scratch`] if files cannot be created there.
    pub(super) fn new(scratch: &Path) -> Result<Self, WriteError> {
        let mut workbook = Workbook::new();
        contained(|| {
            workbook.set_tempdir(scratch)?;
            // The earliest time that a zip archive can hold.
            let created = ExcelDateTime::from_ymd(1980, 1, 1)?;
            workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
            Ok(())
        })?;
        workbook.set_zip_compression_level(DEFLATE_LEVEL);
        Ok(Self {
            workbook,
            styles: Styles::new(),
            sheets: 0,
            row: 0,
            styled_columns: 0,
            xml_bytes: 0,
            xml_bytes_max: XML_BYTES_MAX,
        })
    }

    /// Counts the XML of a cell.
    ///
    /// # Errors
    /// [`WriteError::TooLarge`] if the XML of all sheets could become too long.
    fn count_xml(&mut self, cell: &Cell<'_>) -> Result<(), WriteError> {
        self.xml_bytes += CELL_MARKUP_BYTES
            + match cell {
                Cell::Text(text) | Cell::Formula(text) => text::xml_bytes(text),
                _ => VALUE_BYTES,
            };
        if self.xml_bytes > self.xml_bytes_max {
            return Err(WriteError::TooLarge {
                bytes_max: self.xml_bytes_max,
                format: Format::Xlsx,
            });
        }
        Ok(())
    }
}

impl SheetSink for XlsxWriter {
    fn begin_sheet(&mut self, name: &str) -> Result<(), WriteError> {
        contained(|| {
            let sheet = self.workbook.add_worksheet_with_constant_memory()?;
            sheet.set_name(text::sheet_name(name))?;
            sheet.set_freeze_panes(1, 0)?;
            Ok(())
        })?;
        self.sheets += 1;
        self.row = 0;
        self.styled_columns = 0;
        Ok(())
    }

    fn write_cell(
        &mut self,
        column: u16,
        cell: &MarkedCell<'_>,
        row: RowKind,
    ) -> Result<(), WriteError> {
        if (&cell.cell, cell.mark) == (&Cell::Empty, Mark::None) && column < self.styled_columns {
            return Ok(());
        }
        self.count_xml(&cell.cell)?;
        let Some(index) = self.sheets.checked_sub(1) else { return Err(WriteError::NoSheet) };
        let Self { workbook, styles, row: row_number, styled_columns, .. } = self;
        contained(|| {
            let sheet = workbook.worksheet_from_index(index)?;
            // What a person types into an empty cell of the column stays a text.
            while *styled_columns <= column {
                let style = styles.get(CellStyle::Text, Mark::None);
                sheet.set_column_format(*styled_columns, style)?;
                *styled_columns += 1;
            }
            write_cell(sheet, *row_number, column, cell, row, styles)
        })
    }

    fn guide_column(&mut self, column: u16, guide: &ColumnGuide) -> Result<(), WriteError> {
        let Some(index) = self.sheets.checked_sub(1) else { return Err(WriteError::NoSheet) };
        contained(|| guides::add(self.workbook.worksheet_from_index(index)?, column, guide))
    }

    fn end_row(&mut self) -> Result<(), WriteError> {
        self.row += 1;
        Ok(())
    }

    fn end_sheet(&mut self, layout: SheetLayout) -> Result<(), WriteError> {
        let Some(index) = self.sheets.checked_sub(1) else { return Err(WriteError::NoSheet) };
        let last_row = self.row.saturating_sub(1);
        contained(|| {
            let sheet = self.workbook.worksheet_from_index(index)?;
            for (column, width) in (0..).zip(&layout.column_widths) {
                sheet.set_column_width(column, *width as f64)?;
            }
            if let Some(last_column) = layout.header_columns.checked_sub(1) {
                sheet.autofilter(0, 0, last_row, last_column as u16)?;
            }
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>, out: &mut dyn OutputFile) -> Result<(), WriteError> {
        let mut out = FirstError::new(out);
        let saved = contained(|| self.workbook.save_to_writer(&mut out));
        match out.into_error() {
            Some(error) => Err(WriteError::Output(error)),
            None => saved,
        }
    }
}

/// Writes a cell that is not empty, or is marked.
fn write_cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &MarkedCell<'_>,
    kind: RowKind,
    styles: &Styles,
) -> Result<(), XlsxError> {
    let style = CellStyle::of(&cell.cell, kind);
    match &cell.cell {
        Cell::Empty => match cell.mark {
            Mark::None => {}
            Mark::Invalid => {
                sheet.write_blank(row, column, styles.get(style, cell.mark))?;
            }
        },
        Cell::Text(text) => {
            text::write(sheet, row, column, text, styles.unless_of_column(style, cell.mark))?;
        }
        Cell::Formula(formula) => {
            let text = format!("={formula}");
            text::write(sheet, row, column, &text, styles.unless_of_column(style, cell.mark))?;
        }
        // Excel has no infinity and no NaN.
        Cell::Number(number) | Cell::Date(number) | Cell::Duration(number)
            if !number.is_finite() =>
        {
            write_error(sheet, row, column, CellError::Number, styles.get(style, cell.mark))?;
        }
        Cell::Number(number) | Cell::Date(number) | Cell::Duration(number) => {
            sheet.write_number_with_format(row, column, *number, styles.get(style, cell.mark))?;
        }
        Cell::Bool(value) => {
            sheet.write_boolean_with_format(row, column, *value, styles.get(style, cell.mark))?;
        }
        Cell::Error(error) => {
            write_error(sheet, row, column, *error, styles.get(style, cell.mark))?;
        }
    }
    Ok(())
}

/// Writes an error. The crate can only write it as a formula that consists of the error.
fn write_error(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    error: CellError,
    format: &rust_xlsxwriter::Format,
) -> Result<(), XlsxError> {
    let error = match error {
        // The value was not available yet. calamine reports a workbook with this error as damaged,
        // and openpyxl does not know it.
        CellError::GettingData => CellError::NotAvailable,
        CellError::Spill
        | CellError::Calculation
        | CellError::Field
        | CellError::Blocked
        | CellError::Connection
        | CellError::Busy
        | CellError::Unknown => CellError::Value,
        CellError::Null
        | CellError::DivisionByZero
        | CellError::Value
        | CellError::Reference
        | CellError::Name
        | CellError::Number
        | CellError::NotAvailable => error,
    };
    let formula = Formula::new(format!("={error}")).set_result(error.word());
    sheet.write_formula_with_format(row, column, formula, format)?;
    Ok(())
}

impl fmt::Debug for XlsxWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XlsxWriter")
            .field("sheets", &self.sheets)
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
