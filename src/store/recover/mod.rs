//! Recovery of a damaged inventory, offline: what can be done, and doing it.
//!
//! No way destroys the damaged files. They are moved to `damaged-TIME/` in the data directory before
//! another generation takes their place.

mod aside;
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
    DataDirectory, InventoryDamage, KnownCounts, Options, Store, StoreError, Vault,
    directory::Pointer,
    generation::Generation,
    key_check,
    known::KnownState,
    mark::{self, FoundMark, MarkFile},
    new_generation::NewGeneration,
    opening::{self, TornTailPolicy},
    room,
    seal::{self, Seal},
};
use crate::disk::sync_directory;

/// A data directory that is held to be recovered.
pub struct Recovery {
    directory: Arc<DataDirectory>,
    options: Options,
    state: RecoveryState,
    /// The number of the current generation, as far as it is known.
    current: Option<u64>,
    /// The state after the last durable commit, as far as it is known.
    known: Option<KnownState>,
    /// The generation before the current one.
    previous: Option<(u64, Option<KnownState>)>,
}

/// What is wrong with a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecoveryState {
    /// The inventory opens.
    Intact,
    Damaged(InventoryDamage),
    /// The inventory cannot be opened without its key, and the key is missing or wrong: a sentence.
    NoKey(String),
}

/// The generation before the damaged one, when it was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreviousState {
    /// Nothing was imported yet, or the generation is gone.
    None,
    Intact(KnownCounts),
    Damaged(InventoryDamage),
}

/// What a recovery did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The inventory now.
    pub now: KnownCounts,
    /// Where the damaged files are.
    pub aside: Option<PathBuf>,
}

impl Recovery {
    /// Holds a data directory and finds out what is wrong with it.
    ///
    /// # Errors
    /// [`StoreError::Directory`] if it is no data directory or in use; [`StoreError::DiskFull`];
    /// [`StoreError::Io`]. Damage is no error here.
    pub fn examine(path: &Path, options: Options) -> Result<Self, StoreError> {
        let directory = Arc::new(DataDirectory::hold(path, &options)?);
        aside::put_back(&directory)?;
        let pointer = match directory.pointer() {
            Ok(pointer) => pointer,
            Err(StoreError::Damaged { .. }) => None,
            Err(error) => return Err(error),
        };
        let marked = match mark::read(&directory.mark())? {
            FoundMark::Intact(mark) => Some(*mark),
            FoundMark::Missing | FoundMark::Damaged => None,
        };
        let opened = opening::open(&directory, options)
            .and_then(|opened| key_check::prove(&directory, &opened.vault, &opened.generation));
        let state = match opened {
            Ok(()) => RecoveryState::Intact,
            Err(StoreError::InventoryDamaged(damage)) => RecoveryState::Damaged(*damage),
            Err(StoreError::Key(error)) => RecoveryState::NoKey(error.to_string()),
            Err(error) => return Err(error),
        };
        let current = pointer.map(|pointer| pointer.current);
        let marked_current = marked.as_ref().map(|mark| mark.current.generation);
        // The newest generations that are complete, where nothing says which ones they are.
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
        Ok(Self { directory, options, state, current, known, previous })
    }

    /// What is wrong with the inventory.
    pub fn state(&self) -> &RecoveryState {
        &self.state
    }

    /// The data directory.
    pub fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    /// Opens the generation before the current one, to see whether it is intact.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`]; [`StoreError::Io`].
    pub fn previous(&self) -> Result<PreviousState, StoreError> {
        let Some((number, known)) = &self.previous else { return Ok(PreviousState::None) };
        match opening::open_checked(
            &self.directory,
            *number,
            self.options,
            known.as_ref(),
            TornTailPolicy::Keep,
        ) {
            Ok(generation) => Ok(PreviousState::Intact((&generation.known()).into())),
            Err(StoreError::InventoryDamaged(damage)) => Ok(PreviousState::Damaged(*damage)),
            Err(error) => Err(error),
        }
    }

    /// Makes the generation before the current one the inventory.
    ///
    /// # Errors
    /// [`StoreError::NothingToUndo`] if there is none; [`StoreError::InventoryDamaged`] if it is
    /// damaged as well; [`StoreError::DiskFull`]; [`StoreError::Io`]. Nothing was changed then.
    pub fn go_back(self) -> Result<Recovered, StoreError> {
        let (number, known) = self.previous.clone().ok_or(StoreError::NothingToUndo)?;
        drop(opening::open_checked(
            &self.directory,
            number,
            self.options,
            known.as_ref(),
            TornTailPolicy::Keep,
        )?);
        self.adopt(number)
    }

    /// Makes a generation that was written elsewhere the inventory: the database of another data
    /// directory, which is moved here. It was sealed with the same key.
    ///
    /// # Errors
    /// [`StoreError::NoInventory`] if there is none; [`StoreError::InventoryDamaged`];
    /// [`StoreError::DiskFull`]; [`StoreError::Io`].
    pub fn adopt_from(self, other: &Path) -> Result<Recovered, StoreError> {
        let number = self.number_next()?;
        let other = DataDirectory::hold(other, &self.options)?;
        let pointer = other.pointer()?.ok_or_else(|| self.no_inventory())?;
        fs::rename(other.generation(pointer.current), self.directory.generation(number))
            .map_err(StoreError::io("moving the new inventory"))?;
        self.adopt(number)
    }

    /// Makes a generation of this directory the inventory, and sets the damaged one aside first.
    fn adopt(self, number: u64) -> Result<Recovered, StoreError> {
        let generation = opening::open_checked(
            &self.directory,
            number,
            self.options,
            None,
            TornTailPolicy::Keep,
        )?;
        // Clients tell states of the inventory apart by version: none is given twice.
        let summary = generation.summary();
        let version = self.version_last().max(summary.version) + 1;
        generation.note_summary(summary.restored(version));
        generation.write_summary()?;
        generation.make_durable()?;
        let aside = self.set_aside(&[Some(number), self.previous_number()])?;
        self.guard(&generation, self.previous.clone(), aside)
    }

    /// Reads everything that the damaged database still holds and counts what could be kept.
    /// Nothing is changed but a folder of scratch files, which is removed again.
    ///
    /// # Errors
    /// [`StoreError::NoInventory`] if there is no generation; [`StoreError::Io`] if the database is
    /// missing or cannot be read; [`StoreError::DiskFull`]; [`StoreError::Database`].
    pub fn try_salvage(&self) -> Result<SalvageReport, StoreError> {
        let (new, report) = self.write_salvage()?;
        let path = new.generation().path();
        drop(new);
        remove_generation(&path)?;
        Ok(report)
    }

    /// Writes everything that the damaged database still holds into a new generation and makes it
    /// the inventory.
    ///
    /// # Errors
    /// As for [`Recovery::try_salvage`].
    /// [`StoreError::NoInventory`] if nothing can be read.
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

    /// What becomes of secrets: without their key they are of no use.
    fn secrets(&self) -> rewrite::Secrets {
        match self.state {
            RecoveryState::NoKey(_) => rewrite::Secrets::Dropped,
            RecoveryState::Intact | RecoveryState::Damaged(_) => rewrite::Secrets::Kept,
        }
    }

    /// Makes a generation the inventory that was written anew and has no members of pools yet. The
    /// recovery is complete when they are computed, which [`Store::complete_recovery`] notes.
    fn replace(
        &self,
        generation: &Generation,
        previous: Option<(u64, Option<KnownState>)>,
    ) -> Result<Recovered, StoreError> {
        let previous_number = previous.as_ref().map(|(number, _)| *number);
        let aside = self.set_aside(&[Some(generation.number), previous_number])?;
        let path = self.directory.recovering();
        File::create(&path)
            .and_then(|file| file.sync_all())
            .map_err(StoreError::io(format!("writing {}", path.display())))?;
        self.guard(generation, previous, aside)
    }

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
            version,
            rewrite::Input { trees: collected.generation().trees(), secrets: self.secrets() },
        );
        let report = collected.report(self.known.as_ref());
        let path = collected.generation().path();
        drop(collected);
        remove_generation(&path)?;
        let (new, rewritten) = written?;
        Ok((new, SalvageReport { rewritten, ..report }))
    }

    /// Makes a new key and writes every record without its secrets into a new generation, which
    /// becomes the inventory. The old key file, where there is one, is kept aside.
    ///
    /// # Errors
    /// [`StoreError::InventoryDamaged`]; [`StoreError::DiskFull`]; [`StoreError::Io`].
    pub fn replace_key(self) -> Result<(Recovered, RewriteReport), StoreError> {
        let current = self.current.ok_or_else(|| self.no_inventory())?;
        let generation = opening::open_checked(
            &self.directory,
            current,
            self.options,
            self.known.as_ref().filter(|known| known.generation == current),
            TornTailPolicy::Keep,
        )?;
        let version = self.version_last().max(generation.summary().version) + 1;
        let (new, report) = rewrite::rewrite(
            &self.directory,
            self.number_next()?,
            self.options,
            version,
            rewrite::Input { trees: generation.trees(), secrets: rewrite::Secrets::Dropped },
        )?;
        drop(generation);
        // The secrets of the previous generation are sealed with the old key: an undo would bring
        // back users who cannot log in.
        let recovered = self.replace(&new.into_generation(), None)?;
        Vault::renew(&self.directory)?;
        Ok((recovered, report))
    }

    fn no_inventory(&self) -> StoreError {
        StoreError::NoInventory { directory: self.directory.path().to_owned() }
    }

    /// A number that no generation of this directory has or had.
    fn number_next(&self) -> Result<u64, StoreError> {
        let newest = self.directory.generations()?.last().copied().unwrap_or(0);
        Ok(newest.max(self.current.unwrap_or(0)) + 1)
    }

    /// The version of the last change that is known of.
    fn version_last(&self) -> u64 {
        self.known.as_ref().map_or(0, |known| known.summary.version)
    }

    fn previous_number(&self) -> Option<u64> {
        self.previous.as_ref().map(|(number, _)| *number)
    }

    /// Moves every generation but the kept ones to a folder of their own. Returns the folder, or
    /// `None` if there was nothing to move.
    fn set_aside(&self, kept: &[Option<u64>]) -> Result<Option<PathBuf>, StoreError> {
        let mut moved = self.directory.generations()?;
        moved.retain(|number| !kept.contains(&Some(*number)));
        aside::set_aside(&self.directory, &moved)
    }

    /// Turns the pointer to a generation that is complete and durable.
    fn guard(
        &self,
        generation: &Generation,
        previous: Option<(u64, Option<KnownState>)>,
        aside: Option<PathBuf>,
    ) -> Result<Recovered, StoreError> {
        let previous = previous.filter(|(number, _)| *number != generation.number);
        let pointer = Pointer {
            current: generation.number,
            previous: previous.as_ref().map(|(number, _)| *number),
        };
        sync_directory(self.directory.path()).map_err(StoreError::io("the data directory"))?;
        self.directory.turn_pointer(pointer)?;
        let (mark, _) = MarkFile::open(&self.directory.mark())?;
        let known = generation.known();
        mark.begin(known.clone(), previous.and_then(|(_, known)| known));
        mark.sync()?;
        room::keep_reserve(&self.directory);
        Ok(Recovered { now: KnownCounts::from(&known), aside })
    }
}

impl Store {
    /// Notes that the pools of a recovered inventory are computed.
    ///
    /// # Errors
    /// [`StoreError::Io`]
    pub fn complete_recovery(&self) -> Result<(), StoreError> {
        let path = self.directory.recovering();
        let removed = match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| sync_directory(self.directory.path())),
        };
        removed.map_err(StoreError::io(format!("removing {}", path.display())))
    }
}

fn remove_generation(path: &Path) -> Result<(), StoreError> {
    let what = format!("removing {}", path.display());
    fs::remove_dir_all(path).map_err(StoreError::io(what))
}
