//! Reads workbooks with calamine.
//!
//! `.xlsx` and `.xlsb` are read cell by cell, so a single cell in the last row and column costs
//! nothing. calamine keeps `.xls` and `.ods` in memory as a whole, with a slot for every cell between
//! the first and the last one.
//!
//! calamine misreads a text of a `.xls` that begins with U+FEFF or U+FFFE: it mistakes the
//! character for a byte order mark, drops it, and swaps the bytes of the rest after U+FFFE. It
//! cannot be corrected here. A test fails as soon as calamine reads such texts correctly.

use std::borrow::Cow;
use std::io::{Cursor, Read, Seek, Write};

use super::super::cell::{Cell, CellError, is_time_of_day};
use super::super::foreign_file::ForeignFile;
use super::super::frame::{FrameWriter, MergedRange, Stop};
use super::super::iso;
use super::super::refusal::Refusal;
use super::super::source_kind::SourceKind;
use super::biff::ShownNumbers;
use super::code_page::DosCodePage;
use super::damage::damaged;
use super::parts::Parts;
use super::zero_mask::shown_text;
use super::{biff, column_sum::sums_column, merged, open_document, open_xml, xlsb};
use crate::codec::zip::format::END_BYTES;
use calamine::{
    CellErrorType, Data, DataRef, DataType, ExcelDateTime, Ods, OdsError, Range, Reader, SheetType,
    Xls, XlsError, Xlsb, XlsbError, Xlsx, XlsxError,
};

/// Days between the two epochs of workbooks: 1900, and 1904 on old Macintoshes.
const DAYS_TO_1904: f64 = 1_462.0;

/// The first bytes of the end-of-archive record of a zip archive (APPNOTE.TXT 4.3.16).
const END_SIGNATURE: &[u8] = b"PK\x05\x06";

/// The beginning of calamine's text for a formula that it cannot read. Debug output follows.
const UNREAD_FORMULA: &str = "Unrecognised formula";

/// The beginning of calamine's text for a code page that it does not know.
const UNKNOWN_CODE_PAGE: &str = "Codepage";

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
pub(super) fn decode_ole2<W: Write>(
    mut file: Vec<u8>,
    kind: SourceKind,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    let biff::Properties { code_page, shown } = biff::correct(&mut file);
    let mut xls = match Xls::new(Cursor::new(file.as_slice())) {
        Ok(xls) => xls,
        Err(XlsError::Password) => return Err(Refusal::Encrypted.into()),
        // calamine does not export the type of this error.
        Err(XlsError::Cfb(error)) if error.to_string().starts_with(UNKNOWN_CODE_PAGE) => {
            return Err(Refusal::CodePage { number: code_page.unwrap_or_default() }.into());
        }
        // Encrypted workbooks of other formats are in an OLE2 container too.
        Err(error) => {
            return Err(match Xlsx::new(Cursor::new(file.as_slice())) {
                Err(XlsxError::Password) => Refusal::Encrypted.into(),
                _ => damaged(error),
            });
        }
    };
    let epoch = Epoch::of(xls.has_1904_epoch());
    let code_page = code_page.and_then(DosCodePage::of);
    let names: Vec<String> = xls.sheets_metadata().iter().map(|sheet| sheet.name.clone()).collect();
    for name in sheets(&xls, kind) {
        to.sheet(&decoded(&name, code_page))?;
        let ranges = xls.merge_cells_by_sheet_name(&name);
        let ranges = ranges.map_err(damaged)?;
        to.merged(ranges.into_iter().map(merged::range_of))?;
        let values = xls.worksheet_range(&name).map_err(damaged)?;
        let formulas = xls.worksheet_formula(&name).map_err(damaged)?;
        let mut values = decoded_range(values, code_page);
        let number = names.iter().position(|known| *known == name);
        if let Some(shown) = number.and_then(|number| shown.get(&number)) {
            show_numbers(&mut values, shown);
        }
        range(&values, &formulas, epoch, to)?;
    }
    Ok(())
}

/// Replaces numbers by the texts that their formats show.
fn show_numbers(values: &mut Range<Data>, shown: &ShownNumbers) {
    for (position, text) in shown {
        if let Some(Data::Int(_) | Data::Float(_)) = values.get_value(*position) {
            values.set_value(*position, Data::String(text.clone()));
        }
    }
}

/// Writes a cell. `is_sum` is true for a formula that adds up the cells above.
fn write<W: Write>(
    row: u32,
    column: u32,
    cell: &Cell<'_>,
    is_sum: bool,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    match shown_text(cell) {
        Some(shown) => to.shown(row, column, &shown),
        None if is_sum => to.sum(row, column, cell),
        None => to.cell(row, column, cell),
    }
}

/// Decodes a text of a code page of DOS.
fn decoded(text: &str, code_page: Option<DosCodePage>) -> Cow<'_, str> {
    code_page.map_or(Cow::Borrowed(text), |code_page| code_page.decode(text))
}

/// Decodes the texts of a sheet with a code page of DOS.
fn decoded_range(values: Range<Data>, code_page: Option<DosCodePage>) -> Range<Data> {
    let (Some(code_page), Some((first, left))) = (code_page, values.start()) else { return values };
    let cells = values.used_cells().map(|(row, column, found)| {
        let found = match found {
            Data::String(text) => Data::String(code_page.decode(text).into_owned()),
            other => other.clone(),
        };
        calamine::Cell::new((first + row as u32, left + column as u32), found)
    });
    Range::from_sparse(cells.collect())
}

/// Reads a `.xlsx`, `.xlsb` or `.ods`.
pub(super) fn decode_zip<W: Write>(
    file: &[u8],
    kind: SourceKind,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    // What is damaged in another way is left to calamine.
    let parts = match Parts::new(file) {
        Ok(parts) => Some(parts),
        Err(_) if !has_whole_end(file) => return Err(Refusal::CutOff.into()),
        Err(_) => None,
    };
    let ods = parts.as_ref().and_then(open_document::corrected);
    match Ods::new(Cursor::new(ods.as_deref().unwrap_or(file))) {
        Ok(found) => {
            let corrected = ods.as_deref().and_then(|bytes| Parts::new(bytes).ok());
            let parts = corrected.as_ref().or(parts.as_ref());
            return decode_ods(found, kind, &parts.map(merged_of_ods).unwrap_or_default(), to);
        }
        Err(OdsError::Password) => return Err(Refusal::Encrypted.into()),
        Err(OdsError::FileNotFound("mimetype") | OdsError::InvalidMime(_)) => {}
        Err(error) => return Err(damaged(error)),
    }
    let corrected = parts.as_ref().and_then(xlsb::corrected);
    match Xlsb::new(Cursor::new(corrected.as_ref().map_or(file, |xlsb| xlsb.bytes.as_slice()))) {
        Ok(xlsb) => {
            let merged = corrected.as_ref().map_or(&[][..], |corrected| &corrected.merged);
            return decode_xlsb(xlsb, kind, merged, to);
        }
        Err(XlsbError::Password) => return Err(Refusal::Encrypted.into()),
        // The archive has no parts of a `.xlsb`.
        Err(XlsbError::FileNotFound(_)) => {}
        Err(error) => return Err(damaged(error)),
    }
    let is_uncalculated = parts.as_ref().is_some_and(open_xml::is_uncalculated);
    let xlsx = parts.as_ref().and_then(open_xml::corrected);
    match Xlsx::new(Cursor::new(xlsx.as_deref().unwrap_or(file))) {
        Ok(xlsx) => {
            let has_merged = parts.as_ref().is_none_or(merged::may_be_in);
            decode_xlsx(xlsx, kind, is_uncalculated, has_merged, to)
        }
        Err(XlsxError::Password) => Err(Refusal::Encrypted.into()),
        Err(XlsxError::FileNotFound(_)) if parts.as_ref().is_some_and(has_no_workbook) => {
            Err(Refusal::Foreign(ForeignFile::Zip).into())
        }
        Err(error) => Err(damaged(error)),
    }
}

/// Returns whether a file ends with a complete end-of-archive record, and its comment.
fn has_whole_end(file: &[u8]) -> bool {
    let Some(at) = memchr::memmem::rfind(file, END_SIGNATURE) else { return false };
    let end = &file[at..];
    let comment_bytes = end.get(END_BYTES as usize - 2..END_BYTES as usize);
    let comment_bytes =
        comment_bytes.and_then(|bytes| Some(u16::from_le_bytes(bytes.try_into().ok()?)));
    comment_bytes.is_some_and(|bytes| end.len() as u64 >= END_BYTES + u64::from(bytes))
}

/// Returns whether an archive has none of the parts by which a `.xlsx` is known.
fn has_no_workbook(parts: &Parts<'_>) -> bool {
    parts.find("[Content_Types].xml").is_none() && parts.find("xl/workbook.xml").is_none()
}

/// The merged cells of each sheet of a `.ods` with its name.
fn merged_of_ods(parts: &Parts<'_>) -> Vec<(String, Vec<MergedRange>)> {
    let content = parts.find("content.xml").and_then(|part| parts.reader(part).ok());
    content.map(merged::of_open_document).unwrap_or_default()
}

/// The merged cells of the sheet with this name.
fn ranges_of(
    merged: &[(String, Vec<MergedRange>)],
    sheet: &str,
) -> impl Iterator<Item = MergedRange> {
    let found = merged.iter().find(|(name, _)| name == sheet);
    found.into_iter().flat_map(|(_, ranges)| ranges.iter().copied())
}

fn decode_ods<F: Read + Seek, W: Write>(
    mut ods: Ods<F>,
    kind: SourceKind,
    merged: &[(String, Vec<MergedRange>)],
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    for name in sheets(&ods, kind) {
        to.sheet(&name)?;
        to.merged(ranges_of(merged, &name))?;
        let values = ods.worksheet_range(&name).map_err(damaged)?;
        let formulas = ods.worksheet_formula(&name).map_err(damaged)?;
        range(&values, &formulas, Epoch::Of1900, to)?;
    }
    Ok(())
}

fn decode_xlsb<F: Read + Seek, W: Write>(
    mut xlsb: Xlsb<F>,
    kind: SourceKind,
    merged: &[(String, Vec<MergedRange>)],
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    for name in sheets(&xlsb, kind) {
        to.sheet(&name)?;
        to.merged(ranges_of(merged, &name))?;
        let mut cells = xlsb.worksheet_cells_reader(&name).map_err(damaged)?;
        while let Some(cell) = cells.next_cell().map_err(damaged)? {
            let (row, column) = cell.get_position();
            // calamine does not return the epoch of a `.xlsb`. Only Excel for Windows writes them, and
            // it counts from 1900.
            let found = match value(cell.get_value(), Epoch::Of1900) {
                Cell::Text(text) if text == xlsb::UNCALCULATED => Cell::Formula("".into()),
                found => found,
            };
            write(row, column, &found, false, to)?;
        }
    }
    Ok(())
}

fn decode_xlsx<F: Read + Seek, W: Write>(
    mut xlsx: Xlsx<F>,
    kind: SourceKind,
    is_uncalculated: bool,
    has_merged: bool,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    let epoch = Epoch::of(xlsx.has_1904_epoch());
    for name in sheets(&xlsx, kind) {
        to.sheet(&name)?;
        if has_merged {
            let ranges = xlsx.merge_cells_by_sheet_name(&name).map_err(damaged)?;
            to.merged(ranges.into_iter().map(merged::range_of))?;
        }
        let mut cells = xlsx.worksheet_cells_reader(&name).map_err(damaged)?;
        while let Some(cell) = cells.next_cell_with_formula().map_err(damaged)? {
            let (row, column) = cell.pos;
            let has_value = match &cell.value {
                DataRef::Empty => false,
                // Zero might be the result, or stand for it.
                other => !is_uncalculated || other.as_f64() != Some(0.0) || is_boolean(other),
            };
            let is_sum = cell.formula.as_deref().is_some_and(|f| sums_column(f, row));
            let found = match (value(&cell.value, epoch), cell.formula) {
                (_, Some(formula)) if !has_value => Cell::Formula(formula.into()),
                (Cell::Text(text), Some(_)) => error_shown(text),
                (found, _) => found,
            };
            write(row, column, &found, is_sum, to)?;
        }
    }
    Ok(())
}

fn is_boolean(found: &DataRef<'_>) -> bool {
    matches!(found, DataRef::Bool(_))
}

/// The names of the sheets with cells, including hidden sheets, in the order in which they are read.
fn sheets<F: Read + Seek>(workbook: &impl Reader<F>, kind: SourceKind) -> Vec<String> {
    let sheets = workbook.sheets_metadata().iter();
    let mut names: Vec<String> = sheets
        .filter(|sheet| sheet.typ == SheetType::WorkSheet)
        .map(|sheet| sheet.name.clone())
        .collect();
    kind.sort_sheets(&mut names);
    names
}

/// Writes the cells of a sheet in memory. The ranges of values and of formulas can differ.
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
            let found = owned_value(found, epoch);
            write(first + row as u32, left + column as u32, &found, false, to)
        });
    };
    for row in first.min(first_too)..=last.max(last_too) {
        for column in left.min(left_too)..=right.max(right_too) {
            let found = values.get_value((row, column)).unwrap_or(&Data::Empty);
            let formula = formulas.get_value((row, column)).filter(|formula| !formula.is_empty());
            let found = match (owned_value(found, epoch), formula) {
                (Cell::Empty, Some(formula)) if found.is_empty() => {
                    let is_read = !formula.starts_with(UNREAD_FORMULA);
                    Cell::Formula(Cow::Borrowed(if is_read {
                        without_namespace(formula)
                    } else {
                        ""
                    }))
                }
                // In a `.ods`, an error is only the text that is shown.
                (Cell::Text(text), Some(_)) => error_shown(text),
                (found, _) => found,
            };
            let is_sum = formula.is_some_and(|formula| sums_column(formula, row));
            write(row, column, &found, is_sum, to)?;
        }
    }
    Ok(())
}

/// Returns a formula without the namespace of OpenDocument and its equals sign: `of:=1+2` is `1+2`.
fn without_namespace(formula: &str) -> &str {
    match formula.split_once(":=") {
        Some((namespace, rest)) if namespace.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            rest
        }
        Some(_) | None => formula,
    }
}

fn error_shown(text: Cow<'_, str>) -> Cell<'_> {
    match CellError::of_text(&text) {
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
        _ if is_time_of_day(days) => Cell::Date(days),
        Epoch::Of1900 => Cell::Date(days),
        Epoch::Of1904 => Cell::Date(days + DAYS_TO_1904),
    }
}

/// Returns a date, or a text if calamine mistook a text for a date.
fn date_text(text: &str) -> Cell<'_> {
    iso::date_days(text).map_or_else(|| Cell::text(text), Cell::Date)
}

/// Returns a duration. In a `.ods` a time of day is a duration of less than a day.
fn duration_text(text: &str) -> Cell<'_> {
    match iso::duration_days(text) {
        Some(days) if is_time_of_day(days) => Cell::Date(days),
        Some(days) => Cell::Duration(days),
        None => Cell::text(text),
    }
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
