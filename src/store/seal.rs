//! The seal of a generation: its state when it was completed, in the file `SEAL` in its folder. It is
//! written before the pointer names the generation, and again when another generation replaces it.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{
    DirectoryError, StoreError,
    known::{CHECKED_FORMAT, CheckedError, KnownState, decode_checked, encode_checked},
};
use crate::disk::sync_directory;

const FILE_NAME: &str = "SEAL";

/// The name under which a seal is written before it replaces an existing one.
const TEMPORARY_NAME: &str = "SEAL.new";

/// The result of reading a seal.
pub(super) enum Seal {
    Intact(Box<KnownState>),
    Missing,
    Damaged,
}

fn path(generation: &Path) -> PathBuf {
    generation.join(FILE_NAME)
}

/// Writes the seal into a generation's folder. The caller makes the folder durable.
///
/// # Errors
/// - [`StoreError::DiskFull`] if the file system has no space.
/// - [`StoreError::Io`] for any other error of the file system.
pub(super) fn write(generation: &Path, known: &KnownState) -> Result<(), StoreError> {
    fs::write(path(generation), encode_checked(known))
        .map_err(StoreError::io("writing the seal of a generation"))
}

/// Replaces the seal in a generation's folder by that of a later state, in one atomic and durable step.
///
/// # Errors
/// - [`StoreError::DiskFull`] if the file system has no space.
/// - [`StoreError::Io`] for any other error of the file system.
pub(super) fn replace(generation: &Path, known: &KnownState) -> Result<(), StoreError> {
    let temporary = generation.join(TEMPORARY_NAME);
    let replace = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(&encode_checked(known))?;
        file.sync_all()?;
        fs::rename(&temporary, path(generation))?;
        sync_directory(generation)
    };
    replace().map_err(StoreError::io("writing the seal of a generation"))
}

/// Reads the seal of a generation's folder.
///
/// # Errors
/// - [`StoreError::Directory`] if a newer version wrote it.
/// - [`StoreError::Io`] if an existing file cannot be read.
pub(super) fn read(generation: &Path) -> Result<Seal, StoreError> {
    let bytes = match fs::read(path(generation)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Seal::Missing),
        Err(error) => return Err(StoreError::io("reading the seal of a generation")(error)),
    };
    match decode_checked(&bytes) {
        Ok(known) => Ok(Seal::Intact(Box::new(known))),
        Err(CheckedError::Damaged) => Ok(Seal::Damaged),
        Err(CheckedError::OtherFormat { found }) => {
            Err(DirectoryError::OtherFormat { found: found.into(), known: CHECKED_FORMAT.into() }
                .into())
        }
    }
}
