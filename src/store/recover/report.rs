//! The reports of a recovery: the kept and the lost records.

use crate::model::{Kind, PerKind};

/// The number of lost records that a report lists. The others are counted only.
pub(super) const LOST_NAMED_MAX: usize = 1000;

/// The report of a salvage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SalvageReport {
    /// The records that were kept and lost while the new generation was written.
    pub rewritten: RewriteReport,
    /// The numbers of records before the damage, if they are known.
    pub known: Option<PerKind<u64>>,
    /// The number of damaged locations in the database's log.
    pub damaged_places: u64,
    /// The number of entries that might not be in their last state.
    pub uncertain: u64,
    /// The number of entries whose kind of record could not be determined.
    pub unassigned: u64,
}

/// The report of rewriting an inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RewriteReport {
    /// The numbers of kept and lost records, by kind.
    pub kinds: PerKind<RewrittenKind>,
    /// The number of kept long texts of devices.
    pub texts: u64,
    /// The number of lost long texts of devices.
    pub texts_lost: u64,
    /// The number of references to lost records that were removed from lists.
    pub references_removed: u64,
    /// The number of secrets that were removed because their key is lost.
    pub secrets_dropped: u64,
    /// The lost records, at most [`LOST_NAMED_MAX`].
    pub lost: Vec<LostRecord>,
}

/// The numbers of kept and lost records of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RewrittenKind {
    /// Records that the new generation holds.
    pub kept: u64,
    /// Lost: their stored data cannot be decoded.
    pub unreadable: u64,
    /// Lost: they require a record that is lost.
    pub rejected: u64,
}

/// A lost record and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostRecord {
    /// The kind of the lost record.
    pub kind: Kind,
    /// The key of the lost record. Bytes that are not UTF-8 are replaced.
    pub name: String,
    /// The predicate of a sentence about the reason. The subject is the record.
    pub why: String,
}

impl RewriteReport {
    /// The number of records that were kept.
    pub fn kept(&self) -> u64 {
        self.kinds.iter().map(|(_, kind)| kind.kept).sum()
    }

    /// Adds a lost record.
    pub(super) fn lose(&mut self, kind: Kind, name: &[u8], why: impl Into<String>) {
        if self.lost.len() < LOST_NAMED_MAX {
            let name = String::from_utf8_lossy(name).into_owned();
            self.lost.push(LostRecord { kind, name, why: why.into() });
        }
    }
}
