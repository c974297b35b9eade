//! Bulk changes: a new generation, written sorted, that takes the place of the old one in one
//! atomic step.

use std::{fs, path::PathBuf, sync::Mutex, sync::PoisonError};

use sled::Tree;

use super::{
    Store, StoreError, Summary,
    directory::{Pointer, sync_directory, sync_tree},
    format::{self, values},
    generation::{Generation, chunk_key, chunk_prefix},
    references::Packer,
    summary::{KindSummary, SUMMARY_KEY},
    turn::Turn,
};
use crate::model::Kind;

/// A generation in the making. It holds the turn, so nothing changes the inventory beside it;
/// dropped before it is committed, it leaves nothing behind.
pub struct Load<'s> {
    store: &'s Store,
    _turn: Turn<'s>,
    path: PathBuf,
    /// Taken out only by `commit` and `drop`.
    generation: Option<Generation>,
    summary: Mutex<Summary>,
}

impl<'s> Load<'s> {
    pub(super) fn begin(store: &'s Store, turn: Turn<'s>) -> Result<Self, StoreError> {
        let current = store.generation();
        let summary = current.summary()?;
        let number = current.number + 1;
        let path = store.directory.generation(number);
        if path.exists() {
            fs::remove_dir_all(&path).map_err(StoreError::io("removing a cut-off import"))?;
        }
        let mut load = Self {
            store,
            _turn: turn,
            path,
            generation: None,
            summary: Mutex::new(summary.following()),
        };
        load.generation = Some(Generation::open(&load.path, number)?);
        Ok(load)
    }

    /// The version of what this load writes.
    pub fn version(&self) -> u64 {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner).version
    }

    /// Begins to write one kind's records. Several kinds may be written at once, each by its own
    /// thread.
    pub fn table(&self, kind: Kind) -> LoadTable<'_> {
        let generation = self.generation();
        LoadTable {
            kind,
            tree: &generation.kinds[kind],
            chunks: &generation.chunks,
            summary: &self.summary,
            seen: KindSummary::default(),
        }
    }

    /// Writes the reverse index. `each` is called with a function that takes the next target and
    /// reference, sorted.
    pub fn references<X: From<StoreError>>(
        &self,
        each: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> Result<(), X>) -> Result<(), X>,
    ) -> Result<(), X> {
        let tree = &self.generation().references;
        let insert = |(key, block): (Vec<u8>, Vec<u8>)| -> Result<(), StoreError> {
            tree.insert(key, block)?;
            Ok(())
        };
        let mut packer = Packer::new();
        each(&mut |target, posting| {
            packer.push(target, posting).map_or(Ok(()), insert).map_err(X::from)
        })?;
        Ok(packer.take().map_or(Ok(()), insert)?)
    }

    /// Makes everything durable, then turns the pointer: from here on this is the inventory.
    ///
    /// # Errors
    /// Why nothing was changed. Only when the disk does not say whether the pointer was turned is
    /// it not known; the store changes nothing any more then, until it is opened again.
    pub fn commit(mut self) -> Result<(), StoreError> {
        let generation = self.generation();
        let summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner).clone();
        generation.meta.insert(SUMMARY_KEY, format::encode(&summary))?;
        generation.db.flush()?;
        sync_tree(&self.path)
            .and_then(|()| sync_directory(self.store.directory.path()))
            .map_err(StoreError::io("making the new inventory durable"))?;
        let previous = Some(self.store.generation().number);
        let pointer = Pointer { current: generation.number, previous };
        // From here on start-up decides what becomes of the directory, not `drop`.
        let generation = self.generation.take().expect("a load is committed once");
        self.store.replace(generation, pointer)
    }

    fn generation(&self) -> &Generation {
        self.generation.as_ref().expect("a load has a generation until it is committed")
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        if let Some(generation) = self.generation.take() {
            drop(generation);
            if let Err(error) = fs::remove_dir_all(&self.path) {
                let path = self.path.display();
                tracing::warn!(%path, %error, "a cut-off import is left behind");
            }
        }
    }
}

/// Writes one kind's records, sorted by name.
pub struct LoadTable<'l> {
    kind: Kind,
    tree: &'l Tree,
    chunks: &'l Tree,
    summary: &'l Mutex<Summary>,
    seen: KindSummary,
}

impl LoadTable<'_> {
    /// Writes the next record. Its secrets are sealed.
    pub fn put(
        &mut self,
        name: &[u8],
        ordinal: u64,
        version: u64,
        body: &[u8],
    ) -> Result<(), StoreError> {
        let values = values(ordinal, version, body);
        let mut chunks = values.chunks.enumerate().peekable();
        if chunks.peek().is_some() {
            let prefix = chunk_prefix(self.kind, name, version);
            for (number, chunk) in chunks {
                self.chunks.insert(chunk_key(&prefix, number), chunk)?;
            }
        }
        self.tree.insert(name, values.head)?;
        self.seen.count += 1;
        self.seen.in_name_order &= ordinal >= self.seen.ordinal_next;
        self.seen.ordinal_next = self.seen.ordinal_next.max(ordinal + 1);
        Ok(())
    }

    /// Enters what was written into the new generation's counts.
    pub fn finish(self) {
        let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        *summary.kind_mut(self.kind) = self.seen;
    }
}
