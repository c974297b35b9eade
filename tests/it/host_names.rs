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
    for host in ["a/b", "a b", "", "Évora"] {
        answer(host).problem(400, "malformed-request");
    }
    let all = Server::start_with(&["--hosts", "*"]);
    let request = all.request("GET", "/rest/is_alive");
    assert_eq!(request.host("evil.example").send().status, 200);
}
