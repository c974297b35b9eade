//! The report of an undo.

use schemars::JsonSchema;
use serde::Serialize;

use super::{ChangeSummary, RecordEffect};
use crate::{import::AdministratorChangeKind, model::Kind, store::HistoryChange, wording::counted};

/// The largest number of entries in each list of a report.
pub(super) const LISTED_MAX: usize = 1000;

/// The report of an undo, or of its dry run. Each list has at most 1,000 entries.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "UndoReport")]
pub struct ChangeUndoReport {
    /// Whether the inventory was changed.
    pub outcome: ChangeUndoOutcome,
    /// A sentence for a person.
    pub summary: String,
    /// The way in which the undo was written. `nothing` if nothing was changed.
    pub written: UndoWritten,
    /// The change that is undone.
    pub change: ChangeSummary,
    /// The number of records that the undo creates, changes or deletes.
    pub records_total: u64,
    /// The records that the undo creates, changes or deletes.
    pub records: Vec<UndoneRecord>,
    /// The number of conflicts.
    pub conflicts_total: u64,
    /// What stands in the way. These records and properties keep their present state.
    pub conflicts: Vec<UndoConflict>,
    /// The number of changes of administrators.
    pub administrators_total: u64,
    /// The administrators whom the undo creates or deletes, or who gain or lose their rights or get another
    /// password. Also users whose password comes back and is unsafe.
    pub administrators: Vec<UndoneAdministrator>,
    /// The number of references that do not come back.
    pub left_out_total: u64,
    /// References of restored records to records that do not exist now. They do not come back.
    pub left_out: Vec<LeftOutReference>,
}

/// The way in which an undo was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoWritten {
    /// Nothing was written.
    Nothing,
    /// The affected records were written into the current inventory.
    OneChange,
    /// The whole inventory was written again, with the affected records.
    NewGeneration,
    /// Nothing was changed since an import, so the copy of the inventory from before it is in use again.
    EarlierGeneration,
}

/// The outcome of an undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "UndoOutcome")]
pub enum ChangeUndoOutcome {
    /// Everything that the change did is undone.
    Undone,
    /// The undo was asked to keep what was changed since, and undid the rest.
    UndoneInPart,
    /// Nothing of the change was left to undo. Nothing was changed.
    Unchanged,
    /// Something stands in the way. Nothing was changed.
    Conflicts,
    /// The undo was a dry run. Nothing was changed.
    DryRun,
}

/// A record that an undo creates, changes or deletes.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct UndoneRecord {
    /// The kind of the record.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The name of the record after the undo.
    pub name: String,
    /// What the undo does to the record.
    pub effect: RecordEffect,
}

/// A record or a property that an undo cannot set back.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct UndoConflict {
    /// The kind of the record.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The name of the record.
    pub name: String,
    /// The property; absent if the whole record stands in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// The reason.
    pub reason: ConflictReason,
    /// The present name of the record, if it was renamed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_to: Option<String>,
}

/// The reason why an undo cannot set something back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictReason {
    /// The record or the property was changed again since.
    ChangedSince,
    /// The record was deleted or renamed since.
    RemovedSince,
    /// A record with this name exists again.
    NameTaken,
    /// Other records refer to the record, so it is not deleted.
    ReferredTo,
    /// A record that this one needs, such as the source of a link, does not exist.
    TargetMissing,
    /// It is the user who undoes the change.
    OwnUser,
    /// It is the password of a user. An undo does not bring an old one back: set a new one.
    PasswordKept,
}

/// A change of a user's login by an undo.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct UndoneAdministrator {
    /// The name of the user.
    pub name: String,
    /// The change of the administrator.
    pub change: AdministratorChangeKind,
}

/// A reference that does not come back.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct LeftOutReference {
    /// The kind of the restored record.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The name of the restored record.
    pub name: String,
    /// The relation.
    pub relation: String,
    /// The name of the record that does not exist.
    pub target: String,
}

impl ChangeUndoReport {
    /// A report of a change, without entries.
    pub(super) fn of(change: &HistoryChange) -> Self {
        Self {
            outcome: ChangeUndoOutcome::Unchanged,
            summary: String::new(),
            written: UndoWritten::Nothing,
            change: ChangeSummary::of(change, 0),
            records_total: 0,
            records: Vec::new(),
            conflicts_total: 0,
            conflicts: Vec::new(),
            administrators_total: 0,
            administrators: Vec::new(),
            left_out_total: 0,
            left_out: Vec::new(),
        }
    }

    /// Adds a record that the undo creates, changes or deletes.
    pub(super) fn add_record(&mut self, kind: Kind, name: &str, effect: RecordEffect) {
        self.records_total += 1;
        if self.records.len() < LISTED_MAX {
            self.records.push(UndoneRecord { kind, name: name.to_owned(), effect });
        }
    }

    /// Adds a conflict.
    pub(super) fn add_conflict(
        &mut self,
        kind: Kind,
        name: &str,
        property: Option<&str>,
        reason: ConflictReason,
    ) {
        self.conflicts_total += 1;
        if self.conflicts.len() < LISTED_MAX {
            let (name, property) = (name.to_owned(), property.map(str::to_owned));
            let renamed_to = None;
            self.conflicts.push(UndoConflict { kind, name, property, reason, renamed_to });
        }
    }

    /// Adds a conflict of a record that was renamed since.
    pub(super) fn add_renamed(&mut self, kind: Kind, name: &str, renamed_to: String) {
        self.conflicts_total += 1;
        if self.conflicts.len() < LISTED_MAX {
            let (name, reason) = (name.to_owned(), ConflictReason::RemovedSince);
            let renamed_to = Some(renamed_to);
            self.conflicts.push(UndoConflict { kind, name, property: None, reason, renamed_to });
        }
    }

    /// Adds a change of a user's login.
    pub(super) fn add_administrator(&mut self, name: &str, change: AdministratorChangeKind) {
        self.administrators_total += 1;
        if self.administrators.len() < LISTED_MAX {
            self.administrators.push(UndoneAdministrator { name: name.to_owned(), change });
        }
    }

    /// Adds a reference that does not come back.
    pub(super) fn add_left_out(&mut self, kind: Kind, name: &str, relation: &str, target: String) {
        self.left_out_total += 1;
        if self.left_out.len() < LISTED_MAX {
            let (name, relation) = (name.to_owned(), relation.to_owned());
            self.left_out.push(LeftOutReference { kind, name, relation, target });
        }
    }

    /// Sets the outcome and the summary from the lists. `can_keep` tells whether conflicts were accepted.
    pub(super) fn conclude(mut self, is_dry_run: bool, can_keep: bool) -> Self {
        let number = self.change.number;
        let records = counted(self.records_total, "record");
        // Names in use are found in no particular order.
        let key = |conflict: &UndoConflict| {
            (conflict.kind, conflict.name.clone(), conflict.property.clone())
        };
        self.conflicts.sort_by_cached_key(key);
        let conflicts = self.conflicts_total;
        let stopped = conflicts > 0 && !can_keep;
        let stands = format!(
            "{} {} in the way",
            counted(conflicts, "conflict"),
            if conflicts == 1 { "stands" } else { "stand" }
        );
        // Conflicts that do not stop the undo.
        let kept = match (conflicts, is_dry_run) {
            (0, _) => String::new(),
            (1, true) => " 1 conflict would be left as it is.".to_owned(),
            (1, false) => " 1 conflict was left as it is.".to_owned(),
            (_, true) => format!(" {} would be left as they are.", counted(conflicts, "conflict")),
            (_, false) => format!(" {} were left as they are.", counted(conflicts, "conflict")),
        };
        let nothing = match conflicts {
            0 => format!("Nothing of change {number} is left to undo."),
            _ => format!("Nothing of change {number} can be undone."),
        };
        (self.outcome, self.summary) = if is_dry_run {
            let would = match (stopped, self.records_total == 0) {
                (true, _) => format!("{stands} of undoing change {number}."),
                (false, true) => nothing + &kept,
                (false, false) => format!("Undoing change {number} would affect {records}.{kept}"),
            };
            (ChangeUndoOutcome::DryRun, format!("Dry run: nothing was changed. {would}"))
        } else if stopped {
            let summary = format!("Change {number} was not undone, nothing was changed: {stands}.");
            (ChangeUndoOutcome::Conflicts, summary)
        } else if self.records_total == 0 {
            (ChangeUndoOutcome::Unchanged, format!("{nothing}{kept} Nothing was changed."))
        } else if conflicts > 0 {
            let summary = format!("Change {number} is undone in part: {records}.{kept}");
            (ChangeUndoOutcome::UndoneInPart, summary)
        } else {
            (ChangeUndoOutcome::Undone, format!("Change {number} is undone: {records}."))
        };
        self
    }
}
