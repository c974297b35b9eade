//! Bulk changes: a new generation, written sorted, that takes the place of the old one in one
//! atomic step.

use std::{
    fs,
    sync::{Mutex, PoisonError},
};

use sled::Tree;

use super::{
    Store, StoreError, Summary,
    directory::Pointer,
    format::{self, values},
    generation::{Generation, chunk_key, chunk_prefix, guarded},
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
    /// The generation that it follows.
    previous: u64,
    /// Taken out only by `commit` and `drop`.
    generation: Option<Generation>,
    summary: Mutex<Summary>,
}

impl<'s> Load<'s> {
    pub(super) fn begin(store: &'s Store, turn: Turn<'s>) -> Result<Self, StoreError> {
        let current = store.writable()?;
        let summary = current.generation.summary()?.following();
        let generation = Generation::open(&store.directory, store.number_next())?;
        Ok(Self {
            store,
            _turn: turn,
            previous: current.generation.number,
            generation: Some(generation),
            summary: Mutex::new(summary),
        })
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
            last: Vec::new(),
        }
    }

    /// Writes the reverse index. `each` is called with a function that takes the next target and
    /// reference, sorted.
    pub fn references<X: From<StoreError>>(
        &self,
        each: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> Result<(), X>) -> Result<(), X>,
    ) -> Result<(), X> {
        let tree = &self.generation().references;
        let insert = |(key, block): (Vec<u8>, Vec<u8>)| write(tree, &key, &block);
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
        write(&generation.meta, SUMMARY_KEY, &format::encode(&summary))?;
        generation.make_durable()?;
        let pointer = Pointer { current: generation.number, previous: Some(self.previous) };
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
            let path = self.store.directory.generation(generation.number);
            drop(generation);
            if let Err(error) = fs::remove_dir_all(&path) {
                let path = path.display();
                tracing::warn!(%path, %error, "a cut-off import is left behind until the next start");
            }
        }
    }
}

fn write(tree: &Tree, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    guarded("writing the new inventory", || Ok(tree.insert(key, value).map(drop)?))
}

/// Writes one kind's records, sorted by name.
pub struct LoadTable<'l> {
    kind: Kind,
    tree: &'l Tree,
    chunks: &'l Tree,
    summary: &'l Mutex<Summary>,
    seen: KindSummary,
    /// The name of the record that was written last. No name is empty.
    last: Vec<u8>,
}

impl LoadTable<'_> {
    /// Writes the next record: its name comes after the last one's. Its secrets are sealed.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the name comes too late: a record that is written twice would
    /// be counted twice.
    pub fn put(
        &mut self,
        name: &[u8],
        ordinal: u64,
        version: u64,
        body: &[u8],
    ) -> Result<(), StoreError> {
        if self.last.as_slice() >= name {
            let detail = format!("'{}' is out of its order", String::from_utf8_lossy(name));
            return Err(StoreError::Damaged { part: "sorted records", detail });
        }
        self.last.clear();
        self.last.extend_from_slice(name);
        let values = values(ordinal, version, body);
        let mut chunks = values.chunks.enumerate().peekable();
        if chunks.peek().is_some() {
            let prefix = chunk_prefix(self.kind, name, version);
            for (number, chunk) in chunks {
                write(self.chunks, &chunk_key(&prefix, number), chunk)?;
            }
        }
        write(self.tree, name, &values.head)?;
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
