//! Reads a document as a stream of records.

use std::io::Read;
use std::ops::ControlFlow;

use super::build::{Builder, FlowPosition, ListStyle, Respelled};
use super::canonical::{self, Outcome};
use super::error::{ReadError, Rule};
use super::scanner::Scanner;
use super::source::DocumentSource;
use super::token::{Mark, TokenKind};
use super::{DOCUMENT_BYTES_MAX, LARGE_RECORD_BYTES, RECORD_LEVELS_MAX};
use crate::model::{VALUE_DEPTH_MAX, Value};

/// One item of the list in a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Counts from 0.
    pub index: u64,
    /// The line in which it starts, from 1.
    pub line: u64,
    /// Any value: the caller checks that it is a mapping.
    pub value: Value,
    /// Plain scalars in it that YAML reads as numbers, and that Python spells differently.
    pub respelled: Vec<Respelled>,
}

/// Calls `each` for each item of a document that is one YAML list, until `each` breaks. Returns the
/// number of calls. Memory is bounded by the largest record, not by the document.
///
/// # Errors
/// - [`ReadError::Io`] if `reader` fails.
/// - [`ReadError::Refused`] if the document breaks a [`Rule`]. `each` has been called for the items
///   before.
pub fn read_records(
    mut reader: impl Read,
    mut each: impl FnMut(Item) -> ControlFlow<()>,
) -> Result<u64, ReadError> {
    Records::new(&mut reader, Path::Fast).run(&mut each)
}

/// Reads records like [`read_records`], but without the fast path, for tests and benchmarks.
///
/// # Errors
/// As [`read_records`].
pub fn read_records_generally(
    mut reader: impl Read,
    mut each: impl FnMut(Item) -> ControlFlow<()>,
) -> Result<u64, ReadError> {
    Records::new(&mut reader, Path::General).run(&mut each)
}

/// Returns the value of a small document such as `metadata.yaml`. An empty document is null.
///
/// # Errors
/// [`ReadError::Refused`] if the document breaks a [`Rule`]. Its limits are [`DOCUMENT_BYTES_MAX`]
/// bytes and [`VALUE_DEPTH_MAX`] nested collections.
pub fn read_value(mut text: &[u8]) -> Result<Value, ReadError> {
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(Mark { line: 1, column: 1 }.refuse(Rule::DocumentSize));
    }
    let mut builder = Builder::new(Scanner::new(DocumentSource::new(&mut text)), VALUE_DEPTH_MAX);
    let value =
        if document_start(&mut builder)? { builder.record(ListStyle::Block)? } else { Value::Null };
    document_end(&mut builder)?;
    Ok(value)
}

/// Skips the markers and directives before a document. Returns whether the document has content.
fn document_start(builder: &mut Builder<'_>) -> Result<bool, ReadError> {
    while builder.take(&TokenKind::DocumentEnd)? {}
    if builder.take(&TokenKind::Directive)? {
        if builder.at(|kind| *kind == TokenKind::Directive)? {
            return builder.fail_at_next("the %YAML directive occurs twice");
        }
        if !builder.take(&TokenKind::DocumentStart)? {
            return builder.fail_at_next("`---` must follow a directive");
        }
    } else {
        builder.take(&TokenKind::DocumentStart)?;
    }
    builder.at(|kind| {
        !matches!(
            kind,
            TokenKind::StreamEnd
                | TokenKind::DocumentEnd
                | TokenKind::DocumentStart
                | TokenKind::Directive
        )
    })
}

/// Checks that nothing follows the document.
fn document_end(builder: &mut Builder<'_>) -> Result<(), ReadError> {
    while builder.take(&TokenKind::DocumentEnd)? {}
    let token = builder.scanner.peek()?;
    let mark = token.mark;
    match token.kind {
        TokenKind::StreamEnd => Ok(()),
        TokenKind::DocumentStart | TokenKind::Directive => Err(mark.refuse(Rule::SecondDocument)),
        _ => Err(mark.syntax("the document must end here")),
    }
}

/// The way in which the records of a document are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// Without tokens, if a record has the form in which eNMS writes it.
    Fast,
    /// Always through tokens.
    General,
}

/// The function that takes the items.
type Each<'e> = &'e mut dyn FnMut(Item) -> ControlFlow<()>;

/// Reads the records of a document.
struct Records<'r> {
    builder: Builder<'r>,
    path: Path,
    index: u64,
}

impl<'r> Records<'r> {
    fn new(reader: &'r mut dyn Read, path: Path) -> Self {
        let scanner = Scanner::new(DocumentSource::new(reader));
        Self { builder: Builder::new(scanner, RECORD_LEVELS_MAX), path, index: 0 }
    }

    fn run(mut self, each: Each<'_>) -> Result<u64, ReadError> {
        let mark = self.builder.scanner.peek()?.mark;
        if !document_start(&mut self.builder)? {
            return Err(mark.refuse(Rule::NotAList { found: "empty" }));
        }
        self.builder.outer_properties()?;
        let done = if self.builder.take(&TokenKind::BlockSequenceStart)? {
            self.block(each)?
        } else if self.builder.take(&TokenKind::FlowSequenceStart)? {
            self.flow(each)?
        } else {
            let mark = self.builder.scanner.peek()?.mark;
            let found = self.builder.record(ListStyle::Block)?.type_name();
            return Err(mark.refuse(Rule::NotAList { found }));
        };
        if done.is_continue() {
            document_end(&mut self.builder)?;
        }
        Ok(self.index)
    }

    fn give(&mut self, line: u64, value: Value, each: Each<'_>) -> ControlFlow<()> {
        self.index += 1;
        let respelled = std::mem::take(&mut self.builder.respelled);
        let flow = each(Item { index: self.index - 1, line, value, respelled });
        self.builder.release();
        flow
    }

    fn block(&mut self, each: Each<'_>) -> Result<ControlFlow<()>, ReadError> {
        while self.builder.at(|kind| *kind == TokenKind::BlockEntry)? {
            let (line, value) = match self.fast_path()? {
                Some(read) => read,
                None => {
                    let line = self.builder.scanner.next()?.mark.line;
                    let is_empty = self
                        .builder
                        .at(|kind| matches!(kind, TokenKind::BlockEntry | TokenKind::BlockEnd))?;
                    (
                        line,
                        if is_empty {
                            Value::Null
                        } else {
                            self.builder.record(ListStyle::Block)?
                        },
                    )
                }
            };
            if self.give(line, value, each).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        if self.builder.at(|kind| *kind == TokenKind::BlockEnd)? {
            self.builder.scanner.next()?;
            return Ok(ControlFlow::Continue(()));
        }
        self.builder
            .fail_at_next("expected the next record with its `-`, or the end of the document")
    }

    fn flow(&mut self, each: Each<'_>) -> Result<ControlFlow<()>, ReadError> {
        let mut position = FlowPosition::First;
        while self.builder.has_next_flow_entry(position, &TokenKind::FlowSequenceEnd)? {
            position = FlowPosition::Later;
            let line = self.builder.scanner.peek()?.mark.line;
            let value = self.builder.record(ListStyle::Flow)?;
            if self.give(line, value, each).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Reads the record after the outermost list's `-` without tokens, if it has the form in which
    /// eNMS writes records. Such records have no anchors and aliases, so the builder's state does
    /// not change.
    fn fast_path(&mut self) -> Result<Option<(u64, Value)>, ReadError> {
        let scanner = &mut self.builder.scanner;
        if self.path == Path::General || !scanner.is_after_outer_dash() {
            return Ok(None);
        }
        let line = scanner.source.mark().line;
        loop {
            let window = scanner.source.window();
            match canonical::read_record(window, scanner.source.is_last_window()) {
                Outcome::Read { value, bytes, lines, followed } => {
                    scanner.skip_record(bytes, lines, followed);
                    return Ok(Some((line, value)));
                }
                Outcome::NotCanonical => return Ok(None),
                Outcome::WindowTooShort if window.len() as u64 > LARGE_RECORD_BYTES => {
                    return Ok(None);
                }
                Outcome::WindowTooShort => {
                    let wanted = window.len() * 2 + 1;
                    let had = window.len();
                    scanner.source.fill(wanted)?;
                    if scanner.source.window().len() == had && !scanner.source.is_last_window() {
                        return Ok(None);
                    }
                }
            }
        }
    }
}
