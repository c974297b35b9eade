//! Valid and invalid bodies of `migrate/export` and `migrate/import`.

use serde_json::json;

use crate::harness::{ADMIN, Answer, Server};

const CALLS: [&str; 2] = ["/rest/migrate/export", "/rest/migrate/import"];

fn post(server: &Server, path: &str, body: &str) -> Answer {
    let request = server.request("POST", path).login(ADMIN);
    request.header("Content-Type", "application/json").body(body).send()
}

#[test]
fn a_body_that_is_not_an_object_is_400() {
    let server = Server::start();
    for path in CALLS {
        let empty = post(&server, path, "").problem(400, "malformed-body");
        assert_eq!(empty["errors"][0]["pointer"], "/name", "{empty}");
        server.request("POST", path).login(ADMIN).send().problem(400, "malformed-body");
        for (body, line, column) in [
            ("{", 1, 1),
            ("{\n  \"name\": nope}", 2, 12),
            ("{} {}", 1, 4),
            ("{\"a\": \"\u{7}\"}", 1, 8),
        ] {
            let problem = post(&server, path, body).problem(400, "malformed-body");
            let place = (&problem["errors"][0]["line"], &problem["errors"][0]["column"]);
            assert_eq!(place, (&json!(line), &json!(column)), "{body}: {problem}");
        }
        for body in ["[]", "7", "null", "\"a\""] {
            post(&server, path, body).problem(400, "malformed-body");
        }
        post(&server, path, &"[".repeat(100_000)).problem(400, "malformed-body");
        let deep = format!("{{\"name\": {}", "[".repeat(100_000));
        post(&server, path, &deep).problem(400, "malformed-body");
    }
}

#[test]
fn all_flaws_are_reported_at_once() {
    let server = Server::start();
    for path in CALLS {
        let body = json!({
            "name": "../x",
            "import_export_types": ["user", "devise", 7],
            "empty_database_before_import": "perhaps",
        });
        let problem = post(&server, path, &body.to_string()).problem(400, "malformed-body");
        let errors = problem["errors"].as_array().unwrap();
        let pointers: Vec<_> = errors.iter().map(|error| &error["pointer"]).collect();
        let expected = [
            "/name",
            "/import_export_types/1",
            "/import_export_types/2",
            "/empty_database_before_import",
        ];
        assert_eq!(pointers, expected);
        assert_eq!(errors[1]["nearest"], "device");
        assert_eq!(errors[1]["value"], "devise");
        assert_eq!(errors[1]["valid"].as_array().unwrap().len(), 11);

        let missing = post(&server, path, "{}").problem(400, "malformed-body");
        assert_eq!(missing["errors"][0]["pointer"], "/name");
        assert_eq!(missing["errors"][1]["pointer"], "/import_export_types");
    }
}

#[test]
fn invalid_names_are_400_and_shortened() {
    let server = Server::start();
    let long = "x".repeat(1_000_000);
    for name in ["../x", "/etc/passwd", "", ".x", "a\0b", "a/b", "a\\b", "%2e%2e", &long] {
        for path in CALLS {
            let body = json!({"name": name, "import_export_types": ["user"]}).to_string();
            let answer = post(&server, path, &body);
            answer.problem(400, "malformed-body");
            assert!(answer.body.len() < 2000);
        }
    }
}

#[test]
fn an_unknown_project_is_404() {
    let server = Server::start();
    let body = json!({"name": "nothing", "import_export_types": ["user"]}).to_string();
    post(&server, "/rest/migrate/import", &body).problem(404, "unknown-project");
    let report = server.request("GET", "/rest/migrate/reports/nothing").login(ADMIN);
    report.send().problem(404, "unknown-report");
}

#[test]
fn json_needs_no_media_type_but_refuses_another() {
    let server = Server::start();
    let body = json!({"name": "a", "import_export_types": ["user"]}).to_string();
    let post = |r#type: Option<&str>| {
        let request = server.request("POST", CALLS[0]).login(ADMIN).body(&*body);
        match r#type {
            Some(value) => request.header("Content-Type", value).send(),
            None => request.send(),
        }
    };
    assert_eq!(post(None).status, 200);
    assert_eq!(post(Some("application/json; charset=utf-8")).status, 200);
    assert_eq!(post(Some("Application/JSON")).status, 200);
    for other in ["application/x-www-form-urlencoded", "text/plain"] {
        let problem = post(Some(other)).problem(415, "unsupported-media-type");
        assert!(problem["detail"].as_str().unwrap().contains("application/json"));
    }
    post(Some("multipart/form-data; boundary=x")).problem(400, "malformed-body");
}
