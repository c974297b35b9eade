//! Retention: removes the oldest changes of the history, in small steps. Changes that were committed together
//! are removed together, so up to 127 changes are kept longer than the limits say.

use std::collections::BTreeSet;

use sled::IVec;

use super::{
    archive::value_of,
    cutoff::{Cutoff, HistoryLimits},
    entry::{StoredBefore, StoredChange, StoredTouched},
    groups::{Group, HistoryTree},
    keep_texts::TextKeeper,
    keys::{before_key, before_prefix, generation_key},
    read::HistoryView,
};
use crate::store::{
    LiveView, Store, StoreError, Summary, committer,
    format::{self, Head},
    generation::{Generation, guarded},
    layers::Changes,
    tree_id::TreeId,
    trees::ValueOwner,
};

/// The number of removed changes that ends a step. Other changes wait for about 10 ms.
const STEP_CHANGES_MAX: usize = 500;

/// The number of removed entries that ends a step.
const STEP_ENTRIES_MAX: usize = 2_000;

/// The result of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trimmed {
    /// All remaining changes are within the limits.
    Complete,
    /// The step removed this number of changes, and more can follow.
    Removed(u64),
}

impl Store {
    /// Removes some of the oldest changes that are beyond the limits. Removes none while a backup reads the
    /// history.
    ///
    /// # Errors
    /// - [`StoreError::Busy`] if an import holds the write lock for too long.
    /// - [`StoreError::Damaged`] if the history cannot be read.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub fn trim_history(&self, limits: &HistoryLimits) -> Result<Trimmed, StoreError> {
        let Some(_trimming) = self.history_holds.try_trim() else { return Ok(Trimmed::Complete) };
        let history = self.history()?;
        let Some(last) = history.changes(None).next().transpose()? else {
            return Ok(Trimmed::Complete);
        };
        let end = self.current().map_err(|failure| failure.to_read_error())?.generation;
        let cutoff = Cutoff::new(limits, end.history_end(), last.number);
        drop(end);
        let present = self.read();
        if let Some(archive) = self.archive.database()?
            && let Some(last) =
                self.keeper(&archive, &history, &present, limits).keep(0, &cutoff)?
        {
            let _writing = self.archive.lock();
            let mut removal = Removal::new(&archive);
            if removal.collect(0, &cutoff.up_to(last))? > 0 {
                let summary = removal.summary;
                guarded("trimming the history", || {
                    committer::apply(&archive, &removal.changes, &format::encode(&summary))
                })?;
                archive.note_summary(summary);
                archive.make_durable()?;
                return Ok(Trimmed::Removed(removal.count));
            }
        }
        let current = self.current().map_err(|failure| failure.to_read_error())?.generation;
        // Outside of the write lock: packing takes longer than a change.
        let keeper = self.keeper(&current, &history, &present, limits);
        let kept = keeper.keep(self.archive.version()?, &cutoff)?;
        drop((current, history, present));
        match kept {
            Some(last) => self.trim_current(&cutoff.up_to(last)),
            None => Ok(Trimmed::Complete),
        }
    }

    /// Returns a pass that keeps the texts of changes in `source`.
    fn keeper<'a>(
        &'a self,
        source: &'a Generation,
        history: &'a HistoryView,
        present: &'a LiveView,
        limits: &HistoryLimits,
    ) -> TextKeeper<'a> {
        TextKeeper {
            source,
            archive: &self.archive,
            history,
            present,
            store: self,
            kept_max: limits.texts_kept,
            bytes_max: limits.text_bytes_max,
        }
    }

    /// Removes changes from the current generation.
    fn trim_current(&self, cutoff: &Cutoff) -> Result<Trimmed, StoreError> {
        let archived = self.archive.version()?;
        let guard = self.write_lock.lock()?;
        let current = self.writable()?;
        current.committer.settle()?;
        let mut removal = Removal::new(&current.generation);
        if removal.collect(archived, cutoff)? == 0 {
            return Ok(Trimmed::Complete);
        }
        // A version stands for one state of the database, so the removal has a version of its own.
        removal.summary.version += 1;
        let mut pending = current.committer.pending();
        pending.changes.absorb(removal.changes);
        pending.summary = Some(removal.summary);
        let ticket = current.committer.request();
        drop(pending);
        drop(guard);
        current.committer.wait(ticket)?;
        Ok(Trimmed::Removed(removal.count))
    }
}

/// Entries to remove from one database.
struct Removal<'a> {
    generation: &'a Generation,
    changes: Changes,
    /// The summary without the removed entries.
    summary: Summary,
    /// The number of removed changes.
    count: u64,
    /// The prefixes of removed chunks.
    chunks: BTreeSet<Vec<u8>>,
}

impl<'a> Removal<'a> {
    fn new(generation: &'a Generation) -> Self {
        Self {
            generation,
            changes: Changes::default(),
            summary: Summary::clone(&generation.summary()),
            count: 0,
            chunks: BTreeSet::new(),
        }
    }

    /// Collects the first changes with greater numbers than `after` that are beyond the limits. Returns
    /// their number.
    fn collect(&mut self, after: u64, cutoff: &Cutoff) -> Result<u64, StoreError> {
        let history = HistoryTree::new(self.generation.tree(TreeId::History));
        for group in history.groups_from(after + 1) {
            let group = group?;
            let changes = group.changes()?;
            let Some((last, newest)) = changes.last() else { continue };
            // Its changes were archived, and are removed from the archive.
            if *last <= after {
                continue;
            }
            let is_full =
                self.count >= STEP_CHANGES_MAX as u64 || self.changes.entries() >= STEP_ENTRIES_MAX;
            if is_full || !cutoff.removes(*last, &newest.head) {
                break;
            }
            self.remove_group(group, &changes)?;
        }
        Ok(self.count)
    }

    fn remove_group(
        &mut self,
        group: Group,
        changes: &[(u64, StoredChange)],
    ) -> Result<(), StoreError> {
        for (key, part) in group.parts {
            self.remove(TreeId::History, key.to_vec(), &part);
        }
        for (number, change) in changes {
            self.count += 1;
            for (touched, before) in &change.touched {
                match before {
                    StoredBefore::Entry => self.remove_before(*number, touched)?,
                    StoredBefore::Absent | StoredBefore::Value(_) | StoredBefore::Difference(_) => {
                    }
                }
            }
            if change.head.replaced.is_some() {
                self.remove(TreeId::Before, generation_key(*number), &[]);
            }
        }
        Ok(())
    }

    /// Removes a before-value, with its chunks.
    fn remove_before(&mut self, number: u64, touched: &StoredTouched) -> Result<(), StoreError> {
        let Some((owner, key)) = value_of(touched) else { return Ok(()) };
        let trees = self.generation.trees();
        let before = before_key(owner, key, number);
        let Some(value) = trees.tree(TreeId::Before).get(&before)? else { return Ok(()) };
        if !value.is_empty()
            && let Ok(Head::Long(..)) = format::head(value.clone())
            && !self.is_kept_by_next(owner, key, &before, &value)?
        {
            self.remove_chunks(owner, key, &value)?;
        }
        self.remove(TreeId::Before, before, &value);
        Ok(())
    }

    /// Returns whether the next before-value of the same record is the same value: after an undo, a value can
    /// be replaced a second time.
    fn is_kept_by_next(
        &self,
        owner: ValueOwner,
        key: &[u8],
        before: &[u8],
        value: &IVec,
    ) -> Result<bool, StoreError> {
        let tree = self.generation.trees().tree(TreeId::Before);
        let mut entries = tree.prefix_from(&before_prefix(owner, key), before).skip(1);
        Ok(entries.next().transpose()?.is_some_and(|(_, next)| next == *value))
    }

    fn remove_chunks(
        &mut self,
        owner: ValueOwner,
        key: &[u8],
        value: &IVec,
    ) -> Result<(), StoreError> {
        let Ok(Head::Long(header, _)) = format::head(value.clone()) else { return Ok(()) };
        let prefix = owner.chunk_prefix(key, header.version);
        if !self.chunks.insert(prefix.clone()) {
            return Ok(());
        }
        for chunk in self.generation.trees().tree(TreeId::Chunks).prefix(&prefix) {
            let (key, chunk) = chunk?;
            self.remove(TreeId::Chunks, key.to_vec(), &chunk);
        }
        Ok(())
    }

    fn remove(&mut self, tree: TreeId, key: Vec<u8>, value: &[u8]) {
        self.summary.content[tree].subtract(&key, value);
        self.changes.set(tree, key, None);
    }
}
