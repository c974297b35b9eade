//! Clients that open many connections and send nothing, or little: others are served meanwhile.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};

use crate::{
    harness::{ADMIN, Server},
    metrics::sample,
};

/// The connections of an attack: twice as many as the server keeps.
const CONNECTIONS: usize = 1000;

/// The requests of others that are timed.
const REQUESTS: usize = 100;

/// The longest time of a request meanwhile. Without an attack it takes milliseconds; the rest is for a busy
/// machine.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);

/// Lets this process open more files than is usual.
fn allow_many_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

/// Opens connections from these addresses of this machine, and sends the same bytes on each.
async fn open(server: SocketAddr, from: &[IpAddr], sent: &[u8]) -> Vec<TcpStream> {
    let mut connections = Vec::new();
    for address in from {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((*address, 0).into()).unwrap();
        let mut connection = socket.connect(server).await.unwrap();
        // The server can have closed it already.
        let _ = connection.write_all(sent).await;
        connections.push(connection);
    }
    connections
}

/// The slowest of many requests of another client.
fn slowest_request(server: &Server) -> Duration {
    let timed = |_| {
        let began = Instant::now();
        assert_eq!(server.request("GET", "/rest/is_alive").send().status, 200);
        began.elapsed()
    };
    (0..REQUESTS).map(timed).max().unwrap()
}

#[tokio::test]
async fn silent_and_slow_connections_do_not_keep_others_out() {
    allow_many_files();
    let server = Server::start();
    let before = slowest_request(&server);
    let here = IpAddr::from(Ipv4Addr::LOCALHOST);
    let of_many =
        |number: usize| Ipv4Addr::new(127, 1, (number / 200) as u8, (number % 200) as u8 + 1);
    let many: Vec<IpAddr> = (0..CONNECTIONS).map(|number| of_many(number).into()).collect();
    for (from, sent) in [
        (vec![here; CONNECTIONS], &b""[..]),
        (vec![here; CONNECTIONS], b"GET /rest/is_alive HTTP/1.1\r\nHost: "),
        (many, b"G"),
    ] {
        let attack = open(server.address, &from, sent).await;
        let during = slowest_request(&server);
        println!("slowest of {REQUESTS} requests: {before:?} before, {during:?} during the attack");
        assert!(during < REQUEST_TIME_MAX, "{during:?}");
        drop(attack);
    }
    assert!(sample(&server, "satchel_connections_given_up_total").unwrap() > 1000.0);
    assert_eq!(sample(&server, "satchel_connections_refused_total"), Some(0.0));
}

/// The address of this machine in a network; `None` without one.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent.
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[tokio::test]
async fn one_address_gets_a_share_of_the_connections() {
    let Some(own) = own_address() else {
        println!("skipped: this machine has no address in a network");
        return;
    };
    allow_many_files();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "Oslo Fjord 9 é").unwrap();
    let server = Server::start_with(&[
        "--listen",
        "0.0.0.0:0",
        "--unencrypted-passwords",
        "--admin-password-file",
        file.to_str().unwrap(),
        "--connections-per-address-max",
        "20",
    ]);
    let address = SocketAddr::new(own, server.address.port());
    let attack = open(address, &[own; 200], b"GET ").await;
    let login = (ADMIN.0, "Oslo Fjord 9 é");
    let metrics = server.request("GET", "/metrics").login(login).send();
    let metrics = String::from_utf8(metrics.body).unwrap();
    let open = metrics.lines().find_map(|line| line.strip_prefix("satchel_connections "));
    let open: f64 = open.unwrap().parse().unwrap();
    // And the one that asks.
    assert!((2.0..=21.0).contains(&open), "{open}");
    assert!(slowest_request(&server) < REQUEST_TIME_MAX);
    drop(attack);
}
