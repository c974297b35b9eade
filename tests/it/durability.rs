//! Kill tests: acknowledged changes are durable, and no change is partly applied. A change and its entry in the
//! history are there together, or neither is. A child process
//! changes an inventory, reports each acknowledged change, and is killed at a random moment.
//!
//! `SATCHEL_KILLS` is the number of kills of each test, `SATCHEL_SEED` repeats a run.

use std::{
    env,
    hash::{BuildHasher, Hasher, RandomState},
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use satchel::job::Progress;
use satchel::{
    model::{Device, Entity, Kind, Name, Record, Target, Value},
    store::{LoadRecord, Origin, Store, StoreError, encode_body, posting, target_key},
};

/// The environment variable with the task of a child process: a word, a blank and the data
/// directory.
const WORK: &str = "SATCHEL_TEST_WORK";

/// The number of threads of the child that change the inventory at the same time.
pub(crate) const WRITERS: usize = 4;

/// The number of devices of a writer that exist at the same time.
const WINDOW: u64 = 12;

/// The number of changes of a writer in tests that count them.
pub(crate) const CHANGES: u64 = 40;

/// The number of devices in a load.
const LOADED: u64 = 400;

/// The number of devices in a large change: more than one transaction of the database can contain,
/// so it is written as a new generation.
const LARGE: u64 = 20_001;

/// The number of kills of the other tests for each kill of a large change, which takes seconds.
const KILLS_PER_LARGE: u64 = 4;

const GROUP: Target = Target::Kind(Kind::Group);

pub(crate) fn number<T: FromStr>(variable: &str) -> Option<T> {
    env::var(variable).ok()?.parse().ok()
}

fn kills() -> u64 {
    number("SATCHEL_KILLS").unwrap_or(20)
}

/// Reproducible random numbers.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new() -> Self {
        let seed = number("SATCHEL_SEED")
            .unwrap_or_else(|| RandomState::new().build_hasher().finish() | 1);
        eprintln!("SATCHEL_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // Xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// A device with `salt`, long or short, in one group.
fn device(name: &str, salt: u64, bytes: usize) -> Device {
    let mut device = Device::named(Name::parse(name.to_owned()).unwrap());
    device.set("salt", Value::Int(salt as i64)).unwrap();
    device.set("text", "é".repeat(bytes / 2).into()).unwrap();
    device.set("rbac_read", Value::List(vec![group(salt).into()])).unwrap();
    device
}

fn group(salt: u64) -> String {
    format!("group [{}]", salt % 3)
}

fn salt(device: &Device) -> u64 {
    match device.custom()["salt"].shown() {
        Some(Value::Int(salt)) => *salt as u64,
        other => panic!("{other:?}"),
    }
}

/// Every seventh record is long.
fn bytes(salt: u64) -> usize {
    if salt.is_multiple_of(7) { 30_000 } else { 200 }
}

/// The two devices that every change of a writer writes, so that a partial change is visible.
fn pair(writer: usize) -> [String; 2] {
    [format!("a pair’s ({writer})"), format!("z pair’s ({writer})")]
}

fn numbered(writer: usize, number: u64) -> String {
    format!("w{writer} #{number:0>8}")
}

/// The number of the last change that a writer made.
pub(crate) fn last_change(store: &Store, writer: usize) -> u64 {
    let found = store.read().get::<Device>(&pair(writer)[0]).unwrap();
    found.map_or(0, |found| salt(&found.record))
}

fn change(store: &Store, writer: usize, number: u64) -> Result<(), StoreError> {
    store.change(&Origin::internal("test"), |transaction| {
        for name in pair(writer) {
            transaction.put(device(&name, number, bytes(number)))?;
        }
        transaction.put(device(&numbered(writer, number), number, bytes(number)))?;
        if number > WINDOW {
            assert!(transaction.remove(Kind::Device, &numbered(writer, number - WINDOW))?);
        }
        Ok(())
    })
}

fn load(store: &Store, number: u64, mut progress: impl FnMut()) -> Result<(), StoreError> {
    let load = store.lock(&Progress::detached())?.load()?;
    let mut table = load.table(Kind::Device);
    let mut references = Vec::new();
    for place in 0..LOADED {
        let name = format!("loaded {place:0>6}");
        let device = device(&name, number, bytes(place));
        references
            .push((target_key(GROUP, &group(number)), posting(Kind::Device, "rbac_read", &name)));
        table.put(name.as_bytes(), place, load.version(), &encode_body(&device)?)?;
        if place % 50 == 0 {
            progress();
        }
    }
    table.finish();
    references.sort();
    load.references(|each| -> Result<(), StoreError> {
        references.iter().try_for_each(|(target, posting)| each(target, posting))
    })?;
    progress();
    load.commit(&LoadRecord::of(Origin::internal("test")), &Progress::detached())
}

fn large_name(place: u64) -> String {
    format!("large {place:0>6}")
}

fn change_much(store: &Store, number: u64) -> Result<(), StoreError> {
    store.change(&Origin::internal("test"), |transaction| {
        for place in 0..LARGE {
            transaction.put(device(&large_name(place), number, 200))?;
        }
        // From here on it is written.
        say("writes");
        Ok(())
    })
}

/// Changes the store with all writers at the same time, and reports each change.
fn changes(store: &Store, to: u64) {
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                for number in last_change(store, writer) + 1..=to {
                    change(store, writer, number).unwrap();
                    say(&format!("ack {writer} {number}"));
                }
            });
        }
    });
}

/// Reports an acknowledged change to the parent in one write.
fn say(line: &str) {
    std::io::stdout().lock().write_all(format!("\n> {line}\n").as_bytes()).unwrap();
    std::io::stdout().lock().flush().unwrap();
}

#[test]
#[ignore = "the child process of the tests beside it"]
fn child() {
    let work = env::var(WORK).expect("it is started by the tests beside it");
    let (word, data) = work.split_once(' ').unwrap();
    say("begins");
    let store = Store::open(Path::new(data)).unwrap();
    say("is open");
    match word {
        "changes" => changes(&store, u64::MAX),
        "counted" => changes(&store, CHANGES),
        "loads" => {
            for number in store.read().summary().unwrap().version + 1.. {
                load(&store, number, || say("loads")).unwrap();
                say(&format!("ack 0 {number}"));
            }
        }
        "large" => {
            for number in store.read().summary().unwrap().version + 1.. {
                change_much(&store, number).unwrap();
                say(&format!("ack 0 {number}"));
            }
        }
        "five" => {
            for number in 1..=5 {
                change(&store, 0, number).unwrap();
                say(&format!("ack 0 {number}"));
            }
        }
        other => panic!("{other}"),
    }
}

/// The command that runs [`child`].
fn command(word: &str, data: &Path) -> (String, Vec<String>, String) {
    let itself = env::current_exe().unwrap().to_str().unwrap().to_owned();
    let arguments = ["--exact", "durability::child", "--ignored", "--nocapture"];
    let work = format!("{word} {}", data.to_str().unwrap());
    (itself, arguments.map(str::to_owned).to_vec(), work)
}

/// Starts a child, and kills it after a number of lines and some time. Records the acknowledged
/// changes: for each writer the number of its last change. Returns the time until the last of the
/// lines.
fn kill_after(
    word: &str,
    data: &Path,
    lines: u64,
    wait: Duration,
    acknowledged: &[AtomicU64],
) -> Duration {
    let (itself, arguments, work) = command(word, data);
    let mut child = Command::new(itself)
        .args(arguments)
        .env(WORK, work)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = said.map(Result::unwrap).filter(|line| line.starts_with("> "));
    let mut heard = 0;
    let mut last = Instant::now();
    let mut passed = Duration::ZERO;
    for line in said {
        heard += 1;
        if heard <= lines {
            passed = last.elapsed();
            last = Instant::now();
        }
        if let Some((writer, number)) = line.strip_prefix("> ack ").and_then(|l| l.split_once(' '))
        {
            let writer: usize = writer.parse().unwrap();
            acknowledged[writer].store(number.parse().unwrap(), Ordering::SeqCst);
        }
        if heard == lines {
            std::thread::sleep(wait);
            child.kill().unwrap();
            // Lines that the child wrote before it was killed are still read and count.
        }
    }
    let ended = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code().is_none(), "it was not killed: {}\n{errors}", ended.status);
    passed
}

/// Asserts that counts and references match the records, and that the history ends with the last change and
/// agrees with the records.
pub(crate) fn is_consistent(store: &Store) {
    let newest = store.history().unwrap().changes(None).next().transpose().unwrap();
    let version = store.read().summary().unwrap().version;
    assert_eq!(newest.map_or(0, |change| change.number), version, "the history");
    let mut findings = Vec::new();
    let scratch = store.directory().scratch();
    let verified = store.read().verify(&scratch, &Progress::detached(), &mut |finding| {
        // The devices refer to missing groups.
        if finding.code != "dangling" {
            findings.push(finding);
        }
    });
    verified.unwrap();
    assert_eq!(findings, []);
    let reading = store.read();
    let devices: Vec<Device> = reading.scan().map(|found| found.unwrap().record).collect();
    assert_eq!(reading.summary().unwrap().kind(Kind::Device).count, devices.len() as u64);
    let mut held: Vec<_> = devices
        .iter()
        .map(|device| {
            let posting = posting(Kind::Device, "rbac_read", device.name());
            (target_key(GROUP, &group(salt(device))), posting)
        })
        .collect();
    held.sort();
    let mut found = Vec::new();
    reading
        .each_reference(|target, posting| {
            found.push((target.to_vec(), posting.to_vec()));
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert!(found == held, "{} references, {} expected", found.len(), held.len());
}

#[test]
fn acknowledged_changes_survive_kills() {
    let folder = tempfile::tempdir().unwrap();
    let acknowledged: Vec<AtomicU64> = (0..WRITERS).map(|_| AtomicU64::new(0)).collect();
    let mut rng = Rng::new();
    for round in 0..kills() {
        kill_after("changes", folder.path(), 1 + rng.below(150), Duration::ZERO, &acknowledged);
        let store = Store::open(folder.path()).unwrap();
        let mut changes = 0;
        for (writer, acknowledged) in acknowledged.iter().enumerate() {
            let last = last_change(&store, writer);
            let said = acknowledged.load(Ordering::SeqCst);
            // One more change might be applied but not acknowledged.
            assert!((said..=said + 1).contains(&last), "round {round}: {said} said, {last} there");
            acknowledged.store(last, Ordering::SeqCst);
            changes += last;
            is_whole(&store, writer, last);
        }
        assert_eq!(store.read().summary().unwrap().version, changes);
        is_consistent(&store);
    }
}

/// Asserts that a writer's records match its last change.
pub(crate) fn is_whole(store: &Store, writer: usize, last: u64) {
    let reading = store.read();
    for name in pair(writer) {
        let found = reading.get::<Device>(&name).unwrap().map(|found| found.record);
        let expected = (last > 0).then(|| device(&name, last, bytes(last)));
        assert!(found == expected, "{name}: {:?}", found.as_ref().map(salt));
    }
    for number in last.saturating_sub(2 * WINDOW) + 1..=last + 2 {
        let name = numbered(writer, number);
        let found = reading.get::<Device>(&name).unwrap().map(|found| found.record);
        let there = number <= last && number + WINDOW > last;
        assert!(found == there.then(|| device(&name, number, bytes(number))), "{name} of {last}");
    }
}

#[test]
fn a_killed_load_applies_completely_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let acknowledged = [AtomicU64::new(0)];
    let mut rng = Rng::new();
    for round in 0..kills() {
        kill_after("loads", folder.path(), 1 + rng.below(60), Duration::ZERO, &acknowledged);
        let store = Store::open(folder.path()).unwrap();
        let said = acknowledged[0].load(Ordering::SeqCst);
        let last = store.read().summary().unwrap().version;
        assert!((said..=said + 1).contains(&last), "round {round}: {said} said, {last} there");
        acknowledged[0].store(last, Ordering::SeqCst);
        let devices: Vec<_> = store.read().scan::<Device>().map(Result::unwrap).collect();
        assert_eq!(devices.len() as u64, if last == 0 { 0 } else { LOADED });
        for (place, found) in devices.into_iter().enumerate() {
            let name = format!("loaded {place:0>6}");
            assert!(found.record == device(&name, last, bytes(place as u64)), "{name} of {last}");
        }
        is_consistent(&store);
    }
}

#[test]
fn a_killed_large_change_applies_completely_or_not_at_all() {
    /// The number of lines of a child until it writes its first change, and until the change is
    /// acknowledged.
    const WRITES: u64 = 3;
    const ACKNOWLEDGED: u64 = WRITES + 1;
    let folder = tempfile::tempdir().unwrap();
    let acknowledged = [AtomicU64::new(0)];
    let mut rng = Rng::new();
    // The duration of a write. The kills must cover all of it.
    let writing = kill_after("large", folder.path(), ACKNOWLEDGED, Duration::ZERO, &acknowledged);
    assert!(generations(folder.path()) > 1, "it was written as a new generation");
    for round in 0..(kills() / KILLS_PER_LARGE).max(1) {
        let window = u64::try_from(writing.as_micros()).unwrap() * 5 / 4;
        let wait = Duration::from_micros(rng.below(window.max(1)));
        kill_after("large", folder.path(), WRITES, wait, &acknowledged);
        let store = Store::open(folder.path()).unwrap();
        assert!(generations(folder.path()) <= 4, "the current one, and three before it");
        let said = acknowledged[0].load(Ordering::SeqCst);
        let last = store.read().summary().unwrap().version;
        assert!((said..=said + 1).contains(&last), "round {round}: {said} said, {last} there");
        let state = if last == said { "before" } else { "after" };
        eprintln!("round {round}: the state {state}");
        acknowledged[0].store(last, Ordering::SeqCst);
        let devices: Vec<_> = store.read().scan::<Device>().map(Result::unwrap).collect();
        assert_eq!(devices.len() as u64, LARGE);
        for (place, found) in devices.into_iter().enumerate() {
            let name = large_name(place as u64);
            assert!(found.record == device(&name, last, 200), "{name} of {last}");
        }
        is_consistent(&store);
    }
}

/// The number of generations in a data directory.
fn generations(data: &Path) -> usize {
    let entries = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name());
    entries.filter(|name| name.to_string_lossy().starts_with("inventory-")).count()
}

/// Runs a child in `data` in the folder. Returns the output of strace for its threads, with file
/// names. `None` without strace.
pub(crate) fn traced(word: &str, folder: &Path, options: &[&str]) -> Option<String> {
    let trace = folder.join("trace");
    let (itself, arguments, work) = command(word, &folder.join("data"));
    let run = Command::new("strace")
        .args(["-f", "-y"])
        .args(options)
        .arg("-o")
        .arg(&trace)
        .arg(itself)
        .args(arguments)
        .env(WORK, work)
        .output();
    let run = match run {
        Ok(run) => run,
        Err(error) => {
            assert!(env::var("CI").is_err(), "strace is needed: {error}");
            eprintln!("skipped: strace: {error}");
            return None;
        }
    };
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Some(std::fs::read_to_string(trace).unwrap())
}

/// sled's flush calls `sync_file_range`, which is not durable: see `src/store/durable.rs`.
#[test]
fn a_change_reaches_the_disk_before_it_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["-e", "trace=write,fdatasync,sync_file_range"];
    let Some(trace) = traced("five", folder.path(), &options) else { return };
    assert!(!trace.contains("sync_file_range"), "{trace}");
    let mut synced = 0;
    let mut acknowledged = 0;
    // Threads within `fdatasync` on the database: strace writes the end of the call separately.
    let mut unfinished = std::collections::BTreeSet::new();
    for line in trace.lines() {
        let thread = line.split_whitespace().next().unwrap();
        let database = line.contains("fdatasync(") && line.contains("/inventory-1/db>");
        if database && line.contains("<unfinished") {
            unfinished.insert(thread);
        } else if (database && line.ends_with("= 0"))
            || (line.contains("fdatasync resumed")
                && line.ends_with("= 0")
                && unfinished.remove(thread))
        {
            synced += 1;
        } else if line.contains("write(1") && line.contains("> ack ") {
            assert!(synced > 0, "acknowledged before it was synced: {line}");
            synced = 0;
            acknowledged += 1;
        }
    }
    assert_eq!(acknowledged, 5, "{trace}");
}
