//! Undo: switches back to the previous generation.
//!
//! Nothing is copied: the pointer swaps the current and the previous generation. A second undo
//! therefore restores what the first one undid.

use super::{
    Damage, LoadRecord, Origin, ReplacedGeneration, Replacement, Store, StoreError, Summary,
    directory::Pointer, generation::Generation, history::ReplacementEntries, kept::folder_bytes,
};
use crate::wording::Chain;

/// The number, the counts and the size of a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationInfo {
    /// The number of the generation, as in the name of its folder.
    pub number: u64,
    /// The numbers of its records and its last change.
    pub summary: Summary,
    /// Its size on the disk, in bytes.
    pub bytes: u64,
}

/// The current generation and the previous one, to which an undo would switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generations {
    /// The generation in use.
    pub current: GenerationInfo,
    /// The generation that an undo restores. `None` if there is none, or if it is damaged.
    pub previous: Option<GenerationInfo>,
    /// The kept generations before the current one, the newest first.
    pub earlier: Vec<EarlierGeneration>,
    /// The damage of the previous generation, if it cannot be opened.
    pub previous_damage: Option<Damage>,
    /// The number of the last import, if it was written into the current generation as one change.
    /// An undo is refused then, because it would go back to the inventory before an earlier import.
    pub last_import: Option<u64>,
}

/// A kept generation before the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierGeneration {
    /// The number of the generation, as in the name of its folder.
    pub number: u64,
    /// Its size on the disk, in bytes.
    pub bytes: u64,
}

/// The generations before and after an undo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationSwitch {
    /// The generation in use before the undo.
    pub before: GenerationInfo,
    /// The generation in use after the undo.
    pub after: GenerationInfo,
}

impl Store {
    /// Returns the current and the previous generation.
    ///
    /// # Errors
    /// - [`StoreError::Busy`] if another change holds the write lock for too long, or if the previous
    ///   generation is still being read.
    /// - [`StoreError::Reopening`] if there is no disk space to open the previous generation.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub fn generations(&self) -> Result<Generations, StoreError> {
        let _guard = self.write_lock.lock()?;
        let mut generations = Generations {
            current: self.current_info()?,
            previous: None,
            previous_damage: None,
            earlier: Vec::new(),
            last_import: self.last_import()?,
        };
        let Some(number) = self.pointer()?.previous else { return Ok(generations) };
        let opened = self.kept_generation(number);
        // Opening a database can change its size.
        generations.earlier = self.earlier_generations()?;
        match opened.and_then(|opened| opened.map(|opened| self.info(&opened)).transpose()) {
            Ok(info) => {
                generations.previous = info;
                Ok(generations)
            }
            // Nothing was changed, so the message "the change was not saved" would be wrong.
            Err(StoreError::DiskFull | StoreError::FileSizeLimit) => Err(StoreError::Reopening),
            // Damage of the previous generation does not affect the current one.
            Err(error) if error.is_damage() => {
                generations.previous_damage = error.damage();
                Ok(generations)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes the previous generation the current one. The history keeps this change with its origin.
    ///
    /// # Errors
    /// On every error the inventory stays unchanged.
    /// - [`StoreError::ImportNotUndoable`] if the last import was written as one change.
    /// - [`StoreError::NothingToUndo`] if there is no previous generation.
    /// - [`StoreError::Busy`] as for [`Store::generations`].
    /// - [`StoreError::Damaged`] if the previous generation is damaged.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub fn undo(&self, origin: &Origin) -> Result<GenerationSwitch, StoreError> {
        let _guard = self.write_lock.lock()?;
        let current = self.writable()?;
        current.committer.settle()?;
        if let Some(change) = self.last_import()? {
            return Err(StoreError::ImportNotUndoable { change });
        }
        let history_end = current.generation.history_end();
        self.archive_history(&current.generation)?;
        // The database is closed after the switch, as soon as nothing reads from it.
        drop(current);
        let pointer = self.pointer()?;
        let number = pointer.previous.ok_or(StoreError::NothingToUndo)?;
        let before = self.current_info()?;
        let generation = self.take_generation(number)?;
        // Versions distinguish the states of the inventory, including undone ones. So later changes get
        // versions that were never used. A greater version than that of the current generation is the
        // version of an undo that was interrupted before the switch, so nobody has seen it.
        let earlier = generation.summary();
        let version = earlier.version.max(before.summary.version + 1);
        let record = LoadRecord::of(origin.clone());
        let replaced = ReplacedGeneration {
            before: Some(pointer.current),
            after: number,
            by: Replacement::Undo,
        };
        ReplacementEntries::new(version, history_end, &record, replaced)
            .write_to(&generation, earlier.restored(version))?;
        generation.forget_last_import()?;
        generation.make_durable()?;
        let after = self.info(&generation)?;
        self.replace(generation)?;
        Ok(GenerationSwitch { before, after })
    }

    /// Copies the history of the current generation to the archive before it is replaced. Damage of
    /// the history does not prevent the change: the history then has a gap.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], [`StoreError::Io`] or [`StoreError::Database`] if the archive cannot
    /// be written.
    pub(super) fn archive_history(&self, current: &Generation) -> Result<(), StoreError> {
        match self.archive.take(current) {
            Err(error) if error.is_damage() => {
                tracing::error!(error = %Chain(&error), "Cannot copy the history to the archive. A part of the history is lost.");
                Ok(())
            }
            taken => taken,
        }
    }

    pub(super) fn pointer(&self) -> Result<Pointer, StoreError> {
        self.directory.pointer()?.ok_or_else(|| StoreError::Damaged {
            part: "pointer CURRENT",
            detail: "the file is missing".to_owned(),
        })
    }

    /// The number of the last import, if it was written into the current generation as one change.
    fn last_import(&self) -> Result<Option<u64>, StoreError> {
        match self.current() {
            Ok(current) => current.generation.last_import(),
            Err(failure) => Err(failure.to_error()),
        }
    }

    fn current_info(&self) -> Result<GenerationInfo, StoreError> {
        match self.current() {
            Ok(current) => self.info(&current.generation),
            Err(failure) => Err(failure.to_error()),
        }
    }

    fn info(&self, generation: &Generation) -> Result<GenerationInfo, StoreError> {
        let path = self.directory.generation(generation.number);
        let bytes =
            folder_bytes(&path).map_err(StoreError::io("reading the size of a generation"))?;
        let summary = Summary::clone(&generation.durable_summary());
        Ok(GenerationInfo { number: generation.number, summary, bytes })
    }
}
