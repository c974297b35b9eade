//! Large changes: written as a new generation, like an import. A sled transaction would take many
//! times their size in memory and would block all readers.

use super::{
    CurrentGeneration, Store, StoreError, history::put_changes, load::UnfinishedGeneration,
    pending::FinishedChange, tree_id::TreeId,
};
use crate::job::Progress;

/// The largest change, in bytes of memory.
const CHANGE_BYTES_MAX: usize = 512 * 1024 * 1024;

impl Store {
    /// Writes the current generation with the changes over it as a new generation. The caller holds
    /// the write lock, and no other change is pending.
    ///
    /// # Errors
    /// - [`StoreError::ChangeLarge`] if the change exceeds 512 MB.
    /// - As for [`UnfinishedGeneration::commit`].
    pub(super) fn rewrite(
        &self,
        current: &CurrentGeneration,
        made: FinishedChange,
    ) -> Result<(), StoreError> {
        if made.bytes() > CHANGE_BYTES_MAX {
            return Err(StoreError::ChangeLarge { records: made.changes.entries() });
        }
        let FinishedChange { mut changes, mut summary, history, history_end, is_large: _ } = made;
        put_changes(history.into_iter().collect(), &mut changes, &mut summary);
        let unfinished = UnfinishedGeneration::begin(self, current.generation.clone(), summary)?;
        let trees = current.generation.trees_under([Some(&changes), None]);
        for tree in TreeId::all().filter(|tree| *tree != TreeId::Meta) {
            let mut into = unfinished.new_generation().writer(tree);
            for entry in trees.tree(tree).prefix(&[]) {
                let (key, value) = entry?;
                into.write(&key, &value)?;
            }
        }
        unfinished.new_generation().generation().note_history_end(history_end);
        // A small change has no job that could be cancelled.
        unfinished.commit(&Progress::detached())
    }
}
