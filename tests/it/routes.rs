//! The rules of the route table, checked for every route.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use satchel::http::{Access, route_table};

use serde_json::json;

use crate::harness::{ADMIN, GUEST, Server};
use crate::project::{documents, imported, put_folder};

/// A path that matches the pattern.
fn path(pattern: &str) -> String {
    let segments = pattern
        .split('/')
        .map(|segment| if segment.starts_with('{') { "nothing" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// Creates a user who is not an administrator, by importing a project.
fn admit_guest(server: &Server) {
    let hash = STANDARD.encode(satchel::access::hash_password(GUEST.1).unwrap().as_bytes());
    let user = format!("- {{name: {}, is_admin: false, password: {hash:?}}}\n", GUEST.0);
    put_folder(server, "guest", &documents(&[("user", &user)]));
    imported(server, "guest", json!({"import_export_types": ["user"]}));
}

#[test]
fn anonymous_access_is_refused_unless_the_route_allows_it() {
    let server = Server::start();
    admit_guest(&server);
    for route in route_table().iter() {
        let ask = || server.request(route.method.as_str(), &path(route.pattern)).body("");
        match route.access {
            // There is no page `nothing`, and `/docs` redirects.
            Access::Anonymous => {
                let status = ask().send().status;
                assert!(matches!(status, 200 | 308 | 404), "{} {status}", route.pattern);
            }
            Access::Authenticated | Access::Administrator => {
                let answer = ask().send();
                answer.problem(401, "unauthenticated");
                let challenge = answer.header("www-authenticate").unwrap();
                assert_eq!(challenge, "Basic realm=\"satchel\", charset=\"UTF-8\"");
            }
        }
        if route.access == Access::Administrator {
            ask().login(GUEST).send().problem(403, "forbidden");
        }
    }
}

#[test]
fn every_route_answers_an_administrator() {
    let server = Server::start();
    for route in route_table().iter() {
        let method = route.method.as_str();
        let answer = server.request(method, &path(route.pattern)).login(ADMIN).body("").send();
        assert!(!matches!(answer.status, 401 | 403 | 405 | 500..), "{method} {}", route.pattern);
    }
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
