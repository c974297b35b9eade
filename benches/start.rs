//! Measures the time from the start of the server to its first response, and its idle memory, with an
//! empty inventory and with a million devices: `cargo bench --bench start [-- DEVICES …]`. Python's own
//! start time is the lower bound for eNMS.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a measurement may fail")]

mod project;
mod server;

use std::{
    env,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use satchel::job::Progress;
use satchel::{
    access,
    import::ImportOutcome,
    migration::{ImportRequest, Migration},
    model::Kind,
    store::{Origin, Store},
};
use server::Server;

/// The executable's own allocator: see `main.rs`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The default sizes.
const DEVICES: [u64; 3] = [0, 10_000, 1_000_000];

/// Starts per size; the median is printed.
const STARTS: usize = 9;

/// The idle time before the memory of a server is measured.
const IDLE: Duration = Duration::from_secs(3);

fn main() {
    let given: Vec<u64> = env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let sizes = if given.is_empty() { DEVICES.to_vec() } else { given };
    let python = median(|| {
        let begun = Instant::now();
        let ended = Command::new("python3").args(["-c", ""]).stdin(Stdio::null()).status();
        ended.is_ok_and(|status| status.success()).then(|| begun.elapsed())
    });
    match python {
        Some(python) => println!("python3 -c ''          {python:8.1?}"),
        None => println!("python3 is not there"),
    }
    for devices in sizes {
        let folder = tempfile::Builder::new().prefix("satchel-bench").tempdir_in("target").unwrap();
        let data = folder.path().join("data");
        fill(&data, devices);
        let start = median(|| {
            let begun = Instant::now();
            let server = Server::satchel(&data);
            first_answer(server.address);
            Some(begun.elapsed())
        });
        let start = start.unwrap();
        let ratio = python.map_or(String::new(), |python| {
            format!("{:.2} × Python's", start.as_secs_f64() / python.as_secs_f64())
        });
        let server = Server::satchel(&data);
        thread::sleep(IDLE);
        let memory = server.memory_kib("VmRSS") as f64 / 1024.0;
        println!("{devices:9} devices start {start:8.1?}  {ratio:16}  {memory:6.1} MiB when idle");
    }
}

/// Calls `/rest/is_alive` and reads the response.
fn first_answer(address: SocketAddr) {
    let mut tcp = TcpStream::connect(address).unwrap();
    let request = format!("GET /rest/is_alive HTTP/1.1\r\nHost: {address}\r\n\r\n");
    tcp.write_all(request.as_bytes()).unwrap();
    let mut begin = [0; 12];
    tcp.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
}

/// Imports this number of devices, and links between them.
fn fill(data: &Path, devices: u64) {
    let store = Arc::new(Store::open(data).unwrap());
    access::create_first_user(&store).unwrap();
    if devices == 0 {
        return;
    }
    project::make(&data.join("migrations/bench"), devices);
    let migration = Migration::new(store).unwrap();
    let request = ImportRequest::new("bench".parse().unwrap(), vec![Kind::Device, Kind::Link]);
    let report = migration
        .import(&request, &Origin::of_user(access::FIRST_USER_NAME, "bench"), &Progress::detached())
        .unwrap();
    assert_eq!(report.outcome, ImportOutcome::Imported);
}

fn median(mut measure: impl FnMut() -> Option<Duration>) -> Option<Duration> {
    let mut measured: Vec<Duration> = (0..STARTS).filter_map(|_| measure()).collect();
    measured.sort();
    measured.get(measured.len() / 2).copied()
}
