//! References in a sorter: a target key, and behind it the posting of the record that names it.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use crate::{
    disk::Sorter,
    model::{Arity, Record},
    store::{posting, target_key},
};

/// Pushes what a record refers to, each reference into the sorter for its arity.
pub(super) fn push<'s>(
    record: &dyn Record,
    sorter: impl Fn(Arity) -> &'s Mutex<Sorter>,
) -> io::Result<()> {
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
    pushed
}
