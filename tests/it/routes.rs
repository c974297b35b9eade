//! The rules of the route table, checked for every route.

use satchel::access::{Right, Rights};
use satchel::http::{paths, route_table};

use serde_json::json;

use crate::harness::{ADMIN, GUEST, Server};

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

/// Sends a request to every route as every role. A route answers 401 or 403 exactly if the role does
/// not have its right.
fn check_matrix(server: &Server, roles: &[Role]) {
    for route in route_table().iter() {
        for (login, rights) in roles {
            let mut path = path(route.pattern);
            if route.pattern == "/rest/undo" {
                // It would remove the user that was created last.
                path += "?dry_run";
            }
            let mut request = server.request(route.method.as_str(), &path).body("");
            if let Some(login) = login {
                request = request.login(*login);
            }
            let answer = request.send();
            let who = (&route.method, route.pattern, login.map(|(name, _)| name));
            let is_refused = matches!(answer.status, 401 | 403);
            assert_eq!(is_refused, !rights.contains(route.right), "{who:?} {}", answer.status);
            assert!(answer.status < 500 && answer.status != 405, "{who:?} {}", answer.status);
            if !is_refused {
                continue;
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
