//! Bulk changes: a new generation, written sorted, that takes the place of the old one in one
//! atomic step.

use std::{
    fs,
    sync::{Arc, Mutex, PoisonError},
};

use sled::Tree;

use super::{
    Store, StoreError, Summary,
    directory::Pointer,
    format::{self, values},
    generation::{Generation, chunk_key, guarded},
    layers::TreeId,
    members,
    packed::Packer,
    summary::{KindSummary, SUMMARY_KEY},
    trees::Owner,
    turn::Turn,
};
use crate::{
    job::{Progress, Step},
    model::{Kind, Side},
};

/// A generation in the making. Dropped before it is committed, it leaves nothing behind.
pub(super) struct Unfinished<'s> {
    store: &'s Store,
    /// The generation that it follows.
    previous: Arc<Generation>,
    /// Taken out only by `commit` and `drop`.
    generation: Option<Generation>,
}

impl<'s> Unfinished<'s> {
    pub fn begin(store: &'s Store, previous: Arc<Generation>) -> Result<Self, StoreError> {
        let generation = Generation::open(&store.directory, store.number_next(), store.options)?;
        Ok(Self { store, previous, generation: Some(generation) })
    }

    pub fn generation(&self) -> &Generation {
        self.generation.as_ref().expect("there is a generation until it is committed")
    }

    /// Makes everything durable, then turns the pointer: from here on this is the inventory.
    ///
    /// # Errors
    /// Why nothing was changed. Only when the disk does not say whether the pointer was turned is
    /// it not known; the store changes nothing any more then, until it is opened again.
    /// [`StoreError::Cancelled`] if a cancellation comes before the pointer is turned.
    pub fn commit(mut self, summary: Summary, progress: &Progress) -> Result<(), StoreError> {
        let generation = self.generation();
        write(&generation.meta, SUMMARY_KEY, &format::encode(&summary))?;
        generation.note_summary(summary);
        generation.make_durable()?;
        // The last moment to cancel.
        progress.begin_flip(generation.number)?;
        let pointer = Pointer { current: generation.number, previous: Some(self.previous.number) };
        // From here on start-up decides what becomes of the directory, not `drop`.
        let generation = self.generation.take().expect("a generation is committed once");
        self.store.replace(generation, pointer)
    }
}

impl Drop for Unfinished<'_> {
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

/// A bulk change in the making. It holds the turn, so nothing changes the inventory beside it.
pub struct Load<'s> {
    unfinished: Unfinished<'s>,
    _turn: Turn<'s>,
    summary: Mutex<Summary>,
}

impl<'s> Load<'s> {
    pub(super) fn begin(store: &'s Store, turn: Turn<'s>) -> Result<Self, StoreError> {
        let previous = store.writable()?.generation;
        let summary = previous.summary().following();
        let unfinished = Unfinished::begin(store, previous)?;
        Ok(Self { unfinished, _turn: turn, summary: Mutex::new(summary) })
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

    /// Writes the members of computed pools. `each` is called with a function that takes the
    /// ordinal of a pool's record, the side, and a member's ordinal and name, sorted.
    pub fn members<X: From<StoreError>>(
        &self,
        each: impl FnOnce(&mut dyn FnMut(u64, Side, u64, &str) -> Result<(), X>) -> Result<(), X>,
    ) -> Result<(), X> {
        let tree = &self.generation().members;
        let insert = |(key, block): (Vec<u8>, Vec<u8>)| write(tree, &key, &block);
        let length = |list: &[u8], length: u64| match length {
            0 => Ok(()),
            length => write(tree, &members::length_key(list), &format::encode(&length)),
        };
        let mut packer = Packer::new();
        let (mut list, mut count) = (Vec::new(), 0);
        each(&mut |pool, side, ordinal, name| {
            let key = members::list_key(pool, side);
            if key != list {
                length(&list, count)?;
                (list, count) = (key, 0);
            }
            count += 1;
            let full = packer.push(&list, &members::member(ordinal, name));
            full.map_or(Ok(()), insert).map_err(X::from)
        })?;
        length(&list, count)?;
        Ok(packer.take().map_or(Ok(()), insert)?)
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
        self.carry_texts(progress)?;
        let summary = self.summary.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.unfinished.commit(summary, progress)
    }

    fn carry_texts(&self, progress: &Progress) -> Result<(), StoreError> {
        let (from, to) = (self.unfinished.previous.trees(), self.generation());
        for entry in from.tree(TreeId::Texts).prefix(&[]) {
            let (key, value) = entry?;
            progress.check()?;
            let device = key.split(|byte| *byte == 0).next().unwrap_or_default();
            if !to.kinds[Kind::Device].contains_key(device)? {
                continue;
            }
            write(&to.texts, &key, &value)?;
            let Some(raw) = from.value(Owner::Text, &key)? else { continue };
            if raw.header.is_long() {
                let prefix = Owner::Text.chunk_prefix(&key, raw.header.version);
                for entry in from.tree(TreeId::Chunks).prefix(&prefix) {
                    let (key, chunk) = entry?;
                    write(&to.chunks, &key, &chunk)?;
                }
            }
        }
        Ok(())
    }

    fn generation(&self) -> &Generation {
        self.unfinished.generation()
    }
}

pub(super) fn write(tree: &Tree, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
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
            let prefix = Owner::Record(self.kind).chunk_prefix(name, version);
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
        let changed = summary.version;
        *summary.kind_mut(self.kind) = KindSummary { changed, ..self.seen };
    }
}
