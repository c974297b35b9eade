//! Writes a new generation: entries in sorted order, a content hash of each tree, and the seal when
//! everything is complete.

use std::{
    cell::RefCell,
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sled::Tree;

use super::{
    DataDirectory, Options, Raw, StoreError, Summary,
    content::{Content, TreeContent},
    format::{self, values},
    generation::{Generation, chunk_key, write_entry},
    history::ReplacementEntries,
    members,
    packed::Packer,
    seal,
    summary::KindSummary,
    tree_id::TreeId,
    trees::{Trees, ValueOwner},
};
use crate::{
    job::Progress,
    model::{Kind, Side},
};

/// A generation that is being written.
pub(super) struct NewGeneration {
    generation: Generation,
    /// The counts and versions of the records that are written so far.
    summary: Mutex<Summary>,
    /// The content hashes of the entries that are written so far.
    content: Mutex<Content>,
}

impl NewGeneration {
    /// Creates a generation with this number. The summary holds the version of the new records.
    ///
    /// # Errors
    /// As for [`Generation::create`].
    pub(super) fn begin(
        directory: &Arc<DataDirectory>,
        number: u64,
        options: Options,
        summary: Summary,
    ) -> Result<Self, StoreError> {
        let generation = Generation::create(directory, number, options)?;
        Ok(Self { generation, summary: Mutex::new(summary), content: Mutex::default() })
    }

    /// The generation, for reading the entries that are written so far.
    pub(super) fn generation(&self) -> &Generation {
        &self.generation
    }

    fn lock_summary(&self) -> MutexGuard<'_, Summary> {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The version of the new records.
    pub(super) fn version(&self) -> u64 {
        self.lock_summary().version
    }

    /// Returns a writer for one tree.
    pub(super) fn writer(&self, tree: TreeId) -> TreeWriter<'_> {
        TreeWriter {
            id: tree,
            tree: self.generation.tree(tree),
            written: TreeContent::default(),
            content: &self.content,
        }
    }

    /// Returns a writer for the records of one kind. Several kinds can be written at the same time by
    /// different threads.
    pub(super) fn table(&self, kind: Kind) -> LoadTable<'_> {
        LoadTable {
            kind,
            tree: self.writer(TreeId::Kind(kind)),
            chunks: self.writer(TreeId::Chunks),
            summary: &self.summary,
            seen: KindSummary::default(),
            last: Vec::new(),
        }
    }

    /// Writes the reverse index. Calls `each` with a function that takes the next target key and
    /// posting, in sorted order.
    ///
    /// # Errors
    /// The first error of `each`, or of writing.
    pub(super) fn references<X: From<StoreError>>(
        &self,
        each: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> Result<(), X>) -> Result<(), X>,
    ) -> Result<(), X> {
        let mut tree = self.writer(TreeId::References);
        let mut insert = |(key, block): (Vec<u8>, Vec<u8>)| tree.write(&key, &block);
        let mut packer = Packer::new();
        each(&mut |target, posting| {
            packer.push(target, posting).map_or(Ok(()), &mut insert).map_err(X::from)
        })?;
        Ok(packer.take().map_or(Ok(()), insert)?)
    }

    /// Writes the members of computed pools. Calls `each` with a function that takes the ordinal of a
    /// pool's record, the side, and a member's ordinal and name, in sorted order.
    ///
    /// # Errors
    /// The first error of `each`, or of writing.
    pub(super) fn members<X: From<StoreError>>(
        &self,
        each: impl FnOnce(&mut dyn FnMut(u64, Side, u64, &str) -> Result<(), X>) -> Result<(), X>,
    ) -> Result<(), X> {
        let tree = RefCell::new(self.writer(TreeId::Members));
        let insert = |(key, block): (Vec<u8>, Vec<u8>)| tree.borrow_mut().write(&key, &block);
        let length = |list: &[u8], length: u64| match length {
            0 => Ok(()),
            length => tree.borrow_mut().write(&members::length_key(list), &format::encode(&length)),
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

    /// Copies the long texts of the devices in this generation, except for those with the keys in `set`.
    ///
    /// # Errors
    /// - [`StoreError::Cancelled`] if `progress` was cancelled.
    /// - [`StoreError::Damaged`] if a text cannot be read.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(super) fn copy_texts(
        &self,
        from: Trees<'_>,
        set: &HashSet<Vec<u8>>,
        progress: &Progress,
    ) -> Result<(), StoreError> {
        let mut texts = self.text_writer();
        for entry in from.tree(TreeId::Texts).prefix(&[]) {
            let (key, value) = entry?;
            progress.check()?;
            if set.contains(&*key) {
                continue;
            }
            let device = key.split(|byte| *byte == 0).next().unwrap_or_default();
            if !self.generation.tree(TreeId::Kind(Kind::Device)).contains_key(device)? {
                continue;
            }
            let Some(raw) = from.value(ValueOwner::Text, &key)? else { continue };
            texts.copy(from, &key, &value, &raw)?;
        }
        Ok(())
    }

    /// Returns a writer for long texts of devices.
    pub(super) fn text_writer(&self) -> TextWriter<'_> {
        TextWriter { texts: self.writer(TreeId::Texts), chunks: self.writer(TreeId::Chunks) }
    }

    /// Writes the entries of the change that replaces the generation to the history.
    ///
    /// # Errors
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(super) fn write_history(&self, entries: &ReplacementEntries) -> Result<(), StoreError> {
        for (tree, key, value) in entries.iter() {
            self.writer(tree).write(key, value)?;
        }
        self.generation.note_history_end(entries.end);
        Ok(())
    }

    /// Adds the content hashes to the summary, seals the generation and makes it durable.
    ///
    /// # Errors
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(super) fn complete(&self) -> Result<(), StoreError> {
        let mut summary = self.lock_summary().clone();
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        summary.content = content.clone();
        drop(content);
        self.generation.note_summary(summary);
        self.generation.write_summary()?;
        seal::write(&self.generation.path(), &self.generation.known())?;
        self.generation.make_durable()
    }

    /// Returns the generation.
    pub(super) fn into_generation(self) -> Generation {
        self.generation
    }
}

/// Writes entries to one tree of a new generation and hashes them. Adds the hash to that of the
/// generation when it is dropped.
pub(super) struct TreeWriter<'u> {
    id: TreeId,
    tree: &'u Tree,
    written: TreeContent,
    content: &'u Mutex<Content>,
}

impl TreeWriter<'_> {
    /// Writes an entry. The caller writes each key once.
    ///
    /// # Errors
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(super) fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        write_entry(self.tree, key, value)?;
        self.written.add(key, value);
        Ok(())
    }
}

/// Writes long texts of devices, with their chunks.
pub(super) struct TextWriter<'n> {
    texts: TreeWriter<'n>,
    chunks: TreeWriter<'n>,
}

impl TextWriter<'_> {
    /// Writes a new text.
    ///
    /// # Errors
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(super) fn put(&mut self, key: &[u8], version: u64, text: &str) -> Result<(), StoreError> {
        let values = values(0, version, text.as_bytes());
        let prefix = ValueOwner::Text.chunk_prefix(key, version);
        for (number, chunk) in values.chunks.enumerate() {
            self.chunks.write(&chunk_key(&prefix, number), chunk)?;
        }
        self.texts.write(key, &values.head)
    }

    /// Copies a text: its entry in the tree of texts, and its chunks if it is long.
    ///
    /// # Errors
    /// - [`StoreError::Damaged`] if a chunk cannot be read.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(super) fn copy(
        &mut self,
        from: Trees<'_>,
        key: &[u8],
        value: &[u8],
        raw: &Raw,
    ) -> Result<(), StoreError> {
        self.texts.write(key, value)?;
        if raw.header.is_long() {
            let prefix = ValueOwner::Text.chunk_prefix(key, raw.header.version);
            for entry in from.tree(TreeId::Chunks).prefix(&prefix) {
                let (key, chunk) = entry?;
                self.chunks.write(&key, &chunk)?;
            }
        }
        Ok(())
    }
}

impl Drop for TreeWriter<'_> {
    fn drop(&mut self) {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content[self.id].merge(self.written);
    }
}

/// Writes the records of one kind, sorted by name.
pub struct LoadTable<'l> {
    kind: Kind,
    tree: TreeWriter<'l>,
    chunks: TreeWriter<'l>,
    summary: &'l Mutex<Summary>,
    seen: KindSummary,
    /// The name of the last written record; empty before the first.
    last: Vec<u8>,
}

impl LoadTable<'_> {
    /// Writes the next record. Its name is greater than the previous one's, and its secrets are
    /// encrypted.
    ///
    /// # Errors
    /// - [`StoreError::Damaged`] if the name is not greater than the previous one: a record that is
    ///   written twice would be counted twice.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub fn put(
        &mut self,
        name: &[u8],
        ordinal: u64,
        version: u64,
        body: &[u8],
    ) -> Result<(), StoreError> {
        if self.last.as_slice() >= name {
            let detail = format!(
                "the record '{}' is out of order (internal error)",
                String::from_utf8_lossy(name)
            );
            return Err(StoreError::Damaged { part: "sorted records", detail });
        }
        self.last.clear();
        self.last.extend_from_slice(name);
        let values = values(ordinal, version, body);
        let mut chunks = values.chunks.enumerate().peekable();
        if chunks.peek().is_some() {
            let prefix = ValueOwner::Record(self.kind).chunk_prefix(name, version);
            for (number, chunk) in chunks {
                self.chunks.write(&chunk_key(&prefix, number), chunk)?;
            }
        }
        self.tree.write(name, &values.head)?;
        self.seen.count += 1;
        self.seen.in_name_order &= ordinal >= self.seen.ordinal_next;
        self.seen.ordinal_next = self.seen.ordinal_next.max(ordinal + 1);
        Ok(())
    }

    /// Adds the counts of the kind to the summary of the generation.
    pub fn finish(self) {
        let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = summary.version;
        *summary.kind_mut(self.kind) = KindSummary { changed, ..self.seen };
    }
}
