//! Tests of the REST calls that create, read, update, rename and delete instances.

use serde_json::{Value, json};

use crate::harness::{GUEST, Server};
use crate::inventory::{
    ask, delete, get, hostile_names, names, path, post, put, put_devices, queried, shown,
};

#[test]
fn a_device_is_created_shown_updated_and_deleted() {
    let server = Server::start();
    let created = put(&server, "device", &json!({"name": "R 1%", "vendor": "Cisco", "rack": 7}));
    assert_eq!(created["success"], json!(["R 1%"]));
    let device = get(&server, &path("device", "R 1%"));
    for (property, value) in [
        ("name", json!("R 1%")),
        ("type", json!("device")),
        ("vendor", json!("Cisco")),
        // eNMS's default.
        ("port", json!(22)),
        ("icon", json!("router")),
        // A custom property.
        ("rack", json!(7)),
        ("pools", json!([])),
        ("networks", json!([])),
        ("links", json!([])),
        ("tasks", json!([])),
    ] {
        assert_eq!(device[property], value, "{property}: {device}");
    }
    put(&server, "device", &json!({"name": "R 1%", "type": "gateway", "port": "2022"}));
    let device = get(&server, &path("device", "R 1%"));
    assert_eq!((&device["type"], &device["port"]), (&json!("gateway"), &json!(2022)));
    assert_eq!((&device["vendor"], &device["rack"]), (&json!("Cisco"), &json!(7)));

    let deleted = delete(&server, "device", "R 1%");
    assert_eq!(deleted["deleted"], json!([{"type": "device", "name": "R 1%"}]));
    for method in ["GET", "DELETE"] {
        let answer = ask(&server, method, &path("device", "R 1%")).send();
        let problem = answer.problem(404, "unknown-instance");
        assert!(problem["detail"].as_str().unwrap().contains("R 1%"), "{problem}");
    }
}

#[test]
fn hostile_names_are_accepted() {
    let server = Server::start();
    for name in hostile_names() {
        put(&server, "device", &json!({"name": name, "description": name}));
        let device = get(&server, &path("device", &name));
        assert_eq!((&device["name"], &device["description"]), (&json!(name), &json!(name)));
    }
    let listed = names(&get(&server, "/rest/instance/device"));
    let mut expected = hostile_names();
    expected.sort();
    assert_eq!(listed, expected);
    for name in hostile_names() {
        let found =
            queried(&server, "device", &format!("name={}", crate::inventory::encode(&name)));
        assert_eq!(found, [&*name]);
        delete(&server, "device", &name);
    }
    assert_eq!(get(&server, "/rest/count")["device"], 0);
    // An unencoded `..` goes up one path segment.
    for name in ["..", "."] {
        let answer = ask(&server, "GET", &format!("/rest/instance/device/{name}")).send();
        answer.problem(400, "malformed-request");
    }
}

#[test]
fn invalid_names_are_refused() {
    let server = Server::start();
    let long = "x".repeat(256);
    for name in ["", "a/b", "a\\b", "a\"b", "a'b", "a\0b", "a\nb", &long] {
        let answer = post(&server, "device", &json!({"name": name}));
        let problem = answer.problem(422, "change-rejected");
        assert_eq!(problem["errors"][0]["pointer"], "/name", "{problem}");
        assert_eq!(problem["success"], json!([]));
        assert_eq!(problem["failure"].as_array().unwrap().len(), 1);
    }
    post(&server, "device", &json!({"vendor": "Cisco"})).problem(422, "change-rejected");
    assert_eq!(get(&server, "/rest/count")["device"], 0);
}

#[test]
fn an_unknown_type_is_404_with_the_nearest() {
    let server = Server::start();
    for (method, path) in [
        ("GET", "/rest/instance/divice"),
        ("POST", "/rest/instance/divice"),
        ("GET", "/rest/instance/divice/x"),
        ("DELETE", "/rest/instance/divice/x"),
        ("GET", "/rest/query/divice"),
    ] {
        let answer = ask(&server, method, path).body("{}").send();
        let problem = answer.problem(404, "unknown-type");
        let error = &problem["errors"][0];
        assert_eq!(
            (&error["path_parameter"], &error["nearest"]),
            (&json!("kind"), &json!("device"))
        );
        assert_eq!(error["valid"].as_array().unwrap().len(), 11);
    }
}

#[test]
fn a_list_is_stored_object_by_object_or_completely() {
    let server = Server::start();
    let list = json!([
        {"name": "a"},
        {"name": "b", "port": "no number"},
        {"name": "c", "gateways": ["nowhere", "[Shared] x"]},
        {"name": "d"},
    ]);
    let answer = post(&server, "device", &list);
    assert_eq!(answer.status, 206, "{}", shown(&answer));
    let changes = answer.json();
    assert_eq!(changes["success"], json!(["a", "d"]));
    let failure = changes["failure"].as_array().unwrap();
    assert_eq!(failure.len(), 2);
    assert_eq!(failure[0][0], list[1]);
    for reason in failure.iter().map(|pair| pair[1].as_str().unwrap()) {
        assert!(reason.ends_with('.') && !reason.contains("Error"), "{reason}");
    }
    // All dangling references are reported.
    let missing = failure[1][1].as_str().unwrap();
    assert!(missing.contains("nowhere") && missing.contains("[Shared] x"), "{missing}");
    let errors = changes["errors"].as_array().unwrap();
    let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/1/port", "/2/gateways"]);
    assert_eq!(names(&get(&server, "/rest/instance/device")), ["a", "d"]);

    for query in ["atomic", "atomic=true", "atomic=True"] {
        let list = json!([{"name": "e"}, {"name": "f", "port": "no number"}]);
        let target = format!("/rest/instance/device?{query}");
        let problem = ask(&server, "POST", &target).json(&list).send();
        let problem = problem.problem(422, "change-rejected");
        assert_eq!(problem["success"], json!([]));
        assert_eq!(problem["failure"].as_array().unwrap().len(), 2, "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], "/1/port", "{problem}");
    }
    assert_eq!(names(&get(&server, "/rest/instance/device")), ["a", "d"]);
    let target = "/rest/instance/device?atomic";
    let good = ask(&server, "POST", target).json(&json!([{"name": "e"}, {"name": "f"}])).send();
    assert_eq!((good.status, &good.json()["success"]), (200, &json!(["e", "f"])));
    let answer = ask(&server, "POST", "/rest/instance/device?atomc").json(&json!([])).send();
    let problem = answer.problem(400, "malformed-request");
    assert_eq!(problem["errors"][0]["nearest"], "atomic");
    let nothing = post(&server, "device", &json!([])).json();
    let lists = ["success", "created", "updated", "unchanged", "failure"];
    assert_eq!(nothing, lists.map(|list| (list, json!([]))).into_iter().collect::<Value>());
}

#[test]
fn relations_are_shown_in_both_directions_and_follow_a_rename() {
    let server = Server::start();
    put(&server, "user", &json!({"name": "alice", "is_admin": false, "password": "a good secret"}));
    put(&server, "device", &json!([{"name": "R 1%", "owners": ["alice"]}, {"name": "é>b"}]));
    let link = json!({"name": "l", "source_name": "R 1%", "destination_name": "é>b"});
    put(&server, "link", &link);
    put(&server, "network", &json!({"name": "n", "nodes": ["R 1%"], "links": ["l"]}));
    let manual = json!({"name": "by hand", "manually_defined": true, "devices": ["R 1%"]});
    put(&server, "pool", &manual);
    put(&server, "pool", &json!({"name": "computed", "device_name": "r 1"}));
    put(&server, "service", &json!({"name": "[Shared] x"}));
    put(&server, "task", &json!({"name": "t", "service": "[Shared] x", "devices": ["R 1%"]}));

    let shows = |name: &str| {
        let device = get(&server, &path("device", name));
        for (relation, expected) in [
            ("links", json!(["l"])),
            ("networks", json!(["n"])),
            ("pools", json!(["by hand", "computed"])),
            ("tasks", json!(["t"])),
            ("owners", json!(["alice"])),
        ] {
            assert_eq!(device[relation], expected, "{relation}: {device}");
        }
    };
    shows("R 1%");
    put(&server, "device", &json!({"name": "R 1%", "new_name": "R 1 [new]"}));
    shows("R 1 [new]");
    ask(&server, "GET", &path("device", "R 1%")).send().problem(404, "unknown-instance");
    let link = get(&server, &path("link", "l"));
    for (property, value) in [
        ("source", "R 1 [new]"),
        ("source_name", "R 1 [new]"),
        ("destination", "é>b"),
        ("destination_name", "é>b"),
    ] {
        assert_eq!(link[property], value, "{link}");
    }
    for pool in ["by hand", "computed"] {
        let pool = get(&server, &path("pool", pool));
        assert_eq!(pool["devices"], json!(["R 1 [new]"]), "{pool}");
        assert_eq!(pool["device_number"], 1);
    }

    let deleted = delete(&server, "device", "R 1 [new]");
    assert_eq!(deleted["deleted"][0], json!({"type": "device", "name": "R 1 [new]"}));
    let gone = deleted["deleted"].as_array().unwrap();
    assert!(gone.contains(&json!({"type": "link", "name": "l"})), "{deleted}");
    let struck = deleted["struck"].as_array().unwrap();
    for (kind, name) in [("network", "n"), ("pool", "by hand"), ("task", "t")] {
        assert!(struck.contains(&json!({"type": kind, "name": name})), "{deleted}");
    }
    ask(&server, "GET", &path("link", "l")).send().problem(404, "unknown-instance");
    let network = get(&server, &path("network", "n"));
    assert_eq!((&network["nodes"], &network["links"]), (&json!([]), &json!([])));
    assert_eq!(get(&server, &path("pool", "computed"))["device_number"], 0);
}

#[test]
fn a_dangling_relation_is_an_error_with_the_name() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "a"}));
    let link = json!({"name": "l", "source": "a", "destination_name": "[Shared] x"});
    let problem = post(&server, "link", &link).problem(422, "change-rejected");
    assert!(problem["detail"].as_str().unwrap().contains("[Shared] x"), "{problem}");
    assert_eq!(problem["failure"][0][1], problem["detail"]);
    assert_eq!(get(&server, "/rest/count")["link"], 0);
}

#[test]
fn no_secret_is_ever_shown() {
    let server = Server::start();
    let user = json!({"name": "alice", "is_admin": true, "password": "hunter2 hunter2"});
    put(&server, "user", &user);
    let credential = json!({"name": "c", "password": "hunter2", "private_key": "hunter2"});
    put(&server, "credential", &credential);
    let search = json!({"type": "credential", "columns": ["name", "password", "private_key"]});
    let bodies = [
        ask(&server, "GET", "/rest/instance/user/alice").send(),
        ask(&server, "GET", "/rest/instance/credential/c").send(),
        ask(&server, "GET", "/rest/instance/credential").send(),
        ask(&server, "GET", "/rest/instance/user?columns=name,password").send(),
        ask(&server, "GET", "/rest/query/credential?name=c").send(),
        ask(&server, "POST", "/rest/search").json(&search).send(),
        // The response about an invalid object does not contain its secrets.
        post(&server, "credential", &json!({"name": "a/b", "password": "hunter2"})),
    ];
    for answer in &bodies {
        let text = shown(answer);
        assert!(!text.contains("hunter2") && !text.contains("argon2"), "{text}");
    }
    // The password was set nevertheless.
    let alice = server.request("GET", "/rest/count").login(("alice", "hunter2 hunter2")).send();
    assert_eq!(alice.status, 200);
}

#[test]
fn a_changed_password_or_role_takes_effect_immediately() {
    let server = Server::start();
    put(&server, "user", &json!({"name": "guest", "is_admin": false, "password": GUEST.1}));
    let read = |login| server.request("GET", "/rest/count").login(login).send().status;
    let write = |login| {
        let request = server.request("POST", "/rest/instance/device").login(login);
        request.json(&json!({"name": "a"})).send().status
    };
    for _ in 0..2 {
        assert_eq!((read(GUEST), write(GUEST)), (200, 403));
    }
    put(&server, "user", &json!({"name": "guest", "is_admin": true}));
    assert_eq!(write(GUEST), 200);
    put(&server, "user", &json!({"name": "guest", "password": "another one"}));
    assert_eq!((read(GUEST), read(("guest", "another one"))), (401, 200));
    delete(&server, "user", "guest");
    assert_eq!(read(("guest", "another one")), 401);
}

#[test]
fn the_last_administrator_cannot_be_removed() {
    let server = Server::start();
    let answer = ask(&server, "DELETE", &path("user", "admin")).send();
    answer.problem(409, "own-user");
    let demoted = post(&server, "user", &json!({"name": "admin", "is_admin": false}));
    assert_eq!(demoted.status, 422, "{}", shown(&demoted));
    put(&server, "user", &json!({"name": "alice", "is_admin": true, "password": "a good secret"}));
    let alice = ("alice", "a good secret");
    let answer = server.request("DELETE", &path("user", "admin")).login(alice).send();
    assert_eq!(answer.status, 200, "{}", shown(&answer));
    let answer = server.request("DELETE", &path("user", "alice")).login(alice).send();
    answer.problem(409, "own-user");
}

#[test]
fn a_change_can_require_the_version_that_was_read() {
    let server = Server::start();
    let etag = |path: &str| {
        let answer = ask(&server, "GET", path).send();
        answer.header("etag").unwrap().to_owned()
    };
    let change = |condition: (&str, &str), body: Value| {
        let request = ask(&server, "POST", "/rest/instance/device");
        request.header(condition.0, condition.1).json(&body).send()
    };
    let nothing = change(("If-Match", "*"), json!({"name": "R 1%"}));
    nothing.problem(412, "stale");
    let first = change(("If-None-Match", "*"), json!({"name": "R 1%"}));
    assert_eq!(first.status, 200, "{}", shown(&first));
    change(("If-None-Match", "*"), json!({"name": "R 1%"})).problem(412, "stale");

    let path = path("device", "R 1%");
    let first = etag(&path);
    let known = ask(&server, "GET", &path).header("If-None-Match", &first).send();
    assert_eq!((known.status, known.header("etag")), (304, Some(&*first)));
    assert_eq!(change(("If-Match", &first), json!({"name": "R 1%", "port": 1})).status, 200);
    change(("If-Match", &first), json!({"name": "R 1%", "port": 2})).problem(412, "stale");
    let second = etag(&path);
    assert_ne!(first, second);
    let fresh = ask(&server, "GET", &path).header("If-None-Match", &first).send();
    assert_eq!(fresh.status, 200);

    // A pool that gains the device is shown in it, but does not make a change of the device stale.
    put(&server, "pool", &json!({"name": "p", "device_name": "R 1"}));
    let with_pool = etag(&path);
    assert_ne!(second, with_pool);
    let fresh = ask(&server, "GET", &path).header("If-None-Match", &second).send();
    assert_eq!((fresh.status, &fresh.json()["pools"]), (200, &json!(["p"])));
    assert_eq!(change(("If-Match", &second), json!({"name": "R 1%", "port": 3})).status, 200);

    for tags in ["\"0-0\"", "\"nonsense\"", "W/\"1-1\"", ""] {
        change(("If-Match", tags), json!({"name": "R 1%"})).problem(412, "stale");
    }
    change(("If-Match", "*"), json!([{"name": "R 1%"}])).problem(400, "malformed-request");
    change(("If-None-Match", "\"1-1\""), json!({"name": "x"})).problem(400, "malformed-request");

    let stale = ask(&server, "DELETE", &path).header("If-Match", &first).send();
    stale.problem(412, "stale");
    let present = etag(&path);
    let deleted = ask(&server, "DELETE", &path).header("If-Match", &present).send();
    assert_eq!(deleted.status, 200, "{}", shown(&deleted));
}

#[test]
fn head_has_the_headers_of_get() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "R 1%"}));
    let path = path("device", "R 1%");
    let get = ask(&server, "GET", &path).send();
    let head = ask(&server, "HEAD", &path).send();
    assert_eq!(head.status, 200);
    for header in ["content-length", "content-type", "etag"] {
        assert_eq!(head.header(header), get.header(header), "{header}");
    }
    let nothing = ask(&server, "HEAD", &crate::inventory::path("device", "..")).send();
    assert_eq!(nothing.status, 404);
}

#[test]
fn a_long_property_is_returned_unchanged() {
    let server = Server::start();
    let long = "é[]%\"\\ ".repeat(1_500_000);
    assert!(long.len() > 10_000_000);
    put(&server, "device", &json!({"name": "R 1%", "description": "d", "notes": long}));
    assert_eq!(get(&server, &path("device", "R 1%"))["notes"], long);
    // The same in a list, which is a stream.
    let listed = get(&server, "/rest/instance/device");
    assert_eq!(listed[0]["notes"], long);
}

#[test]
fn bodies_that_are_not_objects_are_400_with_their_location() {
    let server = Server::start();
    let post = |body: &str| ask(&server, "POST", "/rest/instance/device").body(body).send();
    for body in ["", "  \n", "\u{feff}"] {
        let problem = post(body).problem(400, "malformed-body");
        assert!(problem["detail"].as_str().unwrap().contains("empty"), "{problem}");
    }
    for (body, line) in [
        ("{", 1),
        ("{\n\"name\": nope}", 2),
        ("{\"name\": \"a\"} x", 1),
        ("7", 1),
        ("null", 1),
        ("\"a\"", 1),
        ("[\n{\"name\": \"a\"},\n7]", 3),
        // A duplicate key is ambiguous.
        ("{\"name\": \"a\",\n\"port\": 1, \"port\": 2}", 2),
        ("{\"name\": \"a\", \"x\": {\"y\": 1,\n\"y\": 1}}", 2),
        ("{\"name\": \"\u{7}\"}", 1),
    ] {
        let problem = post(body).problem(400, "malformed-body");
        assert_eq!(problem["errors"][0]["line"], line, "{body}: {problem}");
    }
    for deep in
        ["[".repeat(1_000_000), format!("{{\"name\": \"a\", \"x\": {}", "[".repeat(1_000_000))]
    {
        post(&deep).problem(400, "malformed-body");
    }
    let nested = |depth: usize| {
        format!("{{\"name\": \"a\", \"x\": {}{}}}", "[".repeat(depth), "]".repeat(depth))
    };
    post(&nested(100)).problem(400, "malformed-body");
    let answer = post(&nested(50));
    assert_eq!(answer.status, 200, "{}", shown(&answer));
    let typed = ask(&server, "POST", "/rest/instance/device").header("Content-Type", "text/plain");
    typed.body("{}").send().problem(415, "unsupported-media-type");
    let mut connection = server.connect();
    let length = (64 * 1024 * 1024 + 1).to_string();
    let request = ask(&server, "POST", "/rest/instance/device").header("Content-Length", &length);
    connection.send(request.head().as_bytes());
    connection.answer().problem(413, "body-too-large");
}

#[test]
fn wrong_types_are_reported_with_their_properties() {
    let server = Server::start();
    let body = json!({
        "name": "a", "port": [], "reachable": "perhaps", "gateways": "b", "vendor": {"a": 1},
    });
    let problem = post(&server, "device", &body).problem(422, "change-rejected");
    let errors = problem["errors"].as_array().unwrap();
    let mut pointers: Vec<_> =
        errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/gateways", "/port", "/reachable", "/vendor"], "{problem}");
    assert!(errors.iter().all(|error| error["code"].is_string()), "{problem}");
}

#[test]
fn an_unknown_property_is_kept_with_a_warning_if_a_known_one_is_similar() {
    let server = Server::start();
    let changes = put(&server, "device", &json!({"name": "a", "vendr": "Cisco", "rack": 7}));
    let warnings = changes["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{changes}");
    assert!(warnings[0].as_str().unwrap().contains("vendor"), "{changes}");
    assert_eq!(get(&server, &path("device", "a"))["vendr"], "Cisco");
}

#[test]
fn misspelt_relations_and_instructions_give_a_warning() {
    let server = Server::start();
    put(&server, "service", &json!([{"name": "s é"}, {"name": "t"}]));
    put(&server, "device", &json!({"name": "a", "vendor": "Cisco"}));
    for (member, known) in
        [("target_servics", "target_services"), ("Remove", "remove"), ("removed", "remove")]
    {
        let changes = put(&server, "device", &json!({"name": "a", member: ["vendor"]}));
        let warning = changes["warnings"][0].as_str().unwrap_or_default();
        assert!(warning.ends_with(&format!("Did you mean '{known}'?")), "{changes}");
    }
    assert_eq!(get(&server, &path("device", "a"))["vendor"], "Cisco");
    // Two names of one relation, with different lists.
    let both = json!({"name": "a", "services": [], "target_services": ["s é"]});
    let changes = put(&server, "device", &both);
    let warning = changes["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.starts_with("'services' and 'target_services' are two names"), "{changes}");
    assert_eq!(get(&server, &path("device", "a"))["services"], json!(["s é"]));
    let both = json!({"name": "a", "services": ["t"], "target_services": []});
    let answer = post(&server, "device", &both);
    assert_eq!(answer.status, 422, "{}", shown(&answer));
    // Equal lists are no contradiction.
    let both = json!({"name": "a", "services": ["t"], "target_services": ["t"]});
    assert_eq!(put(&server, "device", &both)["warnings"], Value::Null);
}

#[test]
fn pools_are_computed_on_request_and_counted() {
    let server = Server::start();
    put(&server, "pool", &json!({"name": "p", "device_vendor": "cisco"}));
    put_devices(&server, 10);
    assert_eq!(get(&server, &path("pool", "p"))["device_number"], 5);
    let answer = ask(&server, "POST", "/rest/update_all_pools").body("").send();
    assert_eq!(answer.status, 200, "{}", shown(&answer));
    assert_eq!(answer.json(), json!({"computed": 1, "changed": 0, "kept": []}));
    let counts = get(&server, "/rest/count");
    assert_eq!(
        (&counts["device"], &counts["pool"], &counts["user"]),
        (&json!(10), &json!(1), &json!(1))
    );
    assert_eq!(counts.as_object().unwrap().len(), 11);
}

#[test]
fn acknowledged_changes_survive_a_kill() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "R 1%", "configuration": "hostname r1\n"}));
    put(&server, "device", &json!({"name": "R 1%", "new_name": ".."}));
    let server = server.start_again();
    assert_eq!(get(&server, &path("device", ".."))["name"], "..");
    let text = ask(&server, "GET", "/rest/configuration/%2E%2E").send();
    assert_eq!((text.status, &*text.body), (200, &b"hostname r1\n"[..]));
}

#[test]
fn many_clients_change_at_the_same_time() {
    let server = Server::start();
    std::thread::scope(|scope| {
        for client in 0..32 {
            let server = &server;
            scope.spawn(move || {
                for number in 0..5 {
                    put(server, "device", &json!({"name": format!("{client} {number}")}));
                }
            });
        }
    });
    assert_eq!(get(&server, "/rest/count")["device"], 160);
}
