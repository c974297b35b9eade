//! Reads a table of comma-separated values: one sheet without a name, whose cells are texts.

use std::io::{BufReader, Cursor, ErrorKind, Read, Seek, Write};

use csv::{ByteRecord, ReaderBuilder, Terminator};

use super::super::cell::Cell;
use super::super::frame::{FrameWriter, Stop};
use super::super::limits::ROW_BYTES_MAX;
use super::super::refusal::{OutputLimit, Refusal};
use super::delimiter::{self, Start};
use super::encoding::Utf8Reader;
use super::end_mark::WithoutEndMark;
use super::lines::{Lines, OpenQuote};

/// The length of the beginning by which the delimiter is found, in bytes: some hundred lines.
const BEGINNING_BYTES: u64 = 64 << 10;

/// Reads the whole table.
pub(super) fn decode<F: Read + Seek, W: Write>(
    file: BufReader<F>,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    let mut text = WithoutEndMark::new(Utf8Reader::new(file).map_err(Stop::Io)?);
    let mut beginning = Vec::new();
    text.by_ref().take(BEGINNING_BYTES).read_to_end(&mut beginning).map_err(Stop::Io)?;
    let whole_lines = match memchr::memrchr2(b'\r', b'\n', &beginning) {
        Some(end) if beginning.len() as u64 == BEGINNING_BYTES => &beginning[..end],
        Some(_) | None => &beginning,
    };
    let Start { delimiter, skipped_bytes, skipped_lines } = delimiter::find(whole_lines);
    let bytes = Cursor::new(beginning.split_off(skipped_bytes)).chain(text);
    let lines = Lines::new(bytes, delimiter, 1 + skipped_lines);
    let mut table = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        // csv counts lines by this byte.
        .terminator(Terminator::Any(b'\n'))
        .from_reader(RowLimit { from: lines, row_left: ROW_BYTES_MAX });
    to.sheet("")?;
    let mut record = ByteRecord::new();
    // csv skips empty lines, which a spreadsheet counts as rows. The number of a row is the number
    // of its line minus the line breaks in the cells before it.
    let mut lines_in_cells = 0;
    let mut next_row = 0;
    loop {
        table.get_mut().row_left = ROW_BYTES_MAX;
        match table.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return Err(stop(error, next_row, &table.get_ref().from)),
        }
        let lines_in_row = memchr::memchr_iter(b'\n', record.as_slice()).count() as u64;
        let line = table.position().line() - 1 - lines_in_row;
        let row = u32::try_from(line - 1 - lines_in_cells).unwrap_or(u32::MAX);
        for (column, field) in (0..).zip(&record) {
            // No table contains NUL. UTF-32, and UTF-16 that is not recognised, is full of it.
            let text = std::str::from_utf8(field).ok().filter(|text| !text.contains('\0'));
            let Some(text) = text else {
                return Err(Refusal::NotUtf8 { line: line + skipped_lines }.into());
            };
            to.cell(row, column, &Cell::text(without_formula(text)))?;
        }
        lines_in_cells += lines_in_row;
        next_row = row.saturating_add(1);
    }
}

/// Returns the text in a formula that only shows it: `="00042"`. Programs write it, so that Excel does
/// not take the text for a number.
fn without_formula(field: &str) -> &str {
    let text = field.strip_prefix("=\"").and_then(|text| text.strip_suffix('"'));
    text.filter(|text| !text.contains('"')).unwrap_or(field)
}

/// The reason of an error of csv. Only reading fails: csv accepts any bytes as text.
fn stop<R: Read>(error: csv::Error, row: u32, lines: &Lines<R>) -> Stop {
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == ErrorKind::FileTooLarge => {
            match lines.open_quote() {
                Some(OpenQuote { line }) => Refusal::OpenQuote { line }.into(),
                None => Stop::Output(OutputLimit::RowBytes { row }),
            }
        }
        csv::ErrorKind::Io(error) => match error.downcast::<OpenQuote>() {
            Ok(OpenQuote { line }) => Refusal::OpenQuote { line }.into(),
            Err(error) => Stop::Io(error),
        },
        // Errors of rows of different lengths and of text that is not UTF-8. This reader has
        // neither: it is flexible, and reads bytes.
        _ => Stop::Io(ErrorKind::InvalidData.into()),
    }
}

/// A reader that fails with `FileTooLarge` if one row is too long. After an open quote the rest of
/// the file is one row.
struct RowLimit<R> {
    from: R,
    row_left: usize,
}

impl<R: Read> Read for RowLimit<R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        if self.row_left == 0 {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let read = self.from.read(bytes)?;
        self.row_left = self.row_left.saturating_sub(read);
        Ok(read)
    }
}
