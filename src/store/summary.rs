//! What the store keeps of itself: counts and stamps, in the same transaction as what they count.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::model::Kind;

/// The key in the tree `meta`.
pub(super) const SUMMARY_KEY: &[u8] = b"summary";

/// Counts and stamps of a generation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Summary {
    /// The number of the last change: the version of what it wrote.
    pub version: u64,
    /// By the kind's word, so that a new kind does not change the format.
    kinds: BTreeMap<String, KindSummary>,
}

/// Counts and stamps of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct KindSummary {
    pub count: u64,
    /// The ordinal of the next record that is created.
    pub ordinal_next: u64,
    /// Whether the records' ordinals ascend with their names, so that a scan by name is in their
    /// order.
    pub in_name_order: bool,
}

impl Default for KindSummary {
    fn default() -> Self {
        Self { count: 0, ordinal_next: 0, in_name_order: true }
    }
}

impl Summary {
    pub fn kind(&self, kind: Kind) -> KindSummary {
        self.kinds.get(kind.as_str()).copied().unwrap_or_default()
    }

    pub(super) fn kind_mut(&mut self, kind: Kind) -> &mut KindSummary {
        self.kinds.entry(kind.as_str().to_owned()).or_default()
    }

    /// The summary of an inventory that is written anew after this one: nothing is in it yet.
    pub(super) fn following(&self) -> Self {
        Self { version: self.version + 1, kinds: BTreeMap::new() }
    }

    /// The number of records of all kinds.
    pub fn records(&self) -> u64 {
        self.kinds.values().map(|kind| kind.count).sum()
    }
}
