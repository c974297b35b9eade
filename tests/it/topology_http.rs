//! Tests of the REST calls for workbooks: options, forms, and incomplete uploads.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use satchel::codec::workbook::{Cell, Format, WorkbookWriter};
use serde_json::{Value, json};

use crate::forms::{BOUNDARY, Form, exported, import, imported, posted};
use crate::harness::{ADMIN, Answer, Request, Server, until};

const MIB: usize = 1024 * 1024;

const XLS: &str = "application/vnd.ms-excel";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The first bytes of each format.
const OLE2: &[u8] = b"\xD0\xCF\x11\xE0";
const ZIP: &[u8] = b"PK\x03\x04";

/// A workbook with these devices, and no links.
fn devices(format: Format, rows: &[(&str, Cell<'static>)]) -> Vec<u8> {
    let mut writer = WorkbookWriter::new(format, &std::env::temp_dir()).unwrap();
    writer.begin_sheet("device", ["name", "port"]).unwrap();
    for (name, port) in rows {
        writer.row([Cell::from(*name), port.clone()]).unwrap();
    }
    writer.begin_sheet("link", ["name", "source", "destination"]).unwrap();
    writer.finish(Cursor::new(Vec::new())).unwrap().into_inner()
}

/// One valid device with a hostile name.
fn one_device() -> Vec<u8> {
    devices(Format::Xls, &[("[Shared] é>b 1%", Cell::Number(830.0))])
}

/// A workbook with a valid and an invalid row.
fn half_bad() -> Vec<u8> {
    devices(Format::Xls, &[("good", Cell::Number(22.0)), ("bad", Cell::from("twenty-two"))])
}

fn with_demo() -> Server {
    Server::start_with(&["--demo"])
}

/// The number of devices and links.
fn counts(server: &Server) -> (u64, u64) {
    let counts = server.request("GET", "/rest/count").login(ADMIN).send().json();
    (counts["device"].as_u64().unwrap(), counts["link"].as_u64().unwrap())
}

const DEMO: (u64, u64) = (17, 21);

fn workbook<'s>(server: &'s Server, method: &str, name: &str) -> Request<'s> {
    server.request(method, &format!("/rest/topology/workbooks/{name}")).login(ADMIN)
}

fn export(server: &Server, body: Value) -> Answer {
    server.request("POST", "/rest/topology/export").login(ADMIN).json(&body).send()
}

fn detail(problem: &Value) -> &str {
    problem["detail"].as_str().unwrap()
}

/// The first error of a problem.
fn error(problem: &Value) -> &Value {
    &problem["errors"][0]
}

/// The names of the files in a folder of the data directory.
fn entries(server: &Server, folder: &str) -> usize {
    fs::read_dir(server.data().join(folder)).map_or(0, Iterator::count)
}

#[test]
fn the_script_of_the_enms_manual_imports_without_replace() {
    let server = with_demo();
    // The exact bytes that `requests` sends for `json={'replace': True}, files={'file': f}`.
    let body = Form::of_file("project_name.xls", &one_device()).bytes();
    let request = server
        .request("POST", "/rest/topology/import")
        .header("User-Agent", "python-requests/2.34.2")
        .header("Accept-Encoding", "gzip, deflate")
        .header("Accept", "*/*")
        .header("Connection", "keep-alive")
        .header("Content-Type", &format!("multipart/form-data; boundary={BOUNDARY}"))
        .login(ADMIN)
        .body(body);
    let answer = request.send();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let report = answer.json();
    assert_eq!(report["outcome"], "imported", "{report}");
    assert_eq!(report["workbook"], "project_name.xls", "{report}");
    let warning = report["warnings"][0].as_str().unwrap();
    assert!(warning.contains("“replace”"), "{warning}");
    assert!(warning.contains("data={'replace': True}"), "{warning}");
    assert_eq!(counts(&server), (DEMO.0 + 1, DEMO.1));
    let place = "/rest/instance/device/%5BShared%5D%20%C3%A9%3Eb%201%25";
    let device = server.request("GET", place).login(ADMIN).send().json();
    assert_eq!(device["port"], 830, "{device}");
}

#[test]
fn replace_may_be_in_the_form_the_json_or_the_query() {
    let server = Server::start();
    let file = || Form::of_file("a.xls", &one_device());
    let replaced = json!({"replace": true});
    for (query, form) in [
        ("", file().field("replace", "True")),
        ("", Form::default().field("replace", "true").file("a.xls", &one_device())),
        ("", file().field("replace", "on")),
        ("", file().json("json", &replaced)),
        ("", file().json("anything", &replaced)),
        ("", file().json("replace", &json!(true))),
        ("", file().field("payload", "{\"replace\": \"True\"}")),
        ("?replace=1", file()),
        ("?replace", file()),
        ("?replace=True", file().field("replace", "1").json("json", &replaced)),
    ] {
        imported(&server, Form::of_file("b.xls", &devices(Format::Xls, &[("x", Cell::Empty)])));
        assert!(counts(&server).0 >= 1);
        let body = form.bytes();
        let shown = String::from_utf8_lossy(&body[body.len() - 150..]).into_owned();
        let answer = posted(&server, query, body).send();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.json()["warnings"], json!([]), "{query} {shown}");
        assert_eq!(counts(&server), (1, 0), "{query} {shown}");
    }
}

#[test]
fn contradicting_options_change_nothing() {
    let server = with_demo();
    let file = || Form::of_file("a.xls", &one_device());
    for (query, form) in [
        ("?replace=false", file().field("replace", "True")),
        ("?dry_run", file().json("json", &json!({"dry_run": false}))),
        ("", file().field("on_error", "skip").json("json", &json!({"on_error": "fail"}))),
    ] {
        let problem = posted(&server, query, form.bytes()).send().problem(400, "malformed-body");
        assert!(detail(&problem).contains("differ"), "{problem}");
    }
    let twice = file().field("replace", "True").field("replace", "False");
    let problem = import(&server, twice).problem(400, "malformed-body");
    assert!(detail(&problem).contains("occurs more than once"), "{problem}");
    let problem = posted(&server, "?kind=device&kind=link", file().bytes()).send();
    problem.problem(400, "malformed-request");
    assert_eq!(counts(&server), DEMO);
}

#[test]
fn wrong_and_unknown_options_are_reported_at_once() {
    let server = with_demo();
    let form = Form::of_file("a.xls", &one_device())
        .field("replace", "perhaps")
        .field("on_error", "stop")
        .field("kind", "devise");
    let problem = posted(&server, "?dry_run=2", form.bytes()).send();
    let problem = problem.problem(400, "malformed-body");
    let errors = problem["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 4, "{problem}");
    let fields: Vec<_> = errors.iter().filter_map(|error| error["form_field"].as_str()).collect();
    assert_eq!(fields, ["replace", "on_error", "kind"]);
    assert_eq!(errors[1]["query_parameter"], "dry_run", "{problem}");
    assert_eq!(errors[3]["nearest"], "device", "{problem}");
    let unknown = posted(&server, "?replcae=1", Form::default().bytes()).send();
    let unknown = unknown.problem(400, "malformed-request");
    assert_eq!(error(&unknown)["nearest"], "replace", "{unknown}");

    let form = Form::of_file("a.xls", &one_device()).field("replace", "0").field("dry-run", "1");
    let problem = import(&server, form.field("submit", "Import")).problem(400, "malformed-body");
    let errors = problem["errors"].as_array().unwrap();
    let fields: Vec<_> = errors.iter().filter_map(|error| error["form_field"].as_str()).collect();
    assert_eq!(fields, ["dry-run", "submit"], "{problem}");
    assert_eq!(errors[0]["nearest"], "dry_run", "{problem}");
    assert_eq!(counts(&server), DEMO);
}

#[test]
fn a_dry_run_changes_nothing() {
    let server = with_demo();
    let form = Form::of_file("a.xls", &one_device()).field("replace", "True");
    let report = imported(&server, form.field("allow_empty", "1").field("dry_run", "True"));
    assert_eq!(report["outcome"], "dry_run", "{report}");
    assert_eq!(counts(&server), DEMO);
}

#[test]
fn a_form_without_a_file_is_refused_with_advice() {
    let server = with_demo();
    let bytes = one_device();
    let as_other = |name: &str| {
        let disposition = format!("form-data; name=\"{name}\"; filename=\"a.xls\"");
        Form::default().part(&disposition, Some(XLS), &bytes)
    };
    for (form, words) in [
        (Form::default(), "no part “file”"),
        (Form::default().field("replace", "True"), "no part “file”"),
        (Form::default().field("file", "a.xls"), "is text, not a file"),
        (Form::of_file("a.xls", &bytes).file("b.xls", &bytes), "more than one part “file”"),
        (as_other("flie"), "Did you mean “file”?"),
        (as_other("workbook"), "Send the workbook as the part “file”"),
        (Form::default().part("form-data", None, b"x"), "has no name"),
        (Form::of_file("a.xls", &bytes).json("json", &json!([1])), "is a list"),
        (Form::of_file("a.xls", &bytes).field("json", "{\"replace\""), "is not JSON"),
        (
            Form::of_file("a.xls", &bytes).part("form-data; name=\"replace\"", None, b"\xFF"),
            "is not UTF-8",
        ),
    ] {
        let problem = import(&server, form).problem(400, "malformed-body");
        assert!(detail(&problem).contains(words), "{problem}");
    }
    assert_eq!(counts(&server), DEMO);
    until(|| entries(&server, "scratch") == 0);
}

#[test]
fn a_body_that_is_not_a_form_is_refused_with_advice() {
    let server = with_demo();
    let post = |media_type: Option<&str>, body: &[u8]| {
        let request = server.request("POST", "/rest/topology/import").login(ADMIN);
        match media_type {
            Some(media_type) => request.header("Content-Type", media_type).body(body).send(),
            None => request.body(body).send(),
        }
    };
    for media_type in [
        None,
        Some("application/json"),
        Some("application/x-www-form-urlencoded"),
        Some("application/octet-stream"),
        Some("multipart/mixed; boundary=x"),
    ] {
        let problem = post(media_type, &one_device()).problem(415, "unsupported-media-type");
        assert!(detail(&problem).contains("-F file=@NAME"), "{problem}");
        assert_eq!(error(&problem)["header"], "content-type", "{problem}");
    }
    for media_type in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        &format!("multipart/form-data; boundary={}", "x".repeat(71)),
    ] {
        post(Some(media_type), b"").problem(400, "malformed-request");
    }
    assert_eq!(counts(&server), DEMO);
}

#[test]
fn a_body_with_the_media_type_of_a_workbook_is_imported() {
    let server = Server::start();
    let post = |media_type: &str, query: &str, body: &[u8]| {
        let request = server.request("POST", &format!("/rest/topology/import{query}"));
        request.login(ADMIN).header("Content-Type", media_type).body(body).send()
    };
    let xlsx = devices(Format::Xlsx, &[("by xlsx", Cell::Empty)]);
    for (media_type, query, body) in [
        (XLS, "", &*one_device()),
        (XLSX, "?replace=false", &*xlsx),
        // The content determines the format.
        (XLS, "", &*xlsx),
        ("text/csv; charset=utf-8", "?kind=device", b"name,port\nby csv,22\n"),
    ] {
        let answer = post(media_type, query, body);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
    assert_eq!(counts(&server), (3, 0));
    let problem = post("text/csv", "", b"name,port\nby csv,22\n").problem(422, "workbook-refused");
    assert_eq!(error(&problem)["rule"], "workbook-unknown", "{problem}");
    post(XLS, "", b"").problem(422, "workbook-refused");
}

#[test]
fn a_form_is_read_in_chunks_of_any_size() {
    let server = Server::start();
    // Data that repeatedly looks like the end of the part.
    let table = format!("name,comment\nx,\"\r\n--\r\n--{}\r\n\r\n--\"\n", &BOUNDARY[..20]);
    let form = Form::of_file("a.csv", table.as_bytes()).field("kind", "device");
    let request = posted(&server, "", form.field("replace", "1").bytes());
    let bytes = request.bytes();
    for piece_bytes in [1, 7, 64] {
        let mut connection = server.connect();
        for piece in bytes.chunks(piece_bytes) {
            connection.send(piece);
            if piece_bytes > 1 {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
        let answer = connection.answer();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let device = server.request("GET", "/rest/instance/device/x").login(ADMIN).send().json();
        let expected = format!("\r\n--\r\n--{}\r\n\r\n--", &BOUNDARY[..20]);
        assert_eq!(device["comment"], expected, "{device}");
    }
}

#[test]
fn an_incomplete_form_changes_nothing_and_leaves_no_file() {
    let server = with_demo();
    let whole = Form::of_file("a.csv", b"name\nx\n").field("replace", "True");
    let whole = whole.field("kind", "device").bytes();
    // A form without its last line end is complete.
    for end in 0..whole.len() - 2 {
        let answer = posted(&server, "", whole[..end].to_vec()).send();
        let problem = answer.problem(400, "malformed-body");
        assert!(detail(&problem).starts_with("The form is incomplete"), "{end}: {problem}");
    }
    // A form with another separator is refused too.
    let other = String::from_utf8(whole.clone()).unwrap().replace(BOUNDARY, "else");
    posted(&server, "", other.into_bytes()).send().problem(400, "malformed-body");
    let malformed = String::from_utf8(whole).unwrap().replace("Content-Disposition:", ":");
    posted(&server, "", malformed.into_bytes()).send().problem(400, "malformed-body");
    assert_eq!(counts(&server), DEMO);
    until(|| entries(&server, "scratch") == 0);
    assert_eq!(entries(&server, "spreadsheets"), 0);
}

#[test]
fn a_client_that_disconnects_leaves_no_file() {
    let server = with_demo();
    let file = vec![0; 2 * MIB];
    let bytes = posted(&server, "", Form::of_file("a.xls", &file).bytes()).bytes();
    let mut connection = server.connect();
    connection.send(&bytes[..MIB]);
    until(|| entries(&server, "scratch") == 1);
    drop(connection);
    until(|| server.log().iter().any(|line| line["path"] == "/rest/topology/import"));
    until(|| entries(&server, "scratch") == 0);
    assert_eq!(entries(&server, "spreadsheets"), 0);
    assert_eq!(counts(&server), DEMO);
}

#[test]
fn the_parts_beside_the_file_are_limited() {
    let server = Server::start();
    let file = Form::of_file("a.xls", &one_device());
    let long = "x".repeat(64 * 1024 + 1);
    for form in [file.clone().field("replace", &long), file.clone().field("json", &long)] {
        let problem = import(&server, form).problem(413, "body-too-large");
        assert!(detail(&problem).contains("65536 bytes"), "{problem}");
    }
    let many = (0..64).fold(file.clone(), |form, _| form.field("replace", "1"));
    let problem = import(&server, many).problem(400, "malformed-body");
    assert!(detail(&problem).contains("more than 64 parts"), "{problem}");
    // Headers without an end, before the first part and after the file.
    let head = format!("form-data; name=\"{}", "x".repeat(4 * MIB));
    for form in [Form::default(), file] {
        let problem = import(&server, form.part(&head, None, b"")).problem(400, "malformed-body");
        assert!(detail(&problem).contains("More than 16384 bytes"), "{problem}");
    }
    let many = (0..100).map(|n| format!("\r\nX-{n}: x")).collect::<String>();
    let head = format!("form-data; name=\"file\"; filename=\"a.xls\"{many}");
    import(&server, Form::default().part(&head, None, b"")).problem(400, "malformed-body");
}

#[test]
fn a_body_is_never_held_in_memory_completely() {
    let server = Server::start();
    // Once with what a first import loads.
    import(&server, Form::of_file("a.xls", &one_device()));
    let before = server.peak_kib();
    let large = vec![b'x'; 48 * MIB];
    import(&server, Form::of_file("a.xls", &large)).problem(422, "workbook-refused");
    // The body has no boundary.
    posted(&server, "", large).send().problem(400, "malformed-body");
    let grown = server.peak_kib() - before;
    assert!(grown < 16 * 1024, "{grown} KiB more");
}

#[test]
fn a_workbook_over_the_limit_is_413() {
    let server = Server::start();
    let import = |media_type: &str| {
        let request = server.request("POST", "/rest/topology/import").login(ADMIN);
        request.header("Content-Type", media_type)
    };
    // Refused because of the declared length.
    let mut connection = server.connect();
    let length = (257 * MIB + 1).to_string();
    connection.send(import(XLS).header("Content-Length", &length).head().as_bytes());
    connection.answer().problem(413, "body-too-large");
    // Refused because of the received length.
    let mut connection = server.connect();
    connection.send(import(XLS).header("Transfer-Encoding", "chunked").head().as_bytes());
    let piece = [b"100000\r\n".as_slice(), &vec![0; MIB], b"\r\n"].concat();
    for _ in 0..=256 {
        connection.offer(&piece);
    }
    connection.offer(b"0\r\n\r\n");
    let problem = connection.answer().problem(413, "body-too-large");
    assert!(detail(&problem).contains("268435456"), "{problem}");
    until(|| entries(&server, "scratch") == 0);
}

#[test]
fn the_ending_of_the_name_selects_the_format() {
    let server = with_demo();
    for (body, name, format, begin) in [
        (json!({"name": "project.xls"}), "project.xls", "xls", OLE2),
        (json!({"name": "no ending"}), "no ending.xls", "xls", OLE2),
        (json!({"export_filename": "a.XLSX"}), "a.XLSX", "xlsx", ZIP),
        (json!({"name": "b.xlsx", "export_filename": "b.xlsx"}), "b.xlsx", "xlsx", ZIP),
    ] {
        let answer = export(&server, body);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let report = answer.json();
        assert_eq!((&report["workbook"], &report["format"]), (&json!(name), &json!(format)));
        let rows: Vec<_> = report["sheets"].as_array().unwrap().iter().collect();
        assert_eq!(rows[0]["sheet"], "device", "{report}");
        assert_eq!((&rows[0]["rows"], &rows[1]["rows"]), (&json!(DEMO.0), &json!(DEMO.1)));
        let place = report["download"].as_str().unwrap();
        let file = server.request("GET", place).login(ADMIN).send().body;
        assert!(file.starts_with(begin));
        assert_eq!(report["bytes"], file.len(), "{report}");
        let stored = server.data().join("spreadsheets").join(name);
        assert_eq!(fs::read(stored).unwrap(), file);
    }
    let problem = export(&server, json!({"name": "a.csv"})).problem(422, "workbook-limit");
    assert!(detail(&problem).contains(".xlsx"), "{problem}");
    assert_eq!(error(&problem)["pointer"], "/name", "{problem}");
    for body in [
        json!({}),
        json!({"name": 7}),
        json!({"name": "../a.xls"}),
        json!({"name": ".xls"}),
        json!({"name": ""}),
        json!({"name": "a/b.xls"}),
        json!({"name": "x".repeat(300)}),
        json!({"name": "a.xls", "export_filename": "b.xls"}),
    ] {
        let problem = export(&server, body).problem(400, "malformed-body");
        assert_eq!(error(&problem)["pointer"], "/name", "{problem}");
    }
    assert_eq!(entries(&server, "spreadsheets"), 4);
}

#[test]
fn a_workbook_is_listed_downloaded_and_deleted() {
    let server = with_demo();
    let bytes = exported(&server, "a b.xls");
    let list = server.request("GET", "/rest/topology/workbooks").login(ADMIN).send().json();
    let workbooks = list["workbooks"].as_array().unwrap();
    assert_eq!(workbooks.len(), 1, "{list}");
    assert_eq!(workbooks[0]["name"], "a b.xls");
    assert_eq!(workbooks[0]["bytes"], bytes.len());

    let answer = workbook(&server, "GET", "a%20b.xls").send();
    assert_eq!((answer.status, &answer.body), (200, &bytes));
    assert_eq!(answer.header("content-type"), Some(XLS));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"a b.xls\""));
    assert_eq!(answer.header("accept-ranges"), Some("bytes"));
    assert!(answer.header("last-modified").is_some());
    let head = workbook(&server, "HEAD", "a%20b.xls").send();
    for name in ["content-length", "etag", "content-type", "content-disposition"] {
        assert_eq!(head.header(name), answer.header(name));
    }
    let etag = answer.header("etag").unwrap();
    let again = workbook(&server, "GET", "a%20b.xls").header("If-None-Match", etag).send();
    assert_eq!(again.status, 304);
    let part = workbook(&server, "GET", "a%20b.xls").header("Range", "bytes=2-4").send();
    assert_eq!((part.status, &*part.body), (206, &bytes[2..=4]));
    workbook(&server, "GET", "a%20b.xls")
        .header("Range", &format!("bytes={}-", bytes.len()))
        .send()
        .problem(416, "range-not-satisfiable");

    workbook(&server, "GET", "other.xls").send().problem(404, "unknown-workbook");
    for name in ["..%2Fa", ".xls", "a.csv", "%2e%2e.xls"] {
        workbook(&server, "GET", name).send().problem(400, "malformed-request");
    }
    let stale = workbook(&server, "DELETE", "a%20b.xls").header("If-Match", "\"other\"");
    stale.send().problem(412, "stale");
    assert_eq!(workbook(&server, "DELETE", "a%20b.xls").send().status, 204);
    workbook(&server, "DELETE", "a%20b.xls").send().problem(404, "unknown-workbook");
    assert_eq!(entries(&server, "spreadsheets"), 0);
}

#[test]
fn an_export_is_answered_with_the_workbook_if_accept_asks_for_it() {
    let server = with_demo();
    for (name, accept, media_type, begin) in [
        ("a.xls", XLS, XLS, OLE2),
        ("b.xlsx", XLSX, XLSX, ZIP),
        // The name determines the format, independent of `Accept`.
        ("c.xlsx", XLS, XLSX, ZIP),
        ("d", "application/json;q=0.5, application/vnd.ms-excel, */*", XLS, OLE2),
    ] {
        let body = json!({"name": name});
        let request = server.request("POST", "/rest/topology/export").login(ADMIN).json(&body);
        // A condition concerns an existing file, not a new one.
        let answer = request.header("Accept", accept).header("If-None-Match", "*").send();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.header("content-type"), Some(media_type));
        assert_eq!(answer.header("vary"), Some("accept"));
        assert!(answer.body.starts_with(begin));
        let place = answer.header("content-location").unwrap();
        let stored = server.request("GET", place).login(ADMIN).send();
        assert_eq!(stored.body, answer.body);
        assert_eq!(stored.header("etag"), answer.header("etag"));
    }
    for accept in ["*/*", "application/json", "application/json, application/vnd.ms-excel"] {
        let body = json!({"name": "e.xls"});
        let request = server.request("POST", "/rest/topology/export").login(ADMIN).json(&body);
        let answer = request.header("Accept", accept).send();
        assert_eq!(answer.header("content-type"), Some("application/json"), "{accept}");
    }
}

#[test]
fn a_rejected_workbook_is_returned_with_its_errors_marked() {
    let server = with_demo();
    let form = Form::of_file("mine.xls", &half_bad()).field("replace", "True");
    let problem = import(&server, form.clone()).problem(422, "import-rejected");
    assert_eq!(problem["outcome"], "rejected", "{problem}");
    assert_eq!(error(&problem)["cell"], "device!B3", "{problem}");
    assert_eq!(error(&problem)["property"], "port", "{problem}");
    assert_eq!(error(&problem)["record"], "bad", "{problem}");
    assert_eq!(counts(&server), DEMO);

    let place = problem["report"].as_str().unwrap();
    assert!(place.starts_with("/rest/topology/reports/"), "{problem}");
    let report = server.request("GET", place).login(ADMIN).send();
    assert_eq!(report.header("content-type"), Some("application/json"));
    assert_eq!(report.header("vary"), Some("accept"));
    assert_eq!(report.json()["report"]["outcome"], "rejected");
    let asked = server.request("GET", place).login(ADMIN).header("Accept", XLS).send();
    assert_eq!(asked.status, 200, "{}", String::from_utf8_lossy(&asked.body));
    assert_eq!(asked.header("content-type"), Some(XLS));
    assert_eq!(asked.header("vary"), Some("accept"));
    let marked = problem["marked_workbook"].as_str().unwrap();
    assert_eq!(marked, format!("{place}/workbook"));
    let marked = server.request("GET", marked).login(ADMIN).send();
    assert_eq!(marked.status, 200, "{}", String::from_utf8_lossy(&marked.body));
    for workbook in [&asked.body, &marked.body] {
        assert!(workbook.starts_with(OLE2));
        // It can be sent again after the cell is corrected. Unchanged, it has the same problem.
        let again =
            import(&server, Form::of_file("mine.xls", workbook)).problem(422, "import-rejected");
        assert_eq!(error(&again)["cell"], error(&problem)["cell"], "{again}");
    }

    for place in ["/rest/topology/reports/none", "/rest/topology/reports/..%2F..%2Fkey"] {
        for accept in ["*/*", XLSX] {
            let request = server.request("GET", place).login(ADMIN).header("Accept", accept);
            request.send().problem(404, "unknown-report");
        }
        let request = server.request("GET", &format!("{place}/workbook")).login(ADMIN);
        request.send().problem(404, "unknown-report");
    }

    let answer = import(&server, form.field("on_error", "skip").field("allow_empty", "True"));
    assert_eq!(answer.status, 206, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.json()["outcome"], "imported_in_part");
    assert_eq!(counts(&server), (1, 0));
}

#[test]
fn a_file_that_is_not_a_workbook_is_422_with_a_reason() {
    let server = with_demo();
    for (bytes, rule) in [
        (&b"<html><table>"[..], "workbook-unknown"),
        (b"", "workbook-empty"),
        (b"PK\x03\x04nothing", "workbook-damaged"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1nothing", "workbook-damaged"),
    ] {
        let form = Form::of_file("a.xls", bytes).field("replace", "True");
        let problem = import(&server, form).problem(422, "workbook-refused");
        assert_eq!(error(&problem)["rule"], rule, "{problem}");
    }
    let mut writer = WorkbookWriter::new(Format::Xlsx, Path::new("/tmp")).unwrap();
    writer.begin_sheet("Tabelle1", ["name"]).unwrap();
    let other = writer.finish(Cursor::new(Vec::new())).unwrap().into_inner();
    let problem = import(&server, Form::of_file("a.xlsx", &other)).problem(422, "workbook-refused");
    assert_eq!(error(&problem)["rule"], "no-sheet", "{problem}");
    assert_eq!(counts(&server), DEMO);
    until(|| entries(&server, "scratch") == 0);
}

#[test]
fn an_exported_workbook_can_be_imported() {
    for name in ["a.xls", "a.xlsx"] {
        // The ends of some links and the names in some lists are not devices.
        let (here, there) = (with_demo(), with_demo());
        let out = exported(&here, name);
        let one = Form::of_file("x.xls", &one_device()).field("replace", "True");
        imported(&there, one.field("allow_empty", "True"));
        assert_eq!(counts(&there), (1, 0));
        let report = imported(&there, Form::of_file(name, &out).field("replace", "True"));
        assert_eq!(report["outcome"], "imported", "{report}");
        assert_eq!(counts(&there), DEMO);
        assert!(exported(&there, name) == out, "{name}: the second export differs");
    }
}
