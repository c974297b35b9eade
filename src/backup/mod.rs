//! Backup: everything of a data directory in one file.
//!
//! A backup is a bundle (`codec::bundle`), so that `satchel import`, every zip tool and eNMS read its
//! documents. In its folder `satchel/` are the parts that a bundle lacks:
//!
//! | entry | contents |
//! |---|---|
//! | `KIND.yaml`, `metadata.yaml` | the project: the records of all kinds, with their secrets |
//! | `satchel/configurations.ndjson` | the long texts of devices, and the earlier texts that the archive keeps |
//! | `satchel/history.ndjson` | the changes, with the values before them |
//! | `satchel/manifest.json` | the versions, the change, and the checksum of every part |
//!
//! Secrets are readable in a backup, so that a restore needs no key file.
//!
//! ```text
//! directory  the entries of a data directory: what a backup contains, and what it leaves out
//! write      writes a backup of one moment to any output, also to a connection
//!   texts    writes `configurations.ndjson`
//!   history  writes `history.ndjson`
//! lines      the lines of both
//! manifest   the format of `manifest.json`
//! read       opens a backup and reads its manifest
//! verify     restores a backup into a scratch inventory, and compares it
//!   parts    the checksums of parts, and their lines
//!   check_history   the lines of `history.ndjson`
//! restore    restores a backup or a bundle
//! library    the folder of stored backups
//! upload     uploaded backups
//! schedule   scheduled backups
//! ```

mod check_history;
mod directory;
mod error;
mod history;
mod library;
mod lines;
mod manifest;
mod name;
mod parts;
mod read;
mod report;
mod restore;
mod schedule;
mod texts;
mod upload;
mod verify;
mod write;

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

pub use directory::{DirectoryEntry, EntryRule};
pub use error::{BackupError, RefusedBackup, TextProblem};
pub use library::{BackupDownload, BackupFolder, StoredBackups};
pub use manifest::{BACKUP_FORMAT, HistoryInBackup, Manifest, ManifestPart};
pub use name::{BackupName, BackupNameError};
pub use read::{has_manifest, manifest_in, manifest_of};
pub use report::{
    BackupFindings, BackupReport, BackupSummary, BackupVerification, LastVerification,
    SECRETS_ARE_READABLE,
};
pub use restore::{RestoreReport, RestoreRequest, Restored, TextCounts};
pub use schedule::{
    BackupCommand, BackupSchedule, BackupScheduleState, CommandError, Failure, FailureCause,
    Interval, InvalidInterval, InvalidTimeOfDay, InvalidTiming, InvalidWebhookUrl, KeptBackups,
    ScheduleFailure, ScheduleSettings, ScheduleThreads, Success, TimeOfDay, Timing, Webhook,
    WebhookError, WebhookUrl,
};
pub use upload::BackupUpload;
pub use verify::verify;

use library::{BackupLibrary, IfNoFolder, NewBackup, NewName};
use restore::RestoreFile;
use schedule::ScheduledBackup;

use time::OffsetDateTime;

use write::Written;

use crate::{
    codec::bundle::StreamOutput,
    disk::DiskSpace,
    job::Progress,
    store::{BackupSnapshot, Store},
    wording::Chain,
};

/// The largest number of backups that are sent to clients at the same time. Each keeps a snapshot, with a
/// copy of every record that is changed meanwhile.
const STREAMED_MAX: usize = 2;

/// The request to make a backup.
#[derive(Clone, Debug)]
pub struct BackupRequest {
    /// Whether the backup contains the history and the earlier texts.
    pub history: HistoryInBackup,
    /// The user who makes it.
    pub principal: String,
}

/// The backups of one inventory. All functions block.
#[derive(Clone)]
pub struct Backups(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    library: BackupLibrary,
    /// The number of backups that are being sent.
    streamed: AtomicUsize,
}

impl Backups {
    /// Opens the folder of backups.
    ///
    /// # Errors
    /// [`BackupError::FolderInData`] if another folder is in the data directory.
    pub fn new(store: Arc<Store>, folder: BackupFolder) -> Result<Self, BackupError> {
        let library = match folder {
            BackupFolder::InData => {
                BackupLibrary::open(store.directory().backups(), IfNoFolder::Create)
            }
            BackupFolder::At(path) => {
                require_outside(&path, store.directory().path())?;
                BackupLibrary::open(path, IfNoFolder::Fail)
            }
        };
        Ok(Self(Arc::new(Inner { store, library, streamed: AtomicUsize::new(0) })))
    }

    /// Makes a backup and stores it. Without a name, the name is made of the time.
    ///
    /// # Errors
    /// - [`BackupError::Exists`] if there is a backup of this name; [`BackupError::Reserved`] if it is a name
    ///   of scheduled backups.
    /// - [`BackupError::DiskFull`] or [`BackupError::FileSizeLimit`] if there is no room for it.
    /// - [`BackupError::Documents`], [`BackupError::Store`] or [`BackupError::Io`] if the inventory cannot
    ///   be read, the file cannot be written, or the job was cancelled.
    ///
    /// No file is left then.
    pub fn create(
        &self,
        name: Option<&BackupName>,
        request: &BackupRequest,
        progress: &Progress,
    ) -> Result<BackupReport, BackupError> {
        let name = match name {
            Some(name) => {
                require_not_scheduled(name)?;
                NewName::Exactly(name.clone())
            }
            None => NewName::Like(BackupName::of_time(OffsetDateTime::now_utc())?),
        };
        let (_, report) = self.create_named(name, request, progress)?;
        Ok(report)
    }

    /// Makes a backup of the schedule. Returns its name, which has a number if `name` is taken.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    fn create_scheduled(
        &self,
        name: BackupName,
        request: &BackupRequest,
        progress: &Progress,
    ) -> Result<(BackupName, BackupReport), BackupError> {
        self.create_named(NewName::Like(name), request, progress)
    }

    fn create_named(
        &self,
        name: NewName,
        request: &BackupRequest,
        progress: &Progress,
    ) -> Result<(BackupName, BackupReport), BackupError> {
        let started = Instant::now();
        let (written, new) = self.write_new(name, request, progress)?;
        progress.close()?;
        let (name, bytes) = self.0.library.commit(new)?;
        let report = BackupReport {
            backup: name.to_string(),
            bytes,
            manifest: written.manifest,
            warnings: written.warnings,
            milliseconds: started.elapsed().as_millis() as u64,
        };
        Ok((name, report))
    }

    /// Returns the stored backups of the schedule.
    ///
    /// # Errors
    /// [`BackupError::NoFolder`] or [`BackupError::Io`] if the folder cannot be read.
    fn scheduled(&self) -> Result<Vec<ScheduledBackup>, BackupError> {
        self.0.library.scheduled()
    }

    /// Returns the absolute path of a stored backup.
    ///
    /// # Errors
    /// [`BackupError::Io`] if the working directory is needed for it and cannot be read.
    fn path(&self, name: &BackupName) -> Result<PathBuf, BackupError> {
        let path = self.0.library.path(name);
        std::path::absolute(&path).map_err(BackupError::at(&path))
    }

    /// Returns the space of the file system of stored backups.
    ///
    /// # Errors
    /// [`BackupError::NoFolder`] or [`BackupError::Io`] if it cannot be read.
    fn space(&self) -> Result<DiskSpace, BackupError> {
        self.0.library.space()
    }

    /// Writes a backup, which does not have its name yet.
    fn write_new(
        &self,
        name: NewName,
        request: &BackupRequest,
        progress: &Progress,
    ) -> Result<(Written, NewBackup), BackupError> {
        let Inner { store, library, .. } = &*self.0;
        let new = library.create(name)?;
        let snapshot = store.backup_snapshot()?;
        let scratch = store.directory().scratch();
        let (new, written) = write::write(&snapshot, scratch, request, new, progress)?;
        Ok((written, new))
    }

    fn library(&self) -> &BackupLibrary {
        &self.0.library
    }

    /// Starts the upload of a file. If it will be stored under `name`, the name is checked first.
    ///
    /// # Errors
    /// [`BackupError::Exists`] if there is a backup of this name; [`BackupError::Reserved`] if it is a name of
    /// scheduled backups; [`BackupError::DiskFull`] or [`BackupError::Io`] if no file can be created.
    pub fn upload(&self, name: Option<&BackupName>) -> Result<BackupUpload, BackupError> {
        if let Some(name) = name {
            require_not_scheduled(name)?;
            self.library().require_free(name)?;
        }
        Ok(BackupUpload::new(self.clone(), self.library().temporary_file()?))
    }

    /// Restores a stored backup in one step. The present inventory is backed up before, unless
    /// nothing changes.
    ///
    /// # Errors
    /// On every error the inventory stays unchanged.
    /// - [`BackupError::NotFound`] if there is no backup of this name.
    /// - [`BackupError::Refused`] or [`BackupError::Documents`] if it is damaged or has a newer format.
    /// - [`BackupError::NoKind`] or [`BackupError::NoRecord`] if it does not have what is requested.
    /// - [`BackupError::PlanChanged`] if the plan is not that of the request.
    /// - [`BackupError::Safety`] if the present inventory cannot be backed up.
    /// - [`BackupError::Import`], [`BackupError::Store`] or [`BackupError::Io`] if the restore was refused,
    ///   failed or was cancelled.
    pub fn restore(
        &self,
        name: &BackupName,
        request: &RestoreRequest,
        progress: &Progress,
    ) -> Result<RestoreReport, BackupError> {
        let BackupDownload { file, .. } = self.library().open_file(name)?;
        let path = self.library().path(name);
        let from = RestoreFile { file: &file, path: &path, name: Some(name.to_string()) };
        self.restore_file(&from, request, progress)
    }

    /// Takes the place of one of the backups that are sent to clients at the same time.
    ///
    /// # Errors
    /// [`BackupError::TooMany`] if none is free.
    pub fn stream(&self) -> Result<BackupStream, BackupError> {
        let added = self.0.streamed.fetch_add(1, Ordering::SeqCst);
        let stream = BackupStream(self.clone());
        if added < STREAMED_MAX { Ok(stream) } else { Err(BackupError::TooMany) }
    }

    /// Lists the stored backups by name, with the problem of each damaged one.
    ///
    /// # Errors
    /// [`BackupError::Io`] if the folder cannot be read.
    pub fn list(&self) -> Result<Vec<BackupSummary>, BackupError> {
        self.0.library.list()
    }

    /// Verifies a stored backup, and notes the result for the list.
    ///
    /// # Errors
    /// [`BackupError::NotFound`] if there is none of this name, and as for [`verify()`].
    pub fn verify(
        &self,
        name: &BackupName,
        progress: &Progress,
    ) -> Result<BackupVerification, BackupError> {
        let Inner { store, library, .. } = &*self.0;
        let validator = library.open_file(name)?.validator;
        let verified = verify(&library.path(name), &store.directory().scratch(), progress);
        let last = match &verified {
            Ok(verification) => Some(LastVerification::of(verification)),
            Err(BackupError::Refused(refused)) => Some(LastVerification::refused(refused)?),
            // The backup was not read to its end.
            Err(_) => None,
        };
        if let Some(last) = last
            && let Err(error) = library.note_verified(name, validator, last)
        {
            tracing::warn!(error = %Chain(&error), "Cannot note the result of a verification.");
        }
        verified
    }

    /// Returns the numbers of the stored backups.
    ///
    /// # Errors
    /// [`BackupError::Io`] if the folder cannot be read.
    pub fn stored(&self) -> Result<StoredBackups, BackupError> {
        self.0.library.stored()
    }

    /// Opens a stored backup for download.
    ///
    /// # Errors
    /// [`BackupError::NotFound`] if there is none of this name, or [`BackupError::Io`].
    pub fn open(&self, name: &BackupName) -> Result<BackupDownload, BackupError> {
        self.0.library.open_file(name)
    }

    /// Removes a stored backup.
    ///
    /// # Errors
    /// [`BackupError::NotFound`] if there is none of this name, or [`BackupError::Io`].
    pub fn remove(&self, name: &BackupName) -> Result<(), BackupError> {
        self.0.library.remove(name)
    }
}

/// # Errors
/// [`BackupError::Reserved`] for a name of scheduled backups. The schedule would remove the backup some day.
fn require_not_scheduled(name: &BackupName) -> Result<(), BackupError> {
    if name.is_scheduled() { Err(BackupError::Reserved { name: name.clone() }) } else { Ok(()) }
}

/// Checks that a folder of backups is not in the data directory, whose files have other rules.
///
/// # Errors
/// [`BackupError::FolderInData`].
fn require_outside(folder: &Path, data: &Path) -> Result<(), BackupError> {
    // A folder that does not exist has no links in its path that matter.
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if real(folder).starts_with(real(data)) {
        return Err(BackupError::FolderInData { path: folder.to_owned() });
    }
    Ok(())
}

/// A backup that is sent while it is made. It needs no file.
pub struct BackupStream(Backups);

impl BackupStream {
    /// Takes the snapshot, calls `begin`, and writes the backup to the output that it returns.
    ///
    /// # Errors
    /// - The error of the snapshot, before `begin` is called.
    /// - [`BackupError::Documents`] or [`BackupError::Write`] if the output cannot be written.
    /// - [`BackupError::Store`] if the inventory cannot be read.
    pub fn send<W: Write>(
        &self,
        request: &BackupRequest,
        begin: impl FnOnce() -> W,
    ) -> Result<W, BackupError> {
        let store = &self.0.0.store;
        let snapshot: BackupSnapshot<'_> = store.backup_snapshot()?;
        let out = StreamOutput::new(begin());
        let scratch = store.directory().scratch();
        let progress = Progress::detached();
        let (out, _) = write::write(&snapshot, scratch, request, out, &progress)?;
        Ok(out.into_inner())
    }
}

impl Drop for BackupStream {
    fn drop(&mut self) {
        self.0.0.streamed.fetch_sub(1, Ordering::SeqCst);
    }
}
