//! What can be wrong with a file of settings.

use std::io;
use std::path::PathBuf;

use super::setting::Expected;

/// Why the file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error(
        "the file of settings {} cannot be read (--config '' goes without one)",
        .path.display()
    )]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "the file of settings {} has more than {bytes_max} bytes: this is not one",
        .path.display()
    )]
    TooLarge { path: PathBuf, bytes_max: u64 },
    #[error("{}:{line}: this is not text in UTF-8, as a file of settings is", .path.display())]
    NotText { path: PathBuf, line: usize },
    #[error("{}:{line}: this is not TOML: {detail}", .path.display())]
    Syntax { path: PathBuf, line: usize, detail: String },
    #[error("{}", lines(.path, .problems))]
    Wrong { path: PathBuf, problems: Vec<SettingProblem> },
}

/// A line of the file that says what no setting takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem {
    /// From 1.
    pub line: usize,
    pub key: String,
    pub fault: SettingFault,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingFault {
    #[error("there is no such setting{}", meant(.nearest.as_deref()))]
    Unknown { nearest: Option<String> },
    #[error("this is {found}, and {} is expected", .expected.description())]
    Type { found: &'static str, expected: Expected },
    #[error("the value {value} is not taken: {expectation}")]
    Value { value: String, expectation: String },
}

fn meant(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("; was “{nearest}” meant?"),
        None => "; `satchel config --markdown` lists those that there are".to_owned(),
    }
}

fn lines(path: &std::path::Path, problems: &[SettingProblem]) -> String {
    let lines = problems.iter().map(|SettingProblem { line, key, fault }| {
        format!("{}:{line}: {}: {fault}", path.display(), shortened(key))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The most of a key or a value that an error repeats.
const SHOWN_CHARS_MAX: usize = 80;

/// A text of the file as an error shows it: in one line, and not all of a long one.
pub(super) fn shortened(text: &str) -> String {
    let mut shown: String =
        text.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    format!("“{shown}”")
}
