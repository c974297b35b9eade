//! The limits on slow clients, large requests and many connections.

use std::time::Duration;

use serde_json::json;

use crate::harness::{ADMIN, Server};

const MIB: usize = 1024 * 1024;

#[test]
fn a_slow_head_closes_the_connection() {
    let server = Server::start_with(&["--head-wait-ms", "300"]);
    let mut slow = server.connect();
    slow.send(b"GET /rest/is_alive HTTP/1.1\r\nHost:");
    assert!(slow.is_ended());
    let mut idle = server.connect();
    assert!(idle.is_ended());
}

#[test]
fn a_slow_body_is_408_and_closes_the_connection() {
    let server = Server::start_with(&["--body-wait-ms", "300"]);
    let mut slow = server.connect();
    let request = server.request("POST", "/rest/migrate/export").login(ADMIN).json(&json!({}));
    slow.send(request.head().as_bytes());
    let answer = slow.answer();
    answer.problem(408, "request-timeout");
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(slow.is_ended());
}

#[test]
fn a_large_body_is_413_with_or_without_a_length() {
    let server = Server::start();
    let post = || server.request("POST", "/rest/migrate/export").login(ADMIN);

    // Refused because of the declared length.
    let mut connection = server.connect();
    let length = (MIB + 1).to_string();
    connection.send(post().header("Content-Length", &length).head().as_bytes());
    connection.answer().problem(413, "body-too-large");
    // A client that reads the response only after it has sent everything can send it, and gets the
    // reason.
    let mut connection = server.connect();
    let length = (8 * MIB).to_string();
    connection.send(post().header("Content-Length", &length).head().as_bytes());
    connection.send(&vec![b' '; 8 * MIB]);
    connection.answer().problem(413, "body-too-large");
    // Without a declared length.
    let mut connection = server.connect();
    connection.send(post().header("Transfer-Encoding", "chunked").head().as_bytes());
    for _ in 0..17 {
        connection.offer(b"10000\r\n");
        connection.offer(&[b' '; 0x10000]);
        connection.offer(b"\r\n");
    }
    connection.answer().problem(413, "body-too-large");

    let upload = server.request("PUT", "/rest/migrate/projects/x").login(ADMIN);
    let mut connection = server.connect();
    let length = (satchel::migration::BUNDLE_BYTES_MAX + 1).to_string();
    connection.send(upload.header("Content-Length", &length).head().as_bytes());
    connection.answer().problem(413, "body-too-large");
}

#[test]
fn a_connection_over_the_limit_takes_the_place_of_an_idle_one_or_waits() {
    let server = Server::start_with(&["--connections-max", "2"]);
    let alive = server.request("GET", "/rest/is_alive").head();
    let mut idle = server.connect();
    idle.send(alive.as_bytes());
    assert_eq!(idle.answer().status, 200);
    let post = || {
        let mut connection = server.connect();
        let request = server.request("POST", "/rest/migrate/export").login(ADMIN);
        connection.send(request.header("content-length", "4").head().as_bytes());
        connection
    };
    let mut busy = [post(), post()];
    assert!(idle.is_ended());
    let mut third = server.connect();
    third.send(alive.as_bytes());
    assert!(third.is_silent_for(Duration::from_millis(300)));
    busy[0].send(b"[ ]\n");
    assert_eq!(busy[0].answer().status, 400);
    assert_eq!(third.answer().status, 200);
}

#[test]
fn a_connection_serves_many_requests() {
    let server = Server::start();
    let mut connection = server.connect();
    for (path, status) in
        [("/rest/is_alive", 200), ("/nowhere", 404), ("/rest/migrate/projects", 401)]
    {
        connection.send(server.request("GET", path).head().as_bytes());
        assert_eq!(connection.answer().status, status, "{path}");
    }
    // After a refusal with a small unread body, the connection can be used again.
    let refused = server.request("POST", "/rest/migrate/export").json(&json!({}));
    connection.send((refused.head() + "{}").as_bytes());
    assert_eq!(connection.answer().status, 401);
    connection.send(server.request("GET", "/").head().as_bytes());
    assert_eq!(connection.answer().status, 200);
}
