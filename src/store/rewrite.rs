//! Changes that are too large for a transaction of sled's, which takes many times their size in
//! memory and lets every reader wait: they are written as a new generation, as an import is.

use super::{
    CurrentGeneration, Store, StoreError,
    layers::{Changes, TreeId},
    load::UnfinishedGeneration,
    transaction::FinishedChange,
    trees::Trees,
};
use crate::job::Progress;

/// From how many entries a change is written as a new generation. A transaction of 10,000 records
/// takes about 100 MB and 0.1 s.
const ENTRIES_LARGE: usize = 10_000;

/// The same, in bytes.
const BYTES_LARGE: usize = 16 * 1024 * 1024;

/// The most that a change may hold in memory, in bytes.
const BYTES_MAX: usize = 512 * 1024 * 1024;

/// Whether the changes are too large for a transaction.
pub(super) fn is_large(changes: &Changes) -> bool {
    changes.entries() > ENTRIES_LARGE || changes.bytes() > BYTES_LARGE
}

impl Store {
    /// Writes what is there, and the change over it, as a new generation. The caller holds the
    /// turn, and nothing is pending.
    pub(super) fn rewrite(
        &self,
        current: &CurrentGeneration,
        made: FinishedChange,
    ) -> Result<(), StoreError> {
        let FinishedChange { changes, summary } = made;
        if changes.bytes() > BYTES_MAX {
            return Err(StoreError::ChangeLarge { records: changes.entries() });
        }
        let unfinished = UnfinishedGeneration::begin(self, current.generation.clone(), summary)?;
        let trees = Trees::new(&current.generation, [Some(&changes), None]);
        for tree in TreeId::all().filter(|tree| *tree != TreeId::Meta) {
            let mut into = unfinished.new_generation().writer(tree);
            for entry in trees.tree(tree).prefix(&[]) {
                let (key, value) = entry?;
                into.write(&key, &value)?;
            }
        }
        // Nobody cancels a change.
        unfinished.commit(&Progress::detached())
    }
}
