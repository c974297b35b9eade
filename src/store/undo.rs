//! The undo of the last change, if it replaced the generation: switches back to the generation before it.
//!
//! Nothing is copied: the pointer swaps the two generations. A second undo therefore restores what the first
//! one undid.

use super::{
    Damage, LoadRecord, Origin, ReplacedGeneration, Replacement, Store, StoreError, Summary,
    directory::Pointer,
    generation::Generation,
    history::ReplacementEntries,
    kept::{EarlierGeneration, folder_bytes},
};
use crate::{model::PerKind, wording::Chain};

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

/// The current generation and the kept earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generations {
    /// The generation in use.
    pub current: GenerationInfo,
    /// The generation before the last import or undo. `None` if there is none, or if it is damaged.
    pub previous: Option<GenerationInfo>,
    /// The kept generations before the current one, the newest first.
    pub earlier: Vec<EarlierGeneration>,
    /// The damage of the previous generation, if it cannot be opened.
    pub previous_damage: Option<Damage>,
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

    /// Undoes the last change, if it replaced the generation: makes the generation before it the current one.
    /// The history keeps this as a change with its origin. Returns `None` if the change with this number is not
    /// the last one any more, or if the generation before it is not kept.
    ///
    /// # Errors
    /// On every error the inventory stays unchanged.
    /// - [`StoreError::Busy`] if another change holds the write lock for too long, or if the earlier generation
    ///   is still being read.
    /// - [`StoreError::Damaged`] if the earlier generation is damaged.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub fn switch_back(
        &self,
        change: u64,
        origin: &Origin,
    ) -> Result<Option<GenerationSwitch>, StoreError> {
        let _guard = self.write_lock.lock()?;
        self.writable()?.committer.settle()?;
        let last = self.history()?.changes(None).next().transpose()?;
        let Some(last) = last.filter(|last| last.number == change) else { return Ok(None) };
        let Some(ReplacedGeneration { before: Some(before), .. }) = last.replaced else {
            return Ok(None);
        };
        let is_kept = self.pointer()?.earlier().any(|earlier| earlier == before);
        if !is_kept || !self.directory.generation(before).is_dir() {
            return Ok(None);
        }
        let counts = PerKind::new(|kind| last.counts[kind].inverse());
        self.switch_to(before, &LoadRecord { origin: origin.clone(), counts }).map(Some)
    }

    /// Makes an earlier generation the current one. The caller holds the write lock.
    fn switch_to(&self, number: u64, record: &LoadRecord) -> Result<GenerationSwitch, StoreError> {
        let current = self.writable()?;
        current.committer.settle()?;
        let history_end = current.generation.history_end();
        self.archive_history(&current.generation)?;
        // The database is closed after the switch, as soon as nothing reads from it.
        drop(current);
        let before = self.current_info()?;
        let generation = self.take_generation(number)?;
        // Versions distinguish the states of the inventory, including undone ones. So later changes get
        // versions that were never used. A greater version than that of the current generation is the
        // version of an undo that was interrupted before the switch, so nobody has seen it.
        let earlier = generation.summary();
        let version = earlier.version.max(before.summary.version + 1);
        let replaced = ReplacedGeneration {
            before: Some(before.number),
            after: number,
            by: Replacement::Undo,
        };
        ReplacementEntries::new(version, history_end, record, replaced)
            .write_to(&generation, earlier.restored(version))?;
        generation.make_durable()?;
        let after = self.info(&generation)?;
        self.replace(generation)?;
        Ok(GenerationSwitch { before, after })
    }

    /// Makes the previous generation the current one, and discards the changes since.
    ///
    /// # Errors
    /// As for [`Store::switch_back`], and [`StoreError::NothingToUndo`] if there is no previous generation.
    #[cfg(test)]
    pub(super) fn undo(&self, origin: &Origin) -> Result<GenerationSwitch, StoreError> {
        let _guard = self.write_lock.lock()?;
        let number = self.pointer()?.previous.ok_or(StoreError::NothingToUndo)?;
        self.switch_to(number, &LoadRecord::of(origin.clone()))
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
