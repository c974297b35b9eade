//! Imports and changes that change nothing write nothing: the generation and its version stay, and
//! with them the undo of the last import.

use serde_json::{Value, json};

use crate::forms;
use crate::harness::{ADMIN, Server};
use crate::project::{export, imported};

const RENAMED: &str = "[Shared] é>b 1%";

/// A server with the sample inventory and a device with a hostile name.
fn with_demo() -> Server {
    let server = Server::start_with(&["--demo"]);
    let device = json!({"name": RENAMED, "port": 830, "mine": [1, "ü"]});
    assert_eq!(changed(&server, &json!([device]))["created"], json!([RENAMED]));
    export(&server, "all", json!({}));
    server
}

fn changed(server: &Server, objects: &Value) -> Value {
    let call = server.request("POST", "/rest/instance/device?atomic").login(ADMIN);
    call.json(objects).send().json()
}

/// The generations and versions that `GET /rest/state` shows.
fn state(server: &Server) -> Value {
    let state = server.request("GET", "/rest/state").login(ADMIN).send().json();
    json!([state["generation"], state["version"], state["records"], state["previous"]])
}

/// Requires that `work` changes neither the generation nor the version.
fn require_unchanged(server: &Server, work: impl FnOnce()) {
    let before = state(server);
    assert_ne!(before[3], Value::Null, "there is an import to undo");
    work();
    assert_eq!(state(server), before);
}

/// The sum of one count of a report over all types.
fn sum(report: &Value, count: &str) -> u64 {
    let types = report["types"].as_array().unwrap().iter();
    types.map(|row| row[count].as_u64().unwrap()).sum()
}

#[test]
fn a_project_that_equals_the_inventory_writes_nothing() {
    let server = with_demo();
    let records = state(&server)[2].as_u64().unwrap();
    for more in [json!({}), json!({"dry_run": true})] {
        require_unchanged(&server, || {
            let answer = crate::project::import(&server, "all", more);
            let report = answer.json();
            assert_eq!(report["written"], "nothing", "{report}");
            assert_eq!((sum(&report, "unchanged"), sum(&report, "total")), (records, records));
            assert_eq!(sum(&report, "updated") + sum(&report, "adjusted"), 0, "{report}");
        });
    }

    // The first replacement renumbers the records in the order of the documents. The second one
    // changes nothing.
    let replace = json!({"empty_database_before_import": true});
    imported(&server, "all", replace.clone());
    require_unchanged(&server, || {
        let report = imported(&server, "all", replace.clone());
        assert_eq!((&report["written"], sum(&report, "unchanged")), (&json!("nothing"), records));
        let summary = report["summary"].as_str().unwrap();
        assert!(summary.ends_with("so nothing was written."), "{summary}");
    });

    // One changed record is written, and a job tells so.
    changed(&server, &json!([{"name": RENAMED, "port": 22}]));
    let report = imported(&server, "all", json!({}));
    assert_eq!((&report["written"], sum(&report, "updated")), (&json!("new_generation"), 1));
    let jobs = server.request("GET", "/rest/jobs").login(ADMIN).send().json();
    let effects = jobs["jobs"].as_array().unwrap().iter().map(|job| &job["inventory"]);
    let effects: Vec<_> = effects.take(2).collect();
    assert_eq!(effects, ["replaced", "unchanged"], "{jobs}");
}

#[test]
fn a_workbook_that_equals_the_inventory_writes_nothing() {
    let server = with_demo();
    for name in ["out.xls", "out.xlsx"] {
        let workbook = forms::exported(&server, name);
        require_unchanged(&server, || {
            let report = forms::imported(&server, forms::Form::of_file(name, &workbook));
            assert_eq!((&report["written"], sum(&report, "updated")), (&json!("nothing"), 0));
        });
    }
}

#[test]
fn objects_that_equal_the_inventory_write_nothing() {
    let server = with_demo();
    require_unchanged(&server, || {
        let device =
            server.request("GET", "/rest/instance/device/%5BShared%5D%20%C3%A9%3Eb%201%25");
        let device = device.login(ADMIN).send().json();
        let report = changed(&server, &json!([{"name": RENAMED, "port": 830}, device]));
        assert_eq!(report["unchanged"], json!([RENAMED, RENAMED]), "{report}");

        let body = json!({"type": "device", "names": ["é", "R 1%"]});
        let report = server.request("POST", "/rest/delete").login(ADMIN).json(&body).send().json();
        assert_eq!((&report["deleted"], &report["not_found"]), (&json!([]), &json!(["é", "R 1%"])));
    });
}
