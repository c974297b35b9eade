//! Undo, and undo of an undo.

use super::{loads::write, plain::*};
use crate::job::Progress;
use crate::{
    model::{Device, Kind},
    store::{Store, StoreError},
};

fn devices(store: &Store) -> Vec<String> {
    let reading = store.read();
    reading.scan::<Device>().map(|stored| stored.unwrap().record.name.to_string()).collect()
}

fn load(store: &Store, names: &[&str]) {
    let recipes: Vec<_> = names.iter().map(|name| Recipe::new(Kind::Device, name, 50)).collect();
    write(store, &recipes).0.commit(&record(), &Progress::detached()).unwrap();
}

#[test]
fn a_second_undo_after_a_restart_reverts_the_first_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(matches!(store.undo(&origin()), Err(StoreError::NothingToUndo)));
    load(&store, &["R 1%"]);
    load(&store, &["é>b", "[Shared] x"]);
    let after_import = devices(&store);

    let undone = store.undo(&origin()).unwrap();
    assert_eq!(devices(&store), ["R 1%"]);
    let counts = |look: &crate::store::GenerationInfo| look.summary.kind(Kind::Device).count;
    assert_eq!((counts(&undone.before), counts(&undone.after)), (2, 1));
    drop(store);

    let store = Store::open(folder.path()).unwrap();
    assert_eq!(devices(&store), ["R 1%"]);
    let generations = store.generations().unwrap();
    assert_eq!(generations.previous.unwrap().number, undone.before.number);
    store.undo(&origin()).unwrap();
    assert_eq!(devices(&store), after_import);
}

#[test]
fn versions_and_generation_numbers_are_not_reused_after_an_undo() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    load(&store, &["R 1%"]);
    load(&store, &["R 1%", "é>b"]);
    let seen = store.read().summary().unwrap().version;
    store.undo(&origin()).unwrap();
    assert!(store.changed(Kind::Device).unwrap() > seen);
    drop(store);
    // The number of the undone generation is not reused.
    let store = Store::open(folder.path()).unwrap();
    load(&store, &["third"]);
    assert_eq!(devices(&store), ["third"]);
    let generations = store.generations().unwrap();
    assert_eq!((generations.current.number, generations.previous.unwrap().number), (4, 2));
    store.undo(&origin()).unwrap();
    assert_eq!(devices(&store), ["R 1%"]);
}

#[test]
fn changes_after_an_undo_belong_to_the_restored_generation() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    load(&store, &["R 1%"]);
    load(&store, &["é>b"]);
    store.undo(&origin()).unwrap();
    store
        .change(&origin(), |transaction| -> Result<_, StoreError> {
            transaction.put(Recipe::new(Kind::Device, "new", 10).make::<Device>())
        })
        .unwrap();
    assert_eq!(devices(&store), ["R 1%", "new"]);
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(devices(&store), ["R 1%", "new"]);
    store.undo(&origin()).unwrap();
    assert_eq!(devices(&store), ["é>b"]);
    store.undo(&origin()).unwrap();
    assert_eq!(
        devices(&store),
        ["R 1%", "new"],
        "the changes after the undo belong to this generation"
    );
}

/// A process that ends before it switches the pointer has changed only a version number.
#[test]
fn an_interrupted_undo_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    load(&store, &["R 1%"]);
    load(&store, &["é>b"]);
    let files = ["CURRENT", "MARK"].map(|name| folder.path().join(name));
    let before = files.each_ref().map(|file| std::fs::read(file).unwrap());
    store.undo(&origin()).unwrap();
    drop(store);
    for (file, bytes) in files.iter().zip(before) {
        std::fs::write(file, bytes).unwrap();
    }
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(devices(&store), ["é>b"]);
    store.undo(&origin()).unwrap();
    assert_eq!(devices(&store), ["R 1%"]);
}
