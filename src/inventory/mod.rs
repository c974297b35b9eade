//! Inventory: single instances, queries, search and pools.
//!
//! A **read** works on a snapshot and decodes no more than it needs; long results are passed to the
//! caller row by row. A **change** is one transaction of the store: the record, all references to
//! it and its memberships in pools change together.
//!
//! ```text
//! audit        the changes in the audit log, and its verification
//! read         single instances, pages, queries, searches, long texts
//! history      changes and earlier states of records
//! change       create, update, rename, delete, write long texts
//! pools        the members of computed pools
//! maintenance  the state of the inventory as a whole
//! verify       checks that the stored data is consistent
//! damage       the damage that reads have found since the start
//! ```

mod audit;
mod change;
mod damage;
mod error;
mod history;
mod long_text;
mod maintenance;
mod pools;
mod presence;
mod read;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
mod verify;

use std::{collections::BTreeMap, sync::Arc};

pub use audit::HistoryLinks;
pub use change::{
    Atomicity, ChangeReport, ChangeRequest, Changed, DeleteReport, DeletionReport, DeletionRequest,
    Effect, ExpectedVersion, Fault, ObjectOutcome, Selected,
};
pub use damage::{DamageReport, DamageShown};
pub use error::InventoryError;
pub use history::{
    ChangeDetails, ChangeRecord, ChangeSummary, ChangeUndoOutcome, ChangeUndoReport,
    ChangeUndoRequest, ChangedName, ConfigurationVersion, ConflictReason, FollowedChange,
    FollowedChanges, FollowedRecord, GenerationChange, HistoryPage, HistoryRequest, HistoryStart,
    InventoryDifference, KindChanges, LeftOutReference, Listed, Moment, MomentError,
    NoRecordPosition, OnConflict, RecordEffect, RecordPosition, ReplacedBy, ShownDifference,
    UNDO_OPERATION, UndoConflict, UndoWritten, UndoneAdministrator, UndoneRecord, parse_time,
    past_time,
};
pub use maintenance::{
    EarlierGenerationState, GenerationState, HistoryLossShown, InventoryState, KindCount,
};
pub use pools::PoolsReport;
pub use presence::ClientPresence;
pub use read::{
    Criterion, Dialect, Direction, Filter, Flow, InstanceRow, ListRequest, Order, RowSink,
    RowState, SearchRequest, SearchTotals, Text,
};
pub use verify::{
    AUDIT_DAMAGED, FindingShown, FindingsReport, HISTORY_LOST, KindRead, VerifyReport,
};

use crate::{
    access::RecordRights,
    disk::DiskSpace,
    store::{Damage, KeyState, Store},
};

/// The instances of one inventory, as one principal sees and changes them. Its functions block.
#[derive(Clone)]
pub struct Inventory(Arc<Inner>, RecordRights, ClientPresence);

struct Inner {
    store: Arc<Store>,
    /// The computed pools, their criteria compiled.
    computed: pools::computed::ComputedCache,
    /// The damage that reads have found.
    damage: damage::DamageLog,
}

impl Inventory {
    /// The inventory in a store, with all records.
    pub fn new(store: Arc<Store>) -> Self {
        let inner = Inner { store, computed: Default::default(), damage: Default::default() };
        Self(Arc::new(inner), RecordRights::All, ClientPresence::default())
    }

    /// The same inventory for a principal with these rights. A record that the principal cannot read
    /// does not exist in it: reads, searches and counts leave it and its name out.
    #[must_use]
    pub fn with_rights(&self, rights: RecordRights) -> Self {
        Self(self.0.clone(), rights, self.2.clone())
    }

    /// The same inventory for a client whose searches end when it leaves.
    #[must_use]
    pub fn for_client(&self, client: ClientPresence) -> Self {
        Self(self.0.clone(), self.1.clone(), client)
    }

    /// Returns whether the principal can read all records.
    pub fn is_complete(&self) -> bool {
        self.1.reads_everything()
    }

    /// Returns the number of the last change. Every change of a record gives it another one.
    ///
    /// # Errors
    /// [`InventoryError::Store`] while the database cannot be read.
    pub fn version(&self) -> Result<u64, InventoryError> {
        Ok(self.0.store.read().summary()?.version)
    }

    /// Returns the space of the file system that holds the data directory.
    pub fn disk_space(&self) -> Result<DiskSpace, InventoryError> {
        Ok(self.0.store.disk_space()?)
    }

    /// Returns the state of the key, as far as the files of the data directory tell.
    ///
    /// # Errors
    /// [`InventoryError::Store`] if an existing file cannot be read.
    pub fn key_state(&self) -> Result<KeyState, InventoryError> {
        Ok(self.0.store.directory().key_state()?)
    }

    /// Counts and logs damage that a request has found.
    pub fn note_damage(&self, damage: Damage) {
        self.0.damage.note(damage);
    }

    /// The number of reads that found damage since the start, by the part of the store.
    pub fn damage_by_part(&self) -> BTreeMap<&'static str, u64> {
        self.0.damage.by_part()
    }

    /// Returns whether changes are accepted. They are refused after a full disk or a failed write.
    pub fn is_writable(&self) -> bool {
        self.0.store.is_writable()
    }
}
