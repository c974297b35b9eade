//! Measures the operations of the store per second, compared with sled on the same bytes in the
//! same run.
//!
//! `cargo bench --bench store`; `SATCHEL_BENCH_RECORDS` is the number of records of a load.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a measurement may fail")]

use std::{
    env,
    fmt::Display,
    path::Path,
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use satchel::job::Progress;
use satchel::{
    disk::Sorter,
    model::{Device, Entity, Kind, Name, PropertyType, Record, Target, Value},
    store::{
        LoadRecord, Origin, Store, StoreError, encode_body, parse_target_key, posting, target_key,
    },
};

/// The time for which clients write.
const WRITING: Duration = Duration::from_secs(3);

fn main() {
    let records = env::var("SATCHEL_BENCH_RECORDS").ok();
    let records = records.map_or(100_000, |records| records.parse().expect("a number"));
    let body = encode_body(&device(0)).unwrap().len();
    println!("a device has {body} bytes; {records} records in a load\n");

    let folder = tempfile::tempdir().unwrap();
    writes(folder.path());
    let store = loads(folder.path(), records);
    reads(&store, records);
}

/// A device with 25 properties, as real ones have.
fn device(number: u64) -> Device {
    let mut device = Device::named(Name::parse(name(number)).unwrap());
    let mut properties = Device::PROPERTIES.iter().filter(|property| {
        matches!(property.type_, PropertyType::Text | PropertyType::Int | PropertyType::Bool)
    });
    for property in properties.by_ref().take(24) {
        let value = match property.type_ {
            PropertyType::Int => Value::Int(22),
            PropertyType::Bool => Value::Bool(true),
            _ => format!("{} of {number}", property.name).into(),
        };
        device.set(property.name, value).unwrap();
    }
    device
}

fn name(number: u64) -> String {
    format!("device {number:0>9}")
}

fn line(what: impl Display, per_second: f64, ratio: impl Display) {
    println!("{what:<56} {per_second:>12.0}/s  {ratio}");
}

/// Durable changes, one device each.
fn writes(folder: &Path) {
    println!("durable changes of one device");
    let store = Store::open(&folder.join("writes")).unwrap();
    let next = AtomicU64::new(0);
    let one = clients(&store, 1, &next);
    line("1 client", one, "");
    for number in [8, 64] {
        let many = clients(&store, number, &next);
        line(format!("{number} clients"), many, format!("{:.1} × 1 client (aim: 4)", many / one));
    }
    for number in [1, 64] {
        let without = clients(&store, number, &next);
        let picture = store.snapshot().unwrap();
        let with = clients(&store, number, &next);
        drop(picture);
        let ratio = format!("{:.2} × without ({without:.0}/s)", with / without);
        line(format!("{number} clients while a picture is held"), with, ratio);
    }
    println!();
}

/// Measures the changes per second of this number of clients, half of them new devices.
fn clients(store: &Store, number: usize, next: &AtomicU64) -> f64 {
    let stop = AtomicBool::new(false);
    let made = AtomicU64::new(0);
    let together = Barrier::new(number + 1);
    let mut took = Duration::ZERO;
    std::thread::scope(|scope| {
        for _ in 0..number {
            scope.spawn(|| {
                together.wait();
                while !stop.load(Ordering::Relaxed) {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    // Scattered, like real names.
                    let device = device((place / 2).wrapping_mul(0x9e37_79b9) % 1_000_000_000);
                    store
                        .change(&Origin::internal("test"), |change| -> Result<(), StoreError> {
                            change.put(device).map(drop)
                        })
                        .unwrap();
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
    made.load(Ordering::Relaxed) as f64 / took.as_secs_f64()
}

/// A sorted load, compared with sled on the same keys and values. Returns the loaded store.
fn loads(folder: &Path, records: u64) -> Store {
    println!("sorted load on one thread, made durable");
    // Records are generated before the measurement.
    let bodies: Vec<(String, Vec<u8>)> =
        (0..records).map(|n| (name(n), encode_body(&device(n)).unwrap())).collect();
    let bytes: usize = bodies.iter().map(|(name, body)| name.len() + body.len()).sum();
    let rate = |begun: Instant| records as f64 / begun.elapsed().as_secs_f64();
    let megabytes = |rate: f64| format!("{:.0} MB/s", rate * bytes as f64 / records as f64 / 1e6);

    let config = sled::Config::new().path(folder.join("sled")).cache_capacity(128 << 20);
    let begun = Instant::now();
    let db = config.flush_every_ms(None).open().unwrap();
    let tree = db.open_tree("device").unwrap();
    for (name, body) in &bodies {
        tree.insert(name.as_bytes(), body.as_slice()).unwrap();
    }
    db.flush().unwrap();
    let raw = rate(begun);
    line("sled", raw, megabytes(raw));
    drop((tree, db));

    let store = Store::open(&folder.join("loads")).unwrap();
    let begun = Instant::now();
    let load = store.lock(&Progress::detached()).unwrap().load().unwrap();
    let mut table = load.table(Kind::Device);
    for (ordinal, (name, body)) in bodies.iter().enumerate() {
        table.put(name.as_bytes(), ordinal as u64, load.version(), body).unwrap();
    }
    table.finish();
    load.commit(&LoadRecord::of(Origin::internal("test")), &Progress::detached()).unwrap();
    let ours = rate(begun);
    line("Load", ours, format!("{}, {:.2} × sled's time", megabytes(ours), raw / ours));
    let indexed = indexed_load(&folder.join("indexed"), &bodies);
    line(
        "Load, and five secondary indexes",
        indexed,
        format!("{:.2} × Load's time", ours / indexed),
    );
    println!();
    store
}

/// The same load with secondary indexes of five properties, which Satchel does not have: as packed
/// lists of names for each value, sorted like references.
fn indexed_load(folder: &Path, bodies: &[(String, Vec<u8>)]) -> f64 {
    let store = Store::open(folder).unwrap();
    let begun = Instant::now();
    let load = store.lock(&Progress::detached()).unwrap().load().unwrap();
    let mut table = load.table(Kind::Device);
    let mut index = Sorter::new(&store.directory().scratch(), 64 << 20);
    for (ordinal, (name, body)) in bodies.iter().enumerate() {
        table.put(name.as_bytes(), ordinal as u64, load.version(), body).unwrap();
        // The number of values of each property in a real inventory.
        let values = [("ip_address", ordinal), ("type", 0), ("vendor", ordinal % 4)];
        for (property, value) in
            values.into_iter().chain([("model", ordinal % 40), ("subtype", ordinal % 5)])
        {
            let target = Target::Kind(Kind::Group);
            let mut key = target_key(target, &format!("{property} {value}"));
            key.extend(posting(Kind::Device, property, name));
            index.push(&key, &[]).unwrap();
        }
    }
    table.finish();
    let sorted = index.finish().unwrap();
    load.references(|put| -> Result<(), StoreError> {
        let mut reader = sorted.read();
        while let Some((key, _)) = reader.next().unwrap() {
            let (.., at) = parse_target_key(key).expect("they were made above");
            put(&key[..at], &key[at..])?;
        }
        Ok(())
    })
    .unwrap();
    load.commit(&LoadRecord::of(Origin::internal("test")), &Progress::detached()).unwrap();
    bodies.len() as f64 / begun.elapsed().as_secs_f64()
}

/// Reads single records and all records.
fn reads(store: &Store, records: u64) {
    println!("reads on one thread");
    let reading = store.read();
    let count = 100_000;
    let scattered = |n: u64| name(n.wrapping_mul(0x9e37_79b9) % records);
    let timed = |work: &dyn Fn() -> u64| {
        let begun = Instant::now();
        let done = work();
        done as f64 / begun.elapsed().as_secs_f64()
    };
    let raw = timed(&|| {
        (0..count)
            .filter(|n| reading.get_raw(Kind::Device, &scattered(*n)).unwrap().is_some())
            .count() as u64
    });
    line("a record by its name, as bytes", raw, "");
    let typed = timed(&|| {
        (0..count).filter(|n| reading.get::<Device>(&scattered(*n)).unwrap().is_some()).count()
            as u64
    });
    line("a record by its name", typed, "");
    let raw = timed(&|| reading.scan_raw(Kind::Device).map(Result::unwrap).count() as u64);
    line("a scan, as bytes", raw, "");
    let typed = timed(&|| reading.scan::<Device>().map(Result::unwrap).count() as u64);
    line("a scan", typed, "");
    let picture = store.snapshot().unwrap();
    let seen = timed(&|| picture.scan::<Device>().map(Result::unwrap).count() as u64);
    line("a scan of a picture", seen, format!("{:.2} × a scan", seen / typed));
}
