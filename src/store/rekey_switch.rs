//! Completes the replacement of the key: moves the resealed databases from the folder `rekey/` to their
//! places.
//!
//! The file `REKEY` is the decision: it is written when the folder is complete and durable. Without it, the
//! folder is the rest of an interrupted attempt and is removed. With it, each step is repeated until all are
//! done, so a killed process leaves a directory that the next one completes.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{StoreError, admission::GENERATION_PREFIX};
use crate::disk::{sync_directory, write_private_file};

/// The name of the folder with the resealed databases.
pub(super) const FOLDER: &str = "rekey";

/// The name of the decision.
const DECISION: &str = "REKEY";

/// The name of the folder with the archive of the history.
const ARCHIVE: &str = "history";

/// The beginning of the name of a replaced database, which is removed with the folder.
const REPLACED_PREFIX: &str = "replaced-";

/// The files that replace those of the data directory, in this order. The pointer is the last one: with it,
/// the directory has the current format.
const FILES: [&str; 3] = ["key.check", "MARK", "CURRENT"];

/// The content of the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Decision {
    /// The path of the key file.
    pub key: PathBuf,
    /// The path under which the replaced key is kept. `None` if the key stays.
    pub old_key: Option<PathBuf>,
}

/// Keeps the present key under its other name, and writes the decision. The folder must be complete and
/// durable.
///
/// The key is kept first: if its folder cannot be written, a decided replacement could not be completed, and
/// the data directory could not be opened any more.
///
/// # Errors
/// [`StoreError::DiskFull`] or [`StoreError::Io`]; nothing is decided then.
pub(super) fn decide(data: &Path, decision: &Decision) -> Result<(), StoreError> {
    keep_key(decision).map_err(StoreError::io("keeping the old key beside the key file"))?;
    let path = data.join(DECISION);
    let write = || -> io::Result<()> {
        let text = serde_json::to_vec(decision)?;
        write_private_file(&path, &path.with_extension("new"), &text)
    };
    write().map_err(StoreError::io("writing the file REKEY"))
}

/// Completes a decided replacement, and removes the rest of an undecided one. Does nothing if there is
/// neither. The data directory must be locked.
///
/// # Errors
/// - [`StoreError::Damaged`] if the file `REKEY` cannot be read.
/// - [`StoreError::DiskFull`] or [`StoreError::Io`] if a step fails. The next call repeats it.
pub(super) fn complete(data: &Path) -> Result<(), StoreError> {
    let decision = data.join(DECISION);
    let bytes = match fs::read(&decision) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(StoreError::io("reading the file REKEY")(error)),
    };
    if let Some(bytes) = bytes {
        let parsed = serde_json::from_slice(&bytes);
        let parsed: Decision = parsed.map_err(|error| StoreError::Damaged {
            part: "file REKEY",
            detail: error.to_string(),
        })?;
        switch(data, &parsed).map_err(StoreError::io("completing the replacement of the key"))?;
        let removed = fs::remove_file(&decision).and_then(|()| sync_directory(data));
        removed.map_err(StoreError::io("removing the file REKEY"))?;
    }
    for removed in [
        fs::remove_dir_all(data.join(FOLDER)),
        fs::remove_file(data.join(DECISION).with_extension("new")),
    ] {
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("removing the folder rekey")(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Moves everything to its place. Each step can be repeated.
fn switch(data: &Path, decision: &Decision) -> io::Result<()> {
    let folder = data.join(FOLDER);
    switch_key(&folder.join("key"), decision)?;
    for entry in fs::read_dir(&folder)? {
        let name = entry?.file_name();
        if is_database(&name) {
            let (new, place) = (folder.join(&name), data.join(&name));
            let mut replaced = REPLACED_PREFIX.to_owned();
            replaced.push_str(&name.to_string_lossy());
            if place.exists() {
                fs::rename(&place, folder.join(replaced))?;
            }
            fs::rename(new, place)?;
        }
    }
    for name in FILES {
        match fs::rename(folder.join(name), data.join(name)) {
            // It was moved before the process was killed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
    }
    sync_directory(&folder)?;
    sync_directory(data)
}

/// Replaces the key file. It can lie outside of the data directory, so it is written, not moved.
fn switch_key(new: &Path, decision: &Decision) -> io::Result<()> {
    let (new, path) = (zeroize::Zeroizing::new(fs::read(new)?), &decision.key);
    let present = zeroize::Zeroizing::new(fs::read(path)?);
    if *present == *new {
        return Ok(());
    }
    keep_key(decision)?;
    write_private_file(path, &path.with_extension("new"), &new)
}

/// Writes the present key to the path under which a replaced key is kept.
fn keep_key(decision: &Decision) -> io::Result<()> {
    let Some(old) = &decision.old_key else { return Ok(()) };
    let present = zeroize::Zeroizing::new(fs::read(&decision.key)?);
    write_private_file(old, &old.with_extension("new"), &present)
}

fn is_database(name: &OsStr) -> bool {
    name == ARCHIVE || name.to_str().is_some_and(|name| name.starts_with(GENERATION_PREFIX))
}
