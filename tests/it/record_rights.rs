//! The rights on single records, over REST.

use std::fs;
use std::path::Path;

use satchel::access::Right;
use satchel::http::{Route, paths, route_table};
use satchel::model::Kind;
use serde_json::{Value, json};

use crate::harness::{ADMIN, Answer, Server};
use crate::project::KINDS;

const READER: (&str, &str) = ("reader é", "a reader's password");
const EDITOR: (&str, &str) = ("editor 100%", "an editor's password");

/// A word in the name of each hidden record, and nowhere else.
const SECRET_WORD: &str = "zyzzyva";

/// The names of the open and of the hidden record of each kind.
fn open(kind: &str) -> String {
    format!("[Shared] open >{kind}")
}

fn hidden(kind: &str) -> String {
    format!("[Shared] {SECRET_WORD} >{kind}")
}

fn put(server: &Server, kind: &str, object: &Value) {
    let path = paths::INSTANCES.path([kind]);
    let answer = server.request("POST", &path).login(ADMIN).json(object).send();
    assert_eq!(answer.json()["failure"], json!([]), "{object}");
}

/// Creates an open and a hidden record of each kind with rights, which refer to each other.
fn fill(server: &Server) {
    for (name, password) in [READER, EDITOR] {
        put(server, "user", &json!({"name": name, "password": password}));
    }
    put(server, "group", &json!({"name": "readers", "users": [READER.0]}));
    put(server, "group", &json!({"name": "editors", "users": [EDITOR.0]}));
    let make = |kind: &str, properties: Value| {
        for name in [open(kind), hidden(kind)] {
            let mut object = properties.clone();
            object["name"] = name.into();
            if object["name"].as_str() == Some(&open(kind)) {
                object["rbac_read"] = json!(["readers", "editors"]);
                object["rbac_edit"] = json!(["editors"]);
            }
            put(server, kind, &object);
        }
    };
    make("device", json!({"ip_address": "192.0.2.1", "vendor": SECRET_WORD.len()}));
    let both = |kind: &str| json!([open(kind), hidden(kind)]);
    make("network", json!({"nodes": both("device")}));
    make("link", json!({"source": hidden("device"), "destination": open("device")}));
    make(
        "pool",
        json!({"devices": both("device"), "links": both("link"), "manually_defined": true}),
    );
    make("service", json!({"target_devices": both("device"), "target_pools": both("pool")}));
    make("task", json!({"service": open("service"), "devices": both("device")}));
    make("credential", json!({"device_pools": both("pool")}));
    put(
        server,
        "device",
        &json!({"name": open("device"), "gateways": [hidden("device")], "devices": [hidden("device")]}),
    );
    put(server, "pool", &json!({"name": format!("{SECRET_WORD} all"), "device_name": "Shared"}));
    put(
        server,
        "workflow_edge",
        &json!({"name": hidden("edge"), "workflow": hidden("service"), "source": open("service")}),
    );
    put(
        server,
        "workflow_edge",
        &json!({"name": open("edge"), "workflow": open("service"), "source": hidden("service")}),
    );
    let path = paths::CONFIGURATION.path([&hidden("device")]);
    assert_eq!(server.request("PUT", &path).login(ADMIN).body(SECRET_WORD).send().status, 200);
}

/// The requests of a route that can name records, each as a target and a body.
fn requests(route: &Route) -> Vec<(String, String)> {
    let of_kinds = |make: &dyn Fn(&str) -> String| -> Vec<(String, String)> {
        KINDS.iter().map(|kind| (make(kind), String::new())).collect()
    };
    match route.description.operation {
        "list_instances" => of_kinds(&|kind| {
            let known: Kind = kind.parse().unwrap();
            let columns = known.properties().iter().map(|property| property.name);
            let columns: Vec<_> = columns.filter(|name| !name.contains("passw")).collect();
            let columns = columns.join(",").replace("private_key", "name");
            let columns = columns.replace("librenms_token", "name").replace("netbox_token", "name");
            format!("{}?columns={columns},pools,links,services", paths::INSTANCES.path([kind]))
        })
        .into_iter()
        .chain(of_kinds(&|kind| paths::INSTANCES.path([kind])))
        .collect(),
        "get_instance" => of_kinds(&|kind| {
            let kind =
                if kind == "workflow_edge" { ("workflow_edge", "edge") } else { (kind, kind) };
            format!("{}?dialect=enms", paths::INSTANCE.path([kind.0, &open(kind.1)]))
        }),
        "get_instance_history" => {
            of_kinds(&|kind| paths::INSTANCE_HISTORY.path([kind, &open(kind)]))
        }
        "query_instances" => of_kinds(&|kind| paths::QUERY.path([kind])),
        "search_instances" => KINDS
            .iter()
            .map(|kind| {
                let criteria = json!({"name": "shared"});
                let body = json!({"type": kind, "columns": ["name"], "search_criteria": criteria});
                (route.pattern.to_owned(), body.to_string())
            })
            .collect(),
        "get_configuration" => vec![(paths::CONFIGURATION.path([&open("device")]), String::new())],
        "list_configurations" => {
            vec![(paths::CONFIGURATION_HISTORY.path([&open("device")]), String::new())]
        }
        "compare_configurations" => {
            vec![(paths::CONFIGURATION_DIFFERENCE.path([&open("device")]), String::new())]
        }
        "get_change" => {
            (1..60).map(|at| (paths::CHANGE.path([&at.to_string()]), String::new())).collect()
        }
        "follow_changes" => (0..60)
            .map(|after| (format!("{}?after={after}", route.pattern), String::new()))
            .collect(),
        "get_feed" => satchel::feeds::FEEDS
            .iter()
            .flat_map(|feed| {
                let options = "zone=net.example&name_server=ns.other.example&mac=name\
                               &subnet=10.0.0.0%2F8&node_kind=linux&image=x";
                let path = paths::FEED.path([feed.name]);
                [path.clone(), format!("{path}?{options}"), format!("{path}?report=true")]
            })
            .map(|target| (target, String::new()))
            .collect(),
        "get_feed_host" => ["ansible", "oxidized"]
            .into_iter()
            .map(|feed| (paths::FEED_HOST.path([feed, &open("device")]), String::new()))
            .collect(),
        "list_feeds" => vec![(route.pattern.to_owned(), String::new())],
        "compare_moments" => vec![(format!("{}?since=1", route.pattern), String::new())],
        "list_history" | "count_instances" | "metrics" => {
            vec![(route.pattern.to_owned(), String::new())]
        }
        other => panic!("{other}: does this route name records? Add its requests here"),
    }
}

fn ask(
    server: &Server,
    route: &Route,
    (target, body): &(String, String),
    login: (&str, &str),
) -> Answer {
    server.request(route.method.as_str(), target).login(login).body(&**body).send()
}

#[test]
fn no_route_names_a_hidden_record() {
    let server = Server::start_with(&["--rights", "groups"]);
    fill(&server);
    let sessions = [READER, EDITOR].map(|login| (login, server.begin_session(login)));
    let mut named = 0;
    for route in route_table().iter() {
        if !matches!(route.right, Right::Read | Right::Feeds) {
            continue;
        }
        for request in requests(route) {
            let contains = |answer: Answer| {
                assert!(answer.status < 500, "{request:?}");
                String::from_utf8_lossy(&answer.body).contains(SECRET_WORD)
            };
            for (login, cookie) in &sessions {
                let by_password = ask(&server, route, &request, *login);
                assert!(!contains(by_password), "{request:?} {}", login.0);
                let (target, body) = &request;
                let by_session = server.request(route.method.as_str(), target).session(cookie);
                assert!(!contains(by_session.body(&**body).send()), "{request:?} {}", login.0);
            }
            named += usize::from(contains(ask(&server, route, &request, ADMIN)));
        }
    }
    assert!(named > 30, "only {named} requests name a hidden record for an administrator");
}

/// `Call::inventory` knows the rights of the caller. `App::inventory` has all records.
#[test]
fn handlers_use_the_inventory_of_the_caller() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/handlers")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            // It only notes damage.
            let is_excused = path.ends_with("inventory/rows.rs");
            let text = fs::read_to_string(&path).unwrap();
            assert!(is_excused || !text.contains("app.inventory"), "{}", path.display());
        }
    }
    assert!(files > 15);
}

#[test]
fn a_hidden_record_is_like_a_missing_one() {
    let server = Server::start_with(&["--rights", "groups"]);
    fill(&server);
    for kind in ["device", "link", "pool", "service", "network", "task", "credential"] {
        let missing = hidden(kind).replace(SECRET_WORD, "missing");
        for (method, path) in [
            ("GET", paths::INSTANCE),
            ("GET", paths::INSTANCE_HISTORY),
            ("DELETE", paths::INSTANCE),
        ] {
            let problem = |name: &str| {
                let target = path.path([kind, name]);
                let answer = server.request(method, &target).login(EDITOR).body("").send();
                let mut problem = answer.problem(404, "unknown-instance");
                problem["request_id"] = Value::Null;
                problem.to_string().replace(SECRET_WORD, "missing")
            };
            assert_eq!(problem(&hidden(kind)), problem(&missing), "{method} {kind}");
        }
    }
    for (method, path) in [
        ("GET", paths::CONFIGURATION),
        ("PUT", paths::CONFIGURATION),
        ("GET", paths::CONFIGURATION_HISTORY),
        ("GET", paths::CONFIGURATION_DIFFERENCE),
    ] {
        let path = path.path([&hidden("device")]);
        let answer = server.request(method, &path).login(EDITOR).body("x").send();
        answer.problem(404, "unknown-instance");
    }
    let encoded = hidden("device");
    let encoded = [("[", "%5B"), ("]", "%5D"), (" ", "%20"), (">", "%3E")]
        .into_iter()
        .fold(encoded, |text, (from, to)| text.replace(from, to));
    let query = format!("{}?gateways={encoded}", paths::QUERY.path(["device"]));
    assert_eq!(server.request("GET", &query).login(READER).send().json(), json!([]));
    assert_eq!(
        server.request("GET", &query).login(ADMIN).send().json().as_array().unwrap().len(),
        1
    );
}

#[test]
fn numbers_count_visible_records() {
    let server = Server::start_with(&["--rights", "groups"]);
    fill(&server);
    let number = |login, path: &str, header: &str| {
        let answer = server.request("GET", path).login(login).send();
        answer.header(header).map(str::to_owned)
    };
    let devices = paths::INSTANCES.path(["device"]);
    assert_eq!(number(READER, &devices, "x-total-count").as_deref(), Some("1"));
    assert_eq!(number(ADMIN, &devices, "x-total-count").as_deref(), Some("2"));
    let count = |login| server.request("GET", "/rest/count").login(login).send().json();
    assert_eq!(
        (count(READER)["device"].as_u64(), count(ADMIN)["device"].as_u64()),
        (Some(1), Some(2))
    );
    let pool = |login| {
        let path = paths::INSTANCE.path(["pool", &open("pool")]);
        server.request("GET", &path).login(login).send().json()["device_number"].clone()
    };
    assert_eq!((pool(READER), pool(ADMIN)), (json!(1), json!(2)));
    let metrics = |login| {
        let answer = server.request("GET", "/metrics").login(login).send();
        String::from_utf8(answer.body).unwrap().contains("satchel_records{")
    };
    assert_eq!((metrics(READER), metrics(ADMIN)), (false, true));
}

#[test]
fn an_editor_changes_what_it_can_edit_over_rest() {
    let server = Server::start_with(&["--rights", "groups"]);
    fill(&server);
    let put = |login, object: Value| {
        let path = paths::INSTANCES.path(["device"]);
        server.request("POST", &path).login(login).json(&object).send()
    };
    let rename = json!({"name": open("device"), "vendor": "é"});
    assert_eq!(put(EDITOR, rename.clone()).status, 200);
    put(READER, rename).problem(403, "forbidden");
    // Nothing in the response names the hidden device with the same address.
    let address = json!({"name": "new", "ip_address": "192.0.2.1"});
    let warned = String::from_utf8(put(EDITOR, address).body).unwrap();
    assert!(warned.contains(&open("device")) && !warned.contains(SECRET_WORD), "{warned}");
    let pools = server.request("POST", "/rest/update_all_pools").login(EDITOR).send();
    assert_eq!((pools.status, pools.json()["computed"].as_u64()), (200, Some(0)));
    let search = json!({"type": "device", "search_criteria": {"name": "shared"}, "dry_run": true});
    let deleted = server.request("POST", "/rest/delete").login(EDITOR).json(&search).send();
    deleted.problem(403, "forbidden");
}
