//! The end of the log, in two files of the data directory. `AUDIT` has the number and the hash of the last
//! entry. It lies beside the folder, so that the loss of the folder, or of the end of its last file, is
//! noticed. `MARK.audit` has the number only. It shows the loss of both the folder and `AUDIT`.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::PathBuf,
};

use sha2::{Digest, Sha256};

use super::{AuditError, entry::ChainEnd, segments::AuditFolder};
use crate::wording::hex;

/// The mode of the file.
const FILE_MODE: u32 = 0o600;

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

/// Replaces both files. They are not made durable: after a loss of power, an earlier end is as good, and each
/// batch of entries would take two more writes of the disk.
///
/// # Errors
/// [`AuditError::Write`].
pub(super) fn write(folder: &AuditFolder, end: &ChainEnd) -> Result<(), AuditError> {
    write_end(folder, end)?;
    let path = folder.mark_path();
    let mark = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(FILE_MODE).open(&path)?;
        let text = mark_text(end.number);
        file.write_all_at(text.as_bytes(), 0)?;
        // A damaged file can be longer.
        file.set_len(text.len() as u64)
    };
    mark().map_err(AuditError::write(&path))
}

/// Replaces the file `AUDIT`.
fn write_end(folder: &AuditFolder, end: &ChainEnd) -> Result<(), AuditError> {
    let path = folder.end_path();
    let temporary = temporary_path(folder);
    let replace = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(FILE_MODE).open(&temporary)?;
        file.write_all(&serde_json::to_vec(end)?)?;
        fs::rename(&temporary, &path)
    };
    replace().map_err(AuditError::write(&path))
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
