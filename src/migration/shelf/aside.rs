//! Files and folders beside the projects, under names that no project can have.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::ShelfError;

/// How such a name begins: a project's never begins with a dot.
const PREFIX: &str = ".aside-";

/// Bundles hold secrets.
const FILE_MODE: u32 = 0o600;

/// Tells those of one process apart; those of the process before are cleared when it ends.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A path beside the projects that was not given out before.
fn free_path(dir: &Path) -> PathBuf {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    dir.join(format!("{PREFIX}{}-{number}", std::process::id()))
}

/// A file that has no project's name yet. It is removed when it is dropped without having got one.
#[derive(Debug)]
pub(super) struct Aside {
    pub(super) file: File,
    dir: PathBuf,
    /// Nothing once the file has its name.
    path: Option<PathBuf>,
}

impl Aside {
    /// Makes an empty file in `dir`, to be written and read.
    pub(super) fn create(dir: &Path) -> Result<Self, ShelfError> {
        let path = free_path(dir);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(FILE_MODE).open(&path)?;
        Ok(Self { file, dir: dir.to_owned(), path: Some(path) })
    }

    /// Makes the file durable, and then gives it its name; what had the name before is replaced.
    ///
    /// # Errors
    /// The disk's. Only after an error at the very last step, which makes the name durable, may
    /// the new file be there: it is whole.
    pub(super) fn settle(mut self, to: &Path) -> Result<(), ShelfError> {
        self.file.sync_all()?;
        if let Some(path) = &self.path {
            fs::rename(path, to).map_err(|error| match (error.kind(), to.file_name()) {
                (io::ErrorKind::IsADirectory, Some(file)) => {
                    ShelfError::InTheWay { file: file.to_string_lossy().into_owned() }
                }
                _ => error.into(),
            })?;
        }
        self.path = None;
        Ok(sync_dir(&self.dir)?)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // What can not be removed now is when the shelf is next opened.
            let _ = fs::remove_file(path);
        }
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Removes a folder with all that is in it. It loses its name at once and whole; says whether it
/// was there.
pub(super) fn remove_folder(dir: &Path, folder: &Path) -> Result<bool, ShelfError> {
    let aside = free_path(dir);
    if !super::gone(fs::rename(folder, &aside))? {
        return Ok(false);
    }
    sync_dir(dir)?;
    fs::remove_dir_all(&aside)?;
    Ok(true)
}

/// Removes everything that stands aside: whoever put it there has ended.
pub(super) fn clear(dir: &Path) -> Result<(), ShelfError> {
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
