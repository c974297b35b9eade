//! Files and folders that stand beside those that have a name, under names that nothing else has:
//! what is being written is there only when it is whole and durable.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::sync_directory;

/// How such a name begins: a project's or a workbook's never begins with a dot.
const PREFIX: &str = ".aside-";

/// Bundles hold secrets, and workbooks what the inventory holds.
const FILE_MODE: u32 = 0o600;

/// Tells those of one process apart; those of the process before are cleared when it ends.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A path in `dir` that was not given out before.
fn free_path(dir: &Path) -> PathBuf {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    dir.join(format!("{PREFIX}{}-{number}", std::process::id()))
}

/// A file that has no name of its own yet. It is removed when it is dropped without having got one.
#[derive(Debug)]
pub struct Aside {
    pub file: File,
    dir: PathBuf,
    /// Nothing once the file has its name.
    path: Option<PathBuf>,
}

impl Aside {
    /// Makes an empty file in `dir`, to be written and read.
    ///
    /// # Errors
    /// The disk's.
    pub fn create(dir: &Path) -> io::Result<Self> {
        let path = free_path(dir);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(FILE_MODE).open(&path)?;
        Ok(Self { file, dir: dir.to_owned(), path: Some(path) })
    }

    /// Makes the file durable, and then gives it its name; what had the name before is replaced.
    ///
    /// # Errors
    /// The disk's. Only after an error at the very last step, which makes the name durable, may
    /// the new file be there: it is whole. A folder that stands there is [`io::ErrorKind::IsADirectory`].
    pub fn settle(mut self, to: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        if let Some(path) = &self.path {
            fs::rename(path, to)?;
        }
        self.path = None;
        sync_directory(&self.dir)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // What can not be removed now is at the next start.
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes a folder with all that is in it. It loses its name at once and whole; says whether it
/// was there.
pub fn remove_folder(dir: &Path, folder: &Path) -> io::Result<bool> {
    let aside = free_path(dir);
    match fs::rename(folder, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        renamed => renamed?,
    }
    sync_directory(dir)?;
    fs::remove_dir_all(&aside)?;
    Ok(true)
}

/// Removes everything that stands aside: whoever put it there has ended.
pub fn clear(dir: &Path) -> io::Result<()> {
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
