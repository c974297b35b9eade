//! References that the import removes from lists, because their target does not exist after it.

use super::{
    ImportError,
    sorted_cursor::{SortedCursor, record_key},
};
use crate::{
    disk::Sorted,
    model::{Kind, Record},
};

/// The key of a removed reference: the [`record_key`] of the record that holds it, the relation
/// and the name of the target, separated by zero bytes. Names hold no control characters.
pub(super) fn removed_reference_key(
    kind: Kind,
    record: &str,
    relation: &str,
    name: &str,
) -> Vec<u8> {
    let mut key = record_key(kind, record.as_bytes());
    for part in [relation, name] {
        key.push(0);
        key.extend_from_slice(part.as_bytes());
    }
    key
}

/// Iterates over removed references in the order of the records that contain them.
pub(super) struct RemovedReferences<'a> {
    cursor: SortedCursor<'a>,
}

impl<'a> RemovedReferences<'a> {
    pub(super) fn new(removed: &'a Sorted) -> Self {
        Self { cursor: SortedCursor::new(removed) }
    }

    /// Removes the references from the lists of a record. Returns whether the record changed.
    /// Records must come in the order of their [`record_key`]s.
    pub(super) fn apply(&mut self, record: &mut dyn Record) -> Result<bool, ImportError> {
        let mut prefix = record_key(record.kind(), record.name().as_bytes());
        prefix.push(0);
        self.cursor.seek(&prefix)?;
        let mut changed = false;
        while let Some((key, _)) = self.cursor.current() {
            let Some(rest) = key.strip_prefix(&prefix[..]) else { break };
            let mut parts = rest.splitn(2, |byte| *byte == 0);
            let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default());
            let (relation, name) = (part(), part());
            changed |= record.remove_reference(&relation, &name);
            self.cursor.advance()?;
        }
        Ok(changed)
    }
}
