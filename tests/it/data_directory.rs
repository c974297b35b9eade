//! Data directories of earlier releases.
//!
//! `tests/data_directories/format-N.tar.gz` holds a directory of the last version with format N,
//! whose server was killed: the sample inventory, imported twice, then a few single changes.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{ADMIN, Server};

/// Unpacks a golden directory.
fn unpack(format: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let archive = format!("tests/data_directories/format-{format}.tar.gz");
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join(archive);
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(archive).arg("-C").arg(folder.path());
    assert!(tar.status().unwrap().success());
    folder
}

#[test]
fn a_directory_of_format_2_is_upgraded_in_place() {
    upgrade(
        2,
        json!({
            "credential": 3, "device": 17, "file": 3, "group": 2, "link": 17, "network": 3,
            "pool": 5, "service": 6, "task": 2, "user": 4, "workflow_edge": 4,
        }),
    );
}

#[test]
fn a_directory_of_format_3_is_upgraded_in_place() {
    upgrade(
        3,
        json!({
            "credential": 2, "device": 18, "file": 3, "group": 2, "link": 22, "network": 3,
            "pool": 5, "service": 6, "task": 2, "user": 5, "workflow_edge": 4,
        }),
    );
}

#[test]
fn a_directory_of_format_4_is_upgraded_in_place() {
    upgrade(
        4,
        json!({
            "credential": 2, "device": 19, "file": 3, "group": 2, "link": 21, "network": 3,
            "pool": 5, "service": 6, "task": 2, "user": 5, "workflow_edge": 4,
        }),
    );
}

/// Opens a golden directory, and compares its records with these counts and with the changes after
/// its last import.
fn upgrade(format: u32, expected: Value) {
    let mut server = Server::start_on_data(unpack(format));
    for _ in 0..2 {
        let get = |path: &str| server.request("GET", path).login(ADMIN).send();
        let counts = get("/rest/count").json();
        // A kind that is newer than the directory has no records.
        for (kind, count) in counts.as_object().unwrap() {
            assert_eq!(count, expected.get(kind).unwrap_or(&json!(0)), "{kind}");
        }
        assert!(counts.as_object().unwrap().len() >= expected.as_object().unwrap().len());
        let device = get("/rest/instance/device/%C3%A9%3Eb%20100%25").json();
        assert_eq!(device["notes"].as_str().unwrap().len(), 9000);
        let configuration = get("/rest/configuration/%C3%A9%3Eb%20100%25").body;
        assert_eq!(configuration, vec![b'c'; 30_000]);
        let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
        assert_eq!(verified["whole"], true, "{verified}");
        // Twice: with the upgrade, and in the current format.
        server = server.start_again();
    }
    let pointer = fs::read_to_string(server.data().join("CURRENT")).unwrap();
    assert!(pointer.starts_with("satchel 5\n"), "{pointer}");
    // The previous generation was upgraded as well.
    let state = server.request("GET", "/rest/state").login(ADMIN).send().json();
    // The sample inventory of the time, and its first user.
    assert_eq!(state["previous"]["records"], 69, "{state}");
    // Without a history, the last import has no number by which it can be undone.
    if format >= 4 {
        let undo = server.request("POST", "/rest/undo").login(ADMIN);
        let undone = undo.json(&json!({"change": 4})).send().json();
        assert_eq!((&undone["outcome"], &undone["records_total"]), (&json!("undone"), &json!(1)));
    }
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
}

/// The paths under `folder` on which users other than the owner have permissions.
fn open_to_others(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.metadata().unwrap();
        if metadata.permissions().mode() & 0o077 != 0 {
            found.push(path.display().to_string());
        }
        if metadata.is_dir() {
            found.extend(open_to_others(&path));
        }
    }
    found
}

#[test]
fn no_other_user_can_read_a_file_of_the_data_directory() {
    let mut server = Server::start();
    server.kill();
    let data = server.data();
    let opened = |path: &Path| fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
    opened(&data);
    for name in ["migrations", "reports", "CURRENT", "LOCK", "inventory-1"] {
        opened(&data.join(name));
    }
    // What was opened is private again, and so are the files of an import.
    let server = server.start_again();
    let exported = server.request("POST", "/rest/migrate/export").login(ADMIN);
    let exported = exported.json(&json!({"name": "E 1", "import_export_types": ["user"]})).send();
    assert_eq!(exported.status, 200, "{}", String::from_utf8_lossy(&exported.body));
    assert!(data.join("migrations/E 1.zip").exists() && data.join("reports").exists());
    assert_eq!(open_to_others(&data), Vec::<String>::new());
    let warning = format!("chmod 700 {}", data.display());
    let is_warned = |line: &serde_json::Value| line.to_string().contains(&warning);
    assert!(server.log().iter().any(is_warned), "{:?}", server.log());
}
