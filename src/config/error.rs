//! The errors of a settings file.

use std::io;
use std::path::PathBuf;

use super::setting::Expected;

/// The reason why a settings file was refused.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file does not exist or cannot be read.
    #[error(
        "cannot read the settings file {} (--config '' starts without one)",
        .path.display()
    )]
    Unreadable {
        /// The settings file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file is too large for a settings file. It is not read further.
    #[error(
        "{} has more than {bytes_max} bytes, so it is not a settings file",
        .path.display()
    )]
    TooLarge {
        /// The settings file.
        path: PathBuf,
        /// The size limit in bytes.
        bytes_max: u64,
    },
    /// The file is not UTF-8.
    #[error("{}:{line}: a settings file must be UTF-8 text, and this line is not", .path.display())]
    NotText {
        /// The settings file.
        path: PathBuf,
        /// The first line that is not UTF-8, counted from 1.
        line: usize,
    },
    /// The file is not TOML.
    #[error("{}:{line}: invalid TOML: {detail}", .path.display())]
    Syntax {
        /// The settings file.
        path: PathBuf,
        /// The line of the error, counted from 1.
        line: usize,
        /// The message of the TOML parser.
        detail: String,
    },
    /// The file is TOML, and some of its settings are invalid.
    #[error("{}", lines(.path, .problems))]
    Wrong {
        /// The settings file.
        path: PathBuf,
        /// All invalid lines.
        problems: Vec<SettingProblem>,
    },
}

/// An invalid line of a settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem {
    /// Counts from 1.
    pub line: usize,
    /// The name of the setting in the file.
    pub key: String,
    /// The reason why the line is invalid.
    pub fault: SettingFault,
}

/// The reason why a line is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingFault {
    /// No command has a setting of this name.
    #[error("unknown setting{}", suggestion(.nearest.as_deref()))]
    Unknown {
        /// The most similar setting name, if one is similar enough to suggest.
        nearest: Option<String>,
    },
    /// The value has another data type than the setting.
    #[error("found {found}, expected {}", .expected.description())]
    Type {
        /// The data type in the file, in words.
        found: &'static str,
        /// The data type of the setting.
        expected: Expected,
    },
    /// The value has the correct data type, and the setting does not accept it.
    #[error("invalid value {value}: {expectation}")]
    Value {
        /// The value, quoted and shortened.
        value: String,
        /// The accepted values, in words.
        expectation: String,
    },
}

fn suggestion(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!(". Did you mean “{nearest}”?"),
        None => ". `satchel config --markdown` lists all settings".to_owned(),
    }
}

/// One line for each problem.
fn lines(path: &std::path::Path, problems: &[SettingProblem]) -> String {
    let lines = problems.iter().map(|SettingProblem { line, key, fault }| {
        format!("{}:{line}: {}: {fault}", path.display(), shortened(key))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The largest number of characters of a key or value in an error.
const SHOWN_CHARS_MAX: usize = 80;

/// Quotes a text of the file for an error: on one line, and shortened.
pub(super) fn shortened(text: &str) -> String {
    let mut shown: String =
        text.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    format!("“{shown}”")
}
