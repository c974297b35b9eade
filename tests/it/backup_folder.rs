//! The setting `backup_dir`.

use std::fs;

use serde_json::json;

use crate::{
    backups::{create, get, put},
    commands::{Workspace, assert_exit, stderr_of, stdout_of},
    harness::{ADMIN, Server, command},
};

#[test]
fn backups_are_stored_in_another_folder() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("é>b 1%");
    fs::create_dir(&other).unwrap();
    let server = Server::start_with(&["--demo", "--backup-dir", other.to_str().unwrap()]);
    create(&server, &json!({"name": "b 1"}));
    assert!(other.join("b 1.zip").is_file());
    assert!(!server.data().join("backups").exists());
    let listed = get(&server, "/rest/backups").json();
    assert_eq!(listed["backups"][0]["name"], "b 1");
    let verify = server.request("POST", "/rest/backups/b%201/verify").login(ADMIN).send();
    assert_eq!(verify.json()["whole"], true);
    put(&server, "device", &json!({"name": "later"}));
    let file = fs::read(other.join("b 1.zip")).unwrap();
    assert_eq!(get(&server, "/rest/backups/b%201").body, file);

    // The disk is not mounted any more.
    let away = folder.path().join("away");
    fs::rename(&other, &away).unwrap();
    let problem = get(&server, "/rest/backups").problem(503, "unavailable");
    assert!(problem["detail"].as_str().unwrap().contains("might not be mounted"), "{problem}");
    let made = server.request("POST", "/rest/backup").login(ADMIN).json(&json!({})).send();
    made.problem(503, "unavailable");
    get(&server, "/rest/backups/b%201").problem(503, "unavailable");
    assert!(!other.exists());
    fs::rename(&away, &other).unwrap();
    assert_eq!(get(&server, "/rest/backups/b%201").body, file);
}

#[test]
fn commands_use_the_same_folder() {
    let workspace = Workspace::with_demo();
    let other = workspace.path("other é>b");
    fs::create_dir(&other).unwrap();
    let option = ["--backup-dir", other.to_str().unwrap()];
    let made = workspace.on_directory(&[&["backup", "--name", "s 1"], &option[..]].concat());
    assert_exit(&made, 0);
    assert!(other.join("s 1.zip").is_file());
    let dry = [&["restore", "s 1", "--dry-run"], &option[..]].concat();
    let restored = workspace.on_directory(&dry);
    assert_exit(&restored, 0);
    assert!(stdout_of(&restored).contains("Nothing was changed"), "{}", stdout_of(&restored));
    assert_exit(&workspace.on_directory(&["restore", "s 1", "--dry-run"]), 1);
}

#[test]
fn a_folder_of_backups_is_absolute_and_outside_of_the_data_directory() {
    let workspace = Workspace::with_demo();
    let relative = workspace.on_directory(&["backup", "--backup-dir", "backups"]);
    assert_exit(&relative, 2);
    assert!(stderr_of(&relative).contains("absolute path"), "{}", stderr_of(&relative));
    let link = workspace.path("link");
    std::os::unix::fs::symlink(workspace.data(), &link).unwrap();
    for inside in [workspace.data().join("jobs"), link] {
        let folder = ["--backup-dir", inside.to_str().unwrap()];
        let refused = workspace.on_directory(&[&["backup"], &folder[..]].concat());
        assert_exit(&refused, 1);
        assert!(stderr_of(&refused).contains("is in the data directory"), "{refused:?}");
        let output = command(&workspace.data()).args(folder).output().unwrap();
        assert!(stderr_of(&output).contains("is in the data directory"), "{output:?}");
    }
}
