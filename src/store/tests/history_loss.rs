//! A damaged or missing archive of the history is reported until it is restored or the loss is accepted.

use std::{fs, path::Path};

use super::{
    history::{no_history, numbers, put, trim},
    loads::write,
};
use crate::{
    job::Progress,
    store::{HistoryLoss, LoadRecord, Origin, Store},
};

fn import(store: &Store) {
    let (load, _) = write(store, &[]);
    let record = LoadRecord::of(Origin::of_user("éva", "import_project"));
    load.commit(&record, &Progress::detached()).unwrap();
}

/// Creates an inventory whose archive has change 1. The import is change 2.
fn archived(path: &Path) {
    let store = Store::open(path).unwrap();
    put(&store, "R 1%", "Acme");
    import(&store);
    assert_eq!(numbers(&store.history().unwrap()), [2, 1]);
    assert_eq!(store.history_losses().unwrap(), []);
}

fn names_of(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// The position of a name in the database.
fn position_of_data(path: &Path) -> usize {
    fs::read(path).unwrap().windows(4).position(|bytes| bytes == b"R 1%").unwrap()
}

fn is_damaged(store: &Store) -> bool {
    matches!(&store.history_losses().unwrap()[..], [HistoryLoss::Damaged { .. }])
}

#[test]
fn a_damaged_archive_is_reported_and_only_a_new_archive_moves_it_aside() {
    type Damage = fn(&Path);
    let damages: [Damage; 6] = [
        |history| fs::write(history.join("SEAL"), b"damaged").unwrap(),
        |history| flip(&history.join("SEAL"), 30),
        |history| fs::remove_file(history.join("SEAL")).unwrap(),
        |history| flip(&history.join("db"), position_of_data(&history.join("db"))),
        |history| {
            let database = fs::File::options().write(true).open(history.join("db")).unwrap();
            database.set_len(database.metadata().unwrap().len() / 4).unwrap();
        },
        |history| fs::remove_file(history.join("db")).unwrap(),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        archived(folder.path());
        damage(&folder.path().join("history"));
        for _ in 0..2 {
            let store = Store::open(folder.path()).unwrap();
            assert_eq!(numbers(&store.history().unwrap()), [2], "damage {number}");
            assert!(is_damaged(&store), "damage {number}");
        }
        let store = Store::open(folder.path()).unwrap();
        import(&store);
        assert_eq!(numbers(&store.history().unwrap()), [3, 2], "damage {number}");
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        let losses = store.history_losses().unwrap();
        let [HistoryLoss::MovedAside { path }] = &losses[..] else { panic!("{losses:?}") };
        assert_eq!(numbers(&store.history().unwrap()), [3, 2]);
        fs::remove_dir_all(path).unwrap();
        assert_eq!(store.history_losses().unwrap(), []);
    }
}

#[test]
fn a_deleted_archive_is_reported_also_after_the_next_import() {
    let folder = tempfile::tempdir().unwrap();
    archived(folder.path());
    let history = folder.path().join("history");
    fs::rename(&history, folder.path().join("elsewhere")).unwrap();
    let before = names_of(folder.path());
    for _ in 0..2 {
        let store = Store::open(folder.path()).unwrap();
        let missing = HistoryLoss::Missing { path: history.clone(), version: Some(1) };
        assert_eq!(store.history_losses().unwrap(), [missing]);
        assert_eq!(numbers(&store.history().unwrap()), [2]);
    }
    assert_eq!(names_of(folder.path()), before);
    // The way out: restore the folder.
    fs::rename(folder.path().join("elsewhere"), &history).unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.history_losses().unwrap(), []);
    assert_eq!(numbers(&store.history().unwrap()), [2, 1]);
    drop(store);
    fs::remove_dir_all(&history).unwrap();
    let store = Store::open(folder.path()).unwrap();
    import(&store);
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    let losses = store.history_losses().unwrap();
    let [HistoryLoss::WasMissing { path }] = &losses[..] else { panic!("{losses:?}") };
    assert_eq!(numbers(&store.history().unwrap()), [3, 2]);
    fs::remove_file(path).unwrap();
    assert_eq!(store.history_losses().unwrap(), []);
}

#[test]
fn an_archive_from_before_the_last_import_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    archived(folder.path());
    let (history, older) = (folder.path().join("history"), folder.path().join("older"));
    fs::rename(&history, &older).unwrap();
    fs::create_dir(&history).unwrap();
    for entry in fs::read_dir(&older).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            fs::copy(entry.path(), history.join(entry.file_name())).unwrap();
        }
    }
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.history_losses().unwrap(), []);
    import(&store);
    drop(store);
    fs::remove_dir_all(&history).unwrap();
    fs::rename(&older, &history).unwrap();
    assert!(is_damaged(&Store::open(folder.path()).unwrap()));
}

#[test]
fn ordinary_histories_raise_no_alarm() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Store::open(folder.path()).unwrap();
    assert_eq!(open().history_losses().unwrap(), [], "a new directory");
    put(&open(), "R 1%", "Acme");
    assert_eq!(open().history_losses().unwrap(), [], "no archive");
    assert!(!folder.path().join("ARCHIVE").exists());
    import(&open());
    let store = open();
    put(&store, "R 2", "Acme");
    assert!(trim(&store, no_history(0)) > 0);
    assert_eq!(numbers(&store.history().unwrap()).len(), 1);
    drop(store);
    assert_eq!(open().history_losses().unwrap(), [], "a trimmed archive");
    import(&open());
    assert_eq!(open().history_losses().unwrap(), [], "a second import");
    // An earlier version of Satchel wrote no mark.
    fs::remove_file(folder.path().join("ARCHIVE")).unwrap();
    assert_eq!(open().history_losses().unwrap(), [], "no mark");
    assert!(folder.path().join("ARCHIVE").exists());
    flip(&folder.path().join("ARCHIVE"), 13);
    assert_eq!(open().history_losses().unwrap(), [], "a damaged mark of an intact archive");
}
