//! Regression tests: requests that asked for a dry run and changed something.

use serde_json::json;

use super::calls::{server, state};
use crate::harness::{ADMIN, Answer, Server};

fn post(server: &Server, target: &str, media_type: Option<&str>, body: &str) -> Answer {
    let request = server.request("POST", target).login(ADMIN);
    match media_type {
        Some(media_type) => request.header("Content-Type", media_type).body(body).send(),
        None => request.body(body).send(),
    }
}

const JSON: Option<&str> = Some("application/json");
const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

#[test]
fn an_undo_with_a_dry_run_in_its_body_changes_nothing() {
    let server = server();
    let before = state(&server);
    for (media_type, body) in [
        (JSON, "{\"dry_run\": true}"),
        (JSON, "\u{feff}{\"dry_run\": \"True\"}"),
        (None, "{\"dry_run\": true}"),
        (FORM, "dry_run=true"),
        (FORM, "dry_run=1"),
        (FORM, "dry_run=on"),
    ] {
        let answer = post(&server, "/rest/undo", media_type, body);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.json()["outcome"], "dry_run", "{body}");
    }
    // A body that cannot be read is never ignored.
    for (media_type, body, status) in [
        (JSON, "dry_run=true", 400),
        (JSON, "{\"dry_run\": true", 400),
        (JSON, "[{\"dry_run\": true}]", 400),
        (JSON, "true", 400),
        (JSON, "{\"dry_run\": null}", 400),
        (JSON, "{\"dry_run\": 1}", 400),
        (JSON, "{\"dry_run\": {}}", 400),
        (None, "dry_run=true", 400),
        (Some("text/plain"), "{\"dry_run\": true}", 415),
        // curl sends this content type by default.
        (FORM, "{\"dry_run\": true}", 415),
        (FORM, "dry_run", 400),
        (FORM, "dry_run=%", 400),
        (Some("multipart/form-data; boundary=x"), "dry_run=true", 400),
    ] {
        let answer = post(&server, "/rest/undo", media_type, body);
        assert_eq!(answer.status, status, "{body}: {}", String::from_utf8_lossy(&answer.body));
    }
    let long = format!("{{\"dry_run\": true{}}}", " ".repeat(1024 * 1024));
    post(&server, "/rest/undo", JSON, &long).problem(413, "body-too-large");
    assert_eq!(state(&server), before);
    // A call without a body still undoes.
    for body in ["", " \r\n", "{}"] {
        assert_eq!(post(&server, "/rest/undo", JSON, body).json()["outcome"], "undone", "{body:?}");
    }
}

#[test]
fn an_import_with_a_dry_run_in_the_query_or_a_misspelt_one_changes_nothing() {
    let server = server();
    let before = state(&server);
    let body = json!({"name": "p", "import_export_types": ["device"]}).to_string();
    let dry = post(&server, "/rest/migrate/import?dry_run=true", JSON, &body);
    assert_eq!(dry.json()["outcome"], "dry_run");
    for member in [
        "\"dryrun\": true",
        "\"Dry_Run\": true",
        "\"dry_run\": true, \"dry_run\": false",
        "\"dry_run\": false, \"dry_run\": true",
        "\"dry_run\": true, \"dry_run\": true",
        "\"dry_run\": true, \"dry_r\\u0075n\": false",
    ] {
        let body = format!("{}, {member}}}", body.strip_suffix('}').unwrap());
        let problem =
            post(&server, "/rest/migrate/import", JSON, &body).problem(400, "malformed-body");
        let text = problem.to_string();
        assert!(text.contains("dry_run"), "{problem}");
    }
    let contradiction = format!("{}, \"dry_run\": false}}", body.strip_suffix('}').unwrap());
    post(&server, "/rest/migrate/import?dry_run", JSON, &contradiction)
        .problem(400, "malformed-body");
    assert_eq!(state(&server), before);
}

#[test]
fn a_body_shared_by_both_calls_is_accepted_by_both() {
    let server = server();
    let body = json!({
        "name": "both",
        "empty_database_before_import": false,
        "export_private_properties": true,
        "import_export_types": ["device", "link"],
    });
    for call in ["/rest/migrate/export", "/rest/migrate/import"] {
        let answer = post(&server, call, JSON, &body.to_string());
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
}

#[test]
fn a_call_without_options_refuses_options() {
    let server = server();
    let before = state(&server);
    for (method, path) in [
        ("POST", "/rest/verify"),
        ("POST", "/rest/update_all_pools"),
        ("DELETE", "/rest/instance/device/Lisbon%20core%201"),
        ("DELETE", "/rest/migrate/projects/p"),
        ("DELETE", "/rest/topology/workbooks/w.xls"),
        ("PUT", "/rest/migrate/projects/p"),
    ] {
        let request = server.request(method, &format!("{path}?dry_run=true")).login(ADMIN);
        let problem = request.send().problem(400, "malformed-request");
        assert_eq!(problem["errors"][0]["query_parameter"], "dry_run", "{problem}");
        assert!(problem["detail"].as_str().unwrap().ends_with("The call has no options."));
        if method != "PUT" {
            let request = server.request(method, path).login(ADMIN);
            request.json(&json!({"dry_run": true})).send().problem(400, "malformed-body");
        }
    }
    assert_eq!(state(&server), before);
}

/// The members of a record are its properties. They are not options, and none is refused.
#[test]
fn a_record_may_have_any_property_and_an_unknown_parameter_is_refused() {
    let server = server();
    let record = json!({"name": "R", "dry_run": true, "atomic": "x"}).to_string();
    let answer = post(&server, "/rest/instance/device", JSON, &record);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let shown = server.request("GET", "/rest/instance/device/R").login(ADMIN).send().json();
    assert_eq!((&shown["dry_run"], &shown["atomic"]), (&json!(true), &json!("x")));
    let record = json!({"name": "S"}).to_string();
    let problem = post(&server, "/rest/instance/device?atomc", JSON, &record);
    let problem = problem.problem(400, "malformed-request");
    assert_eq!(problem["errors"][0]["nearest"], "atomic", "{problem}");
    let doubled = "{\"name\": \"S\", \"port\": 1, \"port\": 2}";
    post(&server, "/rest/instance/device", JSON, doubled).problem(400, "malformed-body");
    let shown = server.request("GET", "/rest/instance/device/S").login(ADMIN).send();
    assert_eq!(shown.status, 404);
}

#[test]
fn a_search_with_a_duplicate_member_is_refused_at_any_depth() {
    let server = server();
    for body in [
        "{\"type\": \"device\", \"type\": \"link\", \"columns\": [\"name\"]}",
        "{\"type\": \"device\", \"columns\": [\"name\"], \"search_criteria\": {\"name\": \"a\", \
         \"name\": \"b\"}}",
        "{\"type\": \"device\", \"columns\": [\"name\"], \"order\": [{\"column\": 0, \"column\": \
         0}]}",
    ] {
        let problem = post(&server, "/rest/search", JSON, body).problem(400, "malformed-body");
        assert!(problem["detail"].as_str().unwrap().contains("occurs twice"), "{problem}");
        assert_eq!(problem["errors"][0]["line"], 1, "{problem}");
    }
    let body = json!({"type": "device", "columns": ["name"]}).to_string();
    let problem = post(&server, "/rest/search?limit=1", JSON, &body);
    problem.problem(400, "malformed-request");
}
