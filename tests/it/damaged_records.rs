//! Damage that is found while the server runs: it is reported, counted and logged, and all other
//! data is served.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
};

use serde_json::{Value, json};

use crate::{
    damage::encoded,
    data_files::{current_database, current_generation},
    harness::{ADMIN, Answer, Server, until},
    project::{documents, export, fetch, imported, put_folder},
};

/// Opens the database like a large one: its records are not read at start, and damage is found
/// later.
pub(crate) const NOT_READ_AT_OPEN: [&str; 2] = ["--check-at-open-mib", "0"];

/// Changes the database of a server that has ended.
pub(crate) fn edit(data: &Path, change: impl FnOnce(&sled::Db)) {
    let config = sled::Config::new().path(current_generation(data)).segment_size(1024 * 1024);
    let mut opened = None;
    until(|| {
        opened = config.open().ok();
        opened.is_some()
    });
    let database = opened.unwrap();
    change(&database);
    database.flush().unwrap();
}

fn get(server: &Server, target: &str) -> Answer {
    server.request("GET", target).login(ADMIN).send()
}

fn search(server: &Server, criteria: Value) -> Answer {
    let body = json!({"type": "device", "columns": ["name", "port"],
                      "maximum_return_records": 100, "search_criteria": criteria});
    server.request("POST", "/rest/search").login(ADMIN).json(&body).send()
}

/// The rows of all devices with these columns.
fn search_columns(server: &Server, columns: &[&str]) -> Vec<Value> {
    let body = json!({"type": "device", "columns": columns, "maximum_return_records": 100});
    let answer = server.request("POST", "/rest/search").login(ADMIN).json(&body).send();
    answer.json().as_array().unwrap().clone()
}

/// The rows of a response that report damage.
fn damaged(rows: &Value) -> Vec<&Value> {
    rows.as_array().unwrap().iter().filter(|row| !row["damaged"].is_null()).collect()
}

fn metric(server: &Server, name: &str) -> Option<u64> {
    let page = String::from_utf8(get(server, "/metrics").body).unwrap();
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map(|value| value.parse().unwrap())
}

/// A server with a few devices, of which one cannot be decoded.
fn server_with_a_damaged_device(name: &str) -> Server {
    let mut server = Server::start();
    let devices: String = (0..6).map(|n| format!("- name: 'R {n}% é'\n  port: {n}\n")).collect();
    put_folder(&server, "six", &documents(&[("device", &devices)]));
    imported(&server, "six", json!({}));
    export(&server, "good", json!({}));
    server.terminate();
    server.wait();
    edit(&server.data(), |database| {
        let devices = database.open_tree("device").unwrap();
        assert!(devices.get(name).unwrap().is_some());
        devices.insert(name, vec![255; 40]).unwrap();
    });
    server.start_again_with(&NOT_READ_AT_OPEN)
}

#[test]
fn a_damaged_record_is_reported_and_all_others_are_served() {
    let name = "R 3% é";
    let server = server_with_a_damaged_device(name);
    let problem = get(&server, "/rest/instance/device/R%203%25%20%C3%A9").problem(500, "damaged");
    assert_eq!(problem["type"], "tag:satchel.internal,2026:problem/damaged");
    assert_eq!(problem["record_type"], "device");
    assert_eq!(problem["record_name"], name);
    let detail = problem["detail"].as_str().unwrap();
    for part in [name, "satchel verify", "satchel recover --dry-run"] {
        assert!(detail.contains(part), "{detail}");
    }
    assert_eq!(get(&server, "/rest/instance/device/R%202%25%20%C3%A9").status, 200);

    // A list, a page, an order, a query and a search show all other devices, and the damaged one by
    // name.
    for (target, others) in [
        ("/rest/instance/device", 5),
        ("/rest/instance/device?columns=name,port", 5),
        ("/rest/instance/device?start=2&limit=2", 1),
        ("/rest/instance/device?order=-port", 5),
        ("/rest/query/device?port=1", 1),
        ("/rest/query/device?name=R%203%25%20%C3%A9", 0),
    ] {
        let answer = get(&server, target);
        assert_eq!(answer.status, 200, "{target}");
        let rows = answer.json();
        let damaged = damaged(&rows);
        assert_eq!(damaged.len(), 1, "{target}: {rows}");
        assert_eq!(damaged[0]["name"], name, "{target}");
        assert!(damaged[0]["damaged"].as_str().unwrap().contains(name), "{target}");
        assert_eq!(rows.as_array().unwrap().len(), others + 1, "{target}: {rows}");
    }
    let found = search(&server, json!({"port": "2"}));
    assert_eq!(found.status, 200, "{found:?}");
    let rows = found.json();
    assert_eq!((rows.as_array().unwrap().len(), damaged(&rows).len()), (2, 1), "{rows}");

    // Other devices can still be changed.
    let change = json!({"name": "R 1% é", "port": 4711});
    let changed = server.request("POST", "/rest/instance/device").login(ADMIN).json(&change).send();
    assert_eq!(changed.status, 200, "{changed:?}");

    // It is counted, shown and logged; the log is not flooded.
    let count = metric(&server, "satchel_damage_total{part=\"device\"}").unwrap();
    assert!(count >= 8, "{count}");
    let ready = get(&server, "/readyz");
    assert_eq!(ready.status, 503);
    let ready = ready.json();
    assert_eq!(
        (&ready["checks"][1]["check"], &ready["checks"][1]["passed"]),
        (&json!("damage"), &json!(false))
    );
    let state = get(&server, "/rest/state").json();
    let damage = &state["damage"];
    assert!(damage["total"].as_u64().unwrap() >= count && damage["first"].is_string(), "{damage}");
    let last = damage["last"].as_array().unwrap();
    assert_eq!(last.len(), 1, "{damage}");
    assert_eq!((&last[0]["type"], &last[0]["name"]), (&json!("device"), &json!(name)));
    let logged = |line: &&Value| line["level"] == "ERROR" && line["part"] == "device";
    until(|| server.log().iter().any(|line| logged(&line)));
    let log = server.log();
    let logged: Vec<&Value> = log.iter().filter(logged).collect();
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(logged[0]["name"].as_str().unwrap().contains(name), "{logged:?}");
}

#[test]
fn a_failed_export_of_a_damaged_inventory_keeps_the_existing_bundle() {
    let name = "R 3% é";
    let server = server_with_a_damaged_device(name);
    let good = fetch(&server, "good");
    let body = json!({"name": "good", "import_export_types": ["device"]});
    let export = server.request("POST", "/rest/migrate/export").login(ADMIN).json(&body).send();
    assert_eq!(export.problem(500, "damaged")["record_name"], name);
    assert!(fetch(&server, "good") == good, "the good bundle was replaced");
    let body = json!({"name": "sheet"});
    let sheet = server.request("POST", "/rest/topology/export").login(ADMIN).json(&body).send();
    assert_eq!(sheet.status, 500, "{sheet:?}");

    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], false);
    let findings = verified["findings"]["shown"].as_array().unwrap();
    let of_record = |finding: &&Value| finding["name"] == name && finding["rule"] == "damaged";
    assert_eq!(findings.iter().filter(of_record).count(), 1, "{findings:?}");
}

#[test]
fn a_damaged_pool_or_user_does_not_affect_other_requests() {
    let mut server = Server::start_with(&["--demo"]);
    // One user sorts before the administrator, the other after it.
    let guests = ["!0 é", "é>b"];
    for name in guests {
        let guest = json!({"name": name, "password": "long enough", "is_admin": true});
        let put = server.request("POST", "/rest/instance/user").login(ADMIN).json(&guest).send();
        assert_eq!(put.status, 200, "{put:?}");
    }
    server.terminate();
    server.wait();
    let mut pool = String::new();
    edit(&server.data(), |database| {
        let pools = database.open_tree("pool").unwrap();
        let (name, _) = pools.iter().next().unwrap().unwrap();
        pool = String::from_utf8(name.to_vec()).unwrap();
        pools.insert(name, b"\xff").unwrap();
        let users = database.open_tree("user").unwrap();
        for name in guests {
            users.insert(name, b"\x01").unwrap();
        }
    });
    let server = server.start_again_with(&NOT_READ_AT_OPEN);
    let devices = get(&server, "/rest/instance/device").json();
    let name = devices[0]["name"].as_str().unwrap();
    let change = json!({"name": name, "vendor": "R 1%"});
    let changed = server.request("POST", "/rest/instance/device").login(ADMIN).json(&change).send();
    assert_eq!(changed.status, 200, "{changed:?}");
    let pools = get(&server, "/rest/instance/pool").json();
    assert_eq!(damaged(&pools).len(), 1, "{pools}");
    assert_eq!(damaged(&pools)[0]["name"], pool.as_str());

    // The devices report that their lists of pools are incomplete.
    let shown = get(&server, &format!("/rest/instance/device/{}", encoded(name))).json();
    assert_eq!(shown["pools_incomplete"], true, "{shown}");
    let rows = search_columns(&server, &["name", "pools"]);
    assert!(!rows.is_empty());
    assert!(rows.iter().all(|row| row["pools_incomplete"] == true), "{rows:?}");
    let rows = search_columns(&server, &["name", "port"]);
    assert!(rows.iter().all(|row| row["pools_incomplete"].is_null()), "{rows:?}");

    // A damaged user cannot log in, and gets the reason. The administrator can log in and can be
    // changed.
    for name in guests {
        let login = server.request("GET", "/rest/count").login((name, "long enough")).send();
        login.problem(500, "damaged");
    }
    let change = json!({"name": "admin", "email": "a@b"});
    let changed = server.request("POST", "/rest/instance/user").login(ADMIN).json(&change).send();
    assert_eq!(changed.status, 200, "{changed:?}");
}

/// Damages 4 KiB in every `step` bytes of a file, from `from` on.
fn damage_file(file: &File, bytes: u64, step: u64, from: u64) {
    for (number, at) in (from + 4096..bytes - 4096).step_by(step as usize).enumerate() {
        let mut piece = [0; 4096];
        match number % 4 {
            0 => piece = [0x5a; 4096],
            1 => {}
            // A complete page of another position.
            2 => file.read_exact_at(&mut piece, (at + bytes / 2) % (bytes - 4096)).unwrap(),
            _ => {
                file.read_exact_at(&mut piece, at).unwrap();
                piece[number % 4096] ^= 1 << (number % 8);
            }
        }
        file.write_all_at(&piece, at).unwrap();
    }
}

#[test]
fn pages_damaged_at_run_time_are_reported_and_other_records_are_served() {
    const DEVICES: usize = 9_000;
    /// The distance between damaged positions, in bytes.
    const STEP_BYTES: u64 = 256 * 1024;
    const ROUNDS_MAX: u64 = 32;
    // sled keeps 16 MiB in memory, and the devices take twice as much.
    let server = Server::start_with(&["--cache-mib", "16"]);
    let text = "x".repeat(3_500);
    let devices: String =
        (0..DEVICES).map(|n| format!("- name: 'R {n:0>5}% é'\n  text: {text}\n")).collect();
    put_folder(&server, "many", &documents(&[("device", &devices)]));
    imported(&server, "many", json!({}));
    export(&server, "good", json!({}));
    let good = fetch(&server, "good");

    let file = current_database(&server.data());
    let bytes = fs::metadata(&file).unwrap().len();

    let file = File::options().read(true).write(true).open(file).unwrap();
    // Large parts of the file are earlier versions of pages, which are never read. So the number of
    // damaged positions grows until a list reads one.
    let mut rows = json!([]);
    for round in 0..ROUNDS_MAX {
        damage_file(&file, bytes, STEP_BYTES, STEP_BYTES / ROUNDS_MAX * round);
        rows = get(&server, "/rest/instance/device?columns=name").json();
        if !damaged(&rows).is_empty() {
            break;
        }
    }
    let damaged = damaged(&rows);
    assert!(!damaged.is_empty(), "no page was met that is damaged");
    let whole = rows.as_array().unwrap().len() - damaged.len();
    // A damaged page contains about nine devices, or is an inner page with a quarter of the devices
    // below it.
    assert!(whole > DEVICES / 4 && whole < DEVICES, "{whole} of {DEVICES}");
    // Every device is in the list, or within a range of damage in the list.
    let listed: Vec<&str> =
        rows.as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
    let said: Vec<&str> = damaged.iter().map(|row| row["damaged"].as_str().unwrap()).collect();
    /// The name in quotes after a word.
    fn quoted<'t>(text: &'t str, word: &str) -> Option<&'t str> {
        text.split_once(&format!("{word} '"))?.1.split('\'').next()
    }
    let mut missing = Vec::new();
    for number in 0..DEVICES {
        let name = format!("R {number:0>5}% é");
        if listed.binary_search(&name.as_str()).is_err() && !listed.contains(&name.as_str()) {
            let is_within = |text: &&str| {
                quoted(text, "after").is_none_or(|from| from < &*name)
                    && quoted(text, "before").is_none_or(|to| &*name < to)
            };
            assert!(said.iter().any(is_within), "{name} is missing: {said:?}");
            missing.push(name);
        }
    }
    assert_eq!(missing.len(), DEVICES - whole);

    // A device of a damaged page is reported, and its neighbours are served.
    let target = |name: &str| {
        format!(
            "/rest/instance/device/{}",
            name.replace('%', "%25").replace(' ', "%20").replace('é', "%C3%A9")
        )
    };
    let problem = get(&server, &target(&missing[0])).problem(500, "damaged");
    assert_eq!(problem["record_name"], missing[0].as_str());
    let good_name = rows.as_array().unwrap().iter().find(|row| row["damaged"].is_null()).unwrap();
    assert_eq!(get(&server, &target(good_name["name"].as_str().unwrap())).status, 200);

    // The export fails, and the previous bundle is kept.
    let body = json!({"name": "good", "import_export_types": ["device"]});
    let refused = server.request("POST", "/rest/migrate/export").login(ADMIN).json(&body).send();
    refused.problem(500, "damaged");
    assert!(fetch(&server, "good") == good, "the good bundle was replaced");
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send();
    assert_eq!(verified.status, 200, "{verified:?}");
    assert_eq!(verified.json()["whole"], false);
    assert!(get(&server, "/rest/state").json()["damage"]["total"].as_u64().unwrap() > 0);
}
