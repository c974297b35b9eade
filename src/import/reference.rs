//! Sorted references: a target key followed by the posting of the referring record.

use std::sync::{Mutex, PoisonError};

use super::ImportError;
use crate::{
    disk::Sorter,
    model::{Arity, Record},
    store::{posting, target_key},
};

/// Pushes the references of a record, each into the sorter for its arity.
///
/// # Errors
/// [`ImportError::TemporaryFile`] if a sorter cannot write.
pub(super) fn push<'s>(
    record: &dyn Record,
    sorter: impl Fn(Arity) -> &'s Mutex<Sorter>,
) -> Result<(), ImportError> {
    let mut pushed = Ok(());
    record.references(&mut |reference| {
        if pushed.is_err() {
            return;
        }
        let mut key = target_key(reference.target, reference.name);
        key.extend(posting(record.kind(), reference.relation, record.name()));
        let sorter = sorter(reference.arity);
        pushed = sorter.lock().unwrap_or_else(PoisonError::into_inner).push(&key, &[]);
    });
    pushed.map_err(ImportError::TemporaryFile)
}
