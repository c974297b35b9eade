//! The history through a server: changes, their differences, and earlier states of records.

use serde_json::{Value, json};

use crate::harness::{ADMIN, GUEST, Server, satchel};
use crate::inventory::{ask, delete, encode, get, hostile_names, path, put};
use crate::project::{demo, imported, put_folder, read_folder};

/// The changes of a list, the newest first.
fn history(server: &Server, query: &str) -> Vec<Value> {
    let changes = get(server, &format!("/rest/history?{query}"));
    changes.as_array().unwrap().clone()
}

fn numbers(changes: &[Value]) -> Vec<u64> {
    changes.iter().map(|change| change["number"].as_u64().unwrap()).collect()
}

fn last_number(server: &Server) -> u64 {
    numbers(&history(server, "limit=1"))[0]
}

/// Puts a device with a message. Returns the response.
fn put_with_message(server: &Server, device: &Value, message: &str) -> crate::harness::Answer {
    ask(server, "POST", "/rest/instance/device")
        .header("x-change-message", message)
        .json(device)
        .send()
}

#[test]
fn a_change_is_listed_with_its_origin_and_shown_with_its_differences() {
    let server = Server::start();
    for name in hostile_names() {
        put(&server, "device", &json!({"name": name, "vendor": "Acme", "rack": 7}));
        let change = json!({"name": name, "vendor": "Bêta", "rack": 8});
        let answer = put_with_message(&server, &change, "Rack 7 → 8");
        let id = answer.header("x-request-id").unwrap();

        let change = &history(&server, "limit=1")[0];
        assert_eq!(change["principal"], "admin");
        assert_eq!(change["operation"], "put_instances");
        assert_eq!(change["address"], "127.0.0.1");
        assert_eq!(change["message"], "Rack 7 → 8");
        assert_eq!(change["request"], id);
        assert_eq!(change["names"], json!([{"type": "device", "name": name}]));
        let counts = json!([{"type": "device", "created": 0, "updated": 1, "removed": 0}]);
        assert_eq!(change["types"], counts);

        let number = change["number"].as_u64().unwrap();
        let details = get(&server, &format!("/rest/history/{number}"));
        let record = &details["records"][0];
        assert_eq!((&record["name"], &record["effect"]), (&json!(name), &json!("updated")));
        let properties = record["properties"].as_array().unwrap();
        let of =
            |property: &str| properties.iter().find(|one| one["property"] == property).unwrap();
        assert_eq!(of("vendor"), &json!({"property": "vendor", "before": "Acme", "after": "Bêta"}));
        assert_eq!(of("rack"), &json!({"property": "rack", "before": 7, "after": 8}));

        let own = get(&server, &format!("{}/history", path("device", &name)));
        assert_eq!(numbers(own.as_array().unwrap()), [number, number - 1]);
        assert_eq!(own[0]["records"], details["records"]);
        let before = get(&server, &format!("{}?at={}", path("device", &name), number - 1));
        assert_eq!((&before["vendor"], &before["rack"]), (&json!("Acme"), &json!(7)));
        let unborn = format!("{}?at={}", path("device", &name), number - 2);
        ask(&server, "GET", &unborn).send().problem(404, "unknown-instance");
        delete(&server, "device", &name);
        let deleted = get(&server, &format!("{}?at={number}", path("device", &name)));
        assert_eq!(deleted["vendor"], "Bêta");
        let own = get(&server, &format!("{}/history?limit=1", path("device", &name)));
        assert_eq!(own[0]["records"][0]["effect"], "removed");
    }
}

#[test]
fn filters_select_changes_and_pages_follow_each_other() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "é>b", "vendor": "Acme"}));
    put(&server, "network", &json!({"name": "..", "description": "x"}));
    put_with_message(&server, &json!({"name": "R 1%"}), "Maintenance of Évora");
    delete(&server, "device", "é>b");
    let all = history(&server, "");
    // The first change is the first user.
    assert_eq!(numbers(&all), [5, 4, 3, 2, 1]);
    assert_eq!(
        (&all[4]["principal"], &all[4]["operation"]),
        (&json!(""), &json!("create_first_user"))
    );
    for (query, expected) in [
        ("type=device", vec![5, 4, 2]),
        (&format!("name={}", encode("é>b")), vec![5, 2]),
        (&format!("type=network&name={}", encode("é>b")), vec![]),
        ("principal=admin", vec![5, 4, 3, 2]),
        ("operation=delete_instance", vec![5]),
        ("text=maintenance", vec![4]),
        (&format!("text={}", encode("ÉVORA")), vec![4]),
        ("text=R%201%25", vec![4]),
        ("since=2020-01-01", vec![5, 4, 3, 2, 1]),
        ("until=2020-01-01", vec![]),
        ("below=4&limit=2", vec![3, 2]),
        ("below=4&type=device", vec![2]),
    ] {
        assert_eq!(numbers(&history(&server, query)), expected, "{query}");
    }
    let time = all[1]["time"].as_str().unwrap();
    let at = numbers(&history(&server, &format!("since={}", encode(time))));
    assert!(at.contains(&5) && at.contains(&4), "{at:?}");
    let lines =
        ask(&server, "GET", "/rest/history?limit=2").header("accept", "application/x-ndjson");
    let lines = lines.send();
    assert_eq!(lines.header("x-history-begin"), Some("1"));
    let lines = String::from_utf8(lines.body).unwrap();
    assert_eq!(lines.lines().count(), 2);
    for line in lines.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
    for (wrong, parameter) in [
        ("type=devise", "type"),
        ("since=yesterday", "since"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("below=x", "below"),
    ] {
        let answer = ask(&server, "GET", &format!("/rest/history?{wrong}")).send();
        let problem = answer.problem(400, "malformed-request");
        assert_eq!(problem["errors"][0]["query_parameter"], parameter, "{problem}");
    }
    ask(&server, "GET", "/rest/history/6").send().problem(404, "unknown-change");
    ask(&server, "GET", "/rest/history/x").send().problem(404, "unknown-change");
    let future = format!("{}?at=6", path("device", "R 1%"));
    ask(&server, "GET", &future).send().problem(404, "unknown-change");
    let early = format!("{}?at=2020-01-01", path("device", "R 1%"));
    ask(&server, "GET", &early).send().problem(410, "not-in-history");
    let never = format!("{}/history", path("device", "never"));
    ask(&server, "GET", &never).send().problem(404, "unknown-instance");
}

#[test]
fn secrets_and_addresses_are_not_shown() {
    let server = Server::start();
    put(&server, "credential", &json!({"name": "c 100%", "password": "hunter-one"}));
    put(&server, "credential", &json!({"name": "c 100%", "password": "hunter-two"}));
    let number = last_number(&server);
    let shown = get(&server, &format!("/rest/history/{number}"));
    let properties = &shown["records"][0]["properties"];
    let secret = json!({"property": "password", "secret": true});
    assert!(properties.as_array().unwrap().contains(&secret), "{properties}");
    let before = get(&server, &format!("{}?at={}", path("credential", "c 100%"), number - 1));
    assert!(!before.to_string().contains("hunter"), "{before}");
    assert!(!shown.to_string().contains("hunter"), "{shown}");
    // The secrets are encrypted in the database too.
    for entry in std::fs::read_dir(server.data()).unwrap() {
        let database = entry.unwrap().path().join("db");
        if let Ok(bytes) = std::fs::read(database) {
            assert!(memchr::memmem::find(&bytes, b"hunter-").is_none());
        }
    }

    put(&server, "user", &json!({"name": GUEST.0, "password": GUEST.1}));
    let as_guest = |path: &str| {
        let answer = server.request("GET", path).login(GUEST).send();
        assert_eq!(answer.status, 200);
        answer.json()
    };
    let listed = as_guest("/rest/history");
    assert!(listed.as_array().unwrap().iter().all(|change| change["address"].is_null()));
    assert!(as_guest(&format!("/rest/history/{number}"))["address"].is_null());
    assert_eq!(history(&server, "limit=1")[0]["address"], "127.0.0.1");
    for path in ["/rest/history", "/rest/history/1", "/rest/instance/user/admin/history"] {
        assert_eq!(server.request("GET", path).send().status, 401, "{path}");
    }
}

#[test]
fn wrong_messages_are_refused_and_change_nothing() {
    let server = Server::start();
    let last = last_number(&server);
    let long = "x".repeat(1001);
    for message in [&long, "\u{1}a", "a\tb"] {
        let answer = put_with_message(&server, &json!({"name": "a"}), message);
        assert_eq!(answer.status, 400, "{message:.20}");
    }
    assert_eq!(last_number(&server), last);
    let longest = "é".repeat(500);
    assert_eq!(put_with_message(&server, &json!({"name": "a"}), &longest).status, 200);
    assert_eq!(history(&server, "limit=1")[0]["message"], longest);
}

#[test]
fn the_history_survives_imports_undos_and_restarts() {
    let mut server = Server::start();
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Acme"}));
    let created = last_number(&server);
    put_folder(&server, "a", &read_folder(&demo()));
    imported(&server, "a", json!({}));
    let import = &history(&server, "limit=1")[0];
    assert_eq!(import["operation"], "import_project");
    assert_eq!(import["generation"]["by"], "import");
    let device = import["types"].as_array().unwrap().iter().find(|one| one["type"] == "device");
    assert_eq!(device.unwrap()["created"], 17);
    assert_eq!(ask(&server, "POST", "/rest/undo").send().status, 200);
    let undone = &history(&server, "limit=1")[0];
    assert_eq!(undone["generation"]["by"], "undo");
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Beta"}));
    let updated = last_number(&server);
    let listed = numbers(&history(&server, ""));
    assert!(listed.is_sorted_by(|a, b| a > b), "{listed:?}");
    for _ in 0..2 {
        assert_eq!(numbers(&history(&server, "")), listed);
        let own = get(&server, &format!("{}/history", path("device", "R 1%")));
        assert_eq!(numbers(own.as_array().unwrap()), [updated, created]);
        // Neither the import nor its undo changed the device.
        let at = |number: u64| {
            get(&server, &format!("{}?at={number}", path("device", "R 1%")))["vendor"].clone()
        };
        assert_eq!(at(created), "Acme");
        assert_eq!(at(updated - 1), "Acme");
        assert_eq!(at(updated), "Beta");
        let verified = ask(&server, "POST", "/rest/verify").send().json();
        assert_eq!(verified["whole"], true, "{verified}");
        server = server.start_again();
    }
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Gamma"}));
    assert!(last_number(&server) > listed[0]);
}

#[test]
fn commands_list_and_show_changes_and_earlier_records() {
    let mut server = Server::start();
    server.kill();
    let (data, folder) = (server.data(), tempfile::tempdir().unwrap());
    let run = |arguments: &[&str]| {
        let mut command = satchel();
        let output = command.args(arguments).arg("--data").arg(&data).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let table = folder.path().join("sites.csv");
    std::fs::write(&table, "name,vendor\né>b 100%,Acme\n").unwrap();
    let table = table.to_str().unwrap();
    run(&["import", table, "--kind", "device", "--message", "First → rack"]);
    run(&["delete", "device", "é>b 100%", "--yes", "--message", "Gone"]);
    let listed = run(&["history"]);
    assert!(listed.contains("“First → rack”") && listed.contains("“Gone”"), "{listed}");
    assert!(listed.contains("1 device deleted: é>b 100%"), "{listed}");
    let json: Value = serde_json::from_str(&run(&["history", "--json", "--limit", "1"])).unwrap();
    let number = json[0]["number"].as_u64().unwrap();
    let shown = run(&["history", &number.to_string()]);
    assert!(shown.contains("device “é>b 100%” deleted"), "{shown}");
    let filtered = run(&["history", "--type", "link"]);
    assert_eq!(filtered, "No changes.\n");
    let record = run(&["show", "device", "é>b 100%", "--at", &(number - 1).to_string()]);
    assert!(record.contains("vendor") && record.contains("Acme"), "{record}");
}

/// The time of a change, as the history shows it.
fn time_of(server: &Server, number: u64) -> String {
    get(server, &format!("/rest/history/{number}"))["time"].as_str().unwrap().to_owned()
}

#[test]
fn a_record_is_shown_as_it_was_at_a_time() {
    let mut server = Server::start();
    let names = ["R 1%", "日本語 🦀", ".."];
    let mut changes = Vec::new();
    for vendor in ["Acme", "Beta", "Gamma"] {
        for name in names {
            put(&server, "device", &json!({"name": name, "vendor": vendor}));
        }
        changes.push((vendor, last_number(&server)));
        // Times in the history are milliseconds.
        let time = time_of(&server, last_number(&server));
        crate::harness::until(|| {
            put(&server, "device", &json!({"name": "clock", "vendor": vendor}));
            delete(&server, "device", "clock");
            time_of(&server, last_number(&server)) > time
        });
    }
    delete(&server, "device", "R 1%");
    // An import after which the records are in another copy of the inventory.
    put_folder(&server, "demo", &read_folder(&demo()));
    imported(&server, "demo", json!({"empty_database_before_import": true}));
    let times: Vec<(&str, String)> =
        changes.iter().map(|(vendor, number)| (*vendor, time_of(&server, *number))).collect();
    for name in names {
        for (vendor, time) in &times {
            let at = format!("{}?at={}", path("device", name), encode(time));
            assert_eq!(get(&server, &at)["vendor"], *vendor, "{name} at {time}");
        }
    }
    // The device does not exist at a later time, and the history begins after an earlier one.
    let device = path("device", "R 1%");
    let at = |time: &str| ask(&server, "GET", &format!("{device}?at={}", encode(time))).send();
    at(&time_of(&server, last_number(&server))).problem(404, "unknown-instance");
    at("2999-01-01").problem(400, "malformed-request");
    at("2020-01-01T00:00:00Z").problem(410, "not-in-history");
    at("2026-02-30").problem(400, "malformed-request");

    server.kill();
    let data = server.data();
    let show = |name: &str, at: &str| {
        let mut command = satchel();
        command.args(["show", "device", name, "--at", at, "--data"]).arg(&data);
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    for (vendor, time) in &times {
        let (is_shown, text) = show("日本語 🦀", time);
        assert!(is_shown && text.contains(vendor), "{vendor} at {time}: {text}");
    }
    assert!(!show("R 1%", "2999-01-01").0);
    assert!(!show("R 1%", "2020-01-01").0);
}

#[test]
fn old_changes_are_removed_while_the_server_runs() {
    let mut server = Server::start();
    // Two thirds of each megabyte are the text before.
    for letter in ["a", "b", "c", "d"] {
        let text = letter.repeat(1 << 20);
        put(&server, "device", &json!({"name": "R 1%", "notes": text}));
    }
    let last = last_number(&server);
    server = server.start_again_with(&["--history-mib", "2"]);
    crate::harness::until(|| numbers(&history(&server, "")).last() != Some(&1));
    let kept = numbers(&history(&server, ""));
    assert_eq!(kept.first(), Some(&last));
    let early = format!("{}?at=1", path("device", "R 1%"));
    let problem = ask(&server, "GET", &early).send().problem(410, "not-in-history");
    let begin = kept.last().unwrap();
    assert!(problem["detail"].as_str().unwrap().contains(&format!("change {begin} ")), "{problem}");
    let before = get(&server, &format!("{}?at={begin}", path("device", "R 1%")));
    assert!(before["notes"].as_str().unwrap().len() == 1 << 20);
    let verified = ask(&server, "POST", "/rest/verify").send().json();
    assert_eq!(verified["whole"], true, "{verified}");
}

#[test]
fn created_and_deleted_records_are_shown_with_their_values() {
    let server = Server::start();
    let credential = json!({"name": "R 1%", "username": "eva", "password": "S3cret"});
    put(&server, "credential", &credential);
    put(&server, "device", &json!({"name": "é>b", "vendor": "Acme", "rack": 7}));
    let properties = |number: u64| {
        get(&server, &format!("/rest/history/{number}"))["records"][0]["properties"].clone()
    };
    let find = |properties: &Value, name: &str| {
        let properties = properties.as_array().unwrap();
        properties.iter().find(|property| property["property"] == name).cloned()
    };
    let created = properties(last_number(&server) - 1);
    let secret = json!({"property": "password", "secret": true});
    assert_eq!(find(&created, "password"), Some(secret.clone()));
    let user = json!({"property": "username", "after": "eva"});
    assert_eq!(find(&created, "username"), Some(user));
    assert!(!created.to_string().contains("S3cret"));
    let device = properties(last_number(&server));
    assert_eq!(find(&device, "rack"), Some(json!({"property": "rack", "after": 7})));
    // The values of each new device are left out, and the name is that of the record.
    assert_eq!((find(&device, "model"), find(&device, "name")), (None, None));

    delete(&server, "device", "é>b");
    let deleted = properties(last_number(&server));
    assert_eq!(find(&deleted, "vendor"), Some(json!({"property": "vendor", "before": "Acme"})));
    delete(&server, "credential", "R 1%");
    assert_eq!(find(&properties(last_number(&server)), "password"), Some(secret));

    let mut command = satchel();
    command.args(["history", &(last_number(&server) - 1).to_string(), "--user", ADMIN.0]);
    command.args(["--server", &format!("http://{}", server.address)]);
    let output = command.env("SATCHEL_PASSWORD", ADMIN.1).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("device “é>b” deleted\n"), "{shown}");
    assert!(shown.contains("  vendor: \"Acme\"\n"), "{shown}");
}

#[test]
fn wrong_moments_are_refused_with_what_is_expected() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "R 1%"}));
    let device = path("device", "R 1%");
    for (path, words) in [
        (format!("{device}?at=-1"), "the number of a change, a date or a time such as"),
        (format!("{device}?at=99999999999999999999"), "is at most 18446744073709551615"),
        (format!("{device}?at=2026-11-27T10:00:00"), "append “Z” for UTC"),
        (format!("{device}?at=2999-01-01"), "in the future"),
        ("/rest/diff?since=2999-01-01T00:00:00Z".to_owned(), "in the future"),
        ("/rest/history?since=2999-01-01".to_owned(), "in the future"),
        ("/rest/history?until=x".to_owned(), "a date or a time such as"),
        ("/rest/history?limit=-1".to_owned(), "an integer from 1 to 1000"),
        ("/rest/history?limit=0".to_owned(), "an integer from 1 to 1000"),
        ("/rest/changes?wait=-1".to_owned(), "an integer from 0 to 55"),
        ("/rest/history?type=devise".to_owned(), "Did you mean “device”?"),
    ] {
        let problem = ask(&server, "GET", &path).send().problem(400, "malformed-request");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{path}: {detail}");
    }
    get(&server, "/rest/history?until=2999-01-01");
    for (arguments, words) in [
        (&["history", "--since", "yesterday"][..], "a date or a time such as"),
        (&["history", "abc"], "the number of a change is expected"),
        (&["undo", "--change", "2.5"], "the number of a change is expected"),
        (&["show", "device", "x", "--at", "2999-01-01"], "in the future"),
        (&["diff", "--to", "51"], "--since"),
    ] {
        let output = satchel().args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let long = "é".repeat(501);
    let output = satchel().args(["undo", "--message", &long]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the message has 1002 bytes; the limit is 1000"), "{said}");
    assert!(!said.contains(&long), "{said}");
}

/// Changes of one device, in each of which the vendor is another one.
const MANY_CHANGES: u64 = 300;

#[test]
fn a_record_that_changes_hundreds_of_times_is_read_and_undone_at_each_change() {
    let mut server = Server::start();
    let device = path("device", "é>b 100%");
    let body = |number: u64| {
        let vendor = format!("R 1% {number}");
        json!({"name": "é>b 100%", "vendor": vendor, "model": "X", "notes": "[Shared] ".repeat(20)})
    };
    put(&server, "device", &body(0));
    let first = last_number(&server);
    (1..MANY_CHANGES).for_each(|number| drop(put(&server, "device", &body(number))));
    let agrees = |server: &Server| {
        for number in 0..MANY_CHANGES {
            let then = get(server, &format!("{device}?at={}", first + number));
            assert_eq!(then["vendor"], body(number)["vendor"]);
        }
        let listed = get(server, &format!("{device}/history?limit=1000"));
        let listed = numbers(listed.as_array().unwrap());
        let expected: Vec<u64> = (first..first + MANY_CHANGES).rev().collect();
        assert_eq!(listed[listed.len() - expected.len()..], expected);
        let early = get(server, &format!("/rest/history/{}", first + 7));
        let differences = early.to_string();
        assert!(differences.contains("R 1% 6") && differences.contains("R 1% 7"), "{early}");
        let verified = ask(server, "POST", "/rest/verify").send().json();
        assert_eq!(verified["whole"], true, "{verified}");
    };
    agrees(&server);
    let undo = |server: &Server, change: u64| {
        ask(server, "POST", "/rest/undo").json(&json!({"change": change})).send()
    };
    assert_eq!(undo(&server, first + 7).status, 409);
    server = server.start_again();
    agrees(&server);
    // A property that only an early change set: no later one is in the way.
    put(&server, "device", &json!({"name": "é>b 100%", "location": "Lisbon"}));
    let moved = last_number(&server);
    (0..40).for_each(|number| drop(put(&server, "device", &body(number))));
    let undone = undo(&server, moved);
    assert_eq!(undone.status, 200, "{}", String::from_utf8_lossy(&undone.body));
    assert_eq!(get(&server, &device)["location"], "");
    // The copy in the archive says the same.
    put_folder(&server, "a", &read_folder(&demo()));
    imported(&server, "a", json!({}));
    agrees(&server);
    assert_eq!(get(&server, &format!("{device}?at={moved}"))["location"], "Lisbon");
}
