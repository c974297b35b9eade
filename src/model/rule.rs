//! The rules that a record can break. A rule carries what was measured; its caller adds the
//! location.

use super::{NAME_BYTES_MAX, PropertyType};

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Rule {
    #[error("a name must not be empty")]
    NameEmpty,
    #[error("a name has at most {NAME_BYTES_MAX} bytes; this one has {bytes}")]
    NameLong { bytes: usize },
    #[error("a name must not hold the character {character:?}")]
    NameCharacter { character: char },
    #[error("{expected} is expected here, and this is {found}")]
    Type { expected: PropertyType, found: &'static str },
    #[error("a list of names is expected here, and one of its items is {found}")]
    ListItem { found: &'static str },
    #[error("a record has a name, and this one has none")]
    NameMissing,
    #[error("a record is a map of properties, and this is {found}")]
    NoRecord { found: &'static str },
    #[error("a property's name is a text, and this is {found}")]
    PropertyName { found: &'static str },
}

impl Rule {
    /// A short word for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Rule::NameEmpty => "name-empty",
            Rule::NameLong { .. } => "name-long",
            Rule::NameCharacter { .. } => "name-character",
            Rule::Type { .. } => "type",
            Rule::ListItem { .. } => "list-item",
            Rule::NameMissing => "name-missing",
            Rule::NoRecord { .. } => "no-record",
            Rule::PropertyName { .. } => "property-name",
        }
    }
}
