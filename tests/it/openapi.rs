//! The OpenAPI description, requested from a server.

use std::collections::BTreeSet;

use satchel::access::Right;
use satchel::http::route_table;
use satchel::model::Kind;

use crate::harness::Server;

#[test]
fn the_description_matches_the_route_table() {
    let server = Server::start();
    let answer = server.request("GET", "/rest/openapi.json").send();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");

    let mut described = BTreeSet::new();
    for (pattern, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            described.insert((method.to_ascii_uppercase(), pattern.clone()));
            let answers = operation["responses"].as_object().unwrap();
            let granted = |status: &String| status.starts_with(['2', '3']);
            assert!(answers.keys().any(granted), "{method} {pattern}");
            assert!(answers.contains_key("default"), "{method} {pattern}");
        }
    }
    let table = route_table();
    let routes = table.iter().map(|route| (route.method.to_string(), route.pattern.to_owned()));
    assert_eq!(described, routes.collect());

    for route in route_table().iter() {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &document["paths"][route.pattern][method];
        let needs_login = !operation["security"].as_array().unwrap().is_empty();
        assert_eq!(needs_login, route.right != Right::Public, "{}", route.pattern);
    }
    for kind in Kind::ALL {
        let schema = &document["components"]["schemas"][kind.as_str()];
        assert_eq!(schema["properties"]["name"]["maxLength"], 255, "{kind}");
    }
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["device"]["properties"]["port"]["default"], 22);
    assert_eq!(schemas["user"]["properties"]["password"]["writeOnly"], true);

    let etag = answer.header("etag").unwrap();
    let again = server.request("GET", "/rest/openapi.json").header("If-None-Match", etag).send();
    assert_eq!(again.status, 304);
}
