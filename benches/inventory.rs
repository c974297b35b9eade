//! Measures the inventory over HTTP: point reads compared with a bare hyper server that returns the
//! same bytes from memory, durable writes of 1, 8 and 64 clients, queries and searches. Run by
//! hand: `cargo bench --bench inventory [-- DEVICES …]`.
//!
//! Servers are separate processes; the client uses the same cores.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a measurement may fail")]

mod project;
mod server;

use std::{
    convert::Infallible,
    env,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, header, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use server::Server;

/// The default sizes.
const DEVICES: [u64; 2] = [100_000, 1_000_000];

/// Connections that read at the same time.
const READERS: usize = 16;

/// The duration of each measurement.
const MEASURING: Duration = Duration::from_secs(4);

/// The environment variable of the bare server, a child process: the bytes of its response.
const BARE: &str = "SATCHEL_BENCH_BARE";

/// `admin:admin`
const LOGIN: &str = "Basic YWRtaW46YWRtaW4=";

fn main() {
    if let Ok(body) = env::var(BARE) {
        return bare(body);
    }
    let given: Vec<u64> = env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let sizes = if given.is_empty() { DEVICES.to_vec() } else { given };
    for devices in sizes {
        let folder = tempfile::Builder::new().prefix("satchel-bench").tempdir_in("target").unwrap();
        // The server creates the data directory: it refuses a folder with foreign entries.
        let server = Server::satchel(folder.path());
        project::make(&folder.path().join("migrations/bench"), devices);
        let mut client = Client::connect(server.address);
        let import = r#"{"name": "bench", "import_export_types": ["device", "link"]}"#;
        let begun = Instant::now();
        let answer = client.call("POST", "/rest/migrate/import", import);
        assert!(answer.starts_with("{\"outcome\":\"imported\""), "{answer:.300}");
        println!(
            "\n{devices} devices, {} links, imported in {:.2?}",
            devices * 3 / 2,
            begun.elapsed()
        );
        reads(&server, devices);
        writes(&server, devices);
        rows(&server, devices);
        println!("most memory of the server: {} MB", server.memory_kib("VmHWM") / 1024);
    }
}

/// A server that returns `body` for every request.
fn bare_server(body: &str) -> Server {
    Server::start(Command::new(env::current_exe().unwrap()).env(BARE, body))
}

/// The bare server: hyper, and a response in memory.
fn bare(body: String) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}", listener.local_addr().unwrap());
        let body = Bytes::from(body);
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            tcp.set_nodelay(true).unwrap();
            let body = body.clone();
            tokio::spawn(async move {
                let answer = service_fn(move |_: Request<Incoming>| {
                    let response = Response::builder()
                        .header(header::CONTENT_TYPE, "application/json")
                        .body(Full::new(body.clone()));
                    async { Ok::<_, Infallible>(response.unwrap()) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(tcp), answer);
                let _ = connection.await;
            });
        }
    });
}

/// One connection that is kept alive.
struct Client {
    tcp: BufReader<TcpStream>,
    address: SocketAddr,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).unwrap();
        tcp.set_nodelay(true).unwrap();
        Self { tcp: BufReader::with_capacity(64 * 1024, tcp), address }
    }

    fn request(&self, method: &str, target: &str, body: &str) -> Vec<u8> {
        let address = self.address;
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: {address}\r\nauthorization: {LOGIN}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        head.into_bytes()
    }

    fn call(&mut self, method: &str, target: &str, body: &str) -> String {
        let request = self.request(method, target, body);
        let mut answer = Vec::new();
        self.exchange(&request, |bytes| answer.extend_from_slice(bytes));
        String::from_utf8(answer).unwrap()
    }

    /// Sends a request and passes the body of the response on. Returns the time of the first byte.
    fn exchange(&mut self, request: &[u8], mut body: impl FnMut(&[u8])) -> Instant {
        self.tcp.get_mut().write_all(request).unwrap();
        let mut line = String::new();
        let (mut length, mut chunked, mut first) = (0, false, true);
        let mut came = None;
        loop {
            line.clear();
            assert!(self.tcp.read_line(&mut line).unwrap() > 0, "the server left");
            came.get_or_insert_with(Instant::now);
            if std::mem::take(&mut first) {
                assert!(line.starts_with("HTTP/1.1 2"), "{line}");
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            chunked |= lower.starts_with("transfer-encoding: chunked");
            if line == "\r\n" {
                break;
            }
        }
        if chunked {
            loop {
                line.clear();
                self.tcp.read_line(&mut line).unwrap();
                let size = usize::from_str_radix(line.trim(), 16).unwrap();
                self.pass(size, &mut body);
                self.tcp.read_line(&mut line).unwrap();
                if size == 0 {
                    break;
                }
            }
        } else {
            self.pass(length, &mut body);
        }
        came.unwrap()
    }

    fn pass(&mut self, mut bytes: usize, body: &mut impl FnMut(&[u8])) {
        while bytes > 0 {
            let here = self.tcp.fill_buf().unwrap();
            assert!(!here.is_empty(), "the server left");
            let take = here.len().min(bytes);
            body(&here[..take]);
            self.tcp.consume(take);
            bytes -= take;
        }
    }
}

/// The durations of many requests.
struct Measured {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

/// Runs `clients` that send `request(number)` for the measuring time.
fn load(
    address: SocketAddr,
    clients: usize,
    request: impl Fn(&Client, u64) -> Vec<u8> + Sync,
) -> Measured {
    let start = Barrier::new(clients);
    let times: Vec<Vec<Duration>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..clients as u64)
            .map(|number| {
                let (start, request) = (&start, &request);
                scope.spawn(move || {
                    let mut client = Client::connect(address);
                    // The first login of a connection costs a password check.
                    client.call("GET", "/rest/count", "");
                    let mut random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
                    let mut times = Vec::new();
                    start.wait();
                    let until = Instant::now() + MEASURING;
                    loop {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        let request = request(&client, random);
                        let begun = Instant::now();
                        client.exchange(&request, |_| {});
                        times.push(begun.elapsed());
                        if Instant::now() >= until {
                            return times;
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut times: Vec<Duration> = times.into_iter().flatten().collect();
    times.sort_unstable();
    Measured {
        per_second: times.len() as f64 / MEASURING.as_secs_f64(),
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
    }
}

fn line(what: &str, measured: &Measured, note: &str) {
    let Measured { per_second, p50, p99 } = measured;
    println!("{what:<44}{per_second:>9.0}/s  p50 {p50:>9.1?}  p99 {p99:>9.1?}  {note}");
}

fn reads(server: &Server, devices: u64) {
    let body =
        Client::connect(server.address).call("GET", "/rest/instance/device/device-0000007", "");
    let bare = bare_server(&body);
    println!("\nGET of one device of {devices}, {} bytes, {READERS} connections", body.len());
    let mut ratios = Vec::new();
    for _ in 0..3 {
        let read = |client: &Client, random: u64| {
            client.request(
                "GET",
                &format!("/rest/instance/device/device-{:07}", random % devices),
                "",
            )
        };
        let memory = load(bare.address, READERS, read);
        line("bare hyper, the same bytes from memory", &memory, "");
        let found = load(server.address, READERS, read);
        let ratio = found.per_second / memory.per_second;
        line("satchel", &found, &format!("{:.0} % of bare hyper (aim: 80)", ratio * 100.0));
        ratios.push(ratio);
    }
    let alive =
        load(server.address, READERS, |client, _| client.request("GET", "/rest/is_alive", ""));
    line("satchel, is_alive", &alive, "");
}

fn writes(server: &Server, devices: u64) {
    println!("\nPOST of a change of one device, durable");
    let mut one = None;
    for clients in [1, 8, 64] {
        let measured = load(server.address, clients, |client, random| {
            let object = format!(
                r#"{{"name": "device-{:07}", "port": {}}}"#,
                random % devices,
                random >> 48
            );
            client.request("POST", "/rest/instance/device", &object)
        });
        let ratio = measured.per_second / *one.get_or_insert(measured.per_second);
        let aim = if clients == 64 { " (aim: 4)" } else { "" };
        line(&format!("{clients} clients"), &measured, &format!("{ratio:.1} x one{aim}"));
    }
}

/// Responses with many rows: the time to the first byte, and to the last.
fn rows(server: &Server, devices: u64) {
    println!("\nqueries and searches, one after the other");
    let last = devices - 1;
    let search = |criteria: &str, order: &str| {
        format!(
            r#"{{"type": "device", "columns": ["name", "ip_address"], "search_criteria": {{{criteria}}}{order}, "maximum_return_records": 10}}"#
        )
    };
    let mut client = Client::connect(server.address);
    let steps = [
        (
            "query by name",
            "GET",
            format!("/rest/query/device?name=device-{last:07}"),
            String::new(),
        ),
        (
            "query by serial number, one match",
            "GET",
            format!("/rest/query/device?serial_number=SN{last:010}"),
            String::new(),
        ),
        (
            "query by vendor, a quarter matches",
            "GET",
            "/rest/query/device?vendor=Cisco".to_owned(),
            String::new(),
        ),
        (
            "query by a link's source, by index",
            "GET",
            format!("/rest/query/link?source_name=device-{last:07}"),
            String::new(),
        ),
        (
            "search: inclusion",
            "POST",
            "/rest/search".to_owned(),
            search(r#""description": "NUMBER 77 ""#, ""),
        ),
        (
            "search: regular expression",
            "POST",
            "/rest/search".to_owned(),
            search(r#""name": "7{5}$", "name_filter": "regex""#, ""),
        ),
        (
            "search: ordered by address",
            "POST",
            "/rest/search".to_owned(),
            search("", r#", "order": [{"column": 1, "dir": "desc"}]"#),
        ),
        (
            "list: two columns of all",
            "GET",
            "/rest/instance/device?columns=name,ip_address".to_owned(),
            String::new(),
        ),
        ("list: everything of all", "GET", "/rest/instance/device".to_owned(), String::new()),
    ];
    for (what, method, target, body) in steps {
        let mut best: Option<(Duration, Duration, usize)> = None;
        for _ in 0..3 {
            let request = client.request(method, &target, &body);
            let begun = Instant::now();
            let mut bytes = 0;
            let first = client.exchange(&request, |piece| bytes += piece.len()) - begun;
            let whole = begun.elapsed();
            if best.is_none_or(|(_, best, _)| whole < best) {
                best = Some((first, whole, bytes));
            }
        }
        let (first, whole, bytes) = best.unwrap();
        let rate = devices as f64 / whole.as_secs_f64();
        println!(
            "{what:<44}{whole:>10.1?}  first byte {first:>9.1?}  {bytes:>11} bytes  {rate:>11.0} devices/s"
        );
    }
}
