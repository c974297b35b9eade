//! Custom properties whose names are secrets: they are encrypted on every way in and shown on no way out.

use std::{fs, path::Path, process::Stdio, time::Duration};

use serde_json::{Value, json};

use crate::{
    backups::entries,
    commands::{assert_exit, run, stdout_of},
    data_directory::holds,
    forms::{Form, posted},
    harness::{ADMIN, Server, command, satchel},
    inventory::{get, path, post, put, queried},
    project::{documents, export, fetch, import, imported, inventory, put_folder, text, unpack},
};

/// A document with secrets of every type, as eNMS writes it.
const DEVICES: &str = "- \"enable\": !!bool \"true\"\n  \"name\": \"R 1%\"\n  \"password\": \"yes\"\n  \
    \"pin\": !!int \"1234\"\n  \"snmp_community\": \"hunter-community\"\n  \"tokens\":\n  \
    - \"hunter-token\"\n  - \"a\": !!float \"1.5\"\n    \"b\": !!null \"null\"\n\
    - \"name\": \"\\xE9>b\"\n  \"password\": \"\"\n  \"psk\": !!binary |\n    aHVudGVy\n  \"rack\": \"7\"\n";

/// Asserts that an answer shows no secret.
fn assert_hidden(of: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(!text.contains("hunter"), "{of}: {text:.2000}");
}

/// A user without any right beyond reading, and administrators too, read everything except the secret.
#[test]
fn no_way_out_shows_a_secret() {
    let server = Server::start();
    let devices = [
        json!({"name": "R 1%", "snmp_community": "hunter-one", "rack": 7}),
        json!({"name": "R 1%", "snmp_community": "hunter-two", "vendor": "Acme"}),
        json!({"name": "R 1%", "new_name": "é>b"}),
        json!({"name": "é>b", "remove": ["snmp_community"]}),
        json!({"name": "é>b", "tokens": ["hunter-three"], "pin": "hunter-four"}),
        json!({"name": "é>b", "vendor": "Beta"}),
    ];
    for device in &devices {
        put(&server, "device", device);
    }
    put(&server, "user", &json!({"name": "eva", "password": "Oslo Fjord 9 !"}));
    let last = get(&server, "/rest/history")[0]["number"].as_u64().unwrap();
    let device = path("device", "é>b");
    let mut paths = vec![
        "/rest/instance/device".to_owned(),
        device.clone(),
        format!("{device}/history"),
        format!("{}/history", path("device", "R 1%")),
        "/rest/query/device?columns=name,snmp_community,tokens,pin,rack".to_owned(),
        "/rest/query/device?order=pin".to_owned(),
        "/rest/diff?since=1".to_owned(),
        "/rest/diff?since=1&all=true".to_owned(),
        "/rest/changes?after=1".to_owned(),
        "/rest/history?limit=100".to_owned(),
        "/rest/audit?limit=100".to_owned(),
        "/rest/state".to_owned(),
        "/metrics".to_owned(),
    ];
    for number in 1..=last {
        paths.push(format!("/rest/history/{number}"));
        paths.push(format!("{device}?at={number}"));
        paths.push(format!("{}?at={number}", path("device", "R 1%")));
        paths.push(format!("/rest/diff?since={number}&to={last}"));
    }
    let mut shown = 0;
    for login in [ADMIN, ("eva", "Oslo Fjord 9 !")] {
        for path in &paths {
            let answer = server.request("GET", path).login(login).send();
            assert!(answer.status < 500, "{path}");
            assert_hidden(path, &answer.body);
            shown += usize::from(answer.status == 200);
        }
    }
    assert!(shown > paths.len(), "{shown}");
    // A search cannot tell whether a value matches: no device has such a property.
    for filter in ["inclusion", "equality", "regex", "empty"] {
        let answers = ["hunter-four", "x"].map(|criterion| {
            let body = json!({
                "type": "device", "columns": ["name", "pin"],
                "search_criteria": {"pin": criterion, "pin_filter": filter},
                "order": [{"column": 1, "dir": "asc"}],
            });
            let answer = server.request("POST", "/rest/search").login(ADMIN).json(&body).send();
            let mut said = answer.json();
            if let Some(problem) = said.as_object_mut() {
                problem.remove("request_id");
            }
            (answer.status, said)
        });
        assert_eq!(answers[0], answers[1], "{filter}");
    }
    // Workbooks leave it out, in a cell and as a heading.
    for name in ["E.xlsx", "E.xls"] {
        let body = json!({"name": name});
        let answer =
            server.request("POST", "/rest/topology/export").login(ADMIN).json(&body).send();
        assert_eq!(answer.status, 200, "{name}");
        let warned = warnings(&answer.json());
        assert!(warned.contains("property 'pin' of devices was not exported"), "{warned}");
        let download = answer.json()["download"].as_str().unwrap().to_owned();
        let workbook = server.request("GET", &download).login(ADMIN).send().body;
        let parts = if name.ends_with(".xlsx") {
            entries(&workbook)
        } else {
            vec![(name.to_owned(), workbook)]
        };
        for (part, bytes) in parts {
            assert_hidden(&part, &bytes);
            assert!(!String::from_utf8_lossy(&bytes).contains("snmp_community"), "{name}");
        }
    }
    assert_hidden("the log", log(&server).as_bytes());
    // An undo shows a change without values.
    let undone = undo_last(&server, "é>b");
    assert_eq!(undone["outcome"], "undone");
    assert_hidden("an undo", undone.to_string().as_bytes());
}

#[test]
fn replacing_imports_keep_or_set_secrets_as_they_do_with_others() {
    let server = Server::start();
    put_folder(&server, "in", &documents(&[("device", DEVICES)]));
    let replace = json!({"import_export_types": ["device"], "empty_database_before_import": true});
    imported(&server, "in", replace.clone());
    let device = || text(&inventory(&server), "device").to_owned();
    assert_eq!(device(), DEVICES);
    // A replacing import of documents leaves nothing of the existing records.
    let other = DEVICES.replace("hunter-community", "hunter-other");
    put_folder(&server, "other", &documents(&[("device", &other)]));
    let report = imported(&server, "other", replace.clone());
    assert_hidden("a report", report.to_string().as_bytes());
    assert_eq!(device(), other);
    let undo = server.request("POST", "/rest/undo").login(ADMIN).json(&json!({})).send().json();
    assert_eq!(undo["outcome"], "undone", "{undo}");
    assert_eq!(device(), DEVICES);
    put_folder(&server, "without", &documents(&[("device", "- {name: 'R 1%', rack: 8}\n")]));
    imported(&server, "without", replace);
    assert!(
        !device().contains("hunter") && device().contains("\"rack\": !!int \"8\""),
        "{}",
        device()
    );
    // A replacing workbook keeps secrets, which it cannot contain.
    put(&server, "device", &json!({"name": "R 1%", "snmp_community": "hunter-kept"}));
    let table = Form::of_file("a.csv", b"name,port\nR 1%,22\n").field("replace", "true");
    let answer = posted(&server, "?kind=device", table.bytes()).send();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_hidden("a report", &answer.body);
    assert!(device().contains("\"snmp_community\": \"hunter-kept\""), "{}", device());
    assert!(!device().contains("rack"), "{}", device());
}

#[test]
fn a_backup_contains_secrets_and_a_restore_encrypts_them() {
    let server = Server::start();
    put_folder(&server, "in", &documents(&[("device", DEVICES)]));
    imported(&server, "in", json!({"import_export_types": ["device"]}));
    let device = |server: &Server| text(&inventory(server), "device").to_owned();
    let made =
        server.request("POST", "/rest/backup").login(ADMIN).json(&json!({"name": "b"})).send();
    assert_eq!(made.status, 200);
    assert_hidden("a backup", &made.body);
    let backup = fs::read(server.data().join("backups/b.zip")).unwrap();
    let restore = |body: &Value| {
        let restored = server.request("POST", "/rest/restore").login(ADMIN).json(body).send();
        assert_eq!(restored.status, 200, "{}", String::from_utf8_lossy(&restored.body));
        assert_hidden("a restore", &restored.body);
        restored.json()
    };
    put(&server, "device", &json!({"name": "R 1%", "snmp_community": "hunter-changed"}));
    put(&server, "device", &json!({"name": "é>b", "remove": ["psk"]}));
    let plan = restore(&json!({"backup": "b", "dry_run": true}));
    restore(&json!({"backup": "b", "plan": plan["plan"]}));
    assert_eq!(device(&server), DEVICES);
    let shown = get(&server, &path("device", "R 1%"));
    assert!(shown.get("snmp_community").is_none(), "{shown}");
    drop(server);
    // In a new directory: under its key.
    let folder = tempfile::tempdir().unwrap();
    let (file, data) = (folder.path().join("b.zip"), folder.path().join("data"));
    fs::write(&file, &backup).unwrap();
    assert_exit(&run(satchel().arg("restore").arg(&file).arg("--data").arg(&data)), 0);
    assert!(!is_clear(&data));
    let server = Server::start_on_data(folder);
    assert_eq!(device(&server), DEVICES);
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
}

/// Undoes the last change of a device.
fn undo_last(server: &Server, name: &str) -> Value {
    let history = get(server, &format!("{}/history", path("device", name)));
    let body = json!({"change": history[0]["number"]});
    server.request("POST", "/rest/undo").login(ADMIN).json(&body).send().json()
}

fn warnings(answer: &Value) -> String {
    answer["warnings"].to_string()
}

#[test]
fn a_change_encrypts_and_no_read_shows_it() {
    let server = Server::start();
    let device = json!({"name": "R 1%", "snmp_community": "hunter-one", "enable": true, "rack": 7});
    let answer = put(&server, "device", &device);
    assert!(warnings(&answer).contains("'snmp_community' is encrypted"), "{answer}");
    assert!(!warnings(&answer).contains("'enable'"), "{answer}");
    let shown = get(&server, &path("device", "R 1%"));
    assert_eq!((&shown["enable"], &shown["rack"]), (&json!(true), &json!(7)));
    assert!(shown.get("snmp_community").is_none(), "{shown}");
    // Neither a filter nor a column nor a pool tells it.
    let filtered = server.request("GET", "/rest/query/device?snmp_community=hunter-one");
    assert_eq!(filtered.login(ADMIN).send().status, 400);
    assert_eq!(queried(&server, "device", "rack=7"), ["R 1%"]);
    let pool = json!({"name": "p", "device_snmp_community": "hunter", "device_rack": "7"});
    let refused = post(&server, "pool", &pool);
    assert_eq!(refused.status, 422);
    assert!(String::from_utf8_lossy(&refused.body).contains("compares a secret"));
    // The same value changes nothing; another one is a change without values.
    assert_eq!(put(&server, "device", &device)["unchanged"], json!(["R 1%"]));
    put(&server, "device", &json!({"name": "R 1%", "snmp_community": "hunter-two"}));
    let history = get(&server, &format!("{}/history", path("device", "R 1%")));
    let number = history[0]["number"].as_u64().unwrap();
    let change = get(&server, &format!("/rest/history/{number}"));
    let properties = change["records"][0]["properties"].as_array().unwrap().clone();
    let community = properties.iter().find(|one| one["property"] == "snmp_community").unwrap();
    assert_eq!(*community, json!({"property": "snmp_community", "secret": true}));
    let document = || text(&inventory(&server), "device").to_owned();
    assert!(document().contains("\"snmp_community\": \"hunter-two\"\n"));
    // A rename binds it to the new name, and an undo restores the earlier value.
    put(&server, "device", &json!({"name": "R 1%", "new_name": "é>b"}));
    assert!(document().contains("\"snmp_community\": \"hunter-two\"\n"));
    assert_eq!(undo_last(&server, "é>b")["outcome"], "undone");
    assert_eq!(undo_last(&server, "R 1%")["outcome"], "undone");
    // The undo of the rename is the last change, so this undoes that.
    put(&server, "device", &json!({"name": "é>b", "snmp_community": "hunter-three"}));
    let undone = undo_last(&server, "é>b");
    assert_eq!(undone["outcome"], "undone", "{undone}");
    assert!(document().contains("\"snmp_community\": \"hunter-two\"\n"), "{}", document());
    put(&server, "device", &json!({"name": "é>b", "remove": ["snmp_community"]}));
    assert!(!document().contains("snmp_community"));
    let undone = undo_last(&server, "é>b");
    assert_eq!(undone["outcome"], "undone", "{undone}");
    assert!(document().contains("\"snmp_community\": \"hunter-two\"\n"));
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
    let data = server.data();
    drop(server);
    assert!(!data.exists() || !holds(&data, "hunter-"));
}

#[test]
fn an_import_encrypts_and_an_export_with_secrets_returns_its_bytes() {
    let server = Server::start();
    put_folder(&server, "in", &documents(&[("device", DEVICES)]));
    let types = json!({"import_export_types": ["device"]});
    let mut dry = types.clone();
    dry["dry_run"] = json!(true);
    for options in [dry, types.clone()] {
        let report = import(&server, "in", options).json();
        let warned = warnings(&report);
        for property in ["password", "pin", "snmp_community", "tokens", "psk"] {
            assert!(warned.contains(&format!("'{property}' comes unencrypted")), "{warned}");
        }
        assert!(!warned.contains("'enable'") && !warned.contains("'rack'"), "{warned}");
        assert!(!report.to_string().contains("hunter"), "{report}");
    }
    let report = export(&server, "out", types.clone());
    let named =
        ["password", "pin", "psk", "snmp_community", "tokens"].map(|it| format!("device.{it}"));
    let listed = report["secret_properties"].as_array().unwrap();
    assert!(listed.ends_with(&named.map(Value::from)), "{report}");
    let exported = unpack(&fetch(&server, "out"));
    assert_eq!(text(&exported, "device"), DEVICES);
    // The same again changes nothing.
    let report = imported(&server, "in", types.clone());
    assert!(report.to_string().contains("\"unchanged\":2"), "{report}");
    let mut without = types;
    without["export_private_properties"] = json!(false);
    export(&server, "without", without);
    let exported = unpack(&fetch(&server, "without"));
    assert_eq!(
        text(&exported, "device"),
        "- \"enable\": !!bool \"true\"\n  \"name\": \"R 1%\"\n- \"name\": \"\\xE9>b\"\n  \"password\": \"\"\n  \"rack\": \"7\"\n"
    );
    // Without secrets, an import keeps the existing ones.
    put_folder(&server, "back", &exported);
    imported(&server, "back", json!({"import_export_types": ["device"]}));
    export(&server, "out2", json!({"import_export_types": ["device"]}));
    assert_eq!(text(&unpack(&fetch(&server, "out2")), "device"), DEVICES);
    let data = server.data();
    for name in fs::read_dir(&data).unwrap() {
        let name = name.unwrap().path();
        if name.is_dir() && !name.ends_with("migrations") {
            assert!(!holds(&name, "hunter"), "{}", name.display());
        }
    }
}

#[test]
fn the_limits_of_lists_and_maps_hold_for_secrets() {
    let server = Server::start();
    let nested = |levels: usize| (0..levels).fold(json!("x"), |inner, _| json!([inner]));
    assert_eq!(post(&server, "device", &json!({"name": "a", "tokens": nested(60)})).status, 200);
    let refused = post(&server, "device", &json!({"name": "b", "tokens": nested(70)}));
    assert!(refused.status >= 400, "{}", refused.status);
    let deep = format!("- {{name: c, tokens: {}x{}}}\n", "[".repeat(66), "]".repeat(66));
    put_folder(&server, "deep", &documents(&[("device", &deep)]));
    let answer = import(&server, "deep", json!({"import_export_types": ["device"]}));
    assert!(answer.status >= 400 || answer.json()["outcome"] != "imported");
}

/// The lines of the log of a server.
fn log(server: &Server) -> String {
    fs::read_to_string(server.data().parent().unwrap().join("log")).unwrap()
}

#[test]
fn a_start_with_other_names_encrypts_what_is_stored() {
    let server = Server::start_with(&["--secret-properties", "none"]);
    for value in ["hunter-one", "hunter-two"] {
        let device = json!({"name": "R 1%", "snmp_community": value, "vault_path": value});
        let answer = put(&server, "device", &device);
        assert!(value != "hunter-one" || warnings(&answer).contains("does not contain it"));
    }
    put(&server, "pool", &json!({"name": "p", "device_vault_path": "hunter-two"}));
    let members = |server: &Server| get(server, &path("pool", "p"))["device_number"].clone();
    assert_eq!(members(&server), 1);
    let before = inventory(&server);
    let mut server = server;
    server.kill();
    assert!(holds(&server.data(), "hunter-"));
    let server = server.start_again_with(&["--secret-properties", "usual, Vault_*"]);
    assert!(log(&server).contains("Custom properties are encrypted now in"), "{}", log(&server));
    let shown = get(&server, &path("device", "R 1%"));
    assert!(shown.get("snmp_community").is_none() && shown.get("vault_path").is_none(), "{shown}");
    assert_eq!(text(&inventory(&server), "device"), text(&before, "device"));
    // The pool does not tell what the secret is.
    assert_eq!(members(&server), 0);
    for entry in fs::read_dir(server.data()).unwrap() {
        let entry = entry.unwrap().path();
        if entry.is_dir() && !entry.ends_with("migrations") {
            assert!(!holds(&entry, "hunter-"), "{}", entry.display());
        }
    }
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
    // A command without the setting encrypts the names of the directory.
    let directory = server.kill_and_keep();
    let data = directory.path().join("data");
    let folder = directory.path().join("new");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("device.yaml"), "- {name: new, vault_key: hunter-new}\n").unwrap();
    let output = run(satchel().arg("import").arg(&folder).arg("--data").arg(&data));
    assert_exit(&output, 0);
    assert!(!is_clear(&data), "{}", stdout_of(&output));
    // Values stay encrypted without the name in the setting, until they are set again.
    let server = Server::start_on_data(directory);
    let mut server = server.start_again_with(&["--secret-properties", "none"]);
    assert!(get(&server, &path("device", "R 1%")).get("vault_path").is_none());
    put(&server, "device", &json!({"name": "R 1%", "vault_path": "shown"}));
    assert_eq!(get(&server, &path("device", "R 1%"))["vault_path"], "shown");
    server = server.start_again_with(&["--secret-properties", "none"]);
    assert_eq!(get(&server, &path("device", "R 1%"))["vault_path"], "shown");
}

/// SIGKILL at any moment of the encryption: the next start completes it.
#[test]
fn a_killed_encryption_is_completed() {
    let server = Server::start_with(&["--demo", "--secret-properties", "none"]);
    put(&server, "device", &json!({"name": "R 1%", "snmp_community": "hunter-one"}));
    put(&server, "device", &json!({"name": "R 1%", "snmp_community": "hunter-two"}));
    let before = inventory(&server);
    let directory = server.kill_and_keep();
    let data = directory.path().join("data");
    fs::remove_dir_all(data.join("migrations")).unwrap();
    let copy = directory.path().join("copy");
    for round in 0..8_u64 {
        let copied = std::process::Command::new("cp").arg("-a").arg(&data).arg(&copy).status();
        assert!(copied.unwrap().success());
        let mut serve = command(&copy);
        serve.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = serve.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(40 * round + getrandom::u64().unwrap() % 40));
        let _ = child.kill();
        child.wait().unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::rename(&copy, folder.path().join("data")).unwrap();
        let server = Server::start_on_data(folder);
        assert_eq!(text(&inventory(&server), "device"), text(&before, "device"));
        assert!(!is_clear(&server.data()), "round {round}");
        let state = fs::read_to_string(server.data().join("secret_properties")).unwrap();
        assert_eq!(state, "satchel secret properties 1\nusual\ncurrent\n");
        let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
        assert_eq!(verified["whole"], true, "{verified}");
    }
}

/// Returns whether a database of a data directory contains a secret.
fn is_clear(data: &Path) -> bool {
    fs::read_dir(data).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        path.is_dir() && !path.ends_with("migrations") && holds(&path, "hunter-")
    })
}

#[test]
fn a_new_key_without_the_old_one_sets_them_to_null() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "R 1%", "snmp_community": "hunter-one", "rack": 7}));
    let directory = server.kill_and_keep();
    let data = directory.path().join("data");
    fs::remove_file(data.join("key")).unwrap();
    let recovered = run(satchel().args(["recover", "--new-key", "--yes", "--data"]).arg(&data));
    assert_exit(&recovered, 0);
    let mut passwd = satchel();
    passwd.args(["passwd", "admin", "--data"]).arg(&data).stdin(Stdio::piped());
    let mut child = passwd.stdout(Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"another-password-17\n").unwrap();
    assert!(child.wait().unwrap().success());
    let server = Server::start_on_data(directory);
    let device = server.request("GET", "/rest/instance/device/R%201%25");
    let device = device.login(("admin", "another-password-17")).send().json();
    assert_eq!((&device["rack"], &device["snmp_community"]), (&json!(7), &json!(null)));
    assert!(device.as_object().unwrap().contains_key("snmp_community"));
}

#[test]
fn an_invalid_setting_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (patterns, said) in [
        ("", "a pattern is empty"),
        ("usual,none", "'none' must stand alone"),
        ("usual,,x", "a pattern is empty"),
    ] {
        let output = run(command(&folder.path().join("data")).args([
            "--listen",
            "127.0.0.1:0",
            "--secret-properties",
            patterns,
        ]));
        assert_exit(&output, 2);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(said), "{error}");
    }
}
