//! The folder of the stored backups, `NAME.zip`: `backups/` in the data directory, or another one of the
//! settings.
//!
//! A backup gets its name when it is complete and durable. No backup is replaced.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use super::{
    BackupError, BackupName, BackupSummary, LastVerification, ScheduledBackup,
    read::{BackupReader, open_regular},
};
use crate::{
    disk::{
        DiskSpace, TemporaryFile, file_validator, open_without_following, remove_temporary_entries,
        sync_directory, write_private_file,
    },
    wording::chain,
};
use serde::{Deserialize, Serialize};

/// The extension of the file name of a backup.
const ENDING: &str = ".zip";

/// The extension of the file with the result of a verification.
const NOTED_EXTENSION: &str = "verified";

/// The name of such a file until it is complete. The start removes it.
const NOTED_TEMPORARY: &str = ".aside-verified";

/// The folder's mode. Backups contain secrets, so only the server's own user can read them.
const FOLDER_MODE: u32 = 0o700;

/// The largest number of backups that are made in one second, without a name of their own.
const NUMBERS_MAX: u32 = 1_000;

/// The folder of the stored backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupFolder {
    /// The folder `backups/` of the data directory. It is created with the first backup.
    InData,
    /// A folder outside of the data directory. It is never created: if the disk on which it is were not
    /// mounted, the backups would be written to the disk of the inventory.
    At(PathBuf),
}

/// Tells whether a missing folder is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfNoFolder {
    /// It is created with the first backup. Until then there are no backups.
    Create,
    /// It is an error.
    Fail,
}

/// The stored backups. Only one process uses the folder at a time.
#[derive(Debug)]
pub(super) struct BackupLibrary {
    dir: PathBuf,
    if_missing: IfNoFolder,
    /// Held while a file gets its name, so that two backups never get the same one.
    naming: Mutex<()>,
}

/// The numbers of the stored backups.
#[derive(Clone, Debug, Default)]
pub struct StoredBackups {
    /// How many backups are stored.
    pub count: u64,
    /// The size of their files, in bytes.
    pub bytes: u64,
    /// When the newest one was stored. `None` if there is none.
    pub newest: Option<SystemTime>,
    /// The last verification of the newest one.
    pub newest_verified: Option<LastVerification>,
}

/// A stored backup as a file to download.
#[derive(Debug)]
pub struct BackupDownload {
    /// The open file, at its beginning.
    pub file: File,
    /// The file's length in bytes.
    pub bytes: u64,
    /// A strong validator (RFC 9110), from which the ETag is made.
    pub validator: String,
    /// The time of its last change.
    pub modified: SystemTime,
}

/// A backup that is being written, in a temporary file. If it is dropped, the file is removed.
#[derive(Debug)]
pub(super) struct NewBackup {
    temporary: TemporaryFile,
    name: NewName,
}

/// The name of a new backup.
#[derive(Clone, Debug)]
pub(super) enum NewName {
    /// This name. It must be free.
    Exactly(BackupName),
    /// This name, or this name with a number if it is taken.
    Like(BackupName),
}

impl BackupLibrary {
    /// Opens the folder, and removes the temporary files that a killed process left. If this fails, for example
    /// on a read-only disk, the files stay: a server must start without its disk for backups.
    pub(super) fn open(dir: PathBuf, if_missing: IfNoFolder) -> Self {
        if dir.is_dir()
            && let Err(error) = remove_temporary_entries(&dir)
        {
            let path = dir.display();
            tracing::warn!(%path, %error, "Cannot remove temporary files from the folder of backups.");
        }
        Self { dir, if_missing, naming: Mutex::default() }
    }

    /// # Errors
    /// [`BackupError::NoFolder`] if the folder is missing and is not created.
    pub(super) fn require_folder(&self) -> Result<(), BackupError> {
        if self.if_missing == IfNoFolder::Fail && !self.dir.is_dir() {
            return Err(BackupError::NoFolder { path: self.dir.clone() });
        }
        Ok(())
    }

    /// Starts a backup.
    ///
    /// # Errors
    /// - [`BackupError::Exists`] if there is a backup of this name.
    /// - [`BackupError::NoFolder`] if the folder is missing and is not created.
    /// - [`BackupError::DiskFull`] or [`BackupError::Io`] if no file can be created.
    pub(super) fn create(&self, name: NewName) -> Result<NewBackup, BackupError> {
        // Checked before gigabytes are written, and again when the file gets its name.
        if let NewName::Exactly(name) = &name {
            self.require_free(name)?;
        }
        Ok(NewBackup { temporary: self.temporary_file()?, name })
    }

    /// Creates a temporary file in the folder.
    ///
    /// # Errors
    /// [`BackupError::NoFolder`], [`BackupError::DiskFull`] or [`BackupError::Io`].
    pub(super) fn temporary_file(&self) -> Result<TemporaryFile, BackupError> {
        self.require_folder()?;
        let created = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&self.dir);
        created.map_err(BackupError::at(&self.dir))?;
        TemporaryFile::create(&self.dir).map_err(BackupError::at(&self.dir))
    }

    /// Makes a backup durable and gives it its name. Returns the name, and the length of the file in bytes.
    ///
    /// # Errors
    /// - [`BackupError::Exists`] if another backup got the name meanwhile.
    /// - [`BackupError::DiskFull`] or [`BackupError::Io`] if the file cannot be synced or renamed.
    pub(super) fn commit(&self, new: NewBackup) -> Result<(BackupName, u64), BackupError> {
        let NewBackup { temporary, name } = new;
        let _naming = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let name = match name {
            NewName::Exactly(name) => {
                self.require_free(&name)?;
                name
            }
            NewName::Like(name) => self.free_name(name)?,
        };
        let path = self.path(&name);
        let bytes = temporary.file.metadata().map_err(BackupError::at(&path))?.len();
        temporary.persist(&path).map_err(BackupError::at(&path))?;
        Ok((name, bytes))
    }

    /// Returns the name, with a number if it is taken.
    fn free_name(&self, name: BackupName) -> Result<BackupName, BackupError> {
        let numbered = (2..NUMBERS_MAX).map(|number| name.numbered(number));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        let free = names.find(|name| self.require_free(name).is_ok());
        free.ok_or(BackupError::Exists { name })
    }

    /// # Errors
    /// [`BackupError::Exists`] if there is a backup of this name.
    pub(super) fn require_free(&self, name: &BackupName) -> Result<(), BackupError> {
        let path = self.path(name);
        match fs::symlink_metadata(&path) {
            Ok(_) => Err(BackupError::Exists { name: name.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(BackupError::at(&path)(error)),
        }
    }

    /// Lists the backups by name.
    ///
    /// # Errors
    /// [`BackupError::NoFolder`] or [`BackupError::Io`] if the folder cannot be read.
    pub(super) fn list(&self) -> Result<Vec<BackupSummary>, BackupError> {
        self.require_folder()?;
        list(&self.dir)
    }

    /// Returns the numbers of the stored backups. Does not open them.
    ///
    /// # Errors
    /// [`BackupError::NoFolder`] or [`BackupError::Io`] if the folder cannot be read.
    pub(super) fn stored(&self) -> Result<StoredBackups, BackupError> {
        self.require_folder()?;
        let mut stored = StoredBackups::default();
        let mut newest: Option<PathBuf> = None;
        for name in file_names(&self.dir)? {
            let path = self.dir.join(format!("{name}{ENDING}"));
            // It can be removed meanwhile.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            stored.count += 1;
            stored.bytes += metadata.len();
            let made = metadata.modified().ok();
            if made > stored.newest {
                stored.newest = made;
                newest = Some(path);
            }
        }
        stored.newest_verified = newest.and_then(|path| last_verification(&path));
        Ok(stored)
    }

    /// Returns the scheduled backups of the folder, in no order.
    ///
    /// # Errors
    /// [`BackupError::NoFolder`] or [`BackupError::Io`] if the folder cannot be read.
    pub(super) fn scheduled(&self) -> Result<Vec<ScheduledBackup>, BackupError> {
        self.require_folder()?;
        let names = file_names(&self.dir)?.into_iter();
        let names = names.filter_map(|name| name.parse::<BackupName>().ok());
        let backups = names.filter_map(|name| {
            let time = name.scheduled_time()?;
            let verified = last_verification(&self.path(&name));
            let is_good = verified.is_some_and(|verified| verified.whole);
            Some(ScheduledBackup { name, time, is_good })
        });
        Ok(backups.collect())
    }

    /// Returns the space of the folder's file system.
    ///
    /// # Errors
    /// [`BackupError::NoFolder`] or [`BackupError::Io`] if it cannot be read.
    pub(super) fn space(&self) -> Result<DiskSpace, BackupError> {
        self.require_folder()?;
        // The folder in the data directory is created with the first backup.
        let exists = self.dir.is_dir();
        let path = if exists { &self.dir } else { self.dir.parent().unwrap_or(&self.dir) };
        DiskSpace::of(path).map_err(BackupError::at(path))
    }

    /// Opens a backup for download.
    ///
    /// # Errors
    /// - [`BackupError::NotFound`] if there is none of this name.
    /// - [`BackupError::NoFolder`] if the folder is missing and is not created.
    /// - [`BackupError::Refused`] or [`BackupError::Io`] if it cannot be read.
    pub(super) fn open_file(&self, name: &BackupName) -> Result<BackupDownload, BackupError> {
        self.require_folder()?;
        let path = self.path(name);
        let file = match open_regular(&path) {
            Err(BackupError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::NotFound { name: name.clone() });
            }
            opened => opened?,
        };
        let metadata = file.metadata().map_err(BackupError::at(&path))?;
        Ok(BackupDownload {
            bytes: metadata.len(),
            validator: file_validator(&file, &metadata).map_err(BackupError::at(&path))?,
            modified: metadata.modified().map_err(BackupError::at(&path))?,
            file,
        })
    }

    /// Removes a backup.
    ///
    /// # Errors
    /// [`BackupError::NotFound`] if there is none of this name, or [`BackupError::Io`].
    pub(super) fn remove(&self, name: &BackupName) -> Result<(), BackupError> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(BackupError::NotFound { name: name.clone() })
            }
            removed => {
                removed.map_err(BackupError::at(&path))?;
                // A result that stays belongs to no other file, by its validator.
                let _ = fs::remove_file(noted_path(&path));
                sync_directory(&self.dir).map_err(BackupError::at(&self.dir))
            }
        }
    }

    /// Notes the result of a verification of the file with this validator.
    ///
    /// # Errors
    /// [`BackupError::DiskFull`] or [`BackupError::Io`] if it cannot be written.
    pub(super) fn note_verified(
        &self,
        name: &BackupName,
        validator: String,
        last: LastVerification,
    ) -> Result<(), BackupError> {
        let path = noted_path(&self.path(name));
        // Texts and booleans always have a form in JSON.
        let text = serde_json::to_vec(&NotedVerification { validator, last }).unwrap_or_default();
        let temporary = self.dir.join(NOTED_TEMPORARY);
        let _naming = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        write_private_file(&path, &temporary, &text).map_err(BackupError::at(&path))
    }

    /// Returns the path of a backup.
    pub(super) fn path(&self, name: &BackupName) -> PathBuf {
        self.dir.join(format!("{name}{ENDING}"))
    }
}

/// Returns the names of the backups of a folder, in no order. The folder might not exist.
///
/// # Errors
/// [`BackupError::Io`] if it exists and cannot be read.
fn file_names(dir: &Path) -> Result<Vec<String>, BackupError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(BackupError::at(dir))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let file = entry.map_err(BackupError::at(dir))?.file_name();
        let name = file.to_str().and_then(|file| file.strip_suffix(ENDING));
        names.extend(name.filter(|name| !name.starts_with('.')).map(str::to_owned));
    }
    Ok(names)
}

/// Lists the backups of a folder by name. The folder might not exist.
///
/// # Errors
/// [`BackupError::Io`] if it exists and cannot be read.
pub(super) fn list(dir: &Path) -> Result<Vec<BackupSummary>, BackupError> {
    let mut backups = Vec::new();
    for name in file_names(dir)? {
        let path = dir.join(format!("{name}{ENDING}"));
        // It can be removed meanwhile.
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let (manifest, problem) = match (name.parse::<BackupName>(), BackupReader::open(&path)) {
            (Err(error), _) => (None, Some(error.to_string())),
            (Ok(_), Ok(reader)) => (Some(reader.manifest().clone()), None),
            (Ok(_), Err(error)) => (None, Some(chain(&error))),
        };
        let bytes = metadata.len();
        let verified = last_verification(&path);
        backups.push(BackupSummary { name, bytes, manifest, problem, verified });
    }
    backups.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(backups)
}

/// The result of a verification, in a file beside the backup.
#[derive(Serialize, Deserialize)]
struct NotedVerification {
    /// The validator of the verified file.
    validator: String,
    last: LastVerification,
}

/// The path of the result of a verification of a backup.
fn noted_path(backup: &Path) -> PathBuf {
    backup.with_extension(NOTED_EXTENSION)
}

/// Returns the last verification of a backup. `None` if it was not verified, or changed since.
fn last_verification(path: &Path) -> Option<LastVerification> {
    let text = fs::read(noted_path(path)).ok()?;
    let NotedVerification { validator, last } = serde_json::from_slice(&text).ok()?;
    let file = open_without_following(path).ok()?;
    let metadata = file.metadata().ok()?;
    (file_validator(&file, &metadata).ok()? == validator).then_some(last)
}

impl NewBackup {
    /// Returns a backup that was written to a temporary file of the folder.
    pub(super) fn of_file(temporary: TemporaryFile, name: NewName) -> Self {
        Self { temporary, name }
    }
}

impl Write for NewBackup {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.file.flush()
    }
}

impl Seek for NewBackup {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.temporary.file.seek(to)
    }
}
