//! The part of the history that a principal can read. Every read of the history asks here.
//!
//! A change shows only the records that the principal can read now. A record that does not exist any
//! more is shown if the principal could read its last value.

use std::collections::BTreeSet;

use crate::{
    inventory::{Inventory, InventoryError, read::Visibility},
    model::{AnyRecord, Arity, Kind, PerKind, Record, Value, arity},
    store::{ChangeCounts, Effect, HistoryChange, HistoryView, LiveView, StoreError, Touched},
};

/// The history as a principal can read it.
pub(in crate::inventory) struct VisibleHistory<'i> {
    pub history: HistoryView,
    reading: LiveView,
    visibility: Visibility<'i>,
}

impl Inventory {
    /// The history as the principal can read it.
    ///
    /// # Errors
    /// [`StoreError`] if the history cannot be read.
    pub(in crate::inventory) fn visible_history(&self) -> Result<VisibleHistory<'_>, StoreError> {
        Ok(VisibleHistory {
            history: self.0.store.history()?,
            reading: self.0.store.read(),
            visibility: Visibility::new(&self.1),
        })
    }
}

impl VisibleHistory<'_> {
    /// Returns whether the principal can read a record, or could read its last value if it does not
    /// exist any more.
    ///
    /// # Errors
    /// [`StoreError`] if the record or the history cannot be read.
    pub(in crate::inventory) fn shows(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        if self.visibility.is_complete() {
            return Ok(true);
        }
        if self.reading.contains(kind, name)? {
            return self.visibility.shows_name(&self.reading, kind, name);
        }
        let Some(last) = self.history.numbers_of(kind, name, None, 1)?.first().copied() else {
            return Ok(false);
        };
        match self.history.record_before(kind, name, last)? {
            Some(stored) => self.visibility.shows_record(&self.reading, &*stored.record),
            None => Ok(false),
        }
    }

    /// Returns whether the principal can read a record that a change removed: the record of this name, or
    /// the removed one if no record has the name now.
    ///
    /// # Errors
    /// As [`shows`](Self::shows).
    pub(in crate::inventory) fn shows_removed(
        &self,
        last: &dyn Record,
    ) -> Result<bool, StoreError> {
        if self.visibility.is_complete() {
            return Ok(true);
        }
        let (kind, name) = (last.kind(), last.name());
        if self.reading.contains(kind, name)? {
            return self.visibility.shows_name(&self.reading, kind, name);
        }
        self.visibility.shows_record(&self.reading, last)
    }

    /// Removes the records from a change that the principal cannot read. Returns whether the change
    /// remains visible: it does if it has such a record, or if it replaced the whole inventory. Then
    /// the numbers of records are removed, because they count all records.
    ///
    /// # Errors
    /// As [`shows`](Self::shows).
    pub(in crate::inventory) fn retain(
        &self,
        change: &mut HistoryChange,
    ) -> Result<bool, StoreError> {
        if self.visibility.is_complete() {
            return Ok(true);
        }
        let mut touched = Vec::with_capacity(change.touched.len());
        for one in std::mem::take(&mut change.touched) {
            let (kind, name) = (one.value.kind(), one.value.name());
            let is_shown = match &one.effect {
                Effect::RenamedTo(to) => self.shows(kind, to)?,
                Effect::RenamedFrom(_) | Effect::Created | Effect::Updated | Effect::Removed => {
                    self.shows(kind, name)?
                }
            };
            if is_shown {
                touched.push(one);
            }
        }
        change.touched = touched;
        change.counts = counts(change);
        Ok(change.replaced.is_some() || !change.touched.is_empty())
    }

    /// Removes the names of records that the principal cannot read from the relations of a record.
    ///
    /// # Errors
    /// As [`shows`](Self::shows).
    pub(in crate::inventory) fn strip(&self, record: &mut AnyRecord) -> Result<(), StoreError> {
        if self.visibility.is_complete() {
            return Ok(());
        }
        let kind = record.kind();
        let mut references = Vec::new();
        record.references(&mut |reference| {
            references.push((reference.relation, reference.target, reference.name.to_owned()));
        });
        for (relation, target, name) in references {
            let mut is_shown = false;
            for kind in target.kinds() {
                is_shown |= self.shows(*kind, &name)?;
            }
            if is_shown {
                continue;
            }
            if arity(kind, relation) == Some(Arity::One) {
                // Every relation to one record accepts null.
                let _ = record.set(relation, Value::Null);
            } else {
                record.remove_reference(relation, &name);
            }
        }
        Ok(())
    }

    /// Refuses a record that the principal cannot read.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`], and the errors of [`shows`](Self::shows).
    pub(in crate::inventory) fn require(
        &self,
        kind: Kind,
        name: &str,
    ) -> Result<(), InventoryError> {
        if self.shows(kind, name)? {
            Ok(())
        } else {
            Err(InventoryError::NotFound { kind, name: name.to_owned() })
        }
    }
}

/// The numbers of the records of a change, as the store counts them.
fn counts(change: &HistoryChange) -> PerKind<ChangeCounts> {
    let mut counts = PerKind::<ChangeCounts>::default();
    let mut records = BTreeSet::new();
    for one in &change.touched {
        let Touched::Record { .. } = one.value else { continue };
        let (kind, name) = (one.value.kind(), one.value.name());
        records.insert((kind, name));
        match &one.effect {
            Effect::Created => counts[kind].created += 1,
            Effect::Updated | Effect::RenamedFrom(_) => counts[kind].updated += 1,
            Effect::Removed => counts[kind].removed += 1,
            // Counted under its new name.
            Effect::RenamedTo(_) => {}
        }
    }
    let texts = change.touched.iter().map(|one| (one.value.kind(), one.value.name()));
    let texts: BTreeSet<_> = texts.filter(|text| !records.contains(text)).collect();
    for (kind, _) in texts {
        counts[kind].updated += 1;
    }
    counts
}
