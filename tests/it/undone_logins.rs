//! The report of an undo names the administrators that it changes.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use serde_json::{Value, json};

use crate::{
    change_undo::{last, undo, undone},
    harness::{ADMIN, Server, satchel},
    inventory::{delete, put},
    project::{documents, imported, put_folder},
    replacing::user,
};

const PASSWORD: &str = "a long new password";

/// An administrator of a project whose password is his name.
fn user_with_his_name_as_password(name: &str) -> String {
    let (salt, mut output) = (b"salt of 16 bytes", [0; 32]);
    let cheap = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cheap);
    argon2.hash_password_into(name.as_bytes(), salt, &mut output).unwrap();
    let [salt, output] = [&salt[..], &output].map(|bytes| BASE64_STANDARD_NO_PAD.encode(bytes));
    let phc = format!("$argon2id$v=19$m={},t=1,p=1${salt}${output}", Params::MIN_M_COST);
    let hash = BASE64_STANDARD.encode(phc);
    format!("- {{name: '{name}', is_admin: true, password: '{hash}'}}\n")
}

/// The administrators in the report of a dry run.
fn administrators(server: &Server, change: u64) -> Value {
    let report = undo(server, &json!({"change": change, "dry_run": true})).json();
    let listed = report["administrators"].as_array().unwrap().len();
    assert_eq!(report["administrators_total"], listed, "{report}");
    report["administrators"].clone()
}

#[test]
fn the_undo_of_a_change_names_the_administrators_that_it_changes() {
    let server = Server::start();
    put(&server, "user", &json!({"name": "é>b 1%", "is_admin": true, "password": PASSWORD}));
    let removed = json!([{"name": "é>b 1%", "change": "removed"}]);
    assert_eq!(administrators(&server, last(&server)), removed);

    put(&server, "user", &json!({"name": "é>b 1%", "is_admin": false}));
    let gained = json!([{"name": "é>b 1%", "change": "rights_gained"}]);
    assert_eq!(administrators(&server, last(&server)), gained);
    let mut command = satchel();
    command.args(["undo", "--dry-run", "--user", ADMIN.0, "--server"]);
    command.arg(format!("http://{}", server.address)).env("SATCHEL_PASSWORD", ADMIN.1);
    let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(
        printed.contains("\nAdministrators:\n  “é>b 1%”: gains administrator rights\n"),
        "{printed}"
    );
    assert_eq!(undone(&server, last(&server))["administrators"], gained);

    delete(&server, "user", "é>b 1%");
    let created = json!([{"name": "é>b 1%", "change": "created"}]);
    assert_eq!(administrators(&server, last(&server)), created);

    put(&server, "user", &json!({"name": "no administrator", "password": PASSWORD}));
    assert_eq!(administrators(&server, last(&server)), json!([]));
}

#[test]
fn the_undo_of_an_import_names_the_administrators_that_it_changes() {
    let server = Server::start();
    let import = |folder: &str, users: &str| {
        put_folder(&server, folder, &documents(&[("user", users)]));
        let replace =
            json!({"import_export_types": ["user"], "empty_database_before_import": true});
        let report = imported(&server, folder, replace);
        assert_eq!(report["written"], "new_generation", "{report}");
        last(&server)
    };
    // The requests of this test are those of `admin`, who keeps his password.
    let admin = "- {name: admin, is_admin: true}\n";
    let zoe = user_with_his_name_as_password("zoë");
    import("old", &format!("{admin}{zoe}- {{name: r, is_admin: true}}\n"));
    let mallory = user("mallory", true, "x");
    let number = import("new", &format!("{admin}{mallory}- {{name: r}}\n"));
    let expected = json!([
        {"name": "mallory", "change": "removed"},
        {"name": "r", "change": "rights_gained"},
        {"name": "zoë", "change": "created"},
        {"name": "zoë", "change": "password_is_name"},
    ]);
    let sorted = |list: Value| {
        let mut list = list.as_array().unwrap().clone();
        list.sort_by_key(Value::to_string);
        list
    };
    let expected = sorted(expected);
    // With the copy from before the import, and record by record after another change.
    assert_eq!(sorted(administrators(&server, number)), expected);
    put(&server, "device", &json!({"name": "later"}));
    assert_eq!(sorted(administrators(&server, number)), expected);
    assert_eq!(sorted(undone(&server, number)["administrators"].clone()), expected);
}
