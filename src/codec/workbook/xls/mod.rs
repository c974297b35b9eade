//! BIFF8 in an OLE2 container: what Excel 97 wrote and everything since reads.
//!
//! ```text
//! globals   fonts, looks, the sheets' names and places, names for the filters
//! strings   the texts of all cells
//! sheets    each: what stands before its cells, its cells, what stands behind
//! ```
//!
//! No crate that is kept up writes it. The cells and the texts are written into files of their
//! own as rows come; the stream is put together from them when the workbook is finished, because
//! only then is it known where everything stands.
//!
//! LibreOffice shows the booleans of any `.xls` as 1 and 0; they are booleans all the same.

mod buttons;
mod look;
mod record;
mod sheet;
mod strings;

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::Format;
use super::write::{self, Marked, Style, WriteError};
use record::{
    BOUNDSHEET, Bytes, CODEPAGE, DATEMODE, EXTERNSHEET, NAME, SUPBOOK, Substream, WINDOW1,
};
use sheet::{Cells, Sheet};
use strings::{Strings, Table};

/// The longest stream in a container with sectors of 512 bytes, which are the ones that every
/// reader understands; less the room for what stands around cells and texts.
const STREAM_BYTES_MAX: u64 = (1 << 31) - (4 << 20);

/// How the container is written: in pieces that `cfb` hands on as they are.
const PIECE_BYTES: usize = 1 << 20;

/// A `.xls` that is being written.
#[derive(Debug)]
pub(super) struct XlsWriter {
    cells_out: BufWriter<File>,
    strings: Strings,
    sheets: Vec<Sheet>,
    sheet: Option<Cells>,
}

impl XlsWriter {
    pub(super) fn new(scratch: &Path) -> Result<Self, WriteError> {
        let cells = tempfile::tempfile_in(scratch)?;
        let strings = tempfile::tempfile_in(scratch)?;
        Ok(Self {
            cells_out: BufWriter::with_capacity(1 << 16, cells),
            strings: Strings::new(strings),
            sheets: Vec::new(),
            sheet: None,
        })
    }

    pub(super) fn begin_sheet(&mut self, name: &str) {
        let cells_at = self.sheets.last().map_or(0, |sheet| sheet.cells_at + sheet.cells_bytes);
        self.sheet = Some(Cells::new(name, cells_at));
    }

    pub(super) fn cell(
        &mut self,
        column: u16,
        marked: &Marked<'_>,
        style: Style,
    ) -> Result<(), WriteError> {
        let Some(sheet) = &mut self.sheet else { return Err(WriteError::NoSheet) };
        let number_of_text = |text: &str| self.strings.number(text);
        if let Some(content) = sheet::content(&marked.cell, marked.mark, number_of_text)? {
            sheet.add(column, look::look_number(marked, style), content);
        }
        Ok(())
    }

    pub(super) fn end_row(&mut self) -> Result<(), WriteError> {
        let Some(sheet) = &mut self.sheet else { return Err(WriteError::NoSheet) };
        sheet.end_row(&mut self.cells_out)?;
        if sheet.end() + self.strings.bytes() > STREAM_BYTES_MAX {
            return Err(WriteError::Long { bytes_max: STREAM_BYTES_MAX, format: Format::Xls });
        }
        Ok(())
    }

    pub(super) fn end_sheet(&mut self, look: write::Look) -> Result<(), WriteError> {
        let Some(sheet) = self.sheet.take() else { return Err(WriteError::NoSheet) };
        self.sheets.push(sheet.finish(look, &mut self.cells_out)?);
        Ok(())
    }

    pub(super) fn finish<W: Read + Write + Seek>(self, out: W) -> Result<W, WriteError> {
        let mut cells = self.cells_out.into_inner().map_err(io::IntoInnerError::into_error)?;
        cells.rewind()?;
        let strings = self.strings.finish()?;
        // Sectors of 512 bytes: the readers take longer ones for garbage.
        let mut container = cfb::CompoundFile::create_with_version(cfb::Version::V3, out)?;
        let stream = container.create_new_stream("/Workbook")?;
        let mut stream = BufWriter::with_capacity(PIECE_BYTES, stream);
        write_stream(&mut stream, &self.sheets, strings, cells)?;
        stream.into_inner().map_err(io::IntoInnerError::into_error)?.flush()?;
        container.flush()?;
        let mut out = container.into_inner();
        out.seek(SeekFrom::End(0))?;
        Ok(out)
    }
}

/// Puts the stream together.
fn write_stream(
    out: &mut impl Write,
    sheets: &[Sheet],
    strings: Table,
    cells: File,
) -> io::Result<()> {
    let globals_bytes = globals(sheets, &[]).0.len() as u64;
    let index_bytes = strings.index(0).0.len() as u64;
    let end = Bytes::default().end();
    let mut at = globals_bytes + strings.bytes + index_bytes + end.0.len() as u64;
    let mut places = Vec::new();
    for (number, sheet) in (1..).zip(sheets) {
        places.push(at);
        let around = sheet.before(at).0.len() + sheet.behind(number).0.len();
        at += around as u64 + sheet.cells_bytes;
    }
    out.write_all(&globals(sheets, &places).0)?;
    let index = strings.index(globals_bytes as u32);
    copy(strings.file, strings.bytes, out)?;
    out.write_all(&index.bytes(&end.0).0)?;
    let mut cells = cells;
    for ((number, sheet), at) in (1..).zip(sheets).zip(places) {
        out.write_all(&sheet.before(at).0)?;
        copy(&mut cells, sheet.cells_bytes, out)?;
        out.write_all(&sheet.behind(number).0)?;
    }
    Ok(())
}

/// Copies so many bytes, which have to be there.
fn copy(from: impl Read, bytes: u64, out: &mut impl Write) -> io::Result<()> {
    let mut piece = vec![0; 1 << 16];
    let mut from = from.take(bytes);
    let mut left = bytes;
    while left > 0 {
        let read = from.read(&mut piece)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        out.write_all(&piece[..read])?;
        left -= read as u64;
    }
    Ok(())
}

/// What stands before the table of texts. It is as long whatever the places of the sheets.
fn globals(sheets: &[Sheet], places: &[u64]) -> Bytes {
    /// UTF-16.
    const CODEPAGE_UTF16: u16 = 1200;
    // Where it stands on the screen and how large it is, scroll bars and tabs; the first sheet is
    // the chosen one; the tabs have three fifths.
    let window = [0, 0x69, 0x25BC, 0x1572, 0x0038, 0, 0, 1, 0x0258];
    let window = window.into_iter().fold(Bytes::default(), Bytes::u16);
    let globals = Bytes::default()
        .begin(Substream::Globals)
        .record(CODEPAGE, Bytes::default().u16(CODEPAGE_UTF16))
        .record(WINDOW1, window)
        // Days are counted from 1900.
        .record(DATEMODE, Bytes::default().u16(0))
        .bytes(&look::records().0);
    let places = places.iter().copied().chain(std::iter::repeat(0));
    let globals = sheets.iter().zip(places).fold(globals, |globals, (sheet, place)| {
        let units = sheet.name.encode_utf16().count() as u8;
        let body = Bytes::default().u32(place as u32).u16(0).u8(units).characters(&sheet.name);
        globals.record(BOUNDSHEET, body)
    });
    let globals = filters(globals, sheets);
    let buttons = sheets.iter().map(|sheet| sheet.look.header_columns).collect::<Vec<_>>();
    match buttons::group(&buttons) {
        Some(group) => globals.bytes(&group.0),
        None => globals,
    }
}

/// The hidden names by which Excel knows what a filter is on.
fn filters(globals: Bytes, sheets: &[Sheet]) -> Bytes {
    /// Hidden, and known to Excel by number instead of name.
    const HIDDEN_BUILT_IN: u16 = 0x0021;
    const FILTER_DATABASE: u8 = 0x0D;
    /// A part of a formula: an area on a sheet.
    const AREA: u8 = 0x3B;
    const AREA_BYTES: u16 = 11;
    let count = sheets.len() as u16;
    // This workbook itself, and each of its sheets.
    let globals = globals.record(SUPBOOK, Bytes::default().u16(count).u16(0x0401));
    let own = (0..count)
        .fold(Bytes::default().u16(count), |body, sheet| body.u16(0).u16(sheet).u16(sheet));
    let globals = globals.record(EXTERNSHEET, own);
    (0..).zip(sheets).fold(globals, |globals, (number, sheet)| {
        let Some(last_column) = sheet.look.header_columns.checked_sub(1) else { return globals };
        let last_row = sheet.rows.saturating_sub(1);
        let body = Bytes::default().u16(HIDDEN_BUILT_IN).u8(0).u8(1).u16(AREA_BYTES).u16(0);
        let body = body.u16(number + 1).u32(0).u8(0).u8(FILTER_DATABASE);
        let body = body.u8(AREA).u16(number).u16(0).u16(last_row as u16);
        globals.record(NAME, body.u16(0).u16(last_column as u16))
    })
}
