//! What a recovery kept and what it lost.

use crate::model::{Kind, PerKind};

/// Lost records that a report names. All are counted.
pub(super) const LOST_NAMED_MAX: usize = 1000;

/// What became of the records of a damaged inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SalvageReport {
    pub rewritten: RewriteReport,
    /// The numbers of records that were known before the damage; `None` if nothing was known.
    pub known: Option<PerKind<u64>>,
    /// Damaged places in the database's log.
    pub damaged_places: u64,
    /// Entries of which it is not known whether they are in their last state.
    pub uncertain: u64,
    /// Entries that could not be assigned to a type of record.
    pub unassigned: u64,
}

/// What became of the records of an inventory that was written anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RewriteReport {
    pub kinds: PerKind<RewrittenKind>,
    /// Long texts of devices that were kept.
    pub texts: u64,
    /// Long texts of devices that were lost.
    pub texts_lost: u64,
    /// References to records that are lost, removed from lists.
    pub references_removed: u64,
    /// Secrets that were dropped with their key.
    pub secrets_dropped: u64,
    /// The first of the lost records.
    pub lost: Vec<LostRecord>,
}

/// The records of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RewrittenKind {
    pub kept: u64,
    /// What is stored of them cannot be decoded.
    pub unreadable: u64,
    /// They cannot be without a record that is lost.
    pub rejected: u64,
}

/// A record that was lost, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostRecord {
    pub kind: Kind,
    pub name: String,
    /// The end of a sentence that begins with the record.
    pub why: String,
}

impl RewriteReport {
    /// The number of records that were kept.
    pub fn kept(&self) -> u64 {
        self.kinds.iter().map(|(_, kind)| kind.kept).sum()
    }

    pub(super) fn lose(&mut self, kind: Kind, name: &[u8], why: impl Into<String>) {
        if self.lost.len() < LOST_NAMED_MAX {
            let name = String::from_utf8_lossy(name).into_owned();
            self.lost.push(LostRecord { kind, name, why: why.into() });
        }
    }
}
