//! The rules of the route table, checked for every route.

use satchel::access::{Right, Rights};
use satchel::http::{Route, paths, route_table};

use serde_json::{Value, json};

use crate::harness::{ADMIN, GUEST, Server};
use crate::project::{documents, imported, put_folder};

/// A path that matches the pattern.
fn path(pattern: &str) -> String {
    let segments = pattern
        .split('/')
        .map(|segment| if segment.starts_with('{') { "nothing" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// Creates a user who is not an administrator. Not by an import, which the route `undo` would undo.
fn admit_guest(server: &Server) {
    let (name, password) = GUEST;
    let guest = json!({"name": name, "password": password});
    let path = paths::INSTANCES.path(["user"]);
    let created = server.request("POST", &path).login(ADMIN).json(&guest).send();
    assert_eq!(created.status, 200);
}

/// A login and the rights that it has.
type Role = (Option<(&'static str, &'static str)>, Rights);

/// The ways in which a user can log in.
#[derive(Clone, Copy, Debug)]
enum WayIn {
    Password,
    Session,
}

/// Sends a request to every route as every role, by every way in. A route answers 401 or 403 exactly if
/// the role does not have its right.
fn check_matrix(server: &Server, roles: &[Role]) {
    for route in route_table().iter() {
        for (login, rights) in roles {
            for way_in in [WayIn::Password, WayIn::Session] {
                check_route(server, route, (*login, *rights), way_in);
            }
        }
    }
}

fn check_route(server: &Server, route: &Route, (login, rights): Role, way_in: WayIn) {
    let mut path = path(route.pattern);
    if route.pattern == "/rest/undo" {
        // It would remove the user that was created last.
        path += "?dry_run";
    }
    let mut request = server.request(route.method.as_str(), &path).body("");
    request = match (login, way_in) {
        (None, _) => request,
        (Some(login), WayIn::Password) => request.login(login),
        // A route can end the session, so each request has its own.
        (Some(login), WayIn::Session) => request.session(&server.begin_session(login)),
    };
    let answer = request.send();
    let who = (&route.method, route.pattern, login.map(|(name, _)| name), way_in);
    let is_refused = matches!(answer.status, 401 | 403);
    assert_eq!(is_refused, !rights.contains(route.right), "{who:?} {}", answer.status);
    assert!(answer.status < 500 && answer.status != 405, "{who:?} {}", answer.status);
    if !is_refused {
        return;
    }
    if login.is_some() {
        let problem = answer.problem(403, "forbidden");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("“{}”", route.right)), "{who:?} {detail}");
    } else {
        answer.problem(401, "unauthenticated");
        let challenge = answer.header("www-authenticate").unwrap();
        assert_eq!(challenge, "Basic realm=\"satchel\", charset=\"UTF-8\"");
    }
}

#[test]
fn each_route_needs_its_right() {
    let server = Server::start();
    admit_guest(&server);
    let reader = Rights::of(&[Right::Public, Right::Own, Right::Read, Right::Feeds]);
    check_matrix(
        &server,
        &[
            (None, Rights::of(&[Right::Public])),
            (Some(GUEST), reader),
            (Some(ADMIN), Rights::of(&Right::ALL)),
        ],
    );
}

/// The users of the built-in groups, each with its rights. `nobody` is in no group, `lister` in one that
/// lists requests.
const NOBODY: (&str, &str) = ("nobody é", "password of a nobody");
const READER: (&str, &str) = ("reader >b", "password of a reader");
const EDITOR: (&str, &str) = ("editor 100%", "password of a editor");
const OPERATOR: (&str, &str) = ("operator o.x", "password of a operator");
const LISTER: (&str, &str) = ("lister", "password of a lister");

/// Creates the users and their groups.
fn admit_groups(server: &Server) {
    let put = |kind: &str, object: &Value| {
        let path = paths::INSTANCES.path([kind]);
        let answer = server.request("POST", &path).login(ADMIN).json(object).send();
        assert_eq!(answer.status, 200, "{object}");
        assert_eq!(answer.json()["failure"], json!([]), "{object}");
    };
    for (name, password) in [GUEST, NOBODY, READER, EDITOR, OPERATOR, LISTER] {
        put("user", &json!({"name": name, "password": password}));
    }
    for (group, (user, _)) in [("readers", READER), ("editors", EDITOR), ("operators", OPERATOR)] {
        put("group", &json!({"name": group, "users": [user]}));
    }
    put(
        "group",
        &json!({
            "name": "list %",
            "users": [LISTER.0],
            "get_requests": ["/rest/instance", "/rest/migrate", "/rest/state", "/device_table"],
            "post_requests": ["/rest/search", "/rest/migrate", "/rest/undo", "/rest/topology"],
        }),
    );
}

#[test]
fn groups_grant_rights_if_the_setting_says_so() {
    let server = Server::start_with(&["--rights", "groups"]);
    admit_groups(&server);
    let reader = [Right::Public, Right::Own, Right::Read, Right::Feeds];
    let editor = [&reader[..], &[Right::Edit, Right::Delete]].concat();
    let operator =
        [&editor[..], &[Right::Jobs, Right::Export, Right::Import, Right::Backup]].concat();
    check_matrix(
        &server,
        &[
            (None, Rights::of(&[Right::Public])),
            (Some(NOBODY), Rights::of(&[Right::Public, Right::Own])),
            (Some(GUEST), Rights::of(&[Right::Public, Right::Own])),
            (Some(READER), Rights::of(&reader)),
            (Some(EDITOR), Rights::of(&editor)),
            (Some(OPERATOR), Rights::of(&operator)),
            (Some(ADMIN), Rights::of(&Right::ALL)),
        ],
    );
}

#[test]
fn a_list_of_requests_grants_its_routes_and_no_others() {
    let server = Server::start_with(&["--rights", "groups"]);
    admit_groups(&server);
    let granted = [
        ("GET", paths::INSTANCES.pattern()),
        ("GET", paths::INSTANCE.pattern()),
        ("GET", paths::INSTANCE_HISTORY.pattern()),
        ("POST", paths::SEARCH.pattern()),
    ];
    for route in route_table().iter() {
        let method = route.method.as_str();
        let answer = server.request(method, &path(route.pattern)).login(LISTER).body("").send();
        let is_granted = matches!(route.right, Right::Public | Right::Own)
            || granted.contains(&(method, route.pattern));
        assert_eq!(
            answer.status != 403,
            is_granted,
            "{method} {} {}",
            route.pattern,
            answer.status
        );
    }
}

#[test]
fn without_the_setting_groups_change_nothing() {
    let server = Server::start();
    admit_groups(&server);
    let reader = Rights::of(&[Right::Public, Right::Own, Right::Read, Right::Feeds]);
    let users = [NOBODY, READER, EDITOR, OPERATOR, LISTER];
    check_matrix(&server, &users.map(|login| (Some(login), reader)));
    assert_eq!(server.request("GET", "/rest/state").login(ADMIN).send().json()["rights"], "login");
}

#[test]
fn operators_do_not_make_themselves_administrators() {
    let server = Server::start_with(&["--rights", "groups"]);
    admit_groups(&server);
    let state = server.request("GET", "/rest/state").login(OPERATOR).send().json();
    assert_eq!(state["rights"], "groups");
    let is_logged =
        |line: &Value| line.to_string().contains("the groups of users and records decide");
    assert!(server.log().iter().any(is_logged));

    let user = json!({"name": OPERATOR.0, "is_admin": true});
    let path = paths::INSTANCES.path(["user"]);
    for login in [OPERATOR, EDITOR] {
        let answer = server.request("POST", &path).login(login).json(&user).send();
        assert!(answer.json().to_string().contains("do not have the right"), "{}", answer.json());
    }
    let me = paths::INSTANCE.path(["user", OPERATOR.0]);
    server.request("DELETE", &me).login(EDITOR).send().problem(403, "forbidden");
    let groups = paths::INSTANCES.path(["group"]);
    let group = json!({"name": "list %", "users": [OPERATOR.0]});
    let answer = server.request("POST", &groups).login(OPERATOR).json(&group).send();
    assert!(answer.json().to_string().contains("do not have the right"), "{}", answer.json());
    let inverse = json!({"name": OPERATOR.0, "groups": ["editors"]});
    let answer = server.request("POST", &path).login(OPERATOR).json(&inverse).send();
    assert!(answer.json().to_string().contains("do not have the right"), "{}", answer.json());

    let users = "- {name: mallory, is_admin: true}\n";
    put_folder(&server, "users", &documents(&[("user", users), ("device", "- {name: d}\n")]));
    let import = |kinds: Value| {
        let body = json!({"name": "users", "import_export_types": kinds});
        server.request("POST", "/rest/migrate/import").login(OPERATOR).json(&body).send()
    };
    for kinds in [json!(["user"]), json!(["device", "group"])] {
        let detail = import(kinds).problem(403, "forbidden")["detail"].to_string();
        assert!(detail.contains("import_export_types"), "{detail}");
    }
    assert_eq!(import(json!(["device"])).status, 200);
}

#[test]
fn built_in_groups_survive_a_replacing_import() {
    let server = Server::start_with(&["--rights", "groups"]);
    admit_groups(&server);
    let users = format!("- {{name: {:?}, password: x}}\n- {{name: new}}\n", OPERATOR.0);
    let groups = "- {name: readers, users: [new]}\n- {name: others, users: [new]}\n";
    put_folder(&server, "other", &documents(&[("user", &users), ("group", groups)]));
    imported(
        &server,
        "other",
        json!({"import_export_types": ["user", "group"], "empty_database_before_import": true}),
    );
    let users_of = |group: &str| {
        let path = paths::INSTANCE.path(["group", group]);
        let answer = server.request("GET", &path).login(ADMIN).send();
        if answer.status == 404 { Value::Null } else { answer.json()["users"].clone() }
    };
    assert_eq!(users_of("operators"), json!([OPERATOR.0]), "kept with its member");
    assert_eq!(users_of("editors"), json!([]), "its member is removed");
    assert_eq!(users_of("readers"), json!(["new"]), "the project has it");
    assert_eq!(users_of("others"), json!(["new"]));
    assert_eq!(users_of("list %"), Value::Null);
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["findings"]["total"], 0, "{verified}");
}

#[test]
fn every_route_is_in_the_allow_header_of_its_path() {
    let server = Server::start();
    for route in route_table().iter() {
        let path = path(route.pattern);
        let allow = server.request("OPTIONS", &path).send().header("allow").unwrap().to_owned();
        assert!(allow.split(", ").any(|method| method == route.method.as_str()), "{allow}");
        let refused = server.request("TRACE", &path).send();
        refused.problem(405, "method-not-allowed");
        assert_eq!(refused.header("allow"), Some(&*allow));
    }
}
