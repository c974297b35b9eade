//! HTTP/2 over TLS: the same calls, limits and stops as over HTTP/1.1.

mod attacks;
mod client;

use std::time::{Duration, Instant};

use h2::Reason;
use serde_json::json;

pub(crate) use self::client::connect;
use self::client::{Client, Frames, read};
use crate::{
    commands::{stderr_of, stdout_of},
    tls_server::TlsServer,
};

const MIB: usize = 1024 * 1024;

fn chosen(stream: &tokio_rustls::client::TlsStream<tokio::net::TcpStream>) -> Option<Vec<u8>> {
    stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)
}

#[tokio::test]
async fn the_client_and_the_server_agree_on_a_version() {
    let server = TlsServer::start(&[]);
    for (offered, expected) in [
        (&["h2", "http/1.1"][..], Some("h2")),
        (&["http/1.1", "h2"], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&["spdy/3", "http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let stream = connect(&server, offered).await.unwrap();
        assert_eq!(chosen(&stream).as_deref(), expected.map(str::as_bytes), "{offered:?}");
    }
    assert!(connect(&server, &["spdy/3"]).await.is_err());

    let certificate = server.certificate();
    for (version, line) in [("--http2", "HTTP/2 200"), ("--http1.1", "HTTP/1.1 200 OK")] {
        let output = server.curl(&["--cacert", &certificate, version]);
        let answer = stdout_of(&output);
        assert!(answer.starts_with(line), "{version}: {answer}{}", stderr_of(&output));
    }
    // Without TLS, HTTP/2 is not offered.
    let mut frames =
        std::net::TcpStream::connect(server.http.strip_prefix("http://").unwrap()).unwrap();
    std::io::Write::write_all(&mut frames, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut frames, &mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
}

#[tokio::test]
async fn one_connection_carries_many_requests_at_the_same_time() {
    let server = TlsServer::start(&["--demo"]);
    let client = Client::connect(&server).await;
    let answer = client.get("/rest/is_alive").await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers["strict-transport-security"].to_str().unwrap().starts_with("max-age="));
    let mut anonymous = client.head("GET", "/rest/count");
    anonymous.headers_mut().clear();
    client.send(anonymous, b"").await.unwrap().problem(401, "unauthenticated");

    let mut running = tokio::task::JoinSet::new();
    for number in 0..200 {
        let client = client.clone();
        running.spawn(async move {
            let name = format!("é>{number}");
            let body = json!({ "name": name }).to_string();
            let created = client.head("POST", "/rest/instance/device");
            assert_eq!(client.send(created, body.as_bytes()).await.unwrap().status, 200);
            let path = format!("/rest/instance/device/%C3%A9%3E{number}");
            assert_eq!(client.get(&path).await.json()["name"], name.as_str());
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
    client.get("/rest/nowhere").await.problem(404, "unknown-path");
    let list = client.get("/rest/query/device").await;
    assert_eq!(list.json().as_array().unwrap().len(), 217);
    let head = client.send(client.head("HEAD", "/rest/query/device"), b"").await.unwrap();
    assert!(head.status == 200 && head.body.is_empty());
    let alive = client.send(client.head("HEAD", "/rest/is_alive"), b"").await.unwrap();
    assert_eq!(alive.headers["content-length"], answer.headers["content-length"]);
}

#[tokio::test]
async fn bodies_larger_than_the_window_are_received_up_to_the_limit() {
    let server = TlsServer::start(&[]);
    let client = Client::connect(&server).await;
    let text = "interface Ethernet1\n".repeat(MIB / 20 * 2);
    let device = json!({ "name": "Zürich>1", "configuration": text }).to_string();
    let put = client.head("POST", "/rest/instance/device");
    let answer = client.send(put, device.as_bytes()).await.unwrap();
    assert_eq!(answer.status, 200);
    let read = client.get("/rest/configuration/Z%C3%BCrich%3E1").await;
    assert_eq!(read.body.len(), text.len());

    let export = || client.head("POST", "/rest/migrate/export");
    client.send(export(), &vec![b' '; 4 * MIB]).await.unwrap().problem(413, "body-too-large");
    let mut announced = export();
    announced.headers_mut().insert("content-length", (2 * MIB).into());
    client.send(announced, &vec![b' '; 2 * MIB]).await.unwrap().problem(413, "body-too-large");
    // The length is a lie.
    for length in [1_usize, 100] {
        let mut wrong = export();
        wrong.headers_mut().insert("content-length", length.into());
        let ended = client.send(wrong, b"{\"name\": \"x\"}").await;
        assert_eq!(ended.unwrap_err().reason(), Some(Reason::PROTOCOL_ERROR), "{length}");
    }
    assert_eq!(client.get("/rest/is_alive").await.status, 200);
}

#[tokio::test]
async fn heads_that_could_be_understood_in_two_ways_are_refused() {
    let server = TlsServer::start(&[]);
    let client = Client::connect(&server).await;
    let with = |name: &'static str, value: &str| {
        let mut head = client.head("GET", "/rest/is_alive");
        head.headers_mut().insert(name, value.parse().unwrap());
        head
    };
    let authority = server.https.strip_prefix("https://").unwrap();
    assert_eq!(client.send(with("host", authority), b"").await.unwrap().status, 200);
    let other = client.send(with("host", "evil.example"), b"").await.unwrap();
    other.problem(400, "malformed-request");
    let mut head = client.head("GET", "/rest/is_alive");
    *head.uri_mut() = "https://evil.example/rest/is_alive".parse().unwrap();
    client.send(head, b"").await.unwrap().problem(421, "unknown-host");
    let crossed = {
        let mut head = client.head("POST", "/rest/undo");
        head.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
        head
    };
    client.send(crossed, b"").await.unwrap().problem(403, "forbidden");
    let mut unencrypted = client.head("POST", "/rest/undo");
    let page = format!("http://{authority}");
    unencrypted.headers_mut().insert("origin", page.parse().unwrap());
    client.send(unencrypted, b"").await.unwrap().problem(403, "forbidden");
    let mut twice = client.head("POST", "/rest/instance/device");
    for origin in [server.https.as_str(), "https://evil.example"] {
        twice.headers_mut().append("origin", origin.parse().unwrap());
    }
    let twice = client.send(twice, b"{}").await.unwrap().problem(400, "malformed-request");
    assert_eq!(twice["errors"][0]["header"], "origin");
    for target in [format!("https://evil@{authority}"), page, format!("ftp://{authority}")] {
        let mut head = client.head("GET", "/rest/is_alive");
        *head.uri_mut() = format!("{target}/rest/is_alive").parse().unwrap();
        client.send(head, b"").await.unwrap().problem(400, "malformed-request");
    }

    let long = "x".repeat(40 * 1024);
    assert_eq!(client.send(with("x-long", &long), b"").await.unwrap().status, 200);
    let mut lines = client.head("GET", "/rest/is_alive");
    for number in 0..100 {
        let name: hyper::header::HeaderName = format!("x-{number}").parse().unwrap();
        lines.headers_mut().insert(name, "1".parse().unwrap());
    }
    client.send(lines, b"").await.unwrap().problem(431, "head-too-large");
    let tunnel = client.send(client.head("CONNECT", ""), b"").await;
    assert!(tunnel.map_or(true, |answer| answer.status >= 400));
    assert_eq!(client.get("/rest/is_alive").await.status, 200);
}

#[tokio::test]
async fn clients_wait_for_changes_and_a_stop_ends_their_waits() {
    let mut server = TlsServer::start(&[]);
    let client = Client::connect(&server).await;
    let last = client.get("/rest/changes").await.json()["last"].as_u64().unwrap();
    let mut follow = client.head("GET", &format!("/rest/changes?after={last}"));
    follow.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
    let mut events = client.begin(follow, b"").await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let poll = |after: u64| {
        let client = client.clone();
        tokio::spawn(
            async move { client.get(&format!("/rest/changes?after={after}&wait=55")).await },
        )
    };
    let waiting = poll(last);

    let create = client.head("POST", "/rest/instance/device");
    assert_eq!(client.send(create, br#"{"name": "R>1"}"#).await.unwrap().status, 200);
    let changes = waiting.await.unwrap().json();
    assert_eq!(changes["last"], last + 1, "{changes}");
    let mut text = String::new();
    while !text.contains("R>1") {
        let chunk = events.body_mut().data().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }

    let waiting = poll(last + 1);
    let began = Instant::now();
    server.terminate();
    assert_eq!(waiting.await.unwrap().status, 200);
    let ended = read(events).await.unwrap();
    assert_eq!(ended.status, 200);
    assert!(server.wait().success());
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_stop_lets_requests_in_progress_finish() {
    let mut server = TlsServer::start(&[]);
    let client = Client::connect(&server).await;
    let (response, upload) = client.open(client.head("POST", "/rest/instance/device")).await;
    assert_eq!(client.get("/rest/is_alive").await.status, 200);
    server.terminate();
    server.wait_until_closed();
    upload.end(r#"{"name": "finished"}"#);
    let answer = read(response.await.unwrap()).await.unwrap();
    assert_eq!(answer.json()["created"], json!(["finished"]));
    assert!(server.wait().success());
}

#[tokio::test]
async fn idle_connections_and_slow_bodies_end() {
    let server = TlsServer::start(&["--head-wait-ms", "300", "--body-wait-ms", "300"]);
    let mut silent = Frames::silent(&server).await;
    silent.until_closed().await;
    let mut idle = Frames::connect(&server, &[]).await;
    assert_eq!(idle.until_closed().await, Some(0));

    let client = Client::connect(&server).await;
    let (response, _upload) = client.open(client.head("POST", "/rest/migrate/export")).await;
    read(response.await.unwrap()).await.unwrap().problem(408, "request-timeout");
}

#[tokio::test]
async fn as_many_requests_are_in_progress_as_connections_are_allowed() {
    let server = TlsServer::start(&["--connections-max", "4"]);
    let client = Client::connect(&server).await;
    let mut open = Vec::new();
    // The tasks of the streams begin in any order.
    let refused = loop {
        assert!(open.len() < 10);
        open.push(client.open(client.head("POST", "/rest/instance/device")).await);
        let answer = client.get("/rest/is_alive").await;
        if answer.status != 200 {
            break answer;
        }
    };
    refused.problem(503, "unavailable");
    assert!(refused.headers.contains_key("retry-after"));
    drop(open);
    while client.get("/rest/is_alive").await.status != 200 {}
}
