//! A log that no process reads: neither requests nor the shutdown wait for a reader.

use std::{
    io::{self, BufRead, BufReader},
    time::Instant,
};

use serde_json::Value;

use crate::harness::{ADMIN, PATIENCE, Server};

/// Each request is a line of some 200 bytes at least. A pipe takes 64 KiB and the queue 2 MiB, so
/// that many requests fill both.
const REQUESTS: usize = 16_000;

/// Sends requests over a few connections that are kept.
fn send_requests(server: &Server, count: usize) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut connection = server.connect();
                let request = server.request("GET", "/rest/is_alive").login(ADMIN).bytes();
                for _ in 0..count / 4 {
                    connection.send(&request);
                    assert_eq!(connection.answer().status, 200);
                }
            });
        }
    });
}

#[test]
fn a_log_pipe_without_a_reader_does_not_stop_the_server() {
    let (reader, writer) = io::pipe().unwrap();
    let mut server = Server::start_with_stderr(&["--log", "debug"], writer.into());
    send_requests(&server, REQUESTS);
    let begun = Instant::now();
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    assert!(begun.elapsed() < PATIENCE);
    drop(reader);
}

#[test]
fn dropped_lines_are_counted_in_the_log() {
    let (reader, writer) = io::pipe().unwrap();
    let mut server = Server::start_with_stderr(&["--log", "debug"], writer.into());
    send_requests(&server, REQUESTS);
    // Only now the log is read.
    let mut rest = BufReader::new(reader).lines();
    let mut next = || -> Option<Value> {
        rest.next().map(|line| serde_json::from_str(&line.unwrap()).unwrap())
    };
    let is_count = |line: &Value| !line["lines"].is_null();
    let mut lines = Vec::new();
    while !lines.last().is_some_and(is_count) {
        lines.push(next().expect("dropped lines are counted"));
    }
    server.terminate();
    lines.extend(std::iter::from_fn(next));
    server.wait();
    let dropped: Vec<&Value> = lines.iter().filter(|line| is_count(line)).collect();
    assert_eq!(dropped.len(), 1, "{dropped:?}");
    assert_eq!(dropped[0]["level"], "ERROR");
    assert!(dropped[0]["lines"].as_u64().unwrap() > 100, "{dropped:?}");
    // The written lines are complete, and the last line is present.
    assert!(lines.iter().any(|line| line["message"] == "Stopped."));
}

#[test]
fn a_closed_log_pipe_does_not_stop_the_server() {
    let (reader, writer) = io::pipe().unwrap();
    let mut server = Server::start_with_stderr(&["--log", "debug"], writer.into());
    drop(reader);
    send_requests(&server, 400);
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
}
