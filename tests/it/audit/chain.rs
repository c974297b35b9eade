//! The chain of hashes: damage is found, and a killed server leaves none.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{entries, lines};
use crate::{
    data_directory::unpack,
    harness::{ADMIN, Server, satchel, until},
    inventory::{get, put},
    project::{demo, imported, put_folder, read_folder},
};

/// The exit code of a verification that finds a damaged audit log.
const DAMAGED: i32 = 3;

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Splits a line into the hashed text and the hash, as the documentation describes it.
fn split(line: &str) -> (String, String) {
    let (body, hash) = line.rsplit_once(",\"hash\":\"").unwrap();
    (format!("{body}}}"), hash.trim_end_matches("\"}").to_owned())
}

/// Checks the chain without Satchel. Returns the number of entries.
fn check(data: &Path) -> usize {
    let mut previous = "0".repeat(64);
    let lines = lines(data);
    for (line, number) in lines.iter().zip(1..) {
        let (body, hash) = split(line);
        let entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["number"], number, "{line}");
        assert_eq!(entry["previous"], json!(previous), "{line}");
        assert_eq!(sha256(&body), hash, "{line}");
        previous = hash;
    }
    lines.len()
}

/// Writes the log with the chain recalculated, as somebody with access to the disk could.
fn forge(path: &Path, change: impl Fn(&str) -> String) {
    let mut previous = String::new();
    let mut text = String::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        let (body, _) = split(line);
        let old: Value = serde_json::from_str(line).unwrap();
        let old = old["previous"].as_str().unwrap();
        let body = change(&body);
        let body = if previous.is_empty() { body } else { body.replace(old, &previous) };
        previous = sha256(&body);
        text += &format!("{},\"hash\":\"{previous}\"}}\n", &body[..body.len() - 1]);
    }
    fs::write(path, text).unwrap();
}

fn verify(data: &Path) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        satchel().arg("verify").arg("--data").arg(data).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// A data directory with some entries, and the only file of its log.
fn recorded() -> (tempfile::TempDir, PathBuf) {
    let mut server = Server::start();
    put(&server, "device", &json!({"name": "R 1%"}));
    put(&server, "device", &json!({"name": "é>b"}));
    server.request("GET", "/rest/count").login(("é>b", "wrong")).send();
    entries(&server, "login_failed", 1);
    server.terminate();
    assert!(server.wait().success());
    let directory = server.kill_and_keep();
    let path = directory.path().join("data/audit/00000000000000000001.ndjson");
    assert!(check(&directory.path().join("data")) >= 6);
    (directory, path)
}

#[test]
fn the_entry_of_the_start_is_there_when_the_server_is_ready() {
    let server = Server::start();
    let lines = lines(&server.data());
    let mut entries = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let start = entries.find(|entry| entry["event"] == "start");
    let detail = start.unwrap_or_else(|| panic!("{lines:?}"))["detail"].to_string();
    assert!(detail.contains("listens on http://127.0.0.1:"), "{detail}");
}

/// Changes of several users are committed together. Each entry names its own change, also when the changes
/// are in the archive of the history.
#[test]
fn changes_that_are_committed_together_have_their_hashes() {
    let mut server = Server::start();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let server = &server;
            scope.spawn(move || {
                for round in 0..12 {
                    let name = ["R 1%", "é>b", ".."][(writer + round) % 3];
                    put(server, "device", &json!({"name": name, "port": writer * 100 + round}));
                }
            });
        }
    });
    put_folder(&server, "a", &read_folder(&demo()));
    imported(&server, "a", json!({}));
    put(&server, "device", &json!({"name": "last"}));
    let last = get(&server, "/rest/history?limit=1")[0]["number"].as_u64().unwrap();
    let linked = || {
        let entries = lines(&server.data()).into_iter();
        let entries = entries.map(|line| serde_json::from_str::<Value>(&line).unwrap());
        let links = entries.filter_map(|entry| {
            let link = entry.get("changes")?;
            Some(link["first"].as_u64()?..=link["last"].as_u64()?)
        });
        links.collect::<Vec<_>>()
    };
    until(|| linked().last().is_some_and(|link| link.contains(&last)));
    let links = linked();
    assert!((1..=last).all(|number| links.iter().any(|link| link.contains(&number))), "{links:?}");
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
    server.terminate();
    assert!(server.wait().success());
    let directory = server.kill_and_keep();
    let data = directory.path().join("data");
    assert_eq!(verify(&data).0, Some(0), "{}", verify(&data).1);
    // Another hash is found.
    forge(&data.join("audit/00000000000000000001.ndjson"), |line| {
        line.replacen("\"sha256\":\"", "\"sha256\":\"00", 1)
    });
    assert!(verify(&data).1.contains("is not the one that the audit log names"));
}

#[test]
fn every_kind_of_damage_is_found() {
    let (directory, path) = recorded();
    let data = directory.path().join("data");
    assert_eq!(verify(&data).0, Some(0), "{}", verify(&data).1);
    let end = data.join("AUDIT");
    let (intact, intact_end) = (fs::read_to_string(&path).unwrap(), fs::read(&end).unwrap());
    let all: Vec<&str> = intact.lines().collect();
    let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let without = |at: usize| {
        let mut lines = all.clone();
        lines.remove(at);
        joined(&lines)
    };
    let mut swapped = all.clone();
    swapped.swap(1, 2);
    let mut twice = all.clone();
    twice.insert(2, all[1]);
    for (name, text, words) in [
        ("changed", intact.replacen("admin", "adnin", 1), "its hash is wrong"),
        ("last changed", intact.replace("\"stop\"", "\"start\""), "its hash is wrong"),
        ("removed", without(2), "are missing"),
        ("first removed", without(0), "the log begins with entry 2"),
        ("last removed", joined(&all[..all.len() - 1]), "are missing"),
        ("swapped", joined(&swapped), "missing"),
        ("twice", joined(&twice), "does not follow"),
        ("foreign", intact.replacen('\n', "\n{}\n", 1), "is not an entry"),
        ("empty line", intact.replacen('\n', "\n\n", 1), "is not an entry"),
    ] {
        fs::write(&path, text).unwrap();
        fs::write(&end, &intact_end).unwrap();
        let before = contents(&data);
        let (code, said) = verify(&data);
        assert_eq!(code, Some(DAMAGED), "{name}: {said}");
        assert!(said.contains(words), "{name}: {said}");
        assert!(contents(&data) == before, "{name}: the check changed the log");
    }
    fs::write(&path, &intact).unwrap();
    fs::rename(&path, path.with_file_name("00000000000000000002.ndjson")).unwrap();
    let (code, said) = verify(&data);
    assert_eq!(code, Some(DAMAGED), "{said}");
    assert!(said.contains("was renamed: its first entry is 1"), "{said}");
    // The whole folder.
    fs::remove_dir_all(data.join("audit")).unwrap();
    fs::write(&end, &intact_end).unwrap();
    let (code, said) = verify(&data);
    assert_eq!(code, Some(DAMAGED), "{said}");
    // A new log begins after the folder and the files are moved away.
    fs::remove_file(&end).unwrap();
    fs::remove_file(data.join("MARK.audit")).unwrap();
    assert_eq!(verify(&data).0, Some(0), "{}", verify(&data).1);
    assert!(!data.join("audit").exists() && !end.exists());
}

/// The content of all files of the log.
fn contents(data: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = fs::read_dir(data.join("audit")).into_iter().flatten();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.extend(["AUDIT", "MARK.audit"].map(|name| data.join(name)));
    paths.sort();
    paths.retain(|path| path.exists());
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// A removed log, and one that was cut back together with the file `AUDIT`, are found. The next start says
/// so in the process log, and records the changes again, with their times.
#[test]
fn a_missing_log_is_found() {
    let (directory, path) = recorded();
    let data = directory.path().join("data");
    let intact = fs::read_to_string(&path).unwrap();
    let kept: Vec<&str> = intact.lines().take(2).collect();
    fs::write(&path, format!("{}\n", kept.join("\n"))).unwrap();
    let end: Value = serde_json::from_str(kept[1]).unwrap();
    let end = json!({"number": end["number"], "hash": end["hash"]});
    fs::write(data.join("AUDIT"), end.to_string()).unwrap();
    let (code, said) = verify(&data);
    assert_eq!(code, Some(DAMAGED), "{said}");
    assert!(said.contains("the entries after 2 are missing: the file MARK.audit"), "{said}");

    fs::remove_dir_all(data.join("audit")).unwrap();
    fs::remove_file(data.join("AUDIT")).unwrap();
    let before = contents(&data);
    for words in [&["verify"][..], &["audit"], &["history"], &["inspect"]] {
        let output = satchel().args(words).arg("--data").arg(&data).output().unwrap();
        let code = if words == ["verify"] { DAMAGED } else { 0 };
        assert_eq!(output.status.code(), Some(code), "{words:?}");
        assert!(contents(&data) == before, "{words:?}");
    }
    let (_, said) = verify(&data);
    assert!(said.contains("all entries are missing: the file MARK.audit"), "{said}");

    let server = Server::start_on_data(directory);
    entries(&server, "damage", 1);
    crate::harness::until(|| {
        server.log().iter().any(|line| {
            let message = line["message"].as_str().unwrap_or_default();
            message.contains("The audit log is damaged")
        })
    });
    let directory = server.kill_and_keep();
    assert_eq!(verify(&directory.path().join("data")).0, Some(DAMAGED));
}

/// The log names the changes of the history, so an edit of either is found, even with a new chain.
#[test]
fn a_change_that_is_not_the_linked_one_is_found() {
    let (directory, path) = recorded();
    let data = directory.path().join("data");
    let intact = fs::read_to_string(&path).unwrap();
    forge(&path, str::to_owned);
    assert_eq!(fs::read_to_string(&path).unwrap(), intact);
    forge(&path, |body| body.replace("put_instances", "put_inst4nces"));
    // The end of the log is not the noted one, but that is not the question here.
    assert_eq!(verify(&data).0, Some(0), "{}", verify(&data).1);
    fs::write(&path, &intact).unwrap();
    forge(&path, |body| {
        let Some((before, after)) = body.split_once("\"sha256\":\"") else {
            return body.to_owned();
        };
        format!("{before}\"sha256\":\"{}{}", "0".repeat(64), &after[64..])
    });
    let (code, said) = verify(&data);
    assert_eq!(code, Some(DAMAGED), "{said}");
    assert!(said.contains("is not the one that the audit log names"), "{said}");
}

#[test]
fn an_import_an_undo_and_a_restart_keep_the_links() {
    use crate::project::{documents, imported, put_folder};
    let server = Server::start();
    put(&server, "device", &json!({"name": "R 1%"}));
    put_folder(&server, "new", &documents(&[("device", "- {name: 'R 1%'}\n- {name: new}\n")]));
    let replace = json!({"import_export_types": ["device"], "empty_database_before_import": true});
    assert_eq!(imported(&server, "new", replace)["written"], "new_generation");
    put(&server, "device", &json!({"name": "é>b"}));
    for change in [3, 2] {
        let body = json!({"change": change, "on_conflict": "keep"});
        server.request("POST", "/rest/undo").login(ADMIN).json(&body).send();
    }
    let server = server.start_again();
    put(&server, "device", &json!({"name": "after"}));
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
    let directory = server.kill_and_keep();
    let (code, said) = verify(&directory.path().join("data"));
    assert_eq!(code, Some(0), "{said}");
    let _ = satchel().args(["history", "--data"]).arg(directory.path().join("data")).output();
    check(&directory.path().join("data"));
}

/// SIGKILL at any moment: the chain stays whole, and all changes are in it after the next start.
#[test]
fn a_killed_server_breaks_no_chain() {
    let mut server = Server::start();
    for round in 0..12_u64 {
        for number in 0..round % 4 {
            put(&server, "device", &json!({"name": format!("é>b {round} {number}")}));
            let name = format!("R {round}% {number}");
            server.request("GET", "/rest/count").login((&name, "wrong")).send();
        }
        std::thread::sleep(Duration::from_millis(getrandom::u64().unwrap() % 250));
        server.kill();
        // A part of a line, as a killed write leaves it.
        if round % 2 == 1 {
            let mut paths: Vec<_> = fs::read_dir(server.data().join("audit"))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            paths.sort();
            let mut file = OpenOptions::new().append(true).open(paths.last().unwrap()).unwrap();
            file.write_all(b"{\"number\":99,\"time\":\"2026-11-27T").unwrap();
        }
        server = server.start_again();
    }
    put(&server, "device", &json!({"name": "last"}));
    server.terminate();
    assert!(server.wait().success());
    let directory = server.kill_and_keep();
    let data = directory.path().join("data");
    check(&data);
    let linked: u64 = lines(&data)
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|entry| entry["event"] == "change")
        .map(|entry| entry["count"].as_u64().unwrap_or(1))
        .sum();
    // 18 devices in the rounds, the last one, and the first administrator.
    assert_eq!(linked, 20);
    assert_eq!(verify(&data).0, Some(0), "{}", verify(&data).1);
}

/// The directory of format 4 has a history, and was written before there was an audit log.
#[test]
fn changes_that_are_older_than_the_log_have_late_entries_with_their_times() {
    let server = Server::start_on_data(unpack(4));
    put(&server, "device", &json!({"name": "é>b new"}));
    let mut listed = Vec::new();
    until(|| {
        listed = get(&server, "/rest/audit?event=change").as_array().unwrap().clone();
        listed.iter().any(|entry| entry.get("late").is_none())
    });
    let (late, new): (Vec<&Value>, Vec<&Value>) =
        listed.iter().partition(|entry| entry.get("late").is_some());
    assert_eq!(new.len(), 1, "{listed:#?}");
    assert!(!late.is_empty());
    for entry in late {
        let changes = &entry["changes"];
        for (side, number) in [("first", &changes["first"]), ("last", &changes["last"])] {
            let change = get(&server, &format!("/rest/history/{number}"));
            assert_eq!(entry["late"][side], change["time"], "{entry}");
        }
    }
}
