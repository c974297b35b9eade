//! Writes one double-quoted scalar, escaped and folded like PyYAML's `write_double_quoted`.

use super::printable::plain_length;

/// The column after which PyYAML folds a line (`best_width`).
const WIDTH_COLUMNS: usize = 80;

/// The position of a scalar.
#[derive(Clone, Copy)]
pub(super) struct EmitPosition {
    /// The column of the opening quote.
    pub column: usize,
    /// The indentation of continuation lines; `None` for a key, which is never folded.
    pub indent: Option<usize>,
}

/// Appends `text` in double quotes.
pub(super) fn push_quoted(out: &mut Vec<u8>, text: &str, position: EmitPosition) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let length = plain_length(bytes);
    if length == bytes.len()
        && (position.indent.is_none() || position.column + 1 + length <= WIDTH_COLUMNS)
    {
        out.extend_from_slice(bytes);
    } else {
        Folding { out, text, column: position.column + 1, indent: position.indent }.push();
    }
    out.push(b'"');
}

/// Writes a text that needs escapes, or that might need folding. Columns are counted in bytes,
/// because the output is ASCII.
struct Folding<'a> {
    out: &'a mut Vec<u8>,
    text: &'a str,
    column: usize,
    indent: Option<usize>,
}

impl Folding<'_> {
    fn push(&mut self) {
        let bytes = self.text.as_bytes();
        let mut start = 0;
        loop {
            let stop = start + plain_length(&bytes[start..]);
            self.push_run(start, stop);
            let Some(character) = self.text.get(stop..).and_then(|rest| rest.chars().next()) else {
                return;
            };
            self.push_escape(character);
            start = stop + character.len_utf8();
            // PyYAML also folds after an escape, at other widths: beyond one more column; or beyond
            // the width itself, if the next character needs no escape and is not the last one.
            if self.column <= WIDTH_COLUMNS || start == bytes.len() {
                continue;
            }
            let plain_follows = start + 1 < bytes.len() && plain_length(&bytes[start..]) > 0;
            if plain_follows || stop > 0 && self.column > WIDTH_COLUMNS + 1 {
                self.fold(bytes[start] == b' ');
            }
        }
    }

    /// Appends characters that need no escape. Folds before each first blank after the width, but not
    /// before the first or the last character of the text.
    fn push_run(&mut self, start: usize, stop: usize) {
        let bytes = self.text.as_bytes();
        let mut start = start;
        let mut search = start.max(1);
        while self.indent.is_some() && self.column + (stop - start) > WIDTH_COLUMNS {
            let beyond = start + (WIDTH_COLUMNS + 1).saturating_sub(self.column);
            let from = search.max(beyond);
            let end = stop.min(bytes.len().saturating_sub(1));
            let blank = bytes.get(from..end).and_then(|rest| memchr::memchr(b' ', rest));
            let Some(blank) = blank.map(|offset| from + offset) else { break };
            self.out.extend_from_slice(&bytes[start..blank]);
            self.fold(true);
            start = blank;
            search = blank + 1;
        }
        self.out.extend_from_slice(&bytes[start..stop]);
        self.column += stop - start;
    }

    /// Ends the line. A blank at the start of the next line is escaped, because readers would skip
    /// it.
    fn fold(&mut self, before_blank: bool) {
        let Some(indent) = self.indent else { return };
        self.out.extend_from_slice(b"\\\n");
        self.out.resize(self.out.len() + indent, b' ');
        self.column = indent;
        if before_blank {
            self.out.push(b'\\');
            self.column += 1;
        }
    }

    fn push_escape(&mut self, character: char) {
        let before = self.out.len();
        let letter = match character {
            '\0' => b'0',
            '\x07' => b'a',
            '\x08' => b'b',
            '\t' => b't',
            '\n' => b'n',
            '\x0b' => b'v',
            '\x0c' => b'f',
            '\r' => b'r',
            '\x1b' => b'e',
            '"' => b'"',
            '\\' => b'\\',
            '\u{85}' => b'N',
            '\u{a0}' => b'_',
            '\u{2028}' => b'L',
            '\u{2029}' => b'P',
            _ => {
                let code = u32::from(character);
                match code {
                    0..=0xff => self.push_code(b'x', 2, code),
                    0x100..=0xffff => self.push_code(b'u', 4, code),
                    0x10000.. => self.push_code(b'U', 8, code),
                }
                self.column += self.out.len() - before;
                return;
            }
        };
        self.out.extend([b'\\', letter]);
        self.column += 2;
    }

    fn push_code(&mut self, letter: u8, digits: u32, code: u32) {
        self.out.extend([b'\\', letter]);
        for digit in (0..digits).rev() {
            self.out.push(b"0123456789ABCDEF"[(code >> (4 * digit) & 0xf) as usize]);
        }
    }
}
