//! The name of a workbook.

use std::{fmt, str::FromStr};

use crate::codec::workbook::{Format, FormatUnknown};

/// The longest name with its ending, in characters, which are bytes here: as long as a project's.
pub const WORKBOOK_NAME_CHARACTERS_MAX: usize = 128;

/// A workbook's name with its ending: 1 to [`WORKBOOK_NAME_CHARACTERS_MAX`] of the letters a to z
/// and A to Z, digits, space, `.`, `_` and `-`, and no dot first. The ending says the format.
///
/// It becomes a file's name, as a project's does, and holds what that may hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkbookName(String);

/// Why a text is no name of a workbook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("the name of a workbook must not be empty")]
    Empty,
    #[error(
        "the name of a workbook has at most {WORKBOOK_NAME_CHARACTERS_MAX} characters; this one \
         has {characters}"
    )]
    Long { characters: usize },
    #[error("the name of a workbook must not start with a dot")]
    Dot,
    #[error(
        "the name of a workbook must not hold the character {character:?}: it is made of the \
         letters a to z, digits, spaces, '.', '_' and '-'"
    )]
    Character { character: char },
    #[error(transparent)]
    Ending(#[from] FormatUnknown),
}

impl WorkbookName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The format that the ending says.
    pub fn format(&self) -> Format {
        // Every name has one of the endings.
        Format::of_name(&self.0).unwrap_or(Format::Xls)
    }

    /// The nearest name to what a file was called elsewhere: other characters become `_`.
    pub(super) fn near(text: &str) -> Option<Self> {
        let near: String = text.chars().map(|c| if belongs(&c) { c } else { '_' }).collect();
        near.trim_start_matches('.').parse().ok()
    }
}

fn belongs(c: &char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-')
}

impl FromStr for WorkbookName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let default_ending = || format!(".{}", Format::Xls.ending());
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if let Some(character) = text.chars().find(|c| !belongs(c)) {
            return Err(NameError::Character { character });
        }
        if text.starts_with('.') {
            return Err(NameError::Dot);
        }
        Format::of_name(text)?;
        let ending = if text.contains('.') { String::new() } else { default_ending() };
        let characters = text.len() + ending.len();
        if characters > WORKBOOK_NAME_CHARACTERS_MAX {
            return Err(NameError::Long { characters });
        }
        Ok(Self(format!("{text}{ending}")))
    }
}

impl fmt::Display for WorkbookName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl serde::Serialize for WorkbookName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_says_the_format_and_none_is_xls() {
        for (text, name, format) in [
            ("project.xls", "project.xls", Format::Xls),
            ("project", "project.xls", Format::Xls),
            ("a b-c_1.XLSX", "a b-c_1.XLSX", Format::Xlsx),
            ("v1.2.xls", "v1.2.xls", Format::Xls),
        ] {
            let parsed: WorkbookName = text.parse().unwrap();
            assert_eq!((parsed.as_str(), parsed.format()), (name, format));
        }
        for (text, ending) in [("a.csv", "csv"), ("a.xls.zip", "zip"), ("a.", ""), ("v1.2", "2")] {
            let ending = NameError::Ending(FormatUnknown { ending: ending.to_owned() });
            assert_eq!(text.parse::<WorkbookName>(), Err(ending), "{text}");
        }
    }

    #[test]
    fn no_name_leads_anywhere() {
        let error = |text: &str| text.parse::<WorkbookName>().unwrap_err();
        assert_eq!(error(""), NameError::Empty);
        for text in [".", "..", ".xls", ".aside-1.xls"] {
            assert_eq!(error(text), NameError::Dot, "{text}");
        }
        assert_eq!(error(&"x".repeat(125)), NameError::Long { characters: 129 });
        assert!("x".repeat(124).parse::<WorkbookName>().is_ok());
        for (text, character) in
            [("../x.xls", '/'), ("a\\b", '\\'), ("%2e", '%'), ("a\0", '\0'), ("é>b", 'é')]
        {
            assert_eq!(error(text), NameError::Character { character }, "{text:?}");
        }
    }

    #[test]
    fn a_name_from_elsewhere_finds_a_near_one() {
        let near = |text: &str| WorkbookName::near(text).map(|name| name.to_string());
        assert_eq!(near("../Gerät%.xlsx").as_deref(), Some("_Ger_t_.xlsx"));
        assert_eq!(near(".."), None);
        assert_eq!(near("x.csv"), None);
    }
}
