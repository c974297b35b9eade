//! Start and shutdown of a server: the ready line, refused starts, signals.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{ADMIN, Connection, Server, command, until};

/// A request that the server has begun to read, and the rest of its body.
fn request_in_hand(server: &Server) -> (Connection, Vec<u8>) {
    let body = json!({"name": "a", "import_export_types": ["device"]});
    let request = server
        .request("POST", "/rest/migrate/export")
        .login(ADMIN)
        .header("Expect", "100-continue")
        .json(&body);
    let mut connection = server.connect();
    connection.send(request.head().as_bytes());
    assert_eq!(connection.answer().status, 100);
    (connection, body.to_string().into_bytes())
}

fn fails_with(command: &mut Command, code: i32, words: &[&str]) {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty());
    for word in words {
        assert!(said.contains(word), "{word} in {said}");
    }
}

#[test]
fn a_signal_ends_an_idle_server() {
    let mut server = Server::start();
    let mut idle = server.connect();
    idle.send(server.request("GET", "/rest/is_alive").head().as_bytes());
    assert_eq!(idle.answer().status, 200);
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    assert!(idle.is_ended());
}

#[test]
fn a_signal_lets_the_current_request_finish() {
    let mut server = Server::start();
    let (mut connection, body) = request_in_hand(&server);
    server.terminate();
    server.wait_until_closed();
    connection.send(&body);
    let answer = connection.answer();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_second_signal_stops_the_server_immediately() {
    let mut server = Server::start();
    let _in_hand = request_in_hand(&server);
    server.terminate();
    server.wait_until_closed();
    server.terminate();
    assert_eq!(server.wait().code(), Some(130));
}

#[test]
fn shutdown_cuts_off_an_endless_request() {
    let mut server = Server::start_with(&["--shutdown-wait-ms", "300"]);
    let _in_hand = request_in_hand(&server);
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn an_incomplete_head_does_not_delay_the_shutdown() {
    let mut server = Server::start();
    let mut half = server.connect();
    half.send(b"GET /rest/is_al");
    // A later connection is accepted, so the incomplete one was accepted too.
    assert_eq!(server.request("GET", "/").send().status, 200);
    let begun = Instant::now();
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "less than the head's own time");
}

#[test]
fn a_hang_up_does_not_end_the_server() {
    let mut server = Server::start();
    for _ in 0..2 {
        let id = server.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    }
    until(|| server.log().iter().any(|line| line.to_string().contains("SIGHUP does nothing")));
    assert_eq!(server.request("GET", "/rest/is_alive").send().status, 200);
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_failed_start_prints_its_reason() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails_with(command(directory.path()).args(["--listen", &address]), 1, &[&address, "in use"]);
    fails_with(command(directory.path()).args(["--listen", "here"]), 2, &["127.0.0.1:8080"]);
    fails_with(command(directory.path()).args(["--log", "a=b=c"]), 1, &["a=b=c"]);
    fails_with(&mut command("/dev/null/x".as_ref()), 1, &["/dev/null/x"]);
}
