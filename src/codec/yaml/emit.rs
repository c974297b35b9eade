//! Writes values as PyYAML does with `yaml.dump(records, default_style='"')`.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::number::float_text;
use super::order::ordered;
use super::printable::plain_length;
use super::quote::{EmitPosition, push_quoted};
use crate::model::{Value, View};

/// The number of bytes that are buffered before they are written.
const BUFFER_BYTES: usize = 64 << 10;

/// PyYAML's `best_indent`.
const INDENT: usize = 2;

/// A key of this length in characters, with its tag and anchor, is written after a `?`.
const SIMPLE_KEY_CHARACTERS: usize = 128;

/// The number of base64 characters that Python writes on a line.
const BASE64_LINE_BYTES: usize = 76;

/// Writes a list of records as PyYAML does.
pub struct RecordWriter<W> {
    writer: W,
    out: Emitter,
    empty: bool,
}

impl<W: Write> RecordWriter<W> {
    /// Starts a document.
    pub fn new(writer: W) -> Self {
        Self { writer, out: Emitter::default(), empty: true }
    }

    /// Writes a record. Its properties must be sorted by code point, as Python sorts them. Values that
    /// share a label become an anchor and its aliases.
    ///
    /// # Errors
    /// Any [`io::Error`] of the writer.
    pub fn record<'a>(
        &mut self,
        entries: impl Iterator<Item = (&'a str, View<'a>)>,
    ) -> io::Result<()> {
        self.empty = false;
        self.out.record(&entries.collect::<Vec<_>>());
        if self.out.bytes.len() < BUFFER_BYTES {
            return Ok(());
        }
        self.writer.write_all(&self.out.bytes)?;
        self.out.clear();
        Ok(())
    }

    /// Writes and flushes the rest of the document, and returns the writer. A document without records
    /// is `[]`.
    ///
    /// # Errors
    /// Any [`io::Error`] of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        if self.empty {
            self.out.bytes.extend_from_slice(b"[]\n");
        }
        self.writer.write_all(&self.out.bytes)?;
        self.writer.flush()?;
        Ok(self.writer)
    }
}

/// The position of a value that is written.
#[derive(Clone, Copy)]
struct Context {
    /// The column of the collection that contains the value.
    indent: usize,
    /// Whether that collection is a mapping, in which a list is not indented.
    in_mapping: bool,
    /// Whether the line has only indicators so far, so that a collection can start on it.
    after_indicator: bool,
    /// Whether this is a key without a `?`.
    simple_key: bool,
}

/// The state of an object that occurs several times.
enum Anchor {
    /// Its anchor with this number is not written yet.
    Waiting(u64),
    /// Its anchor is written; further occurrences are aliases.
    Written(u64),
}

#[derive(Default)]
struct Emitter {
    bytes: Vec<u8>,
    /// The offset of the current line.
    line_start: usize,
    /// The anchors of this record, by label.
    anchors: HashMap<u32, Anchor>,
    /// The number of anchors of the document so far.
    anchor_count: u64,
}

impl Emitter {
    fn clear(&mut self) {
        self.line_start = self.line_start.saturating_sub(self.bytes.len());
        self.bytes.clear();
    }

    fn record(&mut self, entries: &[(&str, View)]) {
        self.find_anchors(entries);
        if entries.is_empty() {
            self.bytes.extend_from_slice(b"- {}\n");
            self.line_start = self.bytes.len();
            return;
        }
        self.bytes.push(b'-');
        let mut context =
            Context { indent: INDENT, in_mapping: true, after_indicator: true, simple_key: false };
        for (key, view) in entries {
            self.start_line(&context);
            let simple = is_simple_text(key, 0);
            self.key(simple, &context, |out, context| out.text(key, context));
            self.view(view, &self.value_context(simple, &context));
            context.after_indicator = false;
        }
        self.end_line();
    }

    /// Finds the labels that occur twice or more in this record, and numbers them like PyYAML's
    /// serializer: in the order of their second occurrences. The content of a second occurrence is
    /// not searched.
    fn find_anchors(&mut self, entries: &[(&str, View)]) {
        self.anchors.clear();
        let mut seen = HashSet::new();
        for (_, view) in entries {
            if let View::Value(value) = view {
                self.find_anchors_in(value, &mut seen);
            }
        }
    }

    fn find_anchors_in(&mut self, value: &Value, seen: &mut HashSet<u32>) {
        match value {
            Value::List(items) | Value::Tuple(items) => {
                items.iter().for_each(|item| self.find_anchors_in(item, seen));
            }
            Value::Map(map) => {
                if map.iter().all(|(key, value)| is_scalar(key) && is_scalar(value)) {
                    return;
                }
                for (key, value) in ordered(map) {
                    self.find_anchors_in(key, seen);
                    self.find_anchors_in(value, seen);
                }
            }
            // In Python all empty tuples are one object, which gets no anchor.
            Value::Shared(_) if is_empty_tuple(value.plain()) => {}
            Value::Shared(shared) => {
                if seen.insert(shared.label) {
                    self.find_anchors_in(value.plain(), seen);
                } else if !self.anchors.contains_key(&shared.label) {
                    self.anchor_count += 1;
                    self.anchors.insert(shared.label, Anchor::Waiting(self.anchor_count));
                }
            }
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Timestamp(_)
            | Value::Binary(_) => {}
        }
    }

    fn column(&self) -> usize {
        self.bytes.len() - self.line_start
    }

    fn end_line(&mut self) {
        if self.column() > 0 {
            self.bytes.push(b'\n');
            self.line_start = self.bytes.len();
        }
    }

    /// Starts the line of an entry: the current line if it has only indicators.
    fn start_line(&mut self, context: &Context) {
        if !context.after_indicator {
            self.end_line();
        }
        let blanks = context.indent.saturating_sub(self.column());
        self.bytes.resize(self.bytes.len() + blanks, b' ');
    }

    /// Appends a blank after an indicator, tag or anchor.
    fn space(&mut self) {
        if self.column() > 0 && self.bytes.last() != Some(&b' ') {
            self.bytes.push(b' ');
        }
    }

    fn word(&mut self, word: &str) {
        self.space();
        self.bytes.extend_from_slice(word.as_bytes());
    }

    /// Writes a key and the colon after it.
    fn key(&mut self, simple: bool, context: &Context, write: impl FnOnce(&mut Self, &Context)) {
        let inner = Context {
            in_mapping: true,
            after_indicator: !simple,
            simple_key: simple,
            indent: context.indent,
        };
        if simple {
            write(self, &inner);
        } else {
            self.bytes.push(b'?');
            write(self, &inner);
            self.start_line(&Context { after_indicator: false, ..*context });
        }
        self.bytes.push(b':');
    }

    /// Returns the position of the value after a key.
    fn value_context(&self, simple: bool, context: &Context) -> Context {
        Context {
            indent: context.indent,
            in_mapping: true,
            after_indicator: !simple,
            simple_key: false,
        }
    }

    fn view(&mut self, view: &View, context: &Context) {
        match view {
            View::Null => self.tagged("!!null", "null", context),
            View::Bool(value) => self.bool(*value, context),
            View::Int(value) => self.tagged("!!int", &value.to_string(), context),
            View::Float(value) => self.tagged("!!float", &float_text(*value), context),
            View::Text(text) => self.text(text, context),
            View::Texts(texts) => self.sequence(texts, context, |out, text, context| {
                out.text(text, context);
            }),
            View::Value(value) => self.value(value, context),
        }
    }

    fn value(&mut self, value: &Value, context: &Context) {
        match value {
            Value::Null => self.tagged("!!null", "null", context),
            Value::Bool(value) => self.bool(*value, context),
            Value::Int(value) => self.tagged("!!int", &value.to_string(), context),
            Value::BigInt(text) => self.tagged("!!int", text, context),
            Value::Float(value) => self.tagged("!!float", &float_text(*value), context),
            Value::Text(text) => self.text(text, context),
            Value::Timestamp(text) => self.tagged("!!timestamp", text, context),
            Value::Binary(bytes) => self.binary(bytes, context),
            Value::List(items) => self.sequence(items, context, Self::value),
            Value::Tuple(items) => {
                self.word("!!python/tuple");
                let context = Context { after_indicator: false, ..*context };
                self.sequence(items, &context, Self::value);
            }
            Value::Map(map) => self.mapping(&ordered(map), context),
            Value::Shared(shared) => self.shared(shared.label, value.plain(), context),
        }
    }

    fn shared(&mut self, label: u32, value: &Value, context: &Context) {
        let context = match self.anchors.get_mut(&label) {
            _ if is_empty_tuple(value) => *context,
            None => *context,
            Some(Anchor::Written(number)) => {
                let alias = format!("*id{number:03}");
                self.word(&alias);
                return;
            }
            Some(anchor @ Anchor::Waiting(_)) => {
                let Anchor::Waiting(number) = *anchor else { return };
                *anchor = Anchor::Written(number);
                self.word(&format!("&id{number:03}"));
                Context { after_indicator: false, ..*context }
            }
        };
        self.value(value, &context);
    }

    fn bool(&mut self, value: bool, context: &Context) {
        self.tagged("!!bool", if value { "true" } else { "false" }, context);
    }

    fn tagged(&mut self, tag: &str, text: &str, context: &Context) {
        self.word(tag);
        self.text(text, context);
    }

    fn text(&mut self, text: &str, context: &Context) {
        self.space();
        let indent = (!context.simple_key).then_some(context.indent + INDENT);
        let place = EmitPosition { column: self.column(), indent };
        let before = self.bytes.len();
        push_quoted(&mut self.bytes, text, place);
        if indent.is_some()
            && let Some(offset) = memchr::memrchr(b'\n', &self.bytes[before..])
        {
            self.line_start = before + offset + 1;
        }
    }

    /// Writes base64 in lines, in a literal block; without bytes as an empty text.
    fn binary(&mut self, bytes: &[u8], context: &Context) {
        self.word("!!binary");
        let base64 = STANDARD.encode(bytes);
        if base64.is_empty() {
            return self.text("", context);
        }
        self.word("|");
        for line in base64.as_bytes().chunks(BASE64_LINE_BYTES) {
            self.end_line();
            self.bytes.resize(self.bytes.len() + context.indent + INDENT, b' ');
            self.bytes.extend_from_slice(line);
        }
        self.end_line();
    }

    fn sequence<T>(
        &mut self,
        items: &[T],
        context: &Context,
        write: impl Fn(&mut Self, &T, &Context),
    ) {
        if items.is_empty() {
            return self.word("[]");
        }
        let indentless = context.in_mapping && !context.after_indicator;
        let indent = if indentless { context.indent } else { context.indent + INDENT };
        let mut line = Context {
            indent,
            in_mapping: false,
            after_indicator: context.after_indicator,
            simple_key: false,
        };
        for item in items {
            self.start_line(&line);
            self.bytes.push(b'-');
            write(self, item, &Context { after_indicator: true, ..line });
            line.after_indicator = false;
        }
    }

    fn mapping(&mut self, entries: &[&(Value, Value)], context: &Context) {
        if entries.is_empty() {
            return self.word("{}");
        }
        let mut line = Context {
            indent: context.indent + INDENT,
            in_mapping: true,
            after_indicator: context.after_indicator,
            simple_key: false,
        };
        for (key, value) in entries {
            self.start_line(&line);
            let simple = self.is_simple(key);
            self.key(simple, &line, |out, context| out.value(key, context));
            self.value(value, &self.value_context(simple, &line));
            line.after_indicator = false;
        }
    }

    /// Returns whether a key is written without a `?` (PyYAML's `check_simple_key`).
    fn is_simple(&self, key: &Value) -> bool {
        let tagged = |tag: &str, text: &str| is_simple_text(text, tag.len() - "!!str".len());
        match key {
            Value::Null => tagged("!!null", "null"),
            Value::Bool(_) => tagged("!!bool", "false"),
            Value::Int(_) => true,
            Value::BigInt(text) => tagged("!!int", text),
            Value::Float(value) => tagged("!!float", &float_text(*value)),
            Value::Text(text) => is_simple_text(text, 0),
            Value::Timestamp(text) => tagged("!!timestamp", text),
            Value::Binary(_) => false,
            Value::List(items) | Value::Tuple(items) => items.is_empty(),
            Value::Map(map) => map.is_empty(),
            Value::Shared(shared) => match self.anchors.get(&shared.label) {
                Some(Anchor::Written(_)) => true,
                Some(Anchor::Waiting(_)) | None => self.is_simple(&shared.value),
            },
        }
    }
}

/// Returns whether a text key is simple. `more` characters are added to itself and `!!str`.
fn is_simple_text(text: &str, more: usize) -> bool {
    let room = SIMPLE_KEY_CHARACTERS - "!!str".len() - more;
    // Nearly every key is a short word, which this fast test recognises.
    if !text.is_empty() && text.len() < room && plain_length(text.as_bytes()) == text.len() {
        return true;
    }
    let short = text.len() < room || text.chars().take(room).count() < room;
    short && !text.is_empty() && !text.contains(['\n', '\u{85}', '\u{2028}', '\u{2029}'])
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::List(_) | Value::Tuple(_) | Value::Map(_) | Value::Shared(_))
}

fn is_empty_tuple(value: &Value) -> bool {
    matches!(value, Value::Tuple(items) if items.is_empty())
}
