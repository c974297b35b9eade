//! Measures what the history costs: durable changes of one record and bulk imports, with the history
//! and without it, alternately in one run.
//!
//! `cargo bench --bench history [-- DEVICES]`; DEVICES is the size of the imported project.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a measurement may fail")]

mod project;

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use satchel::{
    access,
    import::{EmptyReplacement, Mode, OnError},
    job::Progress,
    migration::{EmptyFirst, ImportRequest, Migration},
    model::{Device, Entity, Kind, Name, PropertyType, Record, Value},
    store::{HistoryWriting, Options, Origin, Store, StoreError},
};

/// The executable's own allocator: see `main.rs`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The default number of devices of the imported project. There are three links for two devices.
const DEVICES: u64 = 100_000;

/// The numbers of threads that write at the same time.
const WRITERS: [usize; 3] = [1, 8, 64];

/// The time for which threads write.
const WRITING: Duration = Duration::from_secs(2);

/// The number of pairs of measurements of changes. The median of the ratios counts.
const WRITING_PAIRS: usize = 9;

/// The number of pairs of imports.
const IMPORT_PAIRS: usize = 5;

/// The number of devices that the changes create and update.
const CHANGED_DEVICES: u64 = 20_000;

/// The number of single changes before each import, which copies their history.
const CHANGES_BEFORE_IMPORT: u64 = 1_000;

fn main() {
    let given = env::args().skip(1).find_map(|word| word.parse().ok());
    let folder = tempfile::Builder::new().prefix("satchel-bench").tempdir_in("target").unwrap();
    changes(folder.path());
    imports(folder.path(), given.unwrap_or(DEVICES));
}

/// The same store twice: with the history and without it.
struct Pair {
    with: Measured,
    without: Measured,
}

struct Measured {
    store: Arc<Store>,
    folder: PathBuf,
    next: AtomicU64,
}

impl Pair {
    fn open(folder: &Path) -> Self {
        Self {
            with: Measured::open(folder.join("with"), HistoryWriting::Written),
            without: Measured::open(folder.join("without"), HistoryWriting::LeftOut),
        }
    }

    /// Runs `measure` on both stores in turn, the other one first each time. Returns the results with
    /// and without the history.
    fn alternate<T>(&self, pairs: usize, measure: impl Fn(&Measured) -> T) -> Vec<(T, T)> {
        (0..pairs)
            .map(|pair| {
                if pair % 2 == 0 {
                    let with = measure(&self.with);
                    (with, measure(&self.without))
                } else {
                    let without = measure(&self.without);
                    (measure(&self.with), without)
                }
            })
            .collect()
    }
}

impl Measured {
    fn open(folder: PathBuf, history: HistoryWriting) -> Self {
        let options = Options { history, ..Options::default() };
        let store = Arc::new(Store::open_with(&folder, options).unwrap());
        access::create_first_user(&store).unwrap();
        Self { store, folder, next: AtomicU64::new(0) }
    }

    /// Creates or updates one device.
    fn change(&self) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // Scattered, like real names.
        let device = device(number.wrapping_mul(0x9e37_79b9) % CHANGED_DEVICES, number);
        let origin = Origin::of_user("admin", "PUT /rest/instance/device");
        self.store
            .change(&origin, |change| -> Result<(), StoreError> { change.put(device).map(drop) })
            .unwrap();
    }

    /// Writes with this number of threads. Returns the figures.
    fn write(&self, writers: usize) -> Rates {
        let stop = AtomicBool::new(false);
        let made = AtomicU64::new(0);
        let together = Barrier::new(writers + 1);
        let mut took = Duration::ZERO;
        let (written, size, cpu) = (written_bytes(), folder_bytes(&self.folder), cpu_seconds());
        std::thread::scope(|scope| {
            for _ in 0..writers {
                scope.spawn(|| {
                    together.wait();
                    while !stop.load(Ordering::Relaxed) {
                        self.change();
                        made.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            together.wait();
            let begun = Instant::now();
            std::thread::sleep(WRITING);
            stop.store(true, Ordering::Relaxed);
            took = begun.elapsed();
        });
        let made = made.load(Ordering::Relaxed) as f64;
        Rates {
            changes: made / took.as_secs_f64(),
            microseconds: (cpu_seconds() - cpu) * 1e6 / made,
            written: (written_bytes() - written) as f64 / made,
            growth: (folder_bytes(&self.folder) as f64 - size as f64) / made,
        }
    }

    /// Imports the project of this store's folder. Returns the seconds.
    fn import(&self) -> f64 {
        for _ in 0..CHANGES_BEFORE_IMPORT {
            self.change();
        }
        let request = ImportRequest {
            name: "bench".parse().unwrap(),
            kinds: vec![Kind::Device, Kind::Link],
            empty: EmptyFirst::Yes,
            empty_replacement: EmptyReplacement::Refused,
            on_error: OnError::Fail,
            mode: Mode::Apply,
        };
        let migration = Migration::new(self.store.clone()).unwrap();
        let begun = Instant::now();
        let origin = Origin::of_user("admin", "bench");
        migration.import(&request, &origin, &Progress::detached()).unwrap();
        begun.elapsed().as_secs_f64()
    }
}

/// The figures of one measurement.
struct Rates {
    /// Changes per second.
    changes: f64,
    /// Processor time of all threads for each change. Other processes hardly affect it.
    microseconds: f64,
    /// Bytes that the process wrote for each change.
    written: f64,
    /// Bytes by which the files grew for each change.
    growth: f64,
}

/// A device with 25 properties, as real ones have. `edition` is in one of them.
fn device(number: u64, edition: u64) -> Device {
    let mut device = Device::named(Name::parse(format!("device {number:0>9}")).unwrap());
    let properties = Device::PROPERTIES.iter().filter(|property| {
        matches!(property.type_, PropertyType::Text | PropertyType::Int | PropertyType::Bool)
    });
    for (index, property) in properties.take(24).enumerate() {
        let value = match property.type_ {
            PropertyType::Int => Value::Int(22),
            PropertyType::Bool => Value::Bool(true),
            _ if index == 0 => format!("edition {edition}").into(),
            _ => format!("{} of {number}", property.name).into(),
        };
        device.set(property.name, value).unwrap();
    }
    device
}

/// Durable changes of one device each.
fn changes(folder: &Path) {
    println!(
        "durable changes of one device, in {CHANGED_DEVICES} devices; medians of {WRITING_PAIRS} pairs"
    );
    println!(
        "{:>8} {:>13} {:>13} {:>7} {:>17} {:>24} {:>28} {:>28}",
        "writers",
        "without",
        "with",
        "ratio",
        "lowest, highest",
        "CPU a change (without)",
        "written a change (without)",
        "growth a change (without)"
    );
    let pair = Pair::open(&folder.join("changes"));
    for writers in WRITERS {
        let measured = pair.alternate(WRITING_PAIRS, |store| store.write(writers));
        let with = |rate: fn(&Rates) -> f64| median(measured.iter().map(|(with, _)| rate(with)));
        let without =
            |rate: fn(&Rates) -> f64| median(measured.iter().map(|(_, without)| rate(without)));
        let ratios = measured.iter().map(|(with, without)| with.changes / without.changes);
        println!(
            "{writers:>8} {:>11.0}/s {:>11.0}/s {:>7.2} {:>17} {:>24} {:>28} {:>28}",
            without(|rates| rates.changes),
            with(|rates| rates.changes),
            median(ratios.clone()),
            format!(
                "{:.2}, {:.2}",
                ratios.clone().fold(f64::INFINITY, f64::min),
                ratios.fold(0.0, f64::max)
            ),
            format!(
                "{:.0} ({:.0}) µs",
                with(|rates| rates.microseconds),
                without(|rates| rates.microseconds)
            ),
            format!(
                "{:.0} ({:.0}) bytes",
                with(|rates| rates.written),
                without(|rates| rates.written)
            ),
            format!(
                "{:.0} ({:.0}) bytes",
                with(|rates| rates.growth),
                without(|rates| rates.growth)
            ),
        );
    }
}

/// Imports that replace the inventory, after some single changes.
fn imports(folder: &Path, devices: u64) {
    let pair = Pair::open(&folder.join("imports"));
    for store in [&pair.with, &pair.without] {
        project::make(&store.folder.join("migrations/bench"), devices);
        store.import();
    }
    let measured = pair.alternate(IMPORT_PAIRS, Measured::import);
    println!(
        "\nimport of {devices} devices and {} links after {CHANGES_BEFORE_IMPORT} changes; medians of {IMPORT_PAIRS} pairs\n\
         without {:.2} s, with {:.2} s, {:.3} of the time without",
        devices * 3 / 2,
        median(measured.iter().map(|(_, without)| *without)),
        median(measured.iter().map(|(with, _)| *with)),
        median(measured.iter().map(|(with, without)| with / without)),
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The bytes that this process has written to the disk.
fn written_bytes() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap();
    line.parse().unwrap()
}

/// The processor time that this process has used, in seconds.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the process, in parentheses, can contain spaces.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<f64>().unwrap();
    // `utime` and `stime` of proc(5), in hundredths of a second on Linux.
    (ticks(11) + ticks(12)) / 100.0
}

/// The size of all files in a folder, in bytes.
fn folder_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| match entry.file_type() {
            Ok(found) if found.is_dir() => folder_bytes(&entry.path()),
            // A file that is removed meanwhile.
            _ => entry.metadata().map_or(0, |metadata| metadata.len()),
        })
        .sum()
}
