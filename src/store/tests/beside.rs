//! Members of computed pools, long texts, renames, and changes that are too large for a transaction.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::plain::*;
use crate::job::Progress;
use crate::{
    model::{Device, Entity, Field, Group, Kind, Name, Ref, Side, Target},
    store::{PutOutcome, Store, StoreError, tree_id::TreeId},
};

fn name(text: &str) -> Name {
    Name::parse(text.to_owned()).unwrap()
}

fn device(text: &str) -> Device {
    Device::named(name(text))
}

fn change<T>(
    store: &Store,
    make: impl FnOnce(&mut crate::store::Transaction<'_>) -> Result<T, StoreError>,
) -> T {
    store.change(&origin(), make).unwrap()
}

/// A change of the members of a pool.
#[derive(Clone, Debug)]
enum Step {
    Add(u64, Side, Vec<u64>),
    Remove(u64, Side, Vec<u64>),
    Clear(u64, Side),
}

fn step() -> impl Strategy<Value = Step> {
    let pool = prop_oneof![Just(0u64), Just(1), Just(256), Just(u64::MAX)];
    let side = prop_oneof![Just(Side::Device), Just(Side::Link)];
    let members = prop::collection::vec(0u64..400, 0..200);
    prop_oneof![
        4 => (pool.clone(), side.clone(), members.clone()).prop_map(|(p, s, m)| Step::Add(p, s, m)),
        3 => (pool.clone(), side.clone(), members).prop_map(|(p, s, m)| Step::Remove(p, s, m)),
        1 => (pool, side).prop_map(|(p, s)| Step::Clear(p, s)),
    ]
}

fn member_name(ordinal: u64) -> String {
    format!("[é] 1% {ordinal:>40}")
}

type Members = BTreeMap<(u64, bool), BTreeSet<u64>>;

fn key(pool: u64, side: Side) -> (u64, bool) {
    (pool, side == Side::Link)
}

proptest! {
    #![proptest_config(super::cases(32))]

    /// The members equal those of a plain map of sets: during the change, after it, in an earlier
    /// snapshot, and after a restart.
    #[test]
    fn members_equal_those_of_a_plain_map(changes in prop::collection::vec(prop::collection::vec(step(), 1..4), 1..8)) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut plain = Members::new();
        let names = |plain: &Members, pool, side| -> Vec<String> {
            plain.get(&key(pool, side)).into_iter().flatten().map(|o| member_name(*o)).collect()
        };
        for steps in &changes {
            let before = plain.clone();
            let snapshot = store.snapshot().unwrap();
            change(&store, |transaction| {
                for step in steps {
                    let (pool, side, ordinals) = match step {
                        Step::Add(pool, side, ordinals) | Step::Remove(pool, side, ordinals) => (*pool, *side, &ordinals[..]),
                        Step::Clear(pool, side) => (*pool, *side, &[][..]),
                    };
                    let named: Vec<_> = ordinals.iter().map(|o| (*o, member_name(*o))).collect();
                    let named: Vec<_> = named.iter().map(|(o, name)| (*o, name.as_str())).collect();
                    let set = plain.entry(key(pool, side)).or_default();
                    match step {
                        Step::Add(..) => {
                            set.extend(ordinals);
                            transaction.add_members(pool, side, &named);
                        }
                        Step::Remove(..) => {
                            set.retain(|ordinal| !ordinals.contains(ordinal));
                            transaction.remove_members(pool, side, &named);
                        }
                        Step::Clear(..) => {
                            set.clear();
                            transaction.clear_members(pool, side)?;
                        }
                    }
                    assert_eq!(transaction.members(pool, side)?, names(&plain, pool, side));
                    assert_eq!(transaction.member_count(pool, side)?, names(&plain, pool, side).len() as u64);
                }
                Ok(())
            });
            for pool in [0, 1, 256, u64::MAX] {
                for side in [Side::Device, Side::Link] {
                    prop_assert_eq!(snapshot.members(pool, side).unwrap(), names(&before, pool, side));
                    prop_assert_eq!(store.read().members(pool, side).unwrap(), names(&plain, pool, side));
                    prop_assert_eq!(store.read().member_count(pool, side).unwrap(), names(&plain, pool, side).len() as u64);
                }
            }
        }
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        for pool in [0, 1, 256, u64::MAX] {
            for side in [Side::Device, Side::Link] {
                prop_assert_eq!(store.read().members(pool, side).unwrap(), names(&plain, pool, side));
            }
        }
        no_blobs(folder.path());
    }
}

#[test]
fn texts_are_renamed_and_removed_with_their_device() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    // The text has more than a thousand chunks. The name of the other device begins with the name
    // of this one.
    let long = "interface é\n".repeat(400_000);
    change(&store, |t| {
        t.put(device("R 1%"))?;
        t.put(device("R 1%2"))?;
        t.put_text("R 1%", "configuration", &long)?;
        t.put_text("R 1%", "operational_data", "")?;
        t.put_text("R 1%2", "configuration", "other")
    });
    let reading = store.read();
    let text = reading.text("R 1%", "configuration").unwrap().unwrap();
    assert!(text.text == long);
    assert_eq!(reading.texts("R 1%").unwrap(), ["configuration", "operational_data"]);
    assert_eq!(reading.text("R 1%", "other").unwrap(), None);

    // Writing the same text changes nothing. The chunks of a replaced text belong to the history.
    change(&store, |t| t.put_text("R 1%", "configuration", &long));
    assert_eq!(store.read().text("R 1%", "configuration").unwrap().unwrap().version, text.version);
    change(&store, |t| t.put_text("R 1%", "configuration", &long[..5000]));
    let chunks = || {
        let generation = store.current().ok().unwrap().generation;
        generation.tree(TreeId::Chunks).iter().count() - chunks_of_history(&generation)
    };
    assert_eq!(chunks(), 2);

    change(&store, |t| t.rename(Kind::Device, "R 1%", name("..")));
    let reading = store.read();
    assert_eq!(reading.texts("R 1%").unwrap(), [""; 0]);
    assert!(reading.text("..", "configuration").unwrap().unwrap().text == long[..5000]);
    change(&store, |t| t.remove(Kind::Device, ".."));
    assert_eq!(store.read().texts("..").unwrap(), [""; 0]);
    assert_eq!(chunks(), 0);
    assert_eq!(store.read().text("R 1%2", "configuration").unwrap().unwrap().text, "other");

    let too_long = "x".repeat(crate::model::limits::LONG_TEXT_BYTES_MAX + 1);
    let refused = store.change(&origin(), |t| t.put_text("R 1%2", "configuration", &too_long));
    assert!(matches!(refused, Err(StoreError::TextLarge { .. })), "{refused:?}");
    no_blobs(folder.path());
}

#[test]
fn a_load_keeps_the_texts_of_its_devices() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let long = "é".repeat(100_000);
    change(&store, |t| {
        for name in ["a", "b"] {
            t.put(device(name))?;
            t.put_text(name, "configuration", &long)?;
        }
        Ok(())
    });
    let load = store.lock(&Progress::detached()).unwrap().load().unwrap();
    let body = crate::store::encode_body(&device("b")).unwrap();
    let mut table = load.table(Kind::Device);
    table.put(b"b", 0, load.version(), &body).unwrap();
    table.finish();
    load.commit(&record(), &Progress::detached()).unwrap();
    assert_eq!(store.read().text("a", "configuration").unwrap(), None);
    assert!(store.read().text("b", "configuration").unwrap().unwrap().text == long);
    let generation = store.current().ok().unwrap().generation;
    assert_eq!(generation.tree(TreeId::Chunks).iter().count(), long.len().div_ceil(4096));
}

#[test]
fn a_renamed_record_keeps_its_ordinal_and_its_references() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    change(&store, |t| {
        t.put(Group::named(name("ops")))?;
        let mut first = device("z");
        first.rbac_read = Field::Set(vec![Ref::new("ops")]);
        t.put(first)?;
        t.put(device("a"))
    });
    let ordinal = store.read().get::<Device>("z").unwrap().unwrap().ordinal;
    change(&store, |t| {
        assert!(t.rename(Kind::Device, "z", name("é>b"))?);
        assert!(!t.rename(Kind::Device, "nobody", name("x"))?);
        assert!(!t.contains(Kind::Device, "z")?);
        let names: Vec<_> =
            t.scan::<Device>().map(|stored| stored.unwrap().record.name.to_string()).collect();
        assert_eq!(names, ["a", "é>b"]);
        Ok(())
    });
    let reading = store.read();
    assert_eq!(reading.get::<Device>("é>b").unwrap().unwrap().ordinal, ordinal);
    assert!(!reading.contains(Kind::Device, "z").unwrap());
    let referrers = reading.referrers(Target::Kind(Kind::Group), "ops").unwrap();
    assert_eq!(referrers.len(), 1);
    assert_eq!(referrers[0].name, "é>b");
    assert_eq!(reading.summary().unwrap().kind(Kind::Device).count, 2);
}

#[test]
fn an_unchanged_record_does_not_change_the_version_of_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(change(&store, |t| t.put(device("a"))), PutOutcome::Created);
    let (devices, groups) = (store.changed(Kind::Device), store.changed(Kind::Group));
    assert_eq!(change(&store, |t| t.put(device("a"))), PutOutcome::Unchanged);
    assert_eq!(store.changed(Kind::Device).unwrap(), devices.unwrap());
    let mut other = device("a");
    other.port = Field::Set(23);
    assert_eq!(change(&store, |t| t.put(other)), PutOutcome::Updated);
    let reading = store.read();
    let version = reading.get::<Device>("a").unwrap().unwrap().version;
    assert_eq!(store.changed(Kind::Device).unwrap(), version);
    assert_eq!(store.changed(Kind::Group).unwrap(), groups.unwrap());
}

#[test]
fn a_large_change_becomes_a_new_generation() {
    const DEVICES: usize = 21_000;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    change(&store, |t| {
        t.put(Group::named(name("ops")))?;
        t.put(device("stays"))?;
        t.put_text("stays", "configuration", &"x".repeat(10_000))?;
        t.add_members(7, Side::Device, &[(0, "stays")]);
        Ok(())
    });
    let before = store.snapshot().unwrap();
    let old = store.current().ok().unwrap().generation.number;
    change(&store, |t| {
        for number in 0..DEVICES {
            let mut device = device(&format!("d{number:05}"));
            device.rbac_read = Field::Set(vec![Ref::new("ops")]);
            t.put(device)?;
        }
        Ok(())
    });
    assert!(store.current().ok().unwrap().generation.number > old);
    assert_eq!(before.scan::<Device>().count(), 1);
    drop(before);
    let check = |store: &Store| {
        let reading = store.read();
        assert_eq!(reading.scan::<Device>().map(Result::unwrap).count(), DEVICES + 1);
        assert_eq!(reading.summary().unwrap().kind(Kind::Device).count, DEVICES as u64 + 1);
        let referrers = reading.referrers(Target::Kind(Kind::Group), "ops").unwrap();
        assert_eq!(referrers.len(), DEVICES);
        assert_eq!(reading.text("stays", "configuration").unwrap().unwrap().text.len(), 10_000);
        assert_eq!(reading.members(7, Side::Device).unwrap(), ["stays"]);
    };
    check(&store);
    // Small changes still work.
    change(&store, |t| t.put(device("more")));
    change(&store, |t| t.remove(Kind::Device, "more"));
    drop(store);
    check(&Store::open(folder.path()).unwrap());
}

#[test]
fn concurrent_changes_see_each_other_and_a_failed_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    change(&store, |t| t.put(device("counter")));
    const THREADS: i64 = 16;
    const CHANGES: i64 = 25;
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for number in 0..CHANGES {
                    let made = store.change(&origin(), |t| {
                        let mut counter = t.get::<Device>("counter")?.unwrap().record;
                        let port = counter.port.get().copied().unwrap_or_default();
                        counter.port = Field::Set(port + 1);
                        t.put(counter)?;
                        match number % 5 {
                            0 => Err(StoreError::Busy),
                            _ => Ok(()),
                        }
                    });
                    assert_eq!(made.is_err(), number % 5 == 0);
                }
            });
        }
    });
    let counter = store.read().get::<Device>("counter").unwrap().unwrap().record;
    assert_eq!(counter.port, Field::Set(THREADS * CHANGES * 4 / 5));
}
