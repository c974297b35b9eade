//! Scans bytes into tokens. A port of PyYAML's `scanner.py`, whose function names are kept.
//!
//! `a` is a key if `:` follows, and then a mapping can start before it. So tokens wait in a queue
//! as long as the first of them can be a "simple key". A simple key has one line and at most 1024
//! characters, which also bounds the queue.

use std::collections::VecDeque;

use super::NAME_BYTES_MAX;
use super::error::{ReadError, Rule};
use super::source::DocumentSource;
use super::token::{Mark, Tag, Token, TokenKind};

/// The largest distance of `:` from the start of a key without a `?`.
const SIMPLE_KEY_CHARACTERS_MAX: u64 = 1024;

/// The position of a token that is a key if `:` follows.
struct SimpleKey {
    /// The token's number in the document.
    token_number: u64,
    /// Whether the document is invalid if no `:` follows.
    required: bool,
    index: u64,
    line: u64,
    column: i64,
    mark: Mark,
}

/// Scans the tokens of a document on demand.
pub(super) struct Scanner<'r> {
    pub(super) source: DocumentSource<'r>,
    queue: VecDeque<Token>,
    /// The number of tokens that have been removed from the queue.
    taken: u64,
    done: bool,
    /// The column of the innermost block collection, or -1 outside of all collections.
    pub(super) indent: i64,
    indents: Vec<i64>,
    pub(super) allow_simple_key: bool,
    /// One for each enclosing flow collection, and one for the block outside of them.
    simple_keys: Vec<Option<SimpleKey>>,
}

impl<'r> Scanner<'r> {
    pub(super) fn new(source: DocumentSource<'r>) -> Self {
        Self {
            source,
            queue: VecDeque::new(),
            taken: 0,
            done: false,
            indent: -1,
            indents: Vec::new(),
            allow_simple_key: true,
            simple_keys: vec![None],
        }
    }

    /// Returns the next token without removing it.
    pub(super) fn peek(&mut self) -> Result<&Token, ReadError> {
        while self.needs_more()? {
            self.fetch_more()?;
        }
        let mark = self.source.mark();
        self.queue.front().ok_or_else(|| mark.syntax("the document ends too early"))
    }

    /// Removes and returns the next token.
    pub(super) fn next(&mut self) -> Result<Token, ReadError> {
        self.peek()?;
        let mark = self.source.mark();
        let token = self.queue.pop_front();
        self.taken += 1;
        token.ok_or_else(|| mark.syntax("the document ends too early"))
    }

    /// Returns whether the scanner is directly after the `-` of an entry of the outermost list. There
    /// a record can be read without the scanner.
    pub(super) fn is_after_outer_dash(&self) -> bool {
        self.indent == 0
            && self.queue.len() == 1
            && self.queue.front().is_some_and(|token| token.kind == TokenKind::BlockEntry)
            && self.simple_keys.iter().all(Option::is_none)
            && self.source.column() == 1
    }

    /// Skips the record after the outermost list's `-`, which was read without the scanner, up to the
    /// next such `-` (`followed`) or the end of the document.
    pub(super) fn skip_record(&mut self, bytes: usize, lines: u64, followed: bool) {
        self.source.skip_lines(bytes, lines);
        self.queue.clear();
        self.taken += 1;
        if followed {
            let mark = self.source.mark();
            self.source.skip(1);
            self.queue.push_back(Token { kind: TokenKind::BlockEntry, mark });
        }
    }

    pub(super) fn in_flow(&self) -> bool {
        self.simple_keys.len() > 1
    }

    fn needs_more(&mut self) -> Result<bool, ReadError> {
        if self.done {
            return Ok(false);
        }
        if self.queue.is_empty() {
            return Ok(true);
        }
        self.stale_simple_keys()?;
        let taken = self.taken;
        Ok(self.simple_keys.iter().flatten().any(|key| key.token_number == taken))
    }

    fn fetch_more(&mut self) -> Result<(), ReadError> {
        self.scan_to_next_token()?;
        self.stale_simple_keys()?;
        self.unwind_indent(self.column());
        self.source.fill(6)?;
        let first = self.source.peek(0);
        let at_margin = self.source.column() == 0;
        match first {
            0 => self.fetch_stream_end(),
            b'%' if at_margin => self.fetch_directive(),
            b'-' if at_margin && self.is_document_mark()? => {
                self.fetch_document_mark(TokenKind::DocumentStart)
            }
            b'.' if at_margin && self.is_document_mark()? => {
                self.fetch_document_mark(TokenKind::DocumentEnd)
            }
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => self.fetch_flow_entry(),
            b'-' if self.is_blank(1) => self.fetch_block_entry(),
            b'?' if self.in_flow() || self.is_blank(1) => self.fetch_key(),
            b':' if self.in_flow() || self.is_blank(1) => self.fetch_value(),
            b'*' => self.fetch_anchor(TokenKind::Alias),
            b'&' => self.fetch_anchor(TokenKind::Anchor),
            b'!' => self.fetch_tag(),
            b'|' | b'>' if !self.in_flow() => {
                self.allow_simple_key = true;
                self.remove_simple_key()?;
                let mark = self.source.mark();
                let text = self.scan_block_scalar(first == b'>')?;
                self.push_scalar(mark, text, false)
            }
            b'"' | b'\'' => {
                self.save_simple_key()?;
                self.allow_simple_key = false;
                let mark = self.source.mark();
                let text = self.scan_quoted_scalar(first == b'"')?;
                self.push_scalar(mark, text, false)
            }
            _ if self.may_start_plain(first) => {
                self.save_simple_key()?;
                self.allow_simple_key = false;
                let mark = self.source.mark();
                let text = self.scan_plain_scalar()?;
                self.push_scalar(mark, text, true)
            }
            b'\t' => Err(self.source.mark().syntax("a tab cannot start or indent a value")),
            _ => Err(self.source.mark().syntax("this character cannot start a value")),
        }
    }

    /// Returns whether the byte at `offset` is a blank, a line break or the end.
    pub(super) fn is_blank(&self, offset: usize) -> bool {
        matches!(self.source.peek(offset), 0 | b' ' | b'\t' | b'\n' | b'\r')
            || self.source.break_at(offset).is_some()
    }

    fn may_start_plain(&self, first: u8) -> bool {
        match first {
            b'-' => !self.is_blank(1),
            b'?' | b':' => !self.in_flow() && !self.is_blank(1),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\''
            | b'"' | b'%' | b'@' | b'`' => false,
            _ => !self.is_blank(0),
        }
    }

    /// Returns whether `---` or `...` follows. The caller checks the column.
    pub(super) fn is_document_mark(&mut self) -> Result<bool, ReadError> {
        self.source.fill(6)?;
        let window = self.source.window();
        Ok((window.starts_with(b"---") || window.starts_with(b"...")) && self.is_blank(3))
    }

    fn scan_to_next_token(&mut self) -> Result<(), ReadError> {
        self.source.fill(3)?;
        if self.source.index() == 0 && self.source.window().starts_with("\u{feff}".as_bytes()) {
            self.source.skip_byte_order_mark();
        }
        loop {
            self.skip_spaces()?;
            if self.source.peek(0) == b'#' {
                self.skip_to_line_end()?;
            }
            if self.source.take_break()?.is_none() {
                return Ok(());
            }
            if !self.in_flow() {
                self.allow_simple_key = true;
            }
        }
    }

    pub(super) fn skip_spaces(&mut self) -> Result<(), ReadError> {
        loop {
            self.source.fill(1)?;
            let window = self.source.window();
            let count = window.iter().take_while(|byte| **byte == b' ').count();
            let ended = count < window.len() || window.is_empty();
            self.source.skip(count);
            if ended {
                return Ok(());
            }
        }
    }

    /// Skips a comment.
    pub(super) fn skip_to_line_end(&mut self) -> Result<(), ReadError> {
        loop {
            self.source.fill(3)?;
            if self.source.peek(0) == 0 || self.source.break_at(0).is_some() {
                return Ok(());
            }
            let window = self.source.window();
            let stop = |byte: &u8| matches!(byte, b'\n' | b'\r' | 0xc2 | 0xe2);
            // At least the tested byte, which can be one of the last two.
            let count = window.iter().skip(1).position(stop).unwrap_or(window.len() - 1) + 1;
            self.source.skip_text(count);
        }
    }

    fn column(&self) -> i64 {
        self.source.column() as i64
    }

    fn push(&mut self, kind: TokenKind) {
        let mark = self.source.mark();
        self.queue.push_back(Token { kind, mark });
    }

    fn push_scalar(&mut self, mark: Mark, text: String, plain: bool) -> Result<(), ReadError> {
        self.queue.push_back(Token { kind: TokenKind::Scalar { text, plain }, mark });
        Ok(())
    }

    /// Inserts a token before the token that is a key.
    fn insert_before(&mut self, key: &SimpleKey, kind: TokenKind) {
        let place = (key.token_number - self.taken) as usize;
        self.queue.insert(place, Token { kind, mark: key.mark });
    }

    fn stale_simple_keys(&mut self) -> Result<(), ReadError> {
        let (line, index) = (self.source.line(), self.source.index());
        for slot in &mut self.simple_keys {
            let stale = slot.as_ref().is_some_and(|key| {
                key.line != line || index - key.index > SIMPLE_KEY_CHARACTERS_MAX
            });
            if stale && let Some(key) = slot.take() {
                key.refuse_if_required()?;
            }
        }
        Ok(())
    }

    fn save_simple_key(&mut self) -> Result<(), ReadError> {
        if !self.allow_simple_key {
            return Ok(());
        }
        self.remove_simple_key()?;
        let key = SimpleKey {
            token_number: self.taken + self.queue.len() as u64,
            required: !self.in_flow() && self.indent == self.column(),
            index: self.source.index(),
            line: self.source.line(),
            column: self.column(),
            mark: self.source.mark(),
        };
        if let Some(slot) = self.simple_keys.last_mut() {
            *slot = Some(key);
        }
        Ok(())
    }

    fn take_simple_key(&mut self) -> Option<SimpleKey> {
        self.simple_keys.last_mut().and_then(Option::take)
    }

    fn remove_simple_key(&mut self) -> Result<(), ReadError> {
        self.take_simple_key().map_or(Ok(()), |key| key.refuse_if_required())
    }

    fn unwind_indent(&mut self, column: i64) {
        if self.in_flow() {
            return;
        }
        while self.indent > column {
            self.indent = self.indents.pop().unwrap_or(-1);
            self.push(TokenKind::BlockEnd);
        }
    }

    fn add_indent(&mut self, column: i64) -> bool {
        let deeper = self.indent < column;
        if deeper {
            self.indents.push(self.indent);
            self.indent = column;
        }
        deeper
    }

    fn fetch_stream_end(&mut self) -> Result<(), ReadError> {
        // The input has ended only if the source returned 0 bytes.
        self.unwind_indent(-1);
        self.remove_simple_key()?;
        self.allow_simple_key = false;
        self.simple_keys.iter_mut().for_each(|slot| *slot = None);
        self.push(TokenKind::StreamEnd);
        self.done = true;
        Ok(())
    }

    /// Accepts `%YAML 1.x` only. PyYAML also knows `%TAG`, which no writer of documents uses.
    fn fetch_directive(&mut self) -> Result<(), ReadError> {
        self.unwind_indent(-1);
        self.remove_simple_key()?;
        self.allow_simple_key = false;
        self.source.fill(NAME_BYTES_MAX)?;
        let mark = self.source.mark();
        let line = self.source.window().iter().take_while(|byte| !matches!(byte, b'\n' | b'\r'));
        let line: Vec<u8> = line.take(NAME_BYTES_MAX).copied().collect();
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut words = line[1..].split(' ').filter(|word| !word.is_empty());
        let name = words.next().unwrap_or_default().to_owned();
        let version = words.next().and_then(|word| word.split_once('.'));
        let ends = words.next().is_none_or(|word| word.starts_with('#'));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match version {
            Some(("1", minor)) if name == "YAML" && digits(minor) && ends => {}
            _ => return Err(mark.refuse(Rule::Directive { name })),
        }
        self.skip_to_line_end()?;
        self.queue.push_back(Token { kind: TokenKind::Directive, mark });
        Ok(())
    }

    fn fetch_document_mark(&mut self, kind: TokenKind) -> Result<(), ReadError> {
        self.unwind_indent(-1);
        self.remove_simple_key()?;
        self.allow_simple_key = false;
        self.push(kind);
        self.source.skip(3);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: TokenKind) -> Result<(), ReadError> {
        self.save_simple_key()?;
        self.simple_keys.push(None);
        self.allow_simple_key = true;
        self.push(kind);
        self.source.skip(1);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind) -> Result<(), ReadError> {
        self.remove_simple_key()?;
        if !self.in_flow() {
            return Err(self.source.mark().syntax("this closing bracket has no opening bracket"));
        }
        self.simple_keys.pop();
        self.allow_simple_key = false;
        self.push(kind);
        self.source.skip(1);
        Ok(())
    }

    fn fetch_flow_entry(&mut self) -> Result<(), ReadError> {
        self.allow_simple_key = true;
        self.remove_simple_key()?;
        self.push(TokenKind::FlowEntry);
        self.source.skip(1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), ReadError> {
        if !self.in_flow() {
            if !self.allow_simple_key {
                return Err(self.source.mark().syntax("an entry of a list is not allowed here"));
            }
            if self.add_indent(self.column()) {
                self.push(TokenKind::BlockSequenceStart);
            }
        }
        self.allow_simple_key = true;
        self.remove_simple_key()?;
        self.push(TokenKind::BlockEntry);
        self.source.skip(1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), ReadError> {
        if !self.in_flow() {
            if !self.allow_simple_key {
                return Err(self.source.mark().syntax("a key is not allowed here"));
            }
            if self.add_indent(self.column()) {
                self.push(TokenKind::BlockMappingStart);
            }
        }
        self.allow_simple_key = !self.in_flow();
        self.remove_simple_key()?;
        self.push(TokenKind::Key);
        self.source.skip(1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), ReadError> {
        if let Some(key) = self.take_simple_key() {
            self.insert_before(&key, TokenKind::Key);
            if !self.in_flow() && self.add_indent(key.column) {
                self.insert_before(&key, TokenKind::BlockMappingStart);
            }
            self.allow_simple_key = false;
        } else {
            if !self.in_flow() {
                if !self.allow_simple_key {
                    return Err(self.source.mark().syntax("a `:` is not allowed here"));
                }
                if self.add_indent(self.column()) {
                    self.push(TokenKind::BlockMappingStart);
                }
            }
            self.allow_simple_key = !self.in_flow();
            self.remove_simple_key()?;
        }
        self.push(TokenKind::Value);
        self.source.skip(1);
        Ok(())
    }

    fn fetch_anchor(&mut self, kind: fn(String) -> TokenKind) -> Result<(), ReadError> {
        self.save_simple_key()?;
        self.allow_simple_key = false;
        let mark = self.source.mark();
        self.source.skip(1);
        let name = self.scan_name(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))?;
        if name.is_empty() || !(self.is_blank(0) || b"?:,]}%@`".contains(&self.source.peek(0))) {
            return Err(mark.syntax(
                "the name of an anchor must consist of letters, digits, `-` \
                                    and `_`",
            ));
        }
        self.queue.push_back(Token { kind: kind(name), mark });
        Ok(())
    }

    fn fetch_tag(&mut self) -> Result<(), ReadError> {
        self.save_simple_key()?;
        self.allow_simple_key = false;
        let mark = self.source.mark();
        let mut text = self.scan_name(|byte| {
            byte.is_ascii_alphanumeric() || b"-;/?:@&=+$,_.!~*'()[]%<".contains(&byte)
        })?;
        if text.starts_with("!<") && self.source.peek(0) == b'>' {
            self.source.skip(1);
            text.push('>');
        }
        self.source.fill(3)?;
        if !self.is_blank(0) {
            return Err(mark.syntax("a blank must follow a tag"));
        }
        let verbatim = text.strip_prefix("!<").and_then(|rest| rest.strip_suffix('>'));
        let core = match verbatim {
            Some(uri) => uri.strip_prefix("tag:yaml.org,2002:"),
            None => text.strip_prefix("!!"),
        };
        let tag = match core {
            Some(name) => Tag::Core(name.to_owned()),
            None if text == "!" || verbatim == Some("!") => Tag::NonSpecific,
            None => Tag::Other(text),
        };
        self.queue.push_back(Token { kind: TokenKind::Tag(tag), mark });
        Ok(())
    }

    /// Skips and returns the run of ASCII bytes that `belongs` accepts.
    fn scan_name(&mut self, belongs: impl Fn(u8) -> bool) -> Result<String, ReadError> {
        self.source.fill(NAME_BYTES_MAX + 4)?;
        let window = self.source.window();
        let length = window.iter().take_while(|byte| belongs(**byte)).count();
        if length > NAME_BYTES_MAX {
            return Err(self.source.mark().refuse(Rule::NameSize));
        }
        let name = String::from_utf8_lossy(&window[..length]).into_owned();
        self.source.skip(length);
        Ok(name)
    }
}

impl SimpleKey {
    fn refuse_if_required(&self) -> Result<(), ReadError> {
        if self.required {
            return Err(self.mark.syntax("a key has no `:`"));
        }
        Ok(())
    }
}
