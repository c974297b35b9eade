//! Names of records.

use std::{fmt, ops::Deref};

use bincode::{Decode, Encode};

use super::{NAME_BYTES_MAX, Rule};

/// A record's name: not empty, at most [`NAME_BYTES_MAX`] bytes, without control characters,
/// slashes, backslashes or quotes. Blanks, brackets, `%`, `>` and all letters are allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Name(String);

impl Name {
    /// Checks a text and converts it to a name.
    ///
    /// # Errors
    /// The first rule that the text breaks, and the text.
    pub fn parse(text: String) -> Result<Self, (Rule, String)> {
        let forbidden = |c: &char| c.is_control() || matches!(c, '/' | '\\' | '"' | '\'');
        if text.is_empty() {
            Err((Rule::NameEmpty, text))
        } else if text.len() > NAME_BYTES_MAX {
            Err((Rule::NameLong { bytes: text.len() }, text))
        } else if let Some(character) = text.chars().find(forbidden) {
            Err((Rule::NameCharacter { character }, text))
        } else {
            Ok(Self(text))
        }
    }

    /// The name of a record whose name is not known yet: empty.
    pub(super) const fn unset() -> Self {
        Self(String::new())
    }

    /// The text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_real_documents_are_accepted() {
        for text in ["[Shared] Start", "R3 -> R2 L1", ">a>b.yml", "100% é", "..", "(R) x: y"] {
            assert!(Name::parse(text.to_owned()).is_ok(), "{text}");
        }
        assert!(Name::parse("é".repeat(127)).is_ok());
    }

    #[test]
    fn a_text_that_is_not_a_name_has_its_rule() {
        let rule = |text: &str| Name::parse(text.to_owned()).unwrap_err().0;
        assert_eq!(rule(""), Rule::NameEmpty);
        assert_eq!(rule(&"é".repeat(128)), Rule::NameLong { bytes: 256 });
        for character in ['/', '\\', '"', '\'', '\0', '\n', '\u{7f}'] {
            assert_eq!(rule(&format!("a{character}")), Rule::NameCharacter { character });
        }
    }
}
