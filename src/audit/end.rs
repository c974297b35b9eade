//! The end of the log, in two files of the data directory. `AUDIT` has the number and the hash of the last
//! entry. It lies beside the folder, so that the loss of the folder, or of the end of its last file, is
//! noticed. `MARK.audit` has the number only. It shows the loss of both the folder and `AUDIT`.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{AuditError, entry::ChainEnd, segments::AuditFolder};
use crate::{disk::write_private_file, wording::hex};

/// The length of the file `AUDIT` in bytes: at most 110 of JSON, and less than a sector.
const END_BYTES: usize = 128;

/// The digits of the number in the file `MARK.audit`, and of the beginning of its SHA-256 after a space: a
/// fixed length, so that it is replaced in one write.
const MARK_DIGITS: usize = 20;
const MARK_SUM_DIGITS: usize = 16;

/// The content of the file `AUDIT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KnownEnd {
    /// Nothing was recorded yet.
    Missing,
    /// The file is damaged, so the last entry is not known.
    Damaged,
    /// The last entry, or one before it if the machine lost power.
    Entry(ChainEnd),
}

impl KnownEnd {
    /// Reads the file.
    ///
    /// # Errors
    /// [`AuditError::Read`] if the existing file cannot be read.
    pub(super) fn read(folder: &AuditFolder) -> Result<Self, AuditError> {
        let path = folder.end_path();
        match fs::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).map_or(Self::Damaged, Self::Entry)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::Missing),
            Err(error) => Err(AuditError::read(path)(error)),
        }
    }

    /// The last entry, if it is known.
    pub(super) fn entry(self) -> Option<ChainEnd> {
        match self {
            Self::Entry(end) => Some(end),
            Self::Missing | Self::Damaged => None,
        }
    }
}

/// The content of the file `MARK.audit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// There is no log, or an earlier release wrote it.
    Missing,
    /// The file is damaged.
    Damaged,
    /// The number of the last entry, or of one before it if the machine lost power.
    Number(u64),
}

impl Mark {
    /// Reads the file.
    ///
    /// # Errors
    /// [`AuditError::Read`] if the existing file cannot be read.
    pub(super) fn read(folder: &AuditFolder) -> Result<Self, AuditError> {
        let path = folder.mark_path();
        match fs::read(&path) {
            Ok(bytes) => Ok(parse_mark(&bytes).map_or(Self::Damaged, Self::Number)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::Missing),
            Err(error) => Err(AuditError::read(path)(error)),
        }
    }

    /// The number, or 0 if it is not known.
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Missing | Self::Damaged => 0,
        }
    }
}

/// The content of the file for a number.
fn mark_text(number: u64) -> String {
    let digits = format!("{number:0MARK_DIGITS$}");
    let sum = hex(&Sha256::digest(&digits));
    format!("{digits} {}\n", &sum[..MARK_SUM_DIGITS])
}

/// Parses the content of the file. `None` if it is damaged. Earlier builds wrote no checksum.
fn parse_mark(bytes: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let line = text.strip_suffix('\n')?;
    let digits = line.split_once(' ').map_or(line, |(digits, _)| digits);
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = (digits.len() == MARK_DIGITS && are_digits).then(|| digits.parse().ok())??;
    (line == digits || text == mark_text(number)).then_some(number)
}

/// Removes the temporary file of a killed process.
///
/// # Errors
/// [`AuditError::Write`].
pub(super) fn remove_temporary(folder: &AuditFolder) -> Result<(), AuditError> {
    let temporary = temporary_path(folder);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(AuditError::write(temporary)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn temporary_path(folder: &AuditFolder) -> PathBuf {
    folder.end_path().with_extension("new")
}

/// Replaces both files. They are not synced: after a loss of power an earlier end is as good, and each batch of
/// entries would take two more writes of the disk.
///
/// # Errors
/// [`AuditError::Write`].
pub(super) fn write(folder: &AuditFolder, end: &ChainEnd) -> Result<(), AuditError> {
    let path = folder.end_path();
    let text = end_text(end).map_err(|error| AuditError::write(&path)(error.into()))?;
    replace(folder, &path, text.as_bytes()).map_err(AuditError::write(&path))?;
    let path = folder.mark_path();
    replace(folder, &path, mark_text(end.number).as_bytes()).map_err(AuditError::write(&path))
}

/// The content of the file `AUDIT`: JSON, filled up with blanks to [`END_BYTES`].
fn end_text(end: &ChainEnd) -> serde_json::Result<String> {
    let json = serde_json::to_string(end)?;
    Ok(format!("{json:<width$}\n", width = END_BYTES - 1))
}

/// Replaces a file whose texts all have the same length. They lie in one sector, so that a loss of power leaves
/// the earlier text or the new one. A file that is missing or has another length is made durable instead: the
/// file system can lose the contents of a renamed file that was not synced.
fn replace(folder: &AuditFolder, path: &Path, text: &[u8]) -> io::Result<()> {
    match OpenOptions::new().write(true).open(path) {
        Ok(file) if file.metadata()?.len() == text.len() as u64 => file.write_all_at(text, 0),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(_) | Err(_) => write_private_file(path, &temporary_path(folder), text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_of_the_mark_is_damage() {
        for number in [0, 1, 25_652, u64::MAX] {
            let text = mark_text(number);
            assert_eq!(parse_mark(text.as_bytes()), Some(number));
            for at in 0..text.len() {
                for bit in 0..8 {
                    let mut changed = text.clone().into_bytes();
                    changed[at] ^= 1 << bit;
                    assert_eq!(parse_mark(&changed), None, "byte {at}, bit {bit}");
                }
            }
            for length in 0..text.len() {
                assert_eq!(parse_mark(&text.as_bytes()[..length]), None, "{length} bytes");
            }
        }
        assert_eq!(parse_mark(b"00000000000000000007\n"), Some(7), "of an earlier build");
    }
}
