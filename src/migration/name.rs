//! The name of a project.

use std::{fmt, str::FromStr};

/// The longest name, in characters, which are bytes here. With its ending it fits into what every
/// file system allows for a file's name (255 bytes).
pub const PROJECT_NAME_CHARACTERS_MAX: usize = 128;

/// A project's name: 1 to [`PROJECT_NAME_CHARACTERS_MAX`] of the letters a to z and A to Z,
/// digits, space, `.`, `_` and `-`, and no dot first.
///
/// It becomes a file's name, here and on the stick that carries it elsewhere; so the letters are
/// those of ASCII, which every file system spells in one way. Nothing is unescaped: a `%2e` in an
/// address was decoded long before, and a `%` in a name is a character that does not belong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(String);

/// Why a text is no name of a project.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("the name of a project must not be empty")]
    Empty,
    #[error(
        "the name of a project has at most {PROJECT_NAME_CHARACTERS_MAX} characters; this one has \
         {characters}"
    )]
    Long { characters: usize },
    #[error("the name of a project must not start with a dot")]
    Dot,
    #[error(
        "the name of a project must not hold the character {character:?}: it is made of the \
         letters a to z, digits, spaces, '.', '_' and '-'"
    )]
    Character { character: char },
}

impl ProjectName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let belongs = |c: &char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-');
        if text.is_empty() {
            Err(NameError::Empty)
        } else if text.len() > PROJECT_NAME_CHARACTERS_MAX
            && text.chars().nth(PROJECT_NAME_CHARACTERS_MAX).is_some()
        {
            Err(NameError::Long { characters: text.chars().count() })
        } else if let Some(character) = text.chars().find(|c| !belongs(c)) {
            Err(NameError::Character { character })
        } else if text.starts_with('.') {
            Err(NameError::Dot)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl serde::Serialize for ProjectName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_manual_are_names() {
        for text in ["test_project", "Backup", "2026-05-23 nightly", "a.zip", "a..b", "-", "x."] {
            assert_eq!(text.parse::<ProjectName>().unwrap().as_str(), text);
        }
        assert!("x".repeat(128).parse::<ProjectName>().is_ok());
    }

    #[test]
    fn no_name_leads_anywhere() {
        let error = |text: &str| text.parse::<ProjectName>().unwrap_err();
        assert_eq!(error(""), NameError::Empty);
        for text in [".", "..", ".hidden", ".aside-1"] {
            assert_eq!(error(text), NameError::Dot, "{text}");
        }
        assert_eq!(error(&"x".repeat(129)), NameError::Long { characters: 129 });
        assert_eq!(error(&"x".repeat(1 << 20)), NameError::Long { characters: 1 << 20 });
        for (text, character) in [
            ("../x", '/'),
            ("/etc/passwd", '/'),
            ("a/b", '/'),
            ("a\\b", '\\'),
            ("%2e%2e", '%'),
            ("a\0", '\0'),
            ("a\n", '\n'),
            ("C:x", ':'),
            ("é", 'é'),
            ("a\u{202e}b", '\u{202e}'),
        ] {
            assert_eq!(error(text), NameError::Character { character }, "{text:?}");
        }
    }
}
