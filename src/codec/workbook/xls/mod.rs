//! `.xls`: BIFF8 records in an OLE2 container, which Excel 97 and everything since can read.
//!
//! ```text
//! style     fonts, number formats and cell styles
//! strings   the shared table of texts
//! sheet     a sheet: records before its cells, its cells, records after them
//! record    record numbers, and bytes of records
//! ```
//!
//! No maintained crate writes this format. The source is [MS-XLS], and files of Excel, xlwt and
//! LibreOffice. Cells and texts are written to two temporary files, row by row.
//! [`SheetSink::finish`] puts the stream together from them, because records before the cells hold
//! positions of later ones.
//!
//! LibreOffice shows the booleans of any `.xls` as 1 and 0, although they are booleans in the file.

mod record;
mod sheet;
mod strings;
mod style;

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::column_guide::ColumnGuide;
use super::error::WriteError;
use super::format::Format;
use super::layout::SheetLayout;
use super::marked::MarkedCell;
use super::sink::{OutputFile, SheetSink};
use super::style::RowKind;
use record::{
    BOUNDSHEET, CODEPAGE, DATEMODE, EXTERNSHEET, NAME, RecordBuilder, SUPBOOK, Substream, WINDOW1,
};
use sheet::{FinishedSheet, OpenSheet};
use strings::{StringTable, StringTableWriter};

/// The longest stream, in bytes. A container with sectors of 512 bytes, the only size that every
/// reader accepts, holds 2 GiB; 4 MiB of that are left for records around cells and texts.
const STREAM_BYTES_MAX: u64 = (1 << 31) - (4 << 20);

/// Buffer for the stream, in bytes. `cfb` writes blocks of this size without copying them.
const STREAM_BUFFER_BYTES: usize = 1 << 20;

/// Buffer for the cells, for copies and for the finished file, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// Writes a `.xls` workbook.
#[derive(Debug)]
pub(super) struct XlsWriter {
    /// The cell records of all sheets.
    cells: BufWriter<File>,
    strings: StringTableWriter,
    finished: Vec<FinishedSheet>,
    current: Option<OpenSheet>,
}

impl XlsWriter {
    /// Begins a workbook with two unnamed files in `scratch`.
    ///
    /// # Errors
    /// [`WriteError::Scratch`] if they cannot be created.
    pub(super) fn new(scratch: &Path) -> Result<Self, WriteError> {
        let create = || tempfile::tempfile_in(scratch).map_err(WriteError::Scratch);
        Ok(Self {
            cells: BufWriter::with_capacity(BUFFER_BYTES, create()?),
            strings: StringTableWriter::new(create()?),
            finished: Vec::new(),
            current: None,
        })
    }
}

impl SheetSink for XlsWriter {
    fn begin_sheet(&mut self, name: &str) -> Result<(), WriteError> {
        let cells_at = self.finished.last().map_or(0, |sheet| sheet.cells_at + sheet.cells_bytes);
        self.current = Some(OpenSheet::new(name, cells_at));
        Ok(())
    }

    fn write_cell(
        &mut self,
        column: u16,
        cell: &MarkedCell<'_>,
        row: RowKind,
    ) -> Result<(), WriteError> {
        let Some(sheet) = &mut self.current else { return Err(WriteError::NoSheet) };
        let string_index = |text: &str| self.strings.index_of(text);
        let content = sheet::content(cell, string_index).map_err(WriteError::Scratch)?;
        if let Some(content) = content {
            sheet.add_cell(column, style::index_of_cell(cell, row), content);
        }
        Ok(())
    }

    /// Notes are drawing records, which this writer does not write.
    fn guide_column(&mut self, _: u16, _: &ColumnGuide) -> Result<(), WriteError> {
        Err(WriteError::Guides { format: Format::Xls })
    }

    fn end_row(&mut self) -> Result<(), WriteError> {
        let Some(sheet) = &mut self.current else { return Err(WriteError::NoSheet) };
        sheet.end_row(&mut self.cells).map_err(WriteError::Scratch)?;
        if sheet.cells_end() + self.strings.bytes() > STREAM_BYTES_MAX {
            return Err(WriteError::TooLarge { bytes_max: STREAM_BYTES_MAX, format: Format::Xls });
        }
        Ok(())
    }

    fn end_sheet(&mut self, layout: SheetLayout) -> Result<(), WriteError> {
        let Some(sheet) = self.current.take() else { return Err(WriteError::NoSheet) };
        let sheet = sheet.finish(layout, &mut self.cells).map_err(WriteError::Scratch)?;
        self.finished.push(sheet);
        Ok(())
    }

    fn finish(self: Box<Self>, out: &mut dyn OutputFile) -> Result<(), WriteError> {
        let Self { cells, strings, finished, .. } = *self;
        let cells = rewound(cells).map_err(WriteError::Scratch)?;
        let strings = strings.finish().map_err(WriteError::Scratch)?;
        write_container(out, &finished, strings, cells).map_err(WriteError::Output)
    }
}

/// Writes the rest of the buffer, and seeks to the beginning of the file.
fn rewound(file: BufWriter<File>) -> io::Result<File> {
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

/// Writes the container with its only stream.
fn write_container(
    out: &mut dyn OutputFile,
    sheets: &[FinishedSheet],
    strings: StringTable,
    cells: File,
) -> io::Result<()> {
    // Version 3 has sectors of 512 bytes. Readers misread the larger ones of version 4.
    let out = BufferedFile(BufWriter::with_capacity(BUFFER_BYTES, out));
    let mut container = cfb::CompoundFile::create_with_version(cfb::Version::V3, out)?;
    let stream = container.create_new_stream("/Workbook")?;
    let mut stream = BufWriter::with_capacity(STREAM_BUFFER_BYTES, stream);
    write_stream(&mut stream, sheets, strings, cells)?;
    stream.into_inner().map_err(io::IntoInnerError::into_error)?.flush()?;
    container.flush()?;
    container.into_inner().seek(SeekFrom::End(0))?;
    Ok(())
}

/// Collects the writes of `cfb`, which writes each sector of 512 bytes alone.
struct BufferedFile<'f>(BufWriter<&'f mut dyn OutputFile>);

impl Read for BufferedFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.flush()?;
        self.0.get_mut().read(buffer)
    }
}

impl Write for BufferedFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Seek for BufferedFile<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.0.seek(position)
    }
}

/// Writes the stream: globals, texts, then each sheet.
fn write_stream(
    out: &mut impl Write,
    sheets: &[FinishedSheet],
    strings: StringTable,
    cells: File,
) -> io::Result<()> {
    let globals_bytes = globals(sheets, &[]).0.len() as u64;
    let index_bytes = strings.index(0).0.len() as u64;
    let end = RecordBuilder::default().end();
    let mut position = globals_bytes + strings.bytes + index_bytes + end.0.len() as u64;
    let mut positions = Vec::new();
    for (number, sheet) in (1..).zip(sheets) {
        positions.push(position);
        let around =
            sheet.before_cells(position).0.len() + FinishedSheet::after_cells(number).0.len();
        position += around as u64 + sheet.cells_bytes;
    }
    out.write_all(&globals(sheets, &positions).0)?;
    let index = strings.index(globals_bytes as u32);
    copy(strings.file, strings.bytes, out)?;
    out.write_all(&index.bytes(&end.0).0)?;
    let mut cells = cells;
    for ((number, sheet), position) in (1..).zip(sheets).zip(positions) {
        out.write_all(&sheet.before_cells(position).0)?;
        copy(&mut cells, sheet.cells_bytes, out)?;
        out.write_all(&FinishedSheet::after_cells(number).0)?;
    }
    Ok(())
}

/// Copies exactly this number of bytes.
///
/// # Errors
/// `UnexpectedEof` if `from` has fewer.
fn copy(from: impl Read, bytes: u64, out: &mut impl Write) -> io::Result<()> {
    let mut piece = vec![0; BUFFER_BYTES];
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

/// The records before the table of texts. Their length does not depend on the positions of the
/// sheets.
fn globals(sheets: &[FinishedSheet], positions: &[u64]) -> RecordBuilder {
    const CODEPAGE_UTF16: u16 = 1200;
    // Position and size of the window, scroll bars and tabs on; the first sheet is active; the tabs
    // take three fifths of the width.
    let window = [0, 0x69, 0x25BC, 0x1572, 0x0038, 0, 0, 1, 0x0258];
    let window = window.into_iter().fold(RecordBuilder::default(), RecordBuilder::u16);
    let globals = RecordBuilder::default()
        .begin(Substream::Globals)
        .record(CODEPAGE, RecordBuilder::default().u16(CODEPAGE_UTF16))
        .record(WINDOW1, window)
        // Dates count from 1900.
        .record(DATEMODE, RecordBuilder::default().u16(0))
        .bytes(&style::records().0);
    let positions = positions.iter().copied().chain(std::iter::repeat(0));
    let globals = sheets.iter().zip(positions).fold(globals, |globals, (sheet, position)| {
        let units = sheet.name.encode_utf16().count() as u8;
        let body =
            RecordBuilder::default().u32(position as u32).u16(0).u8(units).characters(&sheet.name);
        globals.record(BOUNDSHEET, body)
    });
    filters(globals, sheets)
}

/// Adds the hidden names with the range of the filter of each sheet.
///
/// With the AUTOFILTERINFO record of the sheet, this is the filter that [MS-XLS] 2.4.6 and 2.4.8
/// describe. Excel also draws its drop-down buttons as shapes, which are not written: LibreOffice
/// shows the buttons nevertheless, and Excel shows them when a person switches the filter on.
fn filters(globals: RecordBuilder, sheets: &[FinishedSheet]) -> RecordBuilder {
    /// The name is hidden, and its text is the number of a built-in name.
    const HIDDEN_BUILT_IN: u16 = 0x0021;
    const FILTER_DATABASE: u8 = 0x0D;
    /// `PtgArea3d`: the operand of a formula that is an area of a sheet.
    const AREA: u8 = 0x3B;
    const AREA_BYTES: u16 = 11;
    let count = sheets.len() as u16;
    // References to this workbook itself, and to each of its sheets.
    let globals = globals.record(SUPBOOK, RecordBuilder::default().u16(count).u16(0x0401));
    let own_sheets = (0..count)
        .fold(RecordBuilder::default().u16(count), |body, sheet| body.u16(0).u16(sheet).u16(sheet));
    let globals = globals.record(EXTERNSHEET, own_sheets);
    (0..).zip(sheets).fold(globals, |globals, (number, sheet)| {
        let Some(last_column) = sheet.layout.header_columns.checked_sub(1) else { return globals };
        let last_row = sheet.rows.saturating_sub(1);
        let body = RecordBuilder::default().u16(HIDDEN_BUILT_IN).u8(0).u8(1).u16(AREA_BYTES).u16(0);
        let body = body.u16(number + 1).u32(0).u8(0).u8(FILTER_DATABASE);
        let body = body.u8(AREA).u16(number).u16(0).u16(last_row as u16);
        globals.record(NAME, body.u16(0).u16(last_column as u16))
    })
}
