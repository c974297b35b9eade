//! A copy of a database, kept while sled opens the original: sled erases the parts that it cannot read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::DataDirectory;
use crate::disk::copy_folder;

/// A copy of a database's folder, in the scratch folder of the data directory.
pub(super) struct FolderCopy(PathBuf);

impl FolderCopy {
    /// Copies a folder. Returns `None` if the copy fails: a full disk must not prevent opening an intact
    /// inventory.
    pub(super) fn make(directory: &DataDirectory, from: &Path) -> Option<Self> {
        let to = directory.scratch().join("before-opening");
        match copy_folder(from, &to) {
            Ok(()) => Some(Self(to)),
            Err(error) => {
                tracing::warn!(%error, "Cannot copy the database before opening it. Opening continues. If the database is damaged, sled can erase its last incomplete entries.");
                let _ = fs::remove_dir_all(to);
                None
            }
        }
    }

    /// Removes the copy. If this fails, the next start removes it.
    pub(super) fn remove(self) {
        let _ = fs::remove_dir_all(self.0);
    }

    /// Replaces the original with the copy.
    pub(super) fn put_back(self, original: &Path) {
        let opened = self.0.with_extension("opened");
        let put = fs::rename(original, &opened).and_then(|()| fs::rename(&self.0, original));
        if let Err(error) = put {
            let copy = self.0.display();
            let original = original.display();
            tracing::error!(%error, "Cannot restore the database after a failed start. The original is in {copy}. Copy it to {original} before the next start, which removes the copy.");
        }
    }
}
