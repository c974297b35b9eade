//! Calls of the inventory, for tests.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::harness::{ADMIN, Answer, Request, Server};

/// Valid names that are hard to encode.
pub(crate) fn hostile_names() -> Vec<String> {
    let names = [
        "R 1%",
        "[Shared] x",
        "é>b",
        "..",
        ".",
        "%2E%2E",
        "a+b&c=d?e#f",
        "<script>",
        "; DROP TABLE device",
        "日本語 🦀",
        "-rf *",
        "null",
    ];
    let mut names: Vec<String> = names.map(str::to_owned).into();
    // The longest names, with one byte and with more bytes for each character.
    names.push("x".repeat(255));
    names.push(format!("{}x", "é".repeat(127)));
    names
}

/// A text as a segment of a path, or a value in a query. Dots are encoded too, so that a client
/// does not resolve `..`.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The path of an instance.
pub(crate) fn path(kind: &str, name: &str) -> String {
    format!("/rest/instance/{kind}/{}", encode(name))
}

/// A request of the administrator.
pub(crate) fn ask<'s>(server: &'s Server, method: &str, path: &str) -> Request<'s> {
    server.request(method, path).login(ADMIN)
}

/// Reads a resource that must exist.
pub(crate) fn get(server: &Server, path: &str) -> Value {
    let answer = ask(server, "GET", path).send();
    assert_eq!(answer.status, 200, "{path}: {}", shown(&answer));
    answer.json()
}

/// Creates or updates.
pub(crate) fn post(server: &Server, kind: &str, body: &Value) -> Answer {
    ask(server, "POST", &format!("/rest/instance/{kind}")).json(body).send()
}

/// Creates or updates instances and expects success.
pub(crate) fn put(server: &Server, kind: &str, body: &Value) -> Value {
    let answer = post(server, kind, body);
    assert_eq!(answer.status, 200, "{}", shown(&answer));
    let changes = answer.json();
    assert_eq!(changes["failure"], json!([]), "{changes}");
    changes
}

/// Deletes an instance and expects success.
pub(crate) fn delete(server: &Server, kind: &str, name: &str) -> Value {
    let answer = ask(server, "DELETE", &path(kind, name)).send();
    assert_eq!(answer.status, 200, "{}", shown(&answer));
    answer.json()
}

/// The instances of a query, by name.
pub(crate) fn queried(server: &Server, kind: &str, query: &str) -> Vec<String> {
    names(&get(server, &format!("/rest/query/{kind}?{query}")))
}

/// The names in a list of instances.
pub(crate) fn names(rows: &Value) -> Vec<String> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

/// The body of a response as text.
pub(crate) fn shown(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).chars().take(2000).collect()
}

/// Creates devices `d 0000`, `d 0001`, … with some properties.
pub(crate) fn put_devices(server: &Server, count: usize) {
    let devices = (0..count).map(|number| {
        json!({
            "name": format!("d {number:04}"),
            "vendor": if number % 2 == 0 { "Cisco" } else { "Juniper" },
            "port": number,
            "description": "x".repeat(200),
        })
    });
    let devices: Vec<Value> = devices.collect();
    // Small requests, so that also an unoptimised build responds in time.
    for some in devices.chunks(1000) {
        put(server, "device", &json!(some));
    }
}
