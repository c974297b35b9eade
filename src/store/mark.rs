//! The high-water mark: the state of the inventory after its last durable commit, in the file `MARK`
//! beside the databases.
//!
//! It is written after the commit is durable, so the data of a mark that survives a crash has survived
//! as well, and no commit waits for it. There are two slots, written alternately: an interrupted write
//! leaves the other slot intact. A power cut can lose the last mark. The other slot then holds an
//! earlier state, which is still a lower bound.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bincode::Decode;

use super::{
    DirectoryError, StoreError, format,
    known::{CHECKED_FORMAT, CheckedError, KnownState, checked, decode_checked},
};

/// The length of a slot, in bytes. A mark has about 2,000 bytes at eleven kinds.
const SLOT_BYTES: u64 = 16 * 1024;

const SLOTS: u64 = 2;

/// The interval at which the mark is synced. The kernel writes it back by itself after 30 seconds.
const SYNC_INTERVAL: Duration = Duration::from_secs(10);

/// The contents of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Decode)]
pub(super) struct Mark {
    /// Increases with each written mark.
    sequence: u64,
    pub current: KnownState,
    /// The state of the previous generation when it was replaced.
    pub previous: Option<KnownState>,
}

/// The contents of the file when it was opened.
#[derive(Clone, Debug)]
pub(super) enum FoundMark {
    Intact(Box<Mark>),
    /// There is no file: the directory is new or has format 2, or the file was removed.
    Missing,
    /// Neither slot can be read.
    Damaged,
}

/// The file `MARK` of a data directory.
pub(super) struct MarkFile {
    file: File,
    state: Mutex<MarkState>,
}

struct MarkState {
    /// The number of the last written mark.
    sequence: u64,
    /// The last noted state of the current generation.
    current: Option<KnownState>,
    previous: Option<KnownState>,
    /// `previous`, encoded. It is the same in every mark until a generation is replaced.
    previous_bytes: Vec<u8>,
    /// When the file was last synced.
    synced: Instant,
    /// Whether a failed write was already logged.
    failed: bool,
}

impl MarkFile {
    /// Opens the file. Creates it if it is missing. Does not change an existing mark.
    ///
    /// # Errors
    /// - [`StoreError::Directory`] if a newer version wrote it.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    pub(super) fn open(path: &Path) -> Result<(Self, FoundMark), StoreError> {
        let io = || StoreError::io(format!("opening the high-water mark {}", path.display()));
        let found = read(path)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let file = options.open(path).map_err(io())?;
        // The file has its full length from the start, so that a full disk does not prevent a mark.
        let length = file.metadata().map_err(io())?.len();
        let missing = (SLOTS * SLOT_BYTES).saturating_sub(length);
        if let Ok(missing) = usize::try_from(missing)
            && missing > 0
        {
            file.write_all_at(&vec![0; missing], length).map_err(io())?;
        }
        let (sequence, current, previous) = match &found {
            FoundMark::Intact(mark) => {
                (mark.sequence, Some(mark.current.clone()), mark.previous.clone())
            }
            FoundMark::Missing | FoundMark::Damaged => (0, None, None),
        };
        let state = MarkState {
            sequence,
            current,
            previous_bytes: format::encode(&previous),
            previous,
            synced: Instant::now(),
            failed: false,
        };
        Ok((Self { file, state: Mutex::new(state) }, found))
    }

    fn lock(&self) -> MutexGuard<'_, MarkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of the previous generation when it was replaced.
    pub(super) fn previous(&self) -> Option<KnownState> {
        self.lock().previous.clone()
    }

    /// Writes a mark of the current generation. `summary` is its encoded summary, which the commit has
    /// already.
    pub(super) fn note(&self, current: KnownState, summary: &[u8]) {
        self.write(self.lock(), current, summary);
    }

    /// Writes a mark of a generation that replaced the current one.
    pub(super) fn note_replaced(&self, current: KnownState) {
        let mut state = self.lock();
        let replaced = state.current.take();
        state.set_previous(replaced);
        let summary = format::encode(&current.summary);
        self.write(state, current, &summary);
    }

    /// Writes a mark of both generations, independent of earlier marks.
    pub(super) fn begin(&self, current: KnownState, previous: Option<KnownState>) {
        let mut state = self.lock();
        state.set_previous(previous);
        let summary = format::encode(&current.summary);
        self.write(state, current, &summary);
    }

    /// Writes to the slot that does not hold the last mark. An error is only logged: the last mark is
    /// still a lower bound, and the change is durable.
    fn write(&self, mut state: MutexGuard<'_, MarkState>, current: KnownState, summary: &[u8]) {
        state.sequence += 1;
        // Equals an encoded `Mark`. Parts of it are encoded already, because each commit waits for this.
        let KnownState { generation, identity, time, summary: _ } = &current;
        let head = format::encode(&(state.sequence, generation, identity, time));
        let bytes = checked(&[&head, summary, &state.previous_bytes].concat());
        let mut written = self.file.write_all_at(&bytes, state.sequence % SLOTS * SLOT_BYTES);
        state.current = Some(current);
        if written.is_ok() && state.synced.elapsed() >= SYNC_INTERVAL {
            state.synced = Instant::now();
            written = self.file.sync_data();
        }
        if let Err(error) = written
            && !std::mem::replace(&mut state.failed, true)
        {
            tracing::error!(
                %error,
                "Cannot write the file MARK. Loss of later changes might not be detected. Check the disk of \
                 the data directory."
            );
        }
    }

    /// Makes the mark durable.
    ///
    /// # Errors
    /// [`StoreError::Io`] if `fsync` of the file fails.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_all().map_err(StoreError::io("syncing the high-water mark"))
    }
}

impl MarkState {
    fn set_previous(&mut self, previous: Option<KnownState>) {
        self.previous_bytes = format::encode(&previous);
        self.previous = previous;
    }
}

/// Reads the mark with the highest number.
///
/// # Errors
/// - [`StoreError::Directory`] if a newer version wrote it.
/// - [`StoreError::Io`] if the file cannot be read.
pub(super) fn read(path: &Path) -> Result<FoundMark, StoreError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FoundMark::Missing),
        Err(error) => {
            return Err(StoreError::io(format!("opening the high-water mark {}", path.display()))(
                error,
            ));
        }
    };
    let mut newest: Option<Mark> = None;
    for slot in bytes.chunks(SLOT_BYTES as usize) {
        match decode_checked::<Mark>(slot) {
            Ok(mark) if newest.as_ref().is_none_or(|newest| newest.sequence < mark.sequence) => {
                newest = Some(mark);
            }
            Ok(_) | Err(CheckedError::Damaged) => {}
            Err(CheckedError::OtherFormat { found }) => {
                return Err(DirectoryError::OtherFormat {
                    found: found.into(),
                    known: CHECKED_FORMAT.into(),
                }
                .into());
            }
        }
    }
    Ok(newest.map_or(FoundMark::Damaged, |mark| FoundMark::Intact(Box::new(mark))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Summary, known::Identity};

    fn known(version: u64) -> KnownState {
        let identity = Identity::random().unwrap();
        KnownState::now(1, identity, Summary::default().restored(version))
    }

    fn note(file: &MarkFile, state: KnownState) {
        let summary = format::encode(&state.summary);
        file.note(state, &summary);
    }

    fn version(path: &Path) -> Option<u64> {
        match read(path).unwrap() {
            FoundMark::Intact(mark) => Some(mark.current.summary.version),
            FoundMark::Missing | FoundMark::Damaged => None,
        }
    }

    #[test]
    fn the_newest_intact_slot_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("MARK é");
        assert!(matches!(read(&path).unwrap(), FoundMark::Missing));
        let (file, _) = MarkFile::open(&path).unwrap();
        assert!(matches!(read(&path).unwrap(), FoundMark::Damaged));
        for number in 1..=5 {
            note(&file, known(number));
            assert_eq!(version(&path), Some(number));
        }
        // The fifth mark is in slot 1. Without it the fourth counts.
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[SLOT_BYTES as usize + 40] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(version(&path), Some(4));
        bytes[40] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(read(&path).unwrap(), FoundMark::Damaged));
    }

    #[test]
    fn the_previous_state_survives_later_marks_and_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("MARK");
        let (file, _) = MarkFile::open(&path).unwrap();
        let before = known(1);
        note(&file, before.clone());
        file.note_replaced(known(2));
        note(&file, known(3));
        drop(file);
        let (file, _) = MarkFile::open(&path).unwrap();
        assert_eq!(file.previous(), Some(before.clone()));
        note(&file, known(4));
        assert_eq!(file.previous(), Some(before));
        assert_eq!(version(&path), Some(4));
    }
}
