//! The data directory: its lock, the pointer to the current generation, and the paths of all files.
//!
//! ```text
//! rekey/            the databases of an incomplete replacement of the key
//! REKEY             exists while a complete replacement of the key is moved to its place
//! LOCK              locked by the process that uses the directory; its text names the process
//! key               the key that encrypts secrets, mode 0600
//! secret_properties the names of custom properties that are secrets
//! CURRENT           the pointer: the numbers of the current generation and the kept earlier ones
//! MARK              the high-water mark: the state after the last durable commit
//! RECOVERING        exists while a recovery is incomplete
//! RESERVE           reserved space, released when the disk is full
//! inventory-<n>/    generation n: a sled database and its seal
//! history/          the archive of the history: a sled database and its seal
//! ARCHIVE           says that there is an archive, and the number of its last change
//! damaged-history-<time>/  a damaged archive, moved here before a new one is created
//! missing-history-<time>   notes that the archive was missing when a new one was created
//! damaged-<time>/   a damaged generation, moved here by `satchel recover`
//! migrations/       projects: bundles and folders
//! backups/          stored backups
//! spreadsheets/     workbooks
//! reports/          complete reports of imports
//! jobs/             the last jobs
//! audit/            the audit log
//! AUDIT             the last entry of the audit log
//! MARK.audit        the number of the last entry of the audit log
//! SCHEDULE          the last scheduled backup
//! tokens            the tokens of users: hashes, never their texts
//! tls/              the self-signed certificate of the server and its key
//! scratch/          temporary files of imports and exports; emptied at start
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
    admission::{GENERATION_PREFIX, admit, not_created},
    rekey_switch,
};
use crate::disk::{
    create_directory_durably, is_open_to_others, make_entries_private, make_new_files_private,
    sync_directory,
};

/// The format of a new or upgraded data directory.
///
/// | format | differences |
/// |---|---|
/// | 1 | other keys in the reverse index; no release wrote it; refused |
/// | 2 | no high-water mark, seals, content hashes and checksum of the pointer; upgraded when opened |
/// | 3 | no history; upgraded when opened |
/// | 4 | no generations before the previous one; upgraded when opened |
/// | 5 | secrets that are not bound to their record; upgraded when opened |
/// | 6 | each change has an entry of its own, without before-values; upgraded when opened |
/// | 7 | no encrypted custom properties; upgraded when opened |
/// | 8 | the current format |
pub const DIRECTORY_FORMAT: u32 = 8;

/// The number that stands for the archive of the history, whose database is opened like that of a
/// generation. Generations count from 1.
pub(super) const ARCHIVE_NUMBER: u64 = 0;

/// The format without checksums.
const UNCHECKED_FORMAT: u32 = 2;

/// The format without a history.
const WITHOUT_HISTORY_FORMAT: u32 = 3;

/// The format in which the pointer lists no generations before the previous one.
const TWO_GENERATIONS_FORMAT: u32 = 4;

/// The format in which secrets are not bound to their record.
const UNBOUND_SECRETS_FORMAT: u32 = 5;

/// The format in which each change has an entry of its own, without before-values.
const SINGLE_CHANGES_FORMAT: u32 = 6;

/// The format in which no custom property is encrypted.
const CLEAR_PROPERTIES_FORMAT: u32 = 7;

/// The time to wait for the lock. A child process inherits the locked file between `fork` and
/// `exec`, so the lock can outlive its release by the parent for a moment.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(500);

/// A data directory that this process has locked.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    /// The open and locked file `LOCK`.
    lock: File,
    command: &'static str,
    /// The file with the key, if it is not in the directory.
    key_file: Option<&'static Path>,
}

/// The contents of the pointer `CURRENT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    /// The number of the current generation; 0 during the set-up, before there is a generation.
    pub current: u64,
    /// The generation before the last import or undo, to which an undo switches.
    pub previous: Option<u64>,
    /// The kept generations before the previous one, the newest first.
    pub older: Vec<u64>,
}

impl Pointer {
    /// A pointer to one generation, without earlier ones.
    pub(super) fn to(current: u64) -> Self {
        Self { current, previous: None, older: Vec::new() }
    }

    /// The kept generations before the current one, the newest first.
    pub(super) fn earlier(&self) -> impl Iterator<Item = u64> {
        self.previous.into_iter().chain(self.older.iter().copied())
    }

    /// Returns whether the pointer names a generation.
    pub(super) fn names(&self, number: u64) -> bool {
        number == self.current || self.earlier().any(|earlier| earlier == number)
    }

    /// The largest number of a generation. After an undo, the previous generation has a larger number than
    /// the current one.
    pub(super) fn number_last(&self) -> u64 {
        self.earlier().fold(self.current, u64::max)
    }
}

/// A pointer and its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PointerFile {
    pub pointer: Pointer,
    pub format: PointerFormat,
}

/// The format in which a pointer was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PointerFormat {
    /// Format 2, without checksums.
    Unchecked,
    /// Format 3, without a history.
    WithoutHistory,
    /// Format 4, without generations before the previous one.
    TwoGenerations,
    /// Format 5, with secrets that are not bound to their record.
    UnboundSecrets,
    /// Format 6, in which each change has an entry of its own, without before-values.
    SingleChanges,
    /// Format 7, without encrypted custom properties.
    ClearProperties,
    /// [`DIRECTORY_FORMAT`].
    Present,
}

/// Returns the path of the folder with the self-signed certificate of the server in a data directory,
/// which need not be held.
pub fn tls_folder(data: &Path) -> PathBuf {
    data.join("tls")
}

impl DataDirectory {
    /// Locks the directory. Creates it if it is missing, unless the options forbid this. From then on, no
    /// other user can read the files that this process creates, and those in the directory.
    ///
    /// # Errors
    /// - [`StoreError::Directory`] if it is missing, belongs to another user, is not a data directory,
    ///   or is locked by another process.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    pub fn hold(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let what = || format!("opening the data directory {}", path.display());
        make_new_files_private();
        admit(path, options.create)?;
        create_directory_durably(path).map_err(|error| not_created(path, error))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path.join("LOCK"))
            .map_err(StoreError::io(what()))?;
        let deadline = Instant::now() + LOCK_WAIT_MAX;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
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
        write_holder(&LockHolder::this(command), &lock)?;
        rekey_switch::complete(path)?;
        let directory = Self { path: path.to_owned(), lock, command, key_file: options.key_file };
        // Removes the files of a process that was killed.
        let leftovers = [
            fs::remove_dir_all(directory.scratch()),
            fs::remove_file(directory.temporary_pointer_path()),
        ];
        for removed in leftovers {
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
        make_entries_private(path).map_err(StoreError::io(what()))?;
        if is_open_to_others(path).map_err(StoreError::io(what()))? {
            tracing::warn!(
                "Other users have permissions on the data directory {path}. Its files are private, but \
                 their names are not. To change it: chmod 700 {path}",
                path = path.display()
            );
        }
        Ok(directory)
    }

    /// Writes the URL of the server to `LOCK`, for other processes that find the directory locked.
    ///
    /// # Errors
    /// [`StoreError::Io`] if `LOCK` cannot be written.
    pub fn announce(&self, url: &str) -> Result<(), StoreError> {
        let holder = LockHolder { url: Some(url.to_owned()), ..LockHolder::this(self.command) };
        write_holder(&holder, &self.lock)
    }

    /// Returns the path of the data directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the folder with the project library.
    pub fn migrations(&self) -> PathBuf {
        self.path.join("migrations")
    }

    /// Returns the path of the folder with stored backups.
    pub fn backups(&self) -> PathBuf {
        self.path.join("backups")
    }

    /// Returns the path of the file with the last scheduled backup.
    pub fn schedule(&self) -> PathBuf {
        self.path.join("SCHEDULE")
    }

    /// Returns the path of this file while it is being written.
    pub fn schedule_temporary(&self) -> PathBuf {
        self.path.join("SCHEDULE.new")
    }

    /// Returns the path of the folder with exported workbooks.
    pub fn spreadsheets(&self) -> PathBuf {
        self.path.join("spreadsheets")
    }

    /// Returns the path of the folder with the reports of imports.
    pub fn reports(&self) -> PathBuf {
        self.path.join("reports")
    }

    /// Returns the path of the folder in which jobs are recorded, one file each.
    pub fn jobs(&self) -> PathBuf {
        self.path.join("jobs")
    }

    /// Returns the path of the file with the tokens of users.
    pub fn tokens(&self) -> PathBuf {
        self.path.join("tokens")
    }

    /// Returns the path of the folder with the self-signed certificate of the server.
    pub fn tls(&self) -> PathBuf {
        tls_folder(&self.path)
    }

    /// Returns the path of the folder for temporary files. It is emptied when the directory is opened.
    pub fn scratch(&self) -> PathBuf {
        self.path.join("scratch")
    }

    pub(super) fn key(&self) -> PathBuf {
        self.key_file.map_or_else(|| self.path.join("key"), Path::to_owned)
    }

    /// Returns the folder of a generation, or of the archive of the history.
    pub(super) fn generation(&self, number: u64) -> PathBuf {
        if number == ARCHIVE_NUMBER {
            return self.path.join("history");
        }
        self.path.join(format!("{GENERATION_PREFIX}{number}"))
    }

    pub(super) fn reserve(&self) -> PathBuf {
        self.path.join("RESERVE")
    }

    /// The path of the file that exists from the moment when a recovery replaces the inventory until
    /// its pools are computed.
    pub(super) fn recovering(&self) -> PathBuf {
        self.path.join("RECOVERING")
    }

    pub(super) fn mark(&self) -> PathBuf {
        self.path.join("MARK")
    }

    /// The path of the file that says that there is an archive of the history.
    pub(super) fn archive_mark(&self) -> PathBuf {
        self.path.join("ARCHIVE")
    }

    fn pointer_path(&self) -> PathBuf {
        self.path.join("CURRENT")
    }

    /// The path to which a new pointer is written before it replaces the old one.
    fn temporary_pointer_path(&self) -> PathBuf {
        self.path.join("CURRENT.new")
    }

    /// Returns the pointer, or `None` in a directory that never held an inventory.
    ///
    /// # Errors
    /// As for [`DataDirectory::pointer_file`].
    pub(super) fn pointer(&self) -> Result<Option<Pointer>, StoreError> {
        Ok(self.pointer_file()?.map(|file| file.pointer))
    }

    /// Returns the pointer with its format, or `None` in a directory that never held an inventory.
    ///
    /// # Errors
    /// - [`StoreError::Damaged`] if it is damaged, or if it is missing although a generation or a
    ///   high-water mark exists.
    /// - [`DirectoryError::OtherFormat`] if another version of Satchel wrote it.
    /// - [`StoreError::Io`] if it cannot be read.
    pub(super) fn pointer_file(&self) -> Result<Option<PointerFile>, StoreError> {
        let text = match fs::read_to_string(self.pointer_path()) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Without the pointer it is unknown which generation is the current one.
                return match self.generations()?.first() {
                    Some(number) => Err(damaged_pointer(format!(
                        "CURRENT is missing, but {GENERATION_PREFIX}{number} exists"
                    ))),
                    None if self.mark().exists() => {
                        Err(damaged_pointer("CURRENT is missing, but MARK exists".to_owned()))
                    }
                    None => Ok(None),
                };
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(damaged_pointer("CURRENT is not text".to_owned()));
            }
            Err(error) => return Err(StoreError::io("reading the pointer CURRENT")(error)),
        };
        parse_pointer(&text).map(Some)
    }

    /// Replaces the pointer in one atomic step. It is durable when this returns.
    ///
    /// # Errors
    /// After an error of the last step, which makes the new pointer durable, either pointer can be in
    /// place.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    pub(super) fn switch_pointer(&self, pointer: &Pointer) -> Result<(), StoreError> {
        let format = self.written_format();
        let mut text = format!("satchel {format}\ncurrent {}\n", pointer.current);
        if let Some(previous) = pointer.previous {
            text.push_str(&format!("previous {previous}\n"));
        }
        for older in &pointer.older {
            text.push_str(&format!("older {older}\n"));
        }
        text.push_str(&check_line(&text));
        let temporary = self.temporary_pointer_path();
        let replace = || -> io::Result<()> {
            let mut file = File::create(&temporary)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, self.pointer_path())?;
            sync_directory(&self.path)
        };
        replace().map_err(StoreError::io("writing the pointer CURRENT"))
    }

    /// The format of a new pointer. The recovery of a directory of an earlier format, or of one whose pointer is
    /// damaged, leaves secrets that are not bound to their records. The next start binds them.
    fn written_format(&self) -> u32 {
        match self.pointer_file() {
            Ok(
                None
                | Some(PointerFile {
                    format:
                        PointerFormat::SingleChanges
                        | PointerFormat::ClearProperties
                        | PointerFormat::Present,
                    ..
                }),
            ) => DIRECTORY_FORMAT,
            Ok(Some(_)) | Err(_) => UNBOUND_SECRETS_FORMAT,
        }
    }

    /// Removes the generations that are not in the pointer. Interrupted imports leave them, and so does
    /// an interrupted removal.
    ///
    /// # Errors
    /// [`StoreError::Io`] if one cannot be removed.
    pub(super) fn remove_other_generations(&self, pointer: &Pointer) -> Result<(), StoreError> {
        for number in self.generations()? {
            if !pointer.names(number) {
                let path = self.generation(number);
                let what = format!("removing {}", path.display());
                fs::remove_dir_all(path).map_err(StoreError::io(what))?;
            }
        }
        Ok(())
    }

    /// Returns the numbers of the existing generations, sorted.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the directory cannot be read.
    pub(super) fn generations(&self) -> Result<Vec<u64>, StoreError> {
        let mut numbers = Vec::new();
        let entries =
            fs::read_dir(&self.path).map_err(StoreError::io("reading the data directory"))?;
        for entry in entries {
            let entry = entry.map_err(StoreError::io("reading the data directory"))?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(GENERATION_PREFIX));
            let number = number.and_then(|number| number.parse::<u64>().ok());
            // `inventory-007` and `inventory-+7` parse as 7, but are not generations.
            numbers.extend(number.filter(|number| self.generation(*number) == entry.path()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// Writes the holder to `LOCK`. On a full disk it is skipped with a warning, so that the inventory can
/// still be opened; other processes then report "another process".
fn write_holder(holder: &LockHolder, lock: &File) -> Result<(), StoreError> {
    match holder.write(lock).map_err(StoreError::io("writing LOCK")) {
        Err(StoreError::DiskFull) => {
            tracing::warn!(
                "Disk full: cannot write the name of this process to LOCK. Commands will report that the \
                 data directory is in use by another process."
            );
            Ok(())
        }
        written => written,
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        // A leftover text would name a process that has ended.
        let _ = self.lock.set_len(0);
    }
}

/// Returns the last line of a pointer: the checksum (XXH3-64) of the previous lines.
fn check_line(lines: &str) -> String {
    format!("{CHECK_WORD} {:016x}\n", XxHash3_64::oneshot(lines.as_bytes()))
}

/// The word before the checksum of a pointer.
const CHECK_WORD: &str = "check";

fn parse_pointer(text: &str) -> Result<PointerFile, StoreError> {
    // A changed byte must not turn the pointer into one of another format, so a checksum is verified in
    // every format.
    let (lines, is_checked) = match text.find(CHECK_WORD) {
        Some(at) if text[at..] == check_line(&text[..at]) => (&text[..at], true),
        Some(_) => return Err(damaged_pointer("the checksum in CURRENT is wrong".to_owned())),
        None => (text, false),
    };
    let mut found = None;
    let mut current = None;
    let mut previous = None;
    let mut older = Vec::new();
    for line in lines.lines() {
        let (word, number) = line.split_once(' ').unwrap_or((line, ""));
        let number: u64 = number.parse().map_err(|_| damaged_pointer(format!("'{line}'")))?;
        match word {
            "satchel" => found = Some(number),
            "current" => current = Some(number),
            "previous" => previous = Some(number),
            "older" => older.push(number),
            _ => return Err(damaged_pointer(format!("'{line}'"))),
        }
    }
    let (Some(found), Some(current)) = (found, current) else {
        return Err(damaged_pointer("CURRENT is incomplete".to_owned()));
    };
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    let format = match (found, is_checked) {
        (UNCHECKED_FORMAT, false) => PointerFormat::Unchecked,
        (WITHOUT_HISTORY_FORMAT, true) => PointerFormat::WithoutHistory,
        (TWO_GENERATIONS_FORMAT, true) => PointerFormat::TwoGenerations,
        (UNBOUND_SECRETS_FORMAT, true) => PointerFormat::UnboundSecrets,
        (SINGLE_CHANGES_FORMAT, true) => PointerFormat::SingleChanges,
        (CLEAR_PROPERTIES_FORMAT, true) => PointerFormat::ClearProperties,
        (DIRECTORY_FORMAT, true) => PointerFormat::Present,
        (WITHOUT_HISTORY_FORMAT..=DIRECTORY_FORMAT, false) => {
            return Err(damaged_pointer("CURRENT has no checksum".to_owned()));
        }
        (found, _) => {
            return Err(DirectoryError::OtherFormat { found, known: DIRECTORY_FORMAT }.into());
        }
    };
    Ok(PointerFile { pointer: Pointer { current, previous, older }, format })
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
    fn a_directory_is_locked_once() {
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
    fn a_pointer_is_read_back_and_a_damaged_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let directory = hold(folder.path()).unwrap();
        assert_eq!(directory.pointer().unwrap(), None);
        for pointer in
            [Pointer::to(1), Pointer { current: 12, previous: Some(11), older: vec![13, 4] }]
        {
            directory.switch_pointer(&pointer).unwrap();
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
        fs::write(directory.pointer_path(), b"satchel 8\n\xff").unwrap();
        assert!(matches!(directory.pointer(), Err(StoreError::Damaged { .. })));
        for (text, found) in [("satchel 1\ncurrent 1\n", 1), ("satchel 9\ncurrent 1\n", 9)] {
            fs::write(directory.pointer_path(), text).unwrap();
            let error = directory.pointer().unwrap_err();
            let StoreError::Directory(error) = error else { panic!("{error}") };
            assert_eq!(*error, DirectoryError::OtherFormat { found, known: 8 });
        }
    }

    #[test]
    fn pointers_of_earlier_formats_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let directory = hold(folder.path()).unwrap();
        let unchecked = "satchel 2\ncurrent 7\nprevious 6\n".to_owned();
        let checked = |format: u32| {
            let lines = format!("satchel {format}\ncurrent 7\nprevious 6\n");
            [lines.clone(), check_line(&lines)].concat()
        };
        let pointer = Pointer { previous: Some(6), ..Pointer::to(7) };
        for (text, format) in [
            (unchecked, PointerFormat::Unchecked),
            (checked(3), PointerFormat::WithoutHistory),
            (checked(4), PointerFormat::TwoGenerations),
            (checked(5), PointerFormat::UnboundSecrets),
            (checked(6), PointerFormat::SingleChanges),
            (checked(7), PointerFormat::ClearProperties),
        ] {
            fs::write(directory.pointer_path(), text).unwrap();
            let expected = PointerFile { pointer: pointer.clone(), format };
            assert_eq!(directory.pointer_file().unwrap(), Some(expected));
        }
    }

    #[test]
    fn a_missing_pointer_beside_a_generation_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let directory = hold(folder.path()).unwrap();
        fs::create_dir(directory.generation(3)).unwrap();
        assert!(matches!(directory.pointer(), Err(StoreError::Damaged { .. })));
    }
}
