//! The differences and the undo of imports that replaced the whole inventory, while later changes stay.

use serde_json::json;

use crate::{
    change_undo::{exists, instance, last, undo, undone},
    harness::{ADMIN, Server, satchel},
    inventory::{ask, delete, encode, get, path, put},
    project::{documents, imported, inventory, put_folder, require_same},
};

fn is_whole(server: &Server) {
    let verified = ask(server, "POST", "/rest/verify").send().json();
    assert_eq!(verified["whole"], true, "{verified}");
}

fn configuration(server: &Server, device: &str) -> Vec<u8> {
    ask(server, "GET", &format!("/rest/configuration/{}", encode(device))).send().body
}

fn put_configuration(server: &Server, device: &str, text: &str) {
    let path = format!("/rest/configuration/{}", encode(device));
    assert_eq!(ask(server, "PUT", &path).body(text).send().status, 200);
}

const OLD: &str = "- {name: 'R 1%', vendor: Acme, rack: 1}\n- {name: 'é>b'}\n- {name: gone}\n";

/// The import updates one device, creates two, and removes one with its link and its configuration.
const NEW: &str = "- {name: 'R 1%', vendor: Bêta, rack: 1}\n- {name: 'é>b'}\n- {name: new}\n- {name: '[Shared] x'}\n";

/// A server with an import by which the whole inventory was written again. Returns the number of the import.
fn server() -> (Server, u64) {
    let server = Server::start();
    let link = "- {name: l, source: 'R 1%', destination: gone}\n";
    let pool = "- {name: p, manually_defined: true, devices: ['R 1%', gone]}\n- {name: c, device_vendor: beta}\n";
    put_folder(&server, "old", &documents(&[("device", OLD), ("link", link), ("pool", pool)]));
    imported(&server, "old", json!({}));
    put_configuration(&server, "gone", "hostname gone\n");
    put_configuration(&server, "R 1%", "hostname R1\n");
    put_folder(&server, "new", &documents(&[("device", NEW)]));
    let replace = json!({"import_export_types": ["device"], "empty_database_before_import": true});
    let report = imported(&server, "new", replace);
    assert_eq!(report["written"], "new_generation", "{report}");
    assert!(!exists(&server, "link", "l") && !exists(&server, "device", "gone"));
    let import = last(&server);
    (server, import)
}

#[test]
fn the_differences_of_an_import_are_shown_while_the_copy_from_before_it_is_kept() {
    let (mut server, import) = server();
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Gamma"}));
    let change = get(&server, &format!("/rest/history/{import}"));
    let records = change["records"].as_array().unwrap();
    let listed: Vec<[&str; 3]> = records
        .iter()
        .map(|one| ["type", "name", "effect"].map(|member| one[member].as_str().unwrap()))
        .collect();
    let expected = [
        ["device", "R 1%", "updated"],
        ["device", "[Shared] x", "created"],
        ["device", "gone", "removed"],
        ["device", "new", "created"],
        ["link", "l", "removed"],
        ["pool", "p", "updated"],
    ];
    assert_eq!(listed, expected, "{change}");
    let vendor = json!({"property": "vendor", "before": "Acme", "after": "Bêta"});
    assert!(records[0]["properties"].as_array().unwrap().contains(&vendor), "{change}");
    let text = json!({"property": "configuration", "text": true});
    assert_eq!(records[2]["properties"], json!([text]), "{change}");

    // The same list in parts.
    let (mut parts, mut after) = (Vec::new(), String::new());
    loop {
        let part = get(&server, &format!("/rest/history/{import}?limit=2{after}"));
        parts.extend(part["records"].as_array().unwrap().clone());
        match part["next"].as_str() {
            Some(next) => after = format!("&after={}", encode(next)),
            None => break,
        }
    }
    assert_eq!(&parts, records);
    for query in ["limit=0", "limit=10001", "after=device", "after=rack%2Fx"] {
        let answer = ask(&server, "GET", &format!("/rest/history/{import}?{query}")).send();
        assert_eq!(answer.status, 400, "{query}");
    }
    let mut command = satchel();
    command.args(["history", &import.to_string(), "--user", ADMIN.0, "--server"]);
    command.arg(format!("http://{}", server.address)).env("SATCHEL_PASSWORD", ADMIN.1);
    let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(printed.contains("vendor: \"Acme\" → \"Bêta\""), "{printed}");
    // A record before the import, which replaced it.
    let before = get(&server, &format!("{}?at={}", path("device", "R 1%"), import - 1));
    assert_eq!(before["vendor"], "Acme");

    // Two more imports, of which only the last copy is kept.
    server = server.start_again_with(&["--generations-kept", "1"]);
    imported(&server, "old", json!({}));
    let change = get(&server, &format!("/rest/history/{import}"));
    assert_eq!((&change["not_kept"], &change["records"]), (&json!(true), &json!([])), "{change}");
    let problem = undo(&server, &json!({"change": import})).problem(410, "not-in-history");
    assert!(problem["detail"].as_str().unwrap().contains("generations_kept"), "{problem}");
    assert_eq!(get(&server, "/rest/state")["earlier"].as_array().unwrap().len(), 1);
    is_whole(&server);
}

#[test]
fn an_import_is_undone_and_later_changes_stay() {
    let (server, import) = server();
    put(&server, "device", &json!({"name": "R 1%", "model": "later"}));
    put(&server, "device", &json!({"name": "mine"}));
    put(&server, "link", &json!({"name": "m", "source": "R 1%", "destination": "mine"}));
    put(&server, "pool", &json!({"name": "p", "devices": ["R 1%", "mine"]}));
    let before = inventory(&server);

    let dry = undo(&server, &json!({"change": import, "dry_run": true})).json();
    assert_eq!((&dry["outcome"], &dry["records_total"]), (&json!("dry_run"), &json!(6)), "{dry}");
    require_same(&inventory(&server), &before);

    let report = undone(&server, import);
    assert_eq!(
        (&report["written"], &report["records_total"]),
        (&json!("new_generation"), &json!(6))
    );
    let device = instance(&server, "device", "R 1%");
    assert_eq!((&device["vendor"], &device["model"]), (&json!("Acme"), &json!("later")));
    assert!(!exists(&server, "device", "new") && !exists(&server, "device", "[Shared] x"));
    assert!(exists(&server, "device", "mine") && exists(&server, "link", "m"));
    assert_eq!(instance(&server, "link", "l")["destination"], "gone");
    assert_eq!(instance(&server, "pool", "p")["devices"], json!(["R 1%", "mine", "gone"]));
    assert_eq!(instance(&server, "pool", "c")["device_number"], 0);
    assert_eq!(configuration(&server, "gone"), b"hostname gone\n");
    assert_eq!(configuration(&server, "R 1%"), b"hostname R1\n");
    is_whole(&server);

    // The undo is a change: with a later change it is undone record by record, and without one by its copy.
    let undo_number = last(&server);
    put(&server, "device", &json!({"name": "mine", "vendor": "x"}));
    let server = server.start_again();
    assert_eq!(undone(&server, undo_number)["written"], "new_generation");
    assert_eq!(instance(&server, "device", "R 1%")["vendor"], "Bêta");
    assert!(exists(&server, "device", "new") && !exists(&server, "link", "l"));
    assert_eq!(instance(&server, "device", "mine")["vendor"], "x");
    is_whole(&server);
    let again = undo(&server, &json!({})).json();
    assert_eq!(
        (&again["outcome"], &again["written"]),
        (&json!("undone"), &json!("earlier_generation"))
    );
    assert_eq!(instance(&server, "device", "R 1%")["vendor"], "Acme");
    is_whole(&server);
}

#[test]
fn what_was_changed_since_an_import_stands_in_the_way_or_stays() {
    let (server, import) = server();
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Gamma"}));
    put(&server, "link", &json!({"name": "m", "source": "new", "destination": "é>b"}));
    put(&server, "device", &json!({"name": "[Shared] x", "vendor": "mine"}));
    put(&server, "device", &json!({"name": "gone", "vendor": "another"}));
    let number = last(&server);
    let problem = undo(&server, &json!({"change": import})).problem(409, "undo-conflict");
    let conflict = |kind: &str, name: &str, property: Option<&str>, reason: &str| {
        let mut conflict = json!({"type": kind, "name": name, "reason": reason});
        if let Some(property) = property {
            conflict["property"] = json!(property);
        }
        conflict
    };
    let expected = json!([
        conflict("device", "R 1%", Some("vendor"), "changed_since"),
        conflict("device", "[Shared] x", None, "changed_since"),
        conflict("device", "gone", None, "name_taken"),
        conflict("device", "new", None, "referred_to"),
        conflict("device", "gone", Some("configuration"), "changed_since"),
    ]);
    assert_eq!(
        problem["conflicts"].as_array().unwrap()[..4],
        expected.as_array().unwrap()[..4],
        "{problem}"
    );
    assert_eq!(last(&server), number, "nothing was changed");

    let kept = undo(&server, &json!({"change": import, "on_conflict": "keep"})).json();
    assert_eq!(kept["outcome"], "undone_in_part", "{kept}");
    assert_eq!(kept["conflicts"], problem["conflicts"]);
    assert_eq!(instance(&server, "device", "R 1%")["vendor"], "Gamma");
    assert_eq!(instance(&server, "device", "gone")["vendor"], "another");
    // The link that the import removed comes back, because a device with the name of its target exists.
    assert_eq!(instance(&server, "link", "l")["destination"], "gone");
    assert!(exists(&server, "device", "new") && exists(&server, "link", "m"));
    is_whole(&server);
}

#[test]
fn records_that_need_a_missing_one_do_not_come_back() {
    let (server, import) = server();
    delete(&server, "device", "R 1%");
    let problem = undo(&server, &json!({"change": import})).problem(409, "undo-conflict");
    let reasons: Vec<&str> = problem["conflicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["removed_since", "target_missing"], "{problem}");
    let kept = undo(&server, &json!({"change": import, "on_conflict": "keep"})).json();
    assert_eq!(kept["outcome"], "undone_in_part", "{kept}");
    assert!(exists(&server, "device", "gone") && !exists(&server, "link", "l"));
    assert_eq!(instance(&server, "pool", "p")["devices"], json!(["gone"]));
    is_whole(&server);
}

#[test]
fn a_damaged_copy_is_found_by_a_verification_and_refused_by_an_undo() {
    let (mut server, import) = server();
    let verified = ask(&server, "POST", "/rest/verify").send().json();
    assert_eq!((&verified["whole"], &verified["earlier_generations"]), (&json!(true), &json!(2)));
    server.kill();
    let database = server.data().join("inventory-2/db");
    let mut bytes = std::fs::read(&database).unwrap();
    let device = bytes.windows(4).position(|bytes| bytes == b"Acme").unwrap();
    bytes[device] ^= 1;
    std::fs::write(&database, bytes).unwrap();
    let server = server.start_again();
    let verified = ask(&server, "POST", "/rest/verify").send().json();
    assert_eq!(verified["whole"], false, "{verified}");
    assert_eq!(verified["findings"]["shown"][0]["rule"], "generation", "{verified}");
    undo(&server, &json!({"change": import})).problem(500, "damaged");
    // The inventory itself is whole.
    assert_eq!(instance(&server, "device", "R 1%")["vendor"], "Bêta");
}

/// An undo of an import of users changes passwords, and never shows them.
#[test]
fn secrets_of_an_import_are_not_shown_and_go_back() {
    let server = Server::start();
    put(&server, "user", &json!({"name": "rosa", "password": "the first one"}));
    let users = "- {name: rosa, password: the second one}\n";
    put_folder(&server, "users", &documents(&[("user", users)]));
    imported(&server, "users", json!({}));
    let import = last(&server);
    put(&server, "device", &json!({"name": "later"}));
    let change = get(&server, &format!("/rest/history/{import}"));
    let hidden = json!({"property": "password", "secret": true});
    assert!(change["records"][0]["properties"].as_array().unwrap().contains(&hidden), "{change}");
    let report = undone(&server, import);
    for shown in [change.to_string(), report.to_string()] {
        assert!(!shown.contains("second one") && !shown.contains("argon2"), "{shown}");
    }
    let status =
        server.request("GET", "/rest/count").login(("rosa", "the first one")).send().status;
    assert_eq!(status, 200);
    assert!(exists(&server, "device", "later"));
    is_whole(&server);
}
