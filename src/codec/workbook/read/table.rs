//! A table of comma-separated values: one sheet without a name, every cell a text.

use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read, Seek, Write};

use csv::{ByteRecord, ReaderBuilder};

use super::super::cell::Cell;
use super::super::child::{FrameWriter, OutputLimit, Refusal, Stop};
use super::super::limits::ROW_BYTES_MAX;

/// What may stand between two cells. Excel writes `;` where the comma is for decimals.
const DELIMITERS: [u8; 3] = *b",;\t";

/// What UTF-8 may begin with.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads the whole table.
pub(super) fn decode<F: Read + Seek, W: Write>(
    file: BufReader<F>,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    let mut file = file;
    let mut header = Vec::new();
    file.by_ref().take(ROW_BYTES_MAX as u64).read_until(b'\n', &mut header)?;
    let skipped = if header.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let delimiter = delimiter(&header);
    // csv takes bytes from the front of what it reads, so the header is put back before the rest.
    let bytes = Bounded {
        from: Cursor::new(header.split_off(skipped)).chain(file),
        row_left: ROW_BYTES_MAX,
    };
    let mut table = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(bytes);
    to.sheet("")?;
    let mut record = ByteRecord::new();
    let mut rows = 0;
    // csv leaves out lines without anything; a spreadsheet counts them.
    let mut line = 1;
    loop {
        table.get_mut().row_left = ROW_BYTES_MAX;
        match table.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return Err(stop(error, rows)),
        }
        let begin = record.position().map_or(line, csv::Position::line);
        rows += u32::try_from(begin.saturating_sub(line)).unwrap_or(u32::MAX);
        for (column, field) in (0..).zip(&record) {
            let Ok(text) = std::str::from_utf8(field) else {
                return Err(Refusal::NotUtf8 { line: begin }.into());
            };
            to.cell(rows, column, &Cell::text(text))?;
        }
        rows = rows.saturating_add(1);
        line = table.position().line();
    }
}

/// Nothing but bytes can be wrong: what csv can not make sense of, it takes for text.
fn stop(error: csv::Error, row: u32) -> Stop {
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == ErrorKind::FileTooLarge => {
            Stop::Output(OutputLimit::RowBytes { row })
        }
        csv::ErrorKind::Io(error) => Stop::Io(error),
        error => Stop::Refused(Refusal::Damaged { reason: format!(".csv: {error:?}") }),
    }
}

/// What stands between the cells of the header: the one that is there most often outside of
/// quotes, a comma where there is none.
fn delimiter(header: &[u8]) -> u8 {
    let mut counts = [0; DELIMITERS.len()];
    let mut is_quoted = false;
    for byte in header {
        is_quoted ^= *byte == b'"';
        if let Some(at) = DELIMITERS.iter().position(|delimiter| delimiter == byte && !is_quoted) {
            counts[at] += 1;
        }
    }
    // The first of those that are there equally often.
    let best = (0..DELIMITERS.len()).rev().max_by_key(|at| counts[*at]).unwrap_or(0);
    DELIMITERS[best]
}

/// Ends in an error when one row takes too much: an open quote makes one of the whole file.
struct Bounded<R> {
    from: R,
    row_left: usize,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        if self.row_left == 0 {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let read = self.from.read(bytes)?;
        self.row_left = self.row_left.saturating_sub(read);
        Ok(read)
    }
}
