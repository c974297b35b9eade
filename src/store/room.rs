//! A disk without room: how changes are refused, and how the store goes on once there is room again.
//!
//! A write that fails inside sled costs more than that write: sled refuses every later one until it
//! is opened again, a page whose newest part was not written cannot be read back once the cache has
//! dropped it, and a traversal that wants to split a page fails as well. So reads fail too. The
//! store therefore looks before it writes: a change is refused while the file system has less room
//! than the change may take, or while the file would grow beyond the limit of the process. sled is
//! not touched then, and reads go on.
//!
//! The room can still go between the look and the write, and a quota shows in no look. Then the
//! database is opened again, by the next read or change, as soon as nobody reads from it; it then
//! shows what is durable. Opening takes some room, which is kept in a file that is given up for it.

use std::{
    fs::{self, File},
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FallocateFlags, fallocate},
    process::{Resource, getrlimit},
};

use super::{
    CurrentGeneration, DataDirectory, Store, StoreError, StoreState,
    committer::CommitFailure,
    generation::Generation,
    opening::{self, TornTailPolicy},
};
use crate::disk::DiskSpace;

/// What is kept free: sled writes a segment of 512 KB and a snapshot, some 10 bytes for every
/// record, while it opens.
const RESERVE_BYTES: u64 = 32 * 1024 * 1024;

/// The room that must be there before the database is opened again.
const OPENING_BYTES: usize = 16 * 1024 * 1024;

/// The name of sled's file in a generation's directory.
const DATABASE_FILE: &str = "db";

/// The room that must be left after a change: the segments of 1 MiB that sled begins while it
/// writes, of which several may be under way.
const CHANGE_ROOM_BYTES_MIN: u64 = 8 * 1024 * 1024;

/// How many bytes a change may write for each byte of its keys and values: sled writes a page again
/// after some changes of it, and the log and the pages are both in the file.
const WRITTEN_PER_BYTE: u64 = 4;

/// How long reads wait for those who still read from a database in which a write failed. A point
/// read takes microseconds; a list or an export is not waited for.
const READERS_WAIT_MAX: Duration = Duration::from_millis(250);

/// How often it is looked whether they still read.
const READERS_LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// How often opening the database again is tried.
const REOPEN_INTERVAL: Duration = Duration::from_secs(1);

/// Room that no change uses up before it is looked at again, in bytes: a change has at most 16 MB.
const AMPLE_ROOM_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// How long ample room counts. Asking the system takes as long as a tenth of a shared commit.
const AMPLE_ROOM_AGE_MAX: Duration = Duration::from_millis(100);

/// When ample room was last seen.
#[derive(Default)]
pub(super) struct AmpleSpace(Mutex<Option<Instant>>);

impl AmpleSpace {
    fn is_recent(&self) -> bool {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_some_and(|seen| seen.elapsed() < AMPLE_ROOM_AGE_MAX)
    }

    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// When the database was last tried to be opened in place.
#[derive(Default)]
pub(super) struct Reopening {
    last: Mutex<Option<Instant>>,
}

impl Reopening {
    /// Whether it may be tried now.
    fn is_due(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| last.elapsed() >= REOPEN_INTERVAL);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

/// Makes the file that keeps some room. A disk that has none goes without it.
pub(super) fn keep_reserve(directory: &DataDirectory) {
    let path = directory.reserve();
    if fs::metadata(&path).is_ok_and(|reserve| reserve.len() >= RESERVE_BYTES) {
        return;
    }
    let keep = || -> io::Result<()> {
        fallocate(File::create(&path)?, FallocateFlags::empty(), 0, RESERVE_BYTES)?;
        Ok(())
    };
    if let Err(error) = keep() {
        tracing::warn!(%error, "no room is kept for a full disk");
        // What there is of it helps nobody.
        let _ = fs::remove_file(path);
    }
}

/// Opens a generation with `open`, if need be in the room that was kept.
pub(super) fn open_generation(
    directory: &Arc<DataDirectory>,
    open: impl Fn(&Arc<DataDirectory>) -> Result<Generation, StoreError>,
) -> Result<Generation, StoreError> {
    match open(directory) {
        Err(StoreError::DiskFull) if directory.reserve().exists() => {
            fs::remove_file(directory.reserve()).map_err(|_| StoreError::DiskFull)?;
            tracing::warn!("the disk is full: the room that was kept is given up to open");
            open(directory)
        }
        opened => opened,
    }
}

/// Makes the room that opening a database takes, if need be by giving up what was kept. Returns
/// whether there is enough. It is tried with a file: a quota shows in no other way, and a database
/// that was closed and cannot be opened would serve no reads at all.
fn makes_room_to_open(directory: &DataDirectory) -> bool {
    let try_room = || -> io::Result<()> {
        let mut file = tempfile::tempfile_in(directory.path())?;
        let piece = vec![0; OPENING_BYTES / 8];
        (0..8).try_for_each(|_| file.write_all(&piece))?;
        file.sync_data()
    };
    if try_room().is_ok() {
        return true;
    }
    if fs::remove_file(directory.reserve()).is_err() {
        return false;
    }
    tracing::warn!("the room that was kept is given up to open the database again");
    try_room().is_ok()
}

impl Store {
    /// Returns the space of the file system that holds the data directory.
    ///
    /// # Errors
    /// `StoreError::Io` if the kernel does not tell.
    pub fn disk_space(&self) -> Result<DiskSpace, StoreError> {
        DiskSpace::of(self.directory.path()).map_err(StoreError::io("the data directory"))
    }

    /// Whether changes are taken: whether no write failed, and there is room for the next one.
    pub fn is_writable(&self) -> bool {
        self.current().is_ok_and(|current| {
            current.committer.failure().is_none()
                && self.require_space(&current.generation, 0).is_ok()
        })
    }

    /// Requires room for changes of so many bytes.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] if the file system has too little room;
    /// [`StoreError::FileSizeLimit`] if the database's file may not grow any more.
    pub(super) fn require_space(
        &self,
        generation: &Generation,
        bytes: usize,
    ) -> Result<(), StoreError> {
        if self.ample_space.is_recent() {
            return Ok(());
        }
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let needed = bytes.saturating_mul(WRITTEN_PER_BYTE).saturating_add(CHANGE_ROOM_BYTES_MIN);
        // If the room is not known, the write itself will tell.
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
        } else if free_bytes.is_ok_and(|free_bytes| free_bytes >= AMPLE_ROOM_BYTES) {
            self.ample_space.note();
        }
        Ok(())
    }

    /// Opens the database again in place, if a write failed in it and it can be opened now. A read
    /// then shows what is durable.
    pub(super) fn reopen_for_reading(&self) {
        let failure = match &*self.current.read().unwrap_or_else(PoisonError::into_inner) {
            StoreState::Open(current) => current.committer.failure(),
            StoreState::Closed { failure, .. } => Some(failure.clone()),
        };
        if let Some(failure) = failure.filter(CommitFailure::is_mended_by_opening)
            && let Err(error) = self.reopen(&failure)
        {
            tracing::debug!(%error, "the database cannot be opened again yet");
        }
    }

    /// Opens the database again in place, after a write in it failed for want of room.
    ///
    /// # Errors
    /// The failure of that write while there is no room to open the database, and while somebody
    /// reads from it: it cannot be opened twice. The next read or change tries again.
    pub(super) fn reopen(&self, failure: &CommitFailure) -> Result<CurrentGeneration, StoreError> {
        if !self.reopening.is_due() || !makes_room_to_open(&self.directory) {
            return Err(failure.to_error());
        }
        // Who wants to read waits until it is open: what sled held in memory of the changes that
        // failed must not be seen any more, and cannot be while it is closed.
        let mut state = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let (number, version) = match &*state {
            StoreState::Open(current) => match current.committer.failure() {
                // Somebody else opened it meanwhile.
                None => return Ok(current.clone()),
                Some(_) => {
                    let until = Instant::now() + READERS_WAIT_MAX;
                    while Arc::strong_count(&current.generation) > 1 {
                        if Instant::now() >= until {
                            return Err(failure.to_error());
                        }
                        thread::sleep(READERS_LOOK_INTERVAL);
                    }
                    (current.generation.number, current.version_last())
                }
            },
            StoreState::Closed { number, version, .. } => (*number, *version),
        };
        // Dropped here, so that it is closed before it is opened again.
        *state = StoreState::Closed { number, version, failure: failure.clone() };
        let opened = opening::open_checked(
            &self.directory,
            number,
            self.options,
            None,
            TornTailPolicy::Erase,
        );
        match opened.and_then(|generation| {
            // Versions of changes that failed were seen: they must not come again with other
            // contents, or what was kept in memory of them would be taken for current.
            let opened = generation.summary();
            generation.note_summary(opened.restored(opened.version.max(version) + 1));
            CurrentGeneration::new(generation, &self.snapshots, &self.write_lock, &self.mark)
        }) {
            Ok(current) => {
                *state = StoreState::Open(current.clone());
                drop(state);
                keep_reserve(&self.directory);
                tracing::info!("the database was opened again after a write failed");
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
    /// The highest version that a change of this generation was given.
    fn version_last(&self) -> u64 {
        let pending = self.committer.pending().summary.as_ref().map_or(0, |it| it.version);
        pending.max(self.committer.version_last()).max(self.generation.summary().version)
    }
}
