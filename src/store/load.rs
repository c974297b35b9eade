//! Bulk changes: a new generation, written sorted, that takes the place of the old one in one
//! atomic step.

use std::{fs, sync::Arc};

use super::{
    LoadTable, Store, StoreError, Summary, directory::Pointer, generation::Generation,
    new_generation::NewGeneration, write_lock::WriteGuard,
};
use crate::{
    job::{Progress, Step},
    model::{Kind, Side},
};

/// A generation in the making. Dropped before it is committed, it leaves nothing behind.
pub(super) struct UnfinishedGeneration<'s> {
    store: &'s Store,
    /// The generation that it follows.
    previous: Arc<Generation>,
    /// Taken out only by `commit` and `drop`.
    new: Option<NewGeneration>,
}

impl<'s> UnfinishedGeneration<'s> {
    /// Begins a generation that follows another one. The summary says the version of what is
    /// written.
    pub fn begin(
        store: &'s Store,
        previous: Arc<Generation>,
        summary: Summary,
    ) -> Result<Self, StoreError> {
        let number = store.number_next();
        let new = NewGeneration::begin(&store.directory, number, store.options, summary)?;
        Ok(Self { store, previous, new: Some(new) })
    }

    pub fn new_generation(&self) -> &NewGeneration {
        self.new.as_ref().expect("there is a generation until it is committed")
    }

    /// Makes everything durable and seals it, then turns the pointer: from here on this is the
    /// inventory.
    ///
    /// # Errors
    /// Why nothing was changed. Only when the disk does not say whether the pointer was turned is
    /// it not known; the store changes nothing any more then, until it is opened again.
    /// [`StoreError::Cancelled`] if a cancellation comes before the pointer is turned.
    pub fn commit(mut self, progress: &Progress) -> Result<(), StoreError> {
        self.new_generation().complete()?;
        // The last moment to cancel.
        progress.begin_flip(self.new_generation().generation().number)?;
        // From here on start-up decides what becomes of the directory, not `drop`.
        let new = self.new.take().expect("a generation is committed once");
        let generation = new.into_generation();
        let pointer = Pointer { current: generation.number, previous: Some(self.previous.number) };
        self.store.replace(generation, pointer)
    }
}

impl Drop for UnfinishedGeneration<'_> {
    fn drop(&mut self) {
        if let Some(new) = self.new.take() {
            let path = new.generation().path();
            drop(new);
            if let Err(error) = fs::remove_dir_all(&path) {
                let path = path.display();
                tracing::warn!(%path, %error, "a cut-off import is left behind until the next start");
            }
        }
    }
}

/// A bulk change in the making. It holds the turn, so nothing changes the inventory beside it.
pub struct Load<'s> {
    unfinished: UnfinishedGeneration<'s>,
    _turn: WriteGuard<'s>,
}

impl<'s> Load<'s> {
    pub(super) fn begin(store: &'s Store, guard: WriteGuard<'s>) -> Result<Self, StoreError> {
        let previous = store.writable()?.generation;
        let summary = previous.summary().following();
        let unfinished = UnfinishedGeneration::begin(store, previous, summary)?;
        Ok(Self { unfinished, _turn: guard })
    }

    /// The version of what this load writes.
    pub fn version(&self) -> u64 {
        self.unfinished.new_generation().version()
    }

    /// Begins to write one kind's records. Several kinds may be written at once, each by its own
    /// thread.
    pub fn table(&self, kind: Kind) -> LoadTable<'_> {
        self.unfinished.new_generation().table(kind)
    }

    /// Writes the reverse index. `each` is called with a function that takes the next target and
    /// reference, sorted.
    pub fn references<X: From<StoreError>>(
        &self,
        each: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> Result<(), X>) -> Result<(), X>,
    ) -> Result<(), X> {
        self.unfinished.new_generation().references(each)
    }

    /// Writes the members of computed pools. `each` is called with a function that takes the
    /// ordinal of a pool's record, the side, and a member's ordinal and name, sorted.
    pub fn members<X: From<StoreError>>(
        &self,
        each: impl FnOnce(&mut dyn FnMut(u64, Side, u64, &str) -> Result<(), X>) -> Result<(), X>,
    ) -> Result<(), X> {
        self.unfinished.new_generation().members(each)
    }

    /// Makes everything durable, then turns the pointer: from here on this is the inventory. The
    /// long texts of the devices that are in it come along.
    ///
    /// # Errors
    /// Why nothing was changed. Only when the disk does not say whether the pointer was turned is
    /// it not known; the store changes nothing any more then, until it is opened again.
    /// [`StoreError::Cancelled`] if a cancellation comes before the pointer is turned.
    pub fn commit(self, progress: &Progress) -> Result<(), StoreError> {
        progress.step(Step::MakingDurable, None)?;
        let previous = self.unfinished.previous.trees();
        self.unfinished.new_generation().copy_texts(previous, progress)?;
        self.unfinished.commit(progress)
    }
}
