//! Small imports into a large inventory: written as one change, with the same checks as a large one.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::damaged_records::{NOT_READ_AT_OPEN, edit};
use crate::forms::{self, Form};
use crate::harness::{ADMIN, Server};
use crate::project::{documents, import, imported, put_folder};

/// The number of devices. Small imports are written as one change if the inventory has at least
/// 20,000 records.
const DEVICES: usize = 20_050;

/// The default number of kills. `SATCHEL_KILLS` sets another one.
const KILLS: usize = 8;

/// The number of devices of an import that is killed.
const KILLED_DEVICES: usize = 300;

fn name(number: usize) -> String {
    format!("R {number} 100% é>b")
}

/// A document with devices of one location.
fn devices(numbers: impl Iterator<Item = usize>, location: &str) -> String {
    numbers
        .map(|number| format!("- name: '{}'\n  location: '{location}'\n", name(number)))
        .collect()
}

/// A server with many devices.
fn large() -> Server {
    let server = Server::start();
    let all = devices(0..DEVICES, "Évora");
    let pool = "- name: '[Shared] p'\n  device_location: genève\n";
    put_folder(&server, "all", &documents(&[("device", &all), ("pool", pool)]));
    let report = imported(&server, "all", json!({}));
    assert_eq!(report["written"], "new_generation");
    server
}

fn get(server: &Server, path: &str) -> Value {
    server.request("GET", path).login(ADMIN).send().json()
}

/// The generation, the version and the number of records.
fn state(server: &Server) -> [Value; 3] {
    let state = get(server, "/rest/state");
    ["generation", "version", "records"].map(|member| state[member].clone())
}

fn last_job(server: &Server) -> Value {
    get(server, "/rest/jobs")["jobs"][0].clone()
}

/// The number of devices of one location.
fn count_of(server: &Server, location: &str) -> usize {
    let body = json!({"type": "device", "columns": ["name"], "maximum_return_records": 100_000,
                      "search_criteria": {"location": location}});
    let found = server.request("POST", "/rest/search").login(ADMIN).json(&body).send().json();
    found.as_array().unwrap().len()
}

#[test]
fn a_small_import_is_one_change_and_an_undo_takes_back_that_change_only() {
    let server = large();
    let [generation, version, records] = state(&server);
    let link = "- name: '[a]'\n  source: 'new'\n  destination: 'R 7 100% é>b'\n";
    let device = devices(5..8, "Genève") + "- name: new\n  location: Genève\n";
    put_folder(&server, "few", &documents(&[("device", &device), ("link", link)]));
    let told = imported_dry(&server);
    assert_eq!((&told["outcome"], &told["written"]), (&json!("dry_run"), &json!("one_change")));
    assert_eq!(state(&server), [generation.clone(), version.clone(), records.clone()]);

    let report = imported(&server, "few", json!({}));
    assert_eq!((&report["written"], &report["types"]), (&json!("one_change"), &told["types"]));
    let devices = report["types"].as_array().unwrap().iter();
    let devices = devices.clone().find(|row| row["type"] == "device").unwrap();
    assert_eq!((&devices["created"], &devices["updated"]), (&json!(1), &json!(3)));
    let next = |version: &Value, more: u64| json!(version.as_u64().unwrap() + more);
    let expected = [generation.clone(), next(&version, 1), next(&records, 2)];
    assert_eq!(state(&server), expected);
    assert_eq!(last_job(&server)["inventory"], "changed");
    let pool = get(&server, "/rest/instance/pool/%5BShared%5D%20p");
    assert_eq!(pool["device_number"], 4, "{pool}");

    // The same import again, and a workbook.
    assert_eq!(imported(&server, "few", json!({}))["written"], "nothing");
    let table = Form::of_file("é.csv", "name,location\nnew,Évora\n".as_bytes());
    let report = forms::imported(&server, table.field("kind", "device"));
    assert_eq!(
        (&report["written"], &report["types"][0]["updated"]),
        (&json!("one_change"), &json!(1))
    );

    // The existing records that the import does not read are looked up for its warnings.
    let device = "- name: r 7 100% é>b\n  gateways: ['R 9 100% é>b', gate, new]\n\
                  - name: gate\n  type: gateway\n- name: new\n  location: Évora\n";
    put_folder(&server, "warned", &documents(&[("device", device)]));
    let report = import(&server, "warned", json!({"dry_run": true})).json();
    assert_eq!(report["written"], "one_change");
    let warnings = report["warnings"].to_string();
    for expected in [
        "the new name 'r 7 100% é>b' of type device looks like the existing 'R 7 100% é>b'",
        "the type of 'R 9 100% é>b' is not 'gateway', so eNMS would drop it from the 'gateways' of 1 \
         device: 'r 7 100% é>b'",
        "the type of 'new' is not 'gateway'",
    ] {
        assert!(warnings.contains(expected), "{warnings}");
    }
    assert!(!warnings.contains("'gate'"), "{warnings}");

    let server = server.start_again();
    assert_eq!(state(&server), [generation, next(&version, 2), next(&records, 2)]);
    // The last change is the workbook, and the one before the project.
    let undo = |change: u64| {
        let call = server.request("POST", "/rest/undo").login(ADMIN);
        let report = call.json(&json!({"change": change})).send().json();
        assert_eq!(
            (&report["outcome"], &report["written"]),
            (&json!("undone"), &json!("one_change"))
        );
    };
    let version = version.as_u64().unwrap();
    undo(version + 2);
    assert_eq!(count_of(&server, "Genève"), 4);
    undo(version + 1);
    assert_eq!((count_of(&server, "Genève"), state(&server)[2].clone()), (0, records));
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
}

fn imported_dry(server: &Server) -> Value {
    let answer = import(server, "few", json!({"dry_run": true}));
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

#[test]
fn a_damaged_record_prevents_an_import_that_names_it_and_no_other() {
    let mut server = large();
    let damaged = name(5);
    server.terminate();
    server.wait();
    edit(&server.data(), |database| {
        let devices = database.open_tree("device").unwrap();
        assert!(devices.insert(&*damaged, vec![255; 40]).unwrap().is_some());
    });
    let server = server.start_again_with(&NOT_READ_AT_OPEN);
    let before = state(&server);
    for (project, numbers) in [("damaged", 4..7), ("good", 6..9)] {
        let text = devices(numbers, "Genève");
        put_folder(&server, project, &documents(&[("device", &text)]));
    }
    let problem = import(&server, "damaged", json!({})).problem(500, "damaged");
    assert!(problem["detail"].as_str().unwrap().contains(&damaged), "{problem}");
    assert_eq!(state(&server), before);
    assert_eq!(imported(&server, "good", json!({}))["written"], "one_change");
    assert_eq!(state(&server)[0], before[0]);
}

/// After a kill, the import is there completely or not at all, and its job tells which.
#[test]
fn a_kill_in_a_small_import_leaves_the_state_before_or_the_state_after() {
    let mut server = large();
    let (projects, locations) = (["a", "b"], ["Genève", "Malmö"]);
    let kills = std::env::var("SATCHEL_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let mut shortest = Duration::MAX;
    for (project, location) in projects.into_iter().zip(locations) {
        let text = devices(0..KILLED_DEVICES, location);
        put_folder(&server, project, &documents(&[("device", &text)]));
        let begun = Instant::now();
        assert_eq!(imported(&server, project, json!({}))["written"], "one_change");
        shortest = shortest.min(begun.elapsed());
    }
    // Follows how fast the machine is just now, so that as many kills come before as after.
    let mut window = u64::try_from(shortest.as_nanos()).unwrap();
    let (mut current, mut done) = (1, 0);
    for kill in 0..kills {
        let other = 1 - current;
        let body = json!({"name": projects[other], "import_export_types": ["device"]});
        let request = server.request("POST", "/rest/migrate/import").login(ADMIN).json(&body);
        let bytes = request.bytes();
        let mut connection = server.connect();
        connection.send(&bytes);
        let wait = Duration::from_nanos(getrandom::u64().unwrap() % window);
        connection.is_silent_for(wait.max(Duration::from_micros(1)));
        server.kill();
        let status = connection.status();

        server = server.start_again();
        let moment = format!("kill {kill} after {wait:?}, status {status:?}");
        let counts = locations.map(|location| count_of(&server, location));
        let state = counts.iter().position(|count| *count == KILLED_DEVICES);
        let Some(state) = state else { panic!("{moment}: a part of the import: {counts:?}") };
        assert_eq!(counts[1 - state], 0, "{moment}");
        if let Some(status) = status {
            assert_eq!(
                (status, state),
                (200, other),
                "{moment}: the acknowledged import is missing"
            );
        }
        let job = last_job(&server);
        if job["subject"] == projects[other] {
            let effect = if state == other { "changed" } else { "unchanged" };
            assert_eq!(job["inventory"], effect, "{moment}: {job}");
        } else {
            assert_eq!(state, current, "{moment}: the job was not begun: {job}");
        }
        done += usize::from(state == other);
        window = if state == other { window - window / 8 } else { window + window / 8 };
        current = state;
    }
    println!("{kills} kills of imports that take {shortest:?}: {done} after the change");
}
