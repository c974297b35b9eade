//! The reasons why a document is refused, with the location.

use std::io;

use super::{
    ALIAS_BYTES_MAX, ALIAS_BYTES_PER_BYTE_MAX, ANCHOR_BYTES_MAX, DOCUMENT_BYTES_MAX,
    NAME_BYTES_MAX, RECORD_BYTES_MAX, TEXT_BYTES_MAX,
};

/// The reason why a document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The reader failed.
    #[error("cannot read the document")]
    Io(#[source] io::Error),
    /// The document breaks a rule. Line and column count from 1, the column in characters.
    #[error("line {line}, column {column}: {rule}")]
    Refused {
        /// The line of the mistake, from 1.
        line: u64,
        /// The column of the mistake in characters, from 1.
        column: u64,
        /// The rule that the document breaks.
        rule: Rule,
    },
}

/// The rules that a document can break.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// The bytes are not UTF-8, or end in the middle of a character.
    #[error("the text is not UTF-8")]
    Encoding,
    /// The text contains a control character, or another character outside of the set that YAML 1.1
    /// allows.
    #[error("the character U+{found:04X} is not allowed in YAML")]
    Character {
        /// The code point.
        found: u32,
    },
    /// The document is empty, a scalar or a mapping. A project document is a list of records.
    #[error("the document must be a list of records, but is {found}")]
    NotAList {
        /// The type of the content, or `empty`.
        found: &'static str,
    },
    /// `---` or a directive follows the first document.
    #[error("the file must contain one YAML document, but a second document starts here")]
    SecondDocument,
    /// A line before the document begins with `%`, and is not `%YAML 1.x`.
    #[error("the directive %{name} is not supported")]
    Directive {
        /// The name of the directive, without `%`.
        name: String,
    },
    /// The text breaks YAML's syntax.
    #[error("not YAML: {problem}")]
    Syntax {
        /// A description of the mistake.
        problem: &'static str,
    },
    /// A backslash in a double-quoted text is followed by characters that are not an escape.
    #[error("`\\{found}` is not a valid escape in double quotes")]
    Escape {
        /// The characters after the backslash.
        found: String,
    },
    /// A tag is not one that safe loading in PyYAML knows, except `!!python/tuple`.
    #[error(
        "the tag {tag} is not supported. It is unknown, or its value would have to be executed"
    )]
    UnknownTag {
        /// The tag as it is written in the document.
        tag: String,
    },
    /// A tag of one type stands before a node of another type, such as `!!int` before a list.
    #[error("the tag {tag} cannot be used for {found}")]
    TagMismatch {
        /// The tag.
        tag: String,
        /// The type of the node, with its article.
        found: &'static str,
    },
    /// A scalar cannot be parsed as the type of its tag.
    #[error("`{text}` is not a valid {expected}")]
    Scalar {
        /// The type, such as `integer`.
        expected: &'static str,
        /// The start of the scalar.
        text: String,
    },
    /// A mapping has two equal keys, of which PyYAML would drop one.
    #[error("the key {key} occurs twice in one mapping")]
    DuplicateKey {
        /// The key, shortened.
        key: String,
    },
    /// A key is a list or a mapping, or contains one. Python cannot use it as a key.
    #[error("{found} cannot be a key")]
    KeyType {
        /// The type of the key, with its article.
        found: &'static str,
    },
    /// The value of the key `<<` is neither a mapping nor a list of mappings.
    #[error("the value of `<<` must be a mapping or a list of mappings, but is {found}")]
    Merge {
        /// The type of the value.
        found: &'static str,
    },
    /// No earlier value has an anchor with the name of the alias, or the value has been forgotten:
    /// only the last [`ANCHORS_MAX`](super::ANCHORS_MAX) anchors, and [`ANCHOR_BYTES_MAX`] of
    /// values, are kept.
    #[error("the alias *{name} refers to an unknown anchor")]
    UndefinedAlias {
        /// The name, without `*`.
        name: String,
    },
    /// A value contains an alias to itself, so it would have no end.
    #[error("the alias *{name} is inside of the value that it refers to")]
    RecursiveAlias {
        /// The name, without `*`.
        name: String,
    },
    /// Two values have an anchor with the same name.
    #[error("the anchor &{name} occurs twice in one document")]
    DuplicateAnchor {
        /// The name, without `&`.
        name: String,
    },
    /// Collections are nested too deeply. The limit bounds the stack of recursive readers.
    #[error("lists and mappings are nested deeper than {levels_max} levels")]
    Depth {
        /// The highest number of nested collections, including the outermost one.
        levels_max: usize,
    },
    /// A record is larger than [`RECORD_BYTES_MAX`], with the values of its aliases counted each
    /// time.
    #[error("the record has more than {RECORD_BYTES_MAX} bytes with its aliases expanded")]
    RecordSize,
    /// A value with an anchor is larger than [`ANCHOR_BYTES_MAX`].
    #[error("the value of an anchor has more than {ANCHOR_BYTES_MAX} bytes")]
    AnchorSize,
    /// Aliases repeat so much data that a small document becomes a huge one.
    #[error(
        "the aliases of the document expand to more than {ALIAS_BYTES_MAX} bytes, or those to \
         earlier records to more than {ALIAS_BYTES_PER_BYTE_MAX} times its size"
    )]
    Expansion,
    /// A scalar is longer than [`TEXT_BYTES_MAX`].
    #[error("a text has more than {TEXT_BYTES_MAX} bytes")]
    TextSize,
    /// The name of an anchor, alias or tag is longer than [`NAME_BYTES_MAX`].
    #[error("the name of an anchor or tag has more than {NAME_BYTES_MAX} bytes")]
    NameSize,
    /// A document that is read into memory as a whole, such as `metadata.yaml`, is longer than
    /// [`DOCUMENT_BYTES_MAX`].
    #[error("the document has more than {DOCUMENT_BYTES_MAX} bytes")]
    DocumentSize,
}
