//! Limits of a record. A record at a limit can be exported and imported. A record over a limit is
//! refused by REST and by imports.

use std::io::Cursor;

use satchel::codec::workbook::{Cell, Format, WorkbookWriter};
use satchel::model::limits::{
    INT_DIGITS_MAX, LONG_TEXT_BYTES_MAX, NAME_BYTES_MAX, RECORD_BYTES_MAX, TEXT_BYTES_MAX,
    VALUE_DEPTH_MAX,
};
use satchel::model::{self, Device, Entity, Field, Name, Pool, Record, Side};
use satchel::store::{Origin, Store, StoreError};
use serde_json::{Value, json};

use crate::forms::{self, Form};
use crate::harness::{ADMIN, Answer, Server};
use crate::inventory::{get, path, post};
use crate::project::{
    documents, export, fetch, import, imported, inventory, of_kind, put_folder, require_same, text,
    unpack,
};

/// The name of the devices that are at a limit, or over it.
const NAME: &str = "R 1% é>b";

fn put(server: &Server, device: &Value) -> Answer {
    post(server, "device", device)
}

#[track_caller]
fn stored(server: &Server, device: &Value) {
    let answer = put(server, device);
    let body = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 200, "{}", body.chars().take(500).collect::<String>());
}

/// A list with this nesting depth.
fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |inner, _| json!([inner]))
}

/// A document of one device that has this property, as PyYAML reads it.
fn document(value: &str) -> String {
    format!("- name: '{NAME}'\n  rack: {value}\n")
}

/// Imports a project with these documents, and returns the response.
fn import_documents(server: &Server, name: &str, written: &[(&str, &str)]) -> Answer {
    put_folder(server, name, &documents(written));
    import(server, name, json!({}))
}

/// Exports everything, imports it into an empty server and exports it there: the same bytes.
fn require_round_trip(server: &Server) {
    let report = export(server, "out", json!({}));
    assert_eq!(report["warnings"], json!([]), "{report}");
    let bundle = fetch(server, "out");
    let out = unpack(&bundle);
    let there = Server::start();
    let put = there.request("PUT", "/rest/migrate/projects/in").login(ADMIN);
    assert_eq!(put.body(bundle).send().status, 201);
    imported(&there, "in", json!({"empty_database_before_import": true}));
    require_same(&inventory(&there), &out);
}

fn rest_verify(server: &Server) -> Value {
    server.request("POST", "/rest/verify").login(ADMIN).send().json()
}

#[test]
fn a_record_at_a_limit_round_trips_over_rest() {
    let server = Server::start();
    // Each of its characters takes ten characters in a document.
    let longest = "😀".repeat(TEXT_BYTES_MAX / 4);
    stored(&server, &json!({"name": "text", "rack": longest}));
    drop(longest);
    let keys: serde_json::Map<_, _> =
        (0..1_000_000).map(|key| (format!("k{key}"), Value::Null)).collect();
    stored(&server, &json!({"name": "keys", "rack": keys}));
    stored(&server, &json!({"name": "depth", "rack": nested(VALUE_DEPTH_MAX)}));
    stored(&server, &json!({"name": "é".repeat(NAME_BYTES_MAX / 2)}));
    require_round_trip(&server);
    assert_eq!(rest_verify(&server)["whole"], true);
}

#[test]
fn a_project_record_at_a_limit_round_trips() {
    let server = Server::start();
    let digits = format!("-{}", "9".repeat(INT_DIGITS_MAX));
    let deep = format!("{}{}", "[".repeat(VALUE_DEPTH_MAX), "]".repeat(VALUE_DEPTH_MAX));
    // Quotes, which are escaped, and blanks, at which lines are folded.
    let long = "'' ".repeat(TEXT_BYTES_MAX / 2);
    for (name, value) in [("digits", &*digits), ("deep", &*deep), ("long", &format!("'{long}'"))] {
        let answer = import_documents(&server, name, &[("device", &document(value))]);
        assert_eq!(answer.status, 200, "{name}: {}", answer.json()["detail"]);
    }
    require_round_trip(&server);
}

#[test]
fn the_largest_record_round_trips() {
    let server = Server::start();
    // Four texts of the maximum length, minus the rest of the record.
    let long = "x".repeat((RECORD_BYTES_MAX as usize / 4) - 1024);
    let properties = ["a", "b", "c", "d"].map(|property| format!("  {property}: {long}\n"));
    let written = format!("- name: '{NAME}'\n{}", properties.concat());
    assert_eq!(import_documents(&server, "large", &[("device", &written)]).status, 200);
    let answer = put(&server, &json!({"name": NAME, "e": "x".repeat(8 * 1024)}));
    let problem = answer.problem(422, "change-rejected");
    assert!(problem.to_string().contains(&RECORD_BYTES_MAX.to_string()), "{problem}");
    require_round_trip(&server);
}

#[test]
fn rest_refuses_a_record_over_a_limit_and_names_the_limit() {
    let server = Server::start();
    let zeros = vec![0; (RECORD_BYTES_MAX / 33) as usize + 1];
    for (device, property, limit) in [
        (json!({"name": NAME, "rack": "x".repeat(TEXT_BYTES_MAX + 1)}), "rack", TEXT_BYTES_MAX),
        (json!({"name": NAME, "model": "x".repeat(TEXT_BYTES_MAX + 1)}), "model", TEXT_BYTES_MAX),
        (json!({"name": NAME, "rack": zeros}), "", RECORD_BYTES_MAX as usize),
        (json!({"name": "x".repeat(NAME_BYTES_MAX + 1)}), "name", NAME_BYTES_MAX),
    ] {
        let problem = put(&server, &device).problem(422, "change-rejected");
        let told = problem["errors"][0].to_string();
        assert!(told.contains(&limit.to_string()) && told.contains(property), "{told}");
    }
    let deep = json!({"name": NAME, "rack": nested(VALUE_DEPTH_MAX + 1)});
    let problem = put(&server, &deep).problem(400, "malformed-body");
    assert!(problem.to_string().contains("deeper than 64 levels"), "{problem}");
    let count = server.request("GET", "/rest/count").login(ADMIN).send().json();
    assert_eq!(count["device"], 0);
}

#[test]
fn configurations_have_a_separate_limit_and_are_not_in_projects() {
    let server = Server::start();
    stored(&server, &json!({"name": "R"}));
    let send = |bytes: usize| {
        let path = "/rest/configuration/R";
        let request = server.request("PUT", path).login(ADMIN).header("Content-Type", "text/plain");
        request.body(vec![b'x'; bytes]).send()
    };
    assert!([200, 201, 204].contains(&send(LONG_TEXT_BYTES_MAX).status));
    send(LONG_TEXT_BYTES_MAX + 1).problem(413, "body-too-large");
    require_round_trip(&server);
}

#[test]
fn a_project_over_a_limit_is_rejected_with_the_location() {
    let server = Server::start();
    let digits = "9".repeat(INT_DIGITS_MAX + 1);
    let deep = format!("{}{}", "[".repeat(VALUE_DEPTH_MAX + 1), "]".repeat(VALUE_DEPTH_MAX + 1));
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
    // Binary data counts as the base64 that a document has, with its line breaks.
    let binary = format!("!!binary {}", "QUFB".repeat(TEXT_BYTES_MAX / 4));
    for (name, value) in [("a", &digits), ("b", &deep), ("c", &long), ("d", &binary)] {
        let answer = import_documents(&server, name, &[("device", &document(value))]);
        let problem = answer.problem(422, "import-rejected");
        let error = &problem["errors"][0];
        assert_eq!(error["document"], "device.yaml", "{name}: {error}");
        assert!(error["line"].as_u64().is_some(), "{name}: {error}");
    }
    let binary = import(&server, "d", json!({})).json();
    assert_eq!(binary["errors"][0]["rule"], "record-large", "{binary}");
    assert_eq!(binary["errors"][0]["property"], "rack", "{binary}");
    assert_eq!(binary["errors"][0]["record"], NAME, "{binary}");
}

#[test]
fn records_that_grow_over_a_limit_when_they_are_merged_are_refused() {
    let server = Server::start();
    let half = RECORD_BYTES_MAX / 2 / 33 + 1;
    let zeros = vec![0; half as usize];
    stored(&server, &json!({"name": NAME, "a": zeros}));
    let problem = put(&server, &json!({"name": NAME, "b": zeros})).problem(422, "change-rejected");
    assert!(problem.to_string().contains(NAME), "{problem}");
    let merged = format!("- name: '{NAME}'\n  b: [{}]\n", "0, ".repeat(half as usize));
    let answer = import_documents(&server, "merged", &[("device", &merged)]);
    let problem = answer.problem(422, "record-too-large");
    assert!(problem["detail"].as_str().unwrap().contains(NAME), "{problem}");
    // If it replaces the other property, the record is within the limit.
    imported(&server, "merged", json!({"empty_database_before_import": true}));
}

#[test]
fn a_workbook_over_a_limit_is_rejected_with_the_cell() {
    let server = Server::start();
    let mut writer = WorkbookWriter::new(Format::Xlsx, &std::env::temp_dir()).unwrap();
    writer.begin_sheet("device", ["name", "rack"]).unwrap();
    for digits in [INT_DIGITS_MAX, INT_DIGITS_MAX + 1] {
        let literal = format!("[{}]", "9".repeat(digits));
        writer.row([format!("R {digits}"), literal].map(Cell::from)).unwrap();
    }
    let bytes = writer.finish(Cursor::new(Vec::new())).unwrap().into_inner();
    let form = Form::of_file("a.xlsx", &bytes).field("replace", "0");
    let problem = forms::import(&server, form).problem(422, "import-rejected");
    let errors = problem["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{problem}");
    assert_eq!(
        (&errors[0]["rule"], &errors[0]["cell"]),
        (&json!("record-large"), &json!("device!B3"))
    );
}

/// Stops the server, changes its inventory past the limits, and starts it again.
fn behind_its_back<T>(
    mut server: Server,
    change: impl FnOnce(&Store) -> Result<T, StoreError>,
) -> Server {
    server.kill();
    let store = Store::open(&server.data()).unwrap();
    change(&store).unwrap();
    store.flush().unwrap();
    drop(store);
    server.start_again()
}

fn name(text: &str) -> Name {
    Name::parse(text.to_owned()).unwrap()
}

#[test]
fn an_older_record_over_a_limit_is_served_exported_and_reported() {
    let server = Server::start();
    stored(&server, &json!({"name": "good"}));
    let server = behind_its_back(server, |store| {
        let mut device = Device::named(name(NAME));
        let long = model::Value::from("x".repeat(TEXT_BYTES_MAX + 1));
        device.set("rack", long).unwrap();
        store.change(&Origin::internal("test"), |transaction| transaction.put(device))
    });
    let device = get(&server, &path("device", NAME));
    assert_eq!(device["rack"].as_str().unwrap().len(), TEXT_BYTES_MAX + 1);
    let verified = rest_verify(&server);
    let finding = &verified["findings"]["shown"][0];
    assert_eq!((&verified["whole"], &verified["findings"]["total"]), (&json!(false), &json!(1)));
    assert_eq!((&finding["name"], &finding["rule"]), (&json!(NAME), &json!("over-limit")));

    let report = export(&server, "out", json!({}));
    let warning = report["warnings"][0].as_str().unwrap();
    assert!(warning.contains(NAME) && warning.contains(&TEXT_BYTES_MAX.to_string()), "{warning}");
    // Its other properties cannot be changed until it is within the limits.
    put(&server, &json!({"name": NAME, "model": "m"})).problem(422, "change-rejected");
    stored(&server, &json!({"name": NAME, "rack": "small", "model": "m"}));
    assert_eq!(rest_verify(&server)["whole"], true);
    require_round_trip(&server);
}

#[test]
fn pool_members_over_the_document_limit_are_recomputed() {
    let count = (RECORD_BYTES_MAX / (32 + NAME_BYTES_MAX as u64)) as usize + 1;
    let server = behind_its_back(Server::start(), |store| {
        let mut pool = Pool::named(name("all é"));
        pool.set("device_name", "x".into()).unwrap();
        pool.manually_defined = Field::Set(false);
        store.change(&Origin::internal("test"), |transaction| transaction.put(pool))?;
        let ordinal = store.read().get::<Pool>("all é")?.unwrap().ordinal;
        let names: Vec<_> = (0..count).map(|n| format!("{n:0>NAME_BYTES_MAX$}")).collect();
        let members: Vec<_> =
            names.iter().enumerate().map(|(n, name)| (n as u64, name.as_str())).collect();
        store.change(&Origin::internal("test"), |transaction| {
            transaction.add_members(ordinal, Side::Device, &members);
            Ok::<_, StoreError>(())
        })
    });
    let report = export(&server, "out", json!({}));
    let warning = report["warnings"][0].as_str().unwrap();
    assert!(warning.contains("'all é'") && warning.contains("computes them again"), "{warning}");
    let bundle = fetch(&server, "out");
    let bytes = unpack(&bundle)["pool"].len();
    assert!(bytes < 10_000, "{bytes}");
    let there = Server::start();
    let put = there.request("PUT", "/rest/migrate/projects/in").login(ADMIN);
    assert_eq!(put.body(bundle).send().status, 201);
    let report = imported(&there, "in", json!({}));
    assert_eq!(of_kind(&report, "pool")["created"], 1, "{report}");
    assert!(text(&inventory(&there), "pool").contains("\"device_name\": \"x\""));
}
