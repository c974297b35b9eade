//! Damaged stored values: each is reported as damage, and none causes a panic.

use super::plain::*;
use crate::{
    model::{Device, Entity, Kind, Name, Target},
    store::{
        KeyError, Store, StoreError,
        format::{self, values},
        generation::chunk_key,
        references,
        summary::SUMMARY_KEY,
        tree_id::TreeId,
        trees::ValueOwner,
    },
};

/// A store with a short device, a long one and a reference, and its generation.
fn store(folder: &tempfile::TempDir) -> (Store, std::sync::Arc<super::super::Generation>) {
    let store = Store::open(folder.path()).unwrap();
    let named = vec!["ops".to_owned()];
    let steps = vec![
        Step::Put(Recipe { named, ..Recipe::new(Kind::Device, "short", 10) }),
        Step::Put(Recipe::new(Kind::Device, "long é", 20_000)),
    ];
    Plain::default().change(&store, &Change { steps, is_abandoned: false });
    let generation = store.current().ok().unwrap().generation;
    (store, generation)
}

/// Asserts that every read of the record reports damage.
fn assert_unreadable(store: &Store, name: &str) {
    fn assert_corrupt<T>(name: &str, result: Result<T, StoreError>) {
        match result.err() {
            Some(StoreError::Corrupt { kind: Kind::Device, name: found, .. }) => {
                assert_eq!(found, name);
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    assert_corrupt(name, store.read().get::<Device>(name));
    assert_corrupt(name, store.read().scan::<Device>().collect::<Result<Vec<_>, _>>());
    assert_corrupt(name, store.snapshot().unwrap().scan::<Device>().collect::<Result<Vec<_>, _>>());
    let device = || Device::named(Name::parse(name.to_owned()).unwrap());
    assert_corrupt(name, store.change(&origin(), |transaction| transaction.put(device())));
    assert_corrupt(
        name,
        store.change(&origin(), |transaction| transaction.remove(Kind::Device, name)),
    );
    // Other records are still readable.
    let other = Device::named(Name::parse("other".to_owned()).unwrap());
    store.change(&origin(), |transaction| transaction.put(other)).unwrap();
    store.change(&origin(), |transaction| transaction.remove(Kind::Device, "other")).unwrap();
}

#[test]
fn a_damaged_value_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (store, generation) = store(&folder);
    let tree = generation.tree(TreeId::Kind(Kind::Device));
    let good = tree.get("short").unwrap().unwrap().to_vec();
    let elsewhere =
        format::encode_body(&Device::named(Name::parse("elsewhere".to_owned()).unwrap())).unwrap();
    let mut bad: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0],
        vec![2; 50],
        vec![255; 50],
        vec![1],
        [&good[..], b"x"].concat(),
        values(0, 1, &elsewhere).head,
        values(0, 1, &[]).head,
        // A list that claims 2^60 entries.
        values(0, 1, &[253, 0, 0, 0, 0, 0, 0, 0, 16]).head,
    ];
    bad.extend((1..good.len()).map(|length| good[..length].to_vec()));
    for value in bad {
        tree.insert("short", value.as_slice()).unwrap();
        assert_unreadable(&store, "short");
    }
    // A changed byte can give another valid record, but never a panic.
    for at in 0..good.len() {
        for byte in [0, 1, 127, 251, 252, 253, 254, 255] {
            let mut changed = good.clone();
            changed[at] = byte;
            tree.insert("short", changed).unwrap();
            let found = store.read().get::<Device>("short");
            assert!(matches!(found, Ok(Some(_)) | Err(StoreError::Corrupt { .. })), "{found:?}");
        }
    }
    tree.insert("short", good).unwrap();
    assert!(store.read().get::<Device>("short").unwrap().is_some());
}

#[test]
fn a_name_that_is_not_utf8_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (store, generation) = store(&folder);
    let tree = generation.tree(TreeId::Kind(Kind::Device));
    for name in ["short", "long é"] {
        let value = tree.get(name).unwrap().unwrap();
        tree.insert(b"\xff\xfe", value).unwrap();
        let found = store.read().scan::<Device>().collect::<Result<Vec<_>, _>>();
        assert!(matches!(found, Err(StoreError::Corrupt { .. })), "{name}: {found:?}");
    }
}

#[test]
fn a_damaged_chunk_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (store, generation) = store(&folder);
    let prefix = ValueOwner::Record(Kind::Device).chunk_prefix("long é".as_bytes(), 1);
    let key = |number| chunk_key(&prefix, number);
    let chunk = generation.tree(TreeId::Chunks).get(key(1)).unwrap().unwrap();
    generation.tree(TreeId::Chunks).remove(key(1)).unwrap();
    assert_unreadable(&store, "long é");
    generation.tree(TreeId::Chunks).insert(key(1), &chunk[1..]).unwrap();
    assert_unreadable(&store, "long é");
    generation.tree(TreeId::Chunks).insert(key(1), [&chunk[..], b"x"].concat()).unwrap();
    assert_unreadable(&store, "long é");
    generation.tree(TreeId::Chunks).insert(key(1), vec![255; chunk.len()]).unwrap();
    let found = store.read().get::<Device>("long é");
    assert!(matches!(found, Err(StoreError::Corrupt { .. })), "{:?}", found.map(|_| ()));
    generation.tree(TreeId::Chunks).insert(key(1), chunk).unwrap();
    assert!(store.read().get::<Device>("long é").unwrap().is_some());
}

#[test]
fn a_damaged_summary_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (store, generation) = store(&folder);
    let good = generation.tree(TreeId::Meta).get(SUMMARY_KEY).unwrap().unwrap();
    drop((store, generation));
    for bytes in [&b""[..], b"\xff", &good[..good.len() - 1], &[&good[..], b"x"].concat()] {
        let open = || {
            let path = folder.path().join("inventory-1");
            sled::Config::new().path(path).segment_size(1024 * 1024).open()
        };
        // sled releases its lock when its last thread ends, a moment after the database is dropped.
        let database = loop {
            match open() {
                Ok(database) => break database,
                Err(error) => assert!(error.to_string().contains("acquire lock"), "{error}"),
            }
        };
        database.open_tree("meta").unwrap().insert(SUMMARY_KEY, bytes).unwrap();
        database.flush().unwrap();
        drop(database);
        let opened = Store::open(folder.path()).map(drop);
        assert!(matches!(opened, Err(StoreError::InventoryDamaged(_))), "{opened:?}");
    }
}

#[test]
fn a_damaged_block_of_the_reverse_index_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (store, generation) = store(&folder);
    let target = Target::Kind(Kind::Group);
    let list = references::target_key(target, "ops");
    let (key, good) =
        generation.tree(TreeId::References).scan_prefix(list).next().unwrap().unwrap();
    for block in [&b"\x01"[..], b"\xff\xff", &good[..good.len() - 1]] {
        generation.tree(TreeId::References).insert(&key, block).unwrap();
        let assert_part_is_damaged = |result: Result<(), StoreError>| {
            let is_damaged = matches!(result, Err(StoreError::Damaged { part: "index", .. }));
            assert!(is_damaged, "{block:?}: {result:?}");
        };
        assert_part_is_damaged(store.read().referrers(target, "ops").map(drop));
        assert_part_is_damaged(store.read().each_reference(|_, _| Ok(())));
        assert_part_is_damaged(
            store.change(&origin(), |t| t.remove(Kind::Device, "short").map(drop)),
        );
    }
    // Complete entries that are not valid references.
    for block in [&b"\x00\x00"[..], b"\x01\x00\xff", b"\x03\x00\x03ab"] {
        generation.tree(TreeId::References).insert(&key, block).unwrap();
        assert!(matches!(
            store.read().referrers(target, "ops"),
            Err(StoreError::Damaged { part: "index", .. })
        ));
    }
    generation.tree(TreeId::References).insert(b"\xfe no target", &good).unwrap();
    let found = store.read().each_reference(|_, _| Ok(()));
    assert!(matches!(found, Err(StoreError::Damaged { part: "index", .. })));
}

#[test]
fn a_key_of_another_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, generation) = store(&folder);
    let recipe = Recipe::new(Kind::Credential, "root", 0);
    store
        .change(&origin(), |transaction| transaction.put(recipe.make::<crate::model::Credential>()))
        .unwrap();
    drop((store, generation));
    std::fs::write(folder.path().join("key"), [7; 32]).unwrap();
    let wrong = |opened| matches!(opened, Err(StoreError::Key(KeyError::Wrong { .. })));
    assert!(wrong(Store::open(folder.path())));
    // Without the key check, as in directories of older versions, the stored secret reveals the
    // wrong key.
    std::fs::remove_file(folder.path().join("key.check")).unwrap();
    assert!(wrong(Store::open(folder.path())));
    std::fs::write(folder.path().join("key"), [7; 31]).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Key(KeyError::Length { .. }))));
    std::fs::remove_file(folder.path().join("key")).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Key(KeyError::Missing { .. }))));
}
