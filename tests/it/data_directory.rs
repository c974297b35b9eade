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

use crate::{
    harness::{ADMIN, Server},
    inventory::{encode, get, path, put},
};

/// Unpacks a golden directory.
pub(crate) fn unpack(format: u32) -> TempDir {
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

/// Its secrets are not bound to their records: those of a renamed credential and of its earlier values too.
#[test]
fn a_directory_of_format_5_is_upgraded_in_place() {
    upgrade(
        5,
        json!({
            "credential": 3, "device": 18, "file": 3, "group": 2, "link": 21, "network": 3,
            "pool": 5, "service": 6, "task": 2, "user": 4, "workflow_edge": 4,
        }),
    );
    let server = Server::start_on_data(unpack(5));
    let password = || {
        let documents = crate::project::inventory(&server);
        let text = crate::project::text(&documents, "credential").to_owned();
        let code =
            |password: &str| base64::Engine::encode(&base64::prelude::BASE64_STANDARD, password);
        ["first secret", "second secret"].map(|password| text.contains(&code(password)))
    };
    assert_eq!(password(), [false, true]);
    // Change 10 renamed the credential, and change 9 set the second password.
    for change in [10, 9] {
        let undo = server.request("POST", "/rest/undo").login(ADMIN);
        let undone = undo.json(&json!({"change": change, "on_conflict": "keep"})).send().json();
        assert_eq!(undone["outcome"], "undone", "{undone}");
    }
    assert_eq!(password(), [true, false]);
}

#[test]
fn a_directory_of_format_6_is_upgraded_in_place() {
    upgrade(
        6,
        json!({
            "credential": 3, "device": 19, "file": 3, "group": 2, "link": 21, "network": 3,
            "pool": 5, "service": 6, "task": 2, "user": 4, "workflow_edge": 4,
        }),
    );
}

/// The changes of format 6 have entries of their own, with their before-values in a tree. Later changes of
/// the same record follow them. The audit log names changes of both, which a verification compares.
#[test]
fn the_history_of_format_6_continues() {
    let mut server = Server::start_on_data(unpack(6));
    let log = fs::read_to_string(server.data().join("audit/00000000000000000001.ndjson")).unwrap();
    assert_eq!(log.matches("\"sha256\"").count(), LINKED_CHANGES);
    let device = path("device", "[Shared] x");
    for vendor in ["Delta", "Épsilon"] {
        put(&server, "device", &json!({"name": "[Shared] x", "vendor": vendor}));
    }
    for _ in 0..2 {
        let changes = get(&server, &format!("{device}/history"));
        let numbers = changes.as_array().unwrap().iter().map(|it| it["number"].as_u64().unwrap());
        let numbers: Vec<u64> = numbers.collect();
        let vendors = numbers.iter().map(|number| {
            let then = get(&server, &format!("{device}?at={number}"));
            then["vendor"].as_str().unwrap().to_owned()
        });
        let expected = ["Épsilon", "Delta", "Gamma", "Beta", "Acme"];
        assert_eq!(vendors.collect::<Vec<_>>(), expected, "{changes}");
        let before = get(&server, &format!("{device}?at={}", numbers[1] - 1));
        assert_eq!(before["vendor"], "Gamma");
        // A change of format 6 is taken back.
        let beta = server.request("POST", "/rest/undo").login(ADMIN);
        let conflict = beta.json(&json!({"change": numbers[3], "dry_run": true})).send();
        assert_eq!(conflict.status, 200, "{}", String::from_utf8_lossy(&conflict.body));
        let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
        assert_eq!(verified["whole"], true, "{verified}");
        server = server.start_again();
    }
    // An import copies the changes of both formats to the archive.
    let import = json!({
        "name": "demo", "import_export_types": ["device"], "empty_database_before_import": true,
    });
    let imported = server.request("POST", "/rest/migrate/import").login(ADMIN).json(&import).send();
    assert_eq!(imported.status, 200, "{}", String::from_utf8_lossy(&imported.body));
    let listed = get(&server, &format!("/rest/history?type=device&name={}", encode("[Shared] x")));
    assert!(listed.as_array().unwrap().len() >= 5, "{listed}");
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
}

/// The entries of the golden directory's audit log that name changes.
const LINKED_CHANGES: usize = 8;

/// Its custom properties are not encrypted: neither those of present records, nor the values before changes, in
/// the tree `before` and inside the changes.
#[test]
fn a_directory_of_format_7_is_upgraded_in_place() {
    upgrade(
        7,
        json!({
            "credential": 3, "device": 27, "file": 3, "group": 2, "link": 21, "network": 3,
            "pool": 6, "service": 6, "task": 2, "user": 4, "workflow_edge": 4,
        }),
    );
}

#[test]
fn an_upgrade_encrypts_the_custom_properties_of_format_7() {
    let secrets = [
        "archived one",
        "archived two",
        "first community",
        "second community",
        "first short",
        "second short",
        "third short",
        "first removed",
        "second removed",
        "renamed",
        "many 1 3",
        "steady secret",
        "yyyyyyyy",
    ];
    let folder = unpack(7);
    let data = folder.path().join("data");
    fs::remove_dir_all(data.join("migrations")).unwrap();
    for secret in secrets {
        assert!(holds(&data, secret), "{secret}");
    }
    let mut server = Server::start_on_data(folder);
    let log = fs::read_to_string(server.data().parent().unwrap().join("log")).unwrap();
    assert!(log.contains("Custom properties are encrypted now in"), "{log}");
    for _ in 0..2 {
        for secret in secrets {
            assert!(!holds(&server.data(), secret), "{secret}");
        }
        let lowly = get(&server, &path("device", "lowly"));
        assert_eq!(
            (&lowly["notes_of_secret"], &lowly["community_ro"]),
            (&json!(true), &json!(null))
        );
        let document =
            |kind: &str| crate::project::text(&crate::project::inventory(&server), kind).to_owned();
        let devices = document("device");
        assert!(devices.contains("\"snmp_community\": \"second community\"\n"));
        assert!(devices.contains(&format!("\"{}", "y".repeat(60))));
        assert!(document("pool").contains("\"device_snmp_community\": \"second\"\n"));
        // Each earlier state of each device can be read, without its secret.
        let vendors = |name: &str, earlier: &[&str]| {
            let found = vendors_of(&server, name);
            assert_eq!(found, earlier, "{name}");
        };
        vendors("[Shared] x", &["Delta", "Gamma", "Gamma", "Beta", "Beta", "Acme"]);
        vendors("later", &["Delta", "Gamma", "Beta", "Acme"]);
        vendors("[Shared] y", &["", "Beta", "Acme"]);
        vendors("many 1", &["Acme 4", "Acme 3", "Acme 2", "Acme 1", "Acme 0"]);
        let steady: Vec<String> = (0..40).rev().map(|number| format!("Acme {number}")).collect();
        assert_eq!(vendors_of(&server, "steady"), steady);
        let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
        assert_eq!(verified["whole"], true, "{verified}");
        // Twice: after the upgrade, and when there is nothing to encrypt.
        server = server.start_again();
    }
    // An undo restores earlier secrets, the newest first.
    let document =
        || crate::project::text(&crate::project::inventory(&server), "device").to_owned();
    assert!(!document().contains("\"second short\""));
    let changes = changes_of(&server, "[Shared] x");
    // The change that removed the secret, and the one that replaced it.
    for (change, secret) in [(changes[1], "second short"), (changes[3], "first short")] {
        let undo = server.request("POST", "/rest/undo").login(ADMIN);
        let answer = undo.json(&json!({"change": change})).send().json();
        assert_eq!(answer["outcome"], "undone", "{answer}");
        assert!(document().contains(&format!("\"snmp_community\": \"{secret}\"\n")), "{secret}");
    }
    let removed = changes_of(&server, "[Shared] y")[0];
    let undo = server.request("POST", "/rest/undo").login(ADMIN);
    let answer = undo.json(&json!({"change": removed})).send().json();
    assert_eq!(answer["outcome"], "undone", "{answer}");
    assert!(document().contains("\"snmp_community\": \"second removed\"\n"));
    for secret in secrets {
        assert!(!holds(&server.data(), secret), "{secret}");
    }
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
}

/// Returns whether a file below a folder contains a text.
pub(crate) fn holds(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        // 32 MiB of zeros.
        if path.ends_with("RESERVE") {
            return false;
        }
        memchr::memmem::find(&fs::read(path).unwrap(), text.as_bytes()).is_some()
    })
}

/// The numbers of the changes of a device, the newest first.
fn changes_of(server: &Server, name: &str) -> Vec<u64> {
    let changes =
        get(server, &format!("/rest/history?type=device&name={}&limit=100", encode(name)));
    changes.as_array().unwrap().iter().map(|it| it["number"].as_u64().unwrap()).collect()
}

/// The vendors of a device after each of its changes, the newest first.
fn vendors_of(server: &Server, name: &str) -> Vec<String> {
    let numbers = changes_of(server, name).into_iter();
    let vendors = numbers.map(|number| {
        let device = server.request("GET", &format!("{}?at={number}", path("device", name)));
        let device = device.login(ADMIN).send();
        let body = String::from_utf8_lossy(&device.body).into_owned();
        assert!(!body.contains("snmp_community"), "{body}");
        device.json()["vendor"].as_str().unwrap_or_default().to_owned()
    });
    vendors.collect()
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
    assert!(pointer.starts_with("satchel 8\n"), "{pointer}");
    // The previous generation was upgraded as well.
    let state = server.request("GET", "/rest/state").login(ADMIN).send().json();
    // The sample inventory of the time, and its first user.
    assert_eq!(state["previous"]["records"], 69, "{state}");
    // Without a history, the last import has no number by which it can be undone.
    if format >= 4 {
        let undo = server.request("POST", "/rest/undo").login(ADMIN);
        let change = match format {
            4 => 4,
            5 => 11,
            6 => 14,
            _ => 89,
        };
        let undone = undo.json(&json!({"change": change})).send().json();
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

/// Whatever the umask of the parent, and whatever was done.
#[test]
fn everything_is_private_after_all_operations() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let serve = crate::harness::command(&data);
    let mut open = std::process::Command::new("sh");
    open.args(["-c", "umask 0; exec \"$@\"", "sh"]).arg(serve.get_program()).args(serve.get_args());
    open.args(["--listen", "127.0.0.1:0"])
        .env("SATCHEL_CONFIG", "")
        .stdout(std::process::Stdio::piped());
    let mut child = open.stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    let stdout = child.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
    let server = Server::adopt(child, &line);
    let post = |path: &str, body: serde_json::Value| {
        let answer = server.request("POST", path).login(ADMIN).json(&body).send();
        assert!(answer.status < 300, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer
    };
    post("/rest/instance/device", json!({"name": "é>b 100%"}));
    let configuration =
        server.request("PUT", "/rest/configuration/%C3%A9%3Eb%20100%25").login(ADMIN);
    assert_eq!(configuration.body("c".repeat(30_000)).send().status, 200);
    let types = json!(["device", "user"]);
    post("/rest/migrate/export", json!({"name": "E 1", "import_export_types": types}));
    let import = json!({
        "name": "E 1", "import_export_types": ["device"], "empty_database_before_import": true
    });
    post("/rest/migrate/import", import);
    post("/rest/topology/export", json!({"name": "E 1.xlsx"}));
    let table = crate::forms::Form::of_file("a.csv", b"name,port\nnew,x\n").bytes();
    let upload = crate::forms::posted(&server, "?kind=device&on_error=skip", table).send();
    assert!(upload.status < 500, "{}", String::from_utf8_lossy(&upload.body));
    post("/rest/tokens", json!({"name": "é>b", "scope": "read"}));
    post("/rest/verify", json!({}));
    post("/rest/undo", json!({}));
    crate::harness::until(|| data.join("audit").exists());
    for name in ["audit", "jobs", "migrations/E 1.zip", "reports", "spreadsheets", "tokens"] {
        assert!(data.join(name).exists(), "{name}");
    }
    assert_eq!(open_to_others(&data), Vec::<String>::new());
    drop(server);
    for command in [&["verify"][..], &["history"], &["audit"]] {
        let mut open = std::process::Command::new("sh");
        open.args(["-c", "umask 0; exec \"$@\"", "sh"]).arg(env!("CARGO_BIN_EXE_satchel"));
        open.args(command).arg("--data").arg(&data).env("SATCHEL_CONFIG", "").output().unwrap();
        assert_eq!(open_to_others(&data), Vec::<String>::new(), "{command:?}");
    }
}

#[test]
fn a_link_in_the_place_of_a_report_is_not_followed() {
    let server = Server::start();
    crate::project::put_folder(
        &server,
        "E 1",
        &crate::project::documents(&[("device", "- {name: 'R 1%'}\n")]),
    );
    let report =
        crate::project::imported(&server, "E 1", json!({"import_export_types": ["device"]}));
    let path = report["report"].as_str().unwrap().to_owned();
    let get = || server.request("GET", &path).login(ADMIN).send();
    assert_eq!(get().status, 200);
    let id = path.rsplit('/').next().unwrap();
    let file = server.data().join(format!("reports/{id}.json"));
    let key = server.data().join("key");
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(&key, &file).unwrap();
    let answer = get();
    assert_ne!(answer.status, 200);
    let key = fs::read(key).unwrap();
    assert!(!answer.body.windows(key.len()).any(|window| window == key));
}
