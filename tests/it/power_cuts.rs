//! Simulated power cuts: synced writes survive; unsynced writes are dropped, kept or cut.
//!
//! A child changes an inventory under strace, which writes down every write to the database and to
//! the high-water mark, every sync and every acknowledgement in their order. Then both files are
//! built again as a disk could contain them after a power cut at a random moment: with every write
//! that ended before a sync of its file began that has ended too, and with none, some or parts of
//! the others. The inventory must open, and contain all changes that were acknowledged by then, and
//! no partial change.
//!
//! `SATCHEL_CUTS` is the number of cuts. Of the other files in the data directory none is written
//! after the store is open. `import_power_cuts` covers imports, restores and undos, which write other files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use satchel::store::Store;

use crate::data_files::copy_data_directory;
use crate::durability::{
    CHANGES, Rng, WRITERS, is_consistent, is_whole, last_change, number, traced,
};

/// The default number of cuts.
const CUTS: u64 = 20;

/// The size of an atomic disk write, in bytes.
const SECTOR_BYTES: usize = 512;

/// A file that is written while the store is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Written {
    Database,
    Mark,
}

impl Written {
    const ALL: [Self; 2] = [Self::Database, Self::Mark];

    fn path(self) -> &'static str {
        match self {
            Self::Database => "inventory-1/db",
            Self::Mark => "MARK",
        }
    }

    /// The file of a call.
    fn of(call: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|file| call.contains(&format!("/{}>", file.path())))
    }
}

/// An event, with its write or sync.
enum Event {
    WriteBegins {
        number: usize,
        file: Written,
        at: usize,
        bytes: Vec<u8>,
    },
    WriteEnds(usize, Written),
    SyncBegins(usize, Written),
    SyncEnds(usize),
    /// The store is open. Earlier events belong to the set-up.
    Open,
    Acknowledged {
        writer: usize,
        change: u64,
    },
}

/// The events in the output of strace, in order.
fn events(trace: &str) -> Vec<Event> {
    let mut events = Vec::new();
    // The unfinished call of each thread.
    let mut unfinished: BTreeMap<&str, Event> = BTreeMap::new();
    for (place, line) in trace.lines().enumerate() {
        let Some((thread, call)) = line.trim_start().split_once(' ') else { continue };
        let call = call.trim_start();
        let file = Written::of(call);
        let (begins, ends) = if let (Some(file), true) = (file, call.starts_with("pwrite64(")) {
            let (_, rest) = call.split_once('"').unwrap();
            let (text, rest) = rest.split_once('"').unwrap();
            assert!(!rest.starts_with("..."), "strace cut a write short");
            let at = rest.split([',', ')', '<']).nth(2).unwrap().trim().parse().unwrap();
            let bytes = unhex(text);
            (Event::WriteBegins { number: place, file, at, bytes }, Event::WriteEnds(place, file))
        } else if let (Some(file), true) =
            (file, call.starts_with("fdatasync(") || call.starts_with("fsync("))
        {
            (Event::SyncBegins(place, file), Event::SyncEnds(place))
        } else if call.starts_with("write(1") {
            let text = call.split('"').nth(1).map(unhex).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).trim().to_owned();
            if let Some(said) = text.strip_prefix("> ack ") {
                let (writer, change) = said.split_once(' ').unwrap();
                let (writer, change) = (writer.parse().unwrap(), change.parse().unwrap());
                events.push(Event::Acknowledged { writer, change });
            } else if text == "> is open" {
                events.push(Event::Open);
            }
            continue;
        } else {
            if call.starts_with("<... ") && call.contains(" resumed>") {
                events.extend(unfinished.remove(thread));
            }
            continue;
        };
        events.push(begins);
        if call.ends_with("<unfinished ...>") {
            unfinished.insert(thread, ends);
        } else {
            events.push(ends);
        }
    }
    events
}

/// The bytes of a text like `\\x0a\\xff`.
fn unhex(text: &str) -> Vec<u8> {
    let digits = text.split("\\x").skip(1);
    digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}

/// The files as a disk could contain them after these events, and the acknowledged changes.
fn cut(events: &[Event], rng: &mut Rng) -> (BTreeMap<Written, Vec<u8>>, [u64; WRITERS]) {
    let mut ended = BTreeSet::new();
    let mut syncs = BTreeMap::new();
    let mut durable = BTreeSet::new();
    let mut acknowledged = [0; WRITERS];
    for event in events {
        match event {
            Event::WriteBegins { .. } | Event::Open => {}
            Event::WriteEnds(number, file) => drop(ended.insert((*number, *file))),
            Event::SyncBegins(number, file) => {
                let of_file = ended.iter().filter(|(_, written)| written == file);
                syncs.insert(*number, of_file.map(|(write, _)| *write).collect::<Vec<_>>());
            }
            Event::SyncEnds(number) => durable.extend(syncs.remove(number).unwrap()),
            Event::Acknowledged { writer, change } => acknowledged[*writer] = *change,
        }
    }
    let mut disks: BTreeMap<Written, Vec<u8>> = BTreeMap::new();
    let chance = rng.below(3);
    for event in events {
        let Event::WriteBegins { number, file, at, bytes } = event else { continue };
        let disk = disks.entry(*file).or_default();
        for (sector, piece) in bytes.chunks(SECTOR_BYTES).enumerate() {
            if durable.contains(number) || rng.below(2) < chance {
                let at = at + sector * SECTOR_BYTES;
                disk.resize(disk.len().max(at + piece.len()), 0);
                disk[at..at + piece.len()].copy_from_slice(piece);
            }
        }
    }
    (disks, acknowledged)
}

#[test]
fn acknowledged_changes_survive_power_cuts() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let options = ["-xx", "-s", "4000000", "-e", "trace=write,pwrite64,fdatasync,fsync"];
    let Some(trace) = traced("counted", folder.path(), &options) else { return };
    let events = events(&unhex_paths(&trace));
    let open = events.iter().position(|event| matches!(event, Event::Open)).unwrap();
    let said = events.iter().filter(|event| matches!(event, Event::Acknowledged { .. })).count();
    assert_eq!(said as u64, CHANGES * WRITERS as u64);

    let mut rng = Rng::new();
    for round in 0..number("SATCHEL_CUTS").unwrap_or(CUTS) {
        let moment = open + 1 + rng.below((events.len() - open) as u64) as usize;
        let (disks, acknowledged) = cut(&events[..moment], &mut rng);
        let left = folder.path().join(format!("left-{round}"));
        copy_data_directory(&data, &left);
        for (file, disk) in disks {
            fs::write(left.join(file.path()), disk).unwrap();
        }

        let store = Store::open(&left).unwrap();
        for (writer, said) in acknowledged.into_iter().enumerate() {
            let last = last_change(&store, writer);
            assert!(last >= said, "round {round}, event {moment}: {said} said, {last} there");
            is_whole(&store, writer, last);
        }
        is_consistent(&store);
        drop(store);
        fs::remove_dir_all(left).unwrap();
    }
}

/// Decodes the file names, which `-xx` prints as numbers.
fn unhex_paths(trace: &str) -> String {
    let mut out = String::with_capacity(trace.len());
    for line in trace.lines() {
        match line.split_once('<').and_then(|(call, rest)| Some((call, rest.split_once('>')?))) {
            Some((call, (path, rest))) if path.starts_with("\\x") => {
                out.push_str(&format!("{call}<{}>{rest}\n", String::from_utf8_lossy(&unhex(path))));
            }
            Some(_) | None => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}
