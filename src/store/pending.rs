//! Changes that are not committed yet.

use super::{
    Summary,
    history::{EncodedChange, HistoryEnd},
    layers::Changes,
};

/// The result of a transaction.
pub(super) struct FinishedChange {
    pub changes: Changes,
    pub summary: Summary,
    /// The entry of the history, which is not in `changes`. `None` if the change is not written to it.
    pub history: Option<EncodedChange>,
    /// The end of the history after this change.
    pub history_end: HistoryEnd,
    /// Whether the change is written as a new generation.
    pub is_large: bool,
}

impl FinishedChange {
    /// The estimated memory of the change, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.changes.bytes() + self.history.as_ref().map_or(0, |change| change.bytes.len())
    }
}

/// The changes that are in memory and not applied to sled yet. While the lock is held, no change is
/// applied.
#[derive(Default)]
pub(super) struct Pending {
    pub changes: Changes,
    /// The entries of the history, in the order of their numbers.
    pub history: Vec<EncodedChange>,
    /// The summary after these changes; `None` without changes.
    pub summary: Option<Summary>,
    /// The end of the history after these changes; `None` without changes.
    pub history_end: Option<HistoryEnd>,
}

impl Pending {
    /// The estimated memory of the changes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.changes.bytes() + self.history.iter().map(|change| change.bytes.len()).sum::<usize>()
    }

    /// Adds a later change.
    pub(super) fn add(&mut self, later: FinishedChange) {
        let FinishedChange { changes, summary, history, history_end, is_large: _ } = later;
        self.changes.absorb(changes);
        self.history.extend(history);
        self.summary = Some(summary);
        self.history_end = Some(history_end);
    }
}
