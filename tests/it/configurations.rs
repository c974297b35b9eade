//! The earlier configurations of devices: their versions, the text at a moment, and differences.

use serde_json::{Value, json};

use crate::harness::{Answer, Server, satchel, until};
use crate::inventory::{ask, delete, encode, get, hostile_names, put, shown};
use crate::project::{demo, documents, imported, put_folder, read_folder};

fn path(device: &str) -> String {
    format!("/rest/configuration/{}", encode(device))
}

fn put_text(server: &Server, device: &str, text: &str) {
    let answer = ask(server, "PUT", &path(device)).body(text).send();
    assert_eq!(answer.status, 200, "{}", shown(&answer));
}

fn versions(server: &Server, device: &str) -> Vec<Value> {
    get(server, &format!("{}/history", path(device))).as_array().unwrap().clone()
}

fn text(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", shown(answer));
    String::from_utf8(answer.body.clone()).unwrap()
}

fn text_at(server: &Server, device: &str, at: &Value) -> String {
    let at = at.as_str().map_or_else(|| at.to_string(), encode);
    text(&ask(server, "GET", &format!("{}?at={at}", path(device))).send())
}

#[test]
fn versions_are_listed_read_and_compared() {
    let server = Server::start();
    for name in hostile_names() {
        put(&server, "device", &json!({"name": name}));
        let none = versions(&server, &name);
        assert_eq!(none, [] as [Value; 0]);
        put_text(&server, &name, "hostname a\ninterface 1\n!\n");
        let message = ask(&server, "PUT", &path(&name)).header("x-change-message", "Rack 7 → 8");
        assert_eq!(message.body("hostname b\ninterface 1\n!\n").send().status, 200);
        // An equal text is no version.
        put_text(&server, &name, "hostname b\ninterface 1\n!\n");
        let property = format!("{}?property=operational_data", path(&name));
        assert_eq!(ask(&server, "PUT", &property).body("up\n").send().status, 200);

        let listed = versions(&server, &name);
        assert_eq!(listed.len(), 2);
        assert_eq!((&listed[0]["present"], &listed[1]["present"]), (&json!(true), &json!(false)));
        assert_eq!(
            (&listed[0]["bytes"], &listed[0]["message"]),
            (&json!(25), &json!("Rack 7 → 8"))
        );
        assert_eq!(listed[1]["principal"], "admin");
        assert_eq!(listed[1]["operation"], "put_configuration");
        let [new, old] = [&listed[0]["number"], &listed[1]["number"]];
        assert!(text_at(&server, &name, old).starts_with("hostname a"));
        assert!(text_at(&server, &name, new).starts_with("hostname b"));
        assert!(text_at(&server, &name, &listed[0]["time"]).starts_with("hostname b"));
        assert_eq!(text_at(&server, &name, &json!(old.as_u64().unwrap() - 1)), "");

        let compare = |query: &str| {
            text(&ask(&server, "GET", &format!("{}/diff?{query}", path(&name))).send())
        };
        let changed = "@@ -1,3 +1,3 @@\n-hostname a\n+hostname b\n interface 1\n !\n";
        let unified = compare("");
        let head = format!(
            "--- configuration of {name}\tchange {old}, {}, admin\n\
             +++ configuration of {name}\tchange {new}, {}, admin\n",
            listed[1]["time"].as_str().unwrap(),
            listed[0]["time"].as_str().unwrap()
        );
        assert_eq!(unified, head + changed);
        assert_eq!(compare(&format!("from={old}&to={new}")), unified);
        assert_eq!(compare(&format!("from={new}")), "");
        assert!(compare(&format!("from={new}&to={old}")).contains("-hostname b\n+hostname a\n"));
        assert!(compare("property=operational_data").contains("\tnone\n"));
    }
    let refused = |path: &str| ask(&server, "GET", path).send();
    refused("/rest/configuration/nobody/history").problem(404, "unknown-instance");
    refused("/rest/configuration/nobody/diff").problem(404, "unknown-instance");
    let device = path("..");
    refused(&format!("{device}/history?property=x")).problem(404, "unknown-text");
    refused(&format!("{device}?at=yesterday")).problem(400, "malformed-request");
    refused(&format!("{device}/diff?form=1")).problem(400, "malformed-request");
    refused(&format!("{device}?at=99999")).problem(404, "unknown-change");
    refused(&format!("{device}?at=2020-01-01")).problem(410, "not-in-history");
    assert_eq!(server.request("GET", &format!("{device}/history")).send().status, 401);
}

/// A text of 300 KB that cannot be packed to less than a third.
fn long_text(seed: u64) -> String {
    let mut state = seed;
    let line = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("interface {state:016x}\n")
    };
    (0..11_000).map(line).collect()
}

#[test]
fn the_last_texts_stay_when_the_history_is_trimmed() {
    let mut server = Server::start();
    for name in ["é>b", "R 1%", "gone"] {
        put(&server, "device", &json!({"name": name}));
    }
    put_text(&server, "R 1%", "written once\n");
    put_text(&server, "gone", "a\n");
    put_text(&server, "gone", "b\n");
    delete(&server, "device", "gone");
    for seed in 1..=8 {
        put_text(&server, "é>b", &long_text(seed));
    }
    // Imports copy the history to the archive.
    put_folder(&server, "demo", &read_folder(&demo()));
    imported(&server, "demo", json!({}));
    for seed in 9..=12 {
        put_text(&server, "é>b", &long_text(seed));
    }
    let all = versions(&server, "é>b");
    assert_eq!(all.len(), 12);
    let once = versions(&server, "R 1%");

    server = server.start_again_with(&["--history-mib", "1", "--configurations-kept", "7"]);
    until(|| {
        let answer = ask(&server, "GET", "/rest/history?limit=1").send();
        let begin: u64 = answer.header("x-history-begin").unwrap().parse().unwrap();
        begin > all[4]["number"].as_u64().unwrap()
    });
    for _ in 0..2 {
        let kept = versions(&server, "é>b");
        assert_eq!(kept, all[..7]);
        assert_eq!(versions(&server, "R 1%"), once);
        for (version, seed) in kept.iter().zip((1..=12).rev()) {
            assert_eq!(text_at(&server, "é>b", &version["number"]), long_text(seed));
            assert_eq!(text_at(&server, "é>b", &version["time"]), long_text(seed));
        }
        let oldest = all[7]["number"].as_u64().unwrap();
        let dropped = format!("{}?at={oldest}", path("é>b"));
        ask(&server, "GET", &dropped).send().problem(410, "not-in-history");
        let compare = format!("{}/diff?from={}", path("é>b"), all[6]["number"]);
        let unified = text(&ask(&server, "GET", &compare).send());
        assert!(unified.lines().count() > 22_000, "{}", unified.len());
        let gone = ask(&server, "GET", &format!("{}/history", path("gone"))).send();
        gone.problem(404, "unknown-instance");
        let verified = ask(&server, "POST", "/rest/verify").send().json();
        assert_eq!(verified["whole"], true, "{verified}");
        server = server.start_again();
    }
}

#[test]
fn renamed_devices_keep_their_texts_and_those_that_an_import_deletes_do_not() {
    let mut server = Server::start();
    put(&server, "device", &json!({"name": "gone 100%"}));
    put_text(&server, "gone 100%", "x\n");
    put_text(&server, "gone 100%", "y\n");
    put(&server, "device", &json!({"name": "old 1%"}));
    put_text(&server, "old 1%", "a\n");
    put_text(&server, "old 1%", "b\n");
    put(&server, "device", &json!({"name": "old 1%", "new_name": "日本語 🦀"}));
    put_text(&server, "日本語 🦀", "c\n");
    let last = versions(&server, "日本語 🦀")[0]["number"].as_u64().unwrap();
    // More than the history keeps.
    for letter in ["a", "b", "c"] {
        put(&server, "device", &json!({"name": "filler", "notes": letter.repeat(1 << 20)}));
    }
    let limits = ["--history-mib", "1", "--generations-kept", "1"];
    server = server.start_again_with(&limits);
    until(|| {
        let answer = ask(&server, "GET", "/rest/history?limit=1").send();
        answer.header("x-history-begin").unwrap().parse::<u64>().unwrap() > last
    });
    let texts = |server: &Server, device: &str| -> Vec<String> {
        let listed = versions(server, device);
        listed.iter().map(|one| text_at(server, device, &one["number"])).collect()
    };
    // The rename is a version, too.
    assert_eq!(texts(&server, "日本語 🦀"), ["c\n", "b\n", "b\n", "a\n"]);
    let none = |server: &Server, device: &str| {
        let answer = ask(server, "GET", &format!("{}/history", path(device))).send();
        answer.status == 404
    };
    assert!(none(&server, "old 1%"));
    assert_eq!(texts(&server, "gone 100%"), ["y\n", "x\n"]);

    // The import deletes both devices. Its undo could bring them back, so the texts stay.
    put_folder(&server, "demo", &read_folder(&demo()));
    imported(&server, "demo", json!({"empty_database_before_import": true}));
    server = server.start_again_with(&limits);
    assert_eq!(texts(&server, "gone 100%"), ["x\n"]);
    assert_eq!(ask(&server, "POST", "/rest/undo").send().status, 200);
    assert_eq!(texts(&server, "gone 100%"), ["y\n", "x\n"]);
    imported(&server, "demo", json!({"empty_database_before_import": true}));
    // After a second import, no copy of the inventory has them.
    let device = "- {name: 'é>b'}\n";
    put_folder(&server, "new", &documents(&[("device", device)]));
    let devices = json!({"import_export_types": ["device"], "empty_database_before_import": true});
    imported(&server, "new", devices);
    server = server.start_again_with(&limits);
    until(|| none(&server, "gone 100%") && none(&server, "日本語 🦀"));
    let verified = ask(&server, "POST", "/rest/verify").send().json();
    assert_eq!(verified["whole"], true, "{verified}");
}

#[test]
fn the_configurations_of_a_device_continue_before_its_rename() {
    let mut server = Server::start();
    put(&server, "device", &json!({"name": "old 1%"}));
    put_text(&server, "old 1%", "hostname a\n");
    put_text(&server, "old 1%", "hostname b\n");
    let before = versions(&server, "old 1%");
    put(&server, "device", &json!({"name": "old 1%", "new_name": "日本語 🦀"}));
    // The rename wrote no text.
    assert_eq!(versions(&server, "日本語 🦀"), before);
    put(&server, "device", &json!({"name": "old 1%"}));
    assert_eq!(versions(&server, "old 1%"), [] as [Value; 0]);
    let diff = |query: &str| {
        text(&ask(&server, "GET", &format!("{}/diff{query}", path("日本語 🦀"))).send())
    };
    let changed = "@@ -1 +1 @@\n-hostname a\n+hostname b\n";
    assert!(diff("").ends_with(changed), "{}", diff(""));
    let (new, old) = (&before[0]["number"], &before[1]["number"]);
    assert!(diff(&format!("?from={old}&to={new}")).ends_with(changed));
    assert_eq!(diff(&format!("?from={new}")), "");
    put_text(&server, "日本語 🦀", "hostname c\n");
    let listed = versions(&server, "日本語 🦀");
    assert_eq!(listed.len(), 3);
    assert_eq!((&listed[0]["present"], &listed[1]["present"]), (&json!(true), &json!(false)));
    assert!(diff("").ends_with("-hostname b\n+hostname c\n"), "{}", diff(""));

    // The commands show the same, while no server runs.
    let unified = diff("");
    server.kill();
    let data = server.data();
    let run = |arguments: &[&str]| {
        let mut command = satchel();
        command.arg("configuration").args(arguments).args(["日本語 🦀", "--data"]).arg(&data);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(run(&["diff"]), (Some(0), unified));
    assert_eq!(run(&["show"]), (Some(0), "hostname c\n".to_owned()));
    let at = listed[0]["number"].as_u64().unwrap() - 1;
    assert_eq!(run(&["show", "--at", &at.to_string()]), (Some(0), "hostname b\n".to_owned()));
    assert_eq!(run(&["show", "--at", "1"]), (Some(1), String::new()));
    assert_eq!(run(&["show", "--at", "yesterday"]), (Some(2), String::new()));
    let (code, list) = run(&["list"]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 3, "{list}");
    assert!(lines[0].ends_with("admin  11 bytes  present"), "{list}");
    let json: Value = serde_json::from_str(&run(&["list", "--json"]).1).unwrap();
    assert_eq!(json, Value::from(listed));
}
