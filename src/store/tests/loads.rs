//! Bulk loads: one generation replaces another.

use std::{collections::BTreeMap, fs, path::Path};

use proptest::prelude::*;

use super::plain::*;
use crate::job::{CancelOutcome, ImportedState, Progress};
use crate::{
    model::{Entity, Kind, KindVisitor, PerKind},
    store::{GenerationInfo, Load, Store, StoreError, encode_body, posting, target_key},
};

/// Writes one kind's records into a load.
struct Write<'a, 's> {
    store: &'a Store,
    load: &'a Load<'s>,
    records: &'a BTreeMap<String, Held>,
    references: &'a mut Vec<(Vec<u8>, Vec<u8>)>,
}

impl KindVisitor for Write<'_, '_> {
    type Output = ();
    fn visit<E: Entity>(self) {
        let mut table = self.load.table(E::KIND);
        for (name, held) in self.records {
            let mut record = held.recipe.make::<E>();
            self.store.vault().encrypt_secrets(&mut record);
            record.references(&mut |reference| {
                self.references.push((
                    target_key(reference.target, reference.name),
                    posting(E::KIND, reference.relation, name),
                ));
            });
            let body = encode_body(&record).unwrap();
            table.put(name.as_bytes(), held.ordinal, held.version, &body).unwrap();
        }
        table.finish();
    }
}

/// Writes a generation with these records, without committing or dropping it.
pub(super) fn write<'s>(store: &'s Store, recipes: &[Recipe]) -> (Load<'s>, Plain) {
    let load = store.lock(&Progress::detached()).unwrap().load().unwrap();
    let mut records = PerKind::<BTreeMap<String, Held>>::default();
    for recipe in recipes {
        let ordinal = records[recipe.kind].len() as u64;
        let held = Held { recipe: recipe.clone(), ordinal, version: load.version() };
        records[recipe.kind].entry(recipe.name.clone()).or_insert(held);
    }
    let mut references = Vec::new();
    for (kind, records) in records.iter() {
        kind.dispatch(Write { store, load: &load, records, references: &mut references });
    }
    references.sort();
    load.references(|each| -> Result<(), StoreError> {
        references.iter().try_for_each(|(target, posting)| each(target, posting))
    })
    .unwrap();
    let plain = Plain::loaded(load.version(), records);
    (load, plain)
}

/// The numbers of the generations in a data directory.
fn generations(data: &Path) -> Vec<u64> {
    let names = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name());
    let mut numbers: Vec<u64> =
        names.filter_map(|name| name.to_str()?.strip_prefix("inventory-")?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

proptest! {
    #![proptest_config(super::cases(16))]

    /// After a commit the loaded records are the inventory, also for later changes and after the next
    /// start. A dropped load leaves no trace. Live views from before a load do not change.
    #[test]
    fn a_load_takes_effect_completely_or_not_at_all(
        rounds in prop::collection::vec(
            (prop::collection::vec(recipe(), 0..30), any::<bool>(), prop::collection::vec(change(), 0..4)),
            1..4,
        )
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let mut plain = Plain::default();
        for (recipes, commits, changes) in rounds {
            let before = generations(folder.path());
            let reader = store.read();
            let count = reader.summary().unwrap().records();
            let (load, loaded) = write(&store, &recipes);
            plain.agrees(&store);
            if commits {
                load.commit(&plain.replaced_by(&loaded), &Progress::detached()).unwrap();
                plain = loaded.replacing(&plain);
            } else {
                drop(load);
                prop_assert_eq!(generations(folder.path()), before);
            }
            plain.agrees(&store);
            prop_assert_eq!(reader.summary().unwrap().records(), count);
            for change in &changes {
                plain.change(&store, change);
            }
            plain.agrees(&store);
            drop((store, reader));
            store = Store::open(folder.path()).unwrap();
            plain.agrees(&store);
            plain.agrees_with_past(&store);
        }
    }
}

#[test]
fn the_generations_before_the_last_three_loads_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let reader = store.read();
    for _ in 0..5 {
        let (load, _) = write(&store, &[Recipe::new(Kind::Device, "a", 2_000)]);
        load.commit(&record(), &Progress::detached()).unwrap();
    }
    assert_eq!(generations(folder.path()), [3, 4, 5, 6]);
    assert_eq!(reader.summary().unwrap().records(), 0);
}

#[test]
fn a_cancelled_load_changes_nothing_and_leaves_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (load, _) = write(&store, &[Recipe::new(Kind::Device, "a", 20_000)]);
    let progress = Progress::detached();
    assert_eq!(progress.cancel(), CancelOutcome::Accepted);
    assert!(matches!(load.commit(&record(), &progress), Err(StoreError::Cancelled(_))));
    assert_eq!(generations(folder.path()), [1]);
    assert_eq!(store.read().summary().unwrap().records(), 0);
    // The write lock is free again, and an operation that waits for it can be cancelled.
    let writing = store.lock(&Progress::detached()).unwrap();
    assert!(matches!(store.lock(&progress), Err(StoreError::Cancelled(_))));
    drop(writing);
    let (load, plain) = write(&store, &[Recipe::new(Kind::Device, "b", 3)]);
    let progress = Progress::detached();
    load.commit(&record(), &progress).unwrap();
    assert_eq!(progress.cancel(), CancelOutcome::TooLate);
    assert_eq!(progress.imported(), Some(ImportedState::Generation(3)));
    plain.agrees(&store);
}

#[test]
fn opening_removes_only_generations_that_are_not_in_the_pointer() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (load, plain) = write(&store, &[Recipe::new(Kind::Device, "a", 20_000)]);
    load.commit(&record(), &Progress::detached()).unwrap();
    drop(store);
    for name in ["inventory-3", "inventory-99", "inventory-007", "inventory-x"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("db"), "half a database").unwrap();
    }
    fs::write(folder.path().join("inventory-2").join("snap.0000.generating"), "half").unwrap();
    let store = Store::open(folder.path()).unwrap();
    plain.agrees(&store);
    assert_eq!(generations(folder.path()), [1, 2, 7]);
    assert!(folder.path().join("inventory-x").is_dir());
    // The number of an interrupted load is free again after a start, not before.
    drop(write(&store, &[]));
    let (load, plain) = write(&store, &[]);
    load.commit(&record(), &Progress::detached()).unwrap();
    plain.agrees(&store);
    assert_eq!(generations(folder.path()), [1, 2, 4, 7]);
}

#[test]
fn records_out_of_order_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let load = store.lock(&Progress::detached()).unwrap().load().unwrap();
    let mut table = load.table(Kind::Device);
    table.put(b"b", 0, 1, b"").unwrap();
    for name in ["a", "b"] {
        let refused = table.put(name.as_bytes(), 1, 1, b"");
        assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
    }
}

#[test]
fn an_interrupted_set_up_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    // The state before the pointer is switched to the first generation.
    fs::write(folder.path().join("CURRENT"), "satchel 2\ncurrent 0\n").unwrap();
    fs::write(folder.path().join("inventory-1").join("db"), "half a database").unwrap();
    let store = Store::open(folder.path()).unwrap();
    Plain::default().agrees(&store);
    drop(store);
    // If a generation is missing later, the directory is not set up again.
    fs::remove_dir_all(folder.path().join("inventory-1")).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::InventoryDamaged(_))));
}

#[test]
fn a_pointer_of_an_interrupted_set_up_does_not_erase_an_inventory() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let recipe = Recipe::new(Kind::Device, "[Shared] é", 10);
    let mut plain = Plain::default();
    plain.change(&store, &Change { steps: vec![Step::Put(recipe)], is_abandoned: false });
    drop(store);
    let pointer = folder.path().join("CURRENT");
    let good = fs::read(&pointer).unwrap();
    fs::write(&pointer, "satchel 2\ncurrent 0\n").unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::InventoryDamaged(_))));
    fs::write(&pointer, good).unwrap();
    plain.agrees(&Store::open(folder.path()).unwrap());
}

#[test]
fn a_second_undo_reverts_the_first_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    assert!(matches!(store.undo(&origin()), Err(StoreError::NothingToUndo)));
    let (load, mut first) = write(&store, &[Recipe::new(Kind::Device, "[Shared] é", 10)]);
    load.commit(&record(), &Progress::detached()).unwrap();
    let (load, mut second) = write(
        &store,
        &[Recipe::new(Kind::Device, "R 1%", 20_000), Recipe::new(Kind::Group, "..", 1)],
    );
    load.commit(&record(), &Progress::detached()).unwrap();
    // The undo of an import also reverts later changes.
    let put = |salt| {
        let recipe = Recipe { salt, ..Recipe::new(Kind::Device, "after", 1) };
        Change { steps: vec![Step::Put(recipe)], is_abandoned: false }
    };
    second.change(&store, &put(0));
    second.agrees(&store);
    let versions: Vec<u64> = Kind::ALL.map(|kind| store.changed(kind).unwrap()).to_vec();

    for round in 0..2 {
        let told = store.generations().unwrap();
        let counts = |plain: &Plain| Kind::ALL.map(|kind| plain.records[kind].len() as u64);
        let told_counts =
            |look: &GenerationInfo| Kind::ALL.map(|kind| look.summary.kind(kind).count);
        assert_eq!(told_counts(&told.current), counts(&second));
        assert_eq!(told_counts(&told.previous.unwrap()), counts(&first));
        let undone = store.undo(&origin()).unwrap();
        assert_eq!(told_counts(&undone.before), counts(&second));
        assert_eq!(told_counts(&undone.after), counts(&first));
        // The versions are new, so that no cache or ETag matches the old content.
        for (kind, version) in Kind::ALL.into_iter().zip(&versions) {
            assert!(store.changed(kind).unwrap() > *version);
        }
        first.version = store.read().summary().unwrap().version;
        first.agrees(&store);
        first.change(&store, &put(1 + round));
        first.agrees(&store);
        drop(store);
        store = Store::open(folder.path()).unwrap();
        first.agrees(&store);
        std::mem::swap(&mut first, &mut second);
    }
    // The next import takes an unused number. The generations before it are kept.
    let numbers = generations(folder.path());
    let (load, third) = write(&store, &[]);
    load.commit(&record(), &Progress::detached()).unwrap();
    third.agrees(&store);
    let newest = *generations(folder.path()).last().unwrap();
    assert!(!numbers.contains(&newest), "{newest} of {numbers:?}");
    assert_eq!(generations(folder.path()).len(), 4);
}

/// A reader from before the import holds the database that an undo would open.
#[test]
fn an_undo_is_refused_while_the_previous_generation_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let reader = store.read();
    let (load, loaded) = write(&store, &[Recipe::new(Kind::Device, "a", 10)]);
    load.commit(&record(), &Progress::detached()).unwrap();
    assert!(matches!(store.undo(&origin()), Err(StoreError::Busy)));
    loaded.agrees(&store);
    drop(reader);
    store.undo(&origin()).unwrap();
    assert_eq!(store.read().summary().unwrap().records(), 0);
}
