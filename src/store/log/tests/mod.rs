//! Compares the log reader with sled on closed, killed and damaged databases.

mod damage;
mod kills;
mod units;

use std::{
    collections::BTreeMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use super::{Reach, SalvageReport, salvage};

/// The entries of all trees.
type Contents = BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>>;

/// Trees of the databases, beside sled's own.
const TREES: [&str; 6] = ["device", "link", "meta", "pool", "references", "é"];

/// Reproducible random numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }

    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap()
    }
}

/// A number from the environment.
fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// Opens a database as Satchel does. sled releases its lock a moment after a database is dropped.
fn open(directory: &Path) -> Result<sled::Db, sled::Error> {
    loop {
        let config = sled::Config::new()
            .path(directory)
            .segment_size(super::SEGMENT_BYTES)
            .cache_capacity(16 * 1024 * 1024)
            .flush_every_ms(None);
        match config.open() {
            Err(error) if error.to_string().contains("acquire lock") => {}
            opened => return opened,
        }
    }
}

/// A key of a tree. The keys have long common prefixes, which sled does not store.
fn key(dice: &mut Dice, keys: u64) -> Vec<u8> {
    let number = dice.below(keys);
    let site = ["Évora/rack-", "Évora/rack-00000000000000000000000000000000-", "Z"];
    format!("{}{number:07}", site[usize::try_from(number % 3).unwrap()]).into_bytes()
}

/// A value of 0 to 4,096 bytes; most are short.
fn value(dice: &mut Dice) -> Vec<u8> {
    let length = match dice.below(20) {
        0 => 4096,
        1 | 2 => dice.below(4097),
        3 => 0,
        _ => dice.below(200),
    };
    (0..length).map(|_| u8::try_from(dice.below(256)).unwrap()).collect()
}

/// Makes one change: a batch, or single entries. One in `deletes` entries is removed.
fn change(database: &sled::Db, dice: &mut Dice, keys: u64, deletes: u64) {
    let name = TREES[dice.index(TREES.len())];
    let tree = database.open_tree(name).unwrap();
    let mut batch = sled::Batch::default();
    for _ in 0..dice.below(40) {
        let key = key(dice, keys);
        if dice.below(deletes) == 0 {
            batch.remove(key);
        } else {
            batch.insert(key, value(dice));
        }
    }
    tree.apply_batch(batch).unwrap();
}

/// All entries that sled reads.
fn contents(database: &sled::Db) -> Contents {
    let names = database.tree_names().into_iter();
    let tree = |name: &[u8]| {
        let entries = database.open_tree(name).unwrap().into_iter().map(|entry| {
            let (key, value) = entry.unwrap();
            (key.to_vec(), value.to_vec())
        });
        entries.collect()
    };
    names.map(|name| (name.to_vec(), tree(&name))).collect()
}

/// The entries that sled reads from a database, or the error of opening it.
fn sled_contents(directory: &Path) -> Result<Contents, String> {
    let read = catch_unwind(AssertUnwindSafe(|| open(directory).map(|opened| contents(&opened))));
    match read {
        Ok(Ok(contents)) => Ok(contents),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("a panic".to_owned()),
    }
}

/// An entry's value, and whether its page is complete.
type Found = (Vec<u8>, bool);

/// The result of a salvage: the entries by tree and key, and the entries without a tree.
#[derive(Default)]
struct Salvaged {
    trees: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Found>>,
    others: Vec<(Vec<u8>, Found)>,
    report: SalvageReport,
}

fn salvaged(directory: &Path, reach: Reach) -> Salvaged {
    let mut found = Salvaged::default();
    let report = salvage(directory, reach, &mut |entry| {
        let (key, stored) = (entry.key.to_vec(), (entry.value.to_vec(), entry.page_complete));
        match entry.tree {
            Some(tree) => {
                let tree = found.trees.entry(tree.to_vec()).or_default();
                assert!(tree.insert(key, stored).is_none(), "an entry is returned twice");
            }
            None => found.others.push((key, stored)),
        }
        Ok(())
    });
    found.report = report.unwrap();
    found
}

/// Asserts that a salvage returns exactly the entries that sled reads.
fn assert_salvaged(found: &Salvaged, expected: &Contents) {
    assert!(found.others.is_empty(), "{} entries have no tree", found.others.len());
    for (name, entries) in expected {
        let none = BTreeMap::new();
        let given = found.trees.get(name).unwrap_or(&none);
        assert_eq!(given.len(), entries.len(), "{}", String::from_utf8_lossy(name));
        for (key, value) in entries {
            assert_eq!(given.get(key).map(|(value, _)| value), Some(value));
        }
    }
    let count = |contents: &Contents| contents.values().map(BTreeMap::len).sum::<usize>();
    assert_eq!(found.report.entries, count(expected) as u64);
}

/// Copies a database.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
