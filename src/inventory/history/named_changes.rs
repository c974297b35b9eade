//! The changes of the records with one name: those with before-values, and those that replaced the whole
//! inventory.

use super::visible::VisibleHistory;
use crate::{
    model::Kind,
    store::{
        HistoryChange, HistoryView, RecordReplacement, RecordReplacements, ReplacementEffect,
        Store, StoreError,
    },
};

/// A change of a record.
pub(super) enum NamedChange {
    /// A change with before-values.
    Touched(HistoryChange),
    /// A change that replaced the whole inventory.
    Replaced(RecordReplacement),
}

impl NamedChange {
    /// The change, without the differences of its records.
    pub(super) fn head(&self) -> &HistoryChange {
        match self {
            Self::Touched(change) => change,
            Self::Replaced(replaced) => &replaced.change,
        }
    }
}

/// The changes of the records with one name that the principal can read, the newest first.
pub(super) struct NamedChanges<'h> {
    history: &'h HistoryView,
    /// The numbers of the changes with before-values, the newest last.
    touched: Vec<u64>,
    replacements: RecordReplacements<'h>,
    /// The next change that replaced the whole inventory.
    next_replacement: Option<RecordReplacement>,
    /// The kinds of which a record with this name exists, or existed according to the history.
    known: Vec<Kind>,
    /// Changes with smaller numbers only.
    below: Option<u64>,
}

impl<'h> NamedChanges<'h> {
    /// Begins with the newest change below a number. `limit` is the largest number of changes that are
    /// needed.
    pub(super) fn begin(
        store: &'h Store,
        visible: &'h VisibleHistory<'_>,
        (kinds, name): (&[Kind], &str),
        below: Option<u64>,
        limit: usize,
    ) -> Result<Self, StoreError> {
        let history = &visible.history;
        let (mut touched, mut known) = (Vec::new(), Vec::new());
        let mut shown = Vec::new();
        let live = store.read();
        for kind in kinds.iter().copied() {
            if !visible.shows(kind, name)? {
                continue;
            }
            shown.push(kind);
            touched.extend(history.numbers_of(kind, name, below, limit)?);
            if live.contains(kind, name)? || !history.numbers_of(kind, name, None, 1)?.is_empty() {
                known.push(kind);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        let replacements = store.record_replacements(history, &shown, name)?;
        let mut changes =
            Self { history, touched, replacements, next_replacement: None, known, below };
        changes.read_replacement()?;
        Ok(changes)
    }

    /// Returns the next change.
    pub(super) fn next(&mut self) -> Result<Option<NamedChange>, StoreError> {
        loop {
            let replaced = self.next_replacement.as_ref().map(|replaced| replaced.change.number);
            if let Some(number) = self.touched.pop_if(|number| replaced.is_none_or(|r| *number > r))
            {
                // It can be removed from the history meanwhile.
                let Some(change) = self.history.change(number)? else { continue };
                return Ok(Some(NamedChange::Touched(change)));
            }
            let replaced = self.next_replacement.take();
            if replaced.is_some() {
                self.read_replacement()?;
            }
            return Ok(replaced.map(NamedChange::Replaced));
        }
    }

    /// Reads the next change that replaced the whole inventory. A change that is no longer kept counts only
    /// for a kind that had a record with this name: otherwise each misspelt name would have such changes.
    fn read_replacement(&mut self) -> Result<(), StoreError> {
        while let Some(replaced) = self.replacements.next_change()? {
            let counts = match &replaced.effect {
                ReplacementEffect::Differences(differences) => {
                    self.known.extend(differences.iter().map(|(kind, _)| *kind));
                    true
                }
                ReplacementEffect::Unknown { kinds, .. } => {
                    kinds.iter().any(|kind| self.known.contains(kind))
                }
            };
            if counts && self.below.is_none_or(|below| replaced.change.number < below) {
                self.next_replacement = Some(replaced);
                break;
            }
        }
        Ok(())
    }
}
