//! Tests of lists, queries and searches over REST.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::harness::{ADMIN, GUEST, Server, until};
use crate::inventory::{ask, encode, get, names, post, put, put_devices, queried, shown};

/// The number of rows for a stream: each row has about 2 KB.
const MANY: usize = 2000;

fn search(server: &Server, body: &Value) -> Value {
    let answer = ask(server, "POST", "/rest/search").json(body).send();
    assert_eq!(answer.status, 200, "{}", shown(&answer));
    answer.json()
}

#[test]
fn a_list_has_pages_columns_and_orders() {
    let server = Server::start();
    put_devices(&server, 30);
    let all = ask(&server, "GET", "/rest/instance/device").send();
    assert_eq!(all.header("x-total-count"), Some("30"));
    assert_eq!(all.header("content-type"), Some("application/json"));
    assert_eq!(names(&all.json()).len(), 30);

    let page = |query: &str| get(&server, &format!("/rest/instance/device?{query}"));
    assert_eq!(names(&page("start=10&limit=3")), ["d 0010", "d 0011", "d 0012"]);
    assert_eq!(names(&page("start=29")), ["d 0029"]);
    assert_eq!(page("start=30"), json!([]));
    assert_eq!(page("limit=0"), json!([]));
    for order in ["-port", "port:desc"] {
        assert_eq!(names(&page(&format!("order={order}&limit=2"))), ["d 0029", "d 0028"]);
    }
    assert_eq!(names(&page("order=name:asc&limit=1")), ["d 0000"]);
    let columns = page("columns=port,name&limit=2");
    assert_eq!(columns, json!([{"port": 0, "name": "d 0000"}, {"port": 1, "name": "d 0001"}]));
    assert_eq!(columns, page("columns=port&columns=name&limit=2"));
    for (query, place, nearest) in
        [("columns=name,vendr", "columns", "vendor"), ("order=-vendr", "order", "vendor")]
    {
        let answer = ask(&server, "GET", &format!("/rest/instance/device?{query}")).send();
        let problem = answer.problem(400, "unknown-property");
        let error = &problem["errors"][0];
        assert_eq!(error["query_parameter"], place, "{problem}");
        assert_eq!(error["nearest"], nearest, "{problem}");
    }
}

#[test]
fn a_long_list_is_streamed_completely() {
    let server = Server::start();
    put_devices(&server, MANY);
    let list = ask(&server, "GET", "/rest/instance/device").send();
    assert_eq!(list.header("transfer-encoding"), Some("chunked"));
    assert_eq!(list.header("x-total-count"), Some(&*MANY.to_string()));
    assert_eq!(list.json().as_array().unwrap().len(), MANY);

    let lines = ask(&server, "GET", "/rest/instance/device");
    let lines = lines.header("Accept", "application/x-ndjson").send();
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(lines.header("vary"), Some("accept"));
    let text = String::from_utf8(lines.body).unwrap();
    assert!(text.ends_with('\n'));
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(rows.into_iter().collect::<Value>(), list.json());
    // The same by a query, and by a search.
    let queried = ask(&server, "GET", "/rest/query/device?type=device").send();
    assert_eq!(queried.json(), list.json());
    let all = json!({"type": "device", "columns": ["name", "description"],
        "maximum_return_records": MANY});
    assert_eq!(search(&server, &all).as_array().unwrap().len(), MANY);
}

#[test]
fn a_client_that_disconnects_ends_its_stream() {
    let server = Server::start();
    put_devices(&server, MANY);
    let request = server.request("GET", "/rest/instance/device").login(ADMIN).head();
    for _ in 0..40 {
        // More requests than permits for streams, in case a permit is not released.
        let mut connection = server.connect();
        connection.send(request.as_bytes());
        assert_eq!(connection.status(), Some(200));
    }
    until(|| {
        let log = server.log();
        let aborted = log.iter().filter(|line| line["message"] == "the response was aborted");
        aborted.count() == 40
    });
    assert_eq!(names(&get(&server, "/rest/instance/device")).len(), MANY);
}

#[test]
fn slow_clients_do_not_delay_point_reads() {
    let server = Server::start();
    put_devices(&server, 4 * MANY);
    let request = server.request("GET", "/rest/instance/device").login(ADMIN).head();
    let mut slow: Vec<_> = (0..40)
        .map(|_| {
            let mut connection = server.connect();
            connection.send(request.as_bytes());
            connection
        })
        .collect();
    // A user has eight places for long responses; the others get 503.
    let mut statuses: HashMap<u16, usize> = HashMap::new();
    for connection in &mut slow {
        *statuses.entry(connection.status().unwrap()).or_default() += 1;
    }
    assert_eq!(statuses, HashMap::from([(200, 8), (503, 32)]));
    for _ in 0..20 {
        get(&server, "/rest/instance/device/d%200001");
        put(&server, "device", &json!({"name": "d 0001"}));
        assert_eq!(get(&server, "/rest/instance/device?limit=2").as_array().unwrap().len(), 2);
    }
}

#[test]
fn a_query_converts_by_the_type_of_the_property() {
    let server = Server::start();
    put_devices(&server, 6);
    put(&server, "device", &json!({"name": "R 1%", "port": 22, "rack": "7 [a]", "type": "router"}));
    put(&server, "device", &json!({"name": "default"}));
    put(&server, "link", &json!({"name": "l", "source_name": "R 1%", "destination": "default"}));
    let find = |query: &str| queried(&server, "device", query);
    assert_eq!(find("port=22"), ["R 1%", "default"]);
    assert_eq!(find("port=3&vendor=Juniper"), ["d 0003"]);
    assert_eq!(find("port=3&vendor=Cisco"), [""; 0]);
    assert_eq!(find("name=R+1%25"), ["R 1%"]);
    assert_eq!(find(&format!("rack={}", encode("7 [a]"))), ["R 1%"]);
    assert_eq!(find("type=router"), ["R 1%"]);
    assert_eq!(find("vendor=Cisco"), ["d 0000", "d 0002", "d 0004"]);
    let answer = ask(&server, "GET", "/rest/query/device?vendor=Cisco").send();
    assert_eq!(answer.header("x-total-count"), Some("3"));
    for query in ["source_name=R+1%25", "source=R+1%25", "destination_name=default"] {
        assert_eq!(queried(&server, "link", query), ["l"], "{query}");
    }
    let answer = ask(&server, "GET", "/rest/query/device?name=a&vendr=b").send();
    let problem = answer.problem(400, "unknown-property");
    let error = &problem["errors"][0];
    assert_eq!((&error["query_parameter"], &error["nearest"]), (&json!("vendr"), &json!("vendor")));
    let answer = ask(&server, "GET", "/rest/query/device?port=many").send();
    let problem = answer.problem(400, "wrong-value");
    assert_eq!(problem["errors"][0]["query_parameter"], "port");
    assert_eq!(problem["errors"][0]["value"], "many");
}

#[test]
fn the_search_of_the_manual_is_answered() {
    let server = Server::start();
    for name in ["R 1%", "[Shared] x", "é>b"] {
        let configuration = format!("hostname {name}\ninterface Gi0\n shutdown\n");
        put(&server, "device", &json!({"name": name, "configuration": configuration}));
    }
    put(&server, "device", &json!({"name": "none"}));
    let found = search(
        &server,
        &json!({
            "type": "device",
            "columns": ["name", "ip_address", "configuration", "configuration_matches"],
            "maximum_return_records": 2,
            "search_criteria": {
                "configuration_filter": "inclusion", "configuration": "INTERFACE",
            },
            "order": [{"column": 0, "dir": "asc"}],
        }),
    );
    assert_eq!(names(&found), ["R 1%", "[Shared] x"]);
    let first = found[0].as_object().unwrap();
    let columns: Vec<_> = first.keys().collect();
    assert_eq!(columns.len(), 4, "{columns:?}");
    assert!(first["configuration"].as_str().unwrap().starts_with("hostname R 1%"));
    let matches = first["configuration_matches"].to_string();
    assert!(matches.contains("interface Gi0") && matches.contains('2'), "{matches}");
    assert!(!matches.contains("hostname"), "{matches}");
}

#[test]
fn a_search_filters_orders_and_pages() {
    let server = Server::start();
    put_devices(&server, 30);
    put(&server, "device", &json!({"name": "R 1%", "vendor": "", "model": "C9300"}));
    let ask_for = |criteria: Value, more: Value| {
        let mut body = json!({"type": "device", "columns": ["name", "port"],
            "search_criteria": criteria});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = ask(&server, "POST", "/rest/search").json(&body).send();
        assert_eq!(answer.status, 200, "{}", shown(&answer));
        let total = answer.header("x-total-count").unwrap().parse::<u64>().unwrap();
        assert_eq!(answer.header("x-kind-count"), Some("31"));
        (names(&answer.json()), total)
    };
    // The default is ten.
    let (found, total) = ask_for(json!({"vendor": "CISCO"}), json!({}));
    assert_eq!((found.len(), total), (10, 15));
    let page = json!({"start": 14, "maximum_return_records": 5});
    assert_eq!(ask_for(json!({"vendor": "cisco"}), page), (vec!["d 0028".to_owned()], 15));
    let (found, _) = ask_for(json!({"name": "R 1%", "name_filter": "equality"}), json!({}));
    assert_eq!(found, ["R 1%"]);
    let (found, _) = ask_for(json!({"model": "^c9\\d00$", "model_filter": "regex"}), json!({}));
    assert_eq!(found, [""; 0]);
    let (found, _) = ask_for(json!({"model": "^C9\\d00$", "model_filter": "regex"}), json!({}));
    assert_eq!(found, ["R 1%"]);
    let (found, _) = ask_for(json!({"vendor_filter": "empty"}), json!({}));
    assert_eq!(found, ["R 1%"]);
    let (found, _) = ask_for(json!({"vendor": "i", "vendor_invert": true}), json!({}));
    assert_eq!(found, ["R 1%"]);
    let descending = json!({"order": [{"column": 1, "dir": "desc"}], "maximum_return_records": 2});
    assert_eq!(ask_for(json!({"name": "d 0"}), descending).0, ["d 0029", "d 0028"]);
    let (found, total) = ask_for(json!({}), json!({"maximum_return_records": 0}));
    assert_eq!((found.len(), total), (0, 31));
}

#[test]
fn an_invalid_search_is_400_with_its_location() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "R 1%"}));
    let post = |body: Value| ask(&server, "POST", "/rest/search").json(&body).send();
    let problem = post(json!({
        "type": "device",
        "columns": ["name"],
        "search_criteria": {"vendor": "a(b", "vendor_filter": "regex"},
    }));
    let problem = problem.problem(400, "wrong-expression");
    let error = &problem["errors"][0];
    assert_eq!(error["pointer"], "/search_criteria/vendor", "{problem}");
    assert!(error["position"].as_u64().unwrap() >= 1, "{problem}");

    for (body, pointer) in [
        (json!({"type": "device", "columns": ["name", "vendr"]}), "/columns/1"),
        (
            json!({"type": "device", "columns": ["name"], "search_criteria": {"vendr": "x"}}),
            "/search_criteria/vendr",
        ),
        (
            json!({"type": "device", "columns": ["name"], "order": [{"column": "vendr"}]}),
            "/order/0/column",
        ),
    ] {
        let problem = post(body).problem(400, "unknown-property");
        let error = &problem["errors"][0];
        assert_eq!((&error["pointer"], &error["nearest"]), (&json!(pointer), &json!("vendor")));
    }
    for (body, pointer) in [
        (json!({"type": "divice", "columns": ["name"]}), "/type"),
        (json!({"type": "device"}), "/columns"),
        (json!({"type": "device", "columns": ["name"], "serach_criteria": {}}), "/serach_criteria"),
        (json!({"type": "device", "columns": ["name"], "start": -1}), "/start"),
    ] {
        let problem = post(body).problem(400, "malformed-body");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    // An expression that is slow elsewhere is not slow here.
    let name = "a".repeat(255);
    put(&server, "device", &json!({"name": name, "description": "a".repeat(100_000)}));
    let found = search(
        &server,
        &json!({
            "type": "device",
            "columns": ["name"],
            "search_criteria": {"description": "(a+)+(a|aa)*b$", "description_filter": "regex"},
        }),
    );
    assert_eq!(found, json!([]));
}

#[test]
fn a_guest_reads_and_changes_nothing() {
    let server = Server::start();
    put(&server, "user", &json!({"name": "guest", "is_admin": false, "password": GUEST.1}));
    let guest = |method: &str, path: &str| {
        server.request(method, path).login(crate::harness::GUEST).json(&json!({"name": "a"})).send()
    };
    for path in ["/rest/instance/user/guest", "/rest/instance/user", "/rest/query/user?name=guest"]
    {
        assert_eq!(guest("GET", path).status, 200, "{path}");
    }
    for (method, path) in [
        ("POST", "/rest/instance/device"),
        ("DELETE", "/rest/instance/user/guest"),
        ("PUT", "/rest/configuration/a"),
        ("POST", "/rest/update_all_pools"),
    ] {
        guest(method, path).problem(403, "forbidden");
    }
    let search = json!({"type": "user", "columns": ["name"]});
    let answer = server.request("POST", "/rest/search").login(crate::harness::GUEST).json(&search);
    assert_eq!(answer.send().status, 200);
    assert_eq!(post(&server, "device", &json!({"name": "a"})).status, 200);
}
