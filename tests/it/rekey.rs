//! `satchel rekey`, and a key outside of the data directory.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    commands::{assert_exit, run, stderr_of, stdout_of},
    harness::{ADMIN, Server, command, satchel},
    inventory::put,
    project::{Documents, documents, imported, inventory, put_folder},
};

fn on(data: &Path, words: &[&str]) -> Output {
    let mut command = satchel();
    run(command.args(words).arg("--data").arg(data))
}

/// A data directory with secrets in the present records, in the history, in the archive and in a kept
/// generation, and its documents with all secrets.
fn prepared() -> (TempDir, Documents) {
    let server = Server::start_with(&["--demo"]);
    let credential = |password: &str| json!({"name": "R 1%", "username": "é", "password": password, "enable_password": "x y"});
    put(&server, "credential", &credential("first"));
    put(&server, "credential", &credential("second"));
    put(&server, "device", &json!({"name": "R 1%", "snmp_community": "one", "tokens": [1, "é>b"]}));
    let documents =
        documents(&[("device", "- {name: 'R 1%', psk: x}\n- {name: new, password: y}\n")]);
    put_folder(&server, "new", &documents);
    let replace = json!({"import_export_types": ["device"], "empty_database_before_import": true});
    assert_eq!(imported(&server, "new", replace)["written"], "new_generation");
    put(&server, "credential", &credential("third"));
    // A long record is stored in chunks.
    put(&server, "credential", &json!({"name": "R 1%", "description": "d".repeat(9000)}));
    put(&server, "credential", &json!({"name": "R 1%", "new_name": "é>b"}));
    let exported = inventory(&server);
    (server.kill_and_keep(), exported)
}

/// The changes of the password, the newest first.
fn undo_password(server: &Server, change: u64) -> u16 {
    let body = json!({"change": change, "on_conflict": "keep"});
    server.request("POST", "/rest/undo").login(ADMIN).json(&body).send().status
}

#[test]
fn a_new_key_keeps_every_secret() {
    let (directory, before) = prepared();
    let data = directory.path().join("data");
    let old = fs::read(data.join("key")).unwrap();
    let generations = |data: &Path| fs::read_to_string(data.join("CURRENT")).unwrap();
    let pointer = generations(&data);
    let output = on(&data, &["rekey", "--yes"]);
    assert_exit(&output, 0);
    let said = stdout_of(&output);
    // The users and the credentials in two generations and the values before their changes.
    assert!(said.contains("records and") && said.contains("of the history"), "{said}");
    assert_ne!(fs::read(data.join("key")).unwrap(), old);
    assert_eq!(generations(&data), pointer);
    let kept: Vec<_> = fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("key.old-"))
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(fs::read(&kept[0]).unwrap(), old);
    assert!(!data.join("rekey").exists() && !data.join("REKEY").exists());
    let verified = on(&data, &["verify"]);
    assert_exit(&verified, 0);
    // The old key decrypts nothing any more.
    let new = fs::read(data.join("key")).unwrap();
    fs::write(data.join("key"), &old).unwrap();
    assert!(stderr_of(&on(&data, &["verify"])).contains("is not the key"));
    fs::write(data.join("key"), &new).unwrap();
    let server = Server::start_on_data(directory);
    assert_eq!(inventory(&server), before);
    let audit = server.request("GET", "/rest/audit?event=rekey").login(ADMIN).send().json();
    assert_eq!(audit.as_array().unwrap().len(), 1, "{audit}");
    // The earlier passwords are in the history, in the archive and in the kept generation.
    let history = server.request("GET", "/rest/history?name=R%201%25").login(ADMIN).send().json();
    let numbers: Vec<u64> =
        history.as_array().unwrap().iter().map(|one| one["number"].as_u64().unwrap()).collect();
    for number in numbers {
        assert_eq!(undo_password(&server, number), 200, "{number}");
    }
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
}

/// SIGKILL at any moment of the replacement: either key is in force, and no secret is lost.
#[test]
fn a_killed_replacement_is_completed_or_discarded() {
    let (directory, before) = prepared();
    let data = directory.path().join("data");
    let (mut kept, mut replaced) = (0, 0);
    for round in 0..14_u64 {
        let key = fs::read(data.join("key")).unwrap();
        let mut rekey = satchel();
        rekey.args(["rekey", "--yes", "--data"]).arg(&data);
        let mut child = rekey.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(60 * round + getrandom::u64().unwrap() % 60));
        let _ = child.kill();
        child.wait().unwrap();
        let verified = on(&data, &["verify"]);
        assert_exit(&verified, 0);
        assert!(!data.join("rekey").exists() && !data.join("REKEY").exists());
        let is_same = fs::read(data.join("key")).unwrap() == key;
        *(if is_same { &mut kept } else { &mut replaced }) += 1;
    }
    let server = Server::start_on_data(directory);
    assert_eq!(inventory(&server), before, "{kept} {replaced}");
    assert!(kept > 0, "{kept} {replaced}");
}

/// Every state between the decision and its end is completed by the next command.
#[test]
fn each_step_of_a_decided_replacement_can_be_repeated() {
    let (directory, before) = prepared();
    let data = directory.path().join("data");
    let traced = |name: &str| data.join(name);
    // A first replacement, whose result is moved back into the folder as if the process had been killed
    // right after the decision.
    let copy = directory.path().join("copy");
    let status = std::process::Command::new("cp").arg("-a").arg(&data).arg(&copy).status().unwrap();
    assert!(status.success());
    assert_exit(&on(&copy, &["rekey", "--yes"]), 0);
    let folder = traced("rekey");
    fs::create_dir(&folder).unwrap();
    for entry in fs::read_dir(&copy).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_moved = name.starts_with("inventory-")
            || ["history", "key", "key.check", "MARK", "CURRENT"].contains(&name.as_str());
        if is_moved {
            fs::rename(&path, folder.join(&name)).unwrap();
        }
    }
    // The half of the databases was moved before the kill.
    fs::rename(traced("history"), folder.join("replaced-history")).unwrap();
    fs::rename(folder.join("history"), traced("history")).unwrap();
    fs::rename(traced("inventory-2"), folder.join("replaced-inventory-2")).unwrap();
    let decision = json!({"key": traced("key"), "old_key": traced("key.old-test")});
    fs::write(traced("REKEY"), decision.to_string()).unwrap();
    let verified = on(&data, &["verify"]);
    assert_exit(&verified, 0);
    assert!(traced("key.old-test").exists() && !folder.exists() && !traced("REKEY").exists());
    let server = Server::start_on_data(directory);
    assert_eq!(inventory(&server), before);
}

#[test]
fn the_key_can_be_outside_of_the_data_directory() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("é key");
    let key_text = key.to_str().unwrap();
    let mut server = Server::start_with(&["--key-file", key_text]);
    put(&server, "credential", &json!({"name": "R 1%", "password": "secret"}));
    let before = inventory(&server);
    server.terminate();
    assert!(server.wait().success());
    let data = server.data();
    assert!(key.exists() && !data.join("key").exists());
    let mode = key.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Without the option, and without the file.
    let missing = on(&data, &["verify"]);
    assert_exit(&missing, 1);
    assert!(stderr_of(&missing).contains("passwords of all users"), "{}", stderr_of(&missing));
    assert_exit(&on(&data, &["verify", "--key-file", key_text]), 0);
    let output = on(&data, &["rekey", "--yes", "--key-file", key_text]);
    assert_exit(&output, 0);
    assert!(stdout_of(&output).contains("é key.old-"), "{}", stdout_of(&output));
    assert!(!data.join("key").exists());
    let moved = folder.path().join("moved");
    fs::rename(&key, &moved).unwrap();
    let mut serve = command(&data);
    let refused = run(serve.args(["--listen", "127.0.0.1:0", "--key-file", key_text]));
    assert_exit(&refused, 1);
    let said = stderr_of(&refused);
    assert!(said.contains("é key is missing") && said.contains("--key-file"), "{said}");
    assert!(!key.exists(), "a new key would lose every secret");
    fs::rename(&moved, &key).unwrap();
    let server = server.start_again_with(&["--key-file", key_text]);
    assert_eq!(inventory(&server), before);
}

/// The replaced key cannot be kept beside a key file with such a long name.
#[test]
fn a_key_that_cannot_be_kept_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("k".repeat(250));
    let key_text = key.to_str().unwrap();
    let mut server = Server::start_with(&["--key-file", key_text]);
    put(&server, "credential", &json!({"name": "R 1%", "password": "secret"}));
    let before = inventory(&server);
    server.terminate();
    assert!(server.wait().success());
    let (data, old) = (server.data(), fs::read(&key).unwrap());
    let refused = on(&data, &["rekey", "--yes", "--key-file", key_text]);
    assert_exit(&refused, 1);
    let said = stderr_of(&refused);
    assert!(said.contains("keeping the old key beside the key file"), "{said}");
    assert_eq!(fs::read(&key).unwrap(), old);
    assert!(!data.join("rekey").exists() && !data.join("REKEY").exists());
    let server = server.start_again_with(&["--key-file", key_text]);
    assert_eq!(inventory(&server), before);
}

/// systemd gives the service a directory with files of mode 0400, and its path in `CREDENTIALS_DIRECTORY`.
#[test]
fn the_key_can_be_a_systemd_credential() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    let key = credentials.join("satchel.key");
    fs::write(&key, [0xa5; 32]).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o500)).unwrap();
    let key_text = key.to_str().unwrap();
    let variables =
        [("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap()), ("SATCHEL_KEY_FILE", key_text)];
    let mut server = Server::start_with_environment(&variables);
    put(&server, "credential", &json!({"name": "R 1%", "password": "secret"}));
    let before = inventory(&server);
    server.terminate();
    assert!(server.wait().success());
    let data = server.data();
    assert!(!data.join("key").exists());
    // The server adds no file to the directory, and leaves the key as it is.
    assert_eq!(fs::read_dir(&credentials).unwrap().count(), 1);
    assert_eq!(fs::read(&key).unwrap(), [0xa5; 32]);
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o400);
    // Root runs commands with the source of the credential.
    let source = folder.path().join("key");
    fs::copy(&key, &source).unwrap();
    assert_exit(&on(&data, &["verify", "--key-file", source.to_str().unwrap()]), 0);
    let server = server.start_again_with(&["--key-file", key_text]);
    assert_eq!(inventory(&server), before);
    // Lets a user other than root remove the directory.
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_replacement_asks_first() {
    let (directory, _) = prepared();
    let data = directory.path().join("data");
    let key = fs::read(data.join("key")).unwrap();
    let output = on(&data, &["rekey"]);
    assert_exit(&output, 1);
    assert!(stderr_of(&output).contains("--yes"), "{}", stderr_of(&output));
    assert_eq!(fs::read(data.join("key")).unwrap(), key);
}
