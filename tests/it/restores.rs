//! Restores of backups over REST and with commands.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    backups::{
        DEVICE, DEVICE_PATH, TEXT_PATH, create, entries, get, put, put_text, repacked,
        server as changed_server, sha256, with_part,
    },
    commands::{
        Workspace, assert_exit, at_server, json as json_of, on_terminal, stderr_of, stdout_of,
    },
    harness::{ADMIN, Answer, Server},
    project::{Documents, of_kind, pack},
};

const RESTORE: &str = "/rest/restore";
const ZIP: &str = "application/zip";

/// The checksums of all records and present long texts.
pub(crate) fn state(server: &Server) -> Value {
    let file = get(server, "/rest/backup?history=false").body;
    let (_, manifest) = entries(&file).pop().unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let parts = manifest["parts"].as_array().unwrap().clone().into_iter();
    parts.filter(|part| part["name"] != "metadata.yaml").collect()
}

fn restore(server: &Server, body: &Value) -> Answer {
    server.request("POST", RESTORE).login(ADMIN).json(body).send()
}

fn dry_run(server: &Server, body: &Value) -> Value {
    let mut body = body.clone();
    body["dry_run"] = true.into();
    let answer = restore(server, &body);
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

/// Restores after a dry run. Returns the report.
fn restored(server: &Server, body: &Value) -> Value {
    let mut with_plan = body.clone();
    with_plan["plan"] = dry_run(server, body)["plan"].clone();
    let answer = restore(server, &with_plan);
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

pub(crate) fn delete(server: &Server, path: &str) {
    assert_eq!(server.request("DELETE", path).login(ADMIN).send().status, 200);
}

fn stored_names(server: &Server) -> Vec<String> {
    let listed = get(server, "/rest/backups").json();
    let listed = listed["backups"].as_array().unwrap().iter();
    listed.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

fn text_of(server: &Server, path: &str) -> String {
    String::from_utf8(get(server, path).body).unwrap()
}

fn last_change(server: &Server) -> Value {
    get(server, "/rest/history?limit=1").json()[0].clone()
}

/// Changes records, texts and administrators.
pub(crate) fn change(server: &Server) {
    put(server, "device", &json!({"name": "new %41", "vendor": "Acme"}));
    put_text(server, "/rest/configuration/new%20%2541", "hostname new\n");
    put_text(server, TEXT_PATH, "hostname third\n");
    put(server, "device", &json!({"name": DEVICE, "vendor": "Other", "rack": "custom"}));
    put(server, "user", &json!({"name": "eva é", "is_admin": true, "password": "Oslo Fjord 9 !"}));
    put(server, "credential", &json!({"name": "C 1%", "password": "third secret"}));
    delete(server, "/rest/instance/device/Lisbon%20core%201");
}

#[test]
fn a_restore_brings_everything_back_and_an_undo_takes_it_back() {
    let server = changed_server();
    let before = state(&server);
    create(&server, &json!({"name": "b 1"}));
    change(&server);
    let after = state(&server);
    assert_ne!(before, after);

    let body = json!({"backup": "b 1"});
    let shown = dry_run(&server, &body);
    assert_eq!((&shown["outcome"], &shown["backup"]), (&json!("dry_run"), &json!("b 1")));
    assert_eq!(shown["texts"], json!({"added": 0, "changed": 1, "unchanged": 0, "removed": 1}));
    let devices = of_kind(&shown, "device");
    assert_eq!((&devices["created"], &devices["removed"]), (&json!(1), &json!(1)), "{devices}");
    let administrators = shown["administrators"]["shown"].to_string();
    assert!(administrators.contains("eva é") && administrators.contains("removed"), "{shown}");
    assert!(shown["safety_backup"].is_null());
    assert_eq!(state(&server), after);
    assert_eq!(stored_names(&server), ["b 1"]);

    restore(&server, &body).problem(400, "malformed-body");
    let other = json!({"backup": "b 1", "plan": "0".repeat(64)});
    restore(&server, &other).problem(409, "restore-plan");
    // The options belong to the plan.
    let other = json!({"backup": "b 1", "plan": shown["plan"], "types": ["device"]});
    restore(&server, &other).problem(409, "restore-plan");
    put(&server, "device", &json!({"name": "later"}));
    let stale = json!({"backup": "b 1", "plan": shown["plan"]});
    restore(&server, &stale).problem(409, "restore-plan");
    delete(&server, "/rest/instance/device/later");
    assert_eq!((state(&server), stored_names(&server)), (after.clone(), vec!["b 1".to_owned()]));

    let report = restored(&server, &body);
    assert_eq!(report["outcome"], "imported");
    assert_eq!(state(&server), before);
    let safety = report["safety_backup"].as_str().unwrap();
    assert!(stored_names(&server).contains(&safety.to_owned()), "{safety}");
    assert_eq!(text_of(&server, TEXT_PATH), "hostname second\n");
    assert_eq!(get(&server, DEVICE_PATH).json()["rack"], Value::Null);
    let last = last_change(&server);
    assert_eq!((&last["operation"], &last["principal"]), (&json!("restore"), &json!("admin")));
    let recorded = get(&server, "/rest/audit?event=restore").json().to_string();
    assert!(recorded.contains("\"subject\":\"b 1\""), "{recorded}");
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");

    // A second restore changes nothing, and stores no backup.
    let stored = stored_names(&server);
    let again = restored(&server, &body);
    assert_eq!(again["written"], "nothing", "{again}");
    assert!(again["summary"].as_str().unwrap().starts_with("Nothing was changed"), "{again}");
    assert!(again["safety_backup"].is_null(), "{again}");
    let only_link = restored(&server, &json!({"backup": "b 1", "types": ["link"]}));
    assert_eq!(only_link["written"], "nothing", "{only_link}");
    assert_eq!((last_change(&server), stored_names(&server)), (last, stored));

    assert_eq!(server.request("POST", "/rest/undo").login(ADMIN).send().status, 200);
    assert_eq!(state(&server), after);
    restored(&server, &json!({"backup": safety}));
    assert_eq!(state(&server), after);
}

/// An undo that keeps a later change takes the rest of the restore back, also texts and passwords.
#[test]
fn an_undo_keeps_what_was_changed_after_a_restore() {
    let server = changed_server();
    create(&server, &json!({"name": "b"}));
    change(&server);
    restored(&server, &json!({"backup": "b"}));
    let number = last_change(&server)["number"].clone();
    put(&server, "device", &json!({"name": "later"}));
    let undone = server.request("POST", "/rest/undo").login(ADMIN).json(&json!({"change": number}));
    let undone = undone.send();
    assert_eq!(undone.status, 200, "{}", undone.json());
    assert_eq!(get(&server, "/rest/instance/device/later").status, 200);
    assert_eq!(text_of(&server, TEXT_PATH), "hostname third\n");
    assert_eq!(text_of(&server, "/rest/configuration/new%20%2541"), "hostname new\n");
    assert_eq!(get(&server, "/rest/instance/device/Lisbon%20core%201").status, 404);
    let eva = ("eva é", "Oslo Fjord 9 !");
    assert_eq!(server.request("GET", "/rest/instance/user").login(eva).send().status, 200);
}

#[test]
fn types_and_records_are_restored_alone() {
    let server = changed_server();
    create(&server, &json!({"name": "b"}));
    change(&server);
    let eva = "/rest/instance/user/eva%20%C3%A9";
    // The record with its text, and nothing else.
    let report = restored(&server, &json!({"backup": "b", "name": DEVICE}));
    assert_eq!(report["texts"], json!({"added": 0, "changed": 1, "unchanged": 0, "removed": 0}));
    let device = get(&server, DEVICE_PATH).json();
    assert_eq!((&device["vendor"], &device["rack"]), (&json!("Acme"), &Value::Null));
    assert_eq!(text_of(&server, TEXT_PATH), "hostname second\n");
    for path in [eva, "/rest/instance/device/new%20%2541", "/rest/configuration/new%20%2541"] {
        assert_eq!(get(&server, path).status, 200, "{path}");
    }
    assert_eq!(get(&server, "/rest/instance/device/Lisbon%20core%201").status, 404);
    restore(&server, &json!({"backup": "b", "name": "nobody", "dry_run": true}))
        .problem(422, "not-in-backup");
    let link = json!({"backup": "b", "name": DEVICE, "types": ["link"], "dry_run": true});
    restore(&server, &link).problem(422, "not-in-backup");

    // All devices and links; users stay.
    let report = restored(&server, &json!({"backup": "b", "types": ["device", "link"]}));
    assert_eq!(report["texts"]["removed"], 1, "{report}");
    assert_eq!(get(&server, "/rest/instance/device/Lisbon%20core%201").status, 200);
    assert_eq!(get(&server, "/rest/instance/device/new%20%2541").status, 404);
    assert_eq!(get(&server, eva).status, 200);
    let undone = server.request("POST", "/rest/undo").login(ADMIN).send();
    assert_eq!(undone.status, 200);
    assert_eq!(text_of(&server, "/rest/configuration/new%20%2541"), "hostname new\n");
}

#[test]
fn a_file_is_restored_in_the_call_that_uploads_it() {
    let server = changed_server();
    let before = state(&server);
    let file = get(&server, "/rest/backup").body;
    change(&server);
    let after = state(&server);
    let upload = |query: &str, file: &[u8]| {
        let path = format!("{RESTORE}{query}");
        server.request("POST", &path).login(ADMIN).header("content-type", ZIP).body(file).send()
    };
    upload("", &file).problem(400, "malformed-body");
    upload("?backup=b&dry_run", &file).problem(400, "malformed-body");
    restore(&server, &json!({"dry_run": true})).problem(400, "malformed-body");
    upload("?dry_rnu", &file).problem(400, "malformed-request");
    upload("?dry_run", b"PK").problem(422, "backup-refused");
    restore(&server, &json!({"backup": "nothing", "dry_run": true})).problem(404, "unknown-backup");
    let shown = upload("?dry_run", &file);
    assert_eq!(shown.status, 200, "{}", shown.json());
    let plan = shown.json()["plan"].as_str().unwrap().to_owned();
    assert_eq!(state(&server), after);
    let answer = upload(&format!("?plan={plan}"), &file);
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(state(&server), before);
    // An uploaded file is not stored.
    assert_eq!(stored_names(&server), [answer.json()["safety_backup"].as_str().unwrap()]);
    let left = fs::read_dir(server.data().join("backups")).unwrap().count();
    assert_eq!(left, 1);
}

#[test]
fn a_backup_is_uploaded_and_stored() {
    let server = changed_server();
    let file = get(&server, "/rest/backup").body;
    let path = "/rest/backups/up%201";
    let put = |path: &str, file: &[u8]| server.request("PUT", path).login(ADMIN).body(file).send();
    let stored = put(path, &file);
    assert_eq!((stored.status, stored.header("location")), (201, Some(path)), "{}", stored.json());
    assert_eq!(get(&server, path).body, file);
    let listed = get(&server, "/rest/backups").json()["backups"][0].clone();
    assert_eq!(listed, stored.json());
    put(path, &file).problem(409, "backup-exists");
    put("/rest/backups/cut", &file[..file.len() - 10]).problem(422, "backup-refused");
    let plain: Documents = [("device".to_owned(), b"- {name: R 1%}\n".to_vec())].into();
    put("/rest/backups/plain", &pack(&plain)).problem(422, "backup-refused");
    let form = server.request("PUT", "/rest/backups/form").login(ADMIN).body(file);
    form.header("content-type", "multipart/form-data; boundary=x")
        .send()
        .problem(415, "unsupported-media-type");
    assert_eq!(stored_names(&server), ["up 1"]);
    // The time of the file is that of the backup, so an old one is not the newest.
    let modified =
        fs::metadata(server.data().join("backups/up 1.zip")).unwrap().modified().unwrap();
    let made = stored.json()["manifest"]["made"].as_str().unwrap().to_owned();
    let modified = time::OffsetDateTime::from(modified);
    let format = &time::format_description::well_known::Rfc3339;
    assert_eq!(modified, time::OffsetDateTime::parse(&made, format).unwrap());
}

/// Every refused file leaves the inventory as it is, and no backup of it.
#[test]
fn a_damaged_or_newer_file_is_refused_before_anything_is_touched() {
    let server = changed_server();
    let good = get(&server, "/rest/backup").body;
    change(&server);
    let after = state(&server);
    let parts = entries(&good);
    let manifest: Value = serde_json::from_slice(&parts.last().unwrap().1).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = manifest.clone();
        change(&mut changed);
        repacked(&parts, &changed)
    };
    let texts = |change: &dyn Fn(&str) -> String| {
        with_part(&parts, "satchel/configurations.ndjson", change)
    };
    let line = |device: &str, property: &str| {
        json!({"device": device, "property": property, "text": "x"}).to_string() + "\n"
    };
    let flipped = {
        let mut flipped = good.clone();
        let middle = flipped.len() / 3;
        flipped[middle] ^= 1;
        flipped
    };
    for (name, bytes, problem) in [
        ("cut", good[..good.len() - 10].to_vec(), "not a complete zip archive"),
        ("flipped", flipped, ""),
        ("newer", with(&|m| m["format"] = json!(99)), "format 99, which a later version"),
        ("checksum", with(&|m| m["parts"][2]["sha256"] = json!("0".repeat(64))), "was changed"),
        ("list", with(&|m| m["sha256"] = json!("0".repeat(64))), "was changed"),
        (
            "unlisted",
            with(&|m| drop(m["parts"].as_array_mut().unwrap().pop())),
            "not in the manifest",
        ),
        ("property", texts(&|all| line(DEVICE, "secret") + all), "devices have no text 'secret'"),
        ("device", texts(&|all| line("A gone", "configuration") + all), "has no device 'A gone'"),
        ("twice", texts(&|all| format!("{all}{all}")), "does not come after"),
        ("words", texts(&|_| "{}\n".to_owned()), "configurations.ndjson' cannot be read"),
    ] {
        let path = format!("{RESTORE}?plan={}", "0".repeat(64));
        let request = server.request("POST", &path).login(ADMIN).header("content-type", ZIP);
        let answer = request.body(bytes.clone()).send();
        // The texts are compared with the inventory, so that the plan is checked first.
        let answer = if answer.status == 409 {
            let path = format!("{RESTORE}?dry_run");
            let request = server.request("POST", &path).login(ADMIN).header("content-type", ZIP);
            request.body(bytes).send()
        } else {
            answer
        };
        let detail = answer.problem(422, "backup-refused")["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(problem), "{name}: {detail}");
        assert!(!detail.contains("{:?}"), "{name}: {detail}");
    }
    assert_eq!(state(&server), after);
    assert_eq!(stored_names(&server), Vec::<String>::new());
}

/// A restore on a new machine has exactly the records of the backup, under a new key.
#[test]
fn a_restore_into_a_new_directory_is_exact_and_needs_no_key() {
    let server = changed_server();
    put(&server, "user", &json!({"name": "eva é", "is_admin": true, "password": "Oslo Fjord 9 !"}));
    let eva = ("eva é", "Oslo Fjord 9 !");
    let deleted = server.request("DELETE", "/rest/instance/user/admin").login(eva).send();
    assert_eq!(deleted.status, 200);
    let get_as = |server: &Server, path: &str| server.request("GET", path).login(eva).send();
    let file = get_as(&server, "/rest/backup?history=false").body;
    let workspace = Workspace::new();
    let from = workspace.path("é b.zip");
    fs::write(&from, &file).unwrap();
    let from = from.to_str().unwrap();
    let missing = workspace.on_directory(&["restore", from, "--dry-run"]);
    assert_exit(&missing, 1);
    assert!(!workspace.data().exists());
    let made = workspace.on_directory(&["restore", from]);
    assert_exit(&made, 0);
    assert!(stdout_of(&made).starts_with("The backup was restored: "), "{}", stdout_of(&made));
    let key = |data: &Path| fs::read(data.join("key")).unwrap();
    assert_ne!(key(&workspace.data()), key(&server.data()));
    let new = Server::start_on_data(workspace.into_folder());
    let parts = |file: &[u8]| {
        let mut parts = entries(file);
        parts.retain(|(name, _)| name != "metadata.yaml" && name != "satchel/manifest.json");
        parts.into_iter().map(|(name, bytes)| (name, sha256(&bytes))).collect::<Vec<_>>()
    };
    assert_eq!(parts(&get_as(&new, "/rest/backup?history=false").body), parts(&file));
    // The first user of the new directory is gone, with its public password.
    assert_eq!(get(&new, "/rest/instance/user").status, 401);
    assert_eq!(get_as(&new, "/rest/backups").json(), json!({"backups": []}));
}

#[test]
fn the_command_shows_the_changes_and_asks() {
    let workspace = Workspace::with_demo();
    let file = workspace.path("b.zip");
    let from = file.to_str().unwrap();
    assert_exit(&workspace.on_directory(&["backup", from]), 0);
    assert_exit(&workspace.on_directory(&["delete", "device", "Lisbon core 1", "--yes"]), 0);
    let refused = workspace.on_directory(&["restore", from]);
    assert_exit(&refused, 1);
    assert!(stderr_of(&refused).contains("--yes"), "{}", stderr_of(&refused));
    let shown = json_of(&workspace.on_directory(&["restore", from, "--dry-run", "--json"]));
    assert_eq!(of_kind(&shown, "device")["created"], 1, "{shown}");
    let denied = on_terminal(&workspace.data(), &["restore", from], "n\n");
    assert!(stdout_of(&denied).contains("Restore this?"), "{}", stdout_of(&denied));
    let devices = ["restore", from, "--dry-run", "--only", "devices,links", "--json"];
    let only = json_of(&workspace.on_directory(&devices));
    assert_eq!(of_kind(&only, "link")["created"], 4, "{only}");
    let named = workspace.on_directory(&["restore", from, "--name", "Lisbon core 1", "--yes"]);
    assert_exit(&named, 0);
    let said = stdout_of(&named);
    assert!(said.contains("1 created") && said.contains("before-restore-"), "{said}");
    let accepted = on_terminal(&workspace.data(), &["restore", from], "y\n");
    assert!(stdout_of(&accepted).contains("The backup was restored"), "{}", stdout_of(&accepted));
    let again = workspace.on_directory(&["restore", from, "--dry-run", "--json"]);
    assert_eq!(json_of(&again)["written"], "nothing");
    // Nothing is asked if nothing changes.
    let again = on_terminal(&workspace.data(), &["restore", from], "");
    let said = stdout_of(&again);
    assert!(said.contains("Nothing was changed") && !said.contains("Restore this?"), "{said}");

    let stored = fs::read_dir(workspace.data().join("backups")).unwrap().next().unwrap().unwrap();
    let stored = stored.file_name().into_string().unwrap();
    let stored = stored.strip_suffix(".zip").unwrap();
    assert_exit(&workspace.on_directory(&["restore", stored, "--yes"]), 0);
    let missing = workspace.on_directory(&["restore", "nothing", "--yes"]);
    assert_exit(&missing, 1);
    assert!(stderr_of(&missing).contains("no backup named 'nothing'"), "{}", stderr_of(&missing));
}

/// A restore at a server can change the password of the user who restores.
#[test]
fn the_command_restores_at_a_server_another_password_of_its_user() {
    let server = Server::start_with(&["--demo"]);
    let workspace = Workspace::new();
    let file = workspace.path("b.zip");
    let from = file.to_str().unwrap();
    assert_exit(&at_server(&server, ADMIN.1, &["backup", from]), 0);
    let new = "Oslo Fjord 9 !";
    put(&server, "user", &json!({"name": ADMIN.0, "password": new}));
    let made = at_server(&server, new, &["restore", from, "--yes"]);
    assert_exit(&made, 0);
    let said = stdout_of(&made);
    assert!(said.contains("password changed") && said.contains("before-restore-"), "{said}");
    assert_eq!(get(&server, "/rest/backups").status, 200);
    let stored = ["restore", "nothing", "--yes"];
    assert_exit(&at_server(&server, ADMIN.1, &stored), 1);
}

/// The backup in `tests/backups/format-1.zip` was written by the first version with format 1, and the golden
/// bundle by the first release.
#[test]
fn backups_of_earlier_formats_and_bundles_are_restored() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backups/format-1.zip");
    let workspace = Workspace::new();
    let made = workspace.on_directory(&["restore", golden.to_str().unwrap(), "--json"]);
    assert_exit(&made, 0);
    let report = json_of(&made);
    assert_eq!(report["texts"], json!({"added": 1, "changed": 0, "unchanged": 0, "removed": 0}));
    let server = Server::start_on_data(workspace.into_folder());
    let workspace = Workspace::new();
    let documents = |file: &[u8]| {
        let mut parts = entries(file);
        parts.retain(|(name, _)| name.ends_with(".yaml") && name != "metadata.yaml");
        parts.into_iter().map(|(name, bytes)| (name, sha256(&bytes))).collect::<Vec<_>>()
    };
    let again = get(&server, "/rest/backup?history=false").body;
    assert_eq!(documents(&again), documents(&fs::read(&golden).unwrap()));
    assert_eq!(text_of(&server, TEXT_PATH), "hostname second\n");

    let plain: Documents =
        [("device".to_owned(), "- {name: \"R 1% é>b\"}\n- {name: b}\n".as_bytes().to_vec())].into();
    let bundle = workspace.path("bundle.zip");
    fs::write(&bundle, pack(&plain)).unwrap();
    let made =
        at_server(&server, ADMIN.1, &["restore", bundle.to_str().unwrap(), "--yes", "--json"]);
    assert_exit(&made, 0);
    let report = json_of(&made);
    assert_eq!(
        (&report["change"], &of_kind(&report, "device")["total"]),
        (&Value::Null, &json!(2))
    );
    // A bundle has no texts, so those of its devices stay.
    assert_eq!(text_of(&server, TEXT_PATH), "hostname second\n");
    // Types without a document stay.
    assert_eq!(get(&server, "/rest/instance/user/admin").status, 200);
    let links = ["restore", bundle.to_str().unwrap(), "--only", "link", "--yes"];
    let refused = at_server(&server, ADMIN.1, &links);
    assert_exit(&refused, 1);
    assert!(stderr_of(&refused).contains("no document link.yaml"), "{}", stderr_of(&refused));
}

/// A public password of a backup does not work at a server that other machines can reach.
#[test]
fn a_restored_public_password_is_reported_and_does_not_work_on_an_exposed_server() {
    let source = changed_server();
    let file = get(&source, "/rest/backup").body;
    let folder = tempfile::tempdir().unwrap();
    let password_file = folder.path().join("pass word");
    let own = ("admin", "Oslo Fjord 9 !");
    fs::write(&password_file, own.1).unwrap();
    let exposed = ["--listen", "0.0.0.0:0", "--unencrypted-passwords", "--admin-password-file"];
    let arguments: Vec<&str> = exposed.into_iter().chain(password_file.to_str()).collect();
    let server = Server::start_with(&arguments);
    let post = |query: &str| {
        let request = server.request("POST", &format!("{RESTORE}{query}")).login(own);
        request.header("content-type", ZIP).body(file.clone()).send()
    };
    let shown = post("?dry_run").json();
    let answer = post(&format!("?plan={}", shown["plan"].as_str().unwrap()));
    assert_eq!(answer.status, 200, "{}", answer.json());
    for report in [shown, answer.json()] {
        let administrators = report["administrators"]["shown"].as_array().unwrap().iter();
        let mut named = administrators.filter(|one| one["change"] == "password_is_name");
        assert!(named.any(|one| one["places"][0]["record"] == "admin"), "{report}");
    }
    for login in [ADMIN, own] {
        let refused = server.request("GET", "/rest/instance/user").login(login).send();
        refused.problem(401, "unauthenticated");
    }
}
