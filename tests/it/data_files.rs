//! The files of a data directory: the current generation, copies, damaged files.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder of the current generation.
pub(crate) fn current_generation(data: &Path) -> PathBuf {
    let pointer = fs::read_to_string(data.join("CURRENT")).unwrap();
    let number = pointer.lines().find_map(|line| line.strip_prefix("current ")).unwrap();
    data.join(format!("inventory-{number}"))
}

/// The database file of the current generation.
pub(crate) fn current_database(data: &Path) -> PathBuf {
    current_generation(data).join("db")
}

/// Copies a data directory without the reserve file.
pub(crate) fn copy_data_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_data_directory(&entry.path(), &target);
        } else if entry.file_name() != "RESERVE" {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
