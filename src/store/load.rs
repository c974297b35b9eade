//! Bulk loads: a new generation is written in sorted order and replaces the current one in one atomic
//! step.

use std::{collections::HashSet, fs, sync::Arc};

use super::{
    HistoryWriting, LoadRecord, LoadTable, ReplacedGeneration, Replacement, Store, StoreError,
    Summary,
    generation::Generation,
    history::ReplacementEntries,
    new_generation::NewGeneration,
    tree_id::TreeId,
    trees::{ValueOwner, text_key},
    write_lock::WriteGuard,
};
use crate::{
    job::{ImportedState, Progress, Step},
    model::{Kind, Side},
};

/// A new generation that is not committed yet. Dropping it removes its files.
pub(super) struct UnfinishedGeneration<'s> {
    store: &'s Store,
    /// The generation that it replaces.
    previous: Arc<Generation>,
    /// `None` only after `commit` and `drop`.
    new: Option<NewGeneration>,
}

impl<'s> UnfinishedGeneration<'s> {
    /// Begins a generation that replaces `previous`. The summary holds the version of the new records.
    ///
    /// # Errors
    /// As for [`NewGeneration::begin`].
    pub(super) fn begin(
        store: &'s Store,
        previous: Arc<Generation>,
        summary: Summary,
    ) -> Result<Self, StoreError> {
        store.make_room(&previous)?;
        let number = store.number_next();
        let new = NewGeneration::begin(&store.directory, number, store.options, summary)?;
        Ok(Self { store, previous, new: Some(new) })
    }

    /// The generation to write to.
    pub(super) fn new_generation(&self) -> &NewGeneration {
        self.new.as_ref().expect("the generation exists until it is committed")
    }

    /// Seals the generation, makes it durable and switches the pointer to it.
    ///
    /// # Errors
    /// On every error the inventory stays unchanged. One exception: writing the pointer can fail in a
    /// way that leaves its value unknown. The store is read-only then until Satchel is restarted.
    /// - [`StoreError::Cancelled`] if the operation is cancelled before the pointer is switched.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(super) fn commit(mut self, progress: &Progress) -> Result<(), StoreError> {
        self.new_generation().complete()?;
        // After this call the operation cannot be cancelled any more.
        let number = self.new_generation().generation().number;
        progress.begin_flip(ImportedState::Generation(number))?;
        // From here on the next start removes the directory if the pointer does not name it.
        let new = self.new.take().expect("a generation is committed once");
        let generation = new.into_generation();
        self.store.replace(generation)
    }
}

impl Drop for UnfinishedGeneration<'_> {
    fn drop(&mut self) {
        if let Some(new) = self.new.take() {
            let path = new.generation().path();
            drop(new);
            if let Err(error) = fs::remove_dir_all(&path) {
                let path = path.display();
                tracing::warn!(%path, %error, "Cannot remove an unfinished generation. The next start removes it.");
            }
        }
    }
}

/// The long texts that a load sets or removes.
enum SetTexts {
    /// Those with these keys.
    Keys(HashSet<Vec<u8>>),
    /// All.
    All,
}

/// A bulk load. It holds the write lock, so no other change runs beside it.
pub struct Load<'s> {
    unfinished: UnfinishedGeneration<'s>,
    /// The long texts that are not copied from the generation before.
    set_texts: SetTexts,
    _guard: WriteGuard<'s>,
}

impl<'s> Load<'s> {
    pub(super) fn begin(store: &'s Store, guard: WriteGuard<'s>) -> Result<Self, StoreError> {
        let previous = store.writable()?.generation;
        let summary = previous.summary().following();
        let unfinished = UnfinishedGeneration::begin(store, previous, summary)?;
        Ok(Self { unfinished, set_texts: SetTexts::Keys(HashSet::new()), _guard: guard })
    }

    /// The version of the records that this load writes.
    pub fn version(&self) -> u64 {
        self.unfinished.new_generation().version()
    }

    /// Returns a writer for the records of one kind. Several kinds can be written at the same time by
    /// different threads.
    pub fn table(&self, kind: Kind) -> LoadTable<'_> {
        self.unfinished.new_generation().table(kind)
    }

    /// Writes the reverse index. Calls `each` with a function that takes the next target key and
    /// posting, in sorted order.
    ///
    /// # Errors
    /// The first error of `each`. [`StoreError::DiskFull`], [`StoreError::Io`] or
    /// [`StoreError::Database`] if an entry cannot be written.
    pub fn references<X: From<StoreError>>(
        &self,
        each: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> Result<(), X>) -> Result<(), X>,
    ) -> Result<(), X> {
        self.unfinished.new_generation().references(each)
    }

    /// Writes the members of computed pools. Calls `each` with a function that takes the ordinal of a
    /// pool's record, the side, and a member's ordinal and name, in sorted order.
    ///
    /// # Errors
    /// The first error of `each`. [`StoreError::DiskFull`], [`StoreError::Io`] or
    /// [`StoreError::Database`] if an entry cannot be written.
    pub fn members<X: From<StoreError>>(
        &self,
        each: impl FnOnce(&mut dyn FnMut(u64, Side, u64, &str) -> Result<(), X>) -> Result<(), X>,
    ) -> Result<(), X> {
        self.unfinished.new_generation().members(each)
    }

    /// Writes a long text of a device, or leaves it out. Each text can be set once.
    ///
    /// # Errors
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub fn set_text(
        &mut self,
        device: &str,
        property: &str,
        text: Option<&str>,
    ) -> Result<(), StoreError> {
        let key = text_key(device, property);
        if let Some(text) = text {
            let new = self.unfinished.new_generation();
            let from = self.unfinished.previous.trees();
            let existing = from.tree(TreeId::Texts).get(&key)?;
            let raw = existing.as_ref().map(|_| from.value(ValueOwner::Text, &key)).transpose()?;
            match (existing, raw.flatten()) {
                // An equal text keeps its version, so that its history shows no change.
                (Some(value), Some(raw)) if raw.body() == text.as_bytes() => {
                    new.text_writer().copy(from, &key, &value, &raw)?;
                }
                _ => new.text_writer().put(&key, new.version(), text)?,
            }
        }
        if let SetTexts::Keys(keys) = &mut self.set_texts {
            keys.insert(key);
        }
        Ok(())
    }

    /// Copies no long text from the generation before: those that are not set are removed.
    pub fn remove_other_texts(&mut self) {
        self.set_texts = SetTexts::All;
    }

    /// Copies the long texts of the devices in the new generation, writes the change to the history,
    /// seals the generation, makes it durable and switches the pointer to it.
    ///
    /// # Errors
    /// On every error the inventory stays unchanged. One exception: writing the pointer can fail in a
    /// way that leaves its value unknown. The store is read-only then until Satchel is restarted.
    /// - [`StoreError::Cancelled`] if the operation is cancelled before the pointer is switched.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub fn commit(self, record: &LoadRecord, progress: &Progress) -> Result<(), StoreError> {
        progress.step(Step::MakingDurable, None)?;
        let UnfinishedGeneration { previous, .. } = &self.unfinished;
        let new = self.unfinished.new_generation();
        match &self.set_texts {
            SetTexts::Keys(keys) => new.copy_texts(previous.trees(), keys, progress)?,
            SetTexts::All => {}
        }
        match previous.history_writing() {
            HistoryWriting::Written => self.write_history(record)?,
            HistoryWriting::LeftOut => {}
        }
        self.unfinished.commit(progress)
    }

    /// Copies the history of the generation before to the archive, and writes the change of this load.
    fn write_history(&self, record: &LoadRecord) -> Result<(), StoreError> {
        let UnfinishedGeneration { previous, .. } = &self.unfinished;
        let new = self.unfinished.new_generation();
        let replaced = ReplacedGeneration {
            before: Some(previous.number),
            after: new.generation().number,
            by: Replacement::Load,
        };
        self.unfinished.store.archive_history(previous)?;
        let end = previous.history_end();
        new.write_history(&ReplacementEntries::new(new.version(), end, record, replaced))
    }
}
