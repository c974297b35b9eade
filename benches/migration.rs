//! Imports and exports of projects of 10,000 to 1,000,000 devices, beside a raw sorted load of the
//! same bytes into sled. Run by hand: `cargo bench --bench migration [-- DEVICES …]`.
//!
//! Every measured step is a separate process, so that its peak memory is measured separately.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a measurement may fail")]

mod project;

use std::{
    env,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
    time::Instant,
};

use satchel::job::Progress;
use satchel::{
    access,
    migration::{EmptyFirst, ExportRequest, ImportRequest, Migration},
    model::{Kind, Secrets},
    store::{Origin, Store},
};

/// The executable's own allocator: see `main.rs`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The default project sizes.
const DEVICES: [u64; 3] = [10_000, 100_000, 1_000_000];

/// The environment variable with the measurement of a child process.
const STEP: &str = "SATCHEL_BENCH_STEP";

fn main() {
    if let Ok(step) = env::var(STEP) {
        let folder = PathBuf::from(env::args().nth(1).expect("a child is given a folder"));
        let begun = Instant::now();
        let note = match step.as_str() {
            "import" => import(&folder),
            "export" => export(&folder),
            "dump" => dump(&folder),
            "raw1" => raw(&folder, 1),
            "raw2" => raw(&folder, 2),
            other => panic!("unknown step {other}"),
        };
        println!("{:.3} {} {note}", begun.elapsed().as_secs_f64(), peak_megabytes());
        return;
    }
    let given: Vec<u64> = env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let sizes = if given.is_empty() { DEVICES.to_vec() } else { given };
    for devices in sizes {
        measure(devices);
    }
}

fn measure(devices: u64) {
    let folder = tempfile::Builder::new().prefix("satchel-bench").tempdir_in("target").unwrap();
    let folder = folder.path();
    // A data directory must be created by the store: it refuses a folder with foreign entries.
    drop(open(folder));
    let bytes = project::make(&folder.join("data/migrations/bench"), devices);
    let links = devices * 3 / 2;
    let records = (devices + links) as f64;
    let megabytes = bytes as f64 / 1e6;
    println!("\n{devices} devices, {links} links, {megabytes:.0} MB of documents");
    println!("{:<28}{:>9}{:>13}{:>9}{:>11}", "", "seconds", "records/s", "MB/s", "peak MB");
    let line = |what: &str, seconds: f64, peak: u64, note: &str| {
        println!(
            "{what:<28}{seconds:>9.2}{:>13.0}{:>9.1}{peak:>11}  {note}",
            records / seconds,
            megabytes / seconds
        );
    };
    let (import, peak, note) = child(folder, "import");
    line("import", import, peak, &note);
    let (export, peak, note) = child(folder, "export");
    line("export", export, peak, &note);
    child(folder, "dump");
    let (raw1, peak, _) = child(folder, "raw1");
    line("raw load, one thread", raw1, peak, "");
    let (raw2, peak, _) = child(folder, "raw2");
    line("raw load, a thread a kind", raw2, peak, "");
    println!("import is {:.2} times raw on one thread, {:.2} on two", import / raw1, import / raw2);
}

fn child(folder: &Path, step: &str) -> (f64, u64, String) {
    let output = Command::new(env::current_exe().unwrap())
        .arg(folder)
        .env(STEP, step)
        .stderr(std::process::Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{step} failed");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut words = text.trim().splitn(3, ' ');
    let seconds = words.next().unwrap().parse().unwrap();
    let peak = words.next().unwrap().parse().unwrap();
    (seconds, peak, words.next().unwrap_or_default().to_owned())
}

/// The peak memory of this process.
fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn open(folder: &Path) -> (Arc<Store>, Migration) {
    let store = Arc::new(Store::open(&folder.join("data")).unwrap());
    access::create_first_user(&store).unwrap();
    (store.clone(), Migration::new(store).unwrap())
}

fn import(folder: &Path) -> String {
    let (_store, migration) = open(folder);
    let kinds = vec![Kind::Device, Kind::Link];
    let request = ImportRequest {
        empty: EmptyFirst::Yes,
        ..ImportRequest::new("bench".parse().unwrap(), kinds)
    };
    let report = migration
        .import(&request, &Origin::of_user("admin", "bench"), &Progress::detached())
        .unwrap();
    assert_eq!(report.problems.total, 0);
    serde_json::to_string(&report.milliseconds).unwrap()
}

fn export(folder: &Path) -> String {
    let (_store, migration) = open(folder);
    let request = ExportRequest {
        name: "out".parse().unwrap(),
        kinds: vec![Kind::Device, Kind::Link],
        secrets: Secrets::Included,
    };
    let report = migration.export(&request, &Progress::detached()).unwrap();
    format!("{} ms, {} MB packed", report.milliseconds, report.bytes / 1_000_000)
}

/// Writes the encoded records into flat files, for the raw loads.
fn dump(folder: &Path) -> String {
    let (store, _) = open(folder);
    for kind in [Kind::Device, Kind::Link] {
        let mut out = BufWriter::new(File::create(folder.join(kind.as_str())).unwrap());
        for entry in store.read().scan_raw(kind) {
            let (name, raw) = entry.unwrap();
            out.write_all(&(name.len() as u32).to_le_bytes()).unwrap();
            out.write_all(&(raw.body().len() as u32).to_le_bytes()).unwrap();
            out.write_all(&name).unwrap();
            out.write_all(raw.body()).unwrap();
        }
    }
    String::new()
}

/// Loads the same keys and values into sled, followed by one flush.
fn raw(folder: &Path, threads: usize) -> String {
    let path = folder.join(format!("raw{threads}"));
    let db = sled::Config::new()
        .path(&path)
        .cache_capacity(128 << 20)
        .flush_every_ms(None)
        .open()
        .unwrap();
    let load = |kind: Kind| {
        let tree = db.open_tree(kind.as_str()).unwrap();
        let mut file =
            BufReader::with_capacity(1 << 20, File::open(folder.join(kind.as_str())).unwrap());
        let mut lengths = [0; 8];
        let (mut name, mut value) = (Vec::new(), Vec::new());
        loop {
            match file.read_exact(&mut lengths) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                other => other.unwrap(),
            }
            let length =
                |at: usize| u32::from_le_bytes(lengths[at..at + 4].try_into().unwrap()) as usize;
            name.resize(length(0), 0);
            value.resize(length(4), 0);
            file.read_exact(&mut name).unwrap();
            file.read_exact(&mut value).unwrap();
            tree.insert(&name, value.as_slice()).unwrap();
        }
    };
    if threads == 1 {
        load(Kind::Device);
        load(Kind::Link);
    } else {
        thread::scope(|scope| {
            scope.spawn(|| load(Kind::Device));
            scope.spawn(|| load(Kind::Link));
        });
    }
    db.flush().unwrap();
    drop(db);
    fs::remove_dir_all(path).unwrap();
    String::new()
}
