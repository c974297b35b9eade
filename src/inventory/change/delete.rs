//! Instances deleted, with what cannot stand without them.

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

/// A record, by its kind and name.
type Named = (Kind, String);

impl Inventory {
    /// Deletes an instance, and with it the records that name it and cannot stand without it. Its
    /// name and theirs are struck from all lists. One change, durable when this returns.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`], [`InventoryError::Stale`]; [`InventoryError::OwnUser`] and
    /// [`InventoryError::NoAdministrator`] for users who have to stay;
    /// [`InventoryError::TooManyReferences`]; what the store says.
    pub fn delete(
        &self,
        kind: Kind,
        name: &str,
        caller: &str,
        expected: &ExpectedVersion,
    ) -> Result<DeleteReport, InventoryError> {
        self.0.change(|editing| {
            check(editing, kind, name, caller, expected)?;
            let cascade = Cascade::of(editing, kind, name)?;
            for (named, lists) in &cascade.strikes {
                strike(editing, named, lists)?;
            }
            for (kind, name) in &cascade.gone {
                if let Some(before) = editing.transaction.get_any(*kind, name)? {
                    editing.remove(&before)?;
                }
            }
            let dereferenced = cascade.strikes.into_keys().collect();
            Ok(DeleteReport { deleted: cascade.gone, dereferenced })
        })
    }
}

/// Looks whether a record may be deleted.
fn check(
    editing: &Editing<'_, '_>,
    kind: Kind,
    name: &str,
    caller: &str,
    expected: &ExpectedVersion,
) -> Result<(), InventoryError> {
    let Some(stored) = editing.transaction.get_any(kind, name)? else {
        return Err(InventoryError::NotFound { kind, name: name.to_owned() });
    };
    if !expected.holds(Some(stored.version)) {
        return Err(InventoryError::Stale { kind, name: name.to_owned() });
    }
    // Lists name users, and nothing that goes with another does: no more of them go.
    if kind == Kind::User && name == caller {
        return Err(InventoryError::OwnUser { name: name.to_owned() });
    }
    if editing.takes_administrator(&*stored.record, None)?
        && !editing.has_administrator(Some(name))?
    {
        return Err(InventoryError::NoAdministrator);
    }
    Ok(())
}

/// What a deletion takes.
struct Cascade {
    /// The records that go, the first one asked for.
    gone: Vec<Named>,
    /// The records that stay, and the names that their lists lose. All of a record's are struck at
    /// once: a network may list a hundred thousand links of one device.
    strikes: BTreeMap<Named, Lists>,
}

/// Names, by the relation that holds them.
type Lists = BTreeMap<String, HashSet<String>>;

impl Cascade {
    fn of(editing: &Editing<'_, '_>, kind: Kind, name: &str) -> Result<Self, InventoryError> {
        let mut gone = vec![(kind, name.to_owned())];
        let mut met = HashSet::from([(kind, name.to_owned())]);
        let mut strikes = BTreeMap::<Named, Lists>::new();
        let mut next = 0;
        while let Some((kind, name)) = gone.get(next).cloned() {
            next += 1;
            for referrer in editing.referrers(kind, &name)? {
                let source = (referrer.kind, referrer.name);
                match arity(referrer.kind, &referrer.relation) {
                    Some(Arity::One) => {
                        if met.insert(source.clone()) {
                            gone.push(source);
                        }
                    }
                    Some(Arity::Many) => {
                        let lists = strikes.entry(source).or_default();
                        lists.entry(referrer.relation).or_default().insert(name.clone());
                    }
                    None => {
                        let detail = format!("'{}' is no relation", referrer.relation);
                        return Err(StoreError::Damaged { part: "index", detail }.into());
                    }
                }
                if gone.len() + strikes.len() > RECORDS_MAX {
                    let (kind, name) = gone.swap_remove(0);
                    return Err(InventoryError::TooManyReferences {
                        kind,
                        name,
                        records_max: RECORDS_MAX,
                    });
                }
            }
        }
        strikes.retain(|source, _| !met.contains(source));
        Ok(Self { gone, strikes })
    }
}

/// Takes names out of one record's lists.
fn strike(
    editing: &mut Editing<'_, '_>,
    (kind, name): &Named,
    lists: &Lists,
) -> Result<(), StoreError> {
    let Some(before) = editing.transaction.get_any(*kind, name)? else { return Ok(()) };
    let mut after = before.record.clone();
    for (relation, names) in lists {
        after.remove_references(relation, &|name| names.contains(name));
    }
    editing.write(Some(&before), after)
}
