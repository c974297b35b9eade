//! Checks the path of a data directory before anything there is changed: whether it can be opened or
//! created by the user of this process.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::{DirectoryError, FileOwner, StoreError, directory_error::ForeignContents};

/// Tells whether opening a store creates a missing data directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CreateDirectory {
    /// Creates it if the directory is missing or empty.
    #[default]
    IfMissing,
    /// Fails: a mistyped path must not look like an empty inventory.
    Never,
}

/// The beginning of the name of a generation's folder.
pub(super) const GENERATION_PREFIX: &str = "inventory-";

/// Entries that identify a data directory. Each of them is created during the set-up.
const IDENTIFYING_ENTRIES: [&str; 4] = ["CURRENT", "LOCK", "MARK", "key"];

/// The entry of an empty ext4 file system. It is ignored.
const LOST_AND_FOUND: &str = "lost+found";

/// The number of levels that are searched for files of another user: a generation keeps its blobs in
/// a folder.
const DEPTH_MAX: usize = 4;

/// The kind of file at the path of a data directory.
enum Found {
    Nothing,
    EmptyDirectory,
    DataDirectory,
}

/// Checks that the user of this process can open or create the data directory.
///
/// # Errors
/// [`StoreError::Directory`] with the reason; [`StoreError::Io`] for any other error of the system.
pub(super) fn admit(path: &Path, create: CreateDirectory) -> Result<(), StoreError> {
    let found = find(path)?;
    match (found, create) {
        (Found::DataDirectory, _) => Ok(()),
        (Found::Nothing | Found::EmptyDirectory, CreateDirectory::IfMissing) => Ok(()),
        (Found::Nothing, CreateDirectory::Never) => {
            Err(DirectoryError::Missing { path: path.to_owned() }.into())
        }
        (Found::EmptyDirectory, CreateDirectory::Never) => {
            Err(DirectoryError::Empty { path: path.to_owned() }.into())
        }
    }
}

fn find(path: &Path) -> Result<Found, StoreError> {
    let reading = || StoreError::io(format!("opening the data directory {}", path.display()));
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            return match error.kind() {
                io::ErrorKind::NotFound => Ok(Found::Nothing),
                io::ErrorKind::NotADirectory => Err(foreign(path, ForeignContents::File)),
                io::ErrorKind::PermissionDenied => {
                    Err(barred(path).unwrap_or_else(|| reading()(error)))
                }
                _ => Err(reading()(error)),
            };
        }
    };
    if !metadata.is_dir() {
        return Err(foreign(path, ForeignContents::File));
    }
    let (owner, caller) = (FileOwner::of_data_directory(path, &metadata), FileOwner::caller());
    let is_other = owner.uid != caller.uid && !caller.is_root();
    let refused = || {
        let (path, owner, caller) = (path.to_owned(), owner.clone(), caller.clone());
        StoreError::from(DirectoryError::OtherOwner { path, owner, caller })
    };
    let mut names: Vec<String> = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && is_other => {
            return Err(refused());
        }
        read => read
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .map_err(reading())?
            .iter()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name != LOST_AND_FOUND)
            .collect(),
    };
    let is_identifying = |name: &String| {
        IDENTIFYING_ENTRIES.contains(&name.as_str()) || name.starts_with(GENERATION_PREFIX)
    };
    let is_data = names.iter().any(is_identifying);
    // A container's volume can belong to root and be writable for the user.
    if is_other && !(names.is_empty() && owner.is_root() && is_writable(path)) {
        return Err(refused());
    }
    names.sort_unstable();
    if is_data {
        return Ok(Found::DataDirectory);
    }
    match names.into_iter().next() {
        None => Ok(Found::EmptyDirectory),
        Some(name) => Err(foreign(path, ForeignContents::Entry(name))),
    }
}

fn foreign(path: &Path, found: ForeignContents) -> StoreError {
    DirectoryError::Foreign { path: path.to_owned(), found }.into()
}

/// Returns the error for the first parent folder of `path` that the user cannot enter.
fn barred(path: &Path) -> Option<StoreError> {
    let whole = std::path::absolute(path).ok()?;
    let mut folders: Vec<&Path> = whole.ancestors().skip(1).collect();
    folders.reverse();
    let is_enterable =
        |folder: &Path| accessat(CWD, folder, Access::EXEC_OK, AtFlags::EACCESS).is_ok();
    let folder = folders.into_iter().find(|folder| !is_enterable(folder))?;
    let owner = FileOwner::of(&fs::metadata(folder).ok()?);
    let (path, folder, caller) = (path.to_owned(), folder.to_owned(), FileOwner::caller());
    Some(DirectoryError::Barred { path, folder, owner, caller }.into())
}

fn is_writable(folder: &Path) -> bool {
    accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}

/// The error of a data directory that could not be created. If the user has no permission, it names
/// the folder.
pub(super) fn not_created(path: &Path, error: io::Error) -> StoreError {
    let found = || {
        let whole = std::path::absolute(path).ok()?;
        let folder = whole.ancestors().skip(1).find(|folder| folder.exists())?.to_owned();
        let owner = FileOwner::of(&fs::metadata(&folder).ok()?);
        let (path, caller) = (path.to_owned(), FileOwner::caller());
        Some(DirectoryError::NotCreatable { path, folder, owner, caller }.into())
    };
    let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
    is_denied.then(found).flatten().unwrap_or_else(|| {
        StoreError::io(format!("opening the data directory {}", path.display()))(error)
    })
}

/// Explains an error of opening the data directory: if a permission is missing, names the first file
/// that belongs to another user than the directory. Other errors are returned unchanged.
pub(super) fn explained(path: &Path, error: StoreError) -> StoreError {
    if !error.is_permission_denied() {
        return error;
    }
    let mixed = || {
        let metadata = fs::metadata(path).ok()?;
        let owner = FileOwner::of_data_directory(path, &metadata);
        let file = foreign_file(path, owner.uid, DEPTH_MAX)?;
        let file_owner = FileOwner::of(&fs::symlink_metadata(&file).ok()?);
        let directory = path.to_owned();
        Some(DirectoryError::MixedOwners { directory, file, file_owner, owner }.into())
    };
    mixed().unwrap_or(error)
}

/// Returns the first file below `folder` that belongs to another user than `uid`.
fn foreign_file(folder: &Path, uid: u32, depth: usize) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort_unstable();
    paths.into_iter().find_map(|path| {
        let metadata = fs::symlink_metadata(&path).ok()?;
        if path.ends_with(LOST_AND_FOUND) {
            None
        } else if metadata.uid() != uid {
            Some(path)
        } else if metadata.is_dir() && depth > 1 {
            foreign_file(&path, uid, depth - 1)
        } else {
            None
        }
    })
}
