//! The reasons why `metadata.yaml` is refused.

use super::super::FORMAT;
use crate::model::{UnknownKind, Value};

/// The reason why `metadata.yaml` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The text does not parse. The field is the message of the YAML reader, with line and column.
    #[error("the text is not valid YAML: {0}")]
    Yaml(String),
    /// A value has another type than its key requires.
    #[error("'{key}' must be {expected}, but is {found}")]
    Type {
        /// The path of the key, such as `satchel.documents.device.bytes`.
        key: String,
        /// The required type, with its article: `a map`.
        expected: &'static str,
        /// The type of the value.
        found: &'static str,
    },
    /// A key that Satchel's own declaration must have is missing.
    #[error("'{key}' is missing")]
    Missing {
        /// The path of the key, such as `satchel.format`.
        key: String,
    },
    /// A text is not one of the allowed values of its key, is not a checksum, or is too long for a
    /// version.
    #[error("'{key}' has the unknown value {found:?}")]
    UnknownValue {
        /// The path of the key, such as `satchel.secrets`.
        key: String,
        /// The start of the text.
        found: String,
    },
    /// `satchel.documents` has a key that is not a kind of record.
    #[error("a document of an unknown type is listed")]
    Kind(#[from] UnknownKind),
    /// A newer version of Satchel wrote it, or the format is 0, which does not exist.
    #[error(
        "the project has format {format}, but this version of Satchel reads formats up to \
         {FORMAT}. Import it with a newer version"
    )]
    Format {
        /// The declared format version.
        format: u64,
    },
}

impl MetadataError {
    /// Returns the stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            MetadataError::Yaml(_) => "metadata-yaml",
            MetadataError::Type { .. } => "metadata-type",
            MetadataError::Missing { .. } => "metadata-key",
            MetadataError::UnknownValue { .. } => "metadata-word",
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
    MetadataError::UnknownValue { key: key.to_owned(), found }
}
