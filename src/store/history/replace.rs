//! The entry of a change that replaces the generation: an import, an undo or a recovery.
//!
//! It has no touched values and no before-values: the whole generation before it has them. Its mark in
//! the tree `before` tells readers that values can have changed without a before-value.

use super::{
    entry::{ChangeCounts, ChangeHead, HistoryEnd, ReplacedGeneration, StoredChange},
    groups::parts,
    keys::generation_key,
};
use crate::{
    model::PerKind,
    store::{
        Origin, StoreError, Summary, committer, format,
        generation::{Generation, guarded},
        layers::Changes,
        tree_id::TreeId,
    },
};

/// What the history keeps of a bulk load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadRecord {
    /// The user who made the change, and the request.
    pub origin: Origin,
    /// The numbers of changed records.
    pub counts: PerKind<ChangeCounts>,
}

impl LoadRecord {
    /// The record of a load without counts.
    pub fn of(origin: Origin) -> Self {
        Self { origin, counts: PerKind::default() }
    }
}

/// The entries of a change that replaces the generation.
pub(in crate::store) struct ReplacementEntries {
    entries: Vec<(TreeId, Vec<u8>, Vec<u8>)>,
    /// The end of the history after the change.
    pub end: HistoryEnd,
}

impl ReplacementEntries {
    /// Returns the entries of the change with this number. `end` is the end of the history before it.
    pub(in crate::store) fn new(
        number: u64,
        end: HistoryEnd,
        record: &LoadRecord,
        replaced: ReplacedGeneration,
    ) -> Self {
        let head = ChangeHead {
            replaced: Some(replaced),
            ..ChangeHead::after(end, &record.origin, &record.counts, 0)
        };
        let end = head.end();
        let bytes = StoredChange { head, touched: Vec::new() }.encode_without_befores();
        let parts = parts(number, &bytes);
        let mut entries: Vec<_> =
            parts.map(|(key, part)| (TreeId::History, key, part.to_vec())).collect();
        entries.push((TreeId::Before, generation_key(number), Vec::new()));
        Self { entries, end }
    }

    /// The trees, keys and values of the entries.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = (TreeId, &[u8], &[u8])> {
        self.entries.iter().map(|(tree, key, value)| (*tree, &**key, &**value))
    }

    /// Writes the entries and a new summary to a complete generation, in one transaction. They are not
    /// durable yet. Entries of the same number are replaced: an interrupted undo leaves them.
    ///
    /// # Errors
    /// The errors of [`committer::apply`].
    pub(in crate::store) fn write_to(
        &self,
        generation: &Generation,
        mut summary: Summary,
    ) -> Result<(), StoreError> {
        let mut changes = Changes::default();
        for (tree, key, value) in self.iter() {
            let content = &mut summary.content[tree];
            if let Some(replaced) = generation.trees().tree(tree).get(key)? {
                content.subtract(key, &replaced);
            }
            content.add(key, value);
            changes.set(tree, key.to_vec(), Some(value.into()));
        }
        guarded("writing the history", || {
            committer::apply(generation, &changes, &format::encode(&summary))
        })?;
        generation.note_summary(summary);
        generation.note_history_end(self.end);
        Ok(())
    }
}

/// Removes the history of a generation that was made by imports only, so that no long before-value has
/// chunks. It is not durable yet.
///
/// # Errors
/// [`StoreError::Damaged`] if the history cannot be read, and the errors of [`committer::apply`].
pub(in crate::store) fn discard(generation: &Generation) -> Result<(), StoreError> {
    let mut changes = Changes::default();
    let mut summary = Summary::clone(&generation.summary());
    for tree in [TreeId::History, TreeId::Before] {
        summary.content[tree] = Default::default();
        for entry in generation.trees().tree(tree).prefix(&[]) {
            changes.set(tree, entry?.0.to_vec(), None);
        }
    }
    guarded("removing the history", || {
        committer::apply(generation, &changes, &format::encode(&summary))
    })?;
    generation.note_summary(summary);
    Ok(())
}
