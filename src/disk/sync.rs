//! Durability of directories: a new, renamed or removed entry survives a power cut only after an
//! `fsync` of its directory (fsync(2)).

use std::{
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
};

/// The mode of a new directory: reports and databases in it show what the inventory holds.
const DIRECTORY_MODE: u32 = 0o700;

/// Makes the entries of a directory durable: created, renamed and removed ones.
///
/// # Errors
/// Any error of opening the directory or of `fsync(2)`.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a folder durable: its files, its subfolders and their entries.
///
/// # Errors
/// Any error of reading the folder, of opening an entry or of `fsync(2)`.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folder(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_directory(path)
}

/// Creates a directory and its missing parents, readable by their owner only, and makes the new
/// entries durable. An existing directory stays as it is.
///
/// # Errors
/// Any error of creating a directory, or of making its entry durable.
pub fn create_directory_durably(path: &Path) -> io::Result<()> {
    let new: Vec<&Path> = path.ancestors().take_while(|path| !path.exists()).collect();
    fs::DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)?;
    for parent in new.iter().filter_map(|path| path.parent()) {
        let is_relative_to_here = parent.as_os_str().is_empty();
        sync_directory(if is_relative_to_here { Path::new(".") } else { parent })?;
    }
    Ok(())
}
