//! Looks at what is where a data directory should be, before anything there is touched.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::{
    DirectoryError, FileOwner, StoreError, directory::GENERATION_PREFIX,
    directory_error::ForeignContents,
};

/// What becomes of a data directory that is not there yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CreateDirectory {
    /// It is made, in a directory that is missing or empty.
    #[default]
    IfMissing,
    /// It is an error: a typo must not look like an empty inventory.
    Never,
}

/// Entries that a data directory has from its first moment on.
const MARKS: [&str; 4] = ["CURRENT", "LOCK", "MARK", "key"];

/// What a new file system holds: it counts as nothing.
const OF_FILE_SYSTEM: &str = "lost+found";

/// How deep the files of a data directory lie: a generation has its blobs in a folder.
const DEPTH_MAX: usize = 4;

/// What there is.
enum Found {
    Nothing,
    EmptyDirectory,
    DataDirectory,
}

/// Whether the data directory may be opened, or made, by the user who runs this process.
///
/// # Errors
/// [`StoreError::Directory`] with the reason, [`StoreError::Io`] where the system gives another.
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
    let reading = || StoreError::io(format!("the data directory {}", path.display()));
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
            .filter(|name| name != OF_FILE_SYSTEM)
            .collect(),
    };
    let is_mark =
        |name: &String| MARKS.contains(&name.as_str()) || name.starts_with(GENERATION_PREFIX);
    let is_data = names.iter().any(is_mark);
    // A volume of a container may belong to root, and be meant for who may write in it.
    if is_other && !(names.is_empty() && owner.is_root() && is_writable(path)) {
        return Err(refused());
    }
    names.sort_unstable();
    match (is_data, names.into_iter().next()) {
        (true, _) => Ok(Found::DataDirectory),
        (false, None) => Ok(Found::EmptyDirectory),
        (false, Some(name)) => Err(foreign(path, ForeignContents::Entry(name))),
    }
}

fn foreign(path: &Path, found: ForeignContents) -> StoreError {
    DirectoryError::Foreign { path: path.to_owned(), found }.into()
}

/// The first folder on the way to `path` that the user must not enter.
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

/// The error of a data directory that could not be made. Where the user has no permission, it says
/// which folder is in the way.
pub(super) fn not_created(path: &Path, error: io::Error) -> StoreError {
    let found = || {
        let whole = std::path::absolute(path).ok()?;
        let folder = whole.ancestors().skip(1).find(|folder| folder.exists())?.to_owned();
        let owner = FileOwner::of(&fs::metadata(&folder).ok()?);
        let (path, caller) = (path.to_owned(), FileOwner::caller());
        Some(DirectoryError::NotCreatable { path, folder, owner, caller }.into())
    };
    let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
    is_denied
        .then(found)
        .flatten()
        .unwrap_or_else(|| StoreError::io(format!("the data directory {}", path.display()))(error))
}

/// An error of opening the data directory, and for want of a permission the file that belongs to
/// another user than the directory does.
pub(super) fn explained(path: &Path, error: StoreError) -> StoreError {
    if !error.is_permission_denied() {
        return error;
    }
    let mixed = || {
        let metadata = fs::metadata(path).ok()?;
        let owner = FileOwner::of_data_directory(path, &metadata);
        let file = of_another(path, owner.uid, DEPTH_MAX)?;
        let file_owner = FileOwner::of(&fs::symlink_metadata(&file).ok()?);
        let directory = path.to_owned();
        Some(DirectoryError::MixedOwners { directory, file, file_owner, owner }.into())
    };
    mixed().unwrap_or(error)
}

/// The first file below `folder` that belongs to another user.
fn of_another(folder: &Path, uid: u32, depth: usize) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort_unstable();
    paths.into_iter().find_map(|path| {
        let metadata = fs::symlink_metadata(&path).ok()?;
        if path.ends_with(OF_FILE_SYSTEM) {
            None
        } else if metadata.uid() != uid {
            Some(path)
        } else if metadata.is_dir() && depth > 1 {
            of_another(&path, uid, depth - 1)
        } else {
            None
        }
    })
}
