//! Calls as eNMS's own clients make them: exact types, names of relations, missing calls.

use serde_json::{Value, json};

use crate::harness::{ADMIN, Server};
use crate::inventory::{ask, delete, get, names, path, post, put, queried};

fn search(server: &Server, body: &Value) -> Value {
    ask(server, "POST", "/rest/search").json(body).send().json()
}

#[test]
fn exact_types_stand_for_a_kind_with_that_type() {
    let server = Server::start();
    put(&server, "router", &json!({"name": "R 1%"}));
    put(&server, "device", &json!({"name": "plain"}));
    put(&server, "network", &json!({"name": "[x] net"}));
    put(&server, "netmiko_commands_service", &json!({"name": "show version"}));
    put(&server, "workflow", &json!({"name": "all %"}));
    put(&server, "ethernet_link", &json!({"name": "é>b", "source": "R 1%"}));
    for (word, kind, name) in [
        ("router", "device", "R 1%"),
        ("netmiko_commands_service", "service", "show version"),
        ("workflow", "service", "all %"),
        ("ethernet_link", "link", "é>b"),
    ] {
        assert_eq!(get(&server, &path(kind, name))["type"], word);
        assert_eq!(get(&server, &path(word, name))["name"], name);
        assert_eq!(queried(&server, word, ""), [name], "{word}");
        assert_eq!(names(&get(&server, &format!("/rest/instance/{word}"))), [name], "{word}");
        let search_body = json!({"type": word, "columns": ["name", "type"]});
        let found = search(&server, &search_body);
        assert_eq!(found, json!([{"name": name, "type": word}]), "{word}");
    }
    assert_eq!(queried(&server, "node", ""), ["R 1%", "plain", "[x] net"]);
    assert_eq!(get(&server, &path("node", "[x] net"))["type"], "network");
    let search_body =
        json!({"type": "node", "columns": ["name"], "start": 1, "maximum_return_records": 2});
    assert_eq!(names(&search(&server, &search_body)), ["plain", "[x] net"]);

    for method in ["GET", "DELETE"] {
        let other = ask(&server, method, &path("router", "plain")).send();
        let problem = other.problem(404, "unknown-instance");
        assert_eq!(
            problem["detail"],
            "There is no router “plain”: the device of this name has the type “device”."
        );
    }
    let refused = post(&server, "router", &json!({"name": "plain"}));
    refused.problem(422, "change-rejected");
    post(&server, "node", &json!({"name": "x"})).problem(404, "unknown-type");
    delete(&server, "router", "R 1%");
    assert_eq!(queried(&server, "node", ""), ["plain", "[x] net"]);
}

#[test]
fn relations_have_the_names_of_enms_on_request() {
    let server = Server::start();
    put(&server, "service", &json!({"name": "s %"}));
    put(&server, "device", &json!({"name": "R 1%", "target_services": ["s %"]}));
    assert_eq!(get(&server, &path("service", "s %"))["target_devices"], json!(["R 1%"]));
    let plain = get(&server, &path("device", "R 1%"));
    assert_eq!((&plain["services"], plain.get("target_services")), (&json!(["s %"]), None));
    let enms = get(&server, &(path("device", "R 1%") + "?dialect=enms"));
    assert_eq!((&enms["services"], &enms["target_services"]), (&json!(["s %"]), &json!(["s %"])));
    // An answer in either dialect can be sent back.
    for object in [&plain, &enms] {
        let answer = post(&server, "device", object).json();
        assert_eq!(answer.get("warnings"), None, "{answer}");
    }
    let wrong = ask(&server, "GET", &(path("device", "R 1%") + "?dialect=english")).send();
    wrong.problem(400, "malformed-request");

    let server = Server::start_with(&["--dialect", "enms"]);
    put(&server, "device", &json!({"name": "R 1%"}));
    assert_eq!(get(&server, &path("device", "R 1%"))["target_services"], json!([]));
    let plain = get(&server, &(path("device", "R 1%") + "?dialect=satchel"));
    assert_eq!(plain.get("target_services"), None);
}

#[test]
fn a_task_has_the_properties_of_enms() {
    let server = Server::start();
    put(&server, "service", &json!({"name": "s %"}));
    put(&server, "task", &json!({"name": "t", "service_name": "s %"}));
    let task = get(&server, &path("task", "t"));
    assert_eq!((&task["service"], &task["service_name"]), (&json!("s %"), &json!("s %")));
    assert_eq!(task["is_active"], json!(false));
    assert_eq!(queried(&server, "task", "is_active=0&service_name=s%20%25"), ["t"]);
    put(&server, "task", &json!({"name": "t", "is_active": true}));
    assert_eq!(queried(&server, "task", "is_active=1"), ["t"]);
}

#[test]
fn automation_calls_say_that_services_are_not_run() {
    let server = Server::start();
    for (method, path) in [
        ("POST", "/rest/run_service"),
        ("POST", "/rest/run_task/7"),
        ("GET", "/rest/result/s/2026-11-27"),
        ("GET", "/rest/workers"),
    ] {
        let answer = server.request(method, path).login(ADMIN).send();
        let detail = answer.problem(404, "unknown-path")["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("does not run them"), "{path}: {detail}");
    }
}
