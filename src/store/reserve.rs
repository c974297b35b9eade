//! The reserve file: disk space with which a database can be opened although the disk is full.

use std::{
    fs::{self, File},
    io::{self, Write},
    sync::Arc,
};

use rustix::fs::{FallocateFlags, fallocate};

use super::{DataDirectory, StoreError, generation::Generation};

/// The size of the reserve file, in bytes. While it opens, sled writes a segment of 512 KB and a
/// snapshot of about 10 bytes for every record.
const RESERVE_BYTES: u64 = 32 * 1024 * 1024;

/// The free space that reopening the database needs, in bytes.
const OPENING_BYTES: usize = 16 * 1024 * 1024;

/// Creates the reserve file. If there is no disk space, logs a warning and continues without it.
pub(super) fn keep_reserve(directory: &DataDirectory) {
    let path = directory.reserve();
    if fs::metadata(&path).is_ok_and(|reserve| reserve.len() >= RESERVE_BYTES) {
        return;
    }
    let reserve = || -> io::Result<()> {
        fallocate(File::create(&path)?, FallocateFlags::empty(), 0, RESERVE_BYTES)?;
        Ok(())
    };
    if let Err(error) = reserve() {
        let megabytes = RESERVE_BYTES / 1_000_000;
        tracing::warn!(%error, "Cannot create the reserve file. It keeps the inventory readable on a full disk. Free at least {megabytes} MB.");
        // A partial reserve is of no use.
        let _ = fs::remove_file(path);
    }
}

/// Opens a generation with `open`. On a full disk, removes the reserve file and tries again.
///
/// # Errors
/// The error of `open`.
pub(super) fn open_generation(
    directory: &Arc<DataDirectory>,
    open: impl Fn(&Arc<DataDirectory>) -> Result<Generation, StoreError>,
) -> Result<Generation, StoreError> {
    match open(directory) {
        Err(StoreError::DiskFull) if directory.reserve().exists() => {
            fs::remove_file(directory.reserve()).map_err(|_| StoreError::DiskFull)?;
            let path = directory.path().display();
            tracing::warn!(
                "Disk full: the reserve file is removed to open the inventory. Free disk space for {path}."
            );
            open(directory)
        }
        opened => opened,
    }
}

/// Returns whether there is enough disk space to open a database. Removes the reserve file if
/// necessary. Writes a test file, because a quota is not visible otherwise: a database that was closed
/// and cannot be opened would serve no reads at all.
pub(super) fn has_space_to_open(directory: &DataDirectory) -> bool {
    let write_test_file = || -> io::Result<()> {
        let mut file = tempfile::tempfile_in(directory.path())?;
        let piece = vec![0; OPENING_BYTES / 8];
        (0..8).try_for_each(|_| file.write_all(&piece))?;
        file.sync_data()
    };
    if write_test_file().is_ok() {
        return true;
    }
    if fs::remove_file(directory.reserve()).is_err() {
        return false;
    }
    let path = directory.path().display();
    tracing::warn!(
        "Disk full: the reserve file is removed to reopen the database. Free disk space for {path}."
    );
    write_test_file().is_ok()
}
