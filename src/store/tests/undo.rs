//! Back to the generation before, and forth again.

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
    write(store, &recipes).0.commit(&Progress::detached()).unwrap();
}

#[test]
fn an_undo_undoes_itself_also_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(matches!(store.undo(), Err(StoreError::NothingToUndo)));
    load(&store, &["R 1%"]);
    load(&store, &["é>b", "[Shared] x"]);
    let after_import = devices(&store);

    let undone = store.undo().unwrap();
    assert_eq!(devices(&store), ["R 1%"]);
    let counts = |look: &crate::store::GenerationInfo| look.summary.kind(Kind::Device).count;
    assert_eq!((counts(&undone.before), counts(&undone.after)), (2, 1));
    drop(store);

    let store = Store::open(folder.path()).unwrap();
    assert_eq!(devices(&store), ["R 1%"]);
    let generations = store.generations().unwrap();
    assert_eq!(generations.previous.unwrap().number, undone.before.number);
    store.undo().unwrap();
    assert_eq!(devices(&store), after_import);
}

#[test]
fn what_comes_after_an_undo_is_told_from_what_was_undone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    load(&store, &["R 1%"]);
    load(&store, &["R 1%", "é>b"]);
    let seen = store.read().summary().unwrap().version;
    store.undo().unwrap();
    assert!(store.changed(Kind::Device).unwrap() > seen);
    drop(store);
    // The number of the generation that was undone is not given to another.
    let store = Store::open(folder.path()).unwrap();
    load(&store, &["third"]);
    assert_eq!(devices(&store), ["third"]);
    let generations = store.generations().unwrap();
    assert_eq!((generations.current.number, generations.previous.unwrap().number), (4, 2));
    store.undo().unwrap();
    assert_eq!(devices(&store), ["R 1%"]);
}

#[test]
fn changes_go_on_after_an_undo_and_go_with_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    load(&store, &["R 1%"]);
    load(&store, &["é>b"]);
    store.undo().unwrap();
    store
        .change(|transaction| -> Result<_, StoreError> {
            transaction.put(Recipe::new(Kind::Device, "new", 10).make::<Device>())
        })
        .unwrap();
    assert_eq!(devices(&store), ["R 1%", "new"]);
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(devices(&store), ["R 1%", "new"]);
    store.undo().unwrap();
    assert_eq!(devices(&store), ["é>b"]);
    store.undo().unwrap();
    assert_eq!(devices(&store), ["R 1%", "new"], "what was changed since is kept with it");
}

/// A process that ends before the pointer is turned has changed nothing but a number.
#[test]
fn an_undo_that_is_cut_off_has_not_happened() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    load(&store, &["R 1%"]);
    load(&store, &["é>b"]);
    let files = ["CURRENT", "MARK"].map(|name| folder.path().join(name));
    let before = files.each_ref().map(|file| std::fs::read(file).unwrap());
    store.undo().unwrap();
    drop(store);
    for (file, bytes) in files.iter().zip(before) {
        std::fs::write(file, bytes).unwrap();
    }
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(devices(&store), ["é>b"]);
    store.undo().unwrap();
    assert_eq!(devices(&store), ["R 1%"]);
}
