//! Undo of the last import.

use serde_json::{Value, json};

use crate::harness::{ADMIN, GUEST, Server};
use crate::project::{inventory, require_same};

fn undo(server: &Server, query: &str, status: u16) -> Value {
    let answer = server.request("POST", &format!("/rest/undo{query}")).login(ADMIN).send();
    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

fn put(server: &Server, name: &str) {
    let answer = server
        .request("POST", "/rest/instance/device")
        .login(ADMIN)
        .json(&json!({ "name": name }))
        .send();
    assert_eq!(answer.status, 200);
}

#[test]
fn undo_reverts_an_import_and_all_later_changes_and_a_second_undo_reverts_it() {
    let server = Server::start_with(&["--demo"]);
    let with_demo = inventory(&server);
    let answer = server
        .request("POST", "/rest/migrate/export")
        .login(ADMIN)
        .json(&json!({"name": "all", "import_export_types": ["device", "link", "pool"]}))
        .send();
    assert_eq!(answer.status, 200);
    put(&server, "[Shared] é>1");
    let with_more = inventory(&server);

    let told = undo(&server, "?dry_run", 200);
    assert_eq!(told["outcome"], "dry_run");
    require_same(&inventory(&server), &with_more);
    let devices = |told: &Value| {
        ["before", "after"].map(|state| {
            let types = told[state]["types"].as_array().unwrap().iter();
            types.clone().find(|one| one["type"] == "device").unwrap()["records"].clone()
        })
    };
    assert_eq!(devices(&told), [18, 0]);

    let told = undo(&server, "", 200);
    assert_eq!(told["outcome"], "undone");
    assert_eq!(devices(&told), [18, 0]);
    // The demo was an import into an inventory with one user.
    let counts = server.request("GET", "/rest/count").login(ADMIN).send().json();
    assert_eq!((&counts["device"], &counts["user"]), (&json!(0), &json!(1)));

    assert_eq!(devices(&undo(&server, "", 200)), [0, 18]);
    require_same(&inventory(&server), &with_more);
    // The inventory works normally, now and after a kill.
    let gone = server.request("DELETE", "/rest/instance/device/%5BShared%5D%20%C3%A9%3E1");
    assert_eq!(gone.login(ADMIN).send().status, 200);
    require_same(&inventory(&server), &with_demo);
    let server = server.start_again();
    require_same(&inventory(&server), &with_demo);
}

/// Versions of undone changes are not reused: a client with such a version must not overwrite a
/// record that it has not read.
#[test]
fn a_validator_from_before_an_undo_is_stale() {
    let server = Server::start_with(&["--demo"]);
    put(&server, "R 1%");
    let device = "/rest/instance/device/R%201%25";
    let read = server.request("GET", device).login(ADMIN).send();
    let etag = read.header("etag").unwrap().to_owned();
    undo(&server, "", 200);
    put(&server, "another");
    put(&server, "R 1%");
    let answer = server
        .request("POST", "/rest/instance/device")
        .login(ADMIN)
        .header("If-Match", &etag)
        .json(&json!({"name": "R 1%", "vendor": "mine"}))
        .send();
    assert_eq!(answer.status, 412);
}

#[test]
fn undo_without_a_previous_generation_is_refused() {
    let server = Server::start();
    for query in ["", "?dry_run=true"] {
        let problem = undo(&server, query, 409);
        assert!(problem["type"].as_str().unwrap().ends_with("/nothing-to-undo"), "{problem}");
    }
    let refused = server.request("POST", "/rest/undo").login(GUEST).send();
    assert_eq!(refused.status, 401);
}
