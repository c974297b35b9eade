//! Recovers a damaged inventory offline: examines it, and repairs it in one of several ways.
//!
//! Every way keeps the damaged files: they are moved to `damaged-TIME/` in the data directory before
//! another generation replaces them.

mod damaged_files;
mod report;
mod rewrite;
mod salvage;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use report::{LostRecord, RewriteReport, RewrittenKind, SalvageReport};

use super::{
    DataDirectory, HistoryLoss, InventoryDamage, KnownCounts, LoadRecord, Options, Origin,
    ReplacedGeneration, Replacement, Store, StoreError, Vault,
    directory::Pointer,
    generation::Generation,
    history::{self, Archive, HistoryEnd, ReplacementEntries},
    kept, key_check,
    known::KnownState,
    mark::{self, FoundMark, MarkFile},
    new_generation::NewGeneration,
    opening::{self, LogEndPolicy},
    rekey, reserve,
    seal::{self, Seal},
    secret_properties,
};
use crate::{disk::sync_directory, wording::Chain};

/// A locked data directory with a damaged inventory.
pub struct Recovery {
    directory: Arc<DataDirectory>,
    options: Options,
    state: RecoveryState,
    /// The number of the current generation, if it is known.
    current: Option<u64>,
    /// The state after the last durable commit, if it is known.
    known: Option<KnownState>,
    /// The number of the previous generation, and its known state.
    previous: Option<(u64, Option<KnownState>)>,
    /// The kept generations before the previous one, the newest first.
    older: Vec<u64>,
}

/// The state of the inventory in a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecoveryState {
    /// The inventory opens.
    Intact,
    /// The inventory is refused when it is opened. Holds the findings.
    Damaged(InventoryDamage),
    /// The key is missing or wrong, so the inventory cannot be opened. Holds the message.
    NoKey(String),
}

/// The state of the previous generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreviousState {
    /// There is none: there was no import yet, or the generation is missing.
    None,
    /// The generation opens, and an undo would restore it. Holds its numbers.
    Intact(KnownCounts),
    /// The generation does not open. Holds the findings.
    Damaged(InventoryDamage),
}

/// The result of a recovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The recovered inventory.
    pub now: KnownCounts,
    /// The folder with the damaged files. `None` if the recovery moved no file.
    pub damaged_files: Option<PathBuf>,
}

impl Recovery {
    /// Locks a data directory and examines its inventory. Damage is not an error here.
    ///
    /// # Errors
    /// - [`StoreError::Directory`] if it is not a data directory or is in use.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    pub fn examine(path: &Path, options: Options) -> Result<Self, StoreError> {
        let directory = Arc::new(DataDirectory::hold(path, &options)?);
        damaged_files::put_back(&directory)?;
        let pointer = match directory.pointer() {
            Ok(pointer) => pointer,
            Err(StoreError::Damaged { .. }) => None,
            Err(error) => return Err(error),
        };
        let marked = match mark::read(&directory.mark())? {
            FoundMark::Intact(mark) => Some(*mark),
            FoundMark::Missing | FoundMark::Damaged => None,
        };
        let opened = rekey::open(&directory, options).and_then(|opened| {
            key_check::require_right_key(&directory, &opened.vault, &opened.generation)
        });
        let state = match opened {
            Ok(()) => RecoveryState::Intact,
            Err(StoreError::InventoryDamaged(damage)) => RecoveryState::Damaged(*damage),
            Err(StoreError::Key(error)) => RecoveryState::NoKey(error.to_string()),
            Err(error) => return Err(error),
        };
        let older = pointer.as_ref().map(|pointer| pointer.older.clone()).unwrap_or_default();
        let current = pointer.as_ref().map(|pointer| pointer.current);
        let marked_current = marked.as_ref().map(|mark| mark.current.generation);
        // The newest sealed generations, in case neither the pointer nor the mark contains the
        // current one.
        let mut sealed = Vec::new();
        for number in directory.generations()? {
            if matches!(seal::read(&directory.generation(number))?, Seal::Intact(_)) {
                sealed.push(number);
            }
        }
        let newest = sealed.pop();
        let before_newest = sealed.pop().filter(|_| current.or(marked_current).is_none());
        let current = current.or(marked_current).or(newest).filter(|number| *number > 0);
        let previous_known = marked.as_ref().and_then(|mark| mark.previous.clone());
        let previous = previous_known
            .as_ref()
            .map(|known| known.generation)
            .or(pointer.and_then(|pointer| pointer.previous))
            .or(before_newest)
            .filter(|number| directory.generation(*number).is_dir());
        let previous = previous.map(|number| (number, previous_known));
        let known = marked.map(|mark| mark.current);
        Ok(Self { directory, options, state, current, known, previous, older })
    }

    /// The state of the inventory.
    pub fn state(&self) -> &RecoveryState {
        &self.state
    }

    /// Returns the lost parts of the history, as [`Store::history_losses`].
    ///
    /// # Errors
    /// As for [`Store::history_losses`].
    pub fn history_losses(&self) -> Result<Vec<HistoryLoss>, StoreError> {
        let mut losses = Archive::new(self.directory.clone(), self.options).losses()?;
        losses.extend(kept::missing_copies(&self.directory)?);
        Ok(losses)
    }

    /// The data directory.
    pub fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    /// Opens the previous generation to check whether it is intact.
    ///
    /// # Errors
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    pub fn previous(&self) -> Result<PreviousState, StoreError> {
        let Some((number, known)) = &self.previous else { return Ok(PreviousState::None) };
        match self.open_checked(*number, known.as_ref()) {
            Ok(generation) => Ok(PreviousState::Intact((&generation.known()).into())),
            Err(StoreError::InventoryDamaged(damage)) => Ok(PreviousState::Damaged(*damage)),
            Err(error) => Err(error),
        }
    }

    /// Opens a generation and compares it with its known state.
    fn open_checked(
        &self,
        number: u64,
        known: Option<&KnownState>,
    ) -> Result<Generation, StoreError> {
        let tail = LogEndPolicy::Keep;
        opening::open_checked(&self.directory, number, self.options, known, tail)
    }

    /// Makes the previous generation the current one.
    ///
    /// # Errors
    /// On every error the inventory stays unchanged.
    /// - [`StoreError::NothingToUndo`] if there is none.
    /// - [`StoreError::InventoryDamaged`] if it is damaged as well.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    pub fn go_back(self) -> Result<Recovered, StoreError> {
        let (number, known) = self.previous.clone().ok_or(StoreError::NothingToUndo)?;
        // Refuses a damaged generation before the current one is moved.
        drop(self.open_checked(number, known.as_ref())?);
        self.adopt(number, AdoptedHistory::Keep)
    }

    /// Moves the current generation of another data directory here and makes it the current one. Its
    /// secrets must be encrypted with the key of this directory.
    ///
    /// # Errors
    /// - [`StoreError::NoInventory`] if the other directory has no generation.
    /// - [`StoreError::InventoryDamaged`] if that generation is damaged.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    pub fn adopt_from(self, other: &Path) -> Result<Recovered, StoreError> {
        let number = self.number_next()?;
        let other = DataDirectory::hold(other, &self.options)?;
        let pointer = other.pointer()?.ok_or_else(|| self.no_inventory())?;
        fs::rename(other.generation(pointer.current), self.directory.generation(number))
            .map_err(StoreError::io("moving the new inventory"))?;
        self.adopt(number, AdoptedHistory::Discard)
    }

    /// Moves the damaged generation to a folder of its own and makes another one the current one.
    fn adopt(self, number: u64, history: AdoptedHistory) -> Result<Recovered, StoreError> {
        let generation = self.open_checked(number, None)?;
        match history {
            AdoptedHistory::Keep => {}
            AdoptedHistory::Discard => history::discard(&generation)?,
        }
        // Clients distinguish states of the inventory by version, so no version is used twice.
        let summary = generation.summary();
        let version = self.version_last().max(summary.version) + 1;
        let replaced =
            ReplacedGeneration { before: self.current, after: number, by: Replacement::Recovery };
        ReplacementEntries::new(version, generation.history_end(), &record(), replaced)
            .write_to(&generation, summary.restored(version))?;
        generation.make_durable()?;
        let damaged_files = self.set_aside(number, self.previous_number())?;
        self.switch_to(&generation, self.previous.clone(), damaged_files)
    }

    /// Reads all readable entries of the damaged database and counts the records that a salvage would
    /// keep. Changes nothing except for temporary files, which it removes.
    ///
    /// # Errors
    /// - [`StoreError::NoInventory`] if there is no generation.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] if the database is missing or cannot be read.
    /// - [`StoreError::Database`] for any other error of sled.
    pub fn try_salvage(&self) -> Result<SalvageReport, StoreError> {
        let (new, report) = self.write_salvage()?;
        let path = new.generation().path();
        drop(new);
        remove_generation(&path)?;
        Ok(report)
    }

    /// Writes all readable records of the damaged database to a new generation and makes it the current
    /// one.
    ///
    /// # Errors
    /// - As for [`Recovery::try_salvage`].
    /// - [`StoreError::NoInventory`] if no record is readable.
    pub fn salvage(self) -> Result<(Recovered, SalvageReport), StoreError> {
        let (new, report) = self.write_salvage()?;
        let generation = new.into_generation();
        if report.rewritten.kept() == 0 {
            let path = generation.path();
            drop(generation);
            remove_generation(&path)?;
            return Err(self.no_inventory());
        }
        let recovered = self.replace(&generation, self.previous.clone())?;
        if let RecoveryState::NoKey(_) = self.state {
            Vault::renew(&self.directory)?;
        }
        Ok((recovered, report))
    }

    /// Returns whether to keep the secrets. Without their key they cannot be decrypted.
    fn secrets(&self) -> rewrite::Secrets {
        match self.state {
            RecoveryState::NoKey(_) => rewrite::Secrets::Remove,
            RecoveryState::Intact | RecoveryState::Damaged(_) => rewrite::Secrets::Keep,
        }
    }

    /// Makes a rewritten generation the current one. It has no members of computed pools yet. The
    /// recovery is complete when the caller has computed them and calls [`Store::complete_recovery`].
    fn replace(
        &self,
        generation: &Generation,
        previous: Option<(u64, Option<KnownState>)>,
    ) -> Result<Recovered, StoreError> {
        let previous_number = previous.as_ref().map(|(number, _)| *number);
        let damaged_files = self.set_aside(generation.number, previous_number)?;
        let path = self.directory.recovering();
        File::create(&path)
            .and_then(|file| file.sync_all())
            .map_err(StoreError::io(format!("writing {}", path.display())))?;
        self.switch_to(generation, previous, damaged_files)
    }

    /// Writes all readable records of the damaged database to a new generation.
    fn write_salvage(&self) -> Result<(NewGeneration, SalvageReport), StoreError> {
        let current = self.current.ok_or_else(|| self.no_inventory())?;
        let path = self.directory.generation(current);
        let collected =
            salvage::collect(&self.directory, &path, self.number_next()?, self.options)?;
        let number = collected.generation().number + 1;
        let version = self.version_last().max(collected.version_last()) + 1;
        let written = rewrite::rewrite(
            &self.directory,
            number,
            self.options,
            self.recorded(number, version),
            rewrite::Input { trees: collected.generation().trees(), secrets: self.secrets() },
        );
        let report = collected.report(self.known.as_ref());
        let path = collected.generation().path();
        drop(collected);
        remove_generation(&path)?;
        let (new, rewritten) = written?;
        Ok((new, SalvageReport { rewritten, ..report }))
    }

    /// Creates a new key, writes every record without its secrets to a new generation and makes it the
    /// current one. Keeps an old key file under another name.
    ///
    /// # Errors
    /// - [`StoreError::InventoryDamaged`] if the inventory is damaged.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    pub fn replace_key(self) -> Result<(Recovered, RewriteReport), StoreError> {
        let current = self.current.ok_or_else(|| self.no_inventory())?;
        let known = self.known.as_ref().filter(|known| known.generation == current);
        let generation = self.open_checked(current, known)?;
        let version = self.version_last().max(generation.summary().version) + 1;
        let number = self.number_next()?;
        let (new, report) = rewrite::rewrite(
            &self.directory,
            number,
            self.options,
            self.recorded(number, version),
            rewrite::Input { trees: generation.trees(), secrets: rewrite::Secrets::Remove },
        )?;
        drop(generation);
        // No undo: the users of the previous generation could not log in, because their secrets are
        // encrypted with the old key.
        let recovered = self.replace(&new.into_generation(), None)?;
        Vault::renew(&self.directory)?;
        Ok((recovered, report))
    }

    /// The version of a rewritten generation, with the entries of the recovery in its history.
    fn recorded(&self, number: u64, version: u64) -> rewrite::RecordedVersion {
        let replaced =
            ReplacedGeneration { before: self.current, after: number, by: Replacement::Recovery };
        let end = HistoryEnd::default();
        let history = ReplacementEntries::new(version, end, &record(), replaced);
        rewrite::RecordedVersion { version, history }
    }

    fn no_inventory(&self) -> StoreError {
        StoreError::NoInventory { directory: self.directory.path().to_owned() }
    }

    /// Returns a number that no generation of this directory has.
    fn number_next(&self) -> Result<u64, StoreError> {
        let newest = self.directory.generations()?.last().copied().unwrap_or(0);
        Ok(newest.max(self.current.unwrap_or(0)) + 1)
    }

    /// The number of the last known change.
    fn version_last(&self) -> u64 {
        let known = self.known.as_ref().map_or(0, |known| known.summary.version);
        // The history shows changes up to the version of the archive from there only.
        let archived = Archive::new(self.directory.clone(), self.options).version();
        known.max(archived.unwrap_or_else(|error| {
            tracing::warn!(error = %Chain(&error), "Cannot open the archive of the history.");
            0
        }))
    }

    fn previous_number(&self) -> Option<u64> {
        self.previous.as_ref().map(|(number, _)| *number)
    }

    /// Moves every generation except for the new current one, the previous one and the kept ones before that
    /// to a new folder. Returns the folder, or `None` if there was no generation to move.
    fn set_aside(&self, new: u64, previous: Option<u64>) -> Result<Option<PathBuf>, StoreError> {
        let mut moved = self.directory.generations()?;
        moved.retain(|number| {
            *number != new && Some(*number) != previous && !self.older.contains(number)
        });
        damaged_files::set_aside(&self.directory, &moved)
    }

    /// Switches the pointer to a complete and durable generation, and writes the high-water mark.
    fn switch_to(
        &self,
        generation: &Generation,
        previous: Option<(u64, Option<KnownState>)>,
        damaged_files: Option<PathBuf>,
    ) -> Result<Recovered, StoreError> {
        let previous = previous.filter(|(number, _)| *number != generation.number);
        let previous_number = previous.as_ref().map(|(number, _)| *number);
        let mut older = self.older.clone();
        older.retain(|number| {
            *number != generation.number
                && Some(*number) != previous_number
                && self.directory.generation(*number).is_dir()
        });
        let pointer = Pointer { current: generation.number, previous: previous_number, older };
        // The recovered records can be older than the setting of secret names.
        secret_properties::compare_again(&self.directory)?;
        sync_directory(self.directory.path())
            .map_err(StoreError::io("making the data directory durable"))?;
        self.directory.switch_pointer(&pointer)?;
        let (mark, _) = MarkFile::open(&self.directory.mark())?;
        let known = generation.known();
        mark.begin(known.clone(), previous.and_then(|(_, known)| known));
        mark.sync()?;
        reserve::keep_reserve(&self.directory);
        Ok(Recovered { now: KnownCounts::from(&known), damaged_files })
    }
}

impl Store {
    /// Completes a recovery after the members of the computed pools are written.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the file `RECOVERING` cannot be removed.
    pub fn complete_recovery(&self) -> Result<(), StoreError> {
        let path = self.directory.recovering();
        let removed = match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| sync_directory(self.directory.path())),
        };
        removed.map_err(StoreError::io(format!("removing {}", path.display())))
    }
}

/// Tells whether an adopted generation keeps its history.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AdoptedHistory {
    /// It is a generation of this data directory.
    Keep,
    /// Its changes have the numbers of another data directory.
    Discard,
}

/// The record of a recovery in the history.
fn record() -> LoadRecord {
    LoadRecord::of(Origin::internal("recover"))
}

fn remove_generation(path: &Path) -> Result<(), StoreError> {
    let what = format!("removing {}", path.display());
    fs::remove_dir_all(path).map_err(StoreError::io(what))
}
