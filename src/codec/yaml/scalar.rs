//! Scans the text of one scalar: quoted, plain or a block. A port of the second half of PyYAML's
//! `scanner.py`.

use super::TEXT_BYTES_MAX;
use super::error::{ReadError, Rule};
use super::scanner::Scanner;
use super::source::Break;
use super::token::Mark;

/// Bytes at which a run of plain text can end.
const PLAIN_STOP: [bool; 256] = stops(b"\0 \t\r\n:,?[]{}\xc2\xe2");
/// Bytes at which a run of double-quoted text can end.
pub(super) const DOUBLE_STOP: [bool; 256] = stops(b"\0\"\\\r\n\xc2\xe2");
/// Bytes at which a run of single-quoted text can end.
const SINGLE_STOP: [bool; 256] = stops(b"\0'\r\n\xc2\xe2");
/// Bytes at which a line can end.
const LINE_STOP: [bool; 256] = stops(b"\0\r\n\xc2\xe2");

const fn stops(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}

/// The meaning of an escape in a double-quoted text.
pub(super) enum Escape {
    Character(char),
    /// The number of hexadecimal digits that follow.
    Code(usize),
    Unknown,
}

/// Returns the meaning of the byte after a backslash (PyYAML's `ESCAPE_REPLACEMENTS`).
pub(super) fn escape(byte: u8) -> Escape {
    Escape::Character(match byte {
        b'0' => '\0',
        b'a' => '\x07',
        b'b' => '\x08',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\x0b',
        b'f' => '\x0c',
        b'r' => '\r',
        b'e' => '\x1b',
        b' ' => ' ',
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'N' => '\u{85}',
        b'_' => '\u{a0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        b'x' => return Escape::Code(2),
        b'u' => return Escape::Code(4),
        b'U' => return Escape::Code(8),
        _ => return Escape::Unknown,
    })
}

/// Returns the character with the code of these hexadecimal digits. `None` for half of a surrogate
/// pair, which PyYAML accepts.
pub(super) fn character_of_code(digits: &[u8]) -> Option<char> {
    let digits = std::str::from_utf8(digits).ok()?;
    if digits.bytes().any(|byte| !byte.is_ascii_hexdigit()) {
        return None;
    }
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

/// Appends a character to a text of bytes.
pub(super) fn push_char(text: &mut Vec<u8>, character: char) {
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The text that is being scanned.
#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    /// Blanks before this position are content, even at the end of a line.
    kept: usize,
}

impl Text {
    fn finish(self, mark: Mark) -> Result<String, ReadError> {
        String::from_utf8(self.bytes).map_err(|_| mark.refuse(Rule::Encoding))
    }

    /// Removes the blanks at the end of a line.
    fn trim_line(&mut self) {
        while self.bytes.len() > self.kept && matches!(self.bytes.last(), Some(b' ' | b'\t')) {
            self.bytes.pop();
        }
    }

    /// Appends the meaning of a line break and the empty lines after it: one break alone is a blank.
    fn fold(&mut self, first: Break, more: &[Break]) {
        match first {
            Break::Separator(_) => first.push_to(&mut self.bytes),
            Break::Line if more.is_empty() => self.bytes.push(b' '),
            Break::Line => {}
        }
        for each in more {
            each.push_to(&mut self.bytes);
        }
        self.kept = self.bytes.len();
    }
}

impl Scanner<'_> {
    /// Appends bytes to `text` up to one of `stop`, which is in the window then.
    fn take_run(&mut self, text: &mut Vec<u8>, stop: &[bool; 256]) -> Result<(), ReadError> {
        loop {
            self.source.fill(1)?;
            let window = self.source.window();
            let count =
                window.iter().position(|byte| stop[usize::from(*byte)]).unwrap_or(window.len());
            let ended = count < window.len() || window.is_empty();
            text.extend_from_slice(&window[..count]);
            self.source.skip_text(count);
            if text.len() > TEXT_BYTES_MAX {
                return Err(self.source.mark().refuse(Rule::TextSize));
            }
            if ended {
                // A colon and the break after it.
                return self.source.fill(4);
            }
        }
    }

    /// Appends a byte that could have started a line break.
    fn take_byte(&mut self, text: &mut Vec<u8>) {
        text.push(self.source.peek(0));
        self.source.skip_text(1);
    }

    /// Scans a quoted text from its opening quote.
    pub(super) fn scan_quoted_scalar(&mut self, double: bool) -> Result<String, ReadError> {
        let mark = self.source.mark();
        let stop = if double { &DOUBLE_STOP } else { &SINGLE_STOP };
        self.source.skip(1);
        let mut text = Text::default();
        loop {
            self.take_run(&mut text.bytes, stop)?;
            match self.source.peek(0) {
                0 => return Err(mark.syntax("a quoted text has no closing quote")),
                b'"' => {
                    self.source.skip(1);
                    return text.finish(mark);
                }
                b'\'' if self.source.peek(1) == b'\'' => {
                    text.bytes.push(b'\'');
                    self.source.skip(2);
                }
                b'\'' => {
                    self.source.skip(1);
                    return text.finish(mark);
                }
                b'\\' => self.scan_escape(&mut text)?,
                _ => match self.source.take_break()? {
                    None => self.take_byte(&mut text.bytes),
                    Some(first) => {
                        text.trim_line();
                        let more = self.scan_quoted_breaks()?;
                        text.fold(first, &more);
                    }
                },
            }
        }
    }

    fn scan_escape(&mut self, text: &mut Text) -> Result<(), ReadError> {
        let mark = self.source.mark();
        self.source.fill(10)?;
        self.source.skip(1);
        if self.source.take_break()?.is_some() {
            text.kept = text.bytes.len();
            for each in self.scan_quoted_breaks()? {
                each.push_to(&mut text.bytes);
            }
            text.kept = text.bytes.len();
            return Ok(());
        }
        let byte = self.source.peek(0);
        let character = match escape(byte) {
            Escape::Character(character) => {
                self.source.skip(1);
                Some(character)
            }
            Escape::Code(digits) => {
                let window = self.source.window();
                let code = window.get(1..=digits).and_then(character_of_code);
                if code.is_some() {
                    self.source.skip(1 + digits);
                }
                code
            }
            Escape::Unknown => None,
        };
        let Some(character) = character else {
            let length = if let Escape::Code(digits) = escape(byte) { 1 + digits } else { 4 };
            let window = self.source.window();
            let found = String::from_utf8_lossy(&window[..length.min(window.len())]);
            let found = match escape(byte) {
                Escape::Unknown => found.chars().take(1).collect(),
                Escape::Code(_) | Escape::Character(_) => found.into_owned(),
            };
            return Err(mark.refuse(Rule::Escape { found }));
        };
        push_char(&mut text.bytes, character);
        text.kept = text.bytes.len();
        Ok(())
    }

    /// Skips the blanks at the start of a line of a quoted text, and empty lines.
    fn scan_quoted_breaks(&mut self) -> Result<Vec<Break>, ReadError> {
        let mut breaks = Vec::new();
        loop {
            if self.is_document_mark()? {
                return Err(self
                    .source
                    .mark()
                    .syntax("the document ends in the middle of a quoted text"));
            }
            loop {
                self.source.fill(1)?;
                if !matches!(self.source.peek(0), b' ' | b'\t') {
                    break;
                }
                self.source.skip(1);
            }
            match self.source.take_break()? {
                Some(each) => self.push_break(&mut breaks, each)?,
                None => return Ok(breaks),
            }
        }
    }

    fn push_break(&self, breaks: &mut Vec<Break>, each: Break) -> Result<(), ReadError> {
        if breaks.len() >= TEXT_BYTES_MAX {
            return Err(self.source.mark().refuse(Rule::TextSize));
        }
        breaks.push(each);
        Ok(())
    }

    /// Scans a text without quotes.
    pub(super) fn scan_plain_scalar(&mut self) -> Result<String, ReadError> {
        let mark = self.source.mark();
        let indent = self.indent + 1;
        let mut text = Text::default();
        while self.source.peek(0) != b'#' {
            let length = text.bytes.len();
            self.scan_plain_word(&mut text.bytes)?;
            if text.bytes.len() == length {
                break;
            }
            self.allow_simple_key = false;
            // Blanks between two words belong to the scalar only if a second word follows.
            text.kept = text.bytes.len();
            let goes_on = self.scan_plain_spaces(&mut text)?;
            if !goes_on || !self.in_flow() && (self.source.column() as i64) < indent {
                break;
            }
        }
        text.bytes.truncate(text.kept);
        text.finish(mark)
    }

    fn scan_plain_word(&mut self, text: &mut Vec<u8>) -> Result<(), ReadError> {
        loop {
            self.take_run(text, &PLAIN_STOP)?;
            let ends = match self.source.peek(0) {
                b':' => {
                    self.is_blank(1) || self.in_flow() && b",[]{}".contains(&self.source.peek(1))
                }
                b',' | b'?' | b'[' | b']' | b'{' | b'}' => self.in_flow(),
                _ => self.is_blank(0),
            };
            if ends {
                return Ok(());
            }
            self.take_byte(text);
        }
    }

    /// Appends the space between two words. Returns whether the text can continue.
    fn scan_plain_spaces(&mut self, text: &mut Text) -> Result<bool, ReadError> {
        let kept = text.bytes.len();
        self.take_blanks(&mut text.bytes)?;
        let Some(first) = self.source.take_break()? else {
            return Ok(text.bytes.len() > kept);
        };
        text.bytes.truncate(kept);
        self.allow_simple_key = true;
        let mut more = Vec::new();
        loop {
            if self.is_document_mark()? {
                return Ok(false);
            }
            self.skip_spaces()?;
            match self.source.take_break()? {
                Some(each) => self.push_break(&mut more, each)?,
                None => break,
            }
        }
        text.fold(first, &more);
        text.kept = kept;
        Ok(true)
    }

    fn take_blanks(&mut self, text: &mut Vec<u8>) -> Result<(), ReadError> {
        loop {
            self.source.fill(4)?;
            if self.source.peek(0) != b' ' {
                return Ok(());
            }
            self.take_byte(text);
            if text.len() > TEXT_BYTES_MAX {
                return Err(self.source.mark().refuse(Rule::TextSize));
            }
        }
    }
}

/// The treatment of the line breaks at the end of a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Clip,
    Strip,
    Keep,
}

impl Scanner<'_> {
    /// Scans a `|` or `>` block from its indicator.
    pub(super) fn scan_block_scalar(&mut self, folded: bool) -> Result<String, ReadError> {
        let mark = self.source.mark();
        self.source.skip(1);
        let (chomping, increment) = self.scan_block_indicators()?;
        let indent_min = (self.indent + 1).max(1) as u64;
        let (indent, mut breaks) = match increment {
            Some(increment) => {
                let indent = indent_min + increment - 1;
                (indent, self.scan_block_breaks(indent)?)
            }
            None => {
                let (breaks, deepest) = self.scan_block_indentation()?;
                (indent_min.max(deepest), breaks)
            }
        };
        let mut text = Vec::new();
        let mut last = None;
        while self.source.column() == indent && self.source.peek(0) != 0 {
            breaks.iter().for_each(|each| each.push_to(&mut text));
            let blank = matches!(self.source.peek(0), b' ' | b'\t');
            loop {
                self.take_run(&mut text, &LINE_STOP)?;
                if self.source.peek(0) == 0 || self.source.break_at(0).is_some() {
                    break;
                }
                self.take_byte(&mut text);
            }
            last = self.source.take_break()?;
            breaks = self.scan_block_breaks(indent)?;
            if self.source.column() != indent || self.source.peek(0) == 0 {
                break;
            }
            let next_blank = matches!(self.source.peek(0), b' ' | b'\t');
            let folds = folded && last == Some(Break::Line) && !blank && !next_blank;
            if !folds {
                last.iter().for_each(|each| each.push_to(&mut text));
            } else if breaks.is_empty() {
                text.push(b' ');
            }
        }
        match chomping {
            Chomping::Strip => {}
            Chomping::Clip => last.iter().for_each(|each| each.push_to(&mut text)),
            Chomping::Keep => {
                last.iter().chain(&breaks).for_each(|each| each.push_to(&mut text));
            }
        }
        Text { bytes: text, kept: 0 }.finish(mark)
    }

    fn scan_block_indicators(&mut self) -> Result<(Chomping, Option<u64>), ReadError> {
        let (mut chomping, mut increment) = (None, None);
        loop {
            self.source.fill(4)?;
            match self.source.peek(0) {
                b'+' if chomping.is_none() => chomping = Some(Chomping::Keep),
                b'-' if chomping.is_none() => chomping = Some(Chomping::Strip),
                digit @ b'1'..=b'9' if increment.is_none() => {
                    increment = Some(u64::from(digit - b'0'));
                }
                _ => break,
            }
            self.source.skip(1);
        }
        let mark = self.source.mark();
        if self.source.peek(0) == b'\t' || !self.is_blank(0) {
            return Err(mark.syntax("after `|` or `>`, only `+`, `-` and 1 to 9 are allowed"));
        }
        self.skip_spaces()?;
        if self.source.peek(0) == b'#' {
            self.skip_to_line_end()?;
        }
        if self.source.take_break()?.is_none() && self.source.peek(0) != 0 {
            return Err(self.source.mark().syntax("the text of a block starts in its next line"));
        }
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    /// Skips empty lines and blanks. Returns the breaks, and the largest column.
    fn scan_block_indentation(&mut self) -> Result<(Vec<Break>, u64), ReadError> {
        let (mut breaks, mut deepest) = (Vec::new(), 0);
        loop {
            self.skip_spaces()?;
            deepest = deepest.max(self.source.column());
            match self.source.take_break()? {
                Some(each) => self.push_break(&mut breaks, each)?,
                None => return Ok((breaks, deepest)),
            }
        }
    }

    /// Skips indentation and empty lines.
    fn scan_block_breaks(&mut self, indent: u64) -> Result<Vec<Break>, ReadError> {
        let mut breaks = Vec::new();
        loop {
            self.source.fill(1)?;
            while self.source.column() < indent && self.source.peek(0) == b' ' {
                self.source.skip(1);
                self.source.fill(1)?;
            }
            match self.source.take_break()? {
                Some(each) => self.push_break(&mut breaks, each)?,
                None => return Ok(breaks),
            }
        }
    }
}
