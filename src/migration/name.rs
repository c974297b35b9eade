//! The name of a project.

use std::{fmt, str::FromStr};

use crate::model::{FileNameProblem, check_file_name};

/// A project's name, which is also the name of its file or folder in the project library.
///
/// It follows the rule of [`check_file_name`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(String);

/// The reason why a text cannot be the name of a project.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a project {0}")]
pub struct NameError(FileNameProblem);

impl ProjectName {
    /// The name without an extension.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check_file_name(text).map_err(NameError)?;
        Ok(Self(text.to_owned()))
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
    fn a_refused_name_is_explained() {
        assert_eq!("nightly 1.0".parse::<ProjectName>().unwrap().as_str(), "nightly 1.0");
        let error = "../x".parse::<ProjectName>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the name of a project must not contain the character '/'; allowed are the letters \
             a to z and A to Z, digits, spaces, '.', '_' and '-'"
        );
    }
}
