//! Temporary files: a file gets its final name only when it is complete and durable.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::sync_directory;

/// The beginning of a temporary name. Names of projects and workbooks do not begin with a dot. The
/// value must not change: the start removes leftover files of earlier versions by this prefix.
const PREFIX: &str = ".aside-";

/// The mode of a temporary file: bundles hold secrets, and workbooks hold the inventory.
const FILE_MODE: u32 = 0o600;

/// The number of the next temporary name of this process.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);

/// Returns a path in `dir` that was not returned before.
fn free_path(dir: &Path) -> PathBuf {
    let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
    dir.join(format!("{PREFIX}{}-{number}", std::process::id()))
}

/// A file without a final name. It is removed on drop unless it was [persisted](Self::persist).
#[derive(Debug)]
pub struct TemporaryFile {
    /// The open file, for writing the contents.
    pub file: File,
    dir: PathBuf,
    /// `None` once the file has its final name.
    path: Option<PathBuf>,
}

impl TemporaryFile {
    /// Creates an empty file in `dir`, open for writing and reading.
    ///
    /// # Errors
    /// Any error of creating a file.
    pub fn create(dir: &Path) -> io::Result<Self> {
        let path = free_path(dir);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(FILE_MODE).open(&path)?;
        Ok(Self { file, dir: dir.to_owned(), path: Some(path) })
    }

    /// Makes the file durable and renames it to `to`, which is in the same directory. Replaces an
    /// existing file.
    ///
    /// # Errors
    /// - [`io::ErrorKind::IsADirectory`] if `to` is a folder.
    /// - Any other error of `fsync(2)` and `rename(2)`. Only if the last step fails, which makes the
    ///   new name durable, the complete file can be at `to`.
    pub fn persist(mut self, to: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        if let Some(path) = &self.path {
            fs::rename(path, to)?;
        }
        self.path = None;
        sync_directory(&self.dir)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // If this fails, the next start removes the file.
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes a file that only its owner can read. The file gets its name when it is complete, and is
/// durable when this returns. `temporary` is its name until then, in the same directory: a fixed
/// name, by which the start of a server recognises the file of a killed process. A leftover file is
/// removed first, because opening it would keep its mode.
///
/// # Errors
/// Any error of removing, writing, `fsync(2)` or `rename(2)`. The temporary file can remain.
pub fn write_private_file(path: &Path, temporary: &Path, contents: &[u8]) -> io::Result<()> {
    match fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(FILE_MODE).open(temporary)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Removes a folder of `dir` with its contents. Its name disappears in one step. Returns whether the
/// folder existed.
///
/// # Errors
/// Any error of renaming or removing. If removing fails, the next start removes the rest.
pub fn remove_folder(dir: &Path, folder: &Path) -> io::Result<bool> {
    let temporary = free_path(dir);
    match fs::rename(folder, &temporary) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        renamed => renamed?,
    }
    sync_directory(dir)?;
    fs::remove_dir_all(&temporary)?;
    Ok(true)
}

/// Removes the temporary files and folders that an earlier process left in `dir`.
///
/// # Errors
/// Any error of reading `dir` or of removing an entry.
pub fn remove_temporary_entries(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
