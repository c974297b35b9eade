//! The snapshot of a backup: long texts and the history while changes go on.

use std::collections::BTreeMap;

use super::history::{change, no_history, put, trim};
use crate::{
    job::Progress,
    model::{Kind, Name},
    store::{BackupSnapshot, Effect, LoadRecord, Origin, Store, StoreError, Touched},
};

fn write_text(store: &Store, device: &str, text: &str) -> u64 {
    change(store, |transaction| transaction.put_text(device, "configuration", text))
}

type Texts = BTreeMap<(String, String), String>;

fn texts(snapshot: &BackupSnapshot<'_>) -> Texts {
    let mut read = Vec::new();
    let each = |device: &str, property: &str, text: &str| {
        read.push(((device.to_owned(), property.to_owned()), text.to_owned()));
        Ok::<_, StoreError>(())
    };
    snapshot.each_text(each).unwrap();
    assert!(read.is_sorted());
    read.into_iter().collect()
}

/// The numbers of the changes, and the texts before each.
fn changes(snapshot: &BackupSnapshot<'_>) -> Vec<(u64, Vec<Option<String>>)> {
    let changes = snapshot.changes().map(|change| {
        let change = change.unwrap();
        let before = change.touched.iter().filter_map(|touched| match &touched.value {
            Touched::Text { device, property } => {
                Some(snapshot.history().text_before(device, property, change.number).unwrap())
            }
            Touched::Record { .. } => None,
        });
        (change.number, before.collect())
    });
    changes.collect()
}

fn prepared() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for name in ["R 1%", "é>b", "..", "without"] {
        put(&store, name, "Acme");
    }
    write_text(&store, "R 1%", "first");
    // Longer than one value of the database.
    write_text(&store, "R 1%", &"second ".repeat(30_000));
    write_text(&store, "é>b", "text");
    write_text(&store, "..", "");
    (folder, store)
}

#[test]
fn later_changes_of_texts_are_not_in_the_snapshot_of_a_backup() {
    let (_folder, store) = prepared();
    let snapshot = store.backup_snapshot().unwrap();
    let (before, history) = (texts(&snapshot), changes(&snapshot));
    assert_eq!((before.len(), history.len()), (3, 8));
    let last = history.last().unwrap().0;
    assert_eq!(snapshot.number(), last);

    write_text(&store, "R 1%", "third");
    write_text(&store, "R 1%", &"fourth ".repeat(30_000));
    write_text(&store, "without", "new");
    change(&store, |transaction| transaction.remove(Kind::Device, "..").map(drop));
    let to = Name::parse("renamed".to_owned()).unwrap();
    change(&store, |transaction| transaction.rename(Kind::Device, "é>b", to).map(drop));
    change(&store, |transaction| transaction.remove_text("R 1%", "configuration").map(drop));
    assert_eq!((texts(&snapshot), changes(&snapshot)), (before, history));

    let later = store.backup_snapshot().unwrap();
    let later_texts = texts(&later);
    let devices: Vec<&str> = later_texts.keys().map(|(device, _)| device.as_str()).collect();
    assert_eq!(devices, ["renamed", "without"]);
    let effects: Vec<Effect> = later
        .changes()
        .last()
        .unwrap()
        .unwrap()
        .touched
        .into_iter()
        .map(|touched| touched.effect)
        .collect();
    assert_eq!(effects, [Effect::Removed]);
}

#[test]
fn a_bulk_load_does_not_change_the_snapshot_of_a_backup() {
    let (_folder, store) = prepared();
    let snapshot = store.backup_snapshot().unwrap();
    let (before, history) = (texts(&snapshot), changes(&snapshot));
    write_text(&store, "é>b", "changed before the load");
    let load = store.lock(&Progress::detached()).unwrap().load().unwrap();
    let record = LoadRecord::of(Origin::of_user("éva", "import_project"));
    load.commit(&record, &Progress::detached()).unwrap();
    assert_eq!((texts(&snapshot), changes(&snapshot)), (before.clone(), history.clone()));
    // The load removed all devices. An undo opens the database that the snapshot holds.
    assert_eq!(texts(&store.backup_snapshot().unwrap()).len(), 0);
    drop(snapshot);
    store.undo(&Origin::of_user("éva", "undo")).unwrap();
    let later = store.backup_snapshot().unwrap();
    assert_eq!((texts(&later).len(), changes(&later).len()), (3, 11));
}

#[test]
fn the_history_is_not_trimmed_while_a_backup_reads_it() {
    let (_folder, store) = prepared();
    let snapshot = store.backup_snapshot().unwrap();
    let history = changes(&snapshot);
    trim(&store, no_history(2));
    assert_eq!(changes(&snapshot), history);
    drop(snapshot);
    trim(&store, no_history(2));
    let snapshot = store.backup_snapshot().unwrap();
    assert_eq!(changes(&snapshot).len(), 1);
    // The texts that outlive their changes.
    let kept: Vec<_> = snapshot.kept_texts().map(Result::unwrap).collect();
    let bodies = kept.iter().filter_map(|kept| kept.text.as_deref());
    assert_eq!(bodies.collect::<Vec<_>>(), ["first"]);
    assert!(kept.iter().all(|kept| kept.writer.is_some()), "{kept:?}");
}
