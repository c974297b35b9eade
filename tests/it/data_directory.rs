//! Data directories of earlier releases.
//!
//! `tests/data_directories/format-N.tar.gz` holds a directory of the last version with format N,
//! whose server was killed: the sample inventory, imported twice, then a few single changes.

use std::{fs, path::Path, process::Command};

use serde_json::json;
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
    let mut server = Server::start_on_data(unpack(2));
    for _ in 0..2 {
        let get = |path: &str| server.request("GET", path).login(ADMIN).send();
        let counts = get("/rest/count").json();
        let expected = json!({
            "credential": 3, "device": 17, "file": 3, "group": 2, "link": 17, "network": 3,
            "pool": 5, "service": 6, "task": 2, "user": 4, "workflow_edge": 4,
        });
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
    assert!(pointer.starts_with("satchel 3\n"), "{pointer}");
    // The previous generation was upgraded as well: an undo restores the sample inventory.
    let undone = server.request("POST", "/rest/undo").login(ADMIN).send();
    assert_eq!(undone.status, 200, "{}", String::from_utf8_lossy(&undone.body));
    assert_eq!(undone.json()["after"]["records"], 69);
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
}
