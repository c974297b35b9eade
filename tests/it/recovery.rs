//! `satchel recover` on damaged data directories.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::commands::on_terminal;
use crate::data_files::current_database;
use crate::first_start::{logged_code, submit};
use crate::harness::{ADMIN, Server, satchel};

/// The exit code of a command that refuses a damaged inventory.
const DAMAGED: i32 = 3;

fn recover(data: &Path, words: &[&str]) -> Output {
    let mut command = satchel();
    command.arg("recover").args(words).arg("--data").arg(data).stdin(Stdio::null());
    command.output().unwrap()
}

fn json_of(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("{error}: {text}, {}", String::from_utf8_lossy(&output.stderr))
    })
}

fn said(output: &Output) -> String {
    let Output { stdout, stderr, .. } = output;
    format!("{}{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
}

fn send(server: &Server, path: &str, body: &Value) {
    let answer = server.request("POST", path).login(ADMIN).json(body).send();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}

/// An inventory with the sample, a bundle of it, 300 devices and a configuration.
fn inventory() -> TempDir {
    let server = Server::start_with(&["--demo"]);
    let types = ["user", "group", "device", "link", "network", "credential", "pool"];
    send(&server, "/rest/migrate/export", &json!({"name": "kept", "import_export_types": types}));
    let devices: Vec<Value> = (0..300)
        .map(|number| json!({"name": format!("R{number} 100% é>b"), "notes": "n".repeat(2000)}))
        .collect();
    send(&server, "/rest/instance/device", &json!(devices));
    let path = "/rest/configuration/R7%20100%25%20%C3%A9%3Eb";
    let text = "interface Loopback0\n".repeat(1000);
    assert_eq!(server.request("PUT", path).login(ADMIN).body(text).send().status, 200);
    server.kill_and_keep()
}

/// Changes bytes in the middle of the database until it is refused, and returns its data directory.
fn damage(directory: &TempDir) -> PathBuf {
    let data = directory.path().join("data");
    let database = current_database(&data);
    let length = fs::metadata(&database).unwrap().len();
    let file = OpenOptions::new().read(true).write(true).open(&database).unwrap();
    for offset in (length / 4..length).step_by(5000) {
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[byte[0] ^ 0x5a], offset).unwrap();
        if recover(&data, &[]).status.code() == Some(DAMAGED) {
            return data;
        }
        file.write_all_at(&byte, offset).unwrap();
    }
    panic!("no byte mattered");
}

/// Asserts that the recovered inventory is valid, and returns its counts.
fn verified(data: &Path) -> Value {
    let output = satchel().args(["verify", "--json", "--data"]).arg(data).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["whole"], true, "{report}");
    report
}

fn of_type<'a>(report: &'a Value, kind: &str) -> &'a Value {
    report["types"].as_array().unwrap().iter().find(|one| one["type"] == kind).unwrap()
}

/// The folders with damaged files.
fn set_aside(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let is_aside =
        |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("damaged-");
    entries.filter(is_aside).collect()
}

#[test]
fn recover_does_not_change_an_intact_inventory() {
    let directory = inventory();
    let data = directory.path().join("data");
    let output = recover(&data, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("is intact"), "{}", said(&output));
    for words in
        [&["--previous", "--yes"][..], &["--import", "kept", "--yes"], &["--new-key", "--yes"]]
    {
        let output = recover(&data, words);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {}", said(&output));
    }
    assert!(set_aside(&data).is_empty());
    verified(&data);
}

#[test]
fn a_refusal_names_the_projects_of_the_library_with_their_records_and_times() {
    let directory = inventory();
    let data = damage(&directory);
    let listed = json_of(&recover(&data, &["--json"]));
    let records = listed["projects"][0]["records"].as_u64().unwrap();
    let time = listed["projects"][0]["export_time"].as_str().unwrap();
    let expected =
        format!("The project library contains “kept” ({records} records, exported at {time})");
    for words in [&["serve", "--listen", "127.0.0.1:0"][..], &["export", "nightly"], &["verify"]] {
        let mut command = satchel();
        let output = command.args(words).arg("--data").arg(&data).output().unwrap();
        assert_eq!(output.status.code(), Some(DAMAGED), "{words:?}");
        let text = said(&output);
        assert!(text.contains(&expected), "{words:?}: {expected}: {text}");
    }
}

#[test]
fn recover_lists_the_methods_and_changes_nothing() {
    let directory = inventory();
    let data = damage(&directory);
    let before = fs::read(current_database(&data)).unwrap();
    let output = recover(&data, &[]);
    assert_eq!(output.status.code(), Some(DAMAGED));
    let text = said(&output);
    for part in ["--previous", "--salvage", "--import kept", "records", "Nothing was changed"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let listed = json_of(&recover(&data, &["--json"]));
    assert_eq!(listed["state"], "damaged");
    assert_eq!(listed["known"]["records"], 369 + 1 - 1, "{listed}");
    assert_eq!(listed["previous"]["records"], 1);
    assert_eq!(listed["projects"][0]["name"], "kept");
    let kept = listed["salvage"]["rewritten"]["kept"].as_u64().unwrap();
    assert!((360..=369).contains(&kept), "{listed}");
    // Without a terminal and without --yes, nothing is changed.
    let output = recover(&data, &["--salvage"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("--yes"));
    let output = recover(&data, &["--salvage", "--dry-run"]);
    assert_eq!(output.status.code(), Some(DAMAGED), "{}", said(&output));
    assert!(fs::read(current_database(&data)).unwrap() == before, "the evidence changed");
    assert!(set_aside(&data).is_empty());
}

#[test]
fn recover_on_a_terminal_needs_confirmation() {
    let directory = inventory();
    let data = damage(&directory);
    let before = fs::read(current_database(&data)).unwrap();
    // Every other reply than yes means no.
    for answer in ["n\n", "\n", "yess\n", "\u{4}"] {
        let output = on_terminal(&data, &["recover", "--salvage"], answer);
        assert_eq!(output.status.code(), Some(1), "{answer:?}: {}", said(&output));
        assert!(said(&output).contains("Recover? [y/N]"), "{answer:?}: {}", said(&output));
        assert!(said(&output).contains("nothing was changed"), "{answer:?}: {}", said(&output));
        assert!(fs::read(current_database(&data)).unwrap() == before, "{answer:?}");
        assert!(set_aside(&data).is_empty());
    }
    let output = on_terminal(&data, &["recover", "--salvage"], "y\n");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("The inventory is recovered"), "{}", said(&output));
    assert_eq!(set_aside(&data).len(), 1);
}

#[test]
fn a_salvage_keeps_every_readable_record() {
    let directory = inventory();
    let data = damage(&directory);
    let damaged = fs::read(current_database(&data)).unwrap();
    let output = recover(&data, &["--salvage", "--yes", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let done = json_of(&output);
    assert_eq!(done["state"], "recovered");
    let report = verified(&data);
    assert_eq!(report["records"], done["records"]);
    let devices = of_type(&report, "device")["records"].as_u64().unwrap();
    // One byte can cost one page of 16 records.
    assert!((300..=317).contains(&devices), "{report}");
    // Users and secrets are kept: the password still works.
    let aside = set_aside(&data);
    assert_eq!(aside.len(), 1);
    let kept = aside[0].join("inventory-2/db");
    assert!(fs::read(kept).unwrap() == damaged, "the damaged files changed");
    let server = Server::start_on_data(directory);
    let answer = server.request("GET", "/rest/instance/device/Lisbon%20core%201");
    let device = answer.login(ADMIN).send();
    assert!(matches!(device.status, 200 | 404));
    let pool = server.request("GET", "/rest/instance/pool/All%20devices").login(ADMIN).send();
    assert_eq!(pool.json()["device_number"], devices);
}

#[test]
fn the_previous_generation_becomes_the_inventory() {
    let directory = inventory();
    let data = damage(&directory);
    let output = recover(&data, &["--previous", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(verified(&data)["records"], 1);
    assert_eq!(set_aside(&data).len(), 1);
    // It was the empty inventory before the sample was imported: its user still logs in.
    let server = Server::start_on_data(directory);
    let counts = server.request("GET", "/rest/count").login(ADMIN).send();
    assert_eq!(counts.json()["user"], 1);
}

#[test]
fn a_project_of_the_library_becomes_the_inventory() {
    let directory = inventory();
    let data = damage(&directory);
    let output = recover(&data, &["--import", "kept", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report = verified(&data);
    assert_eq!(of_type(&report, "device")["records"], 17);
    assert_eq!(of_type(&report, "user")["records"], 4);
    let server = Server::start_on_data(directory);
    assert_eq!(server.request("GET", "/rest/count").login(ADMIN).send().status, 200);
}

#[test]
fn a_lost_database_can_still_be_replaced() {
    for lost in ["the database", "the pointer", "the mark", "the folder", "the seal"] {
        let directory = inventory();
        let data = directory.path().join("data");
        let generation = current_database(&data).parent().unwrap().to_owned();
        match lost {
            "the database" => fs::remove_file(generation.join("db")).unwrap(),
            "the pointer" => fs::write(data.join("CURRENT"), "satchel 3\ncurrent 1\n").unwrap(),
            "the mark" => fs::remove_file(data.join("MARK")).unwrap(),
            "the seal" => fs::remove_file(generation.join("SEAL")).unwrap(),
            _ => fs::remove_dir_all(&generation).unwrap(),
        }
        let output = recover(&data, &[]);
        assert_eq!(output.status.code(), Some(DAMAGED), "{lost}: {}", said(&output));
        // If all data is readable, all of it is kept.
        let way: &[&str] = match lost {
            "the pointer" | "the mark" | "the seal" => &["--salvage", "--yes"],
            _ => &["--import", "kept", "--yes"],
        };
        let output = recover(&data, way);
        assert_eq!(output.status.code(), Some(0), "{lost}: {}", said(&output));
        let report = verified(&data);
        let devices = if way[0] == "--salvage" { 317 } else { 17 };
        assert_eq!(of_type(&report, "device")["records"], devices, "{lost}: {report}");
    }
}

#[test]
fn a_lost_key_with_a_damaged_database_can_be_recovered() {
    let directory = inventory();
    let data = damage(&directory);
    fs::remove_file(data.join("key")).unwrap();
    let output = recover(&data, &[]);
    assert!(said(&output).contains("--salvage"), "{}", said(&output));
    let output = recover(&data, &["--salvage", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("--administrator"), "{}", said(&output));
    let report = verified(&data);
    assert!(of_type(&report, "device")["records"].as_u64().unwrap() >= 300, "{report}");
}

#[test]
fn after_a_new_key_undo_restores_no_encrypted_secrets() {
    let directory = inventory();
    let data = directory.path().join("data");
    fs::remove_file(data.join("key")).unwrap();
    assert_eq!(recover(&data, &["--new-key", "--yes"]).status.code(), Some(0));
    let run =
        |arguments: &[&str]| satchel().args(arguments).arg("--data").arg(&data).output().unwrap();
    // The last change has computed the members of the pools, and touched no record.
    let undo = run(&["undo", "--yes"]);
    assert_eq!(undo.status.code(), Some(0), "{}", said(&undo));
    assert!(said(&undo).contains("Nothing was changed"), "{}", said(&undo));
    let listed = run(&["history", "--json", "--limit", "2"]).stdout;
    let listed: Value = serde_json::from_slice(&listed).unwrap();
    assert_eq!(listed[1]["generation"]["by"], "recovery", "{listed}");
    let undo = run(&["undo", "--yes", "--change", &listed[1]["number"].to_string()]);
    assert_eq!(undo.status.code(), Some(1), "{}", said(&undo));
    assert!(said(&undo).contains("generations_kept"), "{}", said(&undo));
}

/// `SATCHEL_KILLS` sets the number of kills of each way.
#[test]
fn an_interrupted_recovery_is_noticed_and_can_be_repeated() {
    let kills = std::env::var("SATCHEL_KILLS").map_or(4, |text| text.parse().unwrap());
    let original = inventory();
    let damaged_data = damage(&original);
    for way in ["--salvage", "--previous", "--import", "--new-key"] {
        for kill in 0..kills {
            let directory = tempfile::tempdir().unwrap();
            let data = directory.path().join("data");
            let mut copy = std::process::Command::new("cp");
            assert!(copy.arg("-a").arg(&damaged_data).arg(&data).status().unwrap().success());
            if way == "--new-key" {
                assert_eq!(recover(&data, &["--salvage", "--yes"]).status.code(), Some(0));
                fs::remove_file(data.join("key")).unwrap();
            }
            let mut words = vec![way];
            words.extend((way == "--import").then_some("kept"));
            words.push("--yes");
            let mut child = satchel()
                .arg("recover")
                .args(&words)
                .arg("--data")
                .arg(&data)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // A random moment.
            std::thread::sleep(std::time::Duration::from_millis(40 + 330 * kill / kills));
            let _ = child.kill();
            let _ = child.wait();
            // Either it is complete, or it is refused and can be completed.
            let listed = recover(&data, &["--json"]);
            match json_of(&listed)["state"].as_str().unwrap() {
                "intact" => {}
                "no_key" => {
                    let again = recover(&data, &["--new-key", "--yes"]);
                    assert_eq!(again.status.code(), Some(0), "{way} {kill}: {}", said(&again));
                }
                _ => {
                    let again = recover(&data, &["--salvage", "--yes"]);
                    assert_eq!(again.status.code(), Some(0), "{way} {kill}: {}", said(&again));
                }
            }
            verified(&data);
        }
    }
}

#[test]
fn a_new_key_removes_only_secrets() {
    let directory = inventory();
    let data = directory.path().join("data");
    let old = fs::read(data.join("key")).unwrap();
    fs::remove_file(data.join("key")).unwrap();
    let output = recover(&data, &[]);
    assert_eq!(output.status.code(), Some(DAMAGED), "{}", said(&output));
    assert!(said(&output).contains("--new-key"), "{}", said(&output));
    let output = recover(&data, &["--new-key", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("--administrator"), "{}", said(&output));
    assert_ne!(fs::read(data.join("key")).unwrap(), old);
    assert_eq!(verified(&data)["records"], 369);
    // No administrator can log in. The server shows a set-up link in its log, and no default password.
    let mut server = Server::start_on_data(directory);
    let code = logged_code(&server);
    assert_eq!(server.request("GET", "/rest/count").login(ADMIN).send().status, 401);
    assert_eq!(submit(&server, "0123456789abcdef", "long enough", "long enough").status, 403);
    // The command gives somebody a password too. Then the next start shows no link.
    server.kill();
    let mut passwd = satchel();
    passwd.args(["passwd", "é>b", "--administrator", "--data"]).arg(&data);
    let mut passwd = passwd.stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut passwd.stdin.take().unwrap(), b"long enough\n").unwrap();
    assert!(passwd.wait().unwrap().success());
    let server = server.start_again();
    let counts = server.request("GET", "/rest/count").login(("é>b", "long enough")).send();
    assert_eq!(counts.json()["device"], 317);
    assert_eq!(submit(&server, &code, "long enough", "long enough").status, 403);
    assert_eq!(server.request("GET", "/setup").send().status, 404);
    assert_eq!(server.request("GET", "/rest/count").login(ADMIN).send().status, 401);
}
