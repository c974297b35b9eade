//! Backups over REST and with commands.

use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Read},
    path::Path,
};

use satchel::backup::{DirectoryEntry, EntryRule};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::{
    commands::{Workspace, assert_exit, at_server, json as json_of, stderr_of, stdout_of},
    harness::{ADMIN, GUEST, Server},
    project::{KINDS, pack},
};

pub(crate) const DEVICE: &str = "R 1% é>b";
pub(crate) const DEVICE_PATH: &str = "/rest/instance/device/R%201%25%20%C3%A9%3Eb";
pub(crate) const TEXT_PATH: &str = "/rest/configuration/R%201%25%20%C3%A9%3Eb";

pub(crate) fn get(server: &Server, path: &str) -> crate::harness::Answer {
    server.request("GET", path).login(ADMIN).send()
}

pub(crate) fn put(server: &Server, kind: &str, record: &Value) {
    let path = format!("/rest/instance/{kind}");
    let answer = server.request("POST", &path).login(ADMIN).json(record).send();
    assert_eq!(answer.status, 200, "{}", answer.json());
}

pub(crate) fn put_text(server: &Server, path: &str, text: &str) {
    let answer = server.request("PUT", path).login(ADMIN).body(text).send();
    assert_eq!(answer.status, 200, "{}", answer.json());
}

pub(crate) fn create(server: &Server, body: &Value) -> Value {
    let answer = server.request("POST", "/rest/backup").login(ADMIN).json(body).send();
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

/// A server with the sample inventory and some changes.
pub(crate) fn server() -> Server {
    let server = Server::start_with(&["--demo"]);
    put(&server, "device", &json!({"name": DEVICE, "vendor": "Acme"}));
    put_text(&server, TEXT_PATH, "hostname first\n");
    put_text(&server, TEXT_PATH, "hostname second\n");
    put(&server, "credential", &json!({"name": "C 1%", "password": "first secret"}));
    put(&server, "credential", &json!({"name": "C 1%", "password": "second secret"}));
    put(&server, "device", &json!({"name": "gone", "vendor": "Acme"}));
    let deleted = server.request("DELETE", "/rest/instance/device/gone").login(ADMIN).send();
    assert_eq!(deleted.status, 200);
    server
}

/// The entries of an archive, in their order.
pub(crate) fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(archive)).unwrap();
    let entries = (0..archive.len()).map(|index| {
        let mut entry = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.name().to_owned(), bytes)
    });
    entries.collect()
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    assert!(bytes.ends_with(b"\n"));
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The manifest of a backup, after the comparison of all checksums with its entries.
fn checked_manifest(entries: &[(String, Vec<u8>)]) -> Value {
    let (last, parts) = entries.split_last().unwrap();
    assert_eq!(last.0, "satchel/manifest.json");
    let manifest: Value = serde_json::from_slice(&last.1).unwrap();
    let mut list = String::new();
    let declared = manifest["parts"].as_array().unwrap();
    assert_eq!(declared.len(), parts.len());
    for (part, (name, bytes)) in declared.iter().zip(parts) {
        assert_eq!((&part["name"], &part["bytes"]), (&json!(name), &json!(bytes.len())));
        assert_eq!(part["sha256"], sha256(bytes), "{name}");
        list += &format!("{}  {name}\n", sha256(bytes));
    }
    assert_eq!(manifest["sha256"], sha256(list.as_bytes()));
    manifest
}

#[test]
fn a_backup_contains_everything_and_is_a_bundle() {
    let server = server();
    let last = get(&server, "/rest/history?limit=1").json()[0]["number"].clone();
    let created = create(&server, &json!({"name": "b 1"}));
    assert_eq!(created["backup"], "b 1");
    assert_eq!(created["download"], "/rest/backups/b%201");
    let warning = created["warnings"][0].as_str().unwrap();
    assert!(warning.contains("not encrypted"), "{warning}");
    let file = get(&server, "/rest/backups/b%201").body;
    assert_eq!(created["bytes"], file.len());
    let entries = entries(&file);
    let manifest = checked_manifest(&entries);
    assert_eq!(manifest, created["manifest"]);
    assert_eq!((&manifest["change"], &manifest["made_by"]), (&last, &json!("admin")));
    assert_eq!((&manifest["format"], &manifest["history"]), (&json!(1), &json!(true)));
    let names: Vec<String> = KINDS.iter().map(|kind| format!("{kind}.yaml")).collect();
    let own = ["metadata.yaml", "satchel/configurations.ndjson", "satchel/history.ndjson"];
    let names = names.iter().map(String::as_str).chain(own).chain(["satchel/manifest.json"]);
    assert!(entries.iter().map(|(name, _)| name.as_str()).eq(names), "{manifest}");

    let entries: BTreeMap<String, Vec<u8>> = entries.into_iter().collect();
    let texts = lines(&entries["satchel/configurations.ndjson"]);
    let text = json!({"device": DEVICE, "property": "configuration", "text": "hostname second\n"});
    assert_eq!(texts, [text]);
    let history = lines(&entries["satchel/history.ndjson"]);
    let (changes, values): (Vec<&Value>, Vec<&Value>) =
        history.iter().partition(|line| line["number"].is_u64());
    let declared = manifest["parts"].as_array().unwrap().iter();
    let part = declared.clone().find(|part| part["name"] == "satchel/history.ndjson").unwrap();
    assert_eq!(part["records"], changes.len());
    let counted: u64 = changes.iter().map(|change| change["values"].as_u64().unwrap()).sum();
    assert_eq!(counted, values.len() as u64);
    assert!(changes.is_sorted_by_key(|change| change["number"].as_u64()));
    assert_eq!(changes.last().unwrap()["number"], last);
    assert!(changes.iter().any(|change| change["replaced"] == "import"), "the sample inventory");
    let value = |name: &str, effect: &str| {
        let found = values.iter().find(|line| line["name"] == name && line["effect"] == effect);
        found.unwrap_or_else(|| panic!("{name} {effect}: {values:?}"))
    };
    let gone = value("gone", "removed")["before"].as_str().unwrap();
    assert!(gone.starts_with("- ") && gone.contains("\"vendor\": \"Acme\""), "{gone}");
    assert!(value("gone", "created")["before"].is_null());
    let earlier = values.iter().find(|line| line["property"] == "configuration");
    assert_eq!(earlier.unwrap()["effect"], "created");
    let first = values.iter().find(|line| line["before"] == "hostname first\n");
    assert_eq!(first.unwrap()["name"], DEVICE);
    // The secrets are readable, in the form of the documents.
    let before = value("C 1%", "updated")["before"].as_str().unwrap();
    let document = String::from_utf8(entries["credential.yaml"].clone()).unwrap();
    let secret_of = |text: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with("\"password\": "));
        line.unwrap().trim().to_owned()
    };
    let keys = |text: &str| {
        let keys = text.lines().filter_map(|line| line.split_once(": "));
        keys.map(|(key, _)| key.trim_start_matches("- ").trim().to_owned()).collect::<Vec<_>>()
    };
    let own = document.split("- ").find(|record| record.contains("C 1%")).unwrap();
    assert_ne!(secret_of(before), secret_of(own));
    assert_eq!(keys(before), keys(own));

    // It is a bundle: another server imports it without a warning about its further parts.
    let other = Server::start();
    let upload = other.request("PUT", "/rest/migrate/projects/b").login(ADMIN).body(file).send();
    assert_eq!(upload.status, 201, "{}", upload.json());
    assert_eq!((&upload.json()["ignored"], &upload.json()["warnings"]), (&json!([]), &json!([])));
    let body = json!({"name": "b", "import_export_types": KINDS});
    let imported = other.request("POST", "/rest/migrate/import").login(ADMIN).json(&body).send();
    assert_eq!(imported.status, 200, "{}", imported.json());
    let warnings = imported.json()["warnings"].to_string();
    assert!(!warnings.contains("satchel/"), "{warnings}");
    assert_eq!(get(&other, DEVICE_PATH).json()["vendor"], "Acme");
}

#[test]
fn backups_are_listed_downloaded_in_ranges_and_deleted() {
    let server = server();
    assert_eq!(get(&server, "/rest/backups").json(), json!({"backups": []}));
    create(&server, &json!({"name": "b 1", "history": false}));
    let named = create(&server, &json!({}))["backup"].as_str().unwrap().to_owned();
    assert!(named.starts_with("backup-20"), "{named}");
    let listed = get(&server, "/rest/backups").json();
    let names: Vec<&str> = listed["backups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["b 1", &named]);
    assert_eq!(listed["backups"][0]["manifest"]["history"], false);
    let whole = get(&server, "/rest/backups/b%201").body;
    assert!(!entries(&whole).iter().any(|(name, _)| name.contains("history")));
    let part = server.request("GET", "/rest/backups/b%201").login(ADMIN);
    let part = part.header("Range", "bytes=5-9").send();
    assert_eq!((part.status, &part.body[..]), (206, &whole[5..10]));
    let head = server.request("HEAD", "/rest/backups/b%201").login(ADMIN).send();
    assert_eq!(head.header("content-length"), Some(whole.len().to_string().as_str()));

    let again = server.request("POST", "/rest/backup").login(ADMIN);
    let again = again.json(&json!({"name": "b 1"})).send();
    again.problem(409, "backup-exists");
    assert_eq!(get(&server, "/rest/backups/b%201").body, whole);
    let wrong = server.request("POST", "/rest/backup").login(ADMIN);
    wrong.json(&json!({"name": "../b", "histroy": true})).send().problem(400, "malformed-body");
    assert_eq!(get(&server, "/rest/backup?histroy=true").status, 400);
    assert_eq!(get(&server, "/rest/backup?history=perhaps").status, 400);
    get(&server, "/rest/backups/none").problem(404, "unknown-backup");
    get(&server, "/rest/backups/%2e%2e%2fkey").problem(400, "malformed-request");

    let delete = || server.request("DELETE", "/rest/backups/b%201").login(ADMIN);
    delete().header("If-Match", "\"other\"").send().problem(412, "stale");
    assert_eq!(delete().send().status, 204);
    delete().send().problem(404, "unknown-backup");
    // Backups hold every secret.
    put(&server, "user", &json!({"name": GUEST.0, "password": GUEST.1}));
    for (method, path) in [
        ("GET", "/rest/backup"),
        ("POST", "/rest/backup"),
        ("GET", "/rest/backups"),
        ("GET", "/rest/backups/x"),
        ("DELETE", "/rest/backups/x"),
    ] {
        server.request(method, path).login(GUEST).send().problem(403, "forbidden");
        assert_eq!(server.request(method, path).send().status, 401);
    }
}

#[test]
fn a_backup_is_streamed_while_changes_go_on() {
    let server = Server::start();
    // More than the buffers of the connection hold, and not compressible.
    let mut text = vec![0_u8; 700_000];
    for number in 0..24 {
        getrandom::fill(&mut text).unwrap();
        let hex: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
        put(&server, "device", &json!({"name": format!("R {number:02}%")}));
        put_text(&server, &format!("/rest/configuration/R%20{number:02}%25"), &hex);
    }
    let last = get(&server, "/rest/history?limit=1").json()[0]["number"].clone();
    let head = server.request("HEAD", "/rest/backup").login(ADMIN).send();
    assert_eq!((head.status, head.header("content-type")), (200, Some("application/zip")));

    let mut connection = server.connect();
    let request = server.request("GET", "/rest/backup").login(ADMIN);
    connection.send(request.head().as_bytes());
    let mut answer = connection.read_head();
    assert_eq!(answer.status, 200);
    let named = answer.header("content-disposition").unwrap();
    assert!(named.starts_with("attachment; filename=\"backup-20"), "{named}");
    // The client does not read, so the server waits inside of the texts.
    put_text(&server, "/rest/configuration/R%2023%25", "changed\n");
    put(&server, "device", &json!({"name": "later"}));
    put_text(&server, "/rest/configuration/later", "later\n");
    for name in ["R%2022%25", "R%2000%25"] {
        let path = format!("/rest/instance/device/{name}");
        assert_eq!(server.request("DELETE", &path).login(ADMIN).send().status, 200);
    }
    // No second copy is on the disk.
    assert!(!server.data().join("backups").exists());
    assert_eq!(fs::read_dir(server.data().join("scratch")).unwrap().count(), 0);
    while connection.read_chunk(&mut answer.body) {}
    let entries = entries(&answer.body);
    let manifest = checked_manifest(&entries);
    assert_eq!(manifest["change"], last);
    let entries: BTreeMap<String, Vec<u8>> = entries.into_iter().collect();
    let texts = lines(&entries["satchel/configurations.ndjson"]);
    assert_eq!(texts.len(), 24);
    assert!(texts.iter().all(|line| line["text"].as_str().unwrap().len() == 1_400_000));
    let history = lines(&entries["satchel/history.ndjson"]);
    let numbers = history.iter().filter_map(|line| line["number"].as_u64());
    assert_eq!(numbers.max(), last.as_u64());
    assert!(!String::from_utf8_lossy(&entries["device.yaml"]).contains("later"));

    // A client that goes away ends the backup: the next ones are not refused.
    for _ in 0..5 {
        let mut connection = server.connect();
        let request = server.request("GET", "/rest/backup").login(ADMIN);
        connection.send(request.head().as_bytes());
        let status = connection.read_head().status;
        assert!(status == 200 || status == 503, "{status}");
    }
    crate::harness::until(|| {
        let mut connection = server.connect();
        let request = server.request("GET", "/rest/backup?history=false").login(ADMIN);
        connection.send(request.head().as_bytes());
        connection.read_head().status == 200
    });
}

#[test]
fn the_command_makes_backups_of_a_directory_and_of_a_server() {
    let workspace = Workspace::with_demo();
    let file = workspace.path("é b.zip");
    let made = workspace.on_directory(&["backup", file.to_str().unwrap()]);
    assert_exit(&made, 0);
    let said = stdout_of(&made);
    assert!(said.contains("Backup of change ") && said.contains("passwords and keys"), "{said}");
    let of_file = checked_manifest(&entries(&fs::read(&file).unwrap()));

    let stored = workspace.on_directory(&["backup", "--name", "s 1", "--no-history", "--json"]);
    assert_exit(&stored, 0);
    let stored = json_of(&stored);
    assert_eq!((&stored["backup"], &stored["manifest"]["history"]), (&json!("s 1"), &json!(false)));
    let path = workspace.data().join("backups/s 1.zip");
    let of_stored = checked_manifest(&entries(&fs::read(&path).unwrap()));
    let documents = |manifest: &Value| {
        let parts = manifest["parts"].as_array().unwrap().clone().into_iter();
        parts.filter(|part| part["name"] != "metadata.yaml").take(11).collect::<Vec<_>>()
    };
    assert_eq!(documents(&of_file), documents(&of_stored));
    let again = workspace.on_directory(&["backup", "--name", "s 1"]);
    assert_exit(&again, 1);
    assert!(stderr_of(&again).contains("already"), "{}", stderr_of(&again));

    let inspected = workspace.on_directory(&["inspect", file.to_str().unwrap()]);
    assert_exit(&inspected, 0);
    assert!(stdout_of(&inspected).contains("satchel/history.ndjson"), "{}", stdout_of(&inspected));
    let inspected = workspace.on_directory(&["inspect", file.to_str().unwrap(), "--json"]);
    let inspected: Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(inspected["backup"], of_file);
    let verified = workspace.on_directory(&["verify", file.to_str().unwrap()]);
    assert_exit(&verified, 0);
    assert!(stdout_of(&verified).starts_with("Backup OK: "), "{}", stdout_of(&verified));

    let folder = workspace.path("folder");
    fs::create_dir(&folder).unwrap();
    let server = server();
    let made = at_server(&server, ADMIN.1, &["backup", folder.to_str().unwrap(), "--json"]);
    assert_exit(&made, 0);
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names.len(), 1);
    let printed: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(printed, checked_manifest(&entries(&fs::read(&names[0]).unwrap())));
    let piped = at_server(&server, ADMIN.1, &["backup", "-"]);
    assert_exit(&piped, 0);
    checked_manifest(&entries(&piped.stdout));
    let missing = at_server(&server, ADMIN.1, &["backup", "/nowhere/a.zip"]);
    assert_exit(&missing, 1);
    assert!(!folder.join("a.zip").exists());
}

/// Packs the entries of a backup again, with another manifest.
pub(crate) fn repacked(entries: &[(String, Vec<u8>)], manifest: &Value) -> Vec<u8> {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        if name == "satchel/manifest.json" {
            writer.write_all(manifest.to_string().as_bytes()).unwrap();
        } else {
            writer.write_all(bytes).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn damaged_and_newer_backups_are_named() {
    let server = server();
    create(&server, &json!({"name": "good"}));
    let good = get(&server, "/rest/backups/good").body;
    let entries = entries(&good);
    let manifest = checked_manifest(&entries);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = manifest.clone();
        change(&mut changed);
        repacked(&entries, &changed)
    };
    let plain: crate::project::Documents =
        [("device".to_owned(), b"- {name: R 1%}\n".to_vec())].into();
    for (name, bytes, problem) in [
        ("bundle", pack(&plain), "it is a bundle, not a backup"),
        ("cut", good[..good.len() - 10].to_vec(), "not a complete zip archive"),
        (
            "missing",
            with(&|m| m["parts"][0]["name"] = json!("other.yaml")),
            "'other.yaml' is missing",
        ),
        ("newer", with(&|m| m["format"] = json!(99)), "it has format 99, which a later version"),
        ("length", with(&|m| m["parts"][2]["bytes"] = json!(1)), "another length"),
        (
            "unlisted",
            with(&|m| drop(m["parts"].as_array_mut().unwrap().pop())),
            "not in the manifest",
        ),
        ("words", with(&|m| *m = json!({"format": 1})), "manifest.json cannot be read"),
    ] {
        fs::write(server.data().join(format!("backups/{name}.zip")), bytes).unwrap();
        let listed = get(&server, "/rest/backups").json();
        let listed = listed["backups"].as_array().unwrap().clone();
        let one = listed.iter().find(|one| one["name"] == name).unwrap();
        assert!(one["problem"].as_str().unwrap().contains(problem), "{name}: {one}");
        assert!(one["manifest"].is_null());
        assert_eq!(listed.iter().filter(|one| one["problem"].is_null()).count(), 1);
    }
    let newer = server.data().join("backups/newer.zip");
    let workspace = Workspace::new();
    let inspected = workspace.on_directory(&["inspect", newer.to_str().unwrap()]);
    assert_exit(&inspected, 1);
    assert!(
        stderr_of(&inspected).contains("a later version of Satchel"),
        "{}",
        stderr_of(&inspected)
    );
}

/// The backup with another part, and a manifest that declares it.
pub(crate) fn with_part(
    entries: &[(String, Vec<u8>)],
    name: &str,
    change: impl Fn(&str) -> String,
) -> Vec<u8> {
    let mut entries = entries.to_vec();
    let mut manifest = checked_manifest(&entries);
    let part = entries.iter_mut().find(|(entry, _)| entry == name).unwrap();
    part.1 = change(std::str::from_utf8(&part.1).unwrap()).into_bytes();
    let records = match name {
        "satchel/history.ndjson" => {
            lines(&part.1).iter().filter(|line| line["number"].is_u64()).count()
        }
        _ => lines(&part.1).len(),
    };
    let mut list = String::new();
    for declared in manifest["parts"].as_array_mut().unwrap() {
        if declared["name"] == name {
            declared["records"] = json!(records);
            declared["bytes"] = json!(part.1.len());
            declared["sha256"] = json!(sha256(&part.1));
        }
        list += &format!(
            "{}  {}\n",
            declared["sha256"].as_str().unwrap(),
            declared["name"].as_str().unwrap()
        );
    }
    manifest["sha256"] = json!(sha256(list.as_bytes()));
    repacked(&entries, &manifest)
}

#[test]
fn a_stored_backup_is_verified_by_a_restore() {
    let server = server();
    create(&server, &json!({"name": "b 1"}));
    let verify = |name: &str| {
        server.request("POST", &format!("/rest/backups/{name}/verify")).login(ADMIN).send()
    };
    let listed = |name: &str| {
        let list = get(&server, "/rest/backups").json();
        let list = list["backups"].as_array().unwrap().clone();
        list.into_iter().find(|one| one["name"] == name).unwrap()
    };
    assert!(listed("b 1")["verified"].is_null());
    let sample = |name: &str| crate::metrics::sample(&server, name);
    assert_eq!(sample("satchel_backup_last_verified"), None);
    let verified = verify("b%201");
    assert_eq!(verified.status, 200, "{}", verified.json());
    let verified = verified.json();
    assert_eq!(verified["whole"], true, "{verified}");
    assert_eq!((&verified["texts"], &verified["findings"]["total"]), (&json!(1), &json!(0)));
    let manifest = listed("b 1")["manifest"].clone();
    let history = manifest["parts"].as_array().unwrap().iter();
    let history = history.clone().find(|part| part["name"] == "satchel/history.ndjson").unwrap();
    assert_eq!(
        (&verified["change"], &verified["changes"]),
        (&manifest["change"], &history["records"])
    );
    let last = &listed("b 1")["verified"];
    assert_eq!((&last["whole"], &last["time"]), (&json!(true), &verified["time"]));
    assert_eq!(sample("satchel_backup_last_verified"), Some(1.0));
    assert_eq!(sample("satchel_backups"), Some(1.0));
    let bytes = fs::metadata(server.data().join("backups/b 1.zip")).unwrap().len();
    assert_eq!(sample("satchel_backups_bytes"), Some(bytes as f64));
    let made = sample("satchel_backup_last_success_timestamp_seconds").unwrap();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    assert!((now - made).abs() < 600.0, "{made}");
    // The scratch inventory is gone, and the inventory is as before.
    assert_eq!(fs::read_dir(server.data().join("scratch")).unwrap().count(), 0);
    assert_eq!(get(&server, "/rest/history?limit=1").json()[0]["number"], manifest["change"]);
    verify("none").problem(404, "unknown-backup");

    // A byte of the data of an entry: the checksum of the archive does not fit any more.
    let path = server.data().join("backups/b 1.zip");
    let mut bytes = fs::read(&path).unwrap();
    bytes[200] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(listed("b 1")["verified"].is_null(), "the result of another file");
    verify("b%201").problem(422, "backup-refused");
    let last = &listed("b 1")["verified"];
    assert_eq!(last["whole"], false, "{last}");
    assert_eq!(sample("satchel_backup_last_verified"), Some(0.0));
    // The inventory itself works.
    let ready = get(&server, "/readyz");
    assert_eq!(ready.status, 200);
    let check = ready.json()["checks"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&check["check"], &check["passed"]), (&json!("backup"), &json!(true)));
    assert!(check["warning"].as_str().unwrap().contains("had findings"), "{check}");
    assert!(get(&server, "/readyz?exclude=backup").json()["checks"].as_array().unwrap().len() == 5);
    let delete = server.request("DELETE", "/rest/backups/b%201").login(ADMIN).send();
    assert_eq!(delete.status, 204);
    assert_eq!(fs::read_dir(server.data().join("backups")).unwrap().count(), 0);
    assert_eq!(sample("satchel_backup_last_success_timestamp_seconds"), None);

    // A link could lead out of the folder.
    std::os::unix::fs::symlink("/etc/passwd", server.data().join("backups/link.zip")).unwrap();
    get(&server, "/rest/backups/link").problem(422, "backup-refused");
    verify("link").problem(422, "backup-refused");
    assert!(listed("link")["problem"].as_str().unwrap().contains("not a regular file"));
}

#[test]
fn a_backup_that_restores_to_something_else_has_findings() {
    let server = server();
    let whole = get(&server, "/rest/backup").body;
    let entries = entries(&whole);
    let workspace = Workspace::new();
    let verify = |bytes: &[u8]| {
        let file = workspace.path("b.zip");
        fs::write(&file, bytes).unwrap();
        workspace.on_directory(&["verify", file.to_str().unwrap()])
    };
    assert_exit(&verify(&whole), 0);
    let texts = "satchel/configurations.ndjson";
    let history = "satchel/history.ndjson";
    let added = |line: &'static str| move |part: &str| format!("{part}{line}\n");
    let nobody = r#"{"device": "nobody", "property": "configuration", "text": "x"}"#;
    let unknown = r#"{"device": "nobody", "property": "colour", "text": "x"}"#;
    for (bytes, finding) in [
        (
            with_part(&entries, texts, added(nobody)),
            "a text of the device 'nobody', which is missing",
        ),
        (with_part(&entries, texts, added(unknown)), "the unknown text 'colour'"),
        (with_part(&entries, history, |part| part.replace("hostname first", "hostname other")), ""),
        (
            with_part(&entries, history, |part| {
                part.replace(r#"\"name\": \"gone\""#, r#"\"name\": \"x\""#)
            }),
            "the device 'gone': its value before it has another name",
        ),
        (
            with_part(&entries, history, |part| {
                part.replace(r#""type":"credential""#, r#""type":"x""#)
            }),
            "the type 'x' is unknown",
        ),
        (
            with_part(&entries, history, |part| {
                let mut lines: Vec<&str> = part.lines().collect();
                lines.pop();
                lines.join("\n") + "\n"
            }),
            "are missing",
        ),
    ] {
        let verified = verify(&bytes);
        let said = stdout_of(&verified);
        // An earlier text can be any text: only its checksum protects it.
        assert_exit(&verified, i32::from(!finding.is_empty()));
        assert!(said.contains(finding), "{finding}: {said}");
    }
    let mut changed = entries.clone();
    changed.iter_mut().find(|(name, _)| name == texts).unwrap().1[30] ^= 1;
    let refused = verify(&repacked(&changed, &checked_manifest(&entries)));
    assert_exit(&refused, 1);
    assert!(stderr_of(&refused).contains("'satchel/configurations.ndjson' was changed"));
    let broken = |part: &str| part.replacen(r#""number":1"#, r#""numbre":1"#, 1);
    let refused = verify(&with_part(&entries, history, broken));
    assert!(stderr_of(&refused).contains("line 1 of 'satchel/history.ndjson' cannot be read"));
    let cut = verify(&whole[..whole.len() - 100]);
    assert_exit(&cut, 1);
    assert!(stderr_of(&cut).contains("not a complete zip archive"), "{}", stderr_of(&cut));
}

/// The backup in `tests/backups/format-1.zip` was written by the first version with format 1: the sample
/// inventory, and the changes of [`server`].
#[test]
fn a_backup_of_format_1_can_be_restored() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backups/format-1.zip");
    let manifest = checked_manifest(&entries(&fs::read(&golden).unwrap()));
    assert_eq!((&manifest["format"], &manifest["directory_format"]), (&json!(1), &json!(5)));
    let workspace = Workspace::new();
    let verified = workspace.on_directory(&["verify", golden.to_str().unwrap(), "--json"]);
    assert_exit(&verified, 0);
    let verified: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!((&verified["whole"], &verified["records"]), (&json!(true), &json!(71)));
    assert_eq!((&verified["texts"], &verified["changes"]), (&json!(1), &json!(9)));
}

/// The table of the page lists every entry of a data directory, and this test every entry that exists.
#[test]
fn a_backup_contains_or_leaves_out_each_entry_of_the_data_directory() {
    let server = server();
    create(&server, &json!({"name": "b"}));
    let token = server.request("POST", "/rest/tokens").login(ADMIN);
    assert_eq!(token.json(&json!({"name": "t", "scope": "read"})).send().status, 201);
    let body = json!({"name": "p", "import_export_types": ["device"]});
    let exported = server.request("POST", "/rest/migrate/export").login(ADMIN).json(&body).send();
    assert_eq!(exported.status, 200);
    let workbook = server.request("POST", "/rest/topology/export").login(ADMIN);
    assert_eq!(workbook.json(&json!({"name": "w.xlsx"})).send().status, 200);
    let names: Vec<String> = fs::read_dir(server.data())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let unknown: Vec<&String> =
        names.iter().filter(|name| DirectoryEntry::of(name).is_none()).collect();
    assert!(unknown.is_empty(), "add to src/backup/directory.rs and backups.md: {unknown:?}");
    for seen in ["inventory-", "history", "key", "tokens", "backups", "migrations", "spreadsheets"]
    {
        let is_seen = |name: &String| DirectoryEntry::of(name).is_some_and(|it| it.name == seen);
        assert!(names.iter().any(is_seen), "{seen}: {names:?}");
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/docs/backups.md");
    let page = fs::read_to_string(page).unwrap();
    for DirectoryEntry { name, rule } in DirectoryEntry::ALL {
        let (word, text) = match rule {
            EntryRule::Included(text) => ("included", text),
            EntryRule::LeftOut(text) => ("left out", text),
        };
        let shown = if name.ends_with('-') { format!("{name}…") } else { name.to_owned() };
        let row = format!("| `{shown}` | {word} | {text} |");
        assert!(page.contains(&row), "backups.md has no row: {row}");
    }
}
