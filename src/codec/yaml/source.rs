//! Reads the bytes of a document in chunks, validates characters, and counts lines and columns.
//!
//! Every byte that the scanner sees is part of valid UTF-8 and of a character that PyYAML's reader
//! allows. NUL is not allowed, so 0 means the end. An invalid byte is reported when the scanner
//! reaches it; everything before it is read.

use std::io::{ErrorKind, Read};

use super::error::{ReadError, Rule};
use super::token::Mark;

/// The number of bytes of one read.
const CHUNK_BYTES: usize = 64 << 10;

/// The reason why no more bytes follow.
#[derive(Debug)]
enum Stop {
    End,
    Refused(Rule),
}

/// A line break of PyYAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// `\n`, `\r\n`, `\r` or U+0085; all are read as `\n`.
    Line,
    /// U+2028 or U+2029, which are kept; with the last byte of their UTF-8.
    Separator(u8),
}

impl Break {
    /// Appends the break to a text.
    pub(super) fn push_to(self, text: &mut Vec<u8>) {
        match self {
            Break::Line => text.push(b'\n'),
            Break::Separator(last) => text.extend([0xe2, 0x80, last]),
        }
    }
}

/// A window of the bytes of a reader, and its position in the document.
pub(super) struct DocumentSource<'r> {
    /// `dyn`, so that the reader is compiled once for all types. It is called once for each chunk.
    reader: &'r mut dyn Read,
    buffer: Vec<u8>,
    /// The position of the scanner in `buffer`.
    at: usize,
    /// Bytes before this position are validated.
    checked: usize,
    /// Bytes before this position are read: up to three more than validated, of an incomplete
    /// character.
    filled: usize,
    stop: Option<Stop>,
    /// Counts from 0.
    line: u64,
    /// In characters, counts from 0.
    column: u64,
    /// The number of characters before the scanner.
    index: u64,
    /// The number of bytes that have been read.
    bytes: u64,
}

impl<'r> DocumentSource<'r> {
    pub(super) fn new(reader: &'r mut dyn Read) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            at: 0,
            checked: 0,
            filled: 0,
            stop: None,
            line: 0,
            column: 0,
            index: 0,
            bytes: 0,
        }
    }

    /// Returns the location of the scanner for messages.
    pub(super) fn mark(&self) -> Mark {
        Mark { line: self.line + 1, column: self.column + 1 }
    }

    /// Returns the column, in characters from 0.
    pub(super) fn column(&self) -> u64 {
        self.column
    }

    /// Returns the line, from 0.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Returns the number of characters before the scanner.
    pub(super) fn index(&self) -> u64 {
        self.index
    }

    /// Returns the number of bytes that have been read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// Returns the validated bytes after the scanner.
    #[inline]
    pub(super) fn window(&self) -> &[u8] {
        &self.buffer[self.at..self.checked]
    }

    /// Returns whether the document ends with the window.
    pub(super) fn is_last_window(&self) -> bool {
        matches!(self.stop, Some(Stop::End))
    }

    /// Extends the window to at least `count` bytes, unless the document ends before.
    #[inline]
    pub(super) fn fill(&mut self, count: usize) -> Result<(), ReadError> {
        if self.checked - self.at >= count { Ok(()) } else { self.read_more(count) }
    }

    /// Returns the byte at `offset` from the scanner, or 0 after the end. Call [`fill`](Self::fill)
    /// before.
    #[inline]
    pub(super) fn peek(&self, offset: usize) -> u8 {
        self.window().get(offset).copied().unwrap_or(0)
    }

    /// Skips `count` bytes of ASCII without line breaks.
    #[inline]
    pub(super) fn skip(&mut self, count: usize) {
        self.at += count;
        self.column += count as u64;
        self.index += count as u64;
    }

    /// Skips `count` bytes of text without line breaks.
    #[inline]
    pub(super) fn skip_text(&mut self, count: usize) {
        let text = &self.buffer[self.at..self.at + count];
        let characters = text.iter().filter(|byte| !is_continuation(**byte)).count() as u64;
        self.at += count;
        self.column += characters;
        self.index += characters;
    }

    /// Skips a byte order mark, which has no column.
    pub(super) fn skip_byte_order_mark(&mut self) {
        self.at += '\u{feff}'.len_utf8();
        self.index += 1;
    }

    /// Skips whole lines: `count` bytes, after which a line starts.
    pub(super) fn skip_lines(&mut self, count: usize, lines: u64) {
        self.at += count;
        self.index += count as u64;
        self.line += lines;
        self.column = 0;
    }

    /// Returns the line break at `offset` from the scanner, and its length in bytes. Call
    /// [`fill`](Self::fill) for three bytes from there before.
    #[inline]
    pub(super) fn break_at(&self, offset: usize) -> Option<(Break, usize)> {
        let window = self.window();
        match window.get(offset)? {
            b'\n' => Some((Break::Line, 1)),
            b'\r' if window.get(offset + 1) == Some(&b'\n') => Some((Break::Line, 2)),
            b'\r' => Some((Break::Line, 1)),
            0xc2 if window.get(offset + 1) == Some(&0x85) => Some((Break::Line, 2)),
            0xe2 if window.get(offset + 1) == Some(&0x80) => match window.get(offset + 2) {
                Some(&last @ (0xa8 | 0xa9)) => Some((Break::Separator(last), 3)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Skips a line break if one follows, and returns it.
    pub(super) fn take_break(&mut self) -> Result<Option<Break>, ReadError> {
        self.fill(3)?;
        let Some((found, length)) = self.break_at(0) else { return Ok(None) };
        self.index += if length == 2 && self.peek(0) == b'\r' { 2 } else { 1 };
        self.at += length;
        self.line += 1;
        self.column = 0;
        Ok(Some(found))
    }

    #[cold]
    fn read_more(&mut self, count: usize) -> Result<(), ReadError> {
        while self.checked - self.at < count {
            match &self.stop {
                Some(Stop::End) => return Ok(()),
                Some(Stop::Refused(rule)) => return Err(self.end_mark().refuse(rule.clone())),
                None => self.read_chunk(count)?,
            }
        }
        Ok(())
    }

    fn read_chunk(&mut self, count: usize) -> Result<(), ReadError> {
        self.buffer.copy_within(self.at..self.filled, 0);
        self.filled -= self.at;
        self.checked -= self.at;
        self.at = 0;
        let wanted = count.max(self.filled + 1).next_multiple_of(CHUNK_BYTES);
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        let read = loop {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other.map_err(ReadError::Io)?,
            }
        };
        self.filled += read;
        self.bytes += read as u64;
        if read == 0 {
            let cut = self.checked < self.filled;
            self.stop = Some(if cut { Stop::Refused(Rule::Encoding) } else { Stop::End });
        } else {
            self.check();
        }
        Ok(())
    }

    /// Validates the complete characters among the bytes that have been read.
    fn check(&mut self) {
        let fresh = &self.buffer[self.checked..self.filled];
        let text = match std::str::from_utf8(fresh) {
            Ok(text) => text,
            Err(error) => {
                if error.error_len().is_some() {
                    self.stop = Some(Stop::Refused(Rule::Encoding));
                }
                std::str::from_utf8(&fresh[..error.valid_up_to()]).unwrap_or_default()
            }
        };
        let mut length = text.len();
        if let Some((offset, found)) = forbidden_character(text) {
            length = offset;
            self.stop = Some(Stop::Refused(Rule::Character { found: found.into() }));
        }
        self.checked += length;
    }

    /// Returns the location of the end of the window.
    fn end_mark(&self) -> Mark {
        let text = String::from_utf8_lossy(self.window());
        let mut mark = self.mark();
        for character in text.chars() {
            if character == '\n' {
                mark.line += 1;
                mark.column = 1;
            } else {
                mark.column += 1;
            }
        }
        mark
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// Returns the first character that PyYAML's reader refuses (`Reader.NON_PRINTABLE`), and its
/// offset.
fn forbidden_character(text: &str) -> Option<(usize, char)> {
    // Most text is printable ASCII, which this test recognises without decoding characters.
    let suspicious = text.as_bytes().iter().fold(false, |found, &byte| found | is_suspicious(byte));
    if !suspicious {
        return None;
    }
    text.char_indices().find(|&(_, character)| !is_allowed(character))
}

/// Returns whether a forbidden character can start with this byte: a control character, or one of
/// the two lead bytes of forbidden characters outside of ASCII.
fn is_suspicious(byte: u8) -> bool {
    (byte < 0x20 && !matches!(byte, b'\n' | b'\t' | b'\r')) || matches!(byte, 0x7f | 0xc2 | 0xef)
}

fn is_allowed(character: char) -> bool {
    matches!(character,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}
