//! The changes of one record, among them those that replaced the whole inventory.

use serde_json::{Value, json};

use crate::{
    harness::{ADMIN, Server, satchel},
    inventory::{ask, encode, get, path, put, shown},
    project::{documents, imported, put_folder},
};

const OLD: &str = "- {name: 'R 1%', vendor: Acme, rack: 1}\n- {name: 'é>b'}\n- {name: gone}\n";

/// Updates one device, creates one and removes one.
const NEW: &str =
    "- {name: 'R 1%', vendor: Bêta, rack: 1}\n- {name: 'é>b'}\n- {name: '[Shared] x'}\n";

/// Imports the project as the only devices, as a new generation. Returns the number of the change.
fn replaced_by(server: &Server, project: &str) -> u64 {
    let options = json!({"import_export_types": ["device"], "empty_database_before_import": true});
    let report = imported(server, project, options);
    assert_eq!(report["written"], "new_generation", "{report}");
    last(server)
}

fn last(server: &Server) -> u64 {
    get(server, "/rest/history?limit=1")[0]["number"].as_u64().unwrap()
}

/// A server with the devices of `OLD`, of which two have a configuration, and then those of `NEW`. Returns the
/// number of the last import.
fn server() -> (Server, u64) {
    let server = Server::start();
    let link = "- {name: l, source: 'R 1%', destination: gone}\n";
    let pool = "- {name: p, manually_defined: true, devices: ['R 1%', gone]}\n";
    put_folder(&server, "old", &documents(&[("device", OLD), ("link", link), ("pool", pool)]));
    imported(&server, "old", json!({}));
    for device in ["gone", "R 1%"] {
        let path = format!("/rest/configuration/{}", encode(device));
        assert_eq!(ask(&server, "PUT", &path).body("hostname x\n").send().status, 200);
    }
    put_folder(&server, "new", &documents(&[("device", NEW)]));
    let import = replaced_by(&server, "new");
    (server, import)
}

/// The changes of a record, the newest first.
fn changes_of(server: &Server, kind: &str, name: &str) -> Vec<Value> {
    get(server, &format!("{}/history", path(kind, name))).as_array().unwrap().clone()
}

/// The changes of a list that is filtered by the type and name of a record.
fn listed(server: &Server, kind: &str, name: &str) -> Vec<Value> {
    let path = format!("/rest/history?type={kind}&name={}", encode(name));
    get(server, &path).as_array().unwrap().clone()
}

/// What each change did to the record: its number, and its effect or `not_kept`.
fn effects(changes: &[Value]) -> Vec<(u64, &str)> {
    let effect = |change: &'_ Value| match change["not_kept"].as_bool() {
        Some(true) => {
            assert_eq!(change["records"], json!([]), "{change}");
            "not_kept"
        }
        _ => {
            assert_eq!(change["records"].as_array().unwrap().len(), 1, "{change}");
            match change["records"][0]["effect"].as_str().unwrap() {
                "created" => "created",
                "updated" => "updated",
                "removed" => "removed",
                other => panic!("{other}"),
            }
        }
    };
    changes.iter().map(|change| (change["number"].as_u64().unwrap(), effect(change))).collect()
}

fn numbers(changes: &[Value]) -> Vec<u64> {
    changes.iter().map(|change| change["number"].as_u64().unwrap()).collect()
}

/// The numbers of changes, and their effects.
type Effects<'e> = &'e [(u64, &'e str)];

/// The printed list of the changes of a device.
fn printed(server: &Server, name: &str) -> String {
    let mut command = satchel();
    command.args(["history", "--type", "device", "--name", name, "--user", ADMIN.0, "--server"]);
    command.arg(format!("http://{}", server.address)).env("SATCHEL_PASSWORD", ADMIN.1);
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn the_changes_of_a_record_contain_the_imports_that_changed_it() {
    let (server, import) = server();
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Gamma"}));
    let later = last(&server);
    let expected: [(&str, &str, Effects); 6] = [
        ("device", "R 1%", &[(later, "updated"), (import, "updated")]),
        ("device", "[Shared] x", &[(import, "created")]),
        ("device", "gone", &[(import, "removed")]),
        ("device", "é>b", &[]),
        ("link", "l", &[(import, "removed")]),
        ("pool", "p", &[(import, "updated")]),
    ];
    for (kind, name, newest) in expected {
        let changes = changes_of(&server, kind, name);
        let effects = effects(&changes);
        let since = effects.iter().take_while(|(number, _)| *number >= import);
        assert_eq!(since.copied().collect::<Vec<_>>(), newest, "{kind} {name}");
        // The list with filters has the same changes, and the name of the record.
        let filtered = listed(&server, kind, name);
        assert_eq!(numbers(&filtered), numbers(&changes), "{kind} {name}");
        if let Some(change) = filtered.iter().find(|change| change["number"] == import) {
            assert_eq!(change["names"], json!([{"type": kind, "name": name}]), "{change}");
        }
    }
    let change = &changes_of(&server, "device", "R 1%")[1];
    let vendor = json!({"property": "vendor", "before": "Acme", "after": "Bêta"});
    assert!(change["records"][0]["properties"].as_array().unwrap().contains(&vendor), "{change}");

    // Pages, the other filters, and the command.
    let page = |query: &str| {
        let path = format!("{}/history?{query}", path("device", "R 1%"));
        numbers(get(&server, &path).as_array().unwrap())
    };
    assert_eq!(page("limit=1"), [later]);
    assert_eq!(page(&format!("limit=1&below={later}")), [import]);
    assert!(!page(&format!("below={import}")).contains(&import));
    let filtered = |query: &str| {
        numbers(get(&server, &format!("/rest/history?name=R%201%25&{query}")).as_array().unwrap())
    };
    assert_eq!(filtered(&format!("limit=1&below={later}")), [import]);
    assert_eq!(filtered("operation=import_project&text=r+1&limit=1"), [import]);
    assert!(filtered("operation=import_project&type=link").is_empty());
    assert!(filtered("operation=import_project&text=elsewhere").is_empty());
    let printed = printed(&server, "R 1%");
    assert!(printed.contains(&format!("{import}  ")), "{printed}");
    assert!(!printed.contains("not known"), "{printed}");
}

#[test]
fn the_changes_of_a_record_contain_the_undo_of_an_import() {
    let (server, import) = server();
    put(&server, "device", &json!({"name": "mine"}));
    let undo = ask(&server, "POST", "/rest/undo").json(&json!({"change": import})).send();
    assert_eq!(undo.json()["written"], "new_generation", "{}", shown(&undo));
    let undo = last(&server);
    let newest = |kind: &str, name: &str| {
        let changes = changes_of(&server, kind, name);
        let newest = effects(&changes).into_iter().take(2);
        newest.map(|(number, effect)| format!("{number} {effect}")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(newest("device", "R 1%"), format!("{undo} updated, {import} updated"));
    assert_eq!(newest("device", "[Shared] x"), format!("{undo} removed, {import} created"));
    assert_eq!(newest("link", "l"), format!("{undo} created, {import} removed"));
    assert!(!numbers(&changes_of(&server, "device", "mine")).contains(&undo));

    // An undo that uses the copy from before the change again.
    let again = ask(&server, "POST", "/rest/undo").json(&json!({})).send();
    assert_eq!(again.json()["written"], "earlier_generation", "{}", shown(&again));
    let again = last(&server);
    let changes = changes_of(&server, "device", "R 1%");
    let found = effects(&changes);
    assert_eq!(found[0].0, again, "{found:?}");
    assert!(numbers(&changes_of(&server, "device", "[Shared] x")).contains(&again));
    assert_eq!(numbers(&listed(&server, "device", "R 1%")), numbers(&changes));
}

#[test]
fn imports_whose_copies_are_gone_are_marked_unless_they_left_the_record_as_it_was() {
    let (mut server, import) = server();
    let first = 2;
    let change = get(&server, &format!("/rest/history/{first}"));
    assert_eq!(change["operation"], "import_project", "{change}");
    server = server.start_again_with(&["--generations-kept", "1"]);
    let second = replaced_by(&server, "old");
    let third = replaced_by(&server, "new");
    assert_eq!(get(&server, "/rest/state")["earlier"].as_array().unwrap().len(), 1);

    let changes = changes_of(&server, "device", "R 1%");
    let effects_of = effects(&changes);
    let expected = [(third, "updated"), (second, "not_kept"), (import, "not_kept")];
    assert_eq!(effects_of[..3], expected, "{effects_of:?}");
    let filtered = listed(&server, "device", "R 1%");
    let marked = filtered.iter().filter(|change| change["not_kept"] == true);
    assert_eq!(numbers(&marked.cloned().collect::<Vec<_>>()), [second, import, first]);
    assert_eq!(numbers(&filtered), numbers(&changes));
    let printed = printed(&server, "R 1%");
    assert_eq!(printed.matches("It is not known").count(), 2, "{printed}");
    // The record before the last import has the version of the import before.
    assert_eq!(printed.matches("This change changed the record").count(), 1, "{printed}");
    let certain = changes.iter().filter(|change| change["changed"] == true);
    assert_eq!(numbers(&certain.cloned().collect::<Vec<_>>()), [second]);

    // Only the first import changed this device, and its version shows it.
    let untouched = numbers(&changes_of(&server, "device", "é>b"));
    assert!([third, second, import].iter().all(|number| !untouched.contains(number)));
    assert_eq!(untouched.last(), Some(&first), "{untouched:?}");
    // An earlier record is not known from before the first import whose copy is gone.
    let at = |name: &str, number: u64| {
        ask(&server, "GET", &format!("{}?at={number}", path("device", name))).send()
    };
    for number in [first, import - 1] {
        let problem = at("R 1%", number).problem(410, "not-in-history");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("change {import},")), "{detail}");
        assert_eq!(at("é>b", number).status, 200);
    }
    assert_eq!(at("R 1%", second).json()["vendor"], "Acme");
    // A removed device is found, and a name that never existed has no changes.
    let gone = changes_of(&server, "device", "gone");
    assert_eq!(effects(&gone)[0], (third, "removed"));
    let missing = ask(&server, "GET", &format!("{}/history", path("device", "gon"))).send();
    missing.problem(404, "unknown-instance");
    assert_eq!(listed(&server, "device", "gon"), Vec::<Value>::new());
}

#[test]
fn the_text_of_a_device_that_came_back_is_part_of_its_changes() {
    let (mut server, import) = server();
    put(&server, "device", &json!({"name": "mine"}));
    let undo = ask(&server, "POST", "/rest/undo").json(&json!({"change": import})).send();
    assert_eq!(undo.json()["written"], "new_generation", "{}", shown(&undo));
    let undo = last(&server);

    let changes = changes_of(&server, "device", "gone");
    assert_eq!(effects(&changes)[..2], [(undo, "created"), (import, "removed")]);
    let configuration = json!({"property": "configuration", "text": true});
    for change in &changes[..2] {
        let properties = change["records"][0]["properties"].as_array().unwrap();
        assert!(properties.contains(&configuration), "{change}");
    }

    // Without the copies it is not known that the undo created the device, only that it might have.
    server = server.start_again_with(&["--generations-kept", "1"]);
    let second = replaced_by(&server, "new");
    let third = replaced_by(&server, "old");
    let changes = changes_of(&server, "device", "gone");
    let expected =
        [(third, "created"), (second, "not_kept"), (undo, "not_kept"), (import, "not_kept")];
    assert_eq!(effects(&changes)[..4], expected);
}

/// The number, the name and the effect of each change, and whether it was of another record.
fn lines(changes: &[Value]) -> Vec<(u64, &str, &str, bool)> {
    fn line(change: &Value) -> (u64, &str, &str, bool) {
        let record = &change["records"][0];
        (
            change["number"].as_u64().unwrap(),
            record["name"].as_str().unwrap(),
            record["effect"].as_str().unwrap(),
            change["other_record"] == true,
        )
    }
    changes.iter().map(line).collect()
}

#[test]
fn the_changes_of_a_record_continue_before_its_renames() {
    let server = Server::start();
    let change = |body: Value| {
        put(&server, "device", &body);
        last(&server)
    };
    let first = change(json!({"name": "R 1%", "vendor": "Acme"}));
    let renamed = change(json!({"name": "R 1%", "new_name": "é>b"}));
    let created = change(json!({"name": "R 1%", "vendor": "Other"}));
    let updated = change(json!({"name": "é>b", "vendor": "Bêta"}));
    let back = change(json!({"name": "é>b", "new_name": "日本語 🦀"}));
    let changes = changes_of(&server, "device", "日本語 🦀");
    let expected = [
        (back, "日本語 🦀", "updated", false),
        (updated, "é>b", "updated", false),
        (renamed, "é>b", "updated", false),
        (first, "R 1%", "created", false),
    ];
    assert_eq!(lines(&changes), expected);
    // The pages follow each other.
    let page = format!("{}/history?limit=2&below={updated}", path("device", "日本語 🦀"));
    assert_eq!(lines(get(&server, &page).as_array().unwrap()), expected[2..]);
    // The new record with the old name is another one.
    let other = changes_of(&server, "device", "R 1%");
    let expected = [
        (created, "R 1%", "created", false),
        (renamed, "R 1%", "removed", true),
        (first, "R 1%", "created", true),
    ];
    assert_eq!(lines(&other), expected);

    // The undo of a deletion brings the same record back.
    ask(&server, "DELETE", &path("device", "日本語 🦀")).send();
    let deleted = last(&server);
    assert_eq!(ask(&server, "POST", "/rest/undo").send().status, 200);
    let undone = last(&server);
    let changes = changes_of(&server, "device", "日本語 🦀");
    assert_eq!(numbers(&changes), [undone, deleted, back, updated, renamed, first]);
    assert!(changes.iter().all(|change| change["other_record"].is_null()), "{changes:?}");
}

#[test]
fn a_record_of_an_import_is_told_apart_from_an_earlier_one() {
    let (server, import) = server();
    // The device of this name was deleted by the import.
    put_folder(&server, "again", &documents(&[("device", "- {name: gone, vendor: Other}\n")]));
    let again = replaced_by(&server, "again");
    let changes = changes_of(&server, "device", "gone");
    let lines = lines(&changes);
    assert_eq!(lines[0], (again, "gone", "created", false));
    assert_eq!(lines[1], (import, "gone", "removed", true));
    assert!(lines[2..].iter().all(|(.., is_other)| *is_other), "{lines:?}");
}
