//! Small changes.

use std::sync::Barrier;

use proptest::prelude::*;

use super::plain::*;
use crate::{
    model::{Device, Entity, Kind, Name},
    store::Store,
};

proptest! {
    #![proptest_config(super::cases(24))]

    /// After any sequence of committed and aborted changes, the store equals the plain inventory,
    /// also after it is reopened.
    #[test]
    fn changes_equal_those_of_a_plain_inventory(
        rounds in prop::collection::vec(prop::collection::vec(change(), 1..8), 1..4)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut plain = Plain::default();
        for round in rounds {
            let store = Store::open(folder.path()).unwrap();
            plain.agrees(&store);
            for change in round {
                plain.change(&store, &change);
                plain.agrees(&store);
            }
            plain.agrees_with_past(&store);
        }
        plain.agrees(&Store::open(folder.path()).unwrap());
    }
}

#[test]
fn records_with_thousands_of_references_and_referrers_are_indexed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut plain = Plain::default();
    let named: Vec<String> = (0..2_000).map(|n| format!("device {n:0>40}")).collect();
    let pool = Recipe { named: named.clone(), ..Recipe::new(Kind::Pool, "all", 0) };
    let devices = named.iter().map(|name| {
        let named = vec!["everybody".to_owned()];
        Step::Put(Recipe { named, ..Recipe::new(Kind::Device, name, 0) })
    });
    // The longest valid names, on both sides of the reference.
    let long = "L".repeat(251);
    let neighbours = (0..300).map(|n| {
        let named = vec![format!("{long}{:0>4}", n % 7)];
        Step::Put(Recipe { named, ..Recipe::new(Kind::Device, &format!("{long}{n:0>4}"), 0) })
    });
    let mut steps = vec![Step::Put(pool)];
    steps.extend(devices.chain(neighbours));
    plain.change(&store, &Change { steps, is_abandoned: false });
    plain.agrees(&store);
    // One record is put again, and every second one is removed.
    let steps = named.iter().step_by(2).map(|name| Step::Remove(Kind::Device, name.clone()));
    plain.change(&store, &Change { steps: steps.collect(), is_abandoned: false });
    plain.agrees(&store);
}

#[test]
fn many_adjacent_long_records_create_no_blob_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut plain = Plain::default();
    for round in 0..3 {
        let steps = (0..60).map(|n| {
            let name = format!("{}{n:0>4}", "n".repeat(250));
            Step::Put(Recipe { salt: round, ..Recipe::new(Kind::Service, &name, 3_000 + n * 900) })
        });
        plain.change(&store, &Change { steps: steps.collect(), is_abandoned: false });
    }
    for bytes in [2_000_000, 5_000_000, 10] {
        let steps = vec![Step::Put(Recipe::new(Kind::Service, "the longest", bytes))];
        plain.change(&store, &Change { steps, is_abandoned: false });
    }
    plain.agrees(&store);
    drop(store);
    plain.agrees(&Store::open(folder.path()).unwrap());
}

#[test]
fn concurrent_changes_do_not_lose_updates() {
    const THREADS: usize = 8;
    const CHANGES: usize = 25;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let together = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                together.wait();
                for _ in 0..CHANGES {
                    // Each thread reads the stored value and writes it plus one, so a lost change
                    // is visible.
                    store
                        .change(&origin(), |transaction| {
                            let name = "counter";
                            let found = transaction.get::<Device>(name)?;
                            let mut device = found.map_or_else(
                                || Device::named(Name::parse(name.to_owned()).unwrap()),
                                |found| found.record,
                            );
                            let count = device.port.get().copied().unwrap_or_default();
                            device.port = crate::model::Field::Set(count + 1);
                            transaction.put(device)
                        })
                        .unwrap();
                }
            });
        }
    });
    let found = store.read().get::<Device>("counter").unwrap().unwrap();
    assert_eq!(found.record.port.get(), Some(&((THREADS * CHANGES) as i64)));
    assert_eq!(found.version, (THREADS * CHANGES) as u64);
}

#[test]
fn a_reader_outlives_the_store_and_keeps_the_directory_locked() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut plain = Plain::default();
    let steps = vec![Step::Put(Recipe::new(Kind::Device, "a", 10))];
    plain.change(&store, &Change { steps, is_abandoned: false });
    let reading = store.read();
    drop(store);
    assert!(reading.contains(Kind::Device, "a").unwrap());
    assert!(matches!(Store::open(folder.path()), Err(crate::store::StoreError::Directory(_))));
    drop(reading);
    plain.agrees(&Store::open(folder.path()).unwrap());
}
