//! Why a document is refused, with the location.

use std::io;

use super::{
    ALIAS_BYTES_MAX, ALIAS_BYTES_PER_BYTE_MAX, ANCHOR_BYTES_MAX, DOCUMENT_BYTES_MAX,
    NAME_BYTES_MAX, RECORD_BYTES_MAX, TEXT_BYTES_MAX,
};

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The reader failed.
    #[error("cannot read the document")]
    Io(#[source] io::Error),
    /// The document breaks a rule. Line and column count from 1, the column in characters.
    #[error("line {line}, column {column}: {rule}")]
    Refused { line: u64, column: u64, rule: Rule },
}

/// The rules that a document can break.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    #[error("the text is not UTF-8")]
    Encoding,
    #[error("the character U+{found:04X} is not allowed in YAML")]
    Character { found: u32 },
    #[error("the document must be a list of records, but is {found}")]
    NotAList { found: &'static str },
    #[error("a file has one document, but a second one starts here")]
    SecondDocument,
    #[error("the directive %{name} is not supported")]
    Directive { name: String },
    #[error("not YAML: {problem}")]
    Syntax { problem: &'static str },
    #[error("`\\{found}` is not an escape of a double-quoted text")]
    Escape { found: String },
    #[error(
        "the tag {tag} is not supported. It is unknown, or its value would have to be executed"
    )]
    UnknownTag { tag: String },
    #[error("the tag {tag} does not fit {found}")]
    TagMismatch { tag: String, found: &'static str },
    #[error("`{text}` is not a valid {expected}")]
    Scalar { expected: &'static str, text: String },
    #[error("the key {key} occurs twice in one mapping")]
    DuplicateKey { key: String },
    #[error("{found} cannot be a key")]
    KeyType { found: &'static str },
    #[error("`<<` merges mappings, but this is {found}")]
    Merge { found: &'static str },
    #[error("the alias *{name} refers to an unknown anchor")]
    UndefinedAlias { name: String },
    #[error("the alias *{name} is inside of the value that it refers to")]
    RecursiveAlias { name: String },
    #[error("the anchor &{name} occurs twice in one document")]
    DuplicateAnchor { name: String },
    #[error("lists and mappings are nested deeper than {levels_max} levels")]
    Depth { levels_max: usize },
    #[error("the record has more than {RECORD_BYTES_MAX} bytes with its aliases expanded")]
    RecordSize,
    #[error("the value of an anchor has more than {ANCHOR_BYTES_MAX} bytes")]
    AnchorSize,
    #[error(
        "the aliases of the document expand to more than {ALIAS_BYTES_MAX} bytes, or those to \
         earlier records to more than {ALIAS_BYTES_PER_BYTE_MAX} times its size"
    )]
    Expansion,
    #[error("a text has more than {TEXT_BYTES_MAX} bytes")]
    TextSize,
    #[error("the name of an anchor or tag has more than {NAME_BYTES_MAX} bytes")]
    NameSize,
    #[error("the document has more than {DOCUMENT_BYTES_MAX} bytes")]
    DocumentSize,
}
