//! Deletes instances, together with the records that depend on them.

use std::collections::{BTreeMap, HashSet};

use super::{
    DeleteReport, ExpectedVersion,
    edit::{Editing, RECORDS_MAX},
};
use crate::{
    inventory::{Inventory, InventoryError},
    model::{Arity, Kind, arity},
    store::StoreError,
};

/// The kind and name of a record.
type RecordId = (Kind, String);

impl Inventory {
    /// Deletes an instance and the records that depend on it, and removes the references to them from
    /// all lists. It is one change, durable when this returns.
    ///
    /// # Errors
    /// - [`InventoryError::NotFound`] if there is no such instance.
    /// - [`InventoryError::Stale`] if it does not have the expected version.
    /// - [`InventoryError::OwnUser`] if it is the principal.
    /// - [`InventoryError::NoAdministrator`] if no administrator would remain.
    /// - [`InventoryError::TooManyReferences`] if more than [`RECORDS_MAX`] records would change.
    /// - [`InventoryError::Store`] if the store cannot be read or written.
    pub fn delete(
        &self,
        kind: Kind,
        name: &str,
        principal: &str,
        expected_version: &ExpectedVersion,
    ) -> Result<DeleteReport, InventoryError> {
        self.0.change(|editing| {
            check_deletion(editing, kind, name, principal, expected_version)?;
            let cascade = Cascade::of(editing, kind, name)?;
            for (record, references) in &cascade.removed_references {
                remove_references(editing, record, references)?;
            }
            for (kind, name) in &cascade.deleted {
                if let Some(before) = editing.transaction.get_any(*kind, name)? {
                    editing.remove(&before)?;
                }
            }
            let dereferenced = cascade.removed_references.into_keys().collect();
            Ok(DeleteReport { deleted: cascade.deleted, dereferenced })
        })
    }
}

/// Checks that a record can be deleted.
fn check_deletion(
    editing: &Editing<'_, '_>,
    kind: Kind,
    name: &str,
    principal: &str,
    expected_version: &ExpectedVersion,
) -> Result<(), InventoryError> {
    let Some(stored) = editing.transaction.get_any(kind, name)? else {
        return Err(InventoryError::NotFound { kind, name: name.to_owned() });
    };
    if !expected_version.holds(Some(stored.version)) {
        return Err(InventoryError::Stale { kind, name: name.to_owned() });
    }
    // Users are referred to in lists only, so no other user is deleted as a dependent record.
    if kind == Kind::User && name == principal {
        return Err(InventoryError::OwnUser { name: name.to_owned() });
    }
    if editing.removes_administrator(&*stored.record, None)?
        && !editing.has_administrator(Some(name))?
    {
        return Err(InventoryError::NoAdministrator);
    }
    Ok(())
}

/// The records that a deletion affects.
struct Cascade {
    /// The records that are deleted, the requested one first.
    deleted: Vec<RecordId>,
    /// The records that remain, and the references that they lose. All references of a record are
    /// removed at once: a network can list a hundred thousand links of one device.
    removed_references: BTreeMap<RecordId, References>,
}

/// Names of deleted records, by the relation that refers to them.
type References = BTreeMap<String, HashSet<String>>;

impl Cascade {
    /// Finds the records that depend on a record, and all references to them.
    fn of(editing: &Editing<'_, '_>, kind: Kind, name: &str) -> Result<Self, InventoryError> {
        let mut deleted = vec![(kind, name.to_owned())];
        let mut seen = HashSet::from([(kind, name.to_owned())]);
        let mut removed_references = BTreeMap::<RecordId, References>::new();
        let mut next = 0;
        while let Some((kind, name)) = deleted.get(next).cloned() {
            next += 1;
            for referrer in editing.referrers(kind, &name)? {
                let source = (referrer.kind, referrer.name);
                match arity(referrer.kind, &referrer.relation) {
                    Some(Arity::One) => {
                        if seen.insert(source.clone()) {
                            deleted.push(source);
                        }
                    }
                    Some(Arity::Many) => {
                        let references = removed_references.entry(source).or_default();
                        references.entry(referrer.relation).or_default().insert(name.clone());
                    }
                    None => {
                        let detail = format!("'{}' is not a relation", referrer.relation);
                        return Err(StoreError::Damaged { part: "index", detail }.into());
                    }
                }
                if deleted.len() + removed_references.len() > RECORDS_MAX {
                    let (kind, name) = deleted.swap_remove(0);
                    return Err(InventoryError::TooManyReferences {
                        kind,
                        name,
                        records_max: RECORDS_MAX,
                    });
                }
            }
        }
        removed_references.retain(|source, _| !seen.contains(source));
        Ok(Self { deleted, removed_references })
    }
}

/// Removes references from the lists of one record.
fn remove_references(
    editing: &mut Editing<'_, '_>,
    (kind, name): &RecordId,
    references: &References,
) -> Result<(), StoreError> {
    let Some(before) = editing.transaction.get_any(*kind, name)? else { return Ok(()) };
    let mut after = before.record.clone();
    for (relation, names) in references {
        after.remove_references(relation, &|name| names.contains(name));
    }
    editing.write(Some(&before), after)
}
