//! Why a document is refused, and where.

use std::io;

use super::{
    ALIAS_BYTES_MAX, ALIAS_BYTES_PER_BYTE_MAX, ANCHOR_BYTES_MAX, DOCUMENT_BYTES_MAX,
    NAME_BYTES_MAX, RECORD_BYTES_MAX, TEXT_BYTES_MAX,
};

/// A document could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes could not be had at all.
    #[error("cannot read the document")]
    Io(#[from] io::Error),
    /// The document breaks a rule. Line and column count from 1, the column in characters.
    #[error("line {line}, column {column}: {rule}")]
    Refused { line: u64, column: u64, rule: Rule },
}

/// The rule that a document breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    #[error("the text is not UTF-8")]
    Encoding,
    #[error("the character U+{found:04X} is not allowed in YAML")]
    Character { found: u32 },
    #[error("the document must be a list of records, and is {found}")]
    NotAList { found: &'static str },
    #[error("a file holds one document, and a second one starts here")]
    SecondDocument,
    #[error("the directive %{name} is not supported")]
    Directive { name: String },
    #[error("not YAML: {problem}")]
    Syntax { problem: &'static str },
    #[error("`\\{found}` is no escape in a double-quoted text")]
    Escape { found: String },
    #[error("the tag {tag} is not supported: such a value would have to be executed or is unknown")]
    UnknownTag { tag: String },
    #[error("the tag {tag} does not fit {found}")]
    TagMismatch { tag: String, found: &'static str },
    #[error("`{text}` is no {expected}")]
    Scalar { expected: &'static str, text: String },
    #[error("the key {key} stands twice in one mapping")]
    DuplicateKey { key: String },
    #[error("{found} cannot be a key")]
    KeyType { found: &'static str },
    #[error("`<<` merges mappings, and this is {found}")]
    Merge { found: &'static str },
    #[error("the alias *{name} refers to no anchor that is known")]
    UndefinedAlias { name: String },
    #[error("the alias *{name} stands inside of what it refers to")]
    RecursiveAlias { name: String },
    #[error("the anchor &{name} stands twice in one document")]
    DuplicateAnchor { name: String },
    #[error("lists and mappings are nested deeper than {levels_max} levels")]
    Depth { levels_max: usize },
    #[error("the record is larger than {RECORD_BYTES_MAX} bytes, its aliases expanded")]
    RecordSize,
    #[error("what an anchor stands for is larger than {ANCHOR_BYTES_MAX} bytes")]
    AnchorSize,
    #[error(
        "the aliases of the document expand to more than {ALIAS_BYTES_MAX} bytes, or those to \
         earlier records to more than {ALIAS_BYTES_PER_BYTE_MAX} times its size"
    )]
    Expansion,
    #[error("one text is longer than {TEXT_BYTES_MAX} bytes")]
    TextSize,
    #[error("the name of an anchor or tag is longer than {NAME_BYTES_MAX} bytes")]
    NameSize,
    #[error("the document is longer than {DOCUMENT_BYTES_MAX} bytes")]
    DocumentSize,
}
