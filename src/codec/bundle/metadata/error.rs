//! Why `metadata.yaml` is refused.

use super::super::FORMAT;
use crate::model::{UnknownKind, Value};

/// Why `metadata.yaml` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    #[error("it is not valid YAML: {0}")]
    Yaml(String),
    #[error("'{key}' must be {expected}, but is {found}")]
    Type { key: String, expected: &'static str, found: &'static str },
    #[error("'{key}' is missing")]
    Missing { key: String },
    #[error("'{key}' has the unknown value {found:?}")]
    Word { key: String, found: String },
    #[error("it lists a document of an unknown type")]
    Kind(#[from] UnknownKind),
    /// A newer version of Satchel wrote it, or the format is 0, which does not exist.
    #[error(
        "the project has format {format}, but this version of Satchel reads formats up to \
         {FORMAT}. Import it with a newer version"
    )]
    Format { format: u64 },
}

impl MetadataError {
    /// Returns the stable word for scripts.
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

/// Returns the error for a value of the wrong type.
pub(super) fn wrong_type(key: &str, expected: &'static str, found: &Value) -> MetadataError {
    MetadataError::Type { key: key.to_owned(), expected, found: found.type_name() }
}

/// Returns the error for an unknown text; a long one is cut.
pub(super) fn wrong_word(key: &str, found: &str) -> MetadataError {
    const CHARACTERS_MAX: usize = 80;
    let found = found.chars().take(CHARACTERS_MAX).collect();
    MetadataError::Word { key: key.to_owned(), found }
}
