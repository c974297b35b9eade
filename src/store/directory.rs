//! The data directory: who uses it, which generation of the inventory is the current one, and
//! where everything else lies.
//!
//! ```text
//! LOCK              held by the process that uses the directory
//! key               the appliance's key, mode 0600
//! CURRENT           the pointer: which generation is the inventory, and the one before it
//! RESERVE           room that is given up when the disk is full
//! inventory-<n>/    a generation: one sled database
//! migrations/       projects: bundles and folders
//! spreadsheets/     workbooks
//! reports/          reports of imports, whole
//! jobs/             what is known of the last jobs
//! scratch/          what a running import or export sets aside; emptied at start
//! ```

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::StoreError;

/// The format of the data directory. Format 1, which no release wrote, had other keys in its index.
pub const DIRECTORY_FORMAT: u32 = 2;

const GENERATION_PREFIX: &str = "inventory-";

/// How long it is waited for a lock. Between its fork and its exec, a child process that is being
/// started holds all that its parent held, also what the parent let go of meanwhile.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(500);

/// A data directory that this process holds.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    /// Locked for as long as it is open.
    _lock: File,
}

/// Which generation is the inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    /// 0 in a directory that is being set up: there is no generation yet.
    pub current: u64,
    /// What it was before the last import, kept for one undo.
    pub previous: Option<u64>,
}

impl DataDirectory {
    /// Makes the directory where it is missing, and holds it.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process holds it.
    pub fn hold(path: &Path) -> Result<Self, StoreError> {
        let what = || format!("the data directory {}", path.display());
        create_durably(path).map_err(StoreError::io(what()))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
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
                    return Err(StoreError::InUse { directory: path.to_owned() });
                }
                Err(TryLockError::Error(error)) => return Err(StoreError::io(what())(error)),
            }
        }
        let directory = Self { path: path.to_owned(), _lock: lock };
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

    fn pointer_path(&self) -> PathBuf {
        self.path.join("CURRENT")
    }

    /// Where a pointer is written before it takes the place of the one that is there.
    fn pointer_aside_path(&self) -> PathBuf {
        self.path.join("CURRENT.new")
    }

    /// The pointer, or none in a directory that never held an inventory.
    pub(super) fn pointer(&self) -> Result<Option<Pointer>, StoreError> {
        let text = match fs::read_to_string(self.pointer_path()) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Without the pointer nobody knows which of them is the inventory.
                return match self.generations()?.first() {
                    None => Ok(None),
                    Some(number) => Err(damaged_pointer(format!(
                        "it is missing, but {GENERATION_PREFIX}{number} is there"
                    ))),
                };
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
        let aside = self.pointer_aside_path();
        let turn = || -> io::Result<()> {
            let mut file = File::create(&aside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&aside, self.pointer_path())?;
            sync_directory(&self.path)
        };
        turn().map_err(StoreError::io("writing the pointer CURRENT"))
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

fn parse_pointer(text: &str) -> Result<Pointer, StoreError> {
    let mut format = None;
    let mut current = None;
    let mut previous = None;
    for line in text.lines() {
        let (word, number) = line.split_once(' ').unwrap_or((line, ""));
        let number: u64 = number.parse().map_err(|_| damaged_pointer(format!("'{line}'")))?;
        match word {
            "satchel" => format = Some(number),
            "current" => current = Some(number),
            "previous" => previous = Some(number),
            _ => return Err(damaged_pointer(format!("'{line}'"))),
        }
    }
    match (format, current) {
        (Some(format), Some(current)) if format == u64::from(DIRECTORY_FORMAT) => {
            Ok(Pointer { current, previous })
        }
        (Some(format), Some(_)) => Err(StoreError::OtherFormat {
            found: u32::try_from(format).unwrap_or(u32::MAX),
            known: DIRECTORY_FORMAT,
        }),
        _ => Err(damaged_pointer("it is not whole".to_owned())),
    }
}

fn damaged_pointer(detail: String) -> StoreError {
    StoreError::Damaged { part: "pointer CURRENT", detail }
}

/// Makes a directory, for its owner's eyes only: reports and databases in it show what the
/// inventory holds. The entries that lead to it are made durable where they are new.
fn create_durably(path: &Path) -> io::Result<()> {
    let new: Vec<&Path> = path.ancestors().take_while(|path| !path.exists()).collect();
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    for parent in new.iter().filter_map(|path| path.parent()) {
        sync_directory(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })?;
    }
    Ok(())
}

/// Makes the entries of a directory durable: what was created, renamed and removed in it.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes every file of a generation durable, and their names.
pub(super) fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sync_tree(&entry.path())?,
            false => File::open(entry.path())?.sync_all()?,
        }
    }
    sync_directory(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let held = DataDirectory::hold(folder.path()).unwrap();
        assert!(matches!(DataDirectory::hold(folder.path()), Err(StoreError::InUse { .. })));
        drop(held);
        DataDirectory::hold(folder.path()).unwrap();
    }

    #[test]
    fn the_pointer_is_read_back_and_a_wrong_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let directory = DataDirectory::hold(folder.path()).unwrap();
        assert_eq!(directory.pointer().unwrap(), None);
        for pointer in
            [Pointer { current: 1, previous: None }, Pointer { current: 12, previous: Some(11) }]
        {
            directory.turn_pointer(pointer).unwrap();
            assert_eq!(directory.pointer().unwrap(), Some(pointer));
        }
        for text in ["", "current 1\n", "satchel 2\ncurrent x\n", "satchel 2\ncurrent 1\nwhat 2\n"]
        {
            fs::write(directory.pointer_path(), text).unwrap();
            assert!(matches!(directory.pointer(), Err(StoreError::Damaged { .. })), "{text:?}");
        }
        for (text, found) in [("satchel 1\ncurrent 1\n", 1), ("satchel 3\ncurrent 1\n", 3)] {
            fs::write(directory.pointer_path(), text).unwrap();
            let error = directory.pointer().unwrap_err();
            assert!(matches!(error, StoreError::OtherFormat { found: f, known: 2 } if f == found));
        }
    }

    #[test]
    fn a_lost_pointer_is_not_taken_for_a_fresh_start() {
        let folder = tempfile::tempdir().unwrap();
        let directory = DataDirectory::hold(folder.path()).unwrap();
        fs::create_dir(directory.generation(3)).unwrap();
        assert!(matches!(directory.pointer(), Err(StoreError::Damaged { .. })));
    }
}
