//! Moves the files of a damaged inventory to the folder `damaged-TIME/`.

use std::{fs, path::PathBuf};

use time::{OffsetDateTime, macros::format_description};

use crate::disk::sync_directory;
use crate::store::{DataDirectory, StoreError};

/// The beginning of the folder's name.
const PREFIX: &str = "damaged-";

/// Moves generations to a new folder and copies the pointer and the high-water mark there. Returns the
/// folder, or `None` if there is no generation to move.
///
/// # Errors
/// - [`StoreError::DiskFull`] if the file system has no space.
/// - [`StoreError::Io`] for any other error of the file system.
pub(super) fn set_aside(
    directory: &DataDirectory,
    generations: &[u64],
) -> Result<Option<PathBuf>, StoreError> {
    if generations.is_empty() {
        return Ok(None);
    }
    let folder = free_path(directory);
    let io = || StoreError::io(format!("moving the damaged files to {}", folder.display()));
    fs::create_dir(&folder).map_err(io())?;
    for file in ["CURRENT", "MARK"].map(|name| directory.path().join(name)) {
        if let Some(name) = file.file_name()
            && file.exists()
        {
            fs::copy(&file, folder.join(name)).map_err(io())?;
        }
    }
    for number in generations {
        let from = directory.generation(*number);
        if let Some(name) = from.file_name() {
            fs::rename(&from, folder.join(name)).map_err(io())?;
        }
    }
    sync_directory(&folder).map_err(io())?;
    sync_directory(directory.path()).map_err(io())?;
    Ok(Some(folder))
}

/// Moves the current generation back if a recovery was interrupted after it moved the generation and
/// before it switched the pointer.
///
/// # Errors
/// [`StoreError::Io`] if the generation cannot be moved.
pub(super) fn put_back(directory: &DataDirectory) -> Result<(), StoreError> {
    let Ok(Some(pointer)) = directory.pointer() else { return Ok(()) };
    let missing = directory.generation(pointer.current);
    let (true, Some(name)) = (!missing.is_dir() && pointer.current > 0, missing.file_name()) else {
        return Ok(());
    };
    let io = || StoreError::io(format!("moving {} back", missing.display()));
    for entry in fs::read_dir(directory.path()).map_err(io())? {
        let folder = entry.map_err(io())?.path();
        let is_damaged_folder =
            folder.file_name().is_some_and(|folder| folder.to_string_lossy().starts_with(PREFIX));
        if is_damaged_folder && folder.join(name).is_dir() {
            fs::rename(folder.join(name), &missing).map_err(io())?;
            return sync_directory(directory.path()).map_err(io());
        }
    }
    Ok(())
}

/// Returns an unused path: `damaged-20261127T061051Z`, or the same with a number at its end.
fn free_path(directory: &DataDirectory) -> PathBuf {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let time = OffsetDateTime::now_utc().format(&format).unwrap_or_default();
    let name = |number: u32| match number {
        1 => format!("{PREFIX}{time}"),
        number => format!("{PREFIX}{time}-{number}"),
    };
    let mut number = 1;
    while directory.path().join(name(number)).exists() {
        number += 1;
    }
    directory.path().join(name(number))
}
