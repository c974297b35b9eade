//! Why metadata is not taken.

use super::super::FORMAT;
use crate::model::{UnknownKind, Value};

/// Why metadata is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    #[error("this is no YAML of the sort that belongs here: {0}")]
    Yaml(String),
    #[error("{expected} is expected at '{key}', and this is {found}")]
    Type { key: String, expected: &'static str, found: &'static str },
    #[error("'{key}' is missing")]
    Missing { key: String },
    #[error("'{key}' says {found:?}, which means nothing here")]
    Word { key: String, found: String },
    #[error("a document is listed whose name is no kind")]
    Kind(#[from] UnknownKind),
    /// A newer Satchel wrote it (or none: there is no format 0).
    #[error(
        "this project is of format {format}, and this Satchel reads formats up to {FORMAT}: \
         import it with a newer Satchel"
    )]
    Format { format: u64 },
}

impl MetadataError {
    /// A short word for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            MetadataError::Yaml(_) => "metadata-yaml",
            MetadataError::Type { .. } => "metadata-type",
            MetadataError::Missing { .. } => "metadata-key",
            MetadataError::Word { .. } => "metadata-word",
            MetadataError::Kind(_) => "metadata-kind",
            MetadataError::Format { .. } => "newer-format",
        }
    }
}

/// A value of a type that does not belong there.
pub(super) fn wrong_type(key: &str, expected: &'static str, found: &Value) -> MetadataError {
    MetadataError::Type { key: key.to_owned(), expected, found: found.type_name() }
}

/// A text that means nothing there: a long one is cut.
pub(super) fn wrong_word(key: &str, found: &str) -> MetadataError {
    const CHARACTERS_MAX: usize = 80;
    let found = found.chars().take(CHARACTERS_MAX).collect();
    MetadataError::Word { key: key.to_owned(), found }
}
