//! `/livez` and `/readyz`.

use std::fs;

use serde_json::json;

use crate::harness::Server;

const CHECKS: [&str; 6] = ["changes", "damage", "disk", "key", "audit", "backup"];

#[test]
fn a_new_server_is_alive_and_ready() {
    let server = Server::start();
    let live = server.request("GET", "/livez").send();
    assert_eq!((live.status, live.json()), (200, json!({"alive": true})));
    let ready = server.request("GET", "/readyz").send();
    let passed = CHECKS.map(|check| json!({"check": check, "passed": true}));
    assert_eq!((ready.status, ready.json()), (200, json!({"ready": true, "checks": passed})));
}

#[test]
fn a_lost_key_is_noticed_before_the_next_start() {
    let server = Server::start();
    let key = server.data().join("key");
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let ready = server.request("GET", "/readyz").send();
    assert_eq!(ready.status, 503);
    let ready = ready.json();
    assert_eq!(ready["ready"], false);
    let failed: Vec<_> = ready["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["passed"] == false)
        .collect();
    assert_eq!((failed.len(), &failed[0]["check"]), (1, &json!("key")), "{ready}");
    let detail = failed[0]["detail"].as_str().unwrap();
    assert!(detail.contains("make a backup before it stops"), "{detail}");

    let others = server.request("GET", "/readyz?exclude=key,backup").send();
    let passed = CHECKS[..5].iter().filter(|check| **check != "key");
    let passed: Vec<_> = passed.map(|check| json!({"check": check, "passed": true})).collect();
    assert_eq!((others.status, others.json()), (200, json!({"ready": true, "checks": passed})));

    // The key of another data directory.
    fs::write(&key, kept.iter().rev().copied().collect::<Vec<_>>()).unwrap();
    assert_eq!(server.request("GET", "/readyz").send().status, 503);
    fs::write(&key, kept).unwrap();
    assert_eq!(server.request("GET", "/readyz").send().status, 200);
}

#[test]
fn an_unknown_check_cannot_be_excluded() {
    let server = Server::start();
    for query in ["exclude=R%201%25", "exclude=", "exclude=key,,disk", "exclude=KEY", "verbose"] {
        let answer = server.request("GET", &format!("/readyz?{query}")).send();
        answer.problem(400, "malformed-request");
    }
}

#[test]
fn a_setting_lets_the_network_ask() {
    let forwarded = |server: &Server, path: &str| {
        server.request("GET", path).header("X-Forwarded-For", "192.0.2.7").send()
    };
    let local = Server::start();
    let network = Server::start_with(&["--health", "network"]);
    for path in ["/livez", "/readyz"] {
        let problem = forwarded(&local, path).problem(403, "forbidden");
        assert!(problem["detail"].as_str().unwrap().contains("health = \"network\""), "{problem}");
        assert_eq!(forwarded(&network, path).status, 200);
    }
}
