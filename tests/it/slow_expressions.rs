//! Tests of regular expressions that would take the processors from others.

use serde_json::json;

use crate::harness::{ADMIN, Server};
use crate::inventory::put;

/// Ran at 15 kB/s.
const SLOW: &str = "(?:a?b?){4000}[^ab]";

#[test]
fn a_search_that_repeats_too_much_is_refused() {
    let server = Server::start();
    let search = json!({
        "type": "device",
        "columns": ["name"],
        "search_criteria": {"description": SLOW, "description_filter": "regex"},
    });
    let answer = server.request("POST", "/rest/search").login(ADMIN).json(&search).send();
    let problem = answer.problem(400, "wrong-expression");
    assert!(problem["detail"].as_str().unwrap().contains("repeats too much"), "{problem}");
}

#[test]
fn a_pool_that_repeats_too_much_has_no_effect_on_changes() {
    let server = Server::start();
    let pool =
        json!({"name": "é>b", "device_description": SLOW, "device_description_match": "regex"});
    let answer = server.request("POST", "/rest/instance/pool").login(ADMIN).json(&pool).send();
    let text = String::from_utf8(answer.body.clone()).unwrap();
    assert!(text.contains("é>b") && text.contains("device_description"), "{text}");
    assert!(text.contains("repeats too much"), "{text}");
    let description = "ab".repeat(100_000);
    put(&server, "device", &json!({"name": "R 1%", "description": description}));
}
