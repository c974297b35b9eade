//! Reading of a table of comma-separated values: one sheet without a name, whose cells are texts.

use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read, Seek, Write};

use csv::{ByteRecord, ReaderBuilder, Terminator};

use super::super::cell::Cell;
use super::super::frame::{FrameWriter, Stop};
use super::super::limits::ROW_BYTES_MAX;
use super::super::refusal::{OutputLimit, Refusal};

/// Delimiters between cells. Excel writes `;` in countries with a decimal comma.
const DELIMITERS: [u8; 3] = *b",;\t";

/// The byte order mark of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads the whole table.
pub(super) fn decode<F: Read + Seek, W: Write>(
    file: BufReader<F>,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    let mut file = file;
    let mut header = Vec::new();
    let read = file.by_ref().take(ROW_BYTES_MAX as u64).read_until(b'\n', &mut header);
    read.map_err(Stop::Io)?;
    let skipped = if header.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let delimiter = delimiter(&header);
    let is_crlf = header.ends_with(b"\r\n");
    // The complete input: the header, the rest, and a final newline in case the last line has none.
    let bytes = Cursor::new(header.split_off(skipped)).chain(file).chain(&b"\n"[..]);
    let mut table = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        // csv counts lines by this byte.
        .terminator(Terminator::Any(b'\n'))
        .from_reader(RowLimit { from: bytes, row_left: ROW_BYTES_MAX });
    to.sheet("")?;
    let mut record = ByteRecord::new();
    // csv skips empty lines, which a spreadsheet counts as rows. The number of a row is that of its
    // line, less the line breaks in the cells before.
    let mut lines_in_cells = 0;
    let mut next_row = 0;
    loop {
        table.get_mut().row_left = ROW_BYTES_MAX;
        match table.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return Err(stop(error, next_row)),
        }
        let lines_in_row = memchr::memchr_iter(b'\n', record.as_slice()).count() as u64;
        let line = table.position().line() - 1 - lines_in_row;
        let row = u32::try_from(line - 1 - lines_in_cells).unwrap_or(u32::MAX);
        let last = record.len() as u32 - 1;
        for (column, field) in (0..).zip(&record) {
            let field = match field.strip_suffix(b"\r") {
                Some(field) if is_crlf && column == last => field,
                _ => field,
            };
            let Ok(text) = std::str::from_utf8(field) else {
                return Err(Refusal::NotUtf8 { line }.into());
            };
            to.cell(row, column, &Cell::text(text))?;
        }
        lines_in_cells += lines_in_row;
        next_row = row.saturating_add(1);
    }
}

/// The reason of an error of csv. Only reading fails: csv accepts any bytes as text.
fn stop(error: csv::Error, row: u32) -> Stop {
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == ErrorKind::FileTooLarge => {
            Stop::Output(OutputLimit::RowBytes { row })
        }
        csv::ErrorKind::Io(error) => Stop::Io(error),
        error => Stop::Refused(Refusal::Damaged { reason: format!(".csv: {error:?}") }),
    }
}

/// The delimiter of a table: the one that occurs most often in the header outside of quotes, or a
/// comma if there is none.
fn delimiter(header: &[u8]) -> u8 {
    let mut counts = [0; DELIMITERS.len()];
    let mut is_quoted = false;
    for byte in header {
        is_quoted ^= *byte == b'"';
        if let Some(at) = DELIMITERS.iter().position(|delimiter| delimiter == byte && !is_quoted) {
            counts[at] += 1;
        }
    }
    // If several occur equally often, the first one.
    let best = (0..DELIMITERS.len()).rev().max_by_key(|at| counts[*at]).unwrap_or(0);
    DELIMITERS[best]
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
