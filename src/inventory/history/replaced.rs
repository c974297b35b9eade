//! The differences of a change that replaced the whole inventory, while the generations before and after it
//! are kept.

use super::{
    ChangeDetails, ChangeRecord, ChangeSummary, ChangedName, RecordEffect, RecordPosition,
    ShownDifference, secret_names, shown, shown_values, visible::VisibleHistory,
};
use crate::{
    import::{ValueSide, differences},
    inventory::InventoryError,
    model::Kind,
    store::{
        DifferentRecord, DifferentText, RecordDifference, RecordReplacement, ReplacedStates,
        ReplacementEffect, StoreError,
    },
};

/// The records of a change that are shown at once.
pub(super) struct RecordPage {
    pub records: Vec<ChangeRecord>,
    /// The position of the last record, if more follow.
    pub next: Option<RecordPosition>,
}

impl RecordPage {
    /// Reads at most `limit` records that differ and that the principal can read, after a position. Memory
    /// does not grow with the change.
    ///
    /// # Errors
    /// [`InventoryError::Store`] if a generation cannot be read.
    pub(super) fn read(
        visible: &VisibleHistory<'_>,
        states: &ReplacedStates,
        after: Option<&RecordPosition>,
        limit: usize,
    ) -> Result<Self, InventoryError> {
        let mut page = Self { records: Vec::new(), next: None };
        let first = after.map_or(0, |after| after.kind.index());
        for kind in Kind::ALL.into_iter().filter(|kind| kind.index() >= first) {
            let from = after.filter(|after| after.kind == kind).map(|after| after.name.as_str());
            let mut differences = KindDifferences::begin(states, kind, from)?;
            while let Some(record) = differences.next_shown(visible)? {
                if page.records.len() == limit {
                    page.next = page.records.last().map(RecordPosition::of);
                    return Ok(page);
                }
                page.records.push(record);
            }
        }
        Ok(page)
    }
}

/// The records of one kind that differ, with the long texts of devices.
struct KindDifferences<R, T> {
    kind: Kind,
    records: R,
    texts: Option<T>,
    next_record: Option<DifferentRecord>,
    next_text: Option<DifferentText>,
}

impl<'s>
    KindDifferences<
        Box<dyn Iterator<Item = Result<DifferentRecord, StoreError>> + 's>,
        Box<dyn Iterator<Item = Result<DifferentText, StoreError>> + 's>,
    >
{
    fn begin(
        states: &'s ReplacedStates,
        kind: Kind,
        from: Option<&str>,
    ) -> Result<Self, StoreError> {
        let mut records: Box<dyn Iterator<Item = _>> = Box::new(states.records(kind, from));
        let mut texts: Option<Box<dyn Iterator<Item = _>>> = match kind {
            Kind::Device => Some(Box::new(states.texts(from))),
            _ => None,
        };
        let next_record = records.next().transpose()?;
        let next_text = texts.as_mut().and_then(Iterator::next).transpose()?;
        Ok(Self { kind, records, texts, next_record, next_text })
    }
}

impl<R, T> KindDifferences<R, T>
where
    R: Iterator<Item = Result<DifferentRecord, StoreError>>,
    T: Iterator<Item = Result<DifferentText, StoreError>>,
{
    /// Returns the next record that the principal can read.
    fn next_shown(
        &mut self,
        visible: &VisibleHistory<'_>,
    ) -> Result<Option<ChangeRecord>, StoreError> {
        while let Some((record, is_shown)) = self.next(visible)? {
            if is_shown {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// Returns the next record, and whether the principal can read it.
    fn next(
        &mut self,
        visible: &VisibleHistory<'_>,
    ) -> Result<Option<(ChangeRecord, bool)>, StoreError> {
        let name = self.next_record.as_ref().map(|record| &record.name);
        let device = self.next_text.as_ref().map(|text| &text.device);
        let name = match (name, device) {
            (None, None) => return Ok(None),
            (Some(name), Some(device)) => name.min(device).clone(),
            (Some(name), None) | (None, Some(name)) => name.clone(),
        };
        let mut record = ChangeRecord::updated(self.kind, &name);
        let different = self.next_record.take_if(|record| record.name == name);
        let removed = different.as_ref().filter(|record| record.after.is_none());
        let is_shown = match removed.and_then(|record| record.before.as_ref()) {
            Some(last) => visible.shows_removed(&*last.record)?,
            None => visible.shows(self.kind, &name)?,
        };
        if let Some(different) = different {
            self.next_record = self.records.next().transpose()?;
            (record.effect, record.properties) = effect(visible, different)?;
        }
        while let Some(text) = self.next_text.take_if(|text| text.device == name) {
            self.next_text = self.texts.as_mut().and_then(Iterator::next).transpose()?;
            record.properties.push(ShownDifference::of_text(&text.property));
        }
        record.properties.sort_by(|a, b| a.change.property.cmp(&b.change.property));
        Ok(Some((record, is_shown)))
    }
}

/// Returns a change of the records with a name, as a list shows it.
pub(super) fn replaced_summary(replaced: &RecordReplacement, name: &str) -> ChangeSummary {
    let mut summary = ChangeSummary::of(&replaced.change, 0);
    match &replaced.effect {
        ReplacementEffect::Differences(differences) => {
            let names = differences.iter();
            let names = names.map(|(kind, _)| ChangedName { kind: *kind, name: name.to_owned() });
            summary.names = names.collect();
        }
        ReplacementEffect::Unknown { is_certain, .. } => {
            summary.not_kept = true;
            summary.changed = *is_certain;
        }
    }
    summary
}

/// Returns a change of the records with a name, with their differences.
pub(super) fn replaced_details(
    visible: &VisibleHistory<'_>,
    replaced: RecordReplacement,
    name: &str,
) -> Result<ChangeDetails, StoreError> {
    let mut change = ChangeSummary::of(&replaced.change, 0);
    let records = match replaced.effect {
        ReplacementEffect::Differences(differences) => {
            let records = differences.into_iter();
            let records =
                records.map(|(kind, difference)| changed_record(visible, kind, name, difference));
            records.collect::<Result<_, _>>()?
        }
        ReplacementEffect::Unknown { is_certain, .. } => {
            change.not_kept = true;
            change.changed = is_certain;
            Vec::new()
        }
    };
    Ok(ChangeDetails::of(change, records))
}

/// Returns the changed record, with its differences.
fn changed_record(
    visible: &VisibleHistory<'_>,
    kind: Kind,
    name: &str,
    difference: RecordDifference,
) -> Result<ChangeRecord, StoreError> {
    let mut record = ChangeRecord::updated(kind, name);
    if let Some(different) = difference.record {
        (record.effect, record.properties) = effect(visible, different)?;
    }
    let texts = difference.texts.iter().map(|property| ShownDifference::of_text(property));
    record.properties.extend(texts);
    record.properties.sort_by(|a, b| a.change.property.cmp(&b.change.property));
    Ok(record)
}

/// The effect of the change on a record, and its differences.
fn effect(
    visible: &VisibleHistory<'_>,
    different: DifferentRecord,
) -> Result<(RecordEffect, Vec<ShownDifference>), StoreError> {
    Ok(match (different.before, different.after) {
        (None, None) => (RecordEffect::Updated, Vec::new()),
        (None, Some(after)) => {
            (RecordEffect::Created, shown_values(visible, after, ValueSide::After)?)
        }
        (Some(before), None) => {
            (RecordEffect::Removed, shown_values(visible, before, ValueSide::Before)?)
        }
        (Some(mut before), Some(mut after)) => {
            visible.strip(&mut before.record)?;
            visible.strip(&mut after.record)?;
            let secrets = secret_names(&[&before, &after]);
            let changes = differences(before.record, after.record);
            let shown = changes.into_iter().map(|change| shown(change, &secrets));
            (RecordEffect::Updated, shown.collect())
        }
    })
}
