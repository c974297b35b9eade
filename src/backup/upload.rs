//! Uploaded backups: stored, or restored at once.

use std::{
    io::{self, Write},
    path::Path,
    time::SystemTime,
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    BackupError, BackupName, BackupSummary, Backups, Manifest,
    library::{NewBackup, NewName},
    parts::check_parts,
    read::BackupReader,
    restore::{RestoreFile, RestoreReport, RestoreRequest},
};
use crate::{disk::TemporaryFile, job::Progress};

/// The path of an uploaded file in messages.
const UPLOADED: &str = "the uploaded file";

/// A file that is uploaded, in a temporary file of the folder `backups/`. If it is dropped, the file is
/// removed.
pub struct BackupUpload {
    backups: Backups,
    temporary: TemporaryFile,
}

impl BackupUpload {
    pub(super) fn new(backups: Backups, temporary: TemporaryFile) -> Self {
        Self { backups, temporary }
    }

    /// Compares every checksum of the backup, and stores it. It gets the time of the backup as the time of
    /// its last change, so that an old backup does not count as the newest one.
    ///
    /// # Errors
    /// - [`BackupError::Refused`] if it is not a backup, is damaged, or has a newer format.
    /// - [`BackupError::Exists`] if there is a backup of this name.
    /// - [`BackupError::DiskFull`] or [`BackupError::Io`] if the file cannot be read, synced or renamed.
    pub fn store(self, name: BackupName) -> Result<BackupSummary, BackupError> {
        let (path, file) = (Path::new(UPLOADED), &self.temporary.file);
        let file = file.try_clone().map_err(BackupError::at(path))?;
        let reader = BackupReader::of_file(file, path)?;
        check_parts(path, &reader, &Progress::detached())?;
        let manifest = reader.manifest().clone();
        drop(reader);
        let made = self.temporary.file.set_modified(made_at(&manifest));
        made.map_err(BackupError::at(path))?;
        let new = NewBackup::of_file(self.temporary, NewName::Exactly(name));
        let (name, bytes) = self.backups.library().commit(new)?;
        Ok(BackupSummary {
            name: name.to_string(),
            bytes,
            manifest: Some(manifest),
            problem: None,
            verified: None,
        })
    }

    /// Restores the file. It is not stored.
    ///
    /// # Errors
    /// As for [`Backups::restore`].
    pub fn restore(
        self,
        request: &RestoreRequest,
        progress: &Progress,
    ) -> Result<RestoreReport, BackupError> {
        let (file, path) = (&self.temporary.file, Path::new(UPLOADED));
        self.backups.restore_file(&RestoreFile { file, path, name: None }, request, progress)
    }
}

impl Write for BackupUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.file.flush()
    }
}

/// Returns the time of a backup, or now if it is later or cannot be read.
fn made_at(manifest: &Manifest) -> SystemTime {
    let now = SystemTime::now();
    let made = OffsetDateTime::parse(&manifest.made, &Rfc3339);
    made.map_or(now, |made| SystemTime::from(made).min(now))
}
