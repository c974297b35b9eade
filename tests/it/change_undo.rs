//! The undo of one change, through a server.

use serde_json::{Value, json};

use crate::harness::{ADMIN, Answer, Server, satchel};
use crate::inventory::{ask, delete, encode, get, path, put, shown};

/// The number of the last change.
pub(crate) fn last(server: &Server) -> u64 {
    get(server, "/rest/history?limit=1")[0]["number"].as_u64().unwrap()
}

pub(crate) fn undo(server: &Server, body: &Value) -> Answer {
    ask(server, "POST", "/rest/undo").json(body).send()
}

/// Undoes a change and expects success. Returns the report.
pub(crate) fn undone(server: &Server, change: u64) -> Value {
    let answer = undo(server, &json!({"change": change}));
    assert_eq!(answer.status, 200, "{}", shown(&answer));
    let report = answer.json();
    assert_eq!(report["outcome"], "undone", "{report}");
    report
}

pub(crate) fn instance(server: &Server, kind: &str, name: &str) -> Value {
    get(server, &path(kind, name))
}

pub(crate) fn exists(server: &Server, kind: &str, name: &str) -> bool {
    ask(server, "GET", &path(kind, name)).send().status == 200
}

/// Two devices, a link between them, a network and a pool that list them, and a configuration.
fn site(server: &Server) {
    put(server, "device", &json!([{"name": "R 1%", "vendor": "Acme"}, {"name": "é>b"}]));
    put(server, "link", &json!({"name": "l 1", "source": "R 1%", "destination": "é>b"}));
    put(server, "network", &json!({"name": "n", "devices": ["R 1%", "é>b"], "links": ["l 1"]}));
    put(server, "pool", &json!({"name": "p", "manually_defined": true, "devices": ["R 1%"]}));
    let text = format!("/rest/configuration/{}", encode("R 1%"));
    assert_eq!(ask(server, "PUT", &text).body("hostname R1\n").send().status, 200);
}

#[test]
fn a_property_goes_back_and_later_changes_stay() {
    let server = Server::start();
    site(&server);
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Bêta", "rack": 7}));
    let change = last(&server);
    put(&server, "device", &json!({"name": "R 1%", "model": "later"}));

    let dry = undo(&server, &json!({"change": change, "dry_run": true})).json();
    assert_eq!(dry["outcome"], "dry_run", "{dry}");
    assert_eq!(dry["records"], json!([{"type": "device", "name": "R 1%", "effect": "updated"}]));
    assert_eq!(instance(&server, "device", "R 1%")["vendor"], "Bêta");

    undone(&server, change);
    let device = instance(&server, "device", "R 1%");
    assert_eq!((&device["vendor"], &device["model"]), (&json!("Acme"), &json!("later")));
    assert!(device.get("rack").is_none(), "{device}");
    // The undo is a change.
    undone(&server, last(&server));
    let device = instance(&server, "device", "R 1%");
    assert_eq!((&device["vendor"], &device["rack"]), (&json!("Bêta"), &json!(7)));

    put(&server, "device", &json!({"name": "R 1%", "vendor": "Acme", "remove": ["rack"]}));
    let again = undo(&server, &json!({"change": change})).json();
    assert_eq!(again["outcome"], "unchanged", "{again}");
}

#[test]
fn what_was_changed_since_stands_in_the_way_or_stays() {
    let server = Server::start();
    site(&server);
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Bêta", "port": 23}));
    let change = last(&server);
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Gamma"}));

    let before = last(&server);
    let problem = undo(&server, &json!({"change": change})).problem(409, "undo-conflict");
    let conflict = json!({
        "type": "device", "name": "R 1%", "property": "vendor", "reason": "changed_since",
    });
    assert_eq!(problem["conflicts"], json!([conflict]), "{problem}");
    assert_eq!(last(&server), before, "nothing was changed");

    let kept = undo(&server, &json!({"change": change, "on_conflict": "keep"})).json();
    assert_eq!(kept["outcome"], "undone_in_part", "{kept}");
    assert_eq!(kept["conflicts"], json!([conflict]));
    let device = instance(&server, "device", "R 1%");
    assert_eq!((&device["vendor"], &device["port"]), (&json!("Gamma"), &json!(22)));
}

#[test]
fn deleted_records_come_back_with_their_references_and_texts() {
    let server = Server::start();
    site(&server);
    delete(&server, "device", "R 1%");
    let change = last(&server);
    assert!(!exists(&server, "link", "l 1"));

    let report = undone(&server, change);
    assert_eq!(report["left_out"], json!([]), "{report}");
    let link = instance(&server, "link", "l 1");
    assert_eq!((&link["source"], &link["destination"]), (&json!("R 1%"), &json!("é>b")));
    let network = instance(&server, "network", "n");
    assert_eq!(
        (&network["devices"], &network["links"]),
        (&json!(["R 1%", "é>b"]), &json!(["l 1"]))
    );
    assert_eq!(instance(&server, "pool", "p")["devices"], json!(["R 1%"]));
    let text = ask(&server, "GET", &format!("/rest/configuration/{}", encode("R 1%"))).send();
    assert_eq!(text.body, b"hostname R1\n");
    let verified = ask(&server, "POST", "/rest/verify").send().json();
    assert_eq!(verified["whole"], true, "{verified}");

    // The other end of the link is deleted afterwards: the device comes back, and the link cannot.
    delete(&server, "device", "R 1%");
    let change = last(&server);
    delete(&server, "device", "é>b");
    let kept = undo(&server, &json!({"change": change, "on_conflict": "keep"})).json();
    let reasons = json!([{
        "type": "link", "name": "l 1", "property": "destination", "reason": "target_missing",
    }]);
    assert_eq!(kept["conflicts"], reasons, "{kept}");
    assert!(exists(&server, "device", "R 1%") && !exists(&server, "link", "l 1"));
}

#[test]
fn created_records_are_deleted_unless_something_refers_to_them() {
    let server = Server::start();
    site(&server);
    put(&server, "device", &json!([{"name": "new 1"}, {"name": "new 2"}]));
    let change = last(&server);
    put(&server, "link", &json!({"name": "l 2", "source": "new 1", "destination": "R 1%"}));
    let problem = undo(&server, &json!({"change": change})).problem(409, "undo-conflict");
    let conflict = json!([{"type": "device", "name": "new 1", "reason": "referred_to"}]);
    assert_eq!(problem["conflicts"], conflict, "{problem}");
    delete(&server, "link", "l 2");
    undone(&server, change);
    assert!(!exists(&server, "device", "new 1") && !exists(&server, "device", "new 2"));
    let again = undo(&server, &json!({"change": change})).json();
    assert_eq!(again["outcome"], "unchanged", "{again}");
}

#[test]
fn a_renamed_record_gets_its_name_back() {
    let server = Server::start();
    site(&server);
    let renamed = json!({"name": "R 1%", "new_name": "[Shared] x"});
    put(&server, "device", &renamed);
    let change = last(&server);
    put(&server, "network", &json!({"name": "n", "description": "later"}));
    undone(&server, change);
    assert!(!exists(&server, "device", "[Shared] x"));
    assert_eq!(instance(&server, "link", "l 1")["source"], "R 1%");
    let network = instance(&server, "network", "n");
    assert_eq!(
        (&network["devices"], &network["description"]),
        (&json!(["R 1%", "é>b"]), &json!("later"))
    );
    let text = ask(&server, "GET", &format!("/rest/configuration/{}", encode("R 1%"))).send();
    assert_eq!(text.body, b"hostname R1\n");

    put(&server, "device", &renamed);
    let change = last(&server);
    put(&server, "device", &json!({"name": "R 1%"}));
    let problem = undo(&server, &json!({"change": change})).problem(409, "undo-conflict");
    assert_eq!(problem["conflicts"][0]["reason"], "name_taken", "{problem}");
}

#[test]
fn a_created_record_that_was_renamed_since_is_a_conflict() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "R 1%"}));
    let change = last(&server);
    put(&server, "device", &json!({"name": "R 1%", "new_name": "é>b"}));
    let renamed = last(&server);
    put(&server, "device", &json!({"name": "é>b", "new_name": "[Shared] x"}));
    // The device has no configuration, and did not have this name before.
    let path = |at| format!("/rest/configuration/{}?at={at}", encode("[Shared] x"));
    assert_eq!(ask(&server, "GET", &path(last(&server))).send().status, 200);
    assert_eq!(ask(&server, "GET", &path(renamed)).send().status, 404);
    let problem = undo(&server, &json!({"change": change})).problem(409, "undo-conflict");
    let conflict = &problem["conflicts"][0];
    assert_eq!(conflict["reason"], "removed_since", "{problem}");
    assert_eq!(conflict["renamed_to"], "[Shared] x", "{problem}");
    delete(&server, "device", "[Shared] x");
    let again = undo(&server, &json!({"change": change})).json();
    assert_eq!(again["outcome"], "unchanged", "{again}");
}

#[test]
fn a_renamed_record_that_needs_a_missing_one_stays_as_it_is() {
    let server = Server::start();
    site(&server);
    put(&server, "device", &json!({"name": "x"}));
    put(&server, "link", &json!({"name": "l 1", "new_name": "l 2", "source": "x"}));
    let change = last(&server);
    delete(&server, "device", "R 1%");
    let kept = undo(&server, &json!({"change": change, "on_conflict": "keep"})).json();
    assert_eq!(kept["conflicts"][0]["reason"], "target_missing", "{kept}");
    assert_eq!(instance(&server, "link", "l 2")["source"], "x");
    assert!(!exists(&server, "link", "l 1"));
    let verified = ask(&server, "POST", "/rest/verify").send().json();
    assert_eq!(verified["whole"], true, "{verified}");
}

#[test]
fn the_last_administrator_stays() {
    let server = Server::start();
    put(&server, "user", &json!({"name": "rosa", "password": "the first one"}));
    put(&server, "user", &json!({"name": "rosa", "is_admin": true}));
    let change = last(&server);
    let body = json!({"name": "admin", "is_admin": false});
    let demoted = server.request("POST", "/rest/instance/user").login(("rosa", "the first one"));
    assert_eq!(demoted.json(&body).send().status, 200);
    let request = server.request("POST", "/rest/undo").login(("rosa", "the first one"));
    request.json(&json!({"change": change})).send().problem(422, "no-administrator");
}

#[test]
fn wrong_requests_are_refused() {
    let server = Server::start_with(&["--demo"]);
    let import = last(&server);
    undo(&server, &json!({"change": import + 1})).problem(404, "unknown-change");
    undo(&server, &json!({"change": -1})).problem(400, "malformed-body");
    undo(&server, &json!({"change": import, "on_conflict": "all"})).problem(400, "malformed-body");
    let guest = server.request("POST", "/rest/undo").login(crate::harness::GUEST);
    assert_ne!(guest.json(&json!({"change": import})).send().status, 200);
    assert_eq!(last(&server), import);
}

#[test]
fn the_last_change_is_undone_without_a_number() {
    let server = Server::start();
    site(&server);
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Bêta"}));
    let change = last(&server);
    let dry = undo(&server, &json!({"dry_run": true})).json();
    assert_eq!((&dry["change"]["number"], &dry["outcome"]), (&json!(change), &json!("dry_run")));
    let undone = undo(&server, &json!({})).json();
    assert_eq!(
        (&undone["change"]["number"], &undone["written"]),
        (&json!(change), &json!("one_change"))
    );
    assert_eq!(instance(&server, "device", "R 1%")["vendor"], "Acme");
    assert_eq!(undo(&server, &json!({})).json()["change"]["number"], json!(change + 1));
    assert_eq!(instance(&server, "device", "R 1%")["vendor"], "Bêta");
}

#[test]
fn the_command_shows_and_undoes_a_change() {
    let server = Server::start();
    site(&server);
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Bêta"}));
    let change = last(&server);
    let run = |words: &[&str]| {
        let mut command = satchel();
        command.args(["undo", "--change", &change.to_string(), "--user", ADMIN.0, "--server"]);
        command.arg(format!("http://{}", server.address)).args(words);
        let output = command.env("SATCHEL_PASSWORD", ADMIN.1).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, dry) = run(&["--dry-run"]);
    assert!(code == Some(0) && dry.contains("updated: device “R 1%”"), "{dry}");
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Gamma"}));
    let (code, dry) = run(&["--dry-run"]);
    assert!(code == Some(0) && dry.contains("device “R 1%”, vendor: changed since"), "{dry}");
    assert_eq!(run(&["--yes"]).0, Some(1));
    let (code, kept) = run(&["--yes", "--keep"]);
    assert_eq!(code, Some(0), "{kept}");
}

#[test]
fn an_undo_brings_no_old_password_back() {
    let server = Server::start();
    let user =
        |password: &str, email: &str| json!({"name": "é>b", "password": password, "email": email});
    put(&server, "user", &user("first long password", "a@x.example"));
    put(&server, "user", &user("second long password", "b@x.example"));
    let change = last(&server);
    let problem = undo(&server, &json!({"change": change})).problem(409, "undo-conflict");
    let conflict = &problem["conflicts"][0];
    assert_eq!(
        (&conflict["property"], &conflict["reason"]),
        (&json!("password"), &json!("password_kept"))
    );
    let kept = undo(&server, &json!({"change": change, "on_conflict": "keep"})).json();
    assert_eq!(kept["outcome"], "undone_in_part", "{kept}");
    assert_eq!(get(&server, &path("user", "é>b"))["email"], "a@x.example");
    let status =
        |password| server.request("GET", "/rest/count").login(("é>b", password)).send().status;
    assert_eq!((status("second long password"), status("first long password")), (200, 401));
}
