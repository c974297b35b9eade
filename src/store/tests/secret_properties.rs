//! Secret custom properties and the history: other names of secrets, and a new key.

use std::{collections::BTreeMap, fs, path::Path, sync::Mutex};

use super::{
    history::{change, device, vendor},
    loads::write,
    plain::{Recipe, origin},
};
use crate::{
    job::Progress,
    model::{AnyRecord, CustomValue, Field, Kind, Record, Value},
    store::{
        AtChange, Finding, HistoryView, LoadRecord, Options, Store, Stored, rekey, secret_names,
    },
};

/// A device after a change. `None` if it does not exist.
type State = Option<(String, Option<String>)>;

/// The number of a change, with the device that it changed.
type Change = (u64, &'static str, State);

const DEVICES: [&str; 4] = ["R 1%", "é>b", "..", "[Shared] x"];

fn open(path: &Path, names: Option<&str>) -> Store {
    let secret_names = names.and_then(|names| secret_names(names.parse().unwrap()));
    Store::open_with(path, Options { secret_names, ..Options::default() }).unwrap()
}

/// Changes the devices concurrently, so that changes are committed together. Some values have a secret, some are
/// long, and some devices are removed.
fn change_devices(store: &Store, round: usize, made: &mut Vec<Change>) {
    let changes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for (writer, name) in DEVICES.into_iter().enumerate() {
            let changes = &changes;
            scope.spawn(move || {
                let mut exists = true;
                for step in 0..24 {
                    let seed = writer * 5 + step * 7 + round;
                    let is_removed = exists && step > 0 && seed.is_multiple_of(11);
                    // A secret comes, stays for some changes, is replaced, and goes.
                    let secret =
                        (seed % 8 > 2).then(|| format!("hunter-{round}-{writer}-{}", step / 3));
                    let vendor = format!("Acme {round} {step}");
                    let mut record = device(name, &vendor);
                    if seed.is_multiple_of(6) {
                        record.description = Field::Set("n".repeat(5_000));
                    }
                    if let Some(secret) = &secret {
                        record.set("snmp_community", Value::from(secret.as_str())).unwrap();
                    }
                    let number = change(store, |transaction| {
                        if is_removed {
                            transaction.remove(Kind::Device, name).map(drop)
                        } else {
                            transaction.put(record.clone()).map(drop)
                        }
                    });
                    exists = !is_removed;
                    let state = exists.then_some((vendor, secret));
                    changes.lock().unwrap().push((number, name, state));
                }
            });
        }
    });
    let mut changes = changes.into_inner().unwrap();
    changes.sort();
    made.extend(changes);
}

/// Returns the vendor and the secret of a stored device.
fn state(history: &HistoryView, mut stored: Stored<AnyRecord>) -> (String, Option<String>) {
    history.decrypt_secrets(&mut stored.record).unwrap();
    let community = stored.record.custom().get("snmp_community").map(CustomValue::readable);
    let community = community.map(|value| match value {
        Some(Value::Text(text)) => text.clone(),
        other => panic!("{other:?}"),
    });
    (vendor(stored), community)
}

/// Asserts that the history has every device after and before each change, and that nothing is damaged.
fn agrees(store: &Store, made: &[Change]) {
    let history = store.history().unwrap();
    let mut present: BTreeMap<&str, &State> = BTreeMap::new();
    for (number, name, after) in made {
        let before = history.record_before(Kind::Device, name, *number).unwrap();
        let before = before.map(|stored| state(&history, stored));
        let expected = present.get(name).copied().cloned().flatten();
        assert_eq!(before, expected, "{name} before {number}");
        present.insert(name, after);
        for (name, expected) in &present {
            let found = match history.record_at(Kind::Device, name, *number).unwrap() {
                AtChange::Value(stored) => Some(state(&history, stored)),
                AtChange::Absent => None,
                // The archive has only the values before changes.
                AtChange::Replaced(by) if *number < by => continue,
                other => panic!("{other:?}"),
            };
            assert_eq!(found, **expected, "{name} at {number}");
        }
    }
    let mut findings = Vec::new();
    let mut report = |finding: Finding| findings.push(finding);
    let scratch = store.directory().scratch();
    store.read().verify(&scratch, &Progress::detached(), &mut report).unwrap();
    store.verify_archive(&Progress::detached(), &mut report).unwrap();
    assert_eq!(findings, []);
}

/// Returns whether a file of a folder contains a secret.
fn holds_secrets(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds_secrets(&path);
        }
        memchr::memmem::find(&fs::read(path).unwrap(), b"hunter-").is_some()
    })
}

#[test]
fn the_history_survives_other_names_and_a_new_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let mut made = Vec::new();
    for round in 0..3 {
        // Values that are not encrypted, then encrypted ones beside them.
        let store = open(&path, Some("none"));
        change_devices(&store, round, &mut made);
        agrees(&store, &made);
        drop(store);
        assert!(holds_secrets(&path));
        let store = open(&path, Some("usual"));
        assert!(!holds_secrets(&path), "round {round}");
        agrees(&store, &made);
        change_devices(&store, round + 10, &mut made);
        agrees(&store, &made);
        drop(store);
        assert!(!holds_secrets(&path), "round {round}");
        let report = rekey(&path, Options::default()).unwrap();
        assert!(report.before_values > 0 && report.undecryptable == 0, "{report:?}");
        assert_eq!(report.hidden, 0);
        let store = open(&path, None);
        agrees(&store, &made);
        if round == 1 {
            // A load replaces the generation: the history so far goes to the archive.
            let (load, _) = write(&store, &[Recipe::new(Kind::Device, "a", 20)]);
            load.commit(&LoadRecord::of(origin()), &Progress::detached()).unwrap();
            store.undo(&origin()).unwrap();
            agrees(&store, &made);
        }
    }
}
