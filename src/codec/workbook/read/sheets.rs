//! Reading of workbooks with calamine.
//!
//! `.xlsx` and `.xlsb` are read cell by cell, so a single cell in the last row and column costs
//! nothing. calamine keeps `.xls` and `.ods` in memory as a whole, with a slot for every cell between
//! the first and the last one.
//!
//! calamine misreads a text of a `.xls` that begins with U+FEFF or U+FFFE: it takes the character for
//! a byte order mark, drops it, and swaps the bytes of the rest after U+FFFE. It cannot be corrected
//! here. A test fails as soon as calamine reads such texts correctly.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{Read, Seek, SeekFrom, Write};

use calamine::{
    CellErrorType, Data, DataRef, DataType, ExcelDateTime, Ods, OdsError, Range, Reader, SheetType,
    Xls, XlsError, Xlsb, XlsbError, Xlsx, XlsxError,
};

use super::super::cell::{Cell, CellError};
use super::super::frame::{FrameWriter, Stop};
use super::super::iso;
use super::super::refusal::Refusal;

/// Days between the two epochs of workbooks: 1900, and 1904 on old Macintoshes.
const DAYS_TO_1904: f64 = 1_462.0;

/// The year from which a workbook counts days.
#[derive(Clone, Copy, Debug)]
enum Epoch {
    Of1900,
    Of1904,
}

impl Epoch {
    fn of(is_1904: bool) -> Self {
        if is_1904 { Self::Of1904 } else { Self::Of1900 }
    }
}

/// Reads a `.xls`, or returns why the container is not one.
pub(super) fn decode_ole2<F: Read + Seek, W: Write>(
    mut file: F,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    let mut xls = match Xls::new(&mut file) {
        Ok(xls) => xls,
        Err(XlsError::Password) => return Err(Refusal::Encrypted.into()),
        Err(error) => {
            // Encrypted workbooks of other formats are in an OLE2 container too.
            file.seek(SeekFrom::Start(0)).map_err(Stop::Io)?;
            return Err(match Xlsx::new(&mut file) {
                Err(XlsxError::Password) => Refusal::Encrypted.into(),
                _ => damaged("xls", &error),
            });
        }
    };
    let epoch = Epoch::of(xls.has_1904_epoch());
    for name in sheets(&xls) {
        to.sheet(&name)?;
        let values = xls.worksheet_range(&name).map_err(|error| damaged("xls", &error))?;
        let formulas = xls.worksheet_formula(&name).map_err(|error| damaged("xls", &error))?;
        range(&values, &formulas, epoch, to)?;
    }
    Ok(())
}

/// Reads a `.xlsx`, `.xlsb` or `.ods`.
pub(super) fn decode_zip<F: Read + Seek, W: Write>(
    mut file: F,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    match Ods::new(&mut file) {
        Ok(ods) => return decode_ods(ods, to),
        Err(OdsError::Password) => return Err(Refusal::Encrypted.into()),
        Err(OdsError::FileNotFound("mimetype") | OdsError::InvalidMime(_)) => {}
        Err(error) => return Err(damaged("ods", &error)),
    }
    file.seek(SeekFrom::Start(0)).map_err(Stop::Io)?;
    match Xlsb::new(&mut file) {
        Ok(xlsb) => return decode_xlsb(xlsb, to),
        Err(XlsbError::Password) => return Err(Refusal::Encrypted.into()),
        // The archive has no parts of a `.xlsb`.
        Err(XlsbError::FileNotFound(_)) => {}
        Err(error) => return Err(damaged("xlsb", &error)),
    }
    file.seek(SeekFrom::Start(0)).map_err(Stop::Io)?;
    match Xlsx::new(&mut file) {
        Ok(xlsx) => decode_xlsx(xlsx, to),
        Err(XlsxError::Password) => Err(Refusal::Encrypted.into()),
        Err(error) => Err(damaged("xlsx", &error)),
    }
}

fn decode_ods<F: Read + Seek, W: Write>(
    mut ods: Ods<F>,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    for name in sheets(&ods) {
        to.sheet(&name)?;
        let values = ods.worksheet_range(&name).map_err(|error| damaged("ods", &error))?;
        let formulas = ods.worksheet_formula(&name).map_err(|error| damaged("ods", &error))?;
        range(&values, &formulas, Epoch::Of1900, to)?;
    }
    Ok(())
}

fn decode_xlsb<F: Read + Seek, W: Write>(
    mut xlsb: Xlsb<F>,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    let damaged = |error: XlsbError| damaged("xlsb", &error);
    for name in sheets(&xlsb) {
        to.sheet(&name)?;
        let mut cells = xlsb.worksheet_cells_reader(&name).map_err(damaged)?;
        while let Some(cell) = cells.next_cell().map_err(damaged)? {
            let (row, column) = cell.get_position();
            // calamine does not return the epoch of a `.xlsb`. Only Excel for Windows writes them, and
            // it counts from 1900.
            to.cell(row, column, &value(cell.get_value(), Epoch::Of1900))?;
        }
    }
    Ok(())
}

fn decode_xlsx<F: Read + Seek, W: Write>(
    mut xlsx: Xlsx<F>,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    let damaged = |error: XlsxError| damaged("xlsx", &error);
    let epoch = Epoch::of(xlsx.has_1904_epoch());
    for name in sheets(&xlsx) {
        to.sheet(&name)?;
        let mut cells = xlsx.worksheet_cells_reader(&name).map_err(damaged)?;
        while let Some(cell) = cells.next_cell_with_formula().map_err(damaged)? {
            let (row, column) = cell.pos;
            let found = match (value(&cell.value, epoch), cell.formula) {
                (Cell::Empty, Some(formula)) => Cell::Formula(formula.into()),
                (found, _) => found,
            };
            to.cell(row, column, &found)?;
        }
    }
    Ok(())
}

/// The names of the sheets that hold cells, in the order of their tabs, with hidden sheets.
fn sheets<F: Read + Seek>(workbook: &impl Reader<F>) -> Vec<String> {
    let sheets = workbook.sheets_metadata().iter();
    sheets
        .filter(|sheet| sheet.typ == SheetType::WorkSheet)
        .map(|sheet| sheet.name.clone())
        .collect()
}

/// Writes the cells of a sheet in memory. The ranges of values and of formulas may differ.
fn range<W: Write>(
    values: &Range<Data>,
    formulas: &Range<String>,
    epoch: Epoch,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    let corners = |begin: Option<(u32, u32)>, end: Option<(u32, u32)>| begin.zip(end);
    let of_values = corners(values.start(), values.end());
    let of_formulas = corners(formulas.start(), formulas.end());
    let Some(((first, left), (last, right))) = of_values.or(of_formulas) else { return Ok(()) };
    let Some(((first_too, left_too), (last_too, right_too))) = of_formulas else {
        return values.used_cells().try_for_each(|(row, column, found)| {
            to.cell(first + row as u32, left + column as u32, &owned_value(found, epoch))
        });
    };
    for row in first.min(first_too)..=last.max(last_too) {
        for column in left.min(left_too)..=right.max(right_too) {
            let found = values.get_value((row, column)).unwrap_or(&Data::Empty);
            let formula = formulas.get_value((row, column)).filter(|formula| !formula.is_empty());
            let found = match (owned_value(found, epoch), formula) {
                (Cell::Empty, Some(formula)) if found.is_empty() => {
                    Cell::Formula(Cow::Borrowed(formula))
                }
                // In a `.ods`, an error is only the text that is shown.
                (Cell::Text(text), Some(_)) => error_shown(text),
                (found, _) => found,
            };
            to.cell(row, column, &found)?;
        }
    }
    Ok(())
}

fn error_shown(text: Cow<'_, str>) -> Cell<'_> {
    match CellError::ALL.into_iter().find(|error| error.word() == text) {
        Some(error) => Cell::Error(error),
        None => Cell::Text(text),
    }
}

fn owned_value(found: &Data, epoch: Epoch) -> Cell<'_> {
    match found {
        Data::Empty => Cell::Empty,
        Data::String(text) => Cell::text(text.as_str()),
        Data::Int(number) => Cell::Number(*number as f64),
        Data::Float(number) => Cell::Number(*number),
        Data::Bool(value) => Cell::Bool(*value),
        Data::Error(error) => Cell::Error(error_of(error)),
        Data::DateTime(date) => date_of(*date, epoch),
        Data::DateTimeIso(text) => date_text(text),
        Data::DurationIso(text) => duration_text(text),
    }
}

fn value<'a>(found: &'a DataRef<'_>, epoch: Epoch) -> Cell<'a> {
    match found {
        DataRef::Empty => Cell::Empty,
        DataRef::String(text) => Cell::text(text.as_str()),
        DataRef::SharedString(text) => Cell::text(*text),
        DataRef::Int(number) => Cell::Number(*number as f64),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::Bool(value) => Cell::Bool(*value),
        DataRef::Error(error) => Cell::Error(error_of(error)),
        DataRef::DateTime(date) => date_of(*date, epoch),
        DataRef::DateTimeIso(text) => date_text(text),
        DataRef::DurationIso(text) => duration_text(text),
    }
}

fn date_of(date: ExcelDateTime, epoch: Epoch) -> Cell<'static> {
    let days = date.as_f64();
    match epoch {
        _ if date.is_duration() => Cell::Duration(days),
        Epoch::Of1900 => Cell::Date(days),
        Epoch::Of1904 => Cell::Date(days + DAYS_TO_1904),
    }
}

/// Returns a date, or a text if calamine took a text for a date.
fn date_text(text: &str) -> Cell<'_> {
    iso::date_days(text).map_or_else(|| Cell::text(text), Cell::Date)
}

fn duration_text(text: &str) -> Cell<'_> {
    iso::duration_days(text).map_or_else(|| Cell::text(text), Cell::Duration)
}

fn error_of(error: &CellErrorType) -> CellError {
    match error {
        CellErrorType::Null => CellError::Null,
        CellErrorType::Div0 => CellError::DivisionByZero,
        CellErrorType::Value => CellError::Value,
        CellErrorType::Ref => CellError::Reference,
        CellErrorType::Name => CellError::Name,
        CellErrorType::Num => CellError::Number,
        CellErrorType::NA => CellError::NotAvailable,
        CellErrorType::GettingData => CellError::GettingData,
    }
}

fn damaged(format: &str, error: &impl Display) -> Stop {
    Stop::Refused(Refusal::Damaged { reason: format!(".{format}: {error}") })
}
