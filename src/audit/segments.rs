//! The files of the log. Each holds a range of entries and is named after its first one:
//! `audit/00000000000000000001.ndjson`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::AuditError;

/// The extension of a file: lines of JSON.
const EXTENSION: &str = ".ndjson";

/// The digits of a number in the name of a file, so that names sort as numbers.
const NUMBER_DIGITS: usize = 20;

/// The folder of the log in a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFolder {
    data: PathBuf,
}

/// A file of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The number of its first entry.
    pub first: u64,
    pub path: PathBuf,
    pub bytes: u64,
}

impl AuditFolder {
    /// The folder in this data directory, which does not need to exist.
    pub fn in_data(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    /// The path of the folder.
    pub fn path(&self) -> PathBuf {
        self.data.join("audit")
    }

    /// The path of the file with the last entry.
    pub(super) fn end_path(&self) -> PathBuf {
        self.data.join("AUDIT")
    }

    /// The path of the file with the number of the last entry. The name is that of the high-water mark of the
    /// inventory, because it has the same purpose.
    pub(super) fn mark_path(&self) -> PathBuf {
        self.data.join("MARK.audit")
    }

    /// The path of the file whose first entry has this number.
    pub(super) fn segment_path(&self, first: u64) -> PathBuf {
        self.path().join(format!("{first:0NUMBER_DIGITS$}{EXTENSION}"))
    }

    /// Returns the files in the order of their entries. Other files in the folder are ignored.
    ///
    /// # Errors
    /// [`AuditError::Read`] if the existing folder cannot be read.
    pub(super) fn segments(&self) -> Result<Vec<Segment>, AuditError> {
        let path = self.path();
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(AuditError::read(path)(error)),
        };
        let mut segments = Vec::new();
        for entry in entries {
            let entry = entry.map_err(AuditError::read(&path))?;
            let Some(first) = entry.file_name().to_str().and_then(number_in) else { continue };
            let metadata = entry.metadata().map_err(AuditError::read(entry.path()))?;
            // A link could lead out of the data directory.
            if metadata.is_file() {
                segments.push(Segment { first, path: entry.path(), bytes: metadata.len() });
            }
        }
        segments.sort_by_key(|segment| segment.first);
        Ok(segments)
    }
}

impl Segment {
    /// Returns the content of the file. Bytes that are not UTF-8 become replacement characters, so that the
    /// hash of their line is wrong.
    ///
    /// # Errors
    /// [`AuditError::Read`]. A file that was removed meanwhile, because it was too old, is empty.
    pub(super) fn read(&self) -> Result<String, AuditError> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(AuditError::read(&self.path)(error)),
        }
    }
}

/// Returns the complete lines of a file. A part after the last line end is being written, or was left by
/// a killed process.
pub(super) fn complete_lines(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    let end = text.rfind('\n').unwrap_or_default();
    text[..end].split('\n').filter(|line| !line.is_empty())
}

/// Returns the number in the name of a file.
fn number_in(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(EXTENSION)?;
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    (digits.len() == NUMBER_DIGITS && are_digits).then(|| digits.parse().ok())?
}
