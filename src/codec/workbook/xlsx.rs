//! `.xlsx`, over `rust_xlsxwriter`.
//!
//! Rows go to a file without a name as they come, and their texts with them, so memory does not
//! grow with the workbook. Control characters, which XML can not hold, are written as Excel
//! writes them (`_x0001_`), and a text that looks like such an escape is escaped itself.

use std::fmt;
use std::io::{Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, Formula, Workbook, Worksheet, XlsxError,
};

use super::cell::{Cell, CellError};
use super::write::{Look, Mark, Marked, Style, WriteError};
use super::xls::DATE_PATTERN;

/// Deflate's effort, from 1 to 9. Cells are so much alike that the least packs them to a tenth.
const DEFLATE_LEVEL: u8 = 1;

/// The same as in `.xls`.
const COLOUR_WRONG: u32 = 0x00FF_99CC;

/// A `.xlsx` that is being written.
pub(super) struct XlsxWriter {
    workbook: Workbook,
    looks: Looks,
    sheets: usize,
    /// How many columns of the sheet have their look.
    columns: u16,
}

/// The looks of cells, unmarked and marked.
struct Looks([LooksOf; 2]);

struct LooksOf {
    general: Format,
    text: Format,
    header: Format,
    date: Format,
    duration: Format,
}

impl XlsxWriter {
    pub(super) fn new(scratch: &Path) -> Result<Self, WriteError> {
        let mut workbook = Workbook::new();
        workbook.set_tempdir(scratch).map_err(engine)?;
        workbook.set_zip_compression_level(DEFLATE_LEVEL);
        // The same cells are the same file: the first moment that a zip archive can name.
        let moment = ExcelDateTime::from_ymd(1980, 1, 1).map_err(engine)?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&moment));
        let plain = LooksOf::new(&Format::new());
        let wrong = Format::new().set_background_color(Color::RGB(COLOUR_WRONG));
        let looks = Looks([plain, LooksOf::new(&wrong)]);
        Ok(Self { workbook, looks, sheets: 0, columns: 0 })
    }

    pub(super) fn begin_sheet(&mut self, name: &str) -> Result<(), WriteError> {
        let sheet = self.workbook.add_worksheet_with_constant_memory().map_err(engine)?;
        sheet.set_name(name).map_err(engine)?;
        sheet.set_freeze_panes(1, 0).map_err(engine)?;
        self.sheets += 1;
        self.columns = 0;
        Ok(())
    }

    pub(super) fn cell(
        &mut self,
        row: u32,
        column: u16,
        marked: &Marked<'_>,
        style: Style,
    ) -> Result<(), WriteError> {
        let Self { workbook, looks, sheets, columns } = self;
        let look = looks.of(marked, style);
        let Some(index) = sheets.checked_sub(1) else { return Err(WriteError::NoSheet) };
        whole(|| {
            let sheet = workbook.worksheet_from_index(index)?;
            while *columns <= column {
                sheet.set_column_format(*columns, &looks.column().text)?;
                *columns += 1;
            }
            write_cell(sheet, row, column, marked, look)
        })
    }

    pub(super) fn end_sheet(&mut self, rows: u32, look: &Look) -> Result<(), WriteError> {
        let Some(index) = self.sheets.checked_sub(1) else { return Err(WriteError::NoSheet) };
        let sheet = self.workbook.worksheet_from_index(index).map_err(engine)?;
        for (column, width) in (0..).zip(&look.widths) {
            sheet.set_column_width(column, *width as f64).map_err(engine)?;
        }
        if let Some(last) = look.header_columns.checked_sub(1) {
            let last_row = rows.saturating_sub(1);
            sheet.autofilter(0, 0, last_row, last as u16).map_err(engine)?;
        }
        Ok(())
    }

    pub(super) fn finish<W: Write + Seek + Send>(mut self, mut out: W) -> Result<W, WriteError> {
        whole(|| self.workbook.save_to_writer(&mut out))?;
        out.flush()?;
        Ok(out)
    }
}

fn write_cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    marked: &Marked<'_>,
    look: Option<&Format>,
) -> Result<(), XlsxError> {
    let look = match (look, &marked.cell) {
        (Some(look), _) => look,
        // It looks as its column does. To say so for each costs as much as to write it.
        (None, Cell::Text(text)) => {
            sheet.write_string(row, column, &**text)?;
            return Ok(());
        }
        (None, _) => return Ok(()),
    };
    match &marked.cell {
        Cell::Empty => sheet.write_blank(row, column, look)?,
        Cell::Text(text) => sheet.write_string_with_format(row, column, &**text, look)?,
        Cell::Formula(formula) => {
            sheet.write_string_with_format(row, column, format!("={formula}"), look)?
        }
        // What is no number to Excel can not stand where one does.
        Cell::Number(number) | Cell::Date(number) | Cell::Duration(number)
            if !number.is_finite() =>
        {
            write_error(sheet, row, column, CellError::Number, look)?
        }
        Cell::Number(number) | Cell::Date(number) | Cell::Duration(number) => {
            sheet.write_number_with_format(row, column, *number, look)?
        }
        Cell::Bool(value) => sheet.write_boolean_with_format(row, column, *value, look)?,
        Cell::Error(error) => write_error(sheet, row, column, *error, look)?,
    };
    Ok(())
}

/// Errors can only be written as formulas that are nothing but the error.
fn write_error<'s>(
    sheet: &'s mut Worksheet,
    row: u32,
    column: u16,
    error: CellError,
    look: &Format,
) -> Result<&'s mut Worksheet, XlsxError> {
    let formula = Formula::new(format!("={error}")).set_result(error.word());
    sheet.write_formula_with_format(row, column, formula, look)
}

/// Runs what writes to a file. `rust_xlsxwriter` panics when a file of its own can not be
/// written, as on a full disk; that has to be an error here.
fn whole<T>(run: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, WriteError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(engine),
        Err(_) => Err(WriteError::Io(std::io::Error::other(
            "a file in the scratch folder can not be written; is the disk full?",
        ))),
    }
}

fn engine(error: XlsxError) -> WriteError {
    match error {
        XlsxError::IoError(error) | XlsxError::TempFileError(_, error) => WriteError::Io(error),
        XlsxError::ZipError(error) => WriteError::Io(error.into()),
        error => WriteError::Engine(error.to_string()),
    }
}

impl Looks {
    /// The looks of cells about which nothing is said; the text's is that of columns.
    fn column(&self) -> &LooksOf {
        let [plain, _] = &self.0;
        plain
    }

    /// The look of a cell. `None` where it looks as its column does.
    fn of(&self, marked: &Marked<'_>, style: Style) -> Option<&Format> {
        let [plain, wrong] = &self.0;
        let looks = match marked.mark {
            Mark::None => plain,
            Mark::Wrong => wrong,
        };
        Some(match (style, &marked.cell) {
            (_, Cell::Empty) | (Style::Body, Cell::Text(_)) if marked.mark == Mark::None => {
                return None;
            }
            (Style::Header, _) => &looks.header,
            (Style::Body, Cell::Text(_) | Cell::Formula(_) | Cell::Empty) => &looks.text,
            (Style::Body, Cell::Number(_) | Cell::Bool(_) | Cell::Error(_)) => &looks.general,
            (Style::Body, Cell::Date(_)) => &looks.date,
            (Style::Body, Cell::Duration(_)) => &looks.duration,
        })
    }
}

impl LooksOf {
    fn new(base: &Format) -> Self {
        Self {
            // Said, or else it would be that of the column.
            general: base.clone().set_num_format("General"),
            text: base.clone().set_num_format("@"),
            header: base.clone().set_num_format("@").set_bold(),
            date: base.clone().set_num_format(DATE_PATTERN),
            duration: base.clone().set_num_format("[h]:mm:ss"),
        }
    }
}

impl fmt::Debug for XlsxWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XlsxWriter").field("sheets", &self.sheets).finish_non_exhaustive()
    }
}
