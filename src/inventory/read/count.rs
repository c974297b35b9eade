//! Counts the records of each kind.

use super::session::ReadSession;
use crate::{
    inventory::{Inventory, InventoryError},
    model::{Kind, PerKind},
    store::StoreError,
};

impl Inventory {
    /// The number of instances of each kind that the principal can read. Of all records, it is the
    /// number at the last durable change.
    ///
    /// # Errors
    /// [`InventoryError::Store`] if the counts or the records cannot be read.
    pub fn count(&self) -> Result<PerKind<u64>, InventoryError> {
        if self.is_complete() {
            let summary = self.0.store.read().durable_summary()?;
            return Ok(PerKind::new(|kind| summary.kind(kind).count));
        }
        let mut counts = PerKind::default();
        for kind in Kind::ALL {
            counts[kind] = self.count_of(kind)?;
        }
        Ok(counts)
    }

    /// The number of instances of one kind, as [`count`](Self::count) counts them.
    ///
    /// # Errors
    /// As [`count`](Self::count).
    pub fn count_of(&self, kind: Kind) -> Result<u64, InventoryError> {
        let session = self.session();
        if session.shows_everything() {
            return Ok(session.reading.durable_summary()?.kind(kind).count);
        }
        Ok(session.count(kind)?)
    }
}

impl ReadSession<'_> {
    /// The number of records of a kind that the principal can read. If it cannot read all of them, each
    /// is read.
    pub(super) fn count(&self, kind: Kind) -> Result<u64, StoreError> {
        if self.shows_everything() {
            return Ok(self.reading.summary()?.kind(kind).count);
        }
        let mut count = 0;
        for entry in self.reading.scan_raw(kind) {
            match entry {
                Ok((_, raw)) => count += u64::from(self.shows(kind, &raw)?),
                // A damaged record is not shown.
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }
}
