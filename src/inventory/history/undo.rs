//! Undoes a change, and keeps what was changed since.

use std::{collections::HashSet, sync::Arc};

use time::OffsetDateTime;

use super::{
    RecordEffect,
    merge_back::{Passwords, is_same, merge_back},
    renames::Renames,
    replaced::RecordPage,
    replaced_undo::ReplacedUndo,
    undo_logins::UndoneLogins,
    undo_report::{ChangeUndoOutcome, ChangeUndoReport, ConflictReason, LISTED_MAX, UndoWritten},
    undo_request::{ChangeUndoRequest, OnConflict},
};
use crate::{
    import::{
        EarlierTexts, EmptyReplacement, Emptying, ImportOptions, ImportSource, Log, Merging, Mode,
        OnError, PrincipalRecord, SmallImport, Written, apply_locked,
    },
    inventory::{
        Inventory, InventoryError,
        change::{Abort, Editing, stamp_modified, timestamp},
    },
    job::Progress,
    model::{AnyRecord, Arity, Kind, Name, Target, arity},
    store::{
        DifferentRecord, Effect, HistoryChange, HistoryView, Origin, ReplacedStates, StoreError,
        Stored, Touched,
    },
};

impl Inventory {
    /// Undoes a change: each property that still has the value of the change gets the value from before it,
    /// created records are deleted, and deleted ones are created again. The undo is a change itself, durable
    /// when this returns.
    ///
    /// # Errors
    /// - [`InventoryError::NoChange`] or [`InventoryError::NotKept`] if the history does not have the
    ///   change.
    /// - [`StoreError::NothingToUndo`] within [`InventoryError::Store`] if the history is empty.
    /// - [`InventoryError::GenerationGone`] if the change replaced the whole inventory, and the copy from before
    ///   it is not kept.
    /// - [`InventoryError::UndoConflicts`] if something stands in the way, unless it is kept.
    /// - [`InventoryError::NoAdministrator`] if no administrator would remain.
    /// - [`InventoryError::Store`] or [`InventoryError::Write`] if the store cannot be read or written.
    pub fn undo_change(
        &self,
        request: &ChangeUndoRequest,
    ) -> Result<ChangeUndoReport, InventoryError> {
        let history = self.0.store.history()?;
        let number = match request.number {
            Some(number) => number,
            None => match history.changes(None).next().transpose()? {
                Some(last) => last.number,
                None => return Err(StoreError::NothingToUndo.into()),
            },
        };
        let Some(change) = history.change(number)? else {
            return Err(self.no_change(&history, number)?);
        };
        let report = if change.replaced.is_some() {
            self.undo_replaced(&change, request)?
        } else {
            self.undo_records(&change, request)?
        };
        match report.outcome {
            ChangeUndoOutcome::Conflicts => Err(InventoryError::UndoConflicts(Box::new(report))),
            _ => Ok(report),
        }
    }

    /// Undoes a change that has touched records.
    fn undo_records(
        &self,
        change: &HistoryChange,
        request: &ChangeUndoRequest,
    ) -> Result<ChangeUndoReport, InventoryError> {
        let made = self.0.change(&request.origin, |editing| {
            let history = self.0.store.history()?;
            let undo = Undo::new(editing, self, &history, change, &request.origin);
            let report = request.conclude(undo.run()?, UndoWritten::OneChange);
            match report.outcome {
                ChangeUndoOutcome::Undone | ChangeUndoOutcome::UndoneInPart => Ok(report),
                ChangeUndoOutcome::Unchanged
                | ChangeUndoOutcome::Conflicts
                | ChangeUndoOutcome::DryRun => Err(Abort::Discard(Box::new(report))),
            }
        });
        match made {
            Ok(report) => Ok(report),
            Err(Abort::Discard(report)) => Ok(*report),
            Err(Abort::Error(error)) => Err(error),
        }
    }

    /// Undoes a change that replaced the whole inventory: with the generation before it if nothing was changed
    /// since, and otherwise record by record.
    fn undo_replaced(
        &self,
        change: &HistoryChange,
        request: &ChangeUndoRequest,
    ) -> Result<ChangeUndoReport, InventoryError> {
        let store = &self.0.store;
        let last = store.history()?.changes(None).next().transpose()?;
        if last.is_some_and(|last| last.number == change.number) {
            // The generations are closed before one of them is opened for changes.
            let report = self.report_of_all(change)?;
            let report = request.conclude(report, UndoWritten::EarlierGeneration);
            if report.outcome != ChangeUndoOutcome::Undone
                || store.switch_back(change.number, &request.origin)?.is_some()
            {
                return Ok(report);
            }
        }
        self.undo_each(change, request)
    }

    /// Reports the undo of a change that replaced the whole inventory, if nothing was changed since.
    fn report_of_all(&self, change: &HistoryChange) -> Result<ChangeUndoReport, InventoryError> {
        let mut report = ChangeUndoReport::of(change);
        let visible = self.visible_history()?;
        let states = self.states_of(change)?;
        for record in RecordPage::read(&visible, &states, None, LISTED_MAX)?.records {
            report.add_record(record.kind, &record.name, record.effect.inverse());
        }
        let decrypted = |stored: Option<Stored<AnyRecord>>| {
            let Some(Stored { mut record, .. }) = stored else { return Ok(None) };
            states.decrypt_secrets(&mut record)?;
            Ok::<_, StoreError>(Some(record))
        };
        let mut logins = UndoneLogins::default();
        for different in states.records(Kind::User, None) {
            let DifferentRecord { before, after, .. } = different?;
            logins.report(&mut report, decrypted(after)?.as_ref(), decrypted(before)?.as_ref());
        }
        // The list ends with its largest number of records. The counts have all of them.
        let counts = change.counts.iter();
        let counted = counts.map(|(_, counts)| counts.created + counts.updated + counts.removed);
        report.records_total = report.records_total.max(counted.sum());
        Ok(report)
    }

    /// Undoes a change that replaced the whole inventory, record by record.
    fn undo_each(
        &self,
        change: &HistoryChange,
        request: &ChangeUndoRequest,
    ) -> Result<ChangeUndoReport, InventoryError> {
        let store = &self.0.store;
        let progress = Progress::detached();
        let write_lock = match request.mode {
            Mode::Apply => Some(store.lock(&progress)?),
            Mode::DryRun => None,
        };
        let states = Arc::new(self.states_of(change)?);
        let present = store.read();
        let history = store.history()?;
        let mut undo = ReplacedUndo::plan(
            &states,
            &present,
            (&history, request),
            ChangeUndoReport::of(change),
        )?;
        let is_stopped =
            undo.report.conflicts_total > 0 && request.on_conflict == OnConflict::Refuse;
        if request.mode == Mode::DryRun || is_stopped || undo.len() == 0 {
            undo.results(&mut |_, _, _| Ok(()))?;
            return Ok(request.conclude(undo.report, UndoWritten::Nothing));
        }
        let log = Log::new(ImportSource::Documents, &store.directory().scratch(), &progress)?;
        let checked = undo.collect(store.vault(), &log)?;
        let texts = EarlierTexts { states: states.clone(), texts: std::mem::take(&mut undo.texts) };
        let options = ImportOptions {
            what: "undo",
            kinds: &Kind::ALL,
            emptying: Emptying::Nothing,
            empty_replacement: EmptyReplacement::Refused,
            on_error: OnError::Fail,
            mode: Mode::Apply,
            small: SmallImport::DEFAULT,
            origin: &request.origin,
            merging: Merging::MergeRecords,
            principal_record: PrincipalRecord::Kept,
            kept_by_replacement: None,
        };
        let checked = checked.finish(texts)?;
        let nothing_before = || Ok::<_, InventoryError>(());
        let written = apply_locked(store, write_lock, &options, &log, checked, nothing_before)?;
        let written = match written.written() {
            Written::Nothing => UndoWritten::Nothing,
            Written::OneChange => UndoWritten::OneChange,
            Written::NewGeneration => UndoWritten::NewGeneration,
        };
        Ok(request.conclude(undo.report, written))
    }

    /// The states before and after a change that replaced the whole inventory.
    pub(super) fn states_of(
        &self,
        change: &HistoryChange,
    ) -> Result<ReplacedStates, InventoryError> {
        let (store, number) = (&self.0.store, change.number);
        match store.replaced_states(change)? {
            Some(states) => Ok(states),
            None if store.is_copy_missing(change)? => {
                Err(InventoryError::GenerationMissing { change: number })
            }
            None => Err(InventoryError::GenerationGone { change: number }),
        }
    }
}

/// The operations that replace users as a whole, so that their undo brings the passwords back too. All
/// others set passwords on purpose.
const SETS_PASSWORDS_BACK: [&str; 4] = ["import_project", "demo", "undo", "restore"];

/// The kind and name of a record.
type RecordId = (Kind, String);

/// The relation that keeps a record as it is, if it is one, and the reason.
type Obstacle = (Option<&'static str>, ConflictReason);

/// A running undo of one change.
struct Undo<'u, 'e, 't> {
    editing: &'u mut Editing<'e, 't>,
    inventory: &'u Inventory,
    history: &'u HistoryView,
    change: &'u HistoryChange,
    origin: &'u Origin,
    timestamp: String,
    report: ChangeUndoReport,
    logins: UndoneLogins,
    /// The records in the report.
    affected: HashSet<RecordId>,
    touches_users: bool,
}

impl<'u, 'e, 't> Undo<'u, 'e, 't> {
    fn new(
        editing: &'u mut Editing<'e, 't>,
        inventory: &'u Inventory,
        history: &'u HistoryView,
        change: &'u HistoryChange,
        origin: &'u Origin,
    ) -> Self {
        let report = ChangeUndoReport::of(change);
        let timestamp = timestamp(OffsetDateTime::now_utc());
        let touches_users = change.touched.iter().any(|touched| touched.value.kind() == Kind::User);
        Self {
            editing,
            inventory,
            history,
            change,
            origin,
            timestamp,
            report,
            logins: UndoneLogins::default(),
            affected: HashSet::new(),
            touches_users,
        }
    }

    /// Undoes the parts of the change. Records are renamed first, because the references to them follow.
    /// Deleted records come back before the references to them, and created ones are deleted last, when no
    /// reference of this change is left.
    fn run(mut self) -> Result<ChangeUndoReport, InventoryError> {
        let touched = self.change.touched.iter().filter_map(|touched| match &touched.value {
            Touched::Record { kind, name } => Some((*kind, name.as_str(), &touched.effect)),
            Touched::Text { .. } => None,
        });
        let (mut created, mut updated, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        let mut renamed = Vec::new();
        for (kind, name, effect) in touched {
            match effect {
                Effect::Created => created.push((kind, name)),
                Effect::Updated => updated.push((kind, name)),
                Effect::Removed => removed.push((kind, name)),
                Effect::RenamedFrom(old) => renamed.push((kind, name, old.as_str())),
                // The entry of the new name has both names.
                Effect::RenamedTo(_) => {}
            }
        }
        for (kind, new, old) in renamed {
            self.set_back(kind, new, old)?;
        }
        self.restore(&removed)?;
        for (kind, name) in updated {
            self.set_back(kind, name, name)?;
        }
        self.delete(&created)?;
        self.set_texts_back()?;
        if self.touches_users && !self.editing.has_administrator(None)? {
            return Err(InventoryError::NoAdministrator);
        }
        Ok(self.report)
    }

    fn conflict(&mut self, kind: Kind, name: &str, property: Option<&str>, reason: ConflictReason) {
        self.report.add_conflict(kind, name, property, reason);
    }

    fn affected(&mut self, kind: Kind, name: &str, effect: RecordEffect) {
        if self.affected.insert((kind, name.to_owned())) {
            self.report.add_record(kind, name, effect);
        }
    }

    /// Tells whether passwords are set back: those of imports, and of their undos.
    fn passwords(&self) -> Passwords {
        if SETS_PASSWORDS_BACK.contains(&self.change.origin.operation.as_str()) {
            Passwords::SetBack
        } else {
            Passwords::Kept
        }
    }

    fn decrypted(&self, stored: Stored<AnyRecord>) -> Result<AnyRecord, StoreError> {
        let mut record = stored.record;
        self.editing.inventory.store.vault().decrypt_secrets(&mut *record)?;
        Ok(record)
    }

    /// The record before the change, under the name that it had.
    fn before(&self, kind: Kind, name: &str) -> Result<Option<AnyRecord>, StoreError> {
        let stored = self.history.record_before(kind, name, self.change.number)?;
        stored.map(|stored| self.decrypted(stored)).transpose()
    }

    /// The record after the change.
    fn after(&self, kind: Kind, name: &str) -> Result<Option<AnyRecord>, StoreError> {
        let stored =
            self.inventory.record_at(self.history, kind, name, self.change.number)?.value();
        stored.map(|stored| self.decrypted(stored)).transpose()
    }

    /// Sets the properties of a record back, and its name from `new` to `old`.
    fn set_back(&mut self, kind: Kind, new: &str, old: &str) -> Result<(), InventoryError> {
        let Some(stored) = self.editing.transaction.get_any(kind, new)? else {
            self.conflict(kind, new, None, ConflictReason::RemovedSince);
            return Ok(());
        };
        if old != new && self.is_taken(kind, old)? {
            self.conflict(kind, old, None, ConflictReason::NameTaken);
            return Ok(());
        }
        let (Some(before), Some(after)) = (self.before(kind, old)?, self.after(kind, new)?) else {
            // An import or an undo of the whole inventory has replaced the record since.
            self.conflict(kind, new, None, ConflictReason::ChangedSince);
            return Ok(());
        };
        let present = self.decrypted(stored.clone())?;
        let merged = merge_back(&before, &after, &present, self.passwords());
        for (property, reason) in &merged.conflicts {
            self.conflict(kind, new, Some(property), *reason);
        }
        let mut record = merged.record;
        if !merged.is_changed && old == new {
            return Ok(());
        }
        if !self.leave_out_missing(&mut record, Some(&present))? {
            return Ok(());
        }
        if old != new {
            record.set_name(before.name().clone());
        }
        self.write(Some(&stored), record, RecordEffect::Updated)
    }

    fn write(
        &mut self,
        before: Option<&Stored<AnyRecord>>,
        mut record: AnyRecord,
        effect: RecordEffect,
    ) -> Result<(), InventoryError> {
        stamp_modified(&mut *record, &self.timestamp, &self.origin.principal);
        let (kind, name) = (record.kind(), record.name().clone());
        self.report_login(before, Some(&record))?;
        self.editing.write(before, record)?;
        self.affected(kind, &name, effect);
        Ok(())
    }

    /// Reports how the undo changes the login of a user. `after` has decrypted secrets.
    fn report_login(
        &mut self,
        before: Option<&Stored<AnyRecord>>,
        after: Option<&AnyRecord>,
    ) -> Result<(), StoreError> {
        let before = before.filter(|stored| stored.record.kind() == Kind::User);
        let before = before.map(|stored| self.decrypted(stored.clone())).transpose()?;
        self.logins.report(&mut self.report, before.as_ref(), after);
        Ok(())
    }

    /// Leaves references to records that do not exist out. Returns false if the record needs one of them;
    /// that is a conflict. References of the present record have targets.
    fn leave_out_missing(
        &mut self,
        record: &mut AnyRecord,
        present: Option<&AnyRecord>,
    ) -> Result<bool, StoreError> {
        let missing = missing_targets(self.editing, record, present, &HashSet::new())?;
        let (kind, name) = (record.kind(), record.name().clone());
        for (relation, target) in missing {
            if arity(kind, relation) == Some(Arity::One) {
                self.conflict(kind, &name, Some(relation), ConflictReason::TargetMissing);
                return Ok(false);
            }
            self.leave_out(record, &name, relation, target);
        }
        Ok(true)
    }

    fn leave_out(
        &mut self,
        record: &mut AnyRecord,
        name: &Name,
        relation: &'static str,
        target: String,
    ) {
        record.remove_reference(relation, &target);
        self.report.add_left_out(record.kind(), name, relation, target);
    }

    /// Returns the candidates in whose way nothing stands, and reports the others. `obstacle` gets the
    /// candidates that are left: without one of them, another can be in the way of the rest.
    fn settle<T>(
        &mut self,
        mut candidates: Vec<T>,
        id: impl Fn(&T) -> RecordId,
        obstacle: impl Fn(
            &Editing<'_, '_>,
            &T,
            &HashSet<RecordId>,
        ) -> Result<Option<Obstacle>, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        loop {
            let together: HashSet<RecordId> = candidates.iter().map(&id).collect();
            let (count, mut kept) = (candidates.len(), Vec::new());
            for candidate in candidates {
                match obstacle(self.editing, &candidate, &together)? {
                    Some((relation, reason)) => {
                        let (kind, name) = id(&candidate);
                        self.conflict(kind, &name, relation, reason);
                    }
                    None => kept.push(candidate),
                }
            }
            if kept.len() == count {
                return Ok(kept);
            }
            candidates = kept;
        }
    }

    /// Creates deleted records again. Records that need each other come back together.
    fn restore(&mut self, removed: &[(Kind, &str)]) -> Result<(), InventoryError> {
        let mut records = Vec::new();
        for (kind, name) in removed.iter().copied() {
            if self.is_taken(kind, name)? {
                self.conflict(kind, name, None, ConflictReason::NameTaken);
            } else if let Some(record) = self.before(kind, name)? {
                records.push(record);
            }
        }
        let records = self.settle(records, id, |editing, record, together| {
            let missing = missing_targets(editing, record, None, together)?;
            let mut relations = missing.into_iter().map(|(relation, _)| relation);
            let needed = relations.find(|it| arity(record.kind(), it) == Some(Arity::One));
            Ok(needed.map(|relation| (Some(relation), ConflictReason::TargetMissing)))
        })?;
        let together: HashSet<_> = records.iter().map(id).collect();
        for mut record in records {
            let name = record.name().clone();
            for (relation, target) in missing_targets(self.editing, &record, None, &together)? {
                self.leave_out(&mut record, &name, relation, target);
            }
            self.write(None, record, RecordEffect::Created)?;
        }
        Ok(())
    }

    /// Returns whether a name belongs to an existing record. A device and a network cannot have the same one.
    fn is_taken(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        let nodes = Target::Node.kinds();
        let kinds = if nodes.contains(&kind) { nodes } else { std::slice::from_ref(&kind) };
        for kind in kinds {
            if self.editing.transaction.contains(*kind, name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether a record has the long texts that it had after the change.
    fn has_texts_of_change(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        for property in kind.long_texts() {
            let present = self.editing.transaction.text(name, property)?.map(|text| text.text);
            let after = self.inventory.text_at(self.history, name, property, self.change.number)?;
            if present != after.value() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Deletes created records that are still as the change created them, and to which no other record
    /// refers.
    fn delete(&mut self, created: &[(Kind, &str)]) -> Result<(), InventoryError> {
        let mut records = Vec::new();
        let mut renames = Renames::of(self.history);
        for (kind, name) in created.iter().copied() {
            let Some(stored) = self.editing.transaction.get_any(kind, name)? else {
                // If it was deleted since, nothing is left to undo.
                if let Some(new) = renames.name_now(kind, name, self.change.number)?
                    && self.editing.transaction.contains(kind, &new)?
                {
                    self.report.add_renamed(kind, name, new);
                }
                continue;
            };
            let present = self.decrypted(stored.clone())?;
            let is_unchanged =
                self.after(kind, name)?.is_some_and(|after| is_same(&after, &present))
                    && self.has_texts_of_change(kind, name)?;
            if kind == Kind::User && name == self.origin.principal {
                self.conflict(kind, name, None, ConflictReason::OwnUser);
            } else if is_unchanged {
                records.push(stored);
            } else {
                self.conflict(kind, name, None, ConflictReason::ChangedSince);
            }
        }
        let of_stored = |stored: &Stored<AnyRecord>| id(&stored.record);
        let records = self.settle(records, of_stored, |editing, stored, together| {
            let (kind, name) = of_stored(stored);
            let referrers = editing.referrers(kind, &name)?;
            let mut sources = referrers.into_iter().map(|referrer| (referrer.kind, referrer.name));
            let is_needed = sources.any(|source| !together.contains(&source));
            Ok(is_needed.then_some((None, ConflictReason::ReferredTo)))
        })?;
        for stored in records {
            let (kind, name) = id(&stored.record);
            self.report_login(Some(&stored), None)?;
            self.editing.remove(&stored)?;
            self.affected(kind, &name, RecordEffect::Removed);
        }
        Ok(())
    }

    /// Sets long texts back.
    fn set_texts_back(&mut self) -> Result<(), InventoryError> {
        let change = self.change;
        for touched in &change.touched {
            let Touched::Text { device, property } = &touched.value else { continue };
            let before = self.history.text_before(device, property, change.number)?;
            let present = self.editing.transaction.text(device, property)?.map(|text| text.text);
            if present == before {
                continue;
            }
            let after =
                self.inventory.text_at(self.history, device, property, change.number)?.value();
            if !self.editing.transaction.contains(Kind::Device, device)? {
                let is_reported = self
                    .report
                    .conflicts
                    .iter()
                    .any(|conflict| conflict.kind == Kind::Device && conflict.name == *device);
                if !is_reported {
                    self.conflict(Kind::Device, device, None, ConflictReason::RemovedSince);
                }
                continue;
            }
            if present != after {
                self.conflict(Kind::Device, device, Some(property), ConflictReason::ChangedSince);
                continue;
            }
            match before {
                Some(text) => self.editing.transaction.put_text(device, property, &text)?,
                None => {
                    self.editing.transaction.remove_text(device, property)?;
                }
            }
            self.affected(Kind::Device, device, RecordEffect::Updated);
        }
        Ok(())
    }
}

fn id(record: &AnyRecord) -> RecordId {
    (record.kind(), record.name().to_string())
}

/// The references of a record whose targets neither exist nor come back with it, except for those that the
/// present record has.
fn missing_targets(
    editing: &Editing<'_, '_>,
    record: &AnyRecord,
    present: Option<&AnyRecord>,
    together: &HashSet<RecordId>,
) -> Result<Vec<(&'static str, String)>, StoreError> {
    let mut known = HashSet::new();
    if let Some(present) = present {
        present.references(&mut |reference| {
            known.insert((reference.relation, reference.name.to_owned()));
        });
    }
    let mut references: Vec<(&'static str, Target, String)> = Vec::new();
    record.references(&mut |reference| {
        if !known.contains(&(reference.relation, reference.name.to_owned())) {
            references.push((reference.relation, reference.target, reference.name.to_owned()));
        }
    });
    let mut missing = Vec::new();
    for (relation, target, name) in references {
        let mut exists = false;
        for kind in target.kinds() {
            let is_own = *kind == record.kind() && *record.name().as_str() == *name;
            exists |= is_own
                || together.contains(&(*kind, name.clone()))
                || editing.transaction.contains(*kind, &name)?;
        }
        if !exists {
            missing.push((relation, name));
        }
    }
    Ok(missing)
}
