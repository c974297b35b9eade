//! Replacing imports: the emptied types, the confirmation before records are removed, and the
//! changed administrators.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use satchel::access::hash_password;
use satchel::codec::workbook::{Cell, Format, WorkbookWriter};
use serde_json::{Value, json};

use crate::commands::{
    Workspace, assert_exit, at_server, json as answer, on_terminal, run, stderr_of, stdout_of, text,
};
use crate::harness::{ADMIN, Server, satchel};
use crate::project::{demo, documents, import, imported, of_kind, put_folder};

const ONE_DEVICE: &str = "- name: R 1% é>b\n  vendor: Nokia\n";

/// A project folder with only one device.
fn one_device(workspace: &Workspace) -> String {
    let folder = workspace.path("one device");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("device.yaml"), ONE_DEVICE).unwrap();
    text(&folder).to_owned()
}

/// The number of records of each type in a data directory.
fn counts(workspace: &Workspace) -> Vec<(String, u64)> {
    let inspected = answer(&workspace.on_directory(&["inspect", "--json"]));
    let types = inspected["types"].as_array().unwrap().iter();
    types
        .map(|row| {
            let kind = row["type"].as_str().unwrap().to_owned();
            (kind, row["records"].as_u64().unwrap())
        })
        .collect()
}

fn count(workspace: &Workspace, kind: &str) -> u64 {
    counts(workspace).into_iter().find(|(name, _)| name == kind).unwrap().1
}

#[test]
fn a_partial_project_replaces_the_types_that_it_has() {
    let workspace = Workspace::with_demo();
    let folder = one_device(&workspace);
    let before = counts(&workspace);
    let output = workspace.on_directory(&["import", &folder, "--replace", "--yes"]);
    assert_exit(&output, 0);
    // Links are removed with their devices.
    assert_eq!((count(&workspace, "device"), count(&workspace, "link")), (1, 0));
    for (kind, records) in before {
        if kind != "device" && kind != "link" {
            assert_eq!(count(&workspace, &kind), records, "{kind}");
        }
    }
    assert!(stdout_of(&output).contains("has no document user.yaml\n"), "{}", stdout_of(&output));

    // Listed types without a document are kept as well.
    let words = ["import", &folder, "--types", "device,service", "--replace", "--yes"];
    assert_exit(&workspace.on_directory(&words), 0);
    assert!(count(&workspace, "service") > 0);

    let output = workspace.on_directory(&["import", &folder, "--replace-all", "--yes"]);
    assert_exit(&output, 0);
    assert_eq!(counts(&workspace).iter().map(|(_, records)| records).sum::<u64>(), 2);
    assert!(
        stdout_of(&output).contains("service.yaml: the import emptied this type and removed 6 "),
        "{}",
        stdout_of(&output)
    );
}

#[test]
fn a_partial_project_has_the_same_result_at_a_server() {
    let workspace = Workspace::with_demo();
    let folder = one_device(&workspace);
    let server = Server::start();
    assert_exit(&at_server(&server, "admin", &["import", text(&demo()), "--quiet"]), 0);
    for words in [
        vec!["diff", &folder, "--replace", "--json"],
        vec!["diff", &folder, "--replace-all", "--json"],
        vec!["import", &folder, "--replace", "--dry-run", "--json"],
        vec!["import", &folder, "--replace", "--yes", "--json"],
        vec!["import", &folder, "--replace-all", "--yes", "--json"],
    ] {
        let (here, there) = (workspace.on_directory(&words), at_server(&server, "admin", &words));
        assert_eq!(here.status.code(), there.status.code(), "{words:?}");
        assert_eq!(answer(&here), answer(&there), "{words:?}");
    }
    assert_eq!(count(&workspace, "user"), 1);
}

#[test]
fn a_bundle_and_a_project_of_the_library_are_partial_too() {
    let workspace = Workspace::with_demo();
    let bundle = workspace.path("devices é.zip");
    let words = ["export", "devices", "--types", "device", "--output", text(&bundle)];
    assert_exit(&workspace.on_directory(&words), 0);
    for from in [text(&bundle), "devices"] {
        let users = count(&workspace, "user");
        assert_exit(&workspace.on_directory(&["import", from, "--replace", "--yes"]), 0);
        assert_eq!(count(&workspace, "user"), users, "{from}");
        assert!(count(&workspace, "device") > 1, "{from}");
    }
}

#[test]
fn a_workbook_replaces_the_sheets_that_it_has() {
    let workspace = Workspace::with_demo();
    let table = workspace.path("sites.xlsx");
    assert_exit(
        &workspace.on_directory(&["export", "sites.xlsx", "--workbook", "-o", text(&table)]),
        0,
    );
    let (devices, links) = (count(&workspace, "device"), count(&workspace, "link"));
    assert_exit(&workspace.on_directory(&["import", text(&table), "--replace", "--yes"]), 0);
    assert_eq!((count(&workspace, "device"), count(&workspace, "link")), (devices, links));

    // With only a sheet of links, --replace keeps the devices and --replace-all does not.
    let partial = workspace.path("partial é.xls");
    fs::write(&partial, sheet_of_links(&[("é>b 1%", "Lisbon core 1", "Porto core 1")])).unwrap();
    assert_exit(&workspace.on_directory(&["import", text(&partial), "--replace", "--yes"]), 0);
    assert_eq!((count(&workspace, "device"), count(&workspace, "link")), (devices, 1));
    let output = workspace.on_directory(&["import", text(&partial), "--replace-all", "--yes"]);
    assert_exit(&output, 1);
    assert!(
        stdout_of(&output).contains("the device or network 'Lisbon core 1' does not exist"),
        "{}",
        stdout_of(&output)
    );
    fs::write(&partial, sheet_of_links(&[])).unwrap();
    let words = ["import", text(&partial), "--replace-all", "--yes"];
    // Removing all records needs --allow-empty.
    assert_exit(&workspace.on_directory(&words), 1);
    let output = workspace.on_directory(&[&words[..], &["--allow-empty"]].concat());
    assert_exit(&output, 0);
    assert_eq!((count(&workspace, "device"), count(&workspace, "link")), (0, 0));
    let expected = format!("removed {devices} device records\n");
    assert!(stdout_of(&output).contains(&expected), "{}", stdout_of(&output));
}

/// A workbook that has no sheet of devices.
fn sheet_of_links(links: &[(&str, &str, &str)]) -> Vec<u8> {
    let mut writer = WorkbookWriter::new(Format::Xls, &std::env::temp_dir()).unwrap();
    writer.begin_sheet("link", ["name", "source_name", "destination_name"]).unwrap();
    for (name, source, destination) in links {
        writer.row([*name, *source, *destination].map(Cell::from)).unwrap();
    }
    writer.finish(Cursor::new(Vec::new())).unwrap().into_inner()
}

#[test]
fn without_confirmation_nothing_is_removed() {
    let workspace = Workspace::with_demo();
    let folder = one_device(&workspace);
    let before = counts(&workspace);
    for option in ["--replace", "--replace-all"] {
        let output = workspace.on_directory(&["import", &folder, option]);
        assert_exit(&output, 1);
        let stderr = stderr_of(&output);
        assert!(stderr.contains("--yes") && stderr.contains("--dry-run"), "{stderr}");
        assert_exit(&workspace.on_directory(&["import", &folder, option, "--dry-run"]), 0);
        assert_eq!(counts(&workspace), before, "{option}");
    }
    assert_exit(
        &workspace.on_directory(&["import", &folder, "--replace", "--replace-all", "--yes"]),
        2,
    );
    assert_exit(
        &workspace.on_directory(&["import", &folder, "--replace", "--dry-run", "--yes"]),
        2,
    );
    // An import that only adds needs no confirmation.
    assert_exit(&workspace.on_directory(&["import", &folder]), 0);
}

#[test]
fn on_a_terminal_removals_are_shown_and_need_confirmation() {
    let workspace = Workspace::with_demo();
    let folder = one_device(&workspace);
    let before = counts(&workspace);
    for answer in ["n\n", "\n", "maybe\n"] {
        let output = on_terminal(&workspace.data(), &["import", &folder, "--replace-all"], answer);
        assert_exit(&output, 1);
        let shown = stdout_of(&output);
        assert!(shown.contains("Nothing was changed. The import would create 1,"), "{shown}");
        assert!(shown.contains(" records and import? [y/N]"), "{shown}");
        assert_eq!(counts(&workspace), before, "{answer:?}");
    }
    assert!(
        !workspace.data().join("migrations/one device.zip").exists(),
        "it is off the shelf again"
    );
    let output = on_terminal(&workspace.data(), &["import", &folder, "--replace-all"], "y\n");
    assert_exit(&output, 0);
    assert!(stdout_of(&output).contains("The project was imported"), "{}", stdout_of(&output));
    assert_eq!((count(&workspace, "device"), count(&workspace, "service")), (1, 0));

    // An import that would remove nothing needs no confirmation.
    let output = on_terminal(&workspace.data(), &["import", &folder, "--replace"], "");
    assert_exit(&output, 0);
    assert!(!stdout_of(&output).contains("[y/N]"), "{}", stdout_of(&output));
}

#[test]
fn rest_empties_the_listed_types_and_warns_of_each_type_without_a_document() {
    let server = Server::start();
    put_folder(&server, "one", &documents(&[("device", ONE_DEVICE)]));
    let demo = crate::project::read_folder(&demo());
    put_folder(&server, "demo", &demo);
    imported(&server, "demo", json!({}));
    let services = count_at(&server, "service");
    assert!(services > 1);

    let empty = json!({"empty_database_before_import": true, "dry_run": true});
    let preview = import(&server, "one", empty).json();
    let would = format!("would empty this type and remove {services} service records");
    assert!(warns(&preview, "service.yaml", &would), "{preview}");

    let keep = json!({"empty_database_before_import": true, "keep_absent_types": true});
    let kept = imported(&server, "one", keep);
    assert_eq!(of_kind(&kept, "service")["removed"], 0);
    assert!(!kept["warnings"].to_string().contains("emptied"), "{kept}");
    assert_eq!(count_at(&server, "service"), services);

    let report = imported(&server, "one", json!({"empty_database_before_import": true}));
    let removed = format!("emptied this type and removed {services} service records");
    assert!(warns(&report, "service.yaml", &removed), "{report}");
    assert_eq!(of_kind(&report, "service")["removed"], services);
    assert!(!warns(&report, "device.yaml", ""), "{report}");
    assert_eq!(count_at(&server, "service"), 0);
}

fn count_at(server: &Server, kind: &str) -> u64 {
    server.request("GET", "/rest/count").login(ADMIN).send().json()[kind].as_u64().unwrap()
}

/// Returns whether one of the warnings contains both texts.
fn warns(report: &Value, document: &str, what: &str) -> bool {
    let warnings = report["warnings"].as_array().unwrap().iter();
    let mut warnings = warnings.map(|warning| warning.as_str().unwrap());
    warnings.any(|warning| warning.contains(document) && warning.contains(what))
}

/// A user of a project whose password is a hash, as eNMS writes it. `password` makes the hash different.
pub(crate) fn user(name: &str, is_admin: bool, password: &str) -> String {
    let output = BASE64_STANDARD_NO_PAD.encode(format!("a hash of {password}"));
    let phc = format!("$argon2id$v=19$m=102400,t=2,p=8$c2FsdCBvZiAxNiBieXRl${output}");
    let hash = BASE64_STANDARD.encode(phc);
    format!("- name: '{name}'\n  is_admin: {is_admin}\n  password: '{hash}'\n")
}

/// The administrators in a report, as `change: name`.
fn administrators(report: &Value) -> Vec<String> {
    let mut named = Vec::new();
    for group in report["administrators"]["shown"].as_array().unwrap() {
        let change = group["change"].as_str().unwrap();
        for place in group["places"].as_array().unwrap() {
            named.push(format!("{change}: {}", place["record"].as_str().unwrap()));
        }
    }
    assert_eq!(report["administrators"]["total"], named.len());
    named
}

#[test]
fn an_import_names_every_administrator_that_it_changes() {
    let server = Server::start();
    let ours = [
        user("anna é", true, "a"),
        user("bert >b", true, "b"),
        user("carl", false, "c"),
        user("dora", true, "d"),
        user("emil", false, "e"),
    ]
    .concat();
    put_folder(&server, "ours", &documents(&[("user", &ours)]));
    let report = imported(&server, "ours", json!({}));
    assert_eq!(administrators(&report), ["created: anna é", "created: bert >b", "created: dora"]);

    // anna loses her rights, bert gets another password, carl becomes an administrator, dora and
    // emil are not in it, admin (the principal) gets another password, zoe is new.
    let theirs = [
        user("admin", true, "theirs"),
        user("anna é", false, "a"),
        user("bert >b", true, "x"),
        user("carl", true, "c"),
        user("zoe", true, "z"),
    ]
    .concat();
    put_folder(&server, "theirs", &documents(&[("user", &theirs)]));
    let merged = [
        "rights_lost: anna é",
        "created: zoe",
        "rights_gained: carl",
        "password_changed: admin",
        "password_changed: bert >b",
    ];
    let replaced: Vec<_> = ["removed: dora"].iter().chain(&merged).copied().collect();
    let dry = import(&server, "theirs", json!({"dry_run": true})).json();
    assert_eq!(administrators(&dry), merged);
    let more = json!({"dry_run": true, "empty_database_before_import": true});
    let dry = import(&server, "theirs", more).json();
    assert_eq!(administrators(&dry), replaced);

    let report = imported(&server, "theirs", json!({"empty_database_before_import": true}));
    assert_eq!(administrators(&report), replaced);
    // The beginning of each password in the project.
    let stored = BASE64_STANDARD_NO_PAD.encode("$argon2id");
    for secret in ["argon2", "a hash of", &stored] {
        assert!(!report.to_string().contains(secret), "{secret}: {report}");
    }
}

#[test]
fn an_import_that_changes_no_administrator_names_none() {
    let server = Server::start();
    put_folder(&server, "demo", &crate::project::read_folder(&demo()));
    let report = imported(&server, "demo", json!({}));
    assert_eq!(administrators(&report), Vec::<String>::new());
    // The caller is kept although users are emptied and the project has no document of them.
    put_folder(&server, "one", &documents(&[("device", ONE_DEVICE)]));
    let report = imported(&server, "one", json!({"empty_database_before_import": true}));
    assert_eq!(administrators(&report), Vec::<String>::new());
}

#[test]
fn the_commands_name_administrators_without_their_secrets() {
    let workspace = Workspace::with_demo();
    let folder = workspace.path("theirs");
    write_users(&folder, &[user("admin", false, "theirs"), user("eva", true, "e")].concat());
    let changed = "Administrators: 3\n  loses administrator rights\n      admin\n  created\n      \
                   eva\n  password changed\n      admin\n";
    for words in [
        vec!["diff", text(&folder), "--types", "user"],
        vec!["import", text(&folder), "--types", "user", "--dry-run"],
        vec!["import", text(&folder), "--types", "user"],
    ] {
        let output = workspace.on_directory(&words);
        assert!(stdout_of(&output).contains(changed), "{words:?}: {}", stdout_of(&output));
        assert!(!stdout_of(&output).contains("argon2"), "{}", stdout_of(&output));
    }
    // A comparison of two projects needs no inventory, and lists administrators too.
    let other = workspace.path("ours");
    write_users(&other, &user("eva", false, "e"));
    let output = run(satchel().arg("diff").args([&other, &folder]).args(["--types", "user"]));
    assert!(stdout_of(&output).contains("gains administrator rights\n      eva\n"), "{output:?}");
}

fn write_users(folder: &Path, users: &str) {
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("user.yaml"), users).unwrap();
}

#[test]
fn an_import_names_users_whose_new_password_is_their_name() {
    let server = Server::start();
    // admin has the password admin already: with another hash of it, it is new.
    let real = |name: &str, phc: &str| {
        format!("- name: '{name}'\n  password: '{}'\n", BASE64_STANDARD.encode(phc))
    };
    let hash = |password: &str| hash_password(password).unwrap().to_string();
    let theirs = [
        real("admin", &hash("admin")),
        real("readonly é", &hash("readonly é")),
        real("bert", &hash("another one")),
        real("c >b", &hash("x").replace("m=19456", "m=4194304")),
    ]
    .concat();
    put_folder(&server, "theirs", &documents(&[("user", &theirs)]));
    let expected = [
        "hash_unusable: c >b",
        "password_changed: admin",
        "password_is_name: admin",
        "password_is_name: readonly é",
    ];
    for body in [json!({"dry_run": true}), json!({})] {
        let mut found = administrators(&import(&server, "theirs", body).json());
        found.sort_unstable();
        assert_eq!(found, expected);
    }
    // A second import changes no password.
    assert!(administrators(&import(&server, "theirs", json!({})).json()).is_empty());
}
