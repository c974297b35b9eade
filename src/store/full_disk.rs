//! Full disks: refuses changes without enough disk space, and reopens the database after a failed
//! write.
//!
//! After a failed write, sled refuses every later write until it is reopened. Reads fail too: a page
//! whose newest part was not written cannot be read back once it leaves the cache, and a traversal
//! that splits a page fails. The store therefore checks the disk first. It refuses a change if the file
//! system has less free space than the change can take, or if the file would exceed the size limit of
//! the process. sled is not involved then, and reads continue.
//!
//! The space can still vanish between the check and the write, and a quota is not visible in the check.
//! The next read or change then reopens the database, as soon as no reader uses it. It shows the durable
//! state. Reopening needs some disk space, which the reserve file keeps (`reserve`).

use std::{
    fs,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Resource, getrlimit};

use super::{
    CurrentGeneration, Store, StoreError, StoreState,
    committer::CommitFailure,
    generation::{DATABASE_FILE, Generation},
    opening::{self, LogEndPolicy},
    reserve::{has_space_to_open, keep_reserve},
};
use crate::disk::DiskSpace;

/// The free space that must be left after a change, in bytes: sled begins segments of 1 MiB while it
/// writes, several at a time.
const CHANGE_SPACE_BYTES_MIN: u64 = 8 * 1024 * 1024;

/// The number of written bytes for each byte of a change's keys and values: sled rewrites a page after
/// some changes of it, and the file holds both the log and the pages.
const WRITTEN_PER_BYTE: u64 = 4;

/// The time for which a reopening waits for readers of the failed database. A point read takes
/// microseconds; a list or an export takes longer and postpones the reopening.
const READERS_WAIT_MAX: Duration = Duration::from_millis(250);

/// The interval at which the reopening checks whether readers are left.
const READERS_CHECK_INTERVAL: Duration = Duration::from_millis(1);

/// The interval between two attempts to reopen the database.
const REOPEN_INTERVAL: Duration = Duration::from_secs(1);

/// The free space, in bytes, with which the check can be skipped for a moment: changes have at most
/// 16 MB.
const AMPLE_SPACE_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// The time for which the check is skipped after it found ample space. It takes a tenth of the time
/// of a shared commit.
const AMPLE_SPACE_AGE_MAX: Duration = Duration::from_millis(100);

/// When the check last found ample space.
#[derive(Default)]
pub(super) struct AmpleSpace(Mutex<Option<Instant>>);

impl AmpleSpace {
    fn is_recent(&self) -> bool {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_some_and(|seen| seen.elapsed() < AMPLE_SPACE_AGE_MAX)
    }

    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// When reopening the database was last tried.
#[derive(Default)]
pub(super) struct Reopening {
    last: Mutex<Option<Instant>>,
}

impl Reopening {
    /// Returns whether it can be tried now. Notes the attempt.
    fn is_due(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| last.elapsed() >= REOPEN_INTERVAL);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

impl Store {
    /// Returns the space of the file system that holds the data directory.
    ///
    /// # Errors
    /// [`StoreError::Io`] if `statvfs(3)` fails.
    pub fn disk_space(&self) -> Result<DiskSpace, StoreError> {
        DiskSpace::of(self.directory.path()).map_err(StoreError::io("reading the free disk space"))
    }

    /// Returns whether the store accepts changes: no write has failed, the database is still in the data
    /// directory, and there is disk space for the next change.
    pub fn is_writable(&self) -> bool {
        self.current().is_ok_and(|current| {
            current.committer.failure().is_none()
                && current.generation.require_file().is_ok()
                && self.require_space(&current.generation, 0).is_ok()
        })
    }

    /// Requires disk space for changes of this size.
    ///
    /// # Errors
    /// - [`StoreError::DiskFull`] if the file system has too little free space.
    /// - [`StoreError::FileSizeLimit`] if the database's file would exceed the limit of the process.
    pub(super) fn require_space(
        &self,
        generation: &Generation,
        bytes: usize,
    ) -> Result<(), StoreError> {
        if self.ample_space.is_recent() {
            return Ok(());
        }
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let needed = bytes.saturating_mul(WRITTEN_PER_BYTE).saturating_add(CHANGE_SPACE_BYTES_MIN);
        // If the free space is unknown, the write itself will fail if there is too little.
        let free_bytes = self.disk_space().map(|space| space.free_bytes);
        if free_bytes.as_ref().is_ok_and(|free_bytes| *free_bytes < needed) {
            return Err(StoreError::DiskFull);
        }
        if let Some(limit_bytes) = getrlimit(Resource::Fsize).current {
            let file = self.directory.generation(generation.number).join(DATABASE_FILE);
            let length = fs::metadata(file).map_or(0, |file| file.len());
            if length.saturating_add(needed) > limit_bytes {
                return Err(StoreError::FileSizeLimit);
            }
        } else if free_bytes.is_ok_and(|free_bytes| free_bytes >= AMPLE_SPACE_BYTES) {
            self.ample_space.note();
        }
        Ok(())
    }

    /// Reopens the database if a write has failed in it and it can be opened now. Reads then show the
    /// durable state.
    pub(super) fn reopen_for_reading(&self) {
        let failure = match &*self.current.read().unwrap_or_else(PoisonError::into_inner) {
            StoreState::Open(current) => current.committer.failure(),
            StoreState::Closed { failure, .. } => Some(failure.clone()),
        };
        if let Some(failure) = failure.filter(CommitFailure::is_cured_by_reopening)
            && let Err(error) = self.reopen(&failure)
        {
            tracing::debug!(%error, "The database cannot be reopened yet.");
        }
    }

    /// Reopens the database after a write failed for lack of disk space. Returns the new current
    /// generation.
    ///
    /// # Errors
    /// - The error of that write while there is no disk space to open the database, or while a reader
    ///   uses it: sled cannot open it twice. The next read or change tries again.
    /// - The errors of [`Generation::open`].
    pub(super) fn reopen(&self, failure: &CommitFailure) -> Result<CurrentGeneration, StoreError> {
        if !self.reopening.is_due() || !has_space_to_open(&self.directory) {
            return Err(failure.to_error());
        }
        // Readers wait until it is open: they must not see the failed changes that sled holds in
        // memory.
        let mut state = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let (number, version) = match &*state {
            StoreState::Open(current) => match current.committer.failure() {
                // Another thread has reopened it meanwhile.
                None => return Ok(current.clone()),
                Some(_) => {
                    let deadline = Instant::now() + READERS_WAIT_MAX;
                    while Arc::strong_count(&current.generation) > 1 {
                        if Instant::now() >= deadline {
                            return Err(failure.to_error());
                        }
                        thread::sleep(READERS_CHECK_INTERVAL);
                    }
                    (current.generation.number, current.version_last())
                }
            },
            StoreState::Closed { number, version, .. } => (*number, *version),
        };
        // Drops the current generation, so that the database is closed before it is opened again.
        *state = StoreState::Closed { number, version, failure: failure.clone() };
        let opened =
            opening::open_checked(&self.directory, number, self.options, None, LogEndPolicy::Erase);
        match opened.and_then(|generation| {
            // Clients have seen versions of failed changes. These must not be used again, or caches
            // keyed by version would return old contents.
            let opened = generation.summary();
            generation.note_summary(opened.restored(opened.version.max(version) + 1));
            CurrentGeneration::new(
                generation,
                &self.snapshots,
                &self.write_lock,
                &self.mark,
                &self.durable_version,
            )
        }) {
            Ok(current) => {
                *state = StoreState::Open(current.clone());
                drop(state);
                keep_reserve(&self.directory);
                tracing::info!("The database was reopened after a failed write.");
                Ok(current)
            }
            Err(error) => {
                let failure = CommitFailure::of(&error);
                *state = StoreState::Closed { number, version, failure };
                Err(error)
            }
        }
    }
}

impl CurrentGeneration {
    /// The highest version of any change of this generation, committed or not.
    fn version_last(&self) -> u64 {
        let pending = self.committer.pending().summary.as_ref().map_or(0, |it| it.version);
        pending.max(self.committer.version_last()).max(self.generation.summary().version)
    }
}
