//! Changes that are committed together: each is kept, found, trimmed and archived by itself.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use super::{
    history::{change, device, no_history, numbers, put, trim, vendor, vendor_at},
    loads::write,
    plain::{Recipe, origin},
};
use crate::{
    job::Progress,
    model::Kind,
    store::{AtChange, Finding, HistoryLimits, HistoryView, LoadRecord, Store, tree_id::TreeId},
};

/// Concurrent changes are committed together. Their numbers, with the vendor and the device of each.
fn concurrent_changes(store: &Store, rounds: usize) -> Vec<(u64, String, Option<String>)> {
    let made = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let made = &made;
            scope.spawn(move || {
                for round in 0..rounds {
                    // Devices of all writers, and removed ones.
                    let name = ["R 1%", "é>b", "..", "[Shared] x"][(writer + round) % 4];
                    let vendor = format!("Acme {writer} {round}");
                    let is_removed = (writer * 7 + round * 3) % 11 == 0;
                    let mut effective = true;
                    let number = change(store, |transaction| {
                        if is_removed {
                            effective = transaction.remove(Kind::Device, name)?;
                        } else {
                            transaction.put(device(name, &vendor))?;
                        }
                        Ok(())
                    });
                    if effective {
                        let vendor = (!is_removed).then_some(vendor);
                        made.lock().unwrap().push((number, name.to_owned(), vendor));
                    }
                }
            });
        }
    });
    let mut made = made.into_inner().unwrap();
    made.sort();
    made
}

/// Asserts that the history has these changes, and each device as it was after each of them.
fn agrees_with_changes(store: &Store, made: &[(u64, String, Option<String>)]) {
    let history = store.history().unwrap();
    let expected: Vec<u64> = made.iter().rev().map(|(number, ..)| *number).collect();
    let found = numbers(&history);
    assert_eq!(&found[found.len() - expected.len()..], expected);
    let mut present: BTreeMap<&str, Vec<u64>> = Default::default();
    let mut vendors: BTreeMap<&str, Option<&str>> = Default::default();
    for (number, name, vendor) in made {
        let before = history.record_before(Kind::Device, name, *number).unwrap().map(self::vendor);
        let expected = vendors.get(&**name).copied().flatten();
        assert_eq!(before.as_deref(), expected, "{name} before {number}");
        let change = history.change(*number).unwrap().unwrap();
        assert_eq!(change.touched[0].value.name(), name);
        vendors.insert(name, vendor.as_deref());
        present.entry(name).or_default().push(*number);
        for (name, vendor) in &vendors {
            let at = vendor_at(&history, name, *number);
            assert_eq!(at.as_deref(), *vendor, "{name} at {number}");
        }
    }
    for (name, changes) in present {
        let mut below = None;
        let mut found = Vec::new();
        loop {
            let page = history.numbers_of(Kind::Device, name, below, 7).unwrap();
            let Some(last) = page.last() else { break };
            below = Some(*last);
            found.extend(page);
        }
        found.reverse();
        assert_eq!(found, changes, "{name}");
    }
    let mut findings = Vec::new();
    let scratch = store.directory().scratch();
    let mut report = |finding: Finding| findings.push(finding);
    store.read().verify(&scratch, &Progress::detached(), &mut report).unwrap();
    store.verify_archive(&Progress::detached(), &mut report).unwrap();
    assert_eq!(findings, []);
}

#[test]
fn changes_that_are_committed_together_are_kept_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut made = concurrent_changes(&store, 40);
    let generation = store.current().ok().unwrap().generation;
    let entries = generation.tree(TreeId::History).iter().keys();
    let entries = entries.filter(|key| key.as_ref().unwrap().len() == 8).count();
    assert!(entries < made.len(), "{entries} entries have {} changes", made.len());
    drop(generation);
    agrees_with_changes(&store, &made);
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    made.extend(concurrent_changes(&store, 5));
    agrees_with_changes(&store, &made);

    // The oldest are removed, by whole groups.
    let history = store.history().unwrap();
    let day = Duration::from_secs(86_400);
    let bytes = store.current().ok().unwrap().generation.history_end().bytes;
    let kept = |bytes_max| HistoryLimits { age_max: day, bytes_max, ..no_history(0) };
    let all = numbers(&history).len();
    drop(history);
    let removed = trim(&store, kept(bytes / 2));
    assert!((1..all as u64).contains(&removed), "{removed}");
    let history = store.history().unwrap();
    let begin = history.begin().unwrap().unwrap().number;
    assert_eq!(numbers(&history).len() as u64 + removed, all as u64);
    for (number, name, vendor) in &made {
        let at = history.record_at(Kind::Device, name, *number).unwrap();
        if *number + 1 < begin {
            assert!(matches!(at, AtChange::BeforeBegin(_)), "{number} {at:?}");
        } else {
            assert_eq!(vendor_at(&history, name, *number), *vendor, "{number}");
        }
    }
    drop(history);
    let findings = || {
        let mut findings = Vec::new();
        let scratch = store.directory().scratch();
        let mut report = |finding: Finding| findings.push(finding);
        store.read().verify(&scratch, &Progress::detached(), &mut report).unwrap();
        store.verify_archive(&Progress::detached(), &mut report).unwrap();
        findings
    };
    assert_eq!(findings(), []);

    // The archive has the values before each change in a tree of its own.
    let before: Vec<_> = made.iter().filter(|(number, ..)| *number >= begin).collect();
    let (load, _) = write(&store, &[Recipe::new(Kind::Device, "a", 20)]);
    let loaded = load.version();
    load.commit(&LoadRecord::of(origin()), &Progress::detached()).unwrap();
    assert_eq!(findings(), []);
    let history = store.history().unwrap();
    assert_eq!(numbers(&history).len() as u64, all as u64 - removed + 1);
    let values = |history: &HistoryView| {
        let mut values = Vec::new();
        for (number, name, _) in &before {
            values.push(history.record_before(Kind::Device, name, *number).unwrap().map(vendor));
        }
        values
    };
    let archived = values(&history);
    drop(history);
    store.undo(&origin()).unwrap();
    let history = store.history().unwrap();
    assert_eq!(values(&history), archived);
    assert_eq!(numbers(&history)[0], loaded + 1);
    let (_, name, vendor) = made.last().unwrap();
    assert_eq!(vendor_at(&history, name, loaded + 1), *vendor);
    drop(history);
    // Later changes follow the archived ones.
    let number = put(&store, name, "Beta");
    let history = store.history().unwrap();
    let numbers_of = history.numbers_of(Kind::Device, name, None, 2).unwrap();
    assert_eq!(numbers_of, [number, made.last().unwrap().0]);
    assert_eq!(findings(), []);
}
