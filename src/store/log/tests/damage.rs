//! Random damage: the detection rate of a check, and the entries that a salvage reads.

use std::{
    fs,
    panic::{set_hook, take_hook},
    path::{Path, PathBuf},
};

use super::{
    super::{LogCheck, LogFault, Reach, SEGMENT_BYTES, check},
    *,
};

/// The unit in which a disk loses data, in bytes.
const PAGE_BYTES: usize = 4096;

/// A closed database and its entries.
struct Original {
    name: &'static str,
    directory: PathBuf,
    contents: Contents,
}

/// Databases of several sizes, with and without a snapshot file.
fn originals(folder: &Path) -> Vec<Original> {
    let sizes = [("small", 40, false), ("large", 900, false), ("reopened", 500, true)];
    let make = |(name, changes, reopened): (&'static str, u64, bool)| {
        let directory = folder.join(name);
        let mut dice = Dice(changes);
        for half in 0..=u64::from(reopened) {
            let database = open(&directory).unwrap();
            for _ in 0..changes {
                change(&database, &mut dice, 3000, 4 + half);
            }
            database.flush().unwrap();
        }
        let copied = folder.join("read");
        copy(&directory, &copied);
        let contents = sled_contents(&copied).unwrap();
        fs::remove_dir_all(&copied).unwrap();
        let has_snapshot = files(&directory).iter().any(|file| is_snapshot(file));
        assert_eq!(has_snapshot, reopened, "{name}");
        assert_eq!(check(&directory).unwrap(), LogCheck::Clean, "{name}");
        Original { name, directory, contents }
    };
    sizes.into_iter().map(make).collect()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn is_snapshot(file: &Path) -> bool {
    file.file_name().unwrap().to_string_lossy().starts_with("snap.")
}

/// Damages a file at random. Returns a description of the damage.
fn damage(file: &Path, dice: &mut Dice) -> String {
    let mut bytes = fs::read(file).unwrap();
    let at = dice.index(bytes.len());
    let page = |number: usize, length: usize| {
        let begin = number * PAGE_BYTES;
        begin..(begin + PAGE_BYTES).min(length)
    };
    let pages = bytes.len().div_ceil(PAGE_BYTES);
    let how = match dice.below(5) {
        0 => {
            bytes[at] ^= 1 << dice.below(8);
            "a bit"
        }
        1 => {
            bytes[at] = !bytes[at];
            "a byte"
        }
        2 => {
            let range = page(at / PAGE_BYTES, bytes.len());
            bytes[range].fill(0);
            "a zero page"
        }
        3 => {
            let (one, other) = (dice.index(pages), dice.index(pages));
            let (one, other) = (page(one, bytes.len()), page(other, bytes.len()));
            if one.len() == other.len() {
                let taken = bytes[one.clone()].to_vec();
                bytes.copy_within(other.clone(), one.start);
                bytes[other].copy_from_slice(&taken);
            }
            "swapped pages"
        }
        _ => {
            bytes.truncate(at);
            "a shorter file"
        }
    };
    fs::write(file, bytes).unwrap();
    let name = file.file_name().unwrap().to_string_lossy();
    format!("{how} at {at} of {name}")
}

/// Damages one location of the file: a byte or a page.
fn damage_one(file: &Path, dice: &mut Dice) -> String {
    let mut bytes = fs::read(file).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let at = dice.index(used);
    let range = if dice.below(2) == 0 {
        at..at + 1
    } else {
        let begin = at / PAGE_BYTES * PAGE_BYTES;
        begin..(begin + PAGE_BYTES).min(bytes.len())
    };
    let how = format!("{range:?}");
    for byte in &mut bytes[range] {
        *byte ^= u8::try_from(1 + dice.below(255)).unwrap();
    }
    fs::write(file, bytes).unwrap();
    how
}

/// The outcomes of random damage.
#[derive(Debug, Default)]
struct Tally {
    found: usize,
    /// sled still reads all entries.
    harmless: usize,
    /// sled returns an error or panics.
    refused: usize,
    /// Reported as an incomplete end of the log. sled would lose entries.
    incomplete: Vec<String>,
    /// Not reported. sled would lose entries.
    silent: Vec<String>,
}

impl Tally {
    fn add(&mut self, checked: &LogCheck, is_whole: Option<bool>, how: &str) {
        match (checked, is_whole) {
            (LogCheck::Damaged(_), _) => self.found += 1,
            (_, Some(true)) => self.harmless += 1,
            (_, None) => self.refused += 1,
            (LogCheck::IncompleteEnd(_), _) => self.incomplete.push(how.to_owned()),
            (LogCheck::Clean, _) => self.silent.push(how.to_owned()),
        }
    }
}

#[test]
fn random_damage_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(number("SATCHEL_SEED", 3));
    let quiet = take_hook();
    let originals = originals(folder.path());
    set_hook(Box::new(|_| {}));
    let mut tallies = Vec::new();
    for original in &originals {
        let mut tally = Tally::default();
        for _ in 0..number("SATCHEL_DAMAGES", 20) {
            let copied = folder.path().join("copy");
            copy(&original.directory, &copied);
            let files = files(&copied);
            let file = if dice.below(8) == 0 {
                &files[dice.index(files.len())]
            } else {
                &copied.join("db")
            };
            let how = damage(file, &mut dice);
            let found = check(&copied).unwrap();
            let whole = sled_contents(&copied).map(|contents| contents == original.contents).ok();
            tally.add(&found, whole, &how);
            fs::remove_dir_all(&copied).unwrap();
        }
        tallies.push((original.name, tally));
    }
    set_hook(quiet);
    for (name, tally) in tallies {
        println!("{name}: {tally:#?}");
        assert!(tally.found > 0, "{name}");
        // The high-water mark finds the losses that the check reports as an incomplete end. No other
        // loss is allowed.
        assert_eq!(tally.silent.len(), 0, "{name}");
    }
}

/// The entries that a salvage returns with their tree: the key, the value, the newest value, and whether
/// the salvage calls the page complete.
fn compared<'a>(
    original: &'a Contents,
    given: &'a Salvaged,
) -> impl Iterator<Item = (&'a [u8], &'a Vec<u8>, Option<&'a Vec<u8>>, bool)> {
    given.trees.iter().flat_map(|(name, entries)| {
        let tree = &original[name];
        entries
            .iter()
            .map(|(key, (value, is_complete))| (key.as_slice(), value, tree.get(key), *is_complete))
    })
}

/// The bytes at the end of the log that hold the last message and a part of the one before it.
const LAST_CHANGE_BYTES: usize = 60;

#[test]
fn a_damaged_byte_in_the_last_change_is_repaired_or_marked() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("inventory-1");
    let copied = folder.path().join("copy");
    let database = open(&directory).unwrap();
    let tree = database.open_tree("device").unwrap();
    for edition in ["old", "new"] {
        let mut batch = sled::Batch::default();
        for number in 0..3 {
            let key = format!("Évora/rack-{number}");
            batch.insert(key.as_bytes(), format!("{edition} {number}").as_bytes());
        }
        tree.apply_batch(batch).unwrap();
        database.flush().unwrap();
    }
    let original = contents(&database);
    drop((tree, database));
    let intact = fs::read(directory.join("db")).unwrap();
    let used = intact.iter().rposition(|byte| *byte != 0).unwrap();
    let (mut repaired, begin) = (0, used - LAST_CHANGE_BYTES);
    for at in begin..=used {
        copy(&directory, &copied);
        let mut bytes = intact.clone();
        bytes[at] ^= 0x5A;
        fs::write(copied.join("db"), bytes).unwrap();
        let given = salvaged(&copied, Reach::Everything);
        assert!(given.report.messages_damaged > 0, "{at} of {used}: {:?}", given.report);
        let mut newest = 0;
        for (key, value, stored, is_complete) in compared(&original, &given) {
            let is_right = stored == Some(value);
            newest += usize::from(is_right);
            assert!(
                is_right || !is_complete,
                "{at} of {used}: {:?} {:?}",
                String::from_utf8_lossy(key),
                given.report
            );
        }
        repaired += usize::from(newest == original.values().map(BTreeMap::len).sum::<usize>());
        fs::remove_dir_all(&copied).unwrap();
    }
    assert_eq!(repaired, LAST_CHANGE_BYTES + 1, "not every byte is repaired");
}

#[test]
fn a_salvage_returns_stored_entries_or_marks_them_uncertain() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(number("SATCHEL_SEED", 4));
    for original in originals(folder.path()) {
        let stored = original.contents.values().map(BTreeMap::len).sum::<usize>();
        let (mut rounds, mut saved, mut complete, mut stale, mut treeless) = (0, 0, 0, 0, 0);
        let mut worst = usize::MAX;
        for _ in 0..number("SATCHEL_DAMAGES", 25) {
            let copied = folder.path().join("copy");
            copy(&original.directory, &copied);
            let how = damage_one(&copied.join("db"), &mut dice);
            let given = salvaged(&copied, Reach::Everything);
            let mut right = 0;
            for (key, value, newest, is_complete) in compared(&original.contents, &given) {
                if newest == Some(value) {
                    right += 1;
                    complete += usize::from(is_complete);
                } else {
                    stale += 1;
                    assert!(
                        !is_complete,
                        "{}: {how}: an older entry is not marked: {:?} {:?}",
                        original.name,
                        String::from_utf8_lossy(key),
                        given.report
                    );
                }
            }
            for (key, (value, _)) in &given.others {
                treeless += 1;
                right += usize::from(original.contents.values().any(|t| t.get(key) == Some(value)));
            }
            worst = worst.min(right);
            saved += right;
            rounds += 1;
            fs::remove_dir_all(&copied).unwrap();
        }
        let percent = |part: usize, all: usize| part as f64 * 100.0 / all as f64;
        let share = percent(saved, rounds * stored);
        println!(
            "{}: {stored} stored, {share:.2} % saved, {:.2} % complete, worst {:.2} %, {stale} \
             older, {treeless} without tree",
            original.name,
            percent(complete, rounds * stored),
            percent(worst, stored),
        );
        assert!(share > 95.0, "{}: {share} %", original.name);
    }
}

/// The faults that a check reports.
fn faults(directory: &Path) -> Vec<LogFault> {
    match check(directory).unwrap() {
        LogCheck::Damaged(damage) => damage.into_iter().map(|damage| damage.fault).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_kind_of_damage_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("inventory-1");
    let mut dice = Dice(8);
    // Opened twice, so that there is a snapshot.
    for _ in 0..2 {
        let database = open(&directory).unwrap();
        for _ in 0..150 {
            change(&database, &mut dice, 3000, 5);
        }
        database.flush().unwrap();
    }
    let snapshot = files(&directory).into_iter().find(|file| is_snapshot(file)).unwrap();
    let named = |file: &str, edit: &dyn Fn(&mut Vec<u8>)| {
        let copied = folder.path().join("copy");
        copy(&directory, &copied);
        let mut bytes = fs::read(copied.join(file)).unwrap();
        edit(&mut bytes);
        fs::write(copied.join(file), bytes).unwrap();
        let faults = faults(&copied);
        fs::remove_dir_all(&copied).unwrap();
        faults
    };
    let snapshot = snapshot.file_name().unwrap().to_str().unwrap();
    assert_eq!(named(snapshot, &|bytes| bytes[20] ^= 1), [LogFault::FileChecksum]);
    assert_eq!(named(snapshot, &Vec::clear), [LogFault::FileChecksum]);
    assert_eq!(named("conf", &|bytes| bytes[16] ^= 1), [LogFault::FileChecksum]);
    assert_eq!(named("db", &Vec::clear), [LogFault::FileEmpty]);
    assert!(named("db", &|bytes| bytes[3] ^= 1).contains(&LogFault::HeaderDamaged));
    let erased = named("db", &|bytes| bytes.fill(0));
    assert!(matches!(erased[..], [LogFault::SegmentMissing { .. }, ..]), "{erased:?}");
    let twice = named("db", &|bytes| bytes.copy_within(..SEGMENT_BYTES, SEGMENT_BYTES));
    assert!(twice.iter().any(|fault| matches!(
        fault,
        LogFault::SegmentMisplaced { .. } | LogFault::SegmentTwice { .. }
    )));
    let lost = named("db", &|bytes| bytes.truncate(SEGMENT_BYTES));
    assert!(!lost.is_empty());

    let copied = folder.path().join("copy");
    copy(&directory, &copied);
    fs::remove_file(copied.join("db")).unwrap();
    assert_eq!(faults(&copied), [LogFault::FileMissing]);
    let other = copied.join("snap.00000000000000FF");
    copy(&directory, &copied);
    fs::rename(copied.join(snapshot), other).unwrap();
    assert_eq!(faults(&copied), [LogFault::FileOther]);
    let told = check(&copied).unwrap();
    let LogCheck::Damaged(told) = told else { panic!("{told:?}") };
    assert_eq!(
        told[0].to_string(),
        "snap.00000000000000FF: the file does not match the rest of the database"
    );
}

#[test]
fn the_reported_end_equals_the_bytes_that_sled_erases() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("inventory-1");
    let mut dice = Dice(9);
    let database = open(&directory).unwrap();
    for _ in 0..20 {
        change(&database, &mut dice, 300, 5);
    }
    database.flush().unwrap();
    drop(database);
    assert!(matches!(check(&directory).unwrap(), LogCheck::Clean));
    // A page of zeros in the only segment, as after a power cut.
    let path = directory.join("db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[8192..12_288].fill(0);
    fs::write(&path, &bytes).unwrap();
    let found = check(&directory).unwrap();
    let LogCheck::IncompleteEnd(tail) = &found else { panic!("{found:?}") };
    assert!((20..12_288).contains(&tail.end) && tail.messages > 0, "{tail:?}");
    assert_eq!(tail.segment, Some(0));
    assert_eq!(tail.erased.len(), 1);
    assert_eq!(tail.erased[0], tail.end.cast_unsigned()..bytes.len() as u64);
    let salvaged = salvaged(&directory, Reach::Everything).report;

    assert_eq!(fs::read(&path).unwrap(), bytes, "a check or a salvage wrote");
    drop(open(&directory).unwrap());
    let after = fs::read(&path).unwrap();
    let erased = usize::try_from(tail.end).unwrap();
    assert_eq!(after[..erased], bytes[..erased]);
    // sled writes its own pages there again.
    assert!(after[erased + PAGE_BYTES..].iter().filter(|byte| **byte != 0).count() < PAGE_BYTES);
    assert!(salvaged.messages > tail.messages as u64, "{salvaged:?}");
}
