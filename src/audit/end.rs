//! The file `AUDIT` in the data directory: the last entry of the log. It lies beside the folder, so that
//! the loss of the folder, or of the end of its last file, is noticed.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use super::{AuditError, entry::ChainEnd, segments::AuditFolder};

/// The mode of the file.
const FILE_MODE: u32 = 0o600;

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

/// Replaces the file. It is not made durable: after a loss of power, an earlier end is as good, and each
/// batch of entries would take two more writes of the disk.
///
/// # Errors
/// [`AuditError::Write`].
pub(super) fn write(folder: &AuditFolder, end: &ChainEnd) -> Result<(), AuditError> {
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
