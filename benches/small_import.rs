//! Small imports into a large inventory: written as one change, beside the same import written as a
//! new generation. Run by hand: `cargo bench --bench small_import [-- DEVICES …]`.
//!
//! The last part measures transactions of sled, for the limit of one change.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a measurement may fail")]

mod project;

use std::{
    env, fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use satchel::{
    access,
    import::{
        self, EmptyReplacement, Emptying, ImportOptions, ImportSource, Intake, Log, Mode, OnError,
        RecordPosition, SmallImport,
    },
    job::Progress,
    migration::{EmptyFirst, ImportRequest, Migration},
    model::{Kind, Map, Value},
    store::{Origin, Store},
};
use serde::Serialize;
use sled::{Batch, Transactional};

/// The executable's own allocator: see `main.rs`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The default number of devices. There are three links for two devices.
const DEVICES: [u64; 1] = [100_000];

/// The numbers of records of the imports.
const RECORDS: [u64; 3] = [1, 1_000, 10_000];

/// The number of imports of each size as one change. The median counts.
const ROUNDS: u64 = 5;

/// The numbers of entries of the measured transactions.
const ENTRIES: [u64; 4] = [10_000, 20_000, 40_000, 80_000];

/// The size of a value of the measured transactions, in bytes.
const VALUE_BYTES: usize = 400;

/// Every import is written as a new generation.
const NEW_GENERATION: SmallImport =
    SmallImport { existing_records_min: u64::MAX, ..SmallImport::DEFAULT };

#[derive(Serialize)]
struct Source {}

fn main() {
    let given: Vec<u64> = env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    for devices in if given.is_empty() { DEVICES.to_vec() } else { given } {
        let folder = tempfile::Builder::new().prefix("satchel-bench").tempdir_in("target").unwrap();
        imports(folder.path(), devices);
        transactions(folder.path(), devices);
    }
}

/// Measures imports of devices: nine of ten exist, and one is new.
fn imports(folder: &Path, devices: u64) {
    let store = Arc::new(Store::open(&folder.join("data")).unwrap());
    access::create_first_user(&store).unwrap();
    project::make(&folder.join("data/migrations/bench"), devices);
    let request = ImportRequest {
        name: "bench".parse().unwrap(),
        kinds: vec![Kind::Device, Kind::Link],
        empty: EmptyFirst::Yes,
        empty_replacement: EmptyReplacement::Refused,
        on_error: OnError::Fail,
        mode: Mode::Apply,
    };
    let migration = Migration::new(store.clone()).unwrap();
    let begun = Instant::now();
    let report = migration
        .import(&request, &Origin::of_user("admin", "bench"), &Progress::detached())
        .unwrap();
    let base = begun.elapsed().as_secs_f64();
    // The write lock is held from the plan to the end.
    let waiting = report.milliseconds.total.saturating_sub(report.milliseconds.decode);
    println!(
        "\n{devices} devices, {} links, imported in {base:.2} s; changes waited for up to {:.2} s",
        devices * 3 / 2,
        waiting as f64 / 1e3
    );
    println!(
        "{:>8} {:>12} {:>16} {:>7} {:>14} {:>11}",
        "records", "one change", "new generation", "times", "bytes written", "unchanged"
    );
    for records in RECORDS {
        let mut seconds = Vec::new();
        let mut bytes = 0;
        for round in 0..ROUNDS {
            let before = database_bytes(folder);
            let (took, written) = import(&store, devices, records, round, SmallImport::DEFAULT);
            assert_eq!(written, "one_change");
            seconds.push(took);
            bytes = database_bytes(folder).saturating_sub(before).max(bytes);
        }
        seconds.sort_unstable_by(f64::total_cmp);
        let one = seconds[seconds.len() / 2];
        let (unchanged, written) =
            import(&store, devices, records, ROUNDS - 1, SmallImport::DEFAULT);
        assert_eq!(written, "nothing");
        let (new, written) = import(&store, devices, records, ROUNDS, NEW_GENERATION);
        assert_eq!(written, "new_generation");
        println!(
            "{records:>8} {:>9.1} ms {new:>14.2} s {:>7.0} {bytes:>14} {:>8.1} ms",
            one * 1e3,
            new / one,
            unchanged * 1e3
        );
    }
}

/// Imports devices, and returns the seconds and the way.
fn import(
    store: &Store,
    devices: u64,
    records: u64,
    round: u64,
    small: SmallImport,
) -> (f64, String) {
    let begun = Instant::now();
    let progress = Progress::detached();
    let scratch = store.directory().scratch();
    let log = Log::new(ImportSource::Documents, &scratch, &progress).unwrap();
    let intake = Intake::new(store.vault(), &log);
    let mut taken = intake.records(Kind::Device);
    for index in 0..records {
        let name = if index % 10 == 9 {
            format!("new-{round}-{index:07}")
        } else {
            format!("device-{:07}", index * (devices / records))
        };
        let properties = [("name", name), ("vendor", format!("vendor {round}"))];
        let entries = properties.map(|(key, value)| (Value::from(key), Value::from(&*value)));
        let item = Value::Map(Map::from_entries(entries.to_vec()));
        intake.take_item(&mut taken, item, RecordPosition { index, line: index }).unwrap();
    }
    let decoded = intake.finish(vec![taken.finish().unwrap()]).unwrap();
    let options = ImportOptions {
        merging: import::Merging::MergeRecords,
        principal_record: import::PrincipalRecord::Kept,
        kept_by_replacement: None,
        what: "project",
        kinds: &[Kind::Device],
        emptying: Emptying::Nothing,
        empty_replacement: EmptyReplacement::Refused,
        on_error: OnError::Fail,
        mode: Mode::Apply,
        small,
        origin: &Origin::of_user("admin", "bench"),
    };
    let run = import::apply(store, &options, &log, decoded).unwrap();
    let report = serde_json::to_value(run.report(Source {}, &[Kind::Device], &log)).unwrap();
    (begun.elapsed().as_secs_f64(), report["written"].as_str().unwrap().to_owned())
}

/// The size of the largest database.
fn database_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder.join("data")).unwrap().map(|entry| entry.unwrap().path());
    let sizes = entries.filter_map(|path| Some(fs::metadata(path.join("db")).ok()?.len()));
    sizes.max().unwrap_or_default()
}

/// Measures transactions of sled in a tree with as many entries as devices: the duration with the
/// flush, the longest wait of a reader, and the memory.
fn transactions(folder: &Path, entries: u64) {
    let config = sled::Config::new().path(folder.join("sled")).cache_capacity(128 << 20);
    let database = config.flush_every_ms(None).open().unwrap();
    let trees = [database.open_tree("records").unwrap(), database.open_tree("meta").unwrap()];
    let key = |number: u64| format!("device-{number:07}").into_bytes();
    for number in 0..entries {
        trees[0].insert(key(number), vec![b'a'; VALUE_BYTES]).unwrap();
    }
    database.flush().unwrap();
    println!("\n{:>8} {:>12} {:>16} {:>12}", "entries", "transaction", "longest read", "peak MB");
    for count in ENTRIES.into_iter().filter(|count| *count <= entries) {
        let mut batch = Batch::default();
        for number in 0..count {
            batch.insert(key(number * (entries / count)), vec![b'b'; VALUE_BYTES]);
        }
        // Resets the peak of this process.
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = megabytes("VmRSS");
        let ended = AtomicBool::new(false);
        let (took, longest) = thread::scope(|scope| {
            let reader = scope.spawn(|| longest_read(&trees[0], &key(entries / 2), &ended));
            let begun = Instant::now();
            let applied = trees.as_slice().transaction(|trees| {
                trees[0].apply_batch(&batch)?;
                trees[1].insert(b"summary", vec![b'c'; VALUE_BYTES])?;
                Ok::<(), sled::transaction::ConflictableTransactionError<()>>(())
            });
            applied.unwrap();
            database.flush().unwrap();
            let took = begun.elapsed();
            ended.store(true, Ordering::Relaxed);
            (took, reader.join().unwrap())
        });
        let peak = megabytes("VmHWM").saturating_sub(before);
        println!(
            "{count:>8} {:>9.0} ms {:>13.0} ms {peak:>12}",
            took.as_secs_f64() * 1e3,
            longest.as_secs_f64() * 1e3
        );
    }
}

/// The longest read of a key, until `ended` is set.
fn longest_read(tree: &sled::Tree, key: &[u8], ended: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    while !ended.load(Ordering::Relaxed) {
        let begun = Instant::now();
        tree.get(key).unwrap();
        longest = longest.max(begun.elapsed());
        thread::sleep(Duration::from_micros(200));
    }
    longest
}

/// A line of the status of this process, in MB.
fn megabytes(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|found| found.starts_with(line)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
