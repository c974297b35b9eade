//! A server that loses the permission to create files in its data directory.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{PermissionsExt, chown},
    process::Stdio,
};

use serde_json::json;

use super::{NOBODY, Workspace, is_root};
use crate::harness::{ADMIN, Server};

#[test]
fn a_lost_permission_refuses_imports_and_keeps_the_rest() {
    if !is_root() {
        return;
    }
    let workspace = Workspace::with_demo();
    workspace.give_to(NOBODY);
    chown(workspace.folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let mut serve = workspace.command_as(NOBODY, "serve");
    let mut child = serve.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let server = Server::adopt(child, &line);
    let post = |path: &str, body: &serde_json::Value| {
        server.request("POST", path).login(ADMIN).json(body).send()
    };
    let export = json!({"name": "all", "import_export_types": ["device", "link"]});
    assert_eq!(post("/rest/migrate/export", &export).status, 200);
    let import = json!({
        "name": "all", "import_export_types": ["device", "link"], "empty_database_before_import": true,
    });
    let device = json!({"name": "R 1% é"});
    assert_eq!(post("/rest/instance/device", &device).status, 200);

    // Another user owns the folder now, so that no new file can be made in it.
    let data = workspace.data();
    chown(&data, Some(0), Some(0)).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    let refused = post("/rest/migrate/import", &import);
    assert!(refused.status >= 500, "{}", refused.json());
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("The cause is in its log"), "{detail}");
    // The open database and the folders in it can still be written.
    assert_eq!(post("/rest/instance/device", &json!({"name": "later é"})).status, 200);
    assert_eq!(
        server.request("GET", "/rest/instance/device/R%201%25%20%C3%A9").login(ADMIN).send().status,
        200
    );
    let verified = post("/rest/verify", &json!({})).json();
    assert_eq!(verified["whole"], true, "{verified}");

    chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
    assert_eq!(post("/rest/migrate/import", &import).status, 200);
    let gone = server.request("GET", "/rest/instance/device/later%20%C3%A9").login(ADMIN).send();
    assert_eq!(gone.status, 404);
}
