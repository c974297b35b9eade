//! Undo of the last change, and of an import without later changes.

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
fn an_import_is_undone_by_the_copy_from_before_it_if_nothing_was_changed_since() {
    let server = Server::start_with(&["--demo"]);
    let with_demo = inventory(&server);

    let told = undo(&server, "?dry_run", 200);
    assert_eq!((&told["outcome"], &told["written"]), (&json!("dry_run"), &json!("nothing")));
    assert_eq!(told["change"]["operation"], "demo");
    assert_eq!(told["records_total"], 68);
    require_same(&inventory(&server), &with_demo);

    let told = undo(&server, "", 200);
    assert_eq!(
        (&told["outcome"], &told["written"]),
        (&json!("undone"), &json!("earlier_generation"))
    );
    // The demo was an import into an inventory with one user.
    let counts = server.request("GET", "/rest/count").login(ADMIN).send().json();
    assert_eq!((&counts["device"], &counts["user"]), (&json!(0), &json!(1)));
    let listed = server.request("GET", "/rest/history?limit=1").login(ADMIN).send().json();
    let types = listed[0]["types"].as_array().unwrap();
    let devices = types.iter().find(|one| one["type"] == "device").unwrap();
    assert_eq!((&devices["created"], &devices["removed"]), (&json!(0), &json!(17)));

    // The undo is a change, so it can be undone.
    assert_eq!(undo(&server, "", 200)["written"], "earlier_generation");
    require_same(&inventory(&server), &with_demo);
    put(&server, "[Shared] é>1");
    let server = server.start_again();
    assert_eq!(undo(&server, "", 200)["written"], "one_change");
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
fn the_first_user_cannot_undo_its_own_creation() {
    let server = Server::start();
    let problem = undo(&server, "", 409);
    assert!(problem["type"].as_str().unwrap().ends_with("/undo-conflict"), "{problem}");
    assert_eq!(problem["conflicts"][0]["reason"], "own_user", "{problem}");
    let refused = server.request("POST", "/rest/undo").login(GUEST).send();
    assert_eq!(refused.status, 401);
}
