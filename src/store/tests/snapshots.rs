//! Snapshots during changes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;

use super::plain::*;
use crate::job::Progress;
use crate::{
    model::{Entity, Kind, KindVisitor, PerKind, Record},
    store::{Options, Snapshot, Store, StoreError, Stored, snapshot::Snapshots},
};

/// Scans a snapshot, and makes changes between its records.
struct ScanWhile<'a, 'c> {
    store: &'a Store,
    snapshot: &'a Snapshot,
    before: &'a Plain,
    now: &'a mut Plain,
    /// The changes, each with the number of records to read before it.
    changes: &'a mut std::slice::Iter<'c, (usize, Change)>,
}

impl KindVisitor for ScanWhile<'_, '_> {
    type Output = ();
    fn visit<E: Entity>(self) {
        let mut scan = self.snapshot.scan::<E>();
        let mut stored: Vec<Stored<E>> = Vec::new();
        for (records, change) in self.changes.by_ref() {
            let seen = stored.len();
            stored.extend(scan.by_ref().take(*records).map(Result::unwrap));
            self.now.change(self.store, change);
            if stored.len() - seen < *records {
                break;
            }
        }
        stored.extend(scan.map(Result::unwrap));
        self.before.compare(stored, |record| self.snapshot.decrypt_secrets(record));
    }
}

proptest! {
    #![proptest_config(super::cases(32))]

    /// A snapshot does not change while the inventory is changed between reads of its records. The
    /// changes behave as without a reader.
    #[test]
    fn a_snapshot_does_not_change(
        first in prop::collection::vec(change(), 1..12),
        second in prop::collection::vec((0usize..4, change()), 1..24),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut now = Plain::default();
        for change in &first {
            now.change(&store, change);
        }
        let before = now.clone();
        let snapshot = store.snapshot().unwrap();
        let mut changes = second.iter();
        for kind in [Kind::Device, Kind::Link, Kind::Service] {
            kind.dispatch(ScanWhile {
                store: &store,
                snapshot: &snapshot,
                before: &before,
                now: &mut now,
                changes: &mut changes,
            });
        }
        for (_, change) in changes {
            now.change(&store, change);
        }
        before.is_in(&snapshot);
        now.agrees(&store);
        now.is_in(&store.snapshot().unwrap());
    }
}

/// Every change writes the same salt to all devices. An inconsistent snapshot contains two salts or a
/// wrong number of devices.
#[test]
fn snapshots_taken_during_concurrent_changes_are_consistent() {
    const DEVICES: usize = 40;
    const CHANGES: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let names: Vec<String> = (0..DEVICES).map(|n| format!("{n:0>3} [x] é")).collect();
    let put = |salt: usize| Change {
        steps: names
            .iter()
            .enumerate()
            // Some records are short, some are long, and some are missing in every second change.
            .map(|(n, name)| {
                if n % 4 == 3 && salt % 2 == 1 {
                    Step::Remove(Kind::Device, name.clone())
                } else {
                    Step::Put(Recipe {
                        salt: salt as u8,
                        ..Recipe::new(Kind::Device, name, [10, 10, 20_000, 300][n % 4])
                    })
                }
            })
            .collect(),
        is_abandoned: false,
    };
    let mut plain = Plain::default();
    plain.change(&store, &put(0));
    let done = AtomicBool::new(false);
    let together = Barrier::new(3);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                together.wait();
                let mut seen = 0;
                while !done.load(Ordering::SeqCst) || seen == 0 {
                    let snapshot = store.snapshot().unwrap();
                    let stored: Vec<Stored<crate::model::Device>> =
                        snapshot.scan().collect::<Result<_, _>>().unwrap();
                    let salt = snapshot.summary().version - 1;
                    let there = if salt % 2 == 1 { DEVICES - DEVICES / 4 } else { DEVICES };
                    assert_eq!(stored.len(), there);
                    assert_eq!(snapshot.summary().kind(Kind::Device).count, there as u64);
                    for one in stored {
                        assert_eq!(one.version, salt + 1, "{}", one.record.name());
                        let salted = one.record.view("zz_salt").unwrap().to_value();
                        assert_eq!(salted, crate::model::Value::Int(salt as i64));
                    }
                    // A live view can read records while they are replaced.
                    for one in store.read().scan::<crate::model::Device>() {
                        one.unwrap();
                    }
                    seen += 1;
                }
            });
        }
        together.wait();
        for salt in 1..=CHANGES {
            plain.change(&store, &put(salt));
        }
        done.store(true, Ordering::SeqCst);
    });
    plain.agrees(&store);
}

#[test]
fn a_snapshot_outlives_its_generation() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut plain = Plain::default();
    let recipe = Recipe::new(Kind::Device, "before", 30_000);
    plain.change(&store, &Change { steps: vec![Step::Put(recipe)], is_abandoned: false });
    let snapshot = store.snapshot().unwrap();
    // Twice, so that the directory of the snapshot's generation is removed.
    for _ in 0..2 {
        store
            .lock(&Progress::detached())
            .unwrap()
            .load()
            .unwrap()
            .commit(&record(), &Progress::detached())
            .unwrap();
    }
    let mut now = Plain::loaded(plain.version + 2, PerKind::<BTreeMap<_, _>>::default());
    let recipe = Recipe::new(Kind::Device, "before", 10);
    now.change(&store, &Change { steps: vec![Step::Put(recipe)], is_abandoned: false });
    plain.is_in(&snapshot);
    now.agrees(&store);
}

#[test]
fn a_change_waits_while_overlays_are_full() {
    let folder = tempfile::tempdir().unwrap();
    let snapshots = Arc::new(Snapshots::with_limits(40_000, Duration::ZERO));
    let store = Store::open_around(folder.path(), Options::default(), snapshots).unwrap();
    let mut plain = Plain::default();
    let put = |salt| Change {
        steps: vec![Step::Put(Recipe { salt, ..Recipe::new(Kind::Device, "a", 50_000) })],
        is_abandoned: false,
    };
    plain.change(&store, &put(0));
    let before = plain.clone();
    let snapshot = store.snapshot().unwrap();
    plain.change(&store, &put(1));
    let after = store.snapshot().unwrap();
    let refused = store.change(&origin(), |transaction| transaction.remove(Kind::Device, "a"));
    assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
    before.is_in(&snapshot);
    // A newer snapshot is still held. Its overlay is empty.
    drop(snapshot);
    let before = plain.clone();
    plain.change(&store, &put(2));
    before.is_in(&after);
    plain.agrees(&store);
}
