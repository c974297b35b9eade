//! A disk without room: how the store opens on it, and goes on once there is room again.
//!
//! After a write that failed, sled refuses every other one until it is opened again, and it cannot
//! be opened while the disk is full. So some room is kept in a file that is given up to open. Reads
//! go on all the time; a change that finds room again first opens the database in place.

use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use super::{
    Current, DataDirectory, Options, State, Store, StoreError, committer::Failure,
    generation::Generation,
};

/// What is kept free: sled writes a segment of 512 KB and a snapshot, some 10 bytes for every
/// record, while it opens.
const RESERVE_BYTES: u64 = 32 * 1024 * 1024;

/// The room that must be there before the database is opened in place.
const ROOM_BYTES_MIN: u64 = 16 * 1024 * 1024;

/// How often it is looked whether there is room again.
const REOPEN_INTERVAL: Duration = Duration::from_secs(1);

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

/// Opens a generation, if need be in the room that was kept.
pub(super) fn open_generation(
    directory: &Arc<DataDirectory>,
    number: u64,
    options: Options,
) -> Result<Generation, StoreError> {
    match Generation::open(directory, number, options) {
        Err(StoreError::DiskFull) => {
            fs::remove_file(directory.reserve()).map_err(|_| StoreError::DiskFull)?;
            tracing::warn!("the disk is full: the room that was kept is given up to open");
            Generation::open(directory, number, options)
        }
        opened => opened,
    }
}

/// The room on a disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// What may still be written.
    pub free_bytes: u64,
    pub size_bytes: u64,
}

impl Room {
    /// Of the disk that holds `path`.
    fn of(path: &Path) -> io::Result<Self> {
        let disk = statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Ok(Self { free_bytes: bytes(disk.f_bavail), size_bytes: bytes(disk.f_blocks) })
    }
}

impl Store {
    /// The room on the disk of the data directory.
    pub fn room(&self) -> Result<Room, StoreError> {
        Room::of(self.directory.path()).map_err(StoreError::io("the data directory"))
    }

    /// Whether changes are taken, as far as is known: whether none failed for want of room or of a
    /// disk that works.
    pub fn is_writable(&self) -> bool {
        self.current().is_ok_and(|current| current.committer.failure().is_ok())
    }

    /// Opens the database again in place, where the disk was full and is no longer. The caller
    /// holds the turn.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] while there is no room, and while somebody reads: a database
    /// cannot be opened twice. The next change tries again.
    pub(super) fn reopen(&self) -> Result<Current, StoreError> {
        let room = Room::of(self.directory.path());
        if room.map_or(0, |room| room.free_bytes) < ROOM_BYTES_MIN {
            return Err(StoreError::DiskFull);
        }
        // Who wants to read waits until it is open: what sled held in memory of the changes that
        // failed must not be seen any more, and cannot be while it is closed.
        let mut state = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let number = match &*state {
            State::Open(current) if Arc::strong_count(&current.generation) > 1 => {
                return Err(StoreError::DiskFull);
            }
            State::Open(current) => current.generation.number,
            State::Closed { number, .. } => *number,
        };
        if !self.reopening.is_due() {
            return Err(StoreError::DiskFull);
        }
        *state = State::Closed { number, failure: Failure::DiskFull };
        match open_generation(&self.directory, number, self.options)
            .and_then(|generation| Current::new(generation, &self.pictures, &self.turns))
        {
            Ok(current) => {
                *state = State::Open(current.clone());
                keep_reserve(&self.directory);
                tracing::info!("there is room on the disk again: changes are taken");
                Ok(current)
            }
            Err(error) => {
                *state = State::Closed { number, failure: Failure::of(&error) };
                Err(error)
            }
        }
    }
}
