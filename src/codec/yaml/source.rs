//! The bytes of a document: read in chunks, checked, and counted in lines and columns.
//!
//! Every byte that the scanner sees is part of valid UTF-8 and of a character that PyYAML's reader
//! allows; NUL is not among them, so that 0 can stand for "no more". A bad byte is reported when
//! the scanner reaches it, and everything before it is still read.

use std::io::{ErrorKind, Read};

use super::error::{ReadError, Rule};
use super::token::Mark;

/// How much is asked of the reader at once.
const CHUNK_BYTES: usize = 64 << 10;

/// Why there are no more bytes.
#[derive(Debug)]
enum Stop {
    End,
    Refused(Rule),
}

/// A line break, as PyYAML knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// `\n`, `\r\n`, `\r` or U+0085; all of them read as `\n`.
    Line,
    /// U+2028 or U+2029, which stay what they are; the last byte of their UTF-8.
    Separator(u8),
}

impl Break {
    /// Adds the break to a text.
    pub fn push_to(self, text: &mut Vec<u8>) {
        match self {
            Break::Line => text.push(b'\n'),
            Break::Separator(last) => text.extend([0xe2, 0x80, last]),
        }
    }
}

/// A window on the bytes of a reader, and the place in the document where it starts.
pub(super) struct Source<'r> {
    /// Asked once a chunk, so behind `dyn` all readers share what is compiled of the rest.
    reader: &'r mut dyn Read,
    buffer: Vec<u8>,
    /// Where the scanner is.
    at: usize,
    /// Bytes before this are checked.
    checked: usize,
    /// Bytes before this are read: up to three more than checked, of a character cut in two.
    filled: usize,
    stop: Option<Stop>,
    /// From 0.
    line: u64,
    /// In characters, from 0.
    column: u64,
    /// Characters before this place in the document.
    index: u64,
    /// Bytes read of the document.
    bytes: u64,
}

impl<'r> Source<'r> {
    pub fn new(reader: &'r mut dyn Read) -> Self {
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

    /// Where the scanner is, for messages.
    pub fn mark(&self) -> Mark {
        Mark { line: self.line + 1, column: self.column + 1 }
    }

    /// The column, in characters from 0.
    pub fn column(&self) -> u64 {
        self.column
    }

    /// The line, from 0.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// How many characters stand before this place.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many bytes have been read of the document.
    pub fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// The checked bytes from here on.
    #[inline]
    pub fn window(&self) -> &[u8] {
        &self.buffer[self.at..self.checked]
    }

    /// Whether the window reaches to the end of the document.
    pub fn is_last_window(&self) -> bool {
        matches!(self.stop, Some(Stop::End))
    }

    /// Makes the window at least `count` bytes long, unless the document ends before.
    #[inline]
    pub fn fill(&mut self, count: usize) -> Result<(), ReadError> {
        if self.checked - self.at >= count { Ok(()) } else { self.read_more(count) }
    }

    /// The byte `offset` bytes from here, or 0 after the end. It must have been asked for by
    /// [`fill`](Self::fill).
    #[inline]
    pub fn peek(&self, offset: usize) -> u8 {
        self.window().get(offset).copied().unwrap_or(0)
    }

    /// Goes past `count` bytes of ASCII that hold no line break.
    #[inline]
    pub fn skip(&mut self, count: usize) {
        self.at += count;
        self.column += count as u64;
        self.index += count as u64;
    }

    /// Goes past `count` bytes of text that hold no line break.
    #[inline]
    pub fn skip_text(&mut self, count: usize) {
        let text = &self.buffer[self.at..self.at + count];
        let characters = text.iter().filter(|byte| !is_continuation(**byte)).count() as u64;
        self.at += count;
        self.column += characters;
        self.index += characters;
    }

    /// Goes past a byte order mark, which takes no column.
    pub fn skip_byte_order_mark(&mut self) {
        self.at += '\u{feff}'.len_utf8();
        self.index += 1;
    }

    /// Goes past whole lines: `count` bytes, after which a line starts.
    pub fn skip_lines(&mut self, count: usize, lines: u64) {
        self.at += count;
        self.index += count as u64;
        self.line += lines;
        self.column = 0;
    }

    /// The line break `offset` bytes from here, and its length in bytes. Three bytes from there
    /// must have been asked for by [`fill`](Self::fill).
    #[inline]
    pub fn break_at(&self, offset: usize) -> Option<(Break, usize)> {
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

    /// Goes past a line break, where one is.
    pub fn take_break(&mut self) -> Result<Option<Break>, ReadError> {
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
                other => break other?,
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

    /// Checks what has been read, as far as it holds whole characters.
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

    /// The place where the window ends.
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

/// The first character that PyYAML's reader refuses (`Reader.NON_PRINTABLE`), and its offset.
fn forbidden_character(text: &str) -> Option<(usize, char)> {
    // Most text is printable ASCII and can be told from the rest without looking at characters.
    let suspicious = text.as_bytes().iter().fold(false, |found, &byte| found | is_suspicious(byte));
    if !suspicious {
        return None;
    }
    text.char_indices().find(|&(_, character)| !is_allowed(character))
}

/// Whether a forbidden character may start with this byte: a control, or one of the two lead
/// bytes of forbidden characters outside of ASCII.
fn is_suspicious(byte: u8) -> bool {
    ((byte < 0x20) & (byte != b'\n') & (byte != b'\t') & (byte != b'\r'))
        | (byte == 0x7f)
        | (byte == 0xc2)
        | (byte == 0xef)
}

fn is_allowed(character: char) -> bool {
    matches!(character,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}
