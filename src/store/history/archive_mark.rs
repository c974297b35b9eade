//! The mark of the archive: the file `ARCHIVE` in the data directory. It says that the folder `history/`
//! exists, and which change was archived last. Without it, a deleted folder would look like a history that
//! was never archived. Trimming removes changes of the archive, but neither the folder nor the mark.

use std::{
    fs::{self, File},
    io::{self, Write},
};

use crate::{
    disk::sync_directory,
    store::{
        DataDirectory, StoreError,
        known::{decode_checked, encode_checked},
    },
};

/// The result of reading the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArchiveMark {
    /// Nothing was archived yet, or an earlier version of Satchel wrote the archive.
    Missing,
    /// There is an archive, whose last change is not known.
    Damaged,
    /// The number of the last archived change.
    Version(u64),
}

impl ArchiveMark {
    /// Reads the mark of a data directory.
    ///
    /// # Errors
    /// [`StoreError::Io`] if an existing file cannot be read.
    pub(super) fn read(directory: &DataDirectory) -> Result<Self, StoreError> {
        match fs::read(directory.archive_mark()) {
            Ok(bytes) => Ok(decode_checked(&bytes).map_or(Self::Damaged, Self::Version)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::Missing),
            Err(error) => Err(StoreError::io("reading the mark of the archive")(error)),
        }
    }

    /// The number of the last archived change. `None` if it is not known.
    pub(super) fn version(self) -> Option<u64> {
        match self {
            Self::Version(version) => Some(version),
            Self::Missing | Self::Damaged => None,
        }
    }
}

/// Writes the mark in one atomic and durable step.
///
/// # Errors
/// - [`StoreError::DiskFull`] if the file system has no space.
/// - [`StoreError::Io`] for any other error of the file system.
pub(super) fn write(directory: &DataDirectory, version: u64) -> Result<(), StoreError> {
    let path = directory.archive_mark();
    let temporary = path.with_extension("new");
    let replace = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(&encode_checked(&version))?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        sync_directory(directory.path())
    };
    replace().map_err(StoreError::io("writing the mark of the archive"))
}
