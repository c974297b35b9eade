//! The kept generations: their number, their size and their removal.

use std::{fs, path::Path};

use super::{loads::write, plain::*};
use crate::{
    job::Progress,
    model::{Device, Kind},
    store::{
        GenerationLimits, KeptGenerations, Options, Store, StoreError,
        seal::{self, Seal},
    },
};

fn open(folder: &Path, count_max: usize, bytes_max: u64) -> Store {
    let generations = KeptGenerations::UpTo(GenerationLimits { count_max, bytes_max });
    Store::open_with(folder, Options { generations, ..Options::default() }).unwrap()
}

fn load(store: &Store, name: &str) {
    let (load, _) = write(store, &[Recipe::new(Kind::Device, name, 20_000)]);
    load.commit(&record(), &Progress::detached()).unwrap();
}

fn earlier(store: &Store) -> Vec<u64> {
    store.earlier_generations().unwrap().iter().map(|kept| kept.number).collect()
}

/// The numbers of the folders of generations.
fn folders(folder: &Path) -> Vec<u64> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let mut numbers: Vec<u64> =
        names.filter_map(|name| name.strip_prefix("inventory-")?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn the_last_generations_are_kept_up_to_the_limits() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 3, u64::MAX);
    for name in ["a", "b", "c", "d", "é>b"] {
        load(&store, name);
    }
    assert_eq!(earlier(&store), [5, 4, 3]);
    assert_eq!(folders(folder.path()), [3, 4, 5, 6]);
    // An undo keeps the others.
    store.undo(&origin()).unwrap();
    assert_eq!((earlier(&store), folders(folder.path())), (vec![6, 4, 3], vec![3, 4, 5, 6]));
    drop(store);
    // A start with other limits, and a command, which does not know the limits.
    let store = open(folder.path(), 2, u64::MAX);
    store.trim_generations().unwrap();
    assert_eq!((earlier(&store), folders(folder.path())), (vec![6, 4], vec![4, 5, 6]));
    drop(store);
    let generations = KeptGenerations::AsBefore;
    let options = Options { generations, ..Options::default() };
    let store = Store::open_with(folder.path(), options).unwrap();
    store.trim_generations().unwrap();
    load(&store, "f");
    assert_eq!(earlier(&store), [5, 6, 4]);
    drop(store);
    // The generation before the last import stays although it is too large.
    let store = open(folder.path(), 3, 1);
    store.trim_generations().unwrap();
    assert_eq!((earlier(&store), folders(folder.path())), (vec![5], vec![5, 7]));
    load(&store, "g");
    assert_eq!((earlier(&store), folders(folder.path())), (vec![7], vec![7, 8]));
}

/// A kill can leave a generation that the pointer does not name any more, with some of its files.
#[test]
fn an_interrupted_removal_is_completed_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 2, u64::MAX);
    for name in ["a", "b", "c"] {
        load(&store, name);
    }
    drop(store);
    let partly_removed = folder.path().join("inventory-1");
    fs::create_dir(&partly_removed).unwrap();
    fs::write(partly_removed.join("db"), "incomplete").unwrap();
    let store = open(folder.path(), 2, u64::MAX);
    assert_eq!((earlier(&store), folders(folder.path())), (vec![3, 2], vec![2, 3, 4]));
    load(&store, "d");
    assert_eq!(folders(folder.path()), [3, 4, 5]);
}

/// The high-water mark knows the current and the previous generation only.
#[test]
fn a_replaced_generation_is_sealed_with_its_last_change() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 3, u64::MAX);
    load(&store, "a");
    store
        .change(&origin(), |transaction| -> Result<_, StoreError> {
            transaction.put(Recipe::new(Kind::Device, "later", 10).make::<Device>())
        })
        .unwrap();
    let version = store.read().summary().unwrap().version;
    load(&store, "b");
    load(&store, "c");
    match seal::read(&store.directory().generation(2)).unwrap() {
        Seal::Intact(known) => assert_eq!(known.summary.version, version),
        Seal::Missing | Seal::Damaged => panic!("no seal"),
    }
    let kept = store.kept_generation(2).unwrap().unwrap();
    assert_eq!(kept.summary().version, version);
    drop(kept);
    // A database that stays open for the next read does not prevent an undo.
    store.kept_generation(3).unwrap().unwrap();
    store.undo(&origin()).unwrap();
    assert_eq!(earlier(&store), [4, 2, 1]);
}
