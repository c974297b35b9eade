//! Data directories as tests look into them: the current generation, copies, files set aside.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder of the generation that the pointer names.
pub(crate) fn current_generation(data: &Path) -> PathBuf {
    let pointer = fs::read_to_string(data.join("CURRENT")).unwrap();
    let number = pointer.lines().find_map(|line| line.strip_prefix("current ")).unwrap();
    data.join(format!("inventory-{number}"))
}

/// The database file of the current generation.
pub(crate) fn current_database(data: &Path) -> PathBuf {
    current_generation(data).join("db")
}

/// Copies a data directory without the room that is kept for a full disk.
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
