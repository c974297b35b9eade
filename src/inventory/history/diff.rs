//! The differences of the inventory between two moments of the history.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ChangeRecord, ChangeSummary, KindChanges, Moment, RecordEffect, ShownDifference,
    moment_state::MomentState, not_kept, secret_names, shown, visible::VisibleHistory,
};
use crate::{
    import::differences,
    inventory::{Inventory, InventoryError},
    model::{AnyRecord, Kind, PerKind},
    store::{
        AtChange, DifferentText, Effect, HistoryChange, HistoryView, ReplacedStates, Store,
        StoreError, Stored, Touched,
    },
    wording::counted,
};

/// The largest number of records that changed between the two moments: about 10 s of work, and 50 MB of
/// JSON.
const RECORDS_MAX: usize = 50_000;

/// The differences of the inventory between two changes.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "InventoryDifference")]
pub struct InventoryDifference {
    /// The number of the last change before the differences.
    pub since: u64,
    /// The number of the last change of the differences.
    pub to: u64,
    /// One sentence for a person.
    pub summary: String,
    /// Whether all differences are known.
    pub complete: bool,
    /// The numbers of different records of each type.
    pub types: Vec<KindChanges>,
    /// The different records, sorted by type and name.
    pub records: Vec<ChangeRecord>,
    /// The changes that replaced the whole inventory, and whose copies of the inventory are no longer kept.
    /// Their records are not compared, and are missing in `records`.
    pub not_compared: Vec<ChangeSummary>,
}

/// The records and texts that changed between the two moments.
#[derive(Default)]
struct Collected {
    /// Each record with the properties of its long texts that changed.
    records: BTreeMap<(Kind, String), BTreeSet<String>>,
    /// The name at the first moment of each renamed record, by its last name.
    origins: BTreeMap<(Kind, String), String>,
    /// The names at the first moment of the records that have another name now.
    moved: BTreeSet<(Kind, String)>,
    not_compared: Vec<ChangeSummary>,
}

impl Inventory {
    /// Returns the differences between two moments. `None` for the second one means now.
    ///
    /// # Errors
    /// - [`InventoryError::NotKept`] if the history begins after the first moment.
    /// - [`InventoryError::NoChange`] if no change has the number of a moment yet.
    /// - [`InventoryError::MomentsReversed`] if the second moment is before the first.
    /// - [`InventoryError::TooManyDifferences`] if more than 50,000 records changed.
    /// - [`InventoryError::Store`] if the history cannot be read.
    pub fn difference(
        &self,
        since: Moment,
        to: Option<Moment>,
    ) -> Result<InventoryDifference, InventoryError> {
        // First the number: the history that is read then has all changes up to it.
        let last = *self.watch_version().borrow();
        let visible = self.visible_history()?;
        let history = &visible.history;
        let since = number_of(history, since)?;
        let to = to.map_or(Ok(last), |to| number_of(history, to))?;
        if let Some(number) = [since, to].into_iter().find(|number| *number > last) {
            return Err(InventoryError::NoChange { number });
        }
        if since > to {
            return Err(InventoryError::MomentsReversed { since, to });
        }
        require_kept(history, since, last)?;
        let states = Moments {
            before: MomentState::new(self, history, since)?,
            after: MomentState::new(self, history, to)?,
        };
        let collected = Collected::read(&self.0.store, &visible, &states, (since, to))?;
        let mut is_complete = collected.not_compared.is_empty();
        let mut records = Vec::new();
        for (kind, name) in collected.records.keys() {
            match collected.compare(&visible, &states, (*kind, name))? {
                Compared::Equal => {}
                Compared::Different(record) => records.push(record),
                Compared::Unknown => is_complete = false,
            }
        }
        // Old changes can be removed from the history while it is read.
        require_kept(history, since, last)?;
        Ok(report(since, to, is_complete, records, collected.not_compared))
    }
}

/// Checks that the history has all changes after `since`.
fn require_kept(history: &HistoryView, since: u64, last: u64) -> Result<(), InventoryError> {
    if history.begin()?.map_or(since < last, |begin| since + 1 < begin.number) {
        return Err(not_kept(history)?);
    }
    Ok(())
}

/// The inventory at the two moments.
struct Moments<'h> {
    before: MomentState<'h>,
    after: MomentState<'h>,
}

/// The comparison of a record at two moments.
enum Compared {
    Equal,
    Different(ChangeRecord),
    /// The record or a text of it is not known at one of the moments.
    Unknown,
}

impl Collected {
    /// Reads the changes after `since` up to `to`.
    fn read(
        store: &Store,
        visible: &VisibleHistory<'_>,
        states: &Moments<'_>,
        (since, to): (u64, u64),
    ) -> Result<Self, InventoryError> {
        let history = &visible.history;
        let mut collected = Self::default();
        for change in history.changes_after(since) {
            let number = change?.number;
            if number > to {
                break;
            }
            let Some(mut change) = history.change(number)? else { continue };
            if change.replaced.is_some() {
                match store.replaced_states(&change)? {
                    Some(replaced) => collected.add_replacement(&replaced)?,
                    None if visible.retain(&mut change)? => {
                        collected.not_compared.push(ChangeSummary::of(&change, 0));
                    }
                    None => {}
                }
            }
            collected.add(&change);
            collected.require_few()?;
        }
        collected.settle_renames(states)?;
        Ok(collected)
    }

    /// Checks the number of records, which are in memory.
    fn require_few(&self) -> Result<(), InventoryError> {
        if self.records.len() > RECORDS_MAX {
            return Err(InventoryError::TooManyDifferences { records_max: RECORDS_MAX });
        }
        Ok(())
    }

    /// Adds the records and texts that differ between the generations before and after a change.
    fn add_replacement(&mut self, replaced: &ReplacedStates) -> Result<(), InventoryError> {
        for kind in Kind::ALL {
            for different in replaced.records(kind, None) {
                let different = different?;
                let id = (kind, different.name);
                if different.after.is_none() {
                    self.origins.remove(&id);
                }
                self.records.entry(id).or_default();
                self.require_few()?;
            }
        }
        for text in replaced.texts(None) {
            let DifferentText { device, property } = text?;
            self.records.entry((Kind::Device, device)).or_default().insert(property);
            self.require_few()?;
        }
        Ok(())
    }

    /// Forgets the renames to a name that another record had, which was deleted: both are then compared
    /// by their names.
    fn settle_renames(&mut self, states: &Moments<'_>) -> Result<(), InventoryError> {
        loop {
            let renames = self.origins.iter().filter(|((_, new), old)| new != *old);
            self.moved = renames.map(|((kind, _), old)| (*kind, old.clone())).collect();
            let mut taken = None;
            for ((kind, new), old) in &self.origins {
                let id = (*kind, new.clone());
                if new != old
                    && !self.moved.contains(&id)
                    && states.before.record(*kind, new)? != AtChange::Absent
                {
                    taken = Some(id);
                    break;
                }
            }
            match taken {
                Some(id) => drop(self.origins.remove(&id)),
                None => return Ok(()),
            }
        }
    }

    fn add(&mut self, change: &HistoryChange) {
        for touched in &change.touched {
            let id = (touched.value.kind(), touched.value.name().to_owned());
            let texts = self.records.entry(id.clone()).or_default();
            match &touched.value {
                Touched::Text { property, .. } => {
                    texts.insert(property.clone());
                }
                Touched::Record { .. } => match &touched.effect {
                    Effect::RenamedFrom(from) => {
                        let first = self.origins.remove(&(id.0, from.clone()));
                        self.origins.insert(id, first.unwrap_or_else(|| from.clone()));
                    }
                    Effect::Removed => drop(self.origins.remove(&id)),
                    Effect::Created | Effect::Updated | Effect::RenamedTo(_) => {}
                },
            }
        }
    }

    /// Compares a record, by its name at the second moment. A record that the principal cannot read is
    /// called equal.
    fn compare(
        &self,
        visible: &VisibleHistory<'_>,
        states: &Moments<'_>,
        (kind, name): (Kind, &str),
    ) -> Result<Compared, InventoryError> {
        let origin = self.origins.get(&(kind, name.to_owned()));
        let after = states.after.record(kind, name)?;
        let before = match origin {
            Some(old) => states.before.record(kind, old)?,
            // The record with this name is listed under its new name.
            None if self.moved.contains(&(kind, name.to_owned())) => AtChange::Absent,
            None => states.before.record(kind, name)?,
        };
        let is_shown = match (&before, &after) {
            (AtChange::Value(last), AtChange::Absent) => visible.shows_removed(&*last.record)?,
            _ => visible.shows(kind, name)?,
        };
        if !is_shown {
            return Ok(Compared::Equal);
        }
        let (before, after) = match (before, after) {
            (AtChange::Value(before), AtChange::Value(after)) => (before, after),
            (AtChange::Value(_), AtChange::Absent) => {
                return Ok(Compared::of(kind, name, RecordEffect::Removed));
            }
            (AtChange::Absent, AtChange::Value(_)) => {
                return Ok(Compared::of(kind, name, RecordEffect::Created));
            }
            (AtChange::Absent, AtChange::Absent) => return Ok(Compared::Equal),
            _ => return Ok(Compared::Unknown),
        };
        let mut record = ChangeRecord::updated(kind, name);
        record.renamed_from = origin.filter(|origin| *origin != name).cloned();
        record.properties = properties(visible, before, after)?;
        let old_name = origin.map_or(name, String::as_str);
        for property in self.texts_of(kind, name, old_name) {
            let before = states.before.text(old_name, property)?;
            let after = states.after.text(name, property)?;
            if !before.is_known() || !after.is_known() {
                return Ok(Compared::Unknown);
            }
            if before != after {
                record.properties.push(ShownDifference::of_text(property));
            }
        }
        record.properties.sort_by(|a, b| a.change.property.cmp(&b.change.property));
        let is_equal = record.properties.is_empty() && record.renamed_from.is_none();
        Ok(if is_equal { Compared::Equal } else { Compared::Different(record) })
    }

    /// The properties of the long texts that changed under one of the two names.
    fn texts_of(&self, kind: Kind, name: &str, old_name: &str) -> BTreeSet<&str> {
        let of = |name: &str| self.records.get(&(kind, name.to_owned())).into_iter().flatten();
        of(name).chain(of(old_name)).map(String::as_str).collect()
    }
}

impl Compared {
    fn of(kind: Kind, name: &str, effect: RecordEffect) -> Self {
        Self::Different(ChangeRecord { effect, ..ChangeRecord::updated(kind, name) })
    }
}

/// Returns the number of the last change before a moment.
///
/// # Errors
/// [`InventoryError::NotKept`] if the history begins after a time.
fn number_of(history: &HistoryView, moment: Moment) -> Result<u64, InventoryError> {
    match moment {
        Moment::Change(number) => Ok(number),
        Moment::Time(time) => match history.number_at(time)? {
            Some(number) => Ok(number),
            None => Err(not_kept(history)?),
        },
    }
}

fn properties(
    visible: &VisibleHistory<'_>,
    mut before: Stored<AnyRecord>,
    mut after: Stored<AnyRecord>,
) -> Result<Vec<ShownDifference>, StoreError> {
    visible.strip(&mut before.record)?;
    visible.strip(&mut after.record)?;
    let secrets = secret_names(&[&before, &after]);
    let changes = differences(before.record, after.record);
    Ok(changes.into_iter().map(|change| shown(change, &secrets)).collect())
}

fn report(
    since: u64,
    to: u64,
    complete: bool,
    records: Vec<ChangeRecord>,
    not_compared: Vec<ChangeSummary>,
) -> InventoryDifference {
    let mut counts = PerKind::<[u64; 3]>::default();
    for record in &records {
        let [created, updated, removed] = &mut counts[record.kind];
        match record.effect {
            RecordEffect::Created => *created += 1,
            RecordEffect::Updated => *updated += 1,
            RecordEffect::Removed => *removed += 1,
        }
    }
    let types: Vec<KindChanges> = counts
        .iter()
        .filter(|(_, counts)| **counts != [0; 3])
        .map(|(kind, [created, updated, removed])| KindChanges {
            kind,
            created: *created,
            updated: *updated,
            removed: *removed,
        })
        .collect();
    let sum = |of: fn(&KindChanges) -> u64| types.iter().map(of).sum::<u64>();
    let mut summary = format!(
        "From change {since} to change {to}: {} created, {} updated, {} deleted.",
        counted(sum(|of| of.created), "record"),
        sum(|of| of.updated),
        sum(|of| of.removed),
    );
    if !complete {
        summary += " The differences are not complete, because the whole inventory was replaced in \
                    between, and the copy from before is no longer kept.";
    }
    InventoryDifference { since, to, summary, complete, types, records, not_compared }
}
