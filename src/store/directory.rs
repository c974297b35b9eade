//! The data directory: who uses it, which generation of the inventory is the current one, and
//! where everything else lies.
//!
//! ```text
//! LOCK              held by the process that uses the directory, which it names
//! key               the appliance's key, mode 0600
//! CURRENT           the pointer: which generation is the inventory, and the one before it
//! MARK              the high-water mark: the state after the last durable commit
//! RECOVERING        there while a recovery is not complete
//! RESERVE           room that is given up when the disk is full
//! inventory-<n>/    a generation: one sled database and its seal
//! damaged-<time>/   a damaged generation that `satchel recover` set aside
//! migrations/       projects: bundles and folders
//! spreadsheets/     workbooks
//! reports/          reports of imports, whole
//! jobs/             what is known of the last jobs
//! scratch/          what a running import or export sets aside; emptied at start
//! ```

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use twox_hash::XxHash3_64;

use super::{
    DirectoryError, LockHolder, Options, StoreError,
    admission::{admit, not_created},
};
use crate::disk::{create_directory_durably, sync_directory};

/// The format of the data directory that is written.
///
/// | format | what is different |
/// |---|---|
/// | 1 | other keys in the reverse index; no release wrote it, and it is refused |
/// | 2 | no high-water mark, no seals, no content hashes, no checksum in the pointer; upgraded when it is opened |
/// | 3 | the present one |
pub const DIRECTORY_FORMAT: u32 = 3;

/// The format that is upgraded when it is opened.
const EARLIER_FORMAT: u32 = 2;

pub(super) const GENERATION_PREFIX: &str = "inventory-";

/// How long it is waited for a lock. Between its fork and its exec, a child process that is being
/// started holds all that its parent held, also what the parent let go of meanwhile.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(500);

/// A data directory that this process holds.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    /// Locked for as long as it is open.
    lock: File,
    command: &'static str,
}

/// Which generation is the inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    /// 0 in a directory that is being set up: there is no generation yet.
    pub current: u64,
    /// What it was before the last import, kept for one undo.
    pub previous: Option<u64>,
}

/// A pointer, and how it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PointerFile {
    pub pointer: Pointer,
    pub format: PointerFormat,
}

/// The format of the directory that a pointer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PointerFormat {
    /// Format 2, without high-water mark and seals.
    Earlier,
    Present,
}

impl DataDirectory {
    /// Holds the directory. Where it is missing it is made, unless the options say otherwise.
    ///
    /// # Errors
    /// [`StoreError::Directory`] where there is none, where it is another user's, where something
    /// else is in its place, and while another process holds it.
    pub fn hold(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let what = || format!("the data directory {}", path.display());
        admit(path, options.create)?;
        create_directory_durably(path).map_err(|error| not_created(path, error))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path.join("LOCK"))
            .map_err(StoreError::io(what()))?;
        let until = Instant::now() + LOCK_WAIT_MAX;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => {
                    let (directory, holder) = (path.to_owned(), LockHolder::read(&lock));
                    return Err(DirectoryError::InUse { directory, holder }.into());
                }
                Err(TryLockError::Error(error)) => return Err(StoreError::io(what())(error)),
            }
        }
        let command = options.command;
        tell(&LockHolder::this(command), &lock)?;
        let directory = Self { path: path.to_owned(), lock, command };
        // What a killed process was about to do.
        let left = [
            fs::remove_dir_all(directory.scratch()),
            fs::remove_file(directory.pointer_aside_path()),
        ];
        for removed in left {
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::io(what())(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        for folder in [directory.scratch(), directory.migrations(), directory.reports()] {
            fs::create_dir_all(&folder).map_err(StoreError::io(what()))?;
        }
        Ok(directory)
    }

    /// Tells those who find the directory in use where its server listens.
    ///
    /// # Errors
    /// [`StoreError::Io`] if `LOCK` cannot be written.
    pub fn announce(&self, url: &str) -> Result<(), StoreError> {
        let holder = LockHolder { url: Some(url.to_owned()), ..LockHolder::this(self.command) };
        tell(&holder, &self.lock)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn migrations(&self) -> PathBuf {
        self.path.join("migrations")
    }

    pub fn spreadsheets(&self) -> PathBuf {
        self.path.join("spreadsheets")
    }

    pub fn reports(&self) -> PathBuf {
        self.path.join("reports")
    }

    pub fn jobs(&self) -> PathBuf {
        self.path.join("jobs")
    }

    pub fn scratch(&self) -> PathBuf {
        self.path.join("scratch")
    }

    pub(super) fn key(&self) -> PathBuf {
        self.path.join("key")
    }

    pub(super) fn generation(&self, number: u64) -> PathBuf {
        self.path.join(format!("{GENERATION_PREFIX}{number}"))
    }

    pub(super) fn reserve(&self) -> PathBuf {
        self.path.join("RESERVE")
    }

    /// A file that is there from the moment when a recovery replaces the inventory until its pools
    /// are computed.
    pub(super) fn recovering(&self) -> PathBuf {
        self.path.join("RECOVERING")
    }

    pub(super) fn mark(&self) -> PathBuf {
        self.path.join("MARK")
    }

    fn pointer_path(&self) -> PathBuf {
        self.path.join("CURRENT")
    }

    /// Where a pointer is written before it takes the place of the one that is there.
    fn pointer_aside_path(&self) -> PathBuf {
        self.path.join("CURRENT.new")
    }

    /// The pointer, or none in a directory that never held an inventory.
    ///
    /// # Errors
    /// As for [`DataDirectory::pointer_file`].
    pub(super) fn pointer(&self) -> Result<Option<Pointer>, StoreError> {
        Ok(self.pointer_file()?.map(|file| file.pointer))
    }

    /// The pointer with its format, or none in a directory that never held an inventory.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it is damaged, or missing beside a generation or a high-water
    /// mark; [`StoreError::OtherFormat`]; [`StoreError::Io`].
    pub(super) fn pointer_file(&self) -> Result<Option<PointerFile>, StoreError> {
        let text = match fs::read_to_string(self.pointer_path()) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Without the pointer nobody knows which of them is the inventory.
                return match self.generations()?.first() {
                    Some(number) => Err(damaged_pointer(format!(
                        "it is missing, but {GENERATION_PREFIX}{number} is there"
                    ))),
                    None if self.mark().exists() => {
                        Err(damaged_pointer("it is missing, but MARK is there".to_owned()))
                    }
                    None => Ok(None),
                };
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(damaged_pointer("it is not text".to_owned()));
            }
            Err(error) => return Err(StoreError::io("reading the pointer CURRENT")(error)),
        };
        parse_pointer(&text).map(Some)
    }

    /// Turns the pointer: one atomic step, durable when this returns.
    pub(super) fn turn_pointer(&self, pointer: Pointer) -> Result<(), StoreError> {
        let mut text = format!("satchel {DIRECTORY_FORMAT}\ncurrent {}\n", pointer.current);
        if let Some(previous) = pointer.previous {
            text.push_str(&format!("previous {previous}\n"));
        }
        text.push_str(&check_line(&text));
        let aside = self.pointer_aside_path();
        let guard = || -> io::Result<()> {
            let mut file = File::create(&aside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&aside, self.pointer_path())?;
            sync_directory(&self.path)
        };
        guard().map_err(StoreError::io("writing the pointer CURRENT"))
    }

    /// Removes the generations that the pointer does not name: imports that were cut off.
    pub(super) fn remove_unnamed(&self, pointer: Pointer) -> Result<(), StoreError> {
        for number in self.generations()? {
            if number != pointer.current && Some(number) != pointer.previous {
                let path = self.generation(number);
                let what = format!("removing {}", path.display());
                fs::remove_dir_all(path).map_err(StoreError::io(what))?;
            }
        }
        Ok(())
    }

    /// The numbers of the generations that are there, ascending.
    pub(super) fn generations(&self) -> Result<Vec<u64>, StoreError> {
        let mut numbers = Vec::new();
        let entries = fs::read_dir(&self.path).map_err(StoreError::io("the data directory"))?;
        for entry in entries {
            let entry = entry.map_err(StoreError::io("the data directory"))?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(GENERATION_PREFIX));
            let number = number.and_then(|number| number.parse::<u64>().ok());
            // `inventory-007` and `inventory-+7` are somebody else's.
            numbers.extend(number.filter(|number| self.generation(*number) == entry.path()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// Writes into `LOCK` who holds it. A full disk has no room for it, and must not keep the inventory
/// from being opened: then others are told of "another process".
fn tell(holder: &LockHolder, lock: &File) -> Result<(), StoreError> {
    match holder.write(lock).map_err(StoreError::io("writing LOCK")) {
        Err(StoreError::DiskFull) => {
            tracing::warn!("the disk is full: LOCK does not say which process uses the directory");
            Ok(())
        }
        written => written,
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        // A text that is left over would name a process that has ended, or another one by now.
        let _ = self.lock.set_len(0);
    }
}

/// The last line of a pointer: the checksum (XXH3-64) of the lines before it.
fn check_line(lines: &str) -> String {
    format!("{CHECK_WORD} {:016x}\n", XxHash3_64::oneshot(lines.as_bytes()))
}

/// The word before the checksum of a pointer.
const CHECK_WORD: &str = "check";

fn parse_pointer(text: &str) -> Result<PointerFile, StoreError> {
    // A byte that changed must not make another format of it: whatever has a checksum is checked.
    let (lines, format) = match text.find(CHECK_WORD) {
        Some(at) if text[at..] == check_line(&text[..at]) => (&text[..at], PointerFormat::Present),
        Some(_) => return Err(damaged_pointer("its checksum is wrong".to_owned())),
        None => (text, PointerFormat::Earlier),
    };
    let mut written = None;
    let mut current = None;
    let mut previous = None;
    for line in lines.lines() {
        let (word, number) = line.split_once(' ').unwrap_or((line, ""));
        let number: u64 = number.parse().map_err(|_| damaged_pointer(format!("'{line}'")))?;
        match word {
            "satchel" => written = Some(number),
            "current" => current = Some(number),
            "previous" => previous = Some(number),
            _ => return Err(damaged_pointer(format!("'{line}'"))),
        }
    }
    let (Some(written), Some(current)) = (written, current) else {
        return Err(damaged_pointer("it is not complete".to_owned()));
    };
    let known = match format {
        PointerFormat::Present => DIRECTORY_FORMAT,
        PointerFormat::Earlier => EARLIER_FORMAT,
    };
    if written == u64::from(known) {
        return Ok(PointerFile { pointer: Pointer { current, previous }, format });
    }
    if written == u64::from(DIRECTORY_FORMAT) {
        return Err(damaged_pointer("its checksum is missing".to_owned()));
    }
    let found = u32::try_from(written).unwrap_or(u32::MAX);
    Err(DirectoryError::OtherFormat { found, known: DIRECTORY_FORMAT }.into())
}

fn damaged_pointer(detail: String) -> StoreError {
    StoreError::Damaged { part: "pointer CURRENT", detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(path: &Path) -> Result<DataDirectory, StoreError> {
        DataDirectory::hold(path, &Options::default())
    }

    #[test]
    fn a_directory_is_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let held = hold(folder.path()).unwrap();
        held.announce("http://127.0.0.1:1").unwrap();
        match hold(folder.path()) {
            Err(StoreError::Directory(error)) => {
                let DirectoryError::InUse { holder, .. } = *error else { panic!("{error}") };
                assert_eq!(holder.pid, Some(std::process::id()));
                assert_eq!(holder.url.as_deref(), Some("http://127.0.0.1:1"));
            }
            other => panic!("{other:?}"),
        }
        drop(held);
        assert_eq!(fs::read(folder.path().join("LOCK")).unwrap(), b"");
        hold(folder.path()).unwrap();
    }

    #[test]
    fn the_pointer_is_read_back_and_a_wrong_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let directory = hold(folder.path()).unwrap();
        assert_eq!(directory.pointer().unwrap(), None);
        for pointer in
            [Pointer { current: 1, previous: None }, Pointer { current: 12, previous: Some(11) }]
        {
            directory.turn_pointer(pointer).unwrap();
            assert_eq!(directory.pointer().unwrap(), Some(pointer));
        }
        let good = fs::read_to_string(directory.pointer_path()).unwrap();
        let mut wrong: Vec<String> = (0..good.len()).map(|end| good[..end].to_owned()).collect();
        for at in 0..good.len() {
            for bit in 0..7 {
                let mut bytes = good.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                wrong.push(String::from_utf8(bytes).unwrap());
            }
        }
        wrong.extend(["current 1\n", "satchel 2\ncurrent x\n"].map(str::to_owned));
        for text in wrong {
            fs::write(directory.pointer_path(), &text).unwrap();
            assert!(matches!(directory.pointer(), Err(StoreError::Damaged { .. })), "{text:?}");
        }
        fs::write(directory.pointer_path(), b"satchel 3\n\xff").unwrap();
        assert!(matches!(directory.pointer(), Err(StoreError::Damaged { .. })));
        for (text, found) in [("satchel 1\ncurrent 1\n", 1), ("satchel 4\ncurrent 1\n", 4)] {
            fs::write(directory.pointer_path(), text).unwrap();
            let error = directory.pointer().unwrap_err();
            let StoreError::Directory(error) = error else { panic!("{error}") };
            assert_eq!(*error, DirectoryError::OtherFormat { found, known: 3 });
        }
    }

    #[test]
    fn a_pointer_of_the_earlier_format_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let directory = hold(folder.path()).unwrap();
        fs::write(directory.pointer_path(), "satchel 2\ncurrent 7\nprevious 6\n").unwrap();
        let pointer = Pointer { current: 7, previous: Some(6) };
        let expected = PointerFile { pointer, format: PointerFormat::Earlier };
        assert_eq!(directory.pointer_file().unwrap(), Some(expected));
    }

    #[test]
    fn a_lost_pointer_is_not_taken_for_a_fresh_start() {
        let folder = tempfile::tempdir().unwrap();
        let directory = hold(folder.path()).unwrap();
        fs::create_dir(directory.generation(3)).unwrap();
        assert!(matches!(directory.pointer(), Err(StoreError::Damaged { .. })));
    }
}
