//! Requests that pages of other sites make a browser send, and the names under which a server answers.

use serde_json::json;

use crate::harness::{ADMIN, Server};

#[test]
fn a_change_that_a_page_of_another_site_requests_is_refused() {
    let server = Server::start();
    let own = format!("http://{}", server.address);
    let create = |header: &str, value: &str| {
        let request = server.request("POST", "/rest/instance/device").login(ADMIN);
        request.header(header, value).json(&json!({"name": "Évora rack 1"})).send()
    };
    for (header, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "http://evil.example"),
        ("Origin", "null"),
        ("Referer", "http://evil.example/page"),
    ] {
        let problem = create(header, value).problem(403, "forbidden");
        assert_eq!(problem["detail"], "Requests from pages of other sites are refused.");
    }
    let read = server.request("GET", "/rest/instance/device/%C3%89vora%20rack%201").login(ADMIN);
    read.header("Origin", "http://evil.example").send().problem(404, "unknown-instance");
    // A form needs no login header of the page: the browser adds a remembered one.
    let form = server.request("POST", "/rest/undo").login(ADMIN);
    form.header("Origin", "http://evil.example").send().problem(403, "forbidden");
    for (header, value) in [
        ("Sec-Fetch-Site", "same-origin"),
        ("Origin", own.as_str()),
        ("Referer", &format!("{own}/docs/")),
    ] {
        assert_eq!(create(header, value).status, 200, "{header}: {value}");
    }
}

#[test]
fn a_page_of_another_site_cannot_request_secrets_or_work() {
    let server = Server::start();
    for path in [
        "/rest/backup",
        "/rest/backups",
        "/rest/backups/x",
        "/rest/state",
        "/rest/jobs",
        "/rest/audit",
    ] {
        let get = |header: &str, value: &str| {
            server.request("GET", path).login(ADMIN).header(header, value).send()
        };
        get("Sec-Fetch-Site", "cross-site").problem(403, "forbidden");
        get("Origin", "http://evil.example").problem(403, "forbidden");
        get("Referer", "http://evil.example/é").problem(403, "forbidden");
        for site in ["none", "same-origin"] {
            assert_ne!(get("Sec-Fetch-Site", site).status, 403, "{path} {site}");
        }
    }
}

#[test]
fn a_header_that_decides_about_access_occurs_once() {
    let server = Server::start();
    let own = format!("http://{}", server.address);
    for (header, value) in [
        ("origin", own.as_str()),
        ("referer", &own),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/json"),
        ("x-satchel-request", "1"),
        ("authorization", "Basic YWRtaW46YWRtaW4="),
    ] {
        let request = server.request("POST", "/rest/undo").header(header, value);
        let problem = request.header(header, value).send().problem(400, "malformed-request");
        let detail = format!("The header “{header}” is sent twice. Send it once.");
        assert_eq!(problem["detail"], detail);
        assert_eq!(problem["errors"][0]["header"], header);
    }
}

#[test]
fn the_page_of_a_proxy_that_nobody_listed_is_of_this_server() {
    let server = Server::start_with(&["--hosts", "inventory.example.net"]);
    let create = |origin: &str, headers: &[(&str, &str)]| {
        let mut request = server.request("POST", "/rest/instance/device").login(ADMIN);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.host("inventory.example.net").header("Origin", origin);
        request.json(&json!({"name": "Évora>1"})).send().status
    };
    assert_eq!(create("http://inventory.example.net", &[]), 200, "a proxy without TLS");
    assert_eq!(create("https://inventory.example.net", &[]), 200, "a proxy with TLS");

    let server = Server::start_with(&[
        "--hosts",
        "inventory.example.net",
        "--trusted-proxies",
        "127.0.0.1",
        "--demo",
    ]);
    let undo = |origin: &str, protocol: &str| {
        let request = server.request("POST", "/rest/undo").host("inventory.example.net");
        let request = request.header("X-Forwarded-Proto", protocol).header("Origin", origin);
        request.send().status
    };
    assert_eq!(undo("http://inventory.example.net", "https"), 403, "an unencrypted page");
    for (origin, protocol) in [
        ("https://inventory.example.net", "https"),
        ("http://inventory.example.net", "http"),
        ("https://inventory.example.net", "http"),
    ] {
        assert_eq!(undo(origin, protocol), 401, "{origin} {protocol}: only the login is missing");
    }
}

#[test]
fn a_server_answers_only_under_its_names() {
    let server = Server::start_with(&["--hosts", "inventory.example.net, Satchel.example.org"]);
    let answer = |host: &str| server.request("GET", "/rest/is_alive").host(host).send();
    for host in
        ["inventory.example.net", "satchel.EXAMPLE.org:443", "localhost:1", "[::1]", "10.0.0.1"]
    {
        assert_eq!(answer(host).status, 200, "{host}");
    }
    let problem = answer("evil.example").problem(421, "unknown-host");
    assert_eq!(
        problem["detail"],
        "This server does not answer under the name “evil.example”. Its setting `hosts` lists the \
         names."
    );
    for host in ["a/b", "a b", "", "Évora", "evil@localhost", "é@inventory.example.net"] {
        answer(host).problem(400, "malformed-request");
    }
    let all = Server::start_with(&["--hosts", "*"]);
    let request = all.request("GET", "/rest/is_alive");
    assert_eq!(request.host("evil.example").send().status, 200);
}
