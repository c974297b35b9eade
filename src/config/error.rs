//! The errors of a settings file.

use std::io;
use std::path::PathBuf;

use super::setting::Expected;

/// Why a settings file was refused.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error(
        "cannot read the settings file {} (--config '' starts without one)",
        .path.display()
    )]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "{} has more than {bytes_max} bytes, so it is not a settings file",
        .path.display()
    )]
    TooLarge { path: PathBuf, bytes_max: u64 },
    #[error("{}:{line}: a settings file must be UTF-8 text, and this line is not", .path.display())]
    NotText { path: PathBuf, line: usize },
    #[error("{}:{line}: invalid TOML: {detail}", .path.display())]
    Syntax { path: PathBuf, line: usize, detail: String },
    #[error("{}", lines(.path, .problems))]
    Wrong { path: PathBuf, problems: Vec<SettingProblem> },
}

/// An invalid line of a settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem {
    /// Counts from 1.
    pub line: usize,
    pub key: String,
    pub fault: SettingFault,
}

/// Why a line is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingFault {
    #[error("unknown setting{}", suggestion(.nearest.as_deref()))]
    Unknown { nearest: Option<String> },
    #[error("found {found}, expected {}", .expected.description())]
    Type { found: &'static str, expected: Expected },
    #[error("invalid value {value}: {expectation}")]
    Value { value: String, expectation: String },
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

/// The most characters of a key or value that an error repeats.
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
