//! Failed commits: their changes are not visible, and the database is reopened.

use std::time::{Duration, Instant};

use super::plain::origin;
use crate::{
    model::{Device, Entity, Kind, Name},
    store::{Store, StoreError},
};

fn put(store: &Store, name: &str) -> Result<(), StoreError> {
    let device = Device::named(Name::parse(name.to_owned()).unwrap());
    store.change(&origin(), |transaction| transaction.put(device).map(drop))
}

fn names(store: &Store) -> Vec<String> {
    let reading = store.read();
    reading.scan::<Device>().map(|stored| stored.unwrap().record.name.to_string()).collect()
}

fn fail(store: &Store, error: &StoreError) {
    store.current().ok().unwrap().committer.fail(error);
}

/// Reads until the database is open again.
fn read_until_open(store: &Store) {
    let until = Instant::now() + Duration::from_secs(20);
    while !store.is_writable() {
        assert!(Instant::now() < until, "the database was not opened again");
        names(store);
    }
}

#[test]
fn a_read_reopens_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    put(&store, "é>b").unwrap();
    for error in [StoreError::DiskFull, StoreError::FileSizeLimit] {
        let seen = store.changed(Kind::Device).unwrap();
        fail(&store, &error);
        assert!(!store.is_writable());
        assert_eq!(names(&store), ["é>b"]);
        read_until_open(&store);
        // Caches of the failed database must become invalid.
        assert!(store.changed(Kind::Device).unwrap() > seen);
        put(&store, "é>b").unwrap();
    }
    put(&store, "R 1%").unwrap();
    drop(store);
    assert_eq!(names(&Store::open(folder.path()).unwrap()), ["R 1%", "é>b"]);
}

#[test]
fn the_database_is_not_reopened_while_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    put(&store, "é>b").unwrap();
    let snapshot = store.snapshot().unwrap();
    fail(&store, &StoreError::DiskFull);
    assert_eq!(names(&store), ["é>b"], "reads continue");
    assert!(matches!(put(&store, "R 1%"), Err(StoreError::DiskFull)));
    assert_eq!(snapshot.scan::<Device>().count(), 1);
    drop(snapshot);
    read_until_open(&store);
    put(&store, "R 1%").unwrap();
    assert_eq!(names(&store), ["R 1%", "é>b"]);
}

#[test]
fn a_failure_that_reopening_does_not_cure_persists() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    put(&store, "é>b").unwrap();
    fail(&store, &StoreError::ReadOnly { reason: "the disk is gone".to_owned() });
    assert_eq!(names(&store), ["é>b"]);
    assert!(matches!(put(&store, "R 1%"), Err(StoreError::ReadOnly { .. })));
    assert!(!store.is_writable());
}

#[test]
fn counts_include_durable_changes_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    put(&store, "é>b").unwrap();
    let generation = store.current().ok().unwrap().generation;
    let mut applied = crate::store::Summary::clone(&generation.summary());
    applied.version += 1;
    applied.kind_mut(Kind::Device).count = 18;
    generation.note_applied(applied);
    let count = || store.read().durable_summary().unwrap().kind(Kind::Device).count;
    assert_eq!(count(), 1, "it is not durable yet");
    generation.forget_applied();
    assert_eq!((count(), generation.summary().kind(Kind::Device).count), (1, 1));
    drop(generation);
    put(&store, "R 1%").unwrap();
    assert_eq!(count(), 2);
}
