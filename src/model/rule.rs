//! The rules that a record can break. A rule carries the measured values. Its caller adds the
//! location.

use super::{NAME_BYTES_MAX, PropertyType};

/// The rule that a refused value breaks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Rule {
    /// A name has no characters.
    #[error("a name must not be empty")]
    NameEmpty,
    /// A name exceeds [`NAME_BYTES_MAX`].
    #[error("the name has {bytes} bytes; at most {NAME_BYTES_MAX} are allowed. Shorten it")]
    NameLong {
        /// The length of the name, in bytes of UTF-8.
        bytes: usize,
    },
    /// A name contains a control character, a slash, a backslash or a quote.
    #[error("a name must not contain {}", shown_character(*.character))]
    NameCharacter {
        /// The first such character.
        character: char,
    },
    /// A value has a type that the property does not accept.
    #[error("expected {expected}, found {}", phrase(.found))]
    Type {
        /// The type of the property.
        expected: PropertyType,
        /// The type of the value, such as `list`.
        found: &'static str,
    },
    /// An item in a list of names is not a name.
    #[error("expected a list of names, but one of its items is {}", phrase(.found))]
    ListItem {
        /// The type of the item, such as `boolean`; `empty` for an empty text.
        found: &'static str,
    },
    /// A record has no name.
    #[error("the record has no name. Add the property 'name'")]
    NameMissing,
    /// A document contains an item that is not a map of properties.
    #[error("expected a record, which is a map of properties; found {}", phrase(.found))]
    NoRecord {
        /// The type of the value, such as `list`.
        found: &'static str,
    },
    /// A key in the map of properties is not a text.
    #[error("expected text as the name of a property, found {}", phrase(.found))]
    PropertyName {
        /// The type of the key, such as `integer`.
        found: &'static str,
    },
}

impl Rule {
    /// A short identifier for scripts.
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

/// A character as a part of a sentence. A control character has only its number in Unicode.
pub(super) fn shown_character(character: char) -> String {
    match character {
        '\n' | '\r' => "a line break".to_owned(),
        '\t' => "a tab".to_owned(),
        '\0' => "a NUL character (U+0000)".to_owned(),
        character if character.is_control() => {
            format!("the control character U+{:04X}", u32::from(character))
        }
        character => format!("the character '{character}'"),
    }
}

/// A type as a part of a sentence: `integer` is `an integer`.
fn phrase(type_name: &str) -> String {
    match type_name {
        "null" => "null".to_owned(),
        "text" => "text".to_owned(),
        "binary" => "binary data".to_owned(),
        "empty" => "an empty text".to_owned(),
        "integer" => "an integer".to_owned(),
        other => format!("a {other}"),
    }
}
