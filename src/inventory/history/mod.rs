//! Reads the history: the changes, the differences of each record, and earlier states of a record.
//! Undoes changes.
//!
//! ```text
//! request        the filters of a list of changes
//! moment         moments, as users write them
//! report         changes as responses show them
//! configurations  the earlier texts of devices
//! diff           differences between two moments
//! follow         changes for programs that follow the inventory
//! moment_state   the inventory as it was after a change
//! named_changes  the changes of the records with one name
//! position       the position of a record in the list of a change
//! record_names   the names of one record over time
//! renames        the present names of renamed records
//! replaced       the differences of a change that replaced the whole inventory
//! undo           undoes a change
//! replaced_undo  plans the undo of a change that replaced the whole inventory
//! undo_request   the request for an undo
//! undo_logins    the administrators that an undo changes
//! undo_report    the report of an undo
//! visible        the part of the history that the principal can read
//! merge_back     takes the differences of a change back from the present state of a record
//! ```

mod configurations;
mod diff;
mod follow;
mod merge_back;
mod moment;
mod moment_state;
mod named_changes;
mod position;
mod record_names;
mod renames;
mod replaced;
mod replaced_undo;
mod report;
mod request;
mod undo;
mod undo_logins;
mod undo_report;
mod undo_request;
mod visible;

pub use configurations::ConfigurationVersion;
pub use diff::InventoryDifference;
pub use follow::{FollowedChange, FollowedChanges, FollowedRecord, Listed};
pub use moment::{Moment, MomentError, parse_time, past_time};
pub use position::{NoRecordPosition, RecordPosition};
pub use report::{
    ChangeDetails, ChangeRecord, ChangeSummary, ChangedName, GenerationChange, HistoryPage,
    HistoryStart, KindChanges, RecordEffect, ReplacedBy, ShownDifference,
};
pub use request::HistoryRequest;
pub use undo_report::{
    ChangeUndoOutcome, ChangeUndoReport, ConflictReason, LeftOutReference, UndoConflict,
    UndoWritten, UndoneAdministrator, UndoneRecord,
};
pub use undo_request::{ChangeUndoRequest, OnConflict, UNDO_OPERATION};

use std::{cmp::Reverse, collections::BTreeMap};

use super::{InstanceRow, Inventory, InventoryError, RowState, read::OwnProperties};
use crate::{
    import::{PropertyChange, ValueSide, differences, values},
    model::{AnyRecord, Kind},
    store::{
        AtChange, EarlierState, Effect, HistoryChange, HistoryView, StoreError, Stored, Touched,
    },
};

use named_changes::{NamedChange, NamedChanges};
use record_names::{NamedPeriod, RecordNames};
use replaced::{RecordPage, replaced_details, replaced_summary};
use visible::VisibleHistory;

/// The largest number of records of one change that a list shows. The change itself shows all.
const LISTED_RECORDS_MAX: usize = 20;

impl Inventory {
    /// Returns a page of changes, the newest first.
    ///
    /// # Errors
    /// [`InventoryError::Store`] if the history cannot be read.
    pub fn history(&self, request: &HistoryRequest) -> Result<HistoryPage, InventoryError> {
        let visible = self.visible_history()?;
        let history = &visible.history;
        let begin = history.begin()?.map(HistoryStart::from);
        let changes = match &request.name {
            Some(name) => self.named_changes(&visible, request, name)?,
            None => all_changes(&visible, request)?,
        };
        Ok(HistoryPage { begin, changes })
    }

    /// Returns the changes of the records with a name. The index of names finds them without reading the
    /// others.
    fn named_changes(
        &self,
        visible: &VisibleHistory<'_>,
        request: &HistoryRequest,
        name: &str,
    ) -> Result<Vec<ChangeSummary>, InventoryError> {
        let records = (request.kinds(), name);
        let mut named =
            NamedChanges::begin(&self.0.store, visible, records, request.below, usize::MAX)?;
        let mut changes = Vec::new();
        while changes.len() < request.limit
            && let Some(change) = named.next()?
        {
            let head = change.head();
            if request.is_before(head) {
                break;
            }
            if !request.may_match(head) {
                continue;
            }
            let summary = match change {
                NamedChange::Touched(mut change) => {
                    let is_listed = visible.retain(&mut change)?
                        && request.may_match(&change)
                        && request.matches(&change, &names_of(&change));
                    is_listed.then(|| ChangeSummary::of(&change, LISTED_RECORDS_MAX))
                }
                NamedChange::Replaced(mut replaced) => {
                    visible.retain(&mut replaced.change)?;
                    let is_listed = request.matches(&replaced.change, &[name]);
                    is_listed.then(|| replaced_summary(&replaced, name))
                }
            };
            changes.extend(summary);
        }
        Ok(changes)
    }

    /// The first change that the history keeps; `None` if it is empty.
    ///
    /// # Errors
    /// [`InventoryError::Store`] if the history cannot be read.
    pub fn history_begin(&self) -> Result<Option<HistoryStart>, InventoryError> {
        Ok(self.0.store.history()?.begin()?.map(HistoryStart::from))
    }

    /// Returns a change with the differences of at most `limit` records that it changed, after a position.
    ///
    /// # Errors
    /// - [`InventoryError::NoChange`] if the history has no change with this number.
    /// - [`InventoryError::Store`] if the history cannot be read.
    pub fn change(
        &self,
        number: u64,
        after: Option<&RecordPosition>,
        limit: usize,
    ) -> Result<ChangeDetails, InventoryError> {
        let visible = self.visible_history()?;
        let Some(mut change) = visible.history.change(number)? else {
            return Err(self.no_change(&visible.history, number)?);
        };
        if !visible.retain(&mut change)? {
            return Err(InventoryError::NoChange { number });
        }
        let summary = ChangeSummary::of(&change, 0);
        if change.replaced.is_some() {
            let Some(states) = self.0.store.replaced_states(&change)? else {
                let change = ChangeSummary { not_kept: true, ..summary };
                return Ok(ChangeDetails::of(change, Vec::new()));
            };
            let RecordPage { records, next } = RecordPage::read(&visible, &states, after, limit)?;
            let next = next.map(|next| next.to_string());
            return Ok(ChangeDetails { next, ..ChangeDetails::of(summary, records) });
        }
        let mut records = self.differences_of(&visible, &change, None)?;
        records.retain(|record| after.is_none_or(|after| after.is_before(record)));
        let has_more = records.len() > limit;
        records.truncate(limit);
        let last = records.last().filter(|_| has_more);
        let next = last.map(|last| RecordPosition::of(last).to_string());
        Ok(ChangeDetails { next, ..ChangeDetails::of(summary, records) })
    }

    /// Returns the changes of one record, the newest first, each with its differences. Changes before a rename
    /// have the earlier name. Changes of an earlier record with the same name are among them, and are marked. A
    /// change that replaced the whole inventory is among them if it changed the record, or if that is not known.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`] if the record does not exist and the history has no change of it;
    /// [`InventoryError::Store`] if the history cannot be read.
    pub fn instance_history(
        &self,
        kind: Kind,
        name: &str,
        below: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ChangeDetails>, InventoryError> {
        let visible = self.visible_history()?;
        visible.require(kind, name)?;
        let names = RecordNames::of(&self.0.store, &visible.history, kind, name)?;
        let mut details = Vec::new();
        for NamedPeriod { name, from, below: renamed } in names.periods() {
            let below = [below, *renamed].into_iter().flatten().min();
            if details.len() == limit {
                break;
            }
            let mut of_period = self.details_of(&visible, (kind, name), below, *from, limit)?;
            of_period.truncate(limit - details.len());
            details.append(&mut of_period);
        }
        let mut others = self.details_of(&visible, (kind, name), below, 0, limit)?;
        others.retain(|details| !names.contains(name, details.change.number));
        for other in &mut others {
            other.other_record = true;
        }
        details.append(&mut others);
        details.sort_by_key(|details| (Reverse(details.change.number), details.other_record));
        details.truncate(limit);
        if details.is_empty() && below.is_none() && !self.0.store.read().contains(kind, name)? {
            return Err(InventoryError::NotFound { kind, name: name.to_owned() });
        }
        Ok(details)
    }

    /// Returns the changes of a record under one name from the change `from` on and below a number, the newest
    /// first, at most `limit`.
    fn details_of(
        &self,
        visible: &VisibleHistory<'_>,
        (kind, name): (Kind, &str),
        below: Option<u64>,
        from: u64,
        limit: usize,
    ) -> Result<Vec<ChangeDetails>, InventoryError> {
        let store = &self.0.store;
        let mut named = NamedChanges::begin(store, visible, (&[kind], name), below, limit)?;
        let mut details = Vec::new();
        while details.len() < limit
            && let Some(change) = named.next()?
        {
            if change.head().number < from {
                break;
            }
            match change {
                NamedChange::Touched(mut change) => {
                    if visible.retain(&mut change)? {
                        let records = self.differences_of(visible, &change, Some((kind, name)))?;
                        let change = ChangeSummary::of(&change, 0);
                        details.push(ChangeDetails::of(change, records));
                    }
                }
                NamedChange::Replaced(mut replaced) => {
                    visible.retain(&mut replaced.change)?;
                    details.push(replaced_details(visible, replaced, name)?);
                }
            }
        }
        Ok(details)
    }

    /// Calls `show` with a record as it was at a moment: its own properties except secrets. Relations
    /// from other records and the members of computed pools are not part of it.
    ///
    /// # Errors
    /// - [`InventoryError::NotFound`] if the record did not exist.
    /// - [`InventoryError::NotKept`] or [`InventoryError::NoChange`] if the history does not have this
    ///   moment.
    /// - [`InventoryError::Store`] if the record or the history cannot be read.
    pub fn instance_at<R>(
        &self,
        kind: Kind,
        name: &str,
        moment: Moment,
        show: impl FnOnce(&InstanceRow<'_>) -> R,
    ) -> Result<R, InventoryError> {
        let visible = self.visible_history()?;
        visible.require(kind, name)?;
        let history = &visible.history;
        let number = match moment {
            Moment::Change(number) => number,
            Moment::Time(time) => match history.number_at(time)? {
                Some(number) => number,
                None => return Err(not_kept(history)?),
            },
        };
        match self.record_at(history, kind, name, number)? {
            AtChange::Value(mut stored) => {
                visible.strip(&mut stored.record)?;
                let own = OwnProperties::without_members();
                let properties = own.properties(&*stored.record);
                let (version, ordinal, state) = (stored.version, stored.ordinal, RowState::Read);
                Ok(show(&InstanceRow { version, ordinal, state, properties: &properties }))
            }
            AtChange::Absent => Err(InventoryError::NotFound { kind, name: name.to_owned() }),
            AtChange::BeforeBegin(_) => Err(not_kept(history)?),
            AtChange::NotYet => Err(self.no_change(history, number)?),
            AtChange::Replaced(change) => Err(InventoryError::Replaced { change }),
        }
    }

    /// Returns a record as it was after the change with this number, from the history or from a kept generation.
    fn record_at(
        &self,
        history: &HistoryView,
        kind: Kind,
        name: &str,
        number: u64,
    ) -> Result<AtChange<Stored<AnyRecord>>, StoreError> {
        let found = history.record_at(kind, name, number)?;
        let AtChange::Replaced(_) = found else { return Ok(found) };
        // The first change that replaced the generation, and of which the copy is no longer kept.
        let mut lost = None;
        let mut last = number;
        while let Some(replacement) = history.first_replacement_after(last)? {
            let Some(state) = self.0.store.earlier_state(number, &replacement)? else {
                lost.get_or_insert(replacement.number);
                last = replacement.number;
                continue;
            };
            return Ok(match (state.record(kind, name)?, lost) {
                // Records that a bulk load does not change keep their versions.
                (Some(stored), _) if stored.version <= number => AtChange::Value(stored),
                (_, Some(lost)) => AtChange::Replaced(lost),
                (found, None) => found.map_or(AtChange::Absent, AtChange::Value),
            });
        }
        Ok(found)
    }

    /// Returns a long text of a device as it was after the change with this number.
    fn text_at(
        &self,
        history: &HistoryView,
        device: &str,
        property: &str,
        number: u64,
    ) -> Result<AtChange<String>, StoreError> {
        let found = history.text_at(device, property, number)?;
        if let AtChange::Replaced(_) = found
            && let Some(state) = self.earlier_state(history, number)?
        {
            return Ok(state.text(device, property)?.map_or(AtChange::Absent, AtChange::Value));
        }
        Ok(found)
    }

    /// Returns the generation that was current after a change, if it was replaced since and is kept.
    fn earlier_state(
        &self,
        history: &HistoryView,
        number: u64,
    ) -> Result<Option<EarlierState>, StoreError> {
        match history.first_replacement_after(number)? {
            Some(replacement) => self.0.store.earlier_state(number, &replacement),
            None => Ok(None),
        }
    }

    /// Returns the differences of the records that a change touched, or only of one record. A change of
    /// a device and of its texts is one entry.
    fn differences_of(
        &self,
        visible: &VisibleHistory<'_>,
        change: &HistoryChange,
        only: Option<(Kind, &str)>,
    ) -> Result<Vec<ChangeRecord>, InventoryError> {
        let mut records = BTreeMap::<(Kind, &str), ChangeRecord>::new();
        for touched in &change.touched {
            let (kind, name) = (touched.value.kind(), touched.value.name());
            if only.is_some_and(|only| only != (kind, name)) {
                continue;
            }
            let entry = records.entry((kind, name));
            match &touched.value {
                Touched::Record { .. } => {
                    let record = entry.or_insert_with(|| ChangeRecord::updated(kind, name));
                    record.effect = RecordEffect::from(&touched.effect);
                    match &touched.effect {
                        Effect::Created => record.properties.extend(self.created_values(
                            visible,
                            (kind, name),
                            change.number,
                        )?),
                        Effect::Removed => {
                            let id = (kind, name);
                            record.properties.extend(removed_values(visible, id, change.number)?);
                        }
                        Effect::Updated => record.properties.extend(self.record_differences(
                            visible,
                            (kind, name),
                            name,
                            change.number,
                        )?),
                        Effect::RenamedFrom(from) => {
                            record.renamed_from = Some(from.clone());
                            record.properties.extend(self.record_differences(
                                visible,
                                (kind, from),
                                name,
                                change.number,
                            )?);
                        }
                        Effect::RenamedTo(to) => record.renamed_to = Some(to.clone()),
                    }
                }
                Touched::Text { property, .. } => {
                    let record = entry.or_insert_with(|| ChangeRecord::updated(kind, name));
                    record.properties.push(ShownDifference::of_text(property));
                }
            }
        }
        let mut records: Vec<ChangeRecord> = records.into_values().collect();
        records.sort_by_key(|record| record.kind.index());
        for record in &mut records {
            record.properties.sort_by(|a, b| a.change.property.cmp(&b.change.property));
        }
        Ok(records)
    }

    /// Returns the differences of a record, which had the name of `before`, and has the name `after` since
    /// the change.
    fn record_differences(
        &self,
        visible: &VisibleHistory<'_>,
        before: (Kind, &str),
        after: &str,
        number: u64,
    ) -> Result<Vec<ShownDifference>, InventoryError> {
        let (kind, name) = before;
        let before = visible.history.record_before(kind, name, number)?;
        let after = self.record_at(&visible.history, kind, after, number)?;
        let (Some(mut before), AtChange::Value(mut after)) = (before, after) else {
            return Ok(Vec::new());
        };
        visible.strip(&mut before.record)?;
        visible.strip(&mut after.record)?;
        let secrets = secret_names(&[&before, &after]);
        let changes = differences(before.record, after.record);
        Ok(changes.into_iter().map(|change| shown(change, &secrets)).collect())
    }

    /// Returns the values of a record that a change created.
    fn created_values(
        &self,
        visible: &VisibleHistory<'_>,
        (kind, name): (Kind, &str),
        number: u64,
    ) -> Result<Vec<ShownDifference>, StoreError> {
        match self.record_at(&visible.history, kind, name, number)? {
            AtChange::Value(stored) => shown_values(visible, stored, ValueSide::After),
            _ => Ok(Vec::new()),
        }
    }

    /// The error for a number that no change of the history has.
    fn no_change(
        &self,
        history: &HistoryView,
        number: u64,
    ) -> Result<InventoryError, InventoryError> {
        match history.begin()? {
            Some(begin) if number < begin.number => not_kept(history),
            _ => Ok(InventoryError::NoChange { number }),
        }
    }
}

/// Returns the values of a record that a change removed.
fn removed_values(
    visible: &VisibleHistory<'_>,
    (kind, name): (Kind, &str),
    number: u64,
) -> Result<Vec<ShownDifference>, StoreError> {
    match visible.history.record_before(kind, name, number)? {
        Some(stored) => shown_values(visible, stored, ValueSide::Before),
        None => Ok(Vec::new()),
    }
}

/// Returns the values of a record that a change created or removed.
fn shown_values(
    visible: &VisibleHistory<'_>,
    mut stored: Stored<AnyRecord>,
    side: ValueSide,
) -> Result<Vec<ShownDifference>, StoreError> {
    visible.strip(&mut stored.record)?;
    let secrets = secret_names(&[&stored]);
    let values = values(stored.record, side).into_iter();
    Ok(values.map(|value| shown(value, &secrets)).collect())
}

/// The error for a moment before the history begins.
fn not_kept(history: &HistoryView) -> Result<InventoryError, InventoryError> {
    Ok(InventoryError::NotKept { begin: history.begin()?.map(HistoryStart::from) })
}

/// Returns a page of the changes of all records.
fn all_changes(
    visible: &VisibleHistory<'_>,
    request: &HistoryRequest,
) -> Result<Vec<ChangeSummary>, InventoryError> {
    let history = &visible.history;
    let mut changes = Vec::new();
    for change in history.changes(request.below) {
        let change = change?;
        if request.is_before(&change) || changes.len() >= request.limit {
            break;
        }
        if !request.may_match(&change) {
            continue;
        }
        // It can be removed from the history meanwhile.
        let Some(mut full) = history.change(change.number)? else { continue };
        if visible.retain(&mut full)?
            && request.may_match(&full)
            && request.matches(&full, &names_of(&full))
        {
            changes.push(ChangeSummary::of(&full, LISTED_RECORDS_MAX));
        }
    }
    Ok(changes)
}

/// The names of the records that a change touched.
fn names_of(change: &HistoryChange) -> Vec<&str> {
    change.touched.iter().map(|touched| touched.value.name()).collect()
}

/// The properties that hold secrets in one of the states of a record.
fn secret_names(states: &[&Stored<AnyRecord>]) -> Vec<String> {
    let mut names = Vec::new();
    for stored in states {
        let mut record = stored.record.clone();
        names.extend(record.secrets().into_iter().map(|(property, _)| property.to_owned()));
    }
    names
}

fn shown(change: PropertyChange, secrets: &[String]) -> ShownDifference {
    let is_secret = secrets.contains(&change.property);
    ShownDifference { is_secret, is_text: false, ..ShownDifference::from(change) }
}
