//! The history: every change is kept with its origin and the values before it.

use proptest::prelude::*;

use super::{loads::write, plain::*};
use crate::{
    job::Progress,
    model::{Device, Entity, Kind, Name},
    store::{
        AtChange, ChangeCounts, Effect, HistoryChange, HistoryLimits, HistoryView, LoadRecord,
        Origin, Replacement, Store, StoreError, Stored, Touched, TouchedValue, Transaction,
        Trimmed, tree_id::TreeId,
    },
};

pub(super) fn device(name: &str, vendor: &str) -> Device {
    let mut device = Device::named(Name::parse(name.to_owned()).unwrap());
    device.vendor = crate::model::Field::Set(vendor.to_owned());
    device
}

pub(super) fn change(
    store: &Store,
    make: impl FnOnce(&mut Transaction<'_>) -> Result<(), StoreError>,
) -> u64 {
    store
        .change(&origin(), |transaction| {
            make(transaction)?;
            Ok::<_, StoreError>(transaction.version())
        })
        .unwrap()
}

pub(super) fn put(store: &Store, name: &str, vendor: &str) -> u64 {
    change(store, |transaction| transaction.put(device(name, vendor)).map(drop))
}

pub(super) fn vendor(stored: Stored<crate::model::AnyRecord>) -> String {
    stored.record.into_kind::<Device>().unwrap().vendor.get().cloned().unwrap()
}

/// The vendor of a device after a change; `None` if the device did not exist.
pub(super) fn vendor_at(history: &HistoryView, name: &str, number: u64) -> Option<String> {
    match history.record_at(Kind::Device, name, number).unwrap() {
        AtChange::Value(stored) => Some(vendor(stored)),
        AtChange::Absent => None,
        other => panic!("{other:?}"),
    }
}

pub(super) fn numbers(history: &HistoryView) -> Vec<u64> {
    history.changes(None).map(|change| change.unwrap().number).collect()
}

fn touched(kind: Kind, name: &str, effect: Effect) -> TouchedValue {
    TouchedValue { value: Touched::Record { kind, name: name.to_owned() }, effect }
}

#[test]
fn a_change_is_kept_with_its_origin_and_the_values_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.history().unwrap().begin().unwrap(), None);
    let origin = Origin {
        address: Some("2001:db8::7".parse().unwrap()),
        request: Some(7),
        message: Some("Rack 7 → 8".to_owned()),
        ..Origin::of_user("éva", "put_instances")
    };
    let put = |transaction: &mut Transaction<'_>| transaction.put(device("R 1%", "Acme"));
    store.change(&origin, put).unwrap();
    // An equal record changes nothing, and an aborted change neither.
    store.change(&origin, put).unwrap();
    let aborted: Result<(), StoreError> = store.change(&origin, |transaction| {
        transaction.put(device("é>b", "Acme"))?;
        Err(StoreError::Busy)
    });
    aborted.unwrap_err();
    let updated = super::history::put(&store, "R 1%", "Beta");
    let removed = change(&store, |transaction| transaction.remove(Kind::Device, "R 1%").map(drop));

    let history = store.history().unwrap();
    assert_eq!(numbers(&history), [3, 2, 1]);
    let first = history.change(1).unwrap().unwrap();
    assert_eq!(first.origin, origin);
    assert_eq!(first.counts[Kind::Device], ChangeCounts { created: 1, updated: 0, removed: 0 });
    assert_eq!(first.touched, [touched(Kind::Device, "R 1%", Effect::Created)]);
    let last = history.change(removed).unwrap().unwrap();
    assert_eq!(last.counts[Kind::Device], ChangeCounts { created: 0, updated: 0, removed: 1 });
    assert_eq!(last.touched, [touched(Kind::Device, "R 1%", Effect::Removed)]);
    assert_eq!(history.change(4).unwrap(), None);
    let before = |number| history.record_before(Kind::Device, "R 1%", number).unwrap().map(vendor);
    assert_eq!(before(1), None);
    assert_eq!(before(updated).as_deref(), Some("Acme"));
    assert_eq!(before(removed).as_deref(), Some("Beta"));
    let at = [1, 2, 3].map(|number| vendor_at(&history, "R 1%", number));
    assert_eq!(at, [Some("Acme".to_owned()), Some("Beta".to_owned()), None]);
    assert_eq!(vendor_at(&history, "R 1%", 0), None);
    let future = history.record_at(Kind::Device, "R 1%", 4).unwrap();
    assert_eq!(future, AtChange::NotYet);
    assert_eq!(history.numbers_of(Kind::Device, "R 1%", None, 9).unwrap(), [3, 2, 1]);
    assert_eq!(history.numbers_of(Kind::Device, "R 1%", Some(3), 1).unwrap(), [2]);
    assert!(history.numbers_of(Kind::Device, "R 1", None, 9).unwrap().is_empty());
}

#[test]
fn a_renamed_device_is_found_under_both_names_with_its_texts() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let text = "x".repeat(9_000);
    let created = change(&store, |transaction| {
        transaction.put(device("é>b", "Acme"))?;
        transaction.put_text("é>b", "configuration", &text)
    });
    let new_name = Name::parse("..".to_owned()).unwrap();
    let renamed = change(&store, |transaction| {
        let between = Name::parse("[Shared] x".to_owned()).unwrap();
        transaction.rename(Kind::Device, "é>b", between)?;
        transaction.rename(Kind::Device, "[Shared] x", new_name).map(drop)
    });
    let rewritten = change(&store, |t| t.put_text("..", "configuration", "short"));

    let history = store.history().unwrap();
    let change = history.change(renamed).unwrap().unwrap();
    let records: Vec<_> =
        change.touched.iter().filter(|t| matches!(t.value, Touched::Record { .. })).collect();
    let to = touched(Kind::Device, "..", Effect::RenamedFrom("é>b".to_owned()));
    let from = touched(Kind::Device, "é>b", Effect::RenamedTo("..".to_owned()));
    assert_eq!(records, [&to, &from]);
    assert_eq!(change.counts[Kind::Device], ChangeCounts { created: 0, updated: 1, removed: 0 });
    assert_eq!(change.touched.len(), 4, "the text under both names too");
    let of_text = history.change(rewritten).unwrap().unwrap();
    assert_eq!(of_text.counts[Kind::Device].updated, 1);
    let at = |device: &str, number| match history.text_at(device, "configuration", number) {
        Ok(AtChange::Value(text)) => Some(text),
        Ok(AtChange::Absent) => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(at("é>b", created), Some(text.clone()));
    assert_eq!(at("é>b", renamed), None);
    assert_eq!(at("..", created), None);
    assert_eq!(at("..", renamed), Some(text.clone()));
    assert_eq!(at("..", rewritten).as_deref(), Some("short"));
    assert_eq!(history.text_before("..", "configuration", rewritten).unwrap(), Some(text));
    assert_eq!(vendor_at(&history, "é>b", created).as_deref(), Some("Acme"));
    assert_eq!(vendor_at(&history, "é>b", renamed), None);
    let of_device = history.numbers_of(Kind::Device, "..", None, 9).unwrap();
    assert_eq!(of_device, [rewritten, renamed]);
}

#[test]
fn a_load_and_an_undo_are_changes_with_their_generations() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    put(&store, "R 1%", "Acme");
    let (load, _) = write(&store, &[Recipe::new(Kind::Device, "a", 20)]);
    let number = load.version();
    let mut record = LoadRecord::of(Origin::of_user("éva", "import_project"));
    record.counts[Kind::Device] = ChangeCounts { created: 1, updated: 0, removed: 1 };
    load.commit(&record, &Progress::detached()).unwrap();

    let last = |store: &Store| -> HistoryChange {
        store.history().unwrap().changes(None).next().unwrap().unwrap()
    };
    let loaded = last(&store);
    assert_eq!((loaded.number, &loaded.origin), (number, &record.origin));
    assert_eq!(loaded.counts, record.counts);
    let replaced = loaded.replaced.unwrap();
    assert_eq!((replaced.before, replaced.after), (Some(1), 2));
    assert_eq!(replaced.by, Replacement::Load);
    let history = store.history().unwrap();
    // The load removed the device, and does not keep the value before it.
    let before = history.record_at(Kind::Device, "R 1%", number - 1).unwrap();
    assert_eq!(before, AtChange::Replaced(number));
    assert_eq!(numbers(&history), [number, 1], "the history survives the load");

    store.undo(&Origin::of_user("éva", "undo")).unwrap();
    let undone = last(&store);
    assert!(undone.number > number);
    let replaced = undone.replaced.unwrap();
    assert_eq!((replaced.before, replaced.after), (Some(2), 1));
    assert_eq!(replaced.by, Replacement::Undo);
    assert!(undone.time >= loaded.time);
    // Numbers continue after a restart, and every change is kept once.
    drop((history, store));
    let store = Store::open(folder.path()).unwrap();
    let next = put(&store, "R 1%", "Beta");
    let history = store.history().unwrap();
    assert_eq!(numbers(&history), [next, undone.number, number, 1]);
    assert_eq!(vendor_at(&history, "R 1%", undone.number).as_deref(), Some("Acme"));
    assert_eq!(history.change(1).unwrap().unwrap().touched.len(), 1);
}

/// Removes changes until all are within the limits. Returns the number of removed changes.
#[test]
fn the_history_is_read_while_its_archive_is_created() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        put(&store, "R 1%", "Acme");
        let ended = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                    assert!(!numbers(&store.history().unwrap()).is_empty());
                }
            });
            let (load, _) = write(&store, &[Recipe::new(Kind::Device, "a", 20)]);
            let record = LoadRecord::of(Origin::of_user("éva", "import_project"));
            let committed = load.commit(&record, &Progress::detached());
            ended.store(true, std::sync::atomic::Ordering::Relaxed);
            reader.join().unwrap();
            committed.unwrap();
        });
        assert_eq!(numbers(&store.history().unwrap()), [2, 1]);
    }
}

/// Limits that remove all changes but the last one, and keep this number of texts.
pub(super) fn no_history(texts_kept: usize) -> HistoryLimits {
    let age_max = std::time::Duration::ZERO;
    HistoryLimits { age_max, bytes_max: 0, texts_kept, text_bytes_max: u64::MAX }
}

pub(super) fn trim(store: &Store, limits: HistoryLimits) -> u64 {
    let mut removed = 0;
    while let Trimmed::Removed(changes) = store.trim_history(&limits).unwrap() {
        removed += changes;
    }
    removed
}

#[test]
fn old_changes_are_removed_from_the_archive_and_from_the_current_generation() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut plain = Plain::default();
    let put = |salt| {
        let long = Recipe { salt, ..Recipe::new(Kind::Device, "R 1%", 20_000) };
        Change { steps: vec![Step::Put(long)], is_abandoned: false }
    };
    for salt in 0..10 {
        plain.change(&store, &put(salt));
    }
    let (load, loaded) = write(&store, &[Recipe::new(Kind::Device, "R 1%", 20_000)]);
    load.commit(&plain.replaced_by(&loaded), &Progress::detached()).unwrap();
    plain = loaded.replacing(&plain);
    for salt in 10..20 {
        plain.change(&store, &put(salt));
    }
    plain.agrees_with_past(&store);
    let day = std::time::Duration::from_secs(86_400);
    let kept = |bytes_max| HistoryLimits { age_max: day, bytes_max, ..no_history(0) };
    assert_eq!(trim(&store, kept(1 << 30)), 0);
    // Each before-value has about 20,000 bytes: ten in the current generation, others in the archive.
    let removed = trim(&store, kept(15 * 20_500));
    assert!((2..9).contains(&removed), "{removed}");
    let history = store.history().unwrap();
    assert_eq!(history.begin().unwrap().unwrap().number, removed + 1);
    assert_eq!(numbers(&history), (removed + 1..=21).rev().collect::<Vec<_>>());
    let device = |number| history.record_at(Kind::Device, "R 1%", number).unwrap();
    let too_early = device(removed - 1);
    assert!(matches!(too_early, AtChange::BeforeBegin(Some(begin)) if begin.number == removed + 1));
    // The value after the last removed change is the value before the first kept one.
    assert!(matches!(device(removed), AtChange::Value(stored) if stored.version == removed));
    drop(history);
    assert!(trim(&store, kept(3 * 20_500)) > 11 - removed);
    // A removal from the current generation has a version of its own.
    plain.version = store.read().summary().unwrap().version;
    plain.agrees(&store);
    let archive = store.archive.database().unwrap().unwrap();
    for tree in [TreeId::History, TreeId::Before, TreeId::Chunks] {
        assert!(archive.tree(tree).is_empty(), "{}", tree.name());
    }
    drop(archive);
    // The last change is kept, however old it is.
    let none = no_history(0);
    assert!(trim(&store, none) > 0);
    let last = numbers(&store.history().unwrap());
    assert_eq!(last, [21]);
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    plain.version = store.read().summary().unwrap().version;
    plain.change(&store, &put(33));
    assert!(numbers(&store.history().unwrap())[0] > 21);
    plain.agrees(&store);
}

#[test]
fn a_change_with_long_lists_is_split_into_parts() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    put(&store, "first", "Acme");
    let number = change(&store, |transaction| {
        for number in 0..2_000 {
            transaction.put(device(&format!("R {number:0>40}"), "Acme"))?;
        }
        Ok(())
    });
    put(&store, "last", "Acme");
    let history = store.history().unwrap();
    assert_eq!(numbers(&history), [number + 1, number, number - 1]);
    let change = history.change(number).unwrap().unwrap();
    assert_eq!(change.touched.len(), 2_000);
    assert_eq!(change.counts[Kind::Device].created, 2_000);
    let tree = store.current().ok().unwrap().generation;
    assert!(tree.tree(TreeId::History).iter().all(|entry| entry.unwrap().1.len() <= 4096));
}

#[test]
fn a_change_that_is_written_as_a_generation_keeps_the_values_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let put_many = |vendor: &str| {
        change(&store, |transaction| {
            for number in 0..20_001 {
                transaction.put(device(&format!("R {number}%"), vendor))?;
            }
            Ok(())
        })
    };
    let (created, updated) = (put_many("Acme"), put_many("Beta"));
    let next = put(&store, "R 7%", "Gamma");
    let generation = store.current().ok().unwrap().generation;
    assert_eq!(generation.number, 3, "both were written as generations");
    // The sizes continue, so that the oldest changes are found without a scan.
    let bytes = generation.history_end().bytes;
    drop(generation);
    let agrees = || {
        let history = store.history().unwrap();
        for (number, expected) in [(created, "Acme"), (updated, "Beta"), (next, "Gamma")] {
            assert_eq!(vendor_at(&history, "R 7%", number).as_deref(), Some(expected));
        }
        assert_eq!(history.change(updated).unwrap().unwrap().touched.len(), 20_001);
        let mut findings = Vec::new();
        let scratch = store.directory().scratch();
        let verified = store.read().verify(&scratch, &Progress::detached(), &mut |finding| {
            findings.push(finding);
        });
        verified.unwrap();
        assert_eq!(findings, []);
    };
    agrees();
    let (load, _) = write(&store, &[]);
    let mut emptied = record();
    emptied.counts[Kind::Device].removed = 20_001;
    load.commit(&emptied, &Progress::detached()).unwrap();
    let archive = store.archive.database().unwrap().unwrap();
    assert_eq!(archive.history_end().bytes, bytes);
    assert!(bytes > 2 * 20_001 * 20, "{bytes}");
    drop(archive);
    let history = store.history().unwrap();
    assert_eq!(vendor_at(&history, "R 7%", created).as_deref(), Some("Acme"));
    assert_eq!(vendor_at(&history, "R 7%", updated).as_deref(), Some("Beta"));
    let unknown = history.record_at(Kind::Device, "R 7%", next).unwrap();
    assert!(matches!(unknown, AtChange::Replaced(_)), "{unknown:?}");
}

#[test]
fn the_last_change_before_a_time_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for number in 0..40 {
        put(&store, "R 1%", &number.to_string());
    }
    let history = store.history().unwrap();
    let changes: Vec<HistoryChange> = history.changes(None).map(Result::unwrap).collect();
    assert!(changes.is_sorted_by(|a, b| a.time >= b.time));
    for change in &changes {
        // Several changes can have the same millisecond: the last one counts.
        let last = changes.iter().find(|other| other.time <= change.time).unwrap();
        assert_eq!(history.number_at(change.time).unwrap(), Some(last.number));
    }
    let begin = history.begin().unwrap().unwrap();
    assert_eq!(begin.number, 1);
    let earlier = begin.time - time::Duration::milliseconds(1);
    assert_eq!(history.number_at(earlier).unwrap(), None);
    let later = time::OffsetDateTime::now_utc() + time::Duration::days(1);
    assert_eq!(history.number_at(later).unwrap(), Some(40));
}

/// A rule by which an entry of the history is damaged.
type Damage = fn(&super::super::Generation);

#[test]
fn a_verification_finds_a_damaged_history() {
    let damages: [(&str, Damage); 10] = [
        ("a lost change", |g| {
            g.tree(TreeId::History).remove(2_u64.to_be_bytes()).unwrap();
        }),
        ("a damaged change", |g| {
            g.tree(TreeId::History).insert(2_u64.to_be_bytes(), b"\x01\xff").unwrap();
        }),
        ("a before-value of an earlier change", |g| {
            let tree = g.tree(TreeId::History);
            let earlier = tree.get(2_u64.to_be_bytes()).unwrap().unwrap();
            tree.insert(3_u64.to_be_bytes(), earlier).unwrap();
        }),
        ("a damaged before-value inside a change", |g| {
            let tree = g.tree(TreeId::History);
            let mut change = tree.get(3_u64.to_be_bytes()).unwrap().unwrap().to_vec();
            // The header of the value before: its format, its ordinal, its version, and that it is short.
            let format = memchr::memmem::rfind(&change, &[1, 0, 2, 0]).unwrap();
            change[format] = 0xff;
            tree.insert(3_u64.to_be_bytes(), change).unwrap();
        }),
        ("a lost before-value", |g| {
            let (key, _) = g.tree(TreeId::Before).pop_min().unwrap().unwrap();
            assert!(key.starts_with("\x03é>b\0".as_bytes()), "{key:?}");
        }),
        ("a damaged before-value", |g| {
            let (key, _) = g.tree(TreeId::Before).last().unwrap().unwrap();
            g.tree(TreeId::Before).insert(key, b"\xff").unwrap();
        }),
        ("an added before-value", |g| {
            let (key, value) = g.tree(TreeId::Before).last().unwrap().unwrap();
            let key = [&key[..key.len() - 1], &[9]].concat();
            g.tree(TreeId::Before).insert(key, value).unwrap();
        }),
        ("an earlier before-value", |g| {
            let (key, _) = g.tree(TreeId::Before).last().unwrap().unwrap();
            let other = g.tree(TreeId::Kind(Kind::Device)).get("R 1%").unwrap().unwrap();
            g.tree(TreeId::Before).insert(key, other).unwrap();
        }),
        ("a present value from which the one before cannot be rebuilt", |g| {
            let tree = g.tree(TreeId::Kind(Kind::Device));
            let mut value = tree.get("R 1%").unwrap().unwrap().to_vec();
            let vendor = memchr::memmem::find(&value, b"R 1%").unwrap();
            value[vendor] = b'S';
            tree.insert("R 1%", value).unwrap();
        }),
        ("an earlier present value", |g| {
            let value = g.tree(TreeId::Before).last().unwrap().unwrap().1;
            g.tree(TreeId::Kind(Kind::Device)).insert("é>b", value).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for vendor in ["Acme", "Beta", "Gamma"] {
            put(&store, "R 1%", vendor);
        }
        // The before-value of a removal is in the tree `before`.
        put(&store, "é>b", "Acme");
        change(&store, |transaction| transaction.remove(Kind::Device, "é>b").map(drop));
        put(&store, "é>b", "Beta");
        let generation = store.current().ok().unwrap().generation;
        damage(&generation);
        let mut codes = Vec::new();
        let scratch = store.directory().scratch();
        let verified = store.read().verify(&scratch, &Progress::detached(), &mut |finding| {
            codes.push(finding.code);
        });
        verified.unwrap();
        assert!(codes.contains(&"history"), "{what}: {codes:?}");
    }
}

/// A step of a random history.
#[derive(Clone, Debug)]
enum Round {
    Changes(Vec<Change>),
    Load(Vec<Recipe>),
    Undo,
    Restart,
}

fn round() -> impl Strategy<Value = Round> {
    prop_oneof![
        4 => prop::collection::vec(super::plain::change(), 1..5).prop_map(Round::Changes),
        2 => prop::collection::vec(recipe(), 0..10).prop_map(Round::Load),
        1 => Just(Round::Undo),
        1 => Just(Round::Restart),
    ]
}

proptest! {
    #![proptest_config(super::cases(24))]

    /// After any sequence of changes, loads, undos and restarts, the history has every record as it
    /// was after each change, or says that it does not know.
    #[test]
    fn earlier_states_equal_those_of_a_plain_inventory(
        rounds in prop::collection::vec(round(), 1..10)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let mut plain = Plain::default();
        let mut previous: Option<Plain> = None;
        for round in rounds {
            match round {
                Round::Changes(changes) => {
                    changes.iter().for_each(|change| plain.change(&store, change));
                }
                Round::Load(recipes) => {
                    let (load, loaded) = write(&store, &recipes);
                    load.commit(&plain.replaced_by(&loaded), &Progress::detached()).unwrap();
                    let loaded = loaded.replacing(&plain);
                    previous = Some(std::mem::replace(&mut plain, loaded));
                }
                Round::Undo => {
                    let Some(earlier) = previous.take() else { continue };
                    let undone = store.undo(&origin()).unwrap();
                    let restored = earlier.restored(undone.after.summary.version, &plain);
                    previous = Some(std::mem::replace(&mut plain, restored));
                }
                Round::Restart => {
                    drop(store);
                    store = Store::open(folder.path()).unwrap();
                }
            }
            plain.agrees(&store);
            plain.agrees_with_past(&store);
        }
    }
}

#[test]
fn the_last_texts_of_a_device_outlive_their_changes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    put(&store, "R 1%", "Acme");
    put(&store, "é>b", "Acme");
    let write_text = |device: &str, text: &str| {
        change(&store, |transaction| transaction.put_text(device, "configuration", text))
    };
    // Long and short texts.
    let text =
        |index: usize| format!("{index} ").repeat(if index.is_multiple_of(2) { 1 } else { 5000 });
    let once = write_text("é>b", "once");
    let mut written: Vec<u64> = (0..6).map(|index| write_text("R 1%", &text(index))).collect();
    let none = no_history(4);
    let versions = |device: &str| {
        let history = store.history().unwrap();
        let versions = history.text_versions(device, "configuration").unwrap();
        versions
            .into_iter()
            .map(|version| {
                assert_eq!(version.writer.as_ref().unwrap().principal, origin().principal);
                let text = history.text_of(device, "configuration", &version).unwrap().unwrap();
                assert_eq!(version.bytes, text.len() as u64);
                (version.number, text)
            })
            .collect::<Vec<_>>()
    };
    for round in 0..3 {
        trim(&store, none);
        assert_eq!(numbers(&store.history().unwrap()).len(), 1, "{round}");
        let last: Vec<_> = (0..written.len()).rev().take(4).collect();
        let expected: Vec<_> = last.iter().map(|index| (written[*index], text(*index))).collect();
        assert_eq!(versions("R 1%"), expected, "{round}");
        assert_eq!(versions("é>b"), [(once, "once".to_owned())]);
        for index in written.len()..written.len() + 3 {
            written.push(write_text("R 1%", &text(index)));
        }
        // The history has these, and the archive the ones before.
        assert!(versions("R 1%").len() >= 7);
        if round == 1 {
            let devices = ["R 1%", "é>b"].map(|name| Recipe::new(Kind::Device, name, 20));
            let (load, _) = write(&store, &devices);
            load.commit(&LoadRecord::of(origin()), &Progress::detached()).unwrap();
        }
    }
    change(&store, |transaction| transaction.remove(Kind::Device, "R 1%").map(drop));
    put(&store, "é>b", "Beta");
    trim(&store, none);
    // The copy from before the load has the device.
    assert_ne!(versions("R 1%"), []);
    assert_eq!(store.sweep_texts(&[]).unwrap(), None);
    assert_ne!(versions("R 1%"), []);
    for _ in 0..4 {
        let (load, _) = write(&store, &[Recipe::new(Kind::Device, "é>b", 20)]);
        load.commit(&LoadRecord::of(origin()), &Progress::detached()).unwrap();
    }
    assert_eq!(store.sweep_texts(&[]).unwrap(), None);
    assert_eq!(versions("R 1%"), []);
    assert_eq!(versions("é>b"), [(once, "once".to_owned())]);
    let archive = store.archive.database().unwrap().unwrap();
    assert_eq!(archive.read_content().unwrap(), archive.summary().content);
}

#[test]
fn damage_of_the_archive_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    put(&store, "R 1%", "Acme");
    for text in ["a", "b", "c"] {
        let long = text.repeat(10_000);
        change(&store, |transaction| transaction.put_text("R 1%", "configuration", &long));
    }
    let one = no_history(9);
    let findings = || {
        let mut findings = Vec::new();
        let mut report = |finding: crate::store::Finding| findings.push(finding);
        store.verify_archive(&Progress::detached(), &mut report).unwrap();
        findings
    };
    assert_eq!(findings(), [], "there is no archive");
    trim(&store, one);
    for vendor in ["Beta", "Gamma"] {
        put(&store, "R 1%", vendor);
        let (load, _) = write(&store, &[Recipe::new(Kind::Device, "R 1%", 20)]);
        load.commit(&LoadRecord::of(origin()), &Progress::detached()).unwrap();
    }
    assert_eq!(findings(), []);

    let archive = store.archive.database().unwrap().unwrap();
    for tree in [TreeId::Texts, TreeId::Before, TreeId::History, TreeId::Chunks] {
        let tree = archive.tree(tree);
        let (key, value) = tree.iter().next().unwrap().unwrap();
        tree.remove(&key).unwrap();
        let missing = findings();
        assert!(missing.iter().any(|finding| finding.code == "archive"), "{missing:?}");
        let mut wrong = value.to_vec();
        *wrong.last_mut().unwrap_or(&mut 0) ^= 0x55;
        wrong.extend_from_slice(b"x");
        tree.insert(&key, wrong).unwrap();
        let changed = findings();
        assert!(changed.iter().all(|finding| finding.code == "archive"), "{changed:?}");
        assert!(!changed.is_empty());
        tree.insert(&key, value).unwrap();
        assert_eq!(findings(), []);
    }
}
