//! Compares the responses of a server with the schemas of its OpenAPI description.

use std::collections::BTreeSet;

use satchel::http::route_table;
use serde_json::{Value, json};

use crate::harness::{ADMIN, Answer, Server, until};

/// The media types of responses in JSON.
const JSON_TYPES: [&str; 2] = ["application/json", "application/problem+json"];

/// The description of a server, and the operations whose responses were checked.
struct Checked {
    document: Value,
    operations: BTreeSet<String>,
}

impl Checked {
    fn new(server: &Server) -> Self {
        let document = server.request("GET", "/rest/openapi.json").send().json();
        Self { document, operations: BTreeSet::new() }
    }

    /// Checks a response of the operation with this id, and returns its body.
    fn check(&mut self, operation: &str, status: u16, answer: &Answer) -> Value {
        let body = answer.json();
        assert_eq!(answer.status, status, "{operation}: {body}");
        let table = route_table();
        let route = table.iter().find(|route| route.description.operation == operation).unwrap();
        let method = route.method.as_str().to_ascii_lowercase();
        let responses = &self.document["paths"][route.pattern][method]["responses"];
        let media_type = answer.header("content-type").unwrap();
        assert!(JSON_TYPES.contains(&media_type), "{operation}: {media_type}");
        let response = responses.get(status.to_string()).unwrap_or(&responses["default"]);
        let response = match response["$ref"].as_str() {
            Some(reference) => self.document.pointer(&reference[1..]).unwrap(),
            None => response,
        };
        let schema = &response["content"][media_type]["schema"];
        assert!(schema.is_object(), "{operation} has no schema for {status}");
        if let Err(fault) = self.fault(schema, &body) {
            panic!("{operation}: {fault}\n{body:#}");
        }
        self.operations.insert(operation.to_owned());
        body
    }

    /// Returns the first difference between a value and a schema of the description: a wrong type or
    /// word, a missing member, or a member that is not described. Knows the words of JSON Schema that
    /// the description uses for structure; formats and limits are not checked.
    fn fault(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let mut known = BTreeSet::new();
        let is_open = self.shape_fault(schema, value, &mut known)?;
        let Some(members) = value.as_object().filter(|_| !is_open) else { return Ok(()) };
        match members.keys().find(|name| !known.contains(*name)) {
            Some(name) => Err(format!("the member {name} is not described")),
            None => Ok(()),
        }
    }

    /// Like [`fault`](Self::fault), but adds the described members to `known` instead of refusing
    /// others, and returns whether the schema allows others.
    fn shape_fault(
        &self,
        schema: &Value,
        value: &Value,
        known: &mut BTreeSet<String>,
    ) -> Result<bool, String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = self.document.pointer(&reference[1..]).unwrap();
            return self.shape_fault(target, value, known);
        }
        let word_fault = |words: &[Value]| {
            if words.contains(value) {
                Ok(())
            } else {
                Err(format!("{value} is none of {words:?}"))
            }
        };
        schema["enum"].as_array().map_or(Ok(()), |words| word_fault(words))?;
        schema.get("const").map_or(Ok(()), |word| word_fault(std::slice::from_ref(word)))?;
        type_fault(&schema["type"], value)?;
        let mut is_open = self.members_fault(schema, value, known)?;
        if let Some(items) = value.as_array() {
            for (index, item) in items.iter().enumerate() {
                let item_schema = schema["prefixItems"].get(index).or(schema.get("items"));
                let fault = item_schema.map_or(Ok(()), |item_schema| self.fault(item_schema, item));
                fault.map_err(|fault| format!("/{index}: {fault}"))?;
            }
        }
        for word in ["oneOf", "anyOf"] {
            let Some(alternatives) = schema[word].as_array() else { continue };
            let mut faults = Vec::new();
            for alternative in alternatives {
                // Every alternative that matches describes members, as `unevaluatedProperties` of
                // JSON Schema has it.
                let mut members = BTreeSet::new();
                match self.shape_fault(alternative, value, &mut members) {
                    Ok(is_open_alternative) => {
                        known.extend(members);
                        is_open |= is_open_alternative;
                    }
                    Err(fault) => faults.push(fault),
                }
            }
            let matching = alternatives.len() - faults.len();
            if matching == 0 || (word == "oneOf" && matching > 1) {
                return Err(format!("{matching} alternatives of {word} match: {faults:?}"));
            }
        }
        Ok(is_open)
    }

    /// Checks the described members of an object, and returns whether others are allowed.
    fn members_fault(
        &self,
        schema: &Value,
        value: &Value,
        known: &mut BTreeSet<String>,
    ) -> Result<bool, String> {
        let Some(members) = value.as_object() else { return Ok(false) };
        for name in schema["required"].as_array().into_iter().flatten() {
            if !members.contains_key(name.as_str().unwrap()) {
                return Err(format!("the member {name} is missing"));
            }
        }
        for (name, member_schema) in schema["properties"].as_object().into_iter().flatten() {
            known.insert(name.clone());
            let Some(member) = members.get(name) else { continue };
            self.fault(member_schema, member).map_err(|fault| format!("/{name}: {fault}"))?;
        }
        let others = &schema["additionalProperties"];
        if others.is_object() {
            for (name, member) in members.iter().filter(|(name, _)| !known.contains(*name)) {
                self.fault(others, member).map_err(|fault| format!("/{name}: {fault}"))?;
            }
        }
        // A schema that says nothing about types allows every value.
        let is_any = schema == true
            || schema.as_object().is_some_and(|schema| {
                !["type", "oneOf", "anyOf"].iter().any(|word| schema.contains_key(*word))
            });
        Ok(is_any || others == true || others.is_object())
    }
}

/// Checks the type of a value: one word, or a list of allowed words.
fn type_fault(types: &Value, value: &Value) -> Result<(), String> {
    let is_of = |word: &Value| match word.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    };
    let is_valid = match types {
        Value::Null => true,
        Value::Array(types) => types.iter().any(is_of),
        one => is_of(one),
    };
    if is_valid { Ok(()) } else { Err(format!("{value} is not of the type {types}")) }
}

fn tokens(server: &Server, checked: &mut Checked) {
    let body = json!({"name": "é>b", "scope": "feeds", "from": "10.0.0.0/8"});
    checked.check("make_token", 201, &post(server, "/rest/tokens", &body));
    checked.check("list_tokens", 200, &get(server, "/rest/tokens"));
    let revoked = server.request("DELETE", "/rest/tokens/%C3%A9%3Eb").login(ADMIN).send();
    checked.check("revoke_token", 200, &revoked);
    // Entries with settings, changes, a token and a failed login.
    server.request("GET", "/rest/count").login(("é>b", "wrong")).send();
    until(|| get(server, "/rest/audit?event=login_failed").json() != json!([]));
    checked.check("list_audit", 200, &get(server, "/rest/audit?limit=1000"));
}

fn sessions(server: &Server, checked: &mut Checked) {
    let begun = server.request("POST", "/rest/session").login(ADMIN).body("").send();
    checked.check("begin_session", 201, &begun);
    checked.check("get_session", 200, &get(server, "/rest/session"));
    let cookie = server.begin_session(ADMIN);
    let of_session = server.request("GET", "/rest/session").session(&cookie).send();
    let state = checked.check("get_session", 200, &of_session);
    checked.check("list_sessions", 200, &get(server, "/rest/sessions"));
    let path = format!("/rest/sessions/{}", state["session"]["id"].as_str().unwrap());
    let ended = server.request("DELETE", &path).login(ADMIN).send();
    checked.check("end_session", 200, &ended);
}

#[test]
fn every_response_in_json_matches_its_schema() {
    let server = Server::start_with(&["--demo"]);
    let mut checked = Checked::new(&server);
    inventory(&server, &mut checked);
    projects(&server, &mut checked);
    backups(&server, &mut checked);
    workbooks(&server, &mut checked);
    jobs(&server, &mut checked);
    problems(&server, &mut checked);
    tokens(&server, &mut checked);
    sessions(&server, &mut checked);
    checked.check("live", 200, &server.request("GET", "/livez").send());
    checked.check("ready", 200, &server.request("GET", "/readyz").send());
    checked.check("is_alive", 200, &server.request("GET", "/rest/is_alive").send());
    checked.check("openapi", 200, &server.request("GET", "/rest/openapi.json").send());

    let table = route_table();
    let in_json = table.iter().filter(|route| {
        let contents = route.description.responses.iter().flat_map(|response| response.content);
        contents.into_iter().any(|content| JSON_TYPES.contains(&content.media_type))
    });
    let in_json: BTreeSet<_> =
        in_json.map(|route| route.description.operation.to_owned()).collect();
    assert_eq!(checked.operations, in_json);
}

#[test]
fn undocumented_and_missing_members_are_found() {
    let server = Server::start();
    let checked = Checked::new(&server);
    let schema = &checked.document["components"]["schemas"]["Alive"];
    let alive = json!({"name": "x", "cluster_id": true});
    assert_eq!(checked.fault(schema, &alive), Ok(()));
    for (wrong, fault) in [
        (json!({"name": "x", "cluster_id": true, "more": 1}), "the member more is not described"),
        (json!({"name": "x"}), "the member \"cluster_id\" is missing"),
        (json!({"name": "x", "cluster_id": 1}), "/cluster_id: 1 is not of the type \"boolean\""),
    ] {
        assert_eq!(checked.fault(schema, &wrong), Err(fault.to_owned()));
    }
}

fn get(server: &Server, path: &str) -> Answer {
    server.request("GET", path).login(ADMIN).send()
}

fn post(server: &Server, path: &str, body: &Value) -> Answer {
    server.request("POST", path).login(ADMIN).json(body).send()
}

/// Checks the responses about instances and the inventory as a whole.
fn inventory(server: &Server, checked: &mut Checked) {
    let path = "/rest/instance/device";
    let device = json!({"name": "Faro 1", "type": "router"});
    checked.check("put_instances", 200, &post(server, path, &device));
    let invalid = json!([{"name": "Faro 2"}, {"name": "Faro 3", "port": "many"}]);
    let part = post(server, &format!("{path}?atomic=false"), &invalid);
    checked.check("put_instances", 206, &part);
    checked.check("put_instances", 422, &post(server, path, &invalid[1]));
    checked.check("list_instances", 200, &get(server, path));
    checked.check("get_instance", 200, &get(server, "/rest/instance/device/Faro%201"));
    checked.check("query_instances", 200, &get(server, "/rest/query/device?name=Faro%201"));
    let search = json!({"type": "device", "columns": ["name", "type"]});
    checked.check("search_instances", 200, &post(server, "/rest/search", &search));
    let text = |method| {
        let request = server.request(method, "/rest/configuration/Faro%201").login(ADMIN);
        request.header("content-type", "text/plain").body("hostname faro\n").send()
    };
    checked.check("put_configuration", 200, &text("PUT"));
    checked.check("post_configuration", 200, &text("POST"));
    let stored = server.request("GET", "/rest/configuration/Faro%201").login(ADMIN);
    let stored = stored.header("accept", "application/json").send();
    assert_eq!(stored.json(), "hostname faro\n");
    checked.check("get_configuration", 200, &stored);
    checked.check("update_all_pools", 200, &post(server, "/rest/update_all_pools", &json!({})));
    checked.check("count_instances", 200, &get(server, "/rest/count"));
    checked.check("list_history", 200, &get(server, "/rest/history"));
    let changes = get(server, "/rest/history?type=device").json();
    for change in changes.as_array().unwrap() {
        let answer = get(server, &format!("/rest/history/{}", change["number"]));
        checked.check("get_change", 200, &answer);
    }
    for after in [0, 2] {
        let answer = get(server, &format!("/rest/changes?after={after}"));
        checked.check("follow_changes", 200, &answer);
    }
    let versions = get(server, "/rest/configuration/Faro%201/history");
    checked.check("list_configurations", 200, &versions);
    checked.check("list_feeds", 200, &get(server, "/feeds"));
    checked.check("get_feed", 200, &get(server, "/feeds/ansible"));
    checked.check("get_feed_host", 200, &get(server, "/feeds/oxidized/faro-1"));
    checked.check("compare_moments", 200, &get(server, "/rest/diff?since=1"));
    let history = get(server, "/rest/instance/device/Faro%201/history");
    checked.check("get_instance_history", 200, &history);
    let deleted = server.request("DELETE", "/rest/instance/device/Faro%201").login(ADMIN).send();
    checked.check("delete_instance", 200, &deleted);
    for dry_run in [true, false] {
        let names = json!({"type": "device", "names": ["Faro 2", "\u{e4}\"%"], "dry_run": dry_run});
        checked.check("delete_instances", 200, &post(server, "/rest/delete", &names));
    }
    checked.check("verify", 200, &post(server, "/rest/verify", &json!({})));
    checked.check("get_state", 200, &get(server, "/rest/state"));
}

/// Checks the responses about projects, and those of an undo.
fn projects(server: &Server, checked: &mut Checked) {
    let export = json!({"name": "sites", "import_export_types": ["device", "link", "user"]});
    checked.check("export_project", 200, &post(server, "/rest/migrate/export", &export));
    let bundle = get(server, "/rest/migrate/projects/sites").body;
    for status in [201, 200] {
        let request = server.request("PUT", "/rest/migrate/projects/copy").login(ADMIN);
        checked.check("upload_project", status, &request.body(bundle.clone()).send());
    }
    checked.check("list_projects", 200, &get(server, "/rest/migrate/projects"));
    let device = json!({"name": "Faro 4", "vendor": "Nokia"});
    checked.check("put_instances", 200, &post(server, "/rest/instance/device", &device));
    for dry_run in [true, false] {
        let import = json!({
            "name": "copy",
            "import_export_types": ["device", "link", "user"],
            "empty_database_before_import": true,
            "dry_run": dry_run,
        });
        let answer = post(server, "/rest/migrate/import", &import);
        let report = checked.check("import_project", 200, &answer);
        checked.check("get_report", 200, &get(server, report["report"].as_str().unwrap()));
    }
    for query in ["?dry_run", ""] {
        let answer = post(server, &format!("/rest/undo{query}"), &json!({}));
        checked.check("undo", 200, &answer);
    }
    checked.check("get_state", 200, &get(server, "/rest/state"));
}

/// Checks the responses about backups.
fn backups(server: &Server, checked: &mut Checked) {
    for history in [true, false] {
        let body = json!({"name": format!("b {history}"), "history": history});
        checked.check("create_backup", 200, &post(server, "/rest/backup", &body));
    }
    let verified = post(server, "/rest/backups/b%20true/verify", &json!({}));
    checked.check("verify_backup", 200, &verified);
    let file = get(server, "/rest/backups/b%20true").body;
    let uploaded = server.request("PUT", "/rest/backups/up").login(ADMIN).body(file).send();
    checked.check("upload_backup", 201, &uploaded);
    let body = json!({"backup": "up", "dry_run": true});
    let plan = checked.check("restore", 200, &post(server, "/rest/restore", &body))["plan"].clone();
    let body = json!({"backup": "up", "plan": plan});
    checked.check("restore", 200, &post(server, "/rest/restore", &body));
    std::fs::write(server.data().join("backups/damaged.zip"), "PK").unwrap();
    let list = checked.check("list_backups", 200, &get(server, "/rest/backups"));
    let problems =
        list["backups"].as_array().unwrap().iter().filter(|one| !one["problem"].is_null());
    assert_eq!(problems.count(), 1, "{list}");
}

/// Checks the responses about workbooks.
fn workbooks(server: &Server, checked: &mut Checked) {
    let export = json!({"name": "sites.xlsx"});
    checked.check("export_topology", 200, &post(server, "/rest/topology/export", &export));
    checked.check("list_workbooks", 200, &get(server, "/rest/topology/workbooks"));
    let table = "name,port,rack,venndor,id\nFaro 5,22,R1,x,7\nFaro 6,many,R2,y,8\n";
    for (on_error, status) in [("skip", 206), ("fail", 422)] {
        let query = format!("?kind=device&replace=false&on_error={on_error}");
        let request = server.request("POST", &format!("/rest/topology/import{query}"));
        let request = request.login(ADMIN).header("content-type", "text/csv");
        let report = checked.check("import_topology", status, &request.body(table).send());
        let path = report["report"].as_str().unwrap();
        let answer = get(server, path);
        checked.check("get_topology_report", 200, &answer);
    }
}

/// Checks the responses about jobs.
fn jobs(server: &Server, checked: &mut Checked) {
    checked.check("list_jobs", 200, &get(server, "/rest/jobs"));
    let request = server.request("POST", "/rest/verify").login(ADMIN);
    let started = request.header("prefer", "respond-async").json(&json!({})).send();
    checked.check("verify", 202, &started);
    let list = get(server, "/rest/jobs").json();
    let states: BTreeSet<_> =
        list["jobs"].as_array().unwrap().iter().map(|job| job["state"].as_str().unwrap()).collect();
    assert!(states.contains("finished") && states.contains("failed"), "{states:?}");
    for job in list["jobs"].as_array().unwrap() {
        let path = format!("/rest/jobs/{}", job["id"].as_str().unwrap());
        checked.check("get_job", 200, &get(server, &path));
    }
    let failed = list["jobs"].as_array().unwrap().iter().find(|job| job["state"] == "failed");
    let path = format!("/rest/jobs/{}", failed.unwrap()["id"].as_str().unwrap());
    let late = server.request("DELETE", &path).login(ADMIN).send();
    checked.check("cancel_job", 409, &late);
}

/// Checks the responses to requests that fail: one for each form of the entries of `errors`.
fn problems(server: &Server, checked: &mut Checked) {
    checked.check("get_instance", 401, &server.request("GET", "/rest/instance/device/x").send());
    checked.check("get_instance", 404, &get(server, "/rest/instance/device/Nobody%22%C3%A4"));
    let unknown = checked.check("list_instances", 404, &get(server, "/rest/instance/devise"));
    assert_eq!(unknown["errors"][0]["nearest"], "device");
    let search = json!({"type": "device", "columns": ["name"], "coloumns": 1, "start": -1});
    checked.check("search_instances", 400, &post(server, "/rest/search", &search));
    let criteria = json!({"name": "a(", "name_filter": "regex"});
    let search = json!({"type": "device", "columns": ["name"], "search_criteria": criteria});
    let refused = checked.check("search_instances", 400, &post(server, "/rest/search", &search));
    assert!(refused["errors"][0]["position"].is_u64());
    let cut = server.request("POST", "/rest/search").login(ADMIN);
    let cut = cut.header("content-type", "application/json").body("{\n\"type\"").send();
    let cut = checked.check("search_instances", 400, &cut);
    assert_eq!(cut["errors"][0]["line"], 2);

    let put = |path: &str, body: &str| {
        let request = server.request("PUT", path).login(ADMIN);
        request.header("content-type", "application/zip").body(body.to_owned()).send()
    };
    let bundle = put("/rest/migrate/projects/broken", "PK no archive");
    let bundle = checked.check("upload_project", 422, &bundle);
    assert!(bundle["errors"][0]["rule"].is_string() && bundle["errors"][0]["entry"].is_null());
    let import = |query: &str, table: &str| {
        let request = server.request("POST", &format!("/rest/topology/import?{query}"));
        request.login(ADMIN).header("content-type", "text/csv").body(table.to_owned()).send()
    };
    let refused = import("", "PK no workbook");
    let refused = checked.check("import_topology", 422, &refused);
    assert!(refused["errors"][0]["rule"].is_string());
    let empty = import("kind=device&replace=true", "name\n");
    let empty = checked.check("import_topology", 422, &empty);
    assert!(empty["errors"][0]["removed"].is_u64(), "{empty}");
}
