//! The rights of the principal within a change.
//!
//! The principal changes only records that it can edit. A record that it cannot read does not exist for
//! it: a reference to such a record has no target. But the names of such records in a list that the
//! principal sends back stay in the list, because the principal cannot see them.

use std::collections::HashSet;

use super::{Fault, edit::Editing, inverse::InverseEdit, object::ObjectPatch};
use crate::{
    access::{RecordAccess, RecordRights, Verdict, decides_about_access},
    inventory::{Inner, Inventory, InventoryError, read::relation_target},
    model::{AnyRecord, Group, Kind, Record, Target, Value, View},
    store::{Origin, Referrer, StoreError},
};

/// The code of the fault of a change that the principal must not make.
const FORBIDDEN: &str = "forbidden";

/// The relation of an edge to the service that it belongs to.
const WORKFLOW: &str = "workflow";

impl Inventory {
    /// Makes a change with the rights of the principal.
    ///
    /// # Errors
    /// As [`Inner::change`].
    pub(in crate::inventory) fn edit<T, X: From<StoreError>>(
        &self,
        origin: &Origin,
        make: impl FnOnce(&mut Editing<'_, '_>) -> Result<T, X>,
    ) -> Result<T, X> {
        Inner::change(&self.0, origin, |editing| {
            editing.rights = self.1.clone();
            make(editing)
        })
    }
}

impl Editing<'_, '_> {
    /// Returns whether the principal can read and change all records but users and groups.
    pub(super) fn reaches_everything(&self) -> bool {
        self.rights.reads_everything()
    }

    /// Returns whether the principal has an access to a record. An edge belongs to its workflow.
    ///
    /// # Errors
    /// [`StoreError`] if the workflow of an edge cannot be read.
    pub(in crate::inventory) fn can(
        &self,
        access: RecordAccess,
        record: &dyn Record,
    ) -> Result<bool, StoreError> {
        match self.rights.of_record(access, record) {
            Verdict::Granted => Ok(true),
            Verdict::Denied => Ok(false),
            Verdict::AsWorkflow => match record.view(WORKFLOW) {
                Some(View::Text(workflow)) => {
                    let stored = self.transaction.get_any(Kind::Service, workflow)?;
                    Ok(stored.is_some_and(|stored| {
                        self.rights.of_record(access, &*stored.record) == Verdict::Granted
                    }))
                }
                Some(_) | None => Ok(false),
            },
        }
    }

    /// Returns whether a record exists and the principal can read it.
    ///
    /// # Errors
    /// [`StoreError`] if the record cannot be read.
    pub(super) fn can_read_name(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        if self.reaches_everything() {
            return self.transaction.contains(kind, name);
        }
        match self.transaction.get_any(kind, name)? {
            Some(stored) => self.can(RecordAccess::Read, &*stored.record),
            None => Ok(false),
        }
    }

    /// Removes the referrers that the principal cannot read.
    ///
    /// # Errors
    /// [`StoreError`] if a referrer cannot be read.
    pub(super) fn retain_readable(&self, referrers: &mut Vec<Referrer>) -> Result<(), StoreError> {
        if self.reaches_everything() {
            return Ok(());
        }
        let mut readable = Vec::with_capacity(referrers.len());
        for referrer in referrers.drain(..) {
            if self.can_read_name(referrer.kind, &referrer.name)? {
                readable.push(referrer);
            }
        }
        *referrers = readable;
        Ok(())
    }

    /// Refuses an existing record that the principal cannot read or change.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`] for a record that the principal cannot read,
    /// [`InventoryError::Forbidden`] for a record that it cannot change, [`InventoryError::Store`].
    pub(super) fn require_edit(&self, record: &dyn Record) -> Result<(), InventoryError> {
        let (kind, name) = (record.kind(), record.name().to_string());
        if !self.can(RecordAccess::Read, record)? {
            return Err(InventoryError::NotFound { kind, name });
        }
        if !self.can(RecordAccess::Edit, record)? {
            return Err(InventoryError::Forbidden { kind, name });
        }
        Ok(())
    }

    /// Refuses a name without a record, or whose record the principal cannot read or change.
    ///
    /// # Errors
    /// As [`require_edit`](Self::require_edit).
    pub(super) fn require_edit_of(&self, kind: Kind, name: &str) -> Result<(), InventoryError> {
        let not_found = || InventoryError::NotFound { kind, name: name.to_owned() };
        if self.rights == RecordRights::All {
            let exists = self.transaction.contains(kind, name)?;
            return if exists { Ok(()) } else { Err(not_found()) };
        }
        let stored = self.transaction.get_any(kind, name)?.ok_or_else(not_found)?;
        self.require_edit(&*stored.record)
    }

    /// Refuses a deletion of records that the principal cannot change. The first record can be read.
    ///
    /// # Errors
    /// [`InventoryError::Forbidden`] with a record that the principal cannot change,
    /// [`InventoryError::HiddenDependent`] if it cannot read the record, [`InventoryError::Store`].
    pub(super) fn require_deletion(
        &self,
        deleted: &[(Kind, String)],
    ) -> Result<(), InventoryError> {
        if self.rights == RecordRights::All {
            return Ok(());
        }
        for (kind, name) in deleted {
            match self.require_edit_of(*kind, name) {
                Ok(()) => {}
                Err(InventoryError::NotFound { .. }) => {
                    let (kind, name) = deleted.first().unwrap_or(&(*kind, name.clone())).clone();
                    return Err(InventoryError::HiddenDependent { kind, name });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The records that the principal can read.
    ///
    /// # Errors
    /// [`StoreError`] if a record cannot be read.
    pub(super) fn readable<'r>(
        &self,
        records: impl Iterator<Item = &'r (Kind, String)>,
    ) -> Result<Vec<(Kind, String)>, StoreError> {
        let mut readable = Vec::new();
        for (kind, name) in records {
            if self.reaches_everything() || self.can_read_name(*kind, name)? {
                readable.push((*kind, name.clone()));
            }
        }
        Ok(readable)
    }

    /// Returns the fault of an object whose record the principal must not change or create.
    ///
    /// # Errors
    /// [`StoreError`] if a record cannot be read.
    pub(super) fn check_object(
        &self,
        before: Option<&dyn Record>,
        after: &dyn Record,
    ) -> Result<Vec<Fault>, StoreError> {
        if self.rights == RecordRights::All {
            return Ok(Vec::new());
        }
        let (kind, name) = (after.kind(), after.name());
        if let Some(before) = before {
            if !self.can(RecordAccess::Read, before)? {
                let detail = format!("the name '{name}' is taken by an existing {kind}");
                return Ok(vec![Fault::new(Some("name"), "name-taken", detail)]);
            }
            if !self.can(RecordAccess::Edit, before)? {
                return Ok(vec![forbidden(kind, name)]);
            }
        } else if matches!(kind, Kind::User | Kind::Group) {
            let detail = format!("only administrators create a {kind}");
            return Ok(vec![Fault::new(None, FORBIDDEN, detail)]);
        }
        if kind == Kind::WorkflowEdge && !self.can(RecordAccess::Edit, after)? {
            let detail = "the workflow of an edge must exist, and you must be able to change it";
            return Ok(vec![Fault::new(Some(WORKFLOW), FORBIDDEN, detail)]);
        }
        Ok(self.check_grants(before, after))
    }

    /// Returns the faults of changed properties that decide about the access to the record. As in
    /// eNMS, only administrators and owners change them.
    fn check_grants(&self, before: Option<&dyn Record>, after: &dyn Record) -> Vec<Fault> {
        let kind = after.kind();
        let can_grant = before.is_none_or(|before| self.rights.can_grant(before));
        let mut faults = Vec::new();
        for property in kind.properties() {
            let name = property.name;
            if !decides_about_access(kind, name) {
                continue;
            }
            let values = (before.and_then(|before| before.view(name)), after.view(name));
            let is_changed = property.shown(values.0.clone()) != property.shown(values.1.clone());
            let hides = name == "admin_only" && !self.reaches_everything();
            if is_changed && (!can_grant || hides) {
                let detail = if hides {
                    "only administrators and operators change 'admin_only'".to_owned()
                } else {
                    format!("only administrators and owners of the {kind} change '{name}'")
                };
                faults.push(Fault::new(Some(name), FORBIDDEN, detail));
            }
        }
        faults
    }

    /// Returns the faults of changes of other records that the principal cannot change.
    ///
    /// # Errors
    /// [`StoreError`] if a record cannot be read.
    pub(super) fn check_inverse(&self, edits: &[InverseEdit]) -> Result<Vec<Fault>, StoreError> {
        if self.rights == RecordRights::All {
            return Ok(Vec::new());
        }
        let mut faults = Vec::new();
        for edit in edits {
            let Some(stored) = self.transaction.get_any(edit.holder.kind, &edit.name)? else {
                continue;
            };
            if !self.can(RecordAccess::Read, &*stored.record)? {
                faults.push(edit.missing());
            } else if !self.can(RecordAccess::Edit, &*stored.record)? {
                let fault = forbidden(edit.holder.kind, &edit.name);
                faults.push(Fault { property: Some(edit.word.to_owned()), ..fault });
            }
        }
        Ok(faults)
    }

    /// Puts the names of records that the principal cannot read back into the relations that the patch
    /// sets.
    ///
    /// # Errors
    /// [`StoreError`] if a record cannot be read.
    pub(super) fn keep_hidden_names(
        &self,
        before: &dyn Record,
        patch: &ObjectPatch,
        after: &mut dyn Record,
    ) -> Result<(), StoreError> {
        if self.reaches_everything() {
            return Ok(());
        }
        let kind = before.kind();
        for property in kind.properties().iter().filter(|property| patch.has(property.name)) {
            let name = property.name;
            let Some(target) = relation_target(kind, name) else { continue };
            let kept = match (before.view(name), after.view(name)) {
                (Some(View::Texts(stored)), Some(View::Texts(sent))) => {
                    self.with_hidden(target, &stored, sent)?
                }
                (Some(View::Texts(stored)), _) => self.with_hidden(target, &stored, Vec::new())?,
                (Some(View::Text(stored)), None | Some(View::Null)) if !stored.is_empty() => {
                    let is_hidden = !self.target_exists(target, stored)?;
                    is_hidden.then(|| Value::from(stored))
                }
                _ => None,
            };
            if let Some(kept) = kept {
                // The record had these names before.
                let _ = after.set(name, kept);
            }
        }
        Ok(())
    }

    /// The sent names with the hidden ones of the stored names; `None` if none is missing.
    fn with_hidden(
        &self,
        target: Target,
        stored: &[&str],
        sent: Vec<&str>,
    ) -> Result<Option<Value>, StoreError> {
        let listed: HashSet<&str> = sent.iter().copied().collect();
        let mut hidden = Vec::new();
        for name in stored.iter().filter(|name| !listed.contains(**name)) {
            if !self.target_exists(target, name)? {
                hidden.push(*name);
            }
        }
        let all = || sent.iter().chain(&hidden).map(|name| Value::from(*name)).collect();
        Ok((!hidden.is_empty()).then(|| Value::List(all())))
    }

    /// Makes the principal an owner of a new record, and gives the principal's groups the access to
    /// it that their `device_access`, `link_access` and so on list. `update_rbac` of eNMS does the
    /// same.
    ///
    /// # Errors
    /// [`StoreError`] if a group cannot be read.
    pub(super) fn own(&self, record: &mut AnyRecord) -> Result<(), StoreError> {
        let RecordRights::Groups(membership) = &self.rights else { return Ok(()) };
        let kind = record.kind();
        add_name(&mut **record, "owners", &membership.user);
        let mut groups: Vec<&String> = membership.groups.iter().collect();
        groups.sort_unstable();
        for name in groups {
            let Some(group) = self.transaction.get::<Group>(name)? else { continue };
            let group = AnyRecord::from(group.record);
            let listed = match group.view(&format!("{kind}_access")) {
                Some(View::Value(value)) => rbac_properties(value),
                Some(_) | None => Vec::new(),
            };
            for property in listed {
                if decides_about_access(kind, &property) {
                    add_name(&mut **record, &property, name);
                }
            }
        }
        Ok(())
    }
}

/// The properties that a group's list of accesses names.
fn rbac_properties(value: &Value) -> Vec<String> {
    let items = match value.plain() {
        Value::List(items) | Value::Tuple(items) => items.as_slice(),
        _ => &[],
    };
    let names = items.iter().filter_map(|item| item.plain().as_text());
    names.filter(|name| name.starts_with("rbac_")).map(str::to_owned).collect()
}

/// Adds a name to a relation, if the kind has it.
fn add_name(record: &mut dyn Record, property: &str, name: &str) {
    if relation_target(record.kind(), property).is_none() {
        return;
    }
    let listed = match record.view(property) {
        Some(View::Texts(names)) if names.contains(&name) => return,
        Some(View::Texts(names)) => names.into_iter().map(Value::from).collect(),
        Some(_) | None => Vec::new(),
    };
    let all = listed.into_iter().chain([Value::from(name)]).collect();
    // A relation accepts every name.
    let _ = record.set(property, Value::List(all));
}

/// The fault of a record that the principal cannot change.
fn forbidden(kind: Kind, name: &str) -> Fault {
    Fault::new(None, FORBIDDEN, format!("you do not have the right to change the {kind} '{name}'"))
}
