//! Undoes a change that replaced the whole inventory, and keeps what was changed since.
//!
//! Each difference between the generations before and after the change is taken back from the present record.
//! The names of the affected records are kept in memory, about 100 bytes each. Their contents are not: they are
//! read again when they are written.

use std::collections::HashSet;

use time::OffsetDateTime;

use super::{
    RecordEffect,
    merge_back::{Passwords, is_same, merge_back},
    renames::Renames,
    undo_logins::UndoneLogins,
    undo_report::{ChangeUndoReport, ConflictReason},
    undo_request::ChangeUndoRequest,
};
use crate::{
    import::{CheckedRecords, Log},
    inventory::{
        InventoryError,
        change::{stamp_modified, timestamp},
    },
    model::{AnyRecord, Arity, Kind, PerKind, Target, arity},
    store::{DifferentRecord, HistoryView, LiveView, ReplacedStates, StoreError, Stored, Vault},
};

/// The names of records by kind.
type Names = PerKind<HashSet<String>>;

/// Receives a record after the undo: its kind and name, and `None` if it is deleted.
type WriteResult<'w> = dyn FnMut(Kind, &str, Option<AnyRecord>) -> Result<(), InventoryError> + 'w;

/// A planned undo of a change that replaced the whole inventory.
pub(super) struct ReplacedUndo<'u> {
    states: &'u ReplacedStates,
    present: &'u LiveView,
    renames: Renames<'u>,
    /// The number of the change.
    number: u64,
    request: &'u ChangeUndoRequest,
    /// Created records that the undo deletes.
    removed: Names,
    /// Deleted records that the undo creates again.
    restored: Names,
    /// Records whose properties are set back.
    set_back: Names,
    /// Records of `set_back` that get references which they do not have now.
    with_references: Names,
    /// Long texts that are set back: the device and the property.
    pub texts: Vec<(String, String)>,
    pub report: ChangeUndoReport,
}

impl<'u> ReplacedUndo<'u> {
    /// Plans the undo. The caller prevents concurrent changes, or only reports the plan.
    ///
    /// # Errors
    /// [`InventoryError::Store`] if a record cannot be read.
    pub(super) fn plan(
        states: &'u ReplacedStates,
        present: &'u LiveView,
        (history, request): (&'u HistoryView, &'u ChangeUndoRequest),
        report: ChangeUndoReport,
    ) -> Result<Self, InventoryError> {
        let mut undo = Self {
            states,
            present,
            renames: Renames::of(history),
            number: report.change.number,
            request,
            removed: Names::default(),
            restored: Names::default(),
            set_back: Names::default(),
            with_references: Names::default(),
            texts: Vec::new(),
            report,
        };
        for kind in Kind::ALL {
            for different in states.records(kind, None) {
                undo.classify(kind, different?)?;
            }
        }
        while undo.drop_removed()? | undo.drop_restored()? | undo.drop_set_back()? {}
        undo.plan_texts()?;
        Ok(undo)
    }

    fn conflict(&mut self, kind: Kind, name: &str, property: Option<&str>, reason: ConflictReason) {
        self.report.add_conflict(kind, name, property, reason);
    }

    fn decrypted(&self, stored: &Stored<AnyRecord>) -> Result<AnyRecord, StoreError> {
        let mut record = stored.record.clone();
        self.states.decrypt_secrets(&mut record)?;
        Ok(record)
    }

    /// Decides what the undo does with a record.
    fn classify(&mut self, kind: Kind, different: DifferentRecord) -> Result<(), StoreError> {
        let DifferentRecord { name, before, after } = different;
        let present = self.present.get_any(kind, &name)?;
        match (before, after, present) {
            // If it was deleted since, nothing is left to undo.
            (None, _, None) => {
                if let Some(new) = self.renames.name_now(kind, &name, self.number)?
                    && self.present.get_any(kind, &new)?.is_some()
                {
                    self.report.add_renamed(kind, &name, new);
                }
            }
            (None, None, Some(_)) => {}
            (None, Some(after), Some(present)) => {
                if kind == Kind::User && name == self.request.origin.principal {
                    self.conflict(kind, &name, None, ConflictReason::OwnUser);
                } else if self.is_unchanged(&name, &after, &present)? {
                    self.removed[kind].insert(name);
                } else {
                    self.conflict(kind, &name, None, ConflictReason::ChangedSince);
                }
            }
            (Some(_), None, Some(_)) => {
                self.conflict(kind, &name, None, ConflictReason::NameTaken);
            }
            (Some(_), None, None) => {
                self.restored[kind].insert(name);
            }
            (Some(_), Some(_), None) => {
                self.conflict(kind, &name, None, ConflictReason::RemovedSince);
            }
            (Some(before), Some(after), Some(present)) => {
                let [before, after, present] =
                    [self.decrypted(&before)?, self.decrypted(&after)?, self.decrypted(&present)?];
                let merged = merge_back(&before, &after, &present, Passwords::SetBack);
                for (property, reason) in &merged.conflicts {
                    self.conflict(kind, &name, Some(property), *reason);
                }
                if merged.is_changed {
                    if !new_references(&merged.record, &present).is_empty() {
                        self.with_references[kind].insert(name.clone());
                    }
                    self.set_back[kind].insert(name);
                }
            }
        }
        Ok(())
    }

    /// Returns whether a created record is as the change has created it, with its long texts.
    fn is_unchanged(
        &self,
        name: &str,
        after: &Stored<AnyRecord>,
        present: &Stored<AnyRecord>,
    ) -> Result<bool, StoreError> {
        if after.version != present.version
            && !is_same(&self.decrypted(after)?, &self.decrypted(present)?)
        {
            return Ok(false);
        }
        if present.record.kind() == Kind::Device {
            for property in self.present.texts(name)? {
                let text = self.present.text(name, &property)?.map(|text| text.text);
                if text != self.states.text_after(name, &property)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Returns whether a record exists after the undo.
    fn exists(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        Ok(self.restored[kind].contains(name)
            || (!self.removed[kind].contains(name) && self.present.contains(kind, name)?))
    }

    fn target_exists(&self, target: Target, name: &str) -> Result<bool, StoreError> {
        for kind in target.kinds() {
            if self.exists(*kind, name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns a record of `set_back` as it is after the undo, with all references, and the present record.
    fn merged(&self, kind: Kind, name: &str) -> Result<Option<[AnyRecord; 2]>, StoreError> {
        let before = self.states.record_before(kind, name)?;
        let after = self.states.record_after(kind, name)?;
        let present = self.present.get_any(kind, name)?;
        let (Some(before), Some(after), Some(present)) = (before, after, present) else {
            return Ok(None);
        };
        let [before, after, present] =
            [self.decrypted(&before)?, self.decrypted(&after)?, self.decrypted(&present)?];
        Ok(Some([merge_back(&before, &after, &present, Passwords::SetBack).record, present]))
    }

    /// Keeps the created records to which another record refers after the undo. Returns whether there is one.
    fn drop_removed(&mut self) -> Result<bool, StoreError> {
        let mut dropped = Vec::new();
        for (kind, names) in self.removed.iter() {
            for name in names {
                if self.is_referred_to(kind, name)? {
                    dropped.push((kind, name.clone()));
                }
            }
        }
        self.drop_all(dropped, |undo| &mut undo.removed, |_| (None, ConflictReason::ReferredTo))
    }

    /// Reports the records, and removes them from a set. Returns whether there is one.
    fn drop_all<T>(
        &mut self,
        dropped: Vec<T>,
        set: impl Fn(&mut Self) -> &mut Names,
        reason: impl Fn(&T) -> (Option<&'static str>, ConflictReason),
    ) -> Result<bool, StoreError>
    where
        T: DroppedRecord,
    {
        for record in &dropped {
            let (kind, name) = record.id();
            set(self)[kind].remove(name);
            let (relation, reason) = reason(record);
            self.conflict(kind, name, relation, reason);
        }
        Ok(!dropped.is_empty())
    }

    fn is_referred_to(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        let mut referrers = self.present.referrers(Target::Kind(kind), name)?;
        if Target::Node.kinds().contains(&kind) {
            referrers.extend(self.present.referrers(Target::Node, name)?);
        }
        for source in referrers {
            if self.removed[source.kind].contains(&source.name) {
                continue;
            }
            if self.set_back[source.kind].contains(&source.name)
                && let Some([merged, _]) = self.merged(source.kind, &source.name)?
                && !refers(&merged, &source.relation, name)
            {
                continue;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Leaves out the deleted records whose name is taken, or that need a missing record. Returns whether there
    /// is one.
    fn drop_restored(&mut self) -> Result<bool, StoreError> {
        let mut dropped = Vec::new();
        for (kind, names) in self.restored.iter() {
            for name in names {
                let obstacle = self.obstacle(kind, name)?;
                dropped.extend(
                    obstacle.map(|(relation, reason)| (kind, name.clone(), relation, reason)),
                );
            }
        }
        self.drop_all(dropped, |undo| &mut undo.restored, |dropped| (dropped.2, dropped.3))
    }

    fn obstacle(
        &self,
        kind: Kind,
        name: &str,
    ) -> Result<Option<(Option<&'static str>, ConflictReason)>, StoreError> {
        // A device and a network cannot have the same name.
        if Target::Node.kinds().contains(&kind) {
            for other in Target::Node.kinds().iter().filter(|other| **other != kind) {
                if self.exists(*other, name)? {
                    return Ok(Some((None, ConflictReason::NameTaken)));
                }
            }
        }
        let Some(before) = self.states.record_before(kind, name)? else { return Ok(None) };
        let relation = self.missing_one(&before.record, references(&before.record))?;
        Ok(relation.map(|relation| (Some(relation), ConflictReason::TargetMissing)))
    }

    /// Returns the first relation to one record whose target does not exist after the undo.
    fn missing_one(
        &self,
        record: &AnyRecord,
        references: Vec<(&'static str, Target, String)>,
    ) -> Result<Option<&'static str>, StoreError> {
        for (relation, target, name) in references {
            if arity(record.kind(), relation) == Some(Arity::One)
                && !self.target_exists(target, &name)?
            {
                return Ok(Some(relation));
            }
        }
        Ok(None)
    }

    /// Leaves the records as they are that would get a reference to a missing record which they need. Returns
    /// whether there is one.
    fn drop_set_back(&mut self) -> Result<bool, StoreError> {
        let mut dropped = Vec::new();
        for (kind, names) in self.with_references.iter() {
            for name in names {
                let Some([merged, present]) = self.merged(kind, name)? else { continue };
                let missing = self.missing_one(&merged, new_references(&merged, &present))?;
                let missing =
                    missing.map(|it| (kind, name.clone(), Some(it), ConflictReason::TargetMissing));
                dropped.extend(missing);
            }
        }
        for (kind, name, ..) in &dropped {
            self.set_back[*kind].remove(name);
        }
        self.drop_all(dropped, |undo| &mut undo.with_references, |dropped| (dropped.2, dropped.3))
    }

    /// Plans the long texts that are set back.
    fn plan_texts(&mut self) -> Result<(), StoreError> {
        let states = self.states;
        for text in states.texts(None) {
            let text = text?;
            let (device, property) = (text.device, text.property);
            if !self.exists(Kind::Device, &device)? {
                continue;
            }
            let before = states.text_before(&device, &property)?;
            let present = self.present.text(&device, &property)?.map(|text| text.text);
            if present == before {
                continue;
            }
            if present == states.text_after(&device, &property)? {
                self.texts.push((device, property));
            } else {
                self.conflict(Kind::Device, &device, Some(&property), ConflictReason::ChangedSince);
            }
        }
        Ok(())
    }

    /// The number of records and texts that the undo changes.
    pub(super) fn len(&self) -> usize {
        let sets = [&self.removed, &self.restored, &self.set_back];
        let names: usize =
            sets.iter().flat_map(|set| set.iter()).map(|(_, names)| names.len()).sum();
        names + self.texts.len()
    }

    /// Passes the records after the undo to `write`, and completes the report. A second call would report the records twice.
    ///
    /// # Errors
    /// The first error of `write`, and [`InventoryError::Store`] if a record cannot be read.
    pub(super) fn results(&mut self, write: &mut WriteResult<'_>) -> Result<(), InventoryError> {
        let now = timestamp(OffsetDateTime::now_utc());
        let (states, request) = (self.states, self.request);
        let mut logins = UndoneLogins::default();
        for kind in Kind::ALL {
            for different in states.records(kind, None) {
                let name = different?.name;
                let (effect, result) = if self.removed[kind].contains(&name) {
                    let present = self.present.get_any(kind, &name)?;
                    let present = present.map(|stored| self.decrypted(&stored)).transpose()?;
                    logins.report(&mut self.report, present.as_ref(), None);
                    (RecordEffect::Removed, None)
                } else if self.restored[kind].contains(&name) {
                    let Some(before) = states.record_before(kind, &name)? else { continue };
                    let mut record = self.decrypted(&before)?;
                    let named = references(&record);
                    self.leave_out_missing(&mut record, named)?;
                    logins.report(&mut self.report, None, Some(&record));
                    (RecordEffect::Created, Some(record))
                } else if self.set_back[kind].contains(&name) {
                    let Some([mut merged, present]) = self.merged(kind, &name)? else { continue };
                    let named = new_references(&merged, &present);
                    self.leave_out_missing(&mut merged, named)?;
                    logins.report(&mut self.report, Some(&present), Some(&merged));
                    (RecordEffect::Updated, Some(merged))
                } else {
                    continue;
                };
                let result = result.map(|mut record| {
                    stamp_modified(&mut *record, &now, &request.origin.principal);
                    record
                });
                self.report.add_record(kind, &name, effect);
                write(kind, &name, result)?;
            }
        }
        for (device, _) in self.texts.clone() {
            if !self.set_back[Kind::Device].contains(&device)
                && !self.restored[Kind::Device].contains(&device)
            {
                self.report.add_record(Kind::Device, &device, RecordEffect::Updated);
            }
        }
        Ok(())
    }

    /// Leaves references in lists to records that do not exist after the undo out, and reports them.
    fn leave_out_missing(
        &mut self,
        record: &mut AnyRecord,
        references: Vec<(&'static str, Target, String)>,
    ) -> Result<(), StoreError> {
        for (relation, target, name) in references {
            if !self.target_exists(target, &name)? {
                record.remove_reference(relation, &name);
                self.report.add_left_out(record.kind(), record.name(), relation, name);
            }
        }
        Ok(())
    }

    /// Collects the records after the undo for the import that writes them.
    ///
    /// # Errors
    /// As for [`ReplacedUndo::results`].
    pub(super) fn collect<'l>(
        &mut self,
        vault: &'l Vault,
        log: &'l Log,
    ) -> Result<CheckedRecords<'l>, InventoryError> {
        let mut checked = CheckedRecords::new(vault, log);
        self.results(&mut |kind, name, result| {
            match result {
                Some(record) => checked.put(record)?,
                None => checked.remove(kind, name)?,
            }
            Ok(())
        })?;
        Ok(checked)
    }
}

/// A record that the undo leaves as it is.
trait DroppedRecord {
    fn id(&self) -> (Kind, &str);
}

impl DroppedRecord for (Kind, String) {
    fn id(&self) -> (Kind, &str) {
        (self.0, &self.1)
    }
}

impl DroppedRecord for (Kind, String, Option<&'static str>, ConflictReason) {
    fn id(&self) -> (Kind, &str) {
        (self.0, &self.1)
    }
}

/// The references of a record: the relation, the kinds of the target and its name.
fn references(record: &AnyRecord) -> Vec<(&'static str, Target, String)> {
    let mut references = Vec::new();
    record.references(&mut |reference| {
        references.push((reference.relation, reference.target, reference.name.to_owned()));
    });
    references
}

/// The references of a record that another state of it does not have.
fn new_references(record: &AnyRecord, other: &AnyRecord) -> Vec<(&'static str, Target, String)> {
    let known: HashSet<_> = references(other).into_iter().map(|(it, _, name)| (it, name)).collect();
    let mut new = references(record);
    new.retain(|(relation, _, name)| !known.contains(&(*relation, name.clone())));
    new
}

/// Returns whether a record has a reference.
fn refers(record: &AnyRecord, relation: &str, name: &str) -> bool {
    references(record).iter().any(|(own, _, target)| *own == relation && target == name)
}
