//! The memory of the server under clients that hold large bodies and long responses.

use serde_json::json;

use crate::harness::{ADMIN, Connection, Server};

const MIB: usize = 1024 * 1024;

/// The memory that the bodies of one user may take, in MiB (`http::body_memory`), and what else the requests
/// of a test need: connections, their buffers, and the smaller buffers that the allocator keeps when bodies
/// grow.
const BODIES_MIB_MAX: usize = 352;
const OTHER_MIB_MAX: usize = 224;

/// Begins a request with a body of this size, and sends all but the end of it.
fn begin_body(server: &Server, bytes: usize) -> Connection {
    let mut connection = server.connect();
    let post = server.request("POST", "/rest/instance/device").login(ADMIN);
    connection.send(post.header("Content-Length", &bytes.to_string()).head().as_bytes());
    let blanks = vec![b' '; MIB];
    let mut left = bytes - 1000;
    while left > 0 {
        let piece = left.min(MIB);
        connection.offer(&blanks[..piece]);
        left -= piece;
    }
    connection
}

/// Holds many bodies, ends them, and checks that each is refused or succeeds, that some of both occur, and
/// that the memory stays within the limit.
fn hold_bodies(count: usize, bytes: usize) {
    let server = Server::start();
    assert_eq!(server.request("GET", "/rest/count").login(ADMIN).send().status, 200);
    let before = server.peak_kib();
    let mut held: Vec<_> = (0..count).map(|_| begin_body(&server, bytes)).collect();
    // Others are served.
    assert_eq!(server.request("GET", "/rest/count").login(ADMIN).send().status, 200);
    let (mut refused, mut succeeded) = (0, 0);
    for (number, connection) in held.iter_mut().enumerate() {
        let object = format!("{{\"name\": \"é>{number}\"}}");
        // 1,000 bytes: the letter é has two.
        connection.offer(format!("{object:>999}").as_bytes());
        let answer = connection.answer();
        match answer.status {
            200 => succeeded += 1,
            503 => {
                refused += 1;
                assert!(answer.header("retry-after").is_some());
                assert!(answer.json()["detail"].as_str().unwrap().contains("memory"));
            }
            other => panic!("{other}: {}", String::from_utf8_lossy(&answer.body)),
        }
    }
    assert!(refused > 0 && succeeded > 0, "{refused} {succeeded}");
    let added = usize::try_from(server.peak_kib() - before).unwrap() / 1024;
    println!(
        "{count} bodies of {bytes} bytes: {succeeded} succeeded, {refused} refused, {added} MiB"
    );
    assert!(added < BODIES_MIB_MAX + OTHER_MIB_MAX, "{added} MiB");
    // Nothing is lost, and the memory is free again.
    let devices = server.request("GET", "/rest/count").login(ADMIN).send().json();
    assert_eq!(devices["device"], succeeded);
    let again = server.request("POST", "/rest/instance/device").login(ADMIN);
    assert_eq!(again.json(&json!({"name": "again"})).send().status, 200);
}

#[test]
fn many_unfinished_bodies_take_a_bounded_memory() {
    hold_bodies(505, MIB);
}

#[test]
fn the_largest_bodies_take_a_bounded_memory() {
    hold_bodies(8, 64 * MIB);
}

#[test]
fn unread_lists_of_one_user_do_not_keep_others_from_theirs() {
    let server = Server::start();
    let text = "interface Ethernet1\n".repeat(64 * 1024 / 20);
    let device = |number: usize| json!({ "name": format!("é>{number}"), "description": text });
    let devices: Vec<_> = (0..200).map(device).collect();
    let put = server.request("POST", "/rest/instance/device").login(ADMIN);
    assert_eq!(put.json(&json!(devices)).send().status, 200);
    let rosa = ("rosa", "a long new password");
    let user = server.request("POST", "/rest/instance/user").login(ADMIN);
    let answer = user.json(&json!({ "name": rosa.0, "password": rosa.1 })).send();
    assert_eq!(answer.status, 200);

    let list = |login| server.request("GET", "/rest/query/device").login(login);
    let mut unread: Vec<_> = (0..32)
        .map(|_| {
            let mut connection = server.connect();
            connection.send(&list(rosa).bytes());
            connection
        })
        .collect();
    let mut statuses: Vec<_> = unread.iter_mut().map(|connection| connection.read_head()).collect();
    statuses.sort_by_key(|answer| answer.status);
    let (long, refused) = statuses.split_at(8);
    assert!(long.iter().all(|answer| answer.status == 200));
    for answer in refused {
        assert!(answer.status == 503 && answer.header("retry-after").is_some(), "{answer:?}");
    }
    let complete = list(ADMIN).send();
    assert_eq!(complete.json().as_array().unwrap().len(), 200);
    // Short ones of the same user are not affected.
    let one = server.request("GET", "/rest/instance/device/%C3%A9%3E7").login(rosa).send();
    assert_eq!(one.status, 200);
}
