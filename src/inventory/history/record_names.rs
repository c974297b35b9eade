//! The names of one record over time, so that its history continues before a rename.

use super::undo_request::UNDO_OPERATION;
use crate::{
    model::Kind,
    store::{Effect, HistoryChange, HistoryView, ReplacementEffect, Store, StoreError, Touched},
};

/// The largest number of names that are followed. A record that is renamed more often begins later.
const NAMES_MAX: usize = 1000;

/// The names of one record, the last one first.
pub(super) struct RecordNames(Vec<NamedPeriod>);

/// The changes in which a record had one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedPeriod {
    pub name: String,
    /// The change that gave the record this name; 0 if the history does not have it.
    pub from: u64,
    /// The change that renamed the record. `None` for the last name.
    pub below: Option<u64>,
}

impl RecordNames {
    /// The names of the last record that has or had this name.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the history cannot be read.
    pub(super) fn of(
        store: &Store,
        history: &HistoryView,
        kind: Kind,
        name: &str,
    ) -> Result<Self, StoreError> {
        let mut periods = Vec::new();
        let mut next = Some((name.to_owned(), None));
        while let Some((name, below)) = next.take().filter(|_| periods.len() < NAMES_MAX) {
            let named = history.named_by(kind, &name, below)?;
            let loaded = loaded_by(store, history, (kind, &name), below)?;
            let from = named.max(loaded);
            if let Some(number) = named.filter(|_| from == named)
                && let Some(change) = history.change(number)?
            {
                next = name_before(&change, kind, &name).map(|name| (name, Some(number)));
            }
            periods.push(NamedPeriod { name, from: from.unwrap_or_default(), below });
        }
        Ok(Self(periods))
    }

    /// The periods, the last one first.
    pub(super) fn periods(&self) -> &[NamedPeriod] {
        &self.0
    }

    /// The name of the record after the change with this number. `None` if it did not exist.
    pub(super) fn name_at(&self, number: u64) -> Option<&str> {
        let period = self.0.iter().find(|period| period.contains(number))?;
        Some(&period.name)
    }

    /// Returns whether a change with this number of a record with this name is one of this record.
    pub(super) fn contains(&self, name: &str, number: u64) -> bool {
        self.0.iter().any(|period| period.name == name && period.contains(number))
    }
}

impl NamedPeriod {
    /// Returns whether the record had the name after the change with this number.
    pub(super) fn contains(&self, number: u64) -> bool {
        number >= self.from && self.below.is_none_or(|below| number < below)
    }
}

/// Returns the last change below a number that replaced the whole inventory and created the record, as far as
/// the copies of the inventory are kept.
fn loaded_by(
    store: &Store,
    history: &HistoryView,
    (kind, name): (Kind, &str),
    below: Option<u64>,
) -> Result<Option<u64>, StoreError> {
    let mut replacements = store.record_replacements(history, &[kind], name)?;
    while let Some(replaced) = replacements.next_change()? {
        let number = replaced.change.number;
        let ReplacementEffect::Differences(differences) = replaced.effect else { continue };
        let creates = differences.iter().any(|(_, difference)| {
            let record = difference.record.as_ref();
            record.is_some_and(|record| record.before.is_none() && record.after.is_some())
        });
        let brings_back = is_undo(&replaced.change);
        if creates && !brings_back && below.is_none_or(|below| number < below) {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// The name of a record before a change that gave it a name. `None` if the change created it. An undo of a
/// deletion brings the same record back.
fn name_before(change: &HistoryChange, kind: Kind, name: &str) -> Option<String> {
    let touched = change.touched.iter().find(|touched| match &touched.value {
        Touched::Record { kind: of, name: to } => *of == kind && to == name,
        Touched::Text { .. } => false,
    })?;
    match &touched.effect {
        Effect::RenamedFrom(from) => Some(from.clone()),
        Effect::Created if is_undo(change) => Some(name.to_owned()),
        _ => None,
    }
}

fn is_undo(change: &HistoryChange) -> bool {
    change.origin.operation == UNDO_OPERATION
}
