//! Tokens: the scanner creates them, and the builder reads them.

use super::{ReadError, Rule};

/// A location in the document. Line and column count from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub line: u64,
    pub column: u64,
}

impl Mark {
    /// Returns the error that the document breaks `rule` at this location.
    pub(super) fn refuse(self, rule: Rule) -> ReadError {
        ReadError::Refused { line: self.line, column: self.column, rule }
    }

    /// Returns the error that the document is not valid YAML at this location.
    pub(super) fn syntax(self, problem: &'static str) -> ReadError {
        self.refuse(Rule::Syntax { problem })
    }
}

#[derive(Debug)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub mark: Mark,
}

#[derive(Debug, PartialEq)]
pub(super) enum TokenKind {
    StreamEnd,
    Directive,
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    Tag(Tag),
    Scalar { text: String, plain: bool },
}

/// A tag as it is written: `!!int`, `!local`, `!<tag:yaml.org,2002:int>` or a lone `!`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// The part after `!!`, or of a verbatim tag after `tag:yaml.org,2002:`.
    Core(String),
    /// Every other tag, with its punctuation.
    Other(String),
    /// `!` alone: the scalar is resolved like a plain one.
    NonSpecific,
}

impl Tag {
    /// Returns the tag as it is written.
    pub(super) fn spelled(&self) -> String {
        match self {
            Tag::Core(name) => format!("!!{name}"),
            Tag::Other(text) => text.clone(),
            Tag::NonSpecific => "!".to_owned(),
        }
    }
}
