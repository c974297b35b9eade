//! Back to the generation before the current one.
//!
//! Nothing is copied: the pointer is turned the other way round, so that what was undone is now the
//! generation before, and a second undo brings it back.

use std::{fs, io, path::Path};

use super::{
    Damage, Store, StoreError, Summary,
    directory::Pointer,
    generation::Generation,
    opening::{self, TornTailPolicy},
};

/// What a generation holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationInfo {
    pub number: u64,
    pub summary: Summary,
    /// On the disk.
    pub bytes: u64,
}

/// The current generation, and the one that an undo would go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generations {
    pub current: GenerationInfo,
    pub previous: Option<GenerationInfo>,
    /// What is damaged in the generation before, if it cannot be opened.
    pub previous_damage: Option<Damage>,
}

/// What an undo changed, or would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationSwitch {
    pub before: GenerationInfo,
    pub after: GenerationInfo,
}

impl Store {
    /// Looks at the current generation and at the one before it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another change is applied, or while somebody still reads the
    /// generation before.
    pub fn generations(&self) -> Result<Generations, StoreError> {
        let _guard = self.write_lock.lock()?;
        let current = self.current_look()?;
        let Some(number) = self.pointer()?.previous else {
            return Ok(Generations { current, previous: None, previous_damage: None });
        };
        match self.reopen_generation(number).and_then(|opened| self.look(&opened)) {
            Ok(look) => Ok(Generations { current, previous: Some(look), previous_damage: None }),
            // Only a look: it must not be answered as a change that was not saved.
            Err(StoreError::DiskFull | StoreError::FileSizeLimit) => Err(StoreError::Reopening),
            // The current generation is served whatever is wrong with the one before it.
            Err(error) if error.is_damage() => {
                Ok(Generations { current, previous: None, previous_damage: error.damage() })
            }
            Err(error) => Err(error),
        }
    }

    /// Makes the generation before the current one the inventory again.
    ///
    /// # Errors
    /// [`StoreError::NothingToUndo`]; [`StoreError::Busy`], as for [`Store::generations`]. Nothing
    /// was changed then.
    pub fn undo(&self) -> Result<GenerationSwitch, StoreError> {
        let _guard = self.write_lock.lock()?;
        self.writable()?.committer.settle()?;
        let pointer = self.pointer()?;
        let number = pointer.previous.ok_or(StoreError::NothingToUndo)?;
        let before = self.current_look()?;
        let generation = self.reopen_generation(number)?;
        // Versions tell states of the inventory apart, also those that are undone: what is changed
        // from here on must not look like what was there meanwhile.
        let earlier = generation.summary();
        let summary = earlier.restored(earlier.version.max(before.summary.version) + 1);
        generation.note_summary(summary);
        generation.write_summary()?;
        generation.make_durable()?;
        let after = self.look(&generation)?;
        let turned = Pointer { current: number, previous: Some(pointer.current) };
        self.replace(*generation, turned)?;
        Ok(GenerationSwitch { before, after })
    }

    pub(super) fn pointer(&self) -> Result<Pointer, StoreError> {
        self.directory.pointer()?.ok_or_else(|| StoreError::Damaged {
            part: "pointer CURRENT",
            detail: "it is missing".to_owned(),
        })
    }

    fn current_look(&self) -> Result<GenerationInfo, StoreError> {
        match self.current() {
            Ok(current) => self.look(&current.generation),
            Err(failure) => Err(failure.to_error()),
        }
    }

    fn look(&self, generation: &Generation) -> Result<GenerationInfo, StoreError> {
        let path = self.directory.generation(generation.number);
        let bytes = tree_bytes(&path).map_err(StoreError::io("the size of a generation"))?;
        let summary = Summary::clone(&generation.durable_summary());
        Ok(GenerationInfo { number: generation.number, summary, bytes })
    }

    /// Opens the generation before the current one. Somebody may still read it since before the
    /// last import; it is open then, and cannot be opened once more.
    fn reopen_generation(&self, number: u64) -> Result<Box<Generation>, StoreError> {
        let known = self.mark.previous().filter(|known| known.generation == number);
        match opening::open_checked(
            &self.directory,
            number,
            self.options,
            known.as_ref(),
            TornTailPolicy::Keep,
        ) {
            Err(error) if error.is_locked() => Err(StoreError::Busy),
            // The inventory itself is intact.
            Err(StoreError::InventoryDamaged(damage)) => {
                let detail = damage.findings.join("; ");
                Err(StoreError::Damaged { part: "previous generation", detail })
            }
            opened => opened.map(Box::new),
        }
    }
}

/// The length of all files in a folder, in bytes.
fn tree_bytes(path: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes += tree_bytes(&entry.path())?,
            Ok(metadata) => bytes += metadata.len(),
            // sled removes files of its own as it goes.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
