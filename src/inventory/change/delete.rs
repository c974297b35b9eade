//! Deletes instances, together with the records that depend on them.

use std::collections::{BTreeMap, HashSet};

use super::{
    DeleteReport, DeletionReport, DeletionRequest, ExpectedVersion, Selected,
    abort::Abort,
    edit::{Editing, RECORDS_MAX},
};
use crate::{
    import::Mode,
    inventory::{Inventory, InventoryError},
    model::{Arity, Kind, Record, View, arity},
    store::{Origin, StoreError},
};

/// The kind and name of a record.
type RecordId = (Kind, String);

impl Inventory {
    /// Deletes an instance and the records that depend on it, and removes the references to them from
    /// all lists. It is one change, durable when this returns.
    ///
    /// # Errors
    /// - [`InventoryError::NotFound`] if there is no such instance.
    /// - [`InventoryError::Forbidden`] if the principal cannot change it or a dependent record.
    /// - [`InventoryError::Stale`] if it does not have the expected version.
    /// - [`InventoryError::OwnUser`] if it is the principal of the origin.
    /// - [`InventoryError::NoAdministrator`] if no administrator would remain.
    /// - [`InventoryError::TooManyReferences`] if more than [`RECORDS_MAX`] records would change.
    /// - [`InventoryError::Store`] if the store cannot be read or written.
    pub fn delete(
        &self,
        kind: Kind,
        name: &str,
        origin: &Origin,
        expected_version: &ExpectedVersion,
    ) -> Result<DeleteReport, InventoryError> {
        self.edit(origin, |editing| {
            let Some(stored) = editing.transaction.get_any(kind, name)? else {
                return Err(InventoryError::NotFound { kind, name: name.to_owned() });
            };
            editing.require_edit(&*stored.record)?;
            if !expected_version.holds(Some(stored.version)) {
                return Err(InventoryError::Stale { kind, name: name.to_owned() });
            }
            delete_all(editing, kind, vec![name.to_owned()], &origin.principal)
        })
    }

    /// Deletes several instances of one kind as one change: all of them or none. It is durable when
    /// this returns. Names without an instance are reported and are no error. A dry run changes
    /// nothing.
    ///
    /// # Errors
    /// - The errors of [`Inventory::delete`] but `NotFound` and `Stale`.
    /// - [`InventoryError::UnknownProperty`] and [`InventoryError::Regex`] for a criterion that cannot
    ///   be evaluated.
    /// - [`InventoryError::Store`] if a record that might match is damaged.
    pub fn delete_many(&self, request: &DeletionRequest) -> Result<DeletionReport, InventoryError> {
        let DeletionRequest { kind, exact_type, instances, origin, mode } = request;
        let exact_type = exact_type.as_deref();
        let made = self.edit(origin, |editing| {
            let (found, not_found) = match instances {
                Selected::Named(names) => existing(editing, *kind, exact_type, names)?,
                // The change holds the write lock, so the records stay as the search finds them.
                Selected::Matching(criteria) => {
                    (self.matching(*kind, exact_type, criteria)?, Vec::new())
                }
            };
            let DeleteReport { deleted, dereferenced } =
                delete_all(editing, *kind, found, &origin.principal)?;
            let report = DeletionReport { deleted, dereferenced, not_found };
            match mode {
                Mode::Apply => Ok(report),
                Mode::DryRun => Err(Abort::Discard(report)),
            }
        });
        match made {
            Ok(report) | Err(Abort::Discard(report)) => Ok(report),
            Err(Abort::Error(error)) => Err(error),
        }
    }
}

/// The names that have an instance of the exact type, and those that have none, each once.
fn existing(
    editing: &Editing<'_, '_>,
    kind: Kind,
    exact_type: Option<&str>,
    names: &[String],
) -> Result<(Vec<String>, Vec<String>), StoreError> {
    let (mut found, mut not_found) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for name in names.iter().filter(|name| seen.insert(name.as_str())) {
        let exists = match exact_type {
            None => editing.can_read_name(kind, name)?,
            Some(exact_type) if editing.can_read_name(kind, name)? => {
                let stored = editing.transaction.get_any(kind, name)?;
                stored.is_some_and(|stored| has_type(&*stored.record, exact_type))
            }
            Some(_) => false,
        };
        let list = if exists { &mut found } else { &mut not_found };
        list.push(name.clone());
    }
    Ok((found, not_found))
}

/// Returns whether a record has an exact type.
fn has_type(record: &dyn Record, exact_type: &str) -> bool {
    let shown = record.kind().property("type").map(|known| known.shown(record.view(known.name)));
    shown == Some(View::Text(exact_type))
}

/// Deletes existing instances, and the records that depend on them.
fn delete_all(
    editing: &mut Editing<'_, '_>,
    kind: Kind,
    names: Vec<String>,
    principal: &str,
) -> Result<DeleteReport, InventoryError> {
    // Users are referred to in lists only, so no user is deleted as a dependent record.
    if kind == Kind::User && names.iter().any(|name| name == principal) {
        return Err(InventoryError::OwnUser { name: principal.to_owned() });
    }
    let cascade = Cascade::of(editing, kind, names)?;
    editing.require_deletion(&cascade.deleted)?;
    let dereferenced = editing.readable(cascade.removed_references.keys())?;
    for (record, references) in &cascade.removed_references {
        remove_references(editing, record, references)?;
    }
    let mut removes_administrator = false;
    for (kind, name) in &cascade.deleted {
        if let Some(before) = editing.transaction.get_any(*kind, name)? {
            removes_administrator |= editing.removes_administrator(&*before.record, None)?;
            editing.remove(&before)?;
        }
    }
    if removes_administrator && !editing.has_administrator(None)? {
        return Err(InventoryError::NoAdministrator);
    }
    Ok(DeleteReport { deleted: cascade.deleted, dereferenced })
}

/// The records that a deletion affects.
struct Cascade {
    /// The records that are deleted, the requested ones first.
    deleted: Vec<RecordId>,
    /// The records that remain, and the references that they lose. All references of a record are
    /// removed at once: a network can list a hundred thousand links of one device.
    removed_references: BTreeMap<RecordId, References>,
}

/// Names of deleted records, by the relation that refers to them.
type References = BTreeMap<String, HashSet<String>>;

impl Cascade {
    /// Finds the records that depend on records of one kind, and all references to them.
    fn of(
        editing: &Editing<'_, '_>,
        kind: Kind,
        names: Vec<String>,
    ) -> Result<Self, InventoryError> {
        let mut deleted: Vec<RecordId> = names.into_iter().map(|name| (kind, name)).collect();
        let requested = deleted.len();
        let mut seen: HashSet<RecordId> = deleted.iter().cloned().collect();
        let mut removed_references = BTreeMap::<RecordId, References>::new();
        Self::check_size(&deleted, &removed_references, requested)?;
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
                Self::check_size(&deleted, &removed_references, requested)?;
            }
        }
        removed_references.retain(|source, _| !seen.contains(source));
        Ok(Self { deleted, removed_references })
    }

    /// Refuses a deletion that affects more than [`RECORDS_MAX`] records.
    /// The first `requested` of the deleted records are those that the request names.
    fn check_size(
        deleted: &[RecordId],
        removed_references: &BTreeMap<RecordId, References>,
        requested: usize,
    ) -> Result<(), InventoryError> {
        let affected = deleted.len() + removed_references.len();
        let Some(first) = deleted.first().filter(|_| affected > RECORDS_MAX) else {
            return Ok(());
        };
        let (kind, name) = first;
        Err(InventoryError::TooManyReferences {
            kind: *kind,
            name: name.clone(),
            others: requested - 1,
            records_max: RECORDS_MAX,
        })
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
