//! A damaged or deleted archive of the history is never silent.

use std::{fs, path::Path, process::Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    harness::{Server, satchel},
    inventory::{ask, get, put},
    project::{documents, imported, put_folder},
};

/// The exit code of a verification that finds a lost history.
const DAMAGED: i32 = 3;

/// A data directory whose archive has the changes from before an import.
fn archived() -> TempDir {
    let server = Server::start();
    put(&server, "device", &json!({"name": "R 1%"}));
    put(&server, "device", &json!({"name": "é>b"}));
    put_folder(&server, "new", &documents(&[("device", "- {name: 'R 1%'}\n- {name: new}\n")]));
    let replace = json!({"import_export_types": ["device"], "empty_database_before_import": true});
    assert_eq!(imported(&server, "new", replace)["written"], "new_generation");
    let verified = ask(&server, "POST", "/rest/verify").send().json();
    assert_eq!(verified["whole"], true, "{verified}");
    assert_eq!(get(&server, "/rest/state")["history_losses"], json!([]));
    server.kill_and_keep()
}

fn run(data: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        satchel().args(arguments).arg("--data").arg(data).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

fn names_of(data: &Path) -> Vec<String> {
    let entries = fs::read_dir(data).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.contains("history")).collect();
    names.sort();
    names
}

/// Expects that commands and a server report the loss with these words.
fn is_reported(directory: TempDir, words: &str, names: &[&str]) {
    let data = directory.path().join("data");
    for _ in 0..2 {
        let (code, said) = run(&data, &["verify"]);
        assert_eq!(code, Some(DAMAGED), "{said}");
        assert!(said.contains(words), "{said}");
    }
    for arguments in [&["history"][..], &["show", "device", "R 1%"], &["undo", "--dry-run"]] {
        let (_, said) = run(&data, arguments);
        assert!(!said.contains("Nothing was changed. To list"), "{said}");
    }
    assert_eq!(names_of(&data), names);
    let server = Server::start_on_data(directory);
    let verified = ask(&server, "POST", "/rest/verify").send().json();
    assert_eq!(verified["whole"], false, "{verified}");
    assert_eq!(verified["findings"]["shown"][0]["rule"], "history-lost", "{verified}");
    let state = get(&server, "/rest/state");
    let detail = state["history_losses"][0]["detail"].as_str().unwrap();
    assert!(detail.contains(words), "{detail}");
    let is_logged = |line: &Value| line["level"] == "ERROR" && line.to_string().contains(words);
    assert!(server.log().iter().any(is_logged), "{:?}", server.log());
}

#[test]
fn a_truncated_archive_is_reported() {
    let directory = archived();
    let database = directory.path().join("data/history/db");
    let file = fs::File::options().write(true).open(&database).unwrap();
    file.set_len(file.metadata().unwrap().len() / 4).unwrap();
    is_reported(directory, "is damaged: ", &["history"]);
}

#[test]
fn a_changed_byte_of_the_archive_is_reported() {
    let directory = archived();
    let database = directory.path().join("data/history/db");
    let mut bytes = fs::read(&database).unwrap();
    let at = bytes.windows(4).position(|bytes| bytes == b"R 1%").unwrap();
    bytes[at] ^= 1;
    fs::write(&database, bytes).unwrap();
    is_reported(directory, "is damaged: ", &["history"]);
}

#[test]
fn a_deleted_archive_is_reported() {
    let directory = archived();
    fs::remove_dir_all(directory.path().join("data/history")).unwrap();
    is_reported(directory, "is missing. It had changes up to change ", &[]);
}

#[test]
fn an_archive_that_was_moved_aside_is_reported_until_the_folder_is_removed() {
    let directory = archived();
    let data = directory.path().join("data");
    fs::write(data.join("history/SEAL"), b"damaged").unwrap();
    let server = Server::start_on_data(directory);
    put_folder(&server, "newer", &documents(&[("device", "- {name: newer}\n")]));
    let replace = json!({"import_export_types": ["device"], "empty_database_before_import": true});
    assert_eq!(imported(&server, "newer", replace)["written"], "new_generation");
    let server = server.start_again();
    let state = get(&server, "/rest/state");
    let aside = state["history_losses"][0]["path"].as_str().unwrap().to_owned();
    assert!(aside.contains("damaged-history-"), "{aside}");
    let is_warning = |line: &Value| line["level"] == "WARN" && line.to_string().contains(&aside);
    assert!(server.log().iter().any(is_warning), "{:?}", server.log());
    let verified = ask(&server, "POST", "/rest/verify").send().json();
    assert_eq!(verified["whole"], false, "{verified}");
    fs::remove_dir_all(server.data().join(Path::new(&aside).file_name().unwrap())).unwrap();
    let verified = ask(&server, "POST", "/rest/verify").send().json();
    assert_eq!(verified["whole"], true, "{verified}");
    assert_eq!(get(&server, "/rest/state")["history_losses"], json!([]));
}

/// The text of the metrics.
fn metrics(server: &Server) -> String {
    String::from_utf8(ask(server, "GET", "/metrics").send().body).unwrap()
}

#[test]
fn a_deleted_copy_from_before_an_import_is_reported_until_the_next_import() {
    let directory = archived();
    let data = directory.path().join("data");
    let copy = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path());
    let mut copies: Vec<_> =
        copy.filter(|path| path.to_string_lossy().contains("inventory-")).collect();
    copies.sort();
    let [before, _] = &copies[..] else { panic!("{copies:?}") };
    fs::remove_dir_all(before).unwrap();
    let words = format!("{}, is missing", before.display());
    let (code, said) = run(&data, &["verify"]);
    assert_eq!(code, Some(DAMAGED), "{said}");
    assert!(said.contains(&words), "{said}");
    assert!(run(&data, &["inspect"]).1.contains(&words));
    let (code, said) = run(&data, &["recover"]);
    assert_eq!(code, Some(DAMAGED), "{said}");
    assert!(said.contains("is intact.") && said.contains(&words), "{said}");
    let (code, said) = run(&data, &["undo", "--dry-run"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is missing, although it should be kept"), "{said}");

    let server = Server::start_on_data(directory);
    let verified = ask(&server, "POST", "/rest/verify").send().json();
    assert_eq!(verified["findings"]["shown"][0]["rule"], "history-lost", "{verified}");
    let is_warning =
        |line: &Value| line["level"] == "WARN" && line.to_string().contains("is missing");
    assert!(server.log().iter().any(is_warning), "{:?}", server.log());
    assert!(metrics(&server).contains("satchel_history_losses 1\n"), "{}", metrics(&server));
    ask(&server, "POST", "/rest/undo").send().problem(410, "not-in-history");

    put_folder(&server, "newer", &documents(&[("device", "- {name: newer}\n")]));
    let replace = json!({"import_export_types": ["device"], "empty_database_before_import": true});
    assert_eq!(imported(&server, "newer", replace)["written"], "new_generation");
    assert_eq!(get(&server, "/rest/state")["history_losses"], json!([]));
    assert!(metrics(&server).contains("satchel_history_losses 0\n"));
    let verified = ask(&server, "POST", "/rest/verify").send().json();
    assert_eq!(verified["whole"], true, "{verified}");
}
