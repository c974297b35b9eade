//! Tests of the steps of the request pipeline, with requests to a server.

use std::collections::HashSet;

use crate::harness::{ADMIN, Server, until};

#[test]
fn is_alive_needs_no_login() {
    let server = Server::start();
    let answer = server.request("GET", "/rest/is_alive").send();
    assert_eq!(answer.status, 200);
    let alive = answer.json();
    assert_eq!(alive["cluster_id"], true);
    assert!(!alive["name"].as_str().unwrap().is_empty());
}

#[test]
fn every_response_has_its_id_and_security_headers() {
    let server = Server::start();
    let mut ids = HashSet::new();
    for path in ["/", "/rest/is_alive", "/nowhere", "/rest/migrate/projects"] {
        let answer = server.request("GET", path).send();
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert!(answer.header("content-security-policy").is_some(), "{path}");
        assert!(answer.header("date").is_some(), "{path}");
        assert!(ids.insert(answer.header("x-request-id").unwrap().to_owned()), "{path}");
    }
}

#[test]
fn an_unknown_path_is_404_and_an_unknown_method_405() {
    let server = Server::start();
    for path in ["/nowhere", "/rest", "/rest/is_alive/", "//", "/rest/migrate/projects/"] {
        server.request("GET", path).login(ADMIN).send().problem(404, "unknown-path");
    }
    for method in ["POST", "PATCH", "BREW"] {
        let answer = server.request(method, "/rest/is_alive").send();
        answer.problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
    }
    server.request("BREW", "/nowhere").send().problem(404, "unknown-path");
}

#[test]
fn options_lists_the_allowed_methods() {
    let server = Server::start();
    let answer = server.request("OPTIONS", "/rest/migrate/projects/x").send();
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("allow"), Some("DELETE, GET, HEAD, OPTIONS, PUT"));
    let answer = server.request("OPTIONS", "*").send();
    assert_eq!(answer.header("allow"), Some("DELETE, GET, HEAD, OPTIONS, POST, PUT"));
    server.request("OPTIONS", "/nowhere").send().problem(404, "unknown-path");
}

#[test]
fn head_has_the_headers_of_get() {
    let server = Server::start();
    let get = server.request("GET", "/").send();
    let head = server.request("HEAD", "/").send();
    assert_eq!((head.status, head.header("content-length")), (200, get.header("content-length")));
    assert_eq!(head.header("content-type"), get.header("content-type"));

    // No byte of a body precedes the next response.
    let mut connection = server.connect();
    connection.send(server.request("HEAD", "/").head().as_bytes());
    connection.send(server.request("GET", "/rest/is_alive").head().as_bytes());
    assert_eq!(connection.read_answer(true).status, 200);
    assert_eq!(connection.answer().json()["cluster_id"], true);
}

#[test]
fn paths_that_navigate_or_cannot_be_decoded_are_400() {
    let server = Server::start();
    for name in ["..", "a%00b", "%ff", "%zz", "%", "a%0Ab"] {
        let target = format!("/rest/migrate/projects/{name}");
        let answer = server.request("GET", &target).login(ADMIN).send();
        let problem = answer.problem(400, "malformed-request");
        assert!(problem["errors"][0]["path"].is_string(), "{problem}");
    }
    let long = "x".repeat(129);
    for name in
        [".hidden", "%2e%2e", "%2E%2E", "a%2Fb", "%2Fetc%2Fpasswd", "..%2Fx", "a%5Cb", &long]
    {
        let target = format!("/rest/migrate/projects/{name}");
        for (method, body) in [("GET", ""), ("PUT", "x"), ("DELETE", "")] {
            let answer = server.request(method, &target).login(ADMIN).body(body).send();
            let problem = answer.problem(400, "malformed-request");
            assert_eq!(problem["errors"][0]["path_parameter"], "name", "{problem}");
        }
    }
    let long = format!("/rest/migrate/projects/{}", "x".repeat(10_000));
    server.request("GET", &long).login(ADMIN).send().problem(414, "path-too-long");
    let endless = format!("/rest/migrate/projects/{}", "x".repeat(1_000_000));
    let answer = server.request("GET", &endless);
    let mut connection = server.connect();
    connection.offer(answer.head().as_bytes());
    assert!(matches!(connection.answer().status, 414 | 431));
}

#[test]
fn undecodable_queries_are_400() {
    let server = Server::start();
    for query in ["limit=%", "limit=%zz", "limit=%ff", "order=a%00", "limit=x", "limit=-1", "limit"]
    {
        let target = format!("/rest/instance/device?{query}");
        let problem = server.request("GET", &target).login(ADMIN).send();
        let problem = problem.problem(400, "malformed-request");
        assert!(problem["errors"][0]["query_parameter"].is_string(), "{query}: {problem}");
    }
    let target = "/rest/instance/device?limt=1";
    let problem = server.request("GET", target).login(ADMIN).send();
    let problem = problem.problem(400, "malformed-request");
    assert_eq!(problem["errors"][0]["nearest"], "limit");
    // A route without options ignores the query.
    assert_eq!(server.request("GET", "/rest/is_alive?a=%zz&b").send().status, 200);
}

#[test]
fn invalid_heads_are_refused() {
    let server = Server::start();
    for head in [
        "GET /rest/is_alive HTTP/1.1\r\n\r\n",
        "GET /rest/is_alive HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ] {
        let mut connection = server.connect();
        connection.send(head.as_bytes());
        connection.answer().problem(400, "malformed-request");
    }
    for head in ["nonsense\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nA b: c\r\n\r\n"] {
        let mut connection = server.connect();
        connection.send(head.as_bytes());
        assert_eq!(connection.answer().status, 400);
    }
    let gzip = server.request("PUT", "/rest/migrate/projects/x").header("Content-Encoding", "gzip");
    gzip.login(ADMIN).body("x").send().problem(415, "unsupported-media-type");
}

#[test]
fn every_request_has_a_line_in_the_access_log() {
    let server = Server::start();
    let answer = server.request("GET", "/rest/migrate/projects").login(ADMIN).send();
    let id = answer.header("x-request-id").unwrap();
    let mut line = None;
    until(|| {
        line = server.log().into_iter().find(|line| line["id"] == id);
        line.is_some()
    });
    let line = line.unwrap();
    assert_eq!(line["method"], "GET");
    assert_eq!(line["path"], "/rest/migrate/projects");
    assert_eq!(line["status"], 200);
    assert_eq!(line["user"], "admin");
    assert_eq!(line["bytes"], answer.body.len());
    assert!(line["ms"].is_u64() && line["peer"].is_string(), "{line}");
}
