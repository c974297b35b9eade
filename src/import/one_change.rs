//! Small imports: planned with lookups of the records that they name, and written as one change.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    ImportError,
    decide::Step,
    incoming_texts::IncomingTexts,
    members::{MemberSearch, PoolMembers},
    scope::Scope,
};
use crate::{
    model::{AnyRecord, Kind, Side},
    store::Transaction,
};

/// Which imports are small enough for one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmallImport {
    /// The largest number of incoming records. A lookup and a write of 10,000 records take about a
    /// second.
    pub incoming_records_max: u64,
    /// The smallest number of existing records. A smaller inventory is written as a new generation
    /// within a fraction of a second.
    pub existing_records_min: u64,
    /// The smallest number of existing records for each incoming one. With fewer, a walk over all
    /// records is not slower than lookups.
    pub existing_for_each_incoming_min: u64,
    /// The largest number of comparisons of a record with the criteria of a pool. Each takes about a
    /// microsecond, and can change a member, which needs memory.
    pub pool_comparisons_max: u64,
}

impl SmallImport {
    /// The limits of every import.
    pub const DEFAULT: Self = Self {
        incoming_records_max: 10_000,
        existing_records_min: 20_000,
        existing_for_each_incoming_min: 10,
        pool_comparisons_max: 1_000_000,
    };

    /// Returns whether an import is small, so that it is written as one change if that fits into a
    /// transaction. An import that empties a kind, or needs to compare all records with the criteria
    /// of a pool, is not small.
    pub(super) fn includes(&self, scope: &Scope<'_>, members: &MemberSearch) -> bool {
        let existing = scope.existing_summary.records();
        let incoming = scope.decoded.count;
        let is_emptying = scope.emptied.iter().any(|(_, emptied)| *emptied);
        !is_emptying
            && !members.needs_all_records()
            && incoming <= self.incoming_records_max
            && existing >= self.existing_records_min
            && existing >= incoming.saturating_mul(self.existing_for_each_incoming_min)
            && incoming.saturating_mul(members.pools()) <= self.pool_comparisons_max
    }
}

/// A change of an import in memory.
#[derive(Default)]
pub(super) struct PlannedChange(Mutex<Contents>);

#[derive(Default)]
struct Contents {
    records: Vec<PlannedRecord>,
    removed: Vec<RemovedRecord>,
    members: Vec<PoolMembers>,
}

struct PlannedRecord {
    record: AnyRecord,
    ordinal: u64,
    body: Vec<u8>,
}

struct RemovedRecord {
    kind: Kind,
    name: String,
    ordinal: u64,
}

impl PlannedChange {
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the record of a step, or its removal. The steps of one kind must come sorted by name.
    pub(super) fn add(&self, kind: Kind, step: &Step<'_>) {
        let Some(result) = &step.result else {
            if let Some(existing) = &step.existing {
                let (name, ordinal) = (step.name.clone(), existing.header.ordinal);
                self.lock().removed.push(RemovedRecord { kind, name, ordinal });
            }
            return;
        };
        let body = step.body().to_vec();
        let record = result.record.clone();
        self.lock().records.push(PlannedRecord { record, ordinal: result.ordinal, body });
    }

    /// Sets the members of pools that change with the records.
    pub(super) fn set_members(&self, members: Vec<PoolMembers>) {
        self.lock().members = members;
    }

    /// Writes the change into a transaction. Returns `None` if it does not fit.
    ///
    /// # Errors
    /// [`ImportError::Store`] if an existing record cannot be read.
    pub(super) fn write(
        &self,
        transaction: &mut Transaction<'_>,
        texts: Option<&dyn IncomingTexts>,
    ) -> Result<Option<()>, ImportError> {
        let contents = self.lock();
        for PlannedRecord { record, ordinal, body } in &contents.records {
            transaction.put_encoded(&**record, *ordinal, body)?;
            if transaction.is_large() {
                return Ok(None);
            }
        }
        for RemovedRecord { kind, name, ordinal } in &contents.removed {
            if *kind == Kind::Pool {
                for side in [Side::Device, Side::Link] {
                    transaction.clear_members(*ordinal, side)?;
                }
            }
            transaction.remove(*kind, name)?;
            if transaction.is_large() {
                return Ok(None);
            }
        }
        for PoolMembers { pool, side, joining, leaving } in &contents.members {
            transaction.remove_members(*pool, *side, leaving);
            transaction.add_members(*pool, *side, joining);
        }
        let Some(texts) = texts else { return Ok(Some(())) };
        texts.each(&mut |device, property, text| {
            match text {
                // The rest would be discarded.
                _ if transaction.is_large() => {}
                Some(text) => transaction.put_text(device, property, text)?,
                None => drop(transaction.remove_text(device, property)?),
            }
            Ok(())
        })?;
        Ok(if transaction.is_large() { None } else { Some(()) })
    }
}
