//! The name of a workbook.

use std::{fmt, str::FromStr};

use crate::{
    codec::workbook::{Format, UnknownFormat},
    model::{FileNameProblem, check_file_name, is_file_name_character},
};

/// A workbook's name with its extension, which determines the format.
///
/// It follows the rule of [`check_file_name`]. A name without an extension gets the extension of
/// [`Format::Xls`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkbookName(String);

/// The reason why a text cannot be the name of a workbook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name breaks the rule of [`check_file_name`].
    #[error("the name of a workbook {0}")]
    File(FileNameProblem),
    /// The extension is not the extension of a format that can be written.
    #[error(transparent)]
    Ending(#[from] UnknownFormat),
}

impl WorkbookName {
    /// The name with its extension.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The format for the extension.
    pub fn format(&self) -> Format {
        // Every name has one of the extensions.
        Format::of_name(&self.0).unwrap_or(Format::Xls)
    }

    /// Returns the name of a file with `_` for characters that are not allowed. `None` if it is still
    /// not a valid name.
    pub(super) fn near(text: &str) -> Option<Self> {
        let near: String =
            text.chars().map(|c| if is_file_name_character(c) { c } else { '_' }).collect();
        near.trim_start_matches('.').parse().ok()
    }
}

impl FromStr for WorkbookName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check_file_name(text).map_err(NameError::File)?;
        Format::of_name(text)?;
        if text.contains('.') {
            return Ok(Self(text.to_owned()));
        }
        let name = format!("{text}.{}", Format::Xls.extension());
        check_file_name(&name).map_err(NameError::File)?;
        Ok(Self(name))
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
    fn the_extension_says_the_format_and_the_default_is_xls() {
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
            let ending = NameError::Ending(UnknownFormat { extension: ending.to_owned() });
            assert_eq!(text.parse::<WorkbookName>(), Err(ending), "{text}");
        }
    }

    #[test]
    fn the_default_extension_counts_for_the_length() {
        let error = "x".repeat(125).parse::<WorkbookName>().unwrap_err();
        assert_eq!(error, NameError::File(FileNameProblem::TooLong { characters: 129 }));
        assert!("x".repeat(124).parse::<WorkbookName>().is_ok());
        let error = "../x.xls".parse::<WorkbookName>().unwrap_err();
        assert!(error.to_string().starts_with("the name of a workbook must not contain the char"));
    }

    #[test]
    fn a_file_name_becomes_a_valid_name() {
        let near = |text: &str| WorkbookName::near(text).map(|name| name.to_string());
        assert_eq!(near("../Gerät%.xlsx").as_deref(), Some("_Ger_t_.xlsx"));
        assert_eq!(near(".."), None);
        assert_eq!(near("x.csv"), None);
    }
}
