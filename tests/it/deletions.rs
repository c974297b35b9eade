//! Properties removed from records, and several records deleted in one step: over REST and by
//! `satchel delete`.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::{ADMIN, GUEST, Server, satchel};
use crate::inventory::{ask, delete, get, names, path, post, put, shown};

/// Sends a deletion that must succeed.
fn delete_many(server: &Server, body: &Value) -> Value {
    let answer = ask(server, "POST", "/rest/delete").json(body).send();
    assert_eq!(answer.status, 200, "{}", shown(&answer));
    answer.json()
}

/// The names of the deleted records of one type.
fn deleted(report: &Value, kind: &str) -> Vec<String> {
    let records = report["deleted"].as_array().unwrap().iter();
    let of_kind = records.filter(|record| record["type"] == kind);
    of_kind.map(|record| record["name"].as_str().unwrap().to_owned()).collect()
}

/// A server with four devices, two links and a pool.
fn network() -> Server {
    let server = Server::start();
    let device = |name: &str, vendor: &str| json!({"name": name, "vendor": vendor});
    let devices = [
        device("R 1%", "Nokia"),
        device("é>b", "Nokia"),
        device("[Shared] x", "Cisco"),
        device("..", ""),
    ];
    put(&server, "device", &json!(devices));
    let link =
        |name: &str, from: &str, to: &str| json!({"name": name, "source": from, "destination": to});
    let links = [link("L 1%", "R 1%", "[Shared] x"), link("é>é", "[Shared] x", "..")];
    put(&server, "link", &json!(links));
    let pool = json!({"name": "p é", "devices": ["R 1%", ".."], "manually_defined": true});
    put(&server, "pool", &pool);
    server
}

#[test]
fn a_property_is_removed_from_a_record() {
    let server = Server::start();
    let device = json!({"name": "R 1%", "vendor": "Cisco", "port": 830, "rack é": 7,
                        "configuration": "hostname r1"});
    put(&server, "device", &device);
    let remove = json!({"name": "R 1%", "remove": ["rack é", "port", "configuration", "model"]});
    let changed = put(&server, "device", &remove);
    assert_eq!(changed["updated"], json!(["R 1%"]), "{changed}");
    assert_eq!(changed["warnings"], Value::Null, "{changed}");
    let device = get(&server, &path("device", "R 1%"));
    // A typed property has its default again. A custom one is gone.
    assert_eq!((&device["port"], &device["vendor"]), (&json!(22), &json!("Cisco")));
    assert!(device.get("rack é").is_none(), "{device}");
    let text = ask(&server, "GET", "/rest/configuration/R%201%25").send();
    assert_eq!((text.status, text.body.as_slice()), (200, &b""[..]), "{}", shown(&text));
    // A second time there is nothing to remove.
    let again = put(&server, "device", &remove);
    assert_eq!(again["unchanged"], json!(["R 1%"]), "{again}");

    let misspelt = put(&server, "device", &json!({"name": "R 1%", "remove": ["vendr"]}));
    assert_eq!(misspelt["unchanged"], json!(["R 1%"]), "{misspelt}");
    assert!(misspelt["warnings"][0].as_str().unwrap().contains("Did you mean 'vendor'?"));
    for (remove, code) in [
        (json!("vendor"), "type"),
        (json!([7]), "type"),
        (json!(["name"]), "not-removable"),
        (json!(["pools"]), "not-removable"),
    ] {
        let answer = post(&server, "device", &json!({"name": "R 1%", "remove": remove}));
        let problem = answer.problem(422, "change-rejected");
        assert_eq!(problem["errors"][0]["code"], code, "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], "/remove", "{problem}");
    }
    let both = json!({"name": "R 1%", "vendor": "x", "remove": ["vendor"]});
    let problem = post(&server, "device", &both).problem(422, "change-rejected");
    assert_eq!(problem["errors"][0]["code"], "contradiction", "{problem}");
    assert_eq!(get(&server, &path("device", "R 1%"))["vendor"], "Cisco");
}

#[test]
fn a_removed_relation_and_a_removed_secret_are_gone() {
    let server = network();
    put(&server, "link", &json!({"name": "L 1%", "remove": ["destination_name"]}));
    assert_eq!(get(&server, &path("link", "L 1%"))["destination"], Value::Null);
    let credential = json!({"name": "c é", "username": "u", "password": "hunter2"});
    put(&server, "credential", &credential);
    let remove = json!({"name": "c é", "remove": ["password"]});
    assert_eq!(put(&server, "credential", &remove)["updated"], json!(["c é"]));
    assert_eq!(put(&server, "credential", &remove)["unchanged"], json!(["c é"]));
}

#[test]
fn the_answer_says_which_objects_were_created_updated_or_unchanged() {
    let server = network();
    let objects = json!([
        {"name": "new é"},
        {"name": "R 1%", "vendor": "Nokia"},
        {"name": "..", "vendor": "ISC"},
        {"name": "é>b", "new_name": "b>é"},
        {"name": "a/b"},
    ]);
    let answer = post(&server, "device", &objects);
    assert_eq!(answer.status, 206);
    let changes = answer.json();
    assert_eq!(changes["created"], json!(["new é"]));
    assert_eq!(changes["updated"], json!(["..", "b>é"]));
    assert_eq!(changes["unchanged"], json!(["R 1%"]));
    assert_eq!(changes["success"].as_array().unwrap().len(), 4);
    assert_eq!(changes["failure"].as_array().unwrap().len(), 1);
}

#[test]
fn several_records_are_deleted_in_one_step() {
    let server = network();
    let body = json!({"type": "device", "names": ["R 1%", "no such", "..", "R 1%"]});
    let mut dry = body.clone();
    dry["dry_run"] = true.into();
    let would = delete_many(&server, &dry);
    assert_eq!(would["dry_run"], true);
    assert_eq!(get(&server, "/rest/count")["device"], 4);

    let report = delete_many(&server, &body);
    assert_eq!(report["dry_run"], false);
    for member in ["deleted", "struck", "not_found"] {
        assert_eq!(report[member], would[member]);
    }
    assert_eq!(deleted(&report, "device"), ["R 1%", ".."]);
    assert_eq!(deleted(&report, "link"), ["L 1%", "é>é"]);
    assert_eq!(report["struck"], json!([{"type": "pool", "name": "p é"}]));
    assert_eq!(report["not_found"], json!(["no such"]));
    assert_eq!(
        report["summary"],
        "Deleted 2 devices, and 2 records that depend on them. 1 record lost references to them."
    );
    assert_eq!(names(&get(&server, "/rest/instance/device")), ["[Shared] x", "é>b"]);
    assert_eq!(get(&server, &path("pool", "p é"))["devices"], json!([]));

    // The query accepts the switch too.
    let asked = json!({"type": "device", "names": ["é>b"]});
    let answer = ask(&server, "POST", "/rest/delete?dry_run").json(&asked).send();
    assert_eq!(answer.json()["dry_run"], true, "{}", shown(&answer));
    assert_eq!(get(&server, "/rest/count")["device"], 2);
}

#[test]
fn the_records_that_match_a_search_are_deleted() {
    let server = network();
    let criteria = json!({"vendor": "nokia", "name": "^R", "name_filter": "regex"});
    let report = delete_many(&server, &json!({"type": "device", "search_criteria": criteria}));
    assert_eq!(deleted(&report, "device"), ["R 1%"]);
    let criteria = json!({"vendor_filter": "empty", "vendor": ""});
    let report = delete_many(&server, &json!({"type": "device", "search_criteria": criteria}));
    assert_eq!(deleted(&report, "device"), [".."]);
    let criteria = json!({"vendor": "no such vendor"});
    let report = delete_many(&server, &json!({"type": "device", "search_criteria": criteria}));
    assert_eq!((&report["deleted"], &report["not_found"]), (&json!([]), &json!([])));
    assert_eq!(names(&get(&server, "/rest/instance/device")), ["[Shared] x", "é>b"]);
}

#[test]
fn a_deletion_that_might_be_a_slip_is_refused() {
    let server = network();
    let criteria = |criteria: Value| json!({"type": "device", "search_criteria": criteria});
    for (body, pointer) in [
        (json!({"type": "device"}), "/names"),
        (json!({"type": "device", "names": []}), "/names"),
        (json!({"type": "device", "names": "R 1%"}), "/names"),
        (json!({"type": "device", "names": ["R 1%", 7]}), "/names/1"),
        (json!({"type": "device", "names": ["R 1%"], "search_criteria": {"name": "é"}}), "/names"),
        (json!({"names": ["R 1%"]}), "/type"),
        (json!({"type": "devices?", "names": ["R 1%"]}), "/type"),
        (json!({"type": "device", "names": ["R 1%"], "dryrun": true}), "/dryrun"),
        (json!({"type": "device", "names": ["R 1%"], "dry_run": "maybe"}), "/dry_run"),
        (criteria(json!({})), "/search_criteria"),
        (criteria(json!({"vendor": ""})), "/search_criteria/vendor"),
        (criteria(json!({"name": " "})), "/search_criteria/name"),
        (criteria(json!({"name": "\t\n", "name_filter": "regex"})), "/search_criteria/name"),
        (criteria(json!({"name": "R", "vendor": ""})), "/search_criteria/vendor"),
    ] {
        let answer = ask(&server, "POST", "/rest/delete").json(&body).send();
        let problem = answer.problem(400, "malformed-body");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        if let Some(sent) = body.pointer(pointer).filter(|value| value.is_string()) {
            assert_eq!(problem["errors"][0]["value"], *sent, "{problem}");
        }
    }
    let body = json!({"type": "device", "names": ["R 1%"], "dry_run": false});
    let answer = ask(&server, "POST", "/rest/delete?dry_run=true").json(&body).send();
    answer.problem(400, "malformed-request");
    for (criteria, kind, pointer) in [
        (json!({"vendr": "x"}), "unknown-property", "/search_criteria/vendr"),
        (json!({"name": "(", "name_filter": "regex"}), "wrong-expression", "/search_criteria/name"),
    ] {
        let body = json!({"type": "device", "search_criteria": criteria});
        let answer = ask(&server, "POST", "/rest/delete").json(&body).send();
        let problem = answer.problem(400, kind);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    assert_eq!(get(&server, "/rest/count")["device"], 4);
}

#[test]
fn the_last_administrator_and_ones_own_account_are_kept() {
    let server = Server::start();
    let user = |name: &str| json!({"name": name, "password": "x é y é z é", "is_admin": true});
    put(&server, "user", &json!([user("eva"), user("..")]));
    put(&server, "user", &json!({"name": GUEST.0, "password": GUEST.1}));
    let body = json!({"type": "user", "names": ["eva", ADMIN.0]});
    let answer = ask(&server, "POST", "/rest/delete").json(&body).send();
    assert_eq!(answer.status, 409, "{}", shown(&answer));
    let guest = server.request("POST", "/rest/delete").login(GUEST).json(&body).send();
    guest.problem(403, "forbidden");
    assert_eq!(get(&server, "/rest/count")["user"], 4);
    // All other administrators can be deleted.
    let body = json!({"type": "user", "names": ["eva", ".."]});
    assert_eq!(deleted(&delete_many(&server, &body), "user"), ["eva", ".."]);
    delete(&server, "user", GUEST.0);
}

/// `satchel delete` at a server.
fn command(server: &Server, words: &[&str]) -> Output {
    let mut command: Command = satchel();
    command.arg("delete").args(words).args(["--server", &format!("http://{}", server.address)]);
    command.args(["--user", ADMIN.0]).env("SATCHEL_PASSWORD", ADMIN.1);
    command.output().unwrap()
}

#[test]
fn the_command_deletes_by_names_and_by_conditions() {
    let server = network();
    let words = ["device", "--where", "vendor=Nokia", "--where", "name~^é", "--dry-run", "--json"];
    let output = command(&server, &words);
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(deleted(&report, "device"), ["é>b"]);
    assert_eq!(report["dry_run"], true);

    // Without a terminal, it does not ask.
    let output = command(&server, &["device", "R 1%"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--yes"), "{output:?}");
    assert_eq!(get(&server, "/rest/count")["device"], 4);

    let output = command(&server, &["device", "R 1%", "no such é", "--yes"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("Deleted 1 device, and 1 record that depends on it."), "{text}");
    assert!(text.contains("L 1%") && text.contains("Not found: no such é\n"), "{text}");
    assert_eq!(get(&server, "/rest/count")["device"], 3);

    for (words, reason) in [
        (&["device", "--where", "vendor"][..], "PROPERTY=VALUE"),
        (&["device", "--where", "vendor="], "empty"),
        (&["devices!", "x"], "devices!"),
        (&["device"], "NAME"),
        (&["device", "x", "--where", "vendor=x"], "--where"),
    ] {
        let output = command(&server, words);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(reason), "{output:?}");
    }
    assert_eq!(get(&server, "/rest/count")["device"], 3);
}

#[test]
fn an_exact_type_selects_records_as_in_a_search() {
    let server = network();
    put(&server, "device", &json!({"name": "R 1%", "type": "router"}));
    put(&server, "device", &json!({"name": "é>b", "type": "router"}));
    let body = json!({"type": "router", "names": ["R 1%", "..", "no such"], "dry_run": true});
    let report = delete_many(&server, &body);
    assert_eq!(deleted(&report, "device"), ["R 1%"]);
    assert_eq!(report["not_found"], json!(["..", "no such"]));
    let body = json!({"type": "router", "search_criteria": {"vendor": "Nokia"}, "dry_run": true});
    assert_eq!(deleted(&delete_many(&server, &body), "device"), ["R 1%", "é>b"]);
    let body = json!({"type": "gateway", "search_criteria": {"vendor": "Nokia"}});
    assert_eq!(delete_many(&server, &body)["deleted"], json!([]));
    let node = json!({"type": "node", "names": ["R 1%"]});
    let refused = ask(&server, "POST", "/rest/delete").json(&node).send();
    refused.problem(400, "malformed-body");

    let output = command(&server, &["router", "R 1%", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = command(&server, &["router", "..", "--yes"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let output = command(&server, &["rooter", "..", "--yes"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(get(&server, "/rest/count")["device"], 3);
}
