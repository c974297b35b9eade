//! Tests of changes with a store.

mod changes;
mod deletions;
mod pools;
mod rights;
mod verify;

use std::sync::Arc;

use super::*;
use crate::{
    access::create_first_user,
    model::{Entity, Kind, Map, Value},
    store::{Origin, Store, Stored},
};

/// The administrator who makes the changes of these tests.
const PRINCIPAL: &str = "admin";

/// The origin of the changes of these tests.
fn origin() -> Origin {
    Origin::of_user(PRINCIPAL, "test")
}

/// An inventory with one user, in a temporary folder.
struct Fixture {
    inventory: Inventory,
    store: Arc<Store>,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).unwrap());
        create_first_user(&store).unwrap();
        Self { inventory: Inventory::new(store.clone()), store, _folder: folder }
    }

    fn put_all(&self, kind: Kind, objects: Vec<Map>, atomicity: Atomicity) -> ChangeReport {
        let request = ChangeRequest {
            origin: origin(),
            atomicity,
            expected_version: ExpectedVersion::Any,
            exact_type: None,
        };
        self.inventory.put(kind, objects, &request).unwrap()
    }

    /// Puts one object, and returns its result and the warnings.
    fn put(
        &self,
        kind: Kind,
        properties: &[(&str, Value)],
    ) -> (Result<Changed, Vec<Fault>>, Vec<String>) {
        let mut report = self.put_all(kind, vec![object(properties)], Atomicity::Each);
        assert_eq!(report.outcomes.len(), 1);
        (report.outcomes.remove(0).result, report.warnings)
    }

    /// Puts one valid object.
    fn put_valid(&self, kind: Kind, properties: &[(&str, Value)]) -> Changed {
        let (result, _) = self.put(kind, properties);
        result.unwrap_or_else(|faults| panic!("{kind} {properties:?}: {faults:?}"))
    }

    /// Puts one invalid object, and returns the codes of its faults.
    fn faults(&self, kind: Kind, properties: &[(&str, Value)]) -> Vec<&'static str> {
        let (result, _) = self.put(kind, properties);
        result.unwrap_err().into_iter().map(|fault| fault.code).collect()
    }

    fn get<E: Entity>(&self, name: &str) -> Option<Stored<E>> {
        self.store.read().get(name).unwrap()
    }

    fn delete(&self, kind: Kind, name: &str) -> Result<DeleteReport, InventoryError> {
        self.inventory.delete(kind, name, &origin(), &ExpectedVersion::Any)
    }
}

fn object(properties: &[(&str, Value)]) -> Map {
    let entry = |(key, value): &(&str, Value)| (Value::from(*key), value.clone());
    Map::from_entries(properties.iter().map(entry).collect())
}

fn names(names: &[&str]) -> Value {
    Value::List(names.iter().map(|name| Value::from(*name)).collect())
}
