//! The lines of a table: CR, LF and CRLF become LF outside of quotation marks.
//!
//! Excel for Mac ends lines with CR, Excel for Windows with CRLF. Files that two programs wrote have
//! both. The reader also finds a quotation mark that is never closed, and text behind a closed one. The
//! crate `csv` says nothing of both: the rest of the file becomes one cell, or a cell is divided at the
//! wrong place.

use std::io::{self, ErrorKind, Read};

/// Number of bytes that are read at a time.
const CHUNK_BYTES: usize = 8 << 10;

/// A quotation mark that is not closed, or closed before the end of its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a quotation mark in line {line} is not closed at the end of its cell")]
pub(super) struct OpenQuote {
    /// The line of the quotation mark, from 1.
    pub line: u64,
}

/// The position in a table, by the rules of the crate `csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    FieldStart,
    Plain,
    Quoted,
    /// After a quotation mark in a quoted cell: it ends the cell, or the next one doubles it.
    QuoteInQuoted,
    /// After a quoted cell and blanks.
    BlankAfterQuoted,
}

/// Reads the lines of a table, the last one with its line end.
pub(super) struct Lines<R> {
    from: R,
    delimiter: u8,
    position: Position,
    /// The current line, from 1.
    line: u64,
    /// The line of the last opening quotation mark.
    quote_line: u64,
    /// Whether the last byte was CR: the LF of a CRLF does not begin another line.
    is_after_cr: bool,
    /// Whether the next line has a byte.
    is_in_line: bool,
    /// Input that is not converted yet.
    chunk: Vec<u8>,
    at: usize,
}

impl<R: Read> Lines<R> {
    /// `first_line` is the number of the first line.
    pub(super) fn new(from: R, delimiter: u8, first_line: u64) -> Self {
        Self {
            from,
            delimiter,
            position: Position::FieldStart,
            line: first_line,
            quote_line: first_line,
            is_after_cr: false,
            is_in_line: false,
            chunk: Vec::new(),
            at: 0,
        }
    }

    /// The quotation mark of the quoted cell at the current position, if there is one.
    pub(super) fn open_quote(&self) -> Option<OpenQuote> {
        (self.position == Position::Quoted).then_some(OpenQuote { line: self.quote_line })
    }

    /// Takes the next byte. Returns the byte to pass on: `None` for the LF of a CRLF.
    ///
    /// # Errors
    /// [`OpenQuote`] if text follows the end of a quoted cell. If the cell contains a line break, the
    /// end is most likely the beginning of another quoted cell. Otherwise a quotation mark inside of
    /// the cell is not doubled.
    fn take(&mut self, byte: u8) -> Result<Option<u8>, OpenQuote> {
        let is_second = byte == b'\n' && self.is_after_cr;
        self.is_after_cr = byte == b'\r';
        let is_line_end = matches!(byte, b'\r' | b'\n');
        if is_line_end && !is_second {
            self.line += 1;
        }
        self.position = match (self.position, byte) {
            (Position::Quoted, b'"') => Position::QuoteInQuoted,
            (Position::Quoted, _) | (Position::QuoteInQuoted, b'"') => {
                self.is_in_line = true;
                self.position = Position::Quoted;
                return Ok(Some(byte));
            }
            _ if is_second => return Ok(None),
            _ if is_line_end => {
                self.position = Position::FieldStart;
                self.is_in_line = false;
                return Ok(Some(b'\n'));
            }
            (_, byte) if byte == self.delimiter => Position::FieldStart,
            (Position::FieldStart, b'"') => {
                self.quote_line = self.line;
                Position::Quoted
            }
            (Position::QuoteInQuoted | Position::BlankAfterQuoted, b' ' | b'\t')
                if self.line == self.quote_line =>
            {
                Position::BlankAfterQuoted
            }
            (Position::QuoteInQuoted | Position::BlankAfterQuoted, _) => {
                return Err(OpenQuote { line: self.quote_line });
            }
            (Position::FieldStart | Position::Plain, _) => Position::Plain,
        };
        self.is_in_line = true;
        Ok(Some(byte))
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let wrong = |error: OpenQuote| io::Error::new(ErrorKind::InvalidData, error);
        let mut count = 0;
        while count == 0 && !bytes.is_empty() {
            if self.at == self.chunk.len() {
                self.chunk.resize(CHUNK_BYTES, 0);
                let read = self.from.read(&mut self.chunk)?;
                self.chunk.truncate(read);
                self.at = 0;
                if read == 0 {
                    if let Some(open) = self.open_quote() {
                        return Err(wrong(open));
                    }
                    // The last line has no line end.
                    if std::mem::take(&mut self.is_in_line) {
                        bytes[0] = b'\n';
                        return Ok(1);
                    }
                    return Ok(0);
                }
            }
            while count < bytes.len() && self.at < self.chunk.len() {
                let byte = self.chunk[self.at];
                self.at += 1;
                if let Some(byte) = self.take(byte).map_err(wrong)? {
                    bytes[count] = byte;
                    count += 1;
                }
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(table: &str) -> Result<String, OpenQuote> {
        let mut text = String::new();
        // One byte at a time, so that every pair of bytes is separated.
        let mut lines = Lines::new(table.as_bytes(), b',', 1);
        let mut byte = [0];
        loop {
            match lines.read(&mut byte) {
                Ok(0) => return Ok(text),
                Ok(_) => text.push(char::from(byte[0])),
                Err(error) => {
                    return Err(*error.get_ref().unwrap().downcast_ref::<OpenQuote>().unwrap());
                }
            }
        }
    }

    #[test]
    fn every_line_end_becomes_lf_outside_of_quotes() {
        for table in ["a,b\nc,d\n", "a,b\rc,d\r", "a,b\r\nc,d", "a,b\nc,d\r\n", "a,b\r\nc,d\r"] {
            assert_eq!(read(table).unwrap(), "a,b\nc,d\n", "{table:?}");
        }
        assert_eq!(read("a\r\r\nb\n\rc").unwrap(), "a\n\nb\n\nc\n");
        assert_eq!(read("\"a\r\nb\rc\"\r\"\"\r\n").unwrap(), "\"a\r\nb\rc\"\n\"\"\n");
        // A quotation mark inside of a cell is a character like others.
        assert_eq!(read("5\" disk,x\r\ny\r\n").unwrap(), "5\" disk,x\ny\n");
        assert_eq!(read("\"a\"\"\r\",b\r").unwrap(), "\"a\"\"\r\",b\n");
        assert_eq!(read("\"a\" ,b\r").unwrap(), "\"a\" ,b\n");
        assert_eq!(read("").unwrap(), "");
    }

    #[test]
    fn an_open_quote_is_found_with_its_line() {
        for (table, line) in [
            ("a\n\"b\nc\n", 2),
            ("a\r\r\"b", 3),
            ("a\r\n\"b\r\nc,\"d\"\r\n", 2),
            ("\"a\nb\",c\n\"d\n", 3),
            // Text behind a closed quotation mark.
            ("a\n\"x\"y\"z\"\n", 2),
            ("a,b\nA,\"he said \"hi\", ok\"\n", 2),
            ("\"a\"  b\n", 1),
            ("\"a\" \"b\"\n", 1),
        ] {
            assert_eq!(read(table), Err(OpenQuote { line }), "{table:?}");
        }
    }
}
