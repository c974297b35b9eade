//! Generates the REST reference from the description of the routes, with an example of each call.

use std::fmt::Write;

use satchel::http::{describe, route_table};
use serde_json::Value;

use super::generated::Outputs;
use crate::harness::Server;

/// Example calls of each operation, in the order of the page. They are run in this order with the
/// sample inventory. No command is repeated, because outputs are found by their command.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "list_instances",
        &[
            "curl -u admin:admin \\\n    'http://127.0.0.1:8080/rest/instance/device?columns=name,vendor&order=-name&limit=2'",
            "curl -u admin:admin -H 'accept: application/x-ndjson' \\\n    'http://127.0.0.1:8080/rest/instance/network?columns=name'",
        ],
    ),
    (
        "put_instances",
        &[
            "curl -u admin:admin -H 'content-type: application/json' \\\n    http://127.0.0.1:8080/rest/instance/device \\\n    -d '{\"name\": \"Faro 1\", \"type\": \"router\", \"vendor\": \"Nokia\", \"ip_address\": \"10.9.0.1\"}'",
            "curl -u admin:admin -H 'content-type: application/json' \\\n    http://127.0.0.1:8080/rest/instance/device \\\n    -d '{\"name\": \"Faro 1\", \"new_name\": \"Faro 2\"}'",
        ],
    ),
    (
        "get_instance",
        &[
            "curl -u admin:admin http://127.0.0.1:8080/rest/instance/group/Auditors",
            "curl -u admin:admin 'http://127.0.0.1:8080/rest/instance/device/Faro%201?at=3'",
        ],
    ),
    (
        "query_instances",
        &["curl -u admin:admin 'http://127.0.0.1:8080/rest/query/device?vendor=Nokia&port=22'"],
    ),
    (
        "search_instances",
        &[
            "curl -u admin:admin -H 'content-type: application/json' \\\n    http://127.0.0.1:8080/rest/search \\\n    -d '{\"type\": \"device\", \"columns\": [\"name\", \"ip_address\"], \"search_criteria\": {\"name\": \"core\"}, \"maximum_return_records\": 2}'",
        ],
    ),
    (
        "delete_instances",
        &[
            "curl -u admin:admin -H 'content-type: application/json' \\\n    http://127.0.0.1:8080/rest/delete \\\n    -d '{\"type\": \"device\", \"names\": [\"Porto core 1\", \"Porto core 9\"], \"dry_run\": true}'",
        ],
    ),
    (
        "put_configuration",
        &[
            "printf 'hostname faro\\ninterface Loopback0\\n' > faro.cfg",
            "curl -u admin:admin -T faro.cfg \\\n    http://127.0.0.1:8080/rest/configuration/Faro%202",
        ],
    ),
    (
        "post_configuration",
        &[
            "curl -u admin:admin -H 'content-type: text/plain' --data-binary @faro.cfg \\\n    http://127.0.0.1:8080/rest/configuration/Faro%202",
        ],
    ),
    (
        "get_configuration",
        &["curl -u admin:admin http://127.0.0.1:8080/rest/configuration/Faro%202"],
    ),
    (
        "list_configurations",
        &["curl -u admin:admin http://127.0.0.1:8080/rest/configuration/Faro%202/history"],
    ),
    (
        "compare_configurations",
        &["curl -u admin:admin http://127.0.0.1:8080/rest/configuration/Faro%202/diff"],
    ),
    (
        "list_history",
        &["curl -u admin:admin 'http://127.0.0.1:8080/rest/history?type=device&limit=2'"],
    ),
    ("get_change", &["curl -u admin:admin http://127.0.0.1:8080/rest/history/4"]),
    (
        "get_instance_history",
        &[
            "curl -u admin:admin 'http://127.0.0.1:8080/rest/instance/device/Faro%202/history?limit=1'",
        ],
    ),
    ("list_audit", &["curl -u admin:admin 'http://127.0.0.1:8080/rest/audit?event=start'"]),
    (
        "follow_changes",
        &["curl -u admin:admin 'http://127.0.0.1:8080/rest/changes?after=4&wait=30'"],
    ),
    ("compare_moments", &["curl -u admin:admin 'http://127.0.0.1:8080/rest/diff?since=4'"]),
    (
        "update_all_pools",
        &["curl -u admin:admin -X POST http://127.0.0.1:8080/rest/update_all_pools"],
    ),
    ("get_state", &["curl -u admin:admin http://127.0.0.1:8080/rest/state"]),
    ("verify", &["curl -u admin:admin -X POST http://127.0.0.1:8080/rest/verify"]),
    ("undo", &["curl -u admin:admin -X POST 'http://127.0.0.1:8080/rest/undo?dry_run'"]),
    (
        "list_feeds",
        &[
            "curl -u admin:admin http://127.0.0.1:8080/feeds \\\n    | python3 -c 'import json, sys; print([f[\"name\"] for f in json.load(sys.stdin)[\"feeds\"]])'",
        ],
    ),
    ("get_feed", &["curl -u admin:admin 'http://127.0.0.1:8080/feeds/hosts?vendor=Cisco'"]),
    ("get_feed_host", &["curl -u admin:admin http://127.0.0.1:8080/feeds/oxidized/lisbon-core-1"]),
    ("count_instances", &["curl -u admin:admin http://127.0.0.1:8080/rest/count"]),
    (
        "delete_instance",
        &["curl -u admin:admin -X DELETE http://127.0.0.1:8080/rest/instance/device/Faro%202"],
    ),
    (
        "export_project",
        &[
            "curl -u admin:admin -H 'content-type: application/json' \\\n    http://127.0.0.1:8080/rest/migrate/export \\\n    -d '{\"name\": \"sites\", \"import_export_types\": [\"device\", \"link\"]}'",
        ],
    ),
    ("list_projects", &["curl -u admin:admin http://127.0.0.1:8080/rest/migrate/projects"]),
    (
        "download_project",
        &["curl -u admin:admin -o sites.zip http://127.0.0.1:8080/rest/migrate/projects/sites"],
    ),
    (
        "upload_project",
        &["curl -u admin:admin -T sites.zip http://127.0.0.1:8080/rest/migrate/projects/copy"],
    ),
    (
        "import_project",
        &[
            "curl -u admin:admin -H 'content-type: application/json' \\\n    http://127.0.0.1:8080/rest/migrate/import \\\n    -d '{\"name\": \"copy\", \"import_export_types\": [\"device\", \"link\"]}' | tee report.json",
        ],
    ),
    (
        "get_report",
        &[
            "report=$(python3 -c 'import json; print(json.load(open(\"report.json\"))[\"report\"])')",
            "curl -u admin:admin http://127.0.0.1:8080$report",
        ],
    ),
    (
        "delete_project",
        &["curl -u admin:admin -X DELETE http://127.0.0.1:8080/rest/migrate/projects/copy"],
    ),
    (
        "create_backup",
        &[
            "curl -u admin:admin -H 'content-type: application/json' \\\n    http://127.0.0.1:8080/rest/backup \\\n    -d '{\"name\": \"nightly\"}'",
        ],
    ),
    (
        "list_backups",
        &[
            "curl -u admin:admin http://127.0.0.1:8080/rest/backups \\\n    | python3 -c 'import json, sys; print([b[\"name\"] for b in json.load(sys.stdin)[\"backups\"]])'",
        ],
    ),
    (
        "download_backup",
        &["curl -u admin:admin -o nightly.zip http://127.0.0.1:8080/rest/backups/nightly"],
    ),
    (
        "verify_backup",
        &["curl -u admin:admin -X POST http://127.0.0.1:8080/rest/backups/nightly/verify"],
    ),
    (
        "upload_backup",
        &[
            "curl -u admin:admin -T nightly.zip http://127.0.0.1:8080/rest/backups/copy \\\n    | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"name\"])'",
        ],
    ),
    (
        "restore",
        &[
            "plan=$(curl -u admin:admin -H 'content-type: application/json' \\\n    http://127.0.0.1:8080/rest/restore -d '{\"backup\": \"nightly\", \"dry_run\": true}' \\\n    | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"plan\"])')",
            "curl -u admin:admin -H 'content-type: application/json' \\\n    http://127.0.0.1:8080/rest/restore -d '{\"backup\": \"nightly\", \"plan\": \"'$plan'\"}' \\\n    | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"summary\"])'",
        ],
    ),
    (
        "delete_backup",
        &["curl -u admin:admin -X DELETE http://127.0.0.1:8080/rest/backups/nightly"],
    ),
    (
        "send_backup",
        &["curl -u admin:admin -o satchel.zip 'http://127.0.0.1:8080/rest/backup?history=false'"],
    ),
    (
        "export_topology",
        &[
            "curl -u admin:admin -H 'content-type: application/json' \\\n    http://127.0.0.1:8080/rest/topology/export \\\n    -d '{\"name\": \"sites.xlsx\"}'",
            "curl -u admin:admin -d name=devices.xlsx -d template=true \\\n    http://127.0.0.1:8080/rest/topology/export",
        ],
    ),
    ("list_workbooks", &["curl -u admin:admin http://127.0.0.1:8080/rest/topology/workbooks"]),
    (
        "download_workbook",
        &[
            "curl -u admin:admin -o sites.xlsx \\\n    http://127.0.0.1:8080/rest/topology/workbooks/sites.xlsx",
        ],
    ),
    (
        "import_topology",
        &[
            "curl -u admin:admin -F file=@sites.xlsx -F replace=false \\\n    http://127.0.0.1:8080/rest/topology/import",
            "printf 'name,port\\nFaro 1,many\\n' > wrong.csv",
            "curl -u admin:admin -F file=@wrong.csv -F kind=device -F replace=false \\\n    http://127.0.0.1:8080/rest/topology/import | tee report.json",
        ],
    ),
    (
        "get_topology_report",
        &[
            "wrong=$(python3 -c 'import json; print(json.load(open(\"report.json\"))[\"report\"])')",
            "curl -u admin:admin http://127.0.0.1:8080$wrong",
        ],
    ),
    (
        "get_marked_workbook",
        &["curl -u admin:admin -o marked http://127.0.0.1:8080$wrong/workbook"],
    ),
    (
        "delete_workbook",
        &["curl -u admin:admin -X DELETE http://127.0.0.1:8080/rest/topology/workbooks/sites.xlsx"],
    ),
    (
        "make_token",
        &[
            "curl -u admin:admin -H 'content-type: application/json' \\\n    http://127.0.0.1:8080/rest/tokens \\\n    -d '{\"name\": \"prometheus\", \"scope\": \"feeds\", \"from\": \"127.0.0.0/8\"}'",
        ],
    ),
    ("list_tokens", &["curl -u admin:admin http://127.0.0.1:8080/rest/tokens"]),
    (
        "revoke_token",
        &["curl -u admin:admin -X DELETE http://127.0.0.1:8080/rest/tokens/prometheus"],
    ),
    (
        "begin_session",
        &[
            "curl -c cookies -H 'content-type: application/json' \\\n    http://127.0.0.1:8080/rest/session \\\n    -d '{\"name\": \"admin\", \"password\": \"admin\"}'",
        ],
    ),
    (
        "change_password",
        &[
            "curl -u admin:admin -X PUT -H 'content-type: application/json' \\\n    http://127.0.0.1:8080/rest/password \\\n    -d '{\"password\": \"admin\", \"new_password\": \"too short\"}'",
        ],
    ),
    ("get_session", &["curl -b cookies http://127.0.0.1:8080/rest/session"]),
    ("list_sessions", &["curl -b cookies http://127.0.0.1:8080/rest/sessions"]),
    (
        "end_session",
        &["curl -u admin:admin -X DELETE http://127.0.0.1:8080/rest/sessions/0123456789abcdef"],
    ),
    (
        "log_out",
        &[
            "curl -b cookies -H 'X-Satchel-Request: 1' -w '%{http_code}\\n' -X DELETE http://127.0.0.1:8080/rest/session",
        ],
    ),
    ("list_jobs", &["curl -u admin:admin http://127.0.0.1:8080/rest/jobs"]),
    (
        "get_job",
        &[
            "curl -u admin:admin -D - -o job.json -H 'prefer: respond-async' \\\n    -H 'content-type: application/json' \\\n    http://127.0.0.1:8080/rest/migrate/export \\\n    -d '{\"name\": \"nightly\", \"import_export_types\": [\"device\", \"link\"]}' \\\n    | grep -E '^(HTTP|location|preference)'",
            "job=$(python3 -c 'import json; print(json.load(open(\"job.json\"))[\"id\"])')",
            "curl -u admin:admin -N -H 'accept: text/event-stream' \\\n    http://127.0.0.1:8080/rest/jobs/$job | grep -A 1 '^event: end'",
        ],
    ),
    ("cancel_job", &["curl -u admin:admin -X DELETE http://127.0.0.1:8080/rest/jobs/$job"]),
    (
        "metrics",
        &["curl -u admin:admin http://127.0.0.1:8080/metrics \\\n    | grep '^satchel_records'"],
    ),
    ("is_alive", &["curl http://127.0.0.1:8080/rest/is_alive"]),
    ("live", &["curl http://127.0.0.1:8080/livez"]),
    ("ready", &["curl 'http://127.0.0.1:8080/readyz?exclude=backup'"]),
    (
        "openapi",
        &[
            "curl http://127.0.0.1:8080/rest/openapi.json \\\n    | python3 -m json.tool | grep -A 9 '\"info\"'",
        ],
    ),
    ("welcome", &["curl -I http://127.0.0.1:8080/"]),
    ("console", &["curl -I http://127.0.0.1:8080/console"]),
    (
        "console_front",
        &["curl -I http://127.0.0.1:8080/console/ | grep -E '^(content-type|cache)'"],
    ),
    (
        "console_file",
        &[
            "version=$(curl http://127.0.0.1:8080/console/ | grep -o '/console/[0-9a-f]*' | sort -u)",
            "curl -I http://127.0.0.1:8080$version/app.js | grep -E '^(content-type|cache)'",
        ],
    ),
    (
        "console_folder_file",
        &["curl -I http://127.0.0.1:8080$version/core/api.js | grep -E '^(content-type|cache)'"],
    ),
    ("docs", &["curl -I http://127.0.0.1:8080/docs"]),
    (
        "setup_page",
        &["curl -o setup.html -w '%{http_code}\\n' 'http://127.0.0.1:8080/setup?code=0123'"],
    ),
    (
        "set_up",
        &[
            "curl http://127.0.0.1:8080/setup -d code=0123 \\\n    --data-urlencode 'password=correct horse battery' \\\n    --data-urlencode 'again=correct horse battery'",
        ],
    ),
    ("docs_front", &["curl -I http://127.0.0.1:8080/docs/"]),
    (
        "docs_file",
        &[
            "curl http://127.0.0.1:8080/docs/start.md \\\n    | python3 -c 'import sys; print(*sys.stdin.readlines()[:3], sep=\"\")'",
        ],
    ),
];

fn description() -> Value {
    describe(&route_table())
}

/// Generates the description of every call, grouped by tag.
pub(super) fn calls(_: &Server, outputs: &Outputs) -> String {
    for route in route_table().iter() {
        let operation = route.description.operation;
        let has = EXAMPLES.iter().any(|(known, _)| *known == operation);
        assert!(has, "{operation} has no example in tests/it/docs/rest.rs");
    }
    let document = description();
    let mut made = String::new();
    for tag in document["tags"].as_array().unwrap() {
        let (name, about) = (text(&tag["name"]), text(&tag["description"]));
        let mut title = name.to_owned();
        title[..1].make_ascii_uppercase();
        write!(made, "## {title}\n\n{about}\n").unwrap();
        for (operation, commands) in EXAMPLES {
            let table = route_table();
            let route = table.iter().find(|route| route.description.operation == *operation);
            let route = route.unwrap_or_else(|| panic!("there is no operation {operation}"));
            let method = route.method.as_str();
            let call = &document["paths"][route.pattern][method.to_ascii_lowercase()];
            if call["tags"][0] == *name {
                write!(made, "\n### {method} {}\n\n", route.pattern).unwrap();
                made += &described(&document, call);
                made += &outputs.block(commands);
            }
        }
        made.push('\n');
    }
    made
}

/// Returns the options that a call's body can contain.
fn options<'d>(document: &'d Value, call: &Value) -> Option<&'d Value> {
    let schema = &call["requestBody"]["content"]["multipart/form-data"]["schema"];
    let pointer = schema["$ref"].as_str()?.strip_prefix('#')?;
    document.pointer(pointer).map(|schema| &schema["properties"])
}

/// Generates the description of one call.
fn described(document: &Value, call: &Value) -> String {
    let mut made = format!("{} {}\n\n", text(&call["summary"]), text(&call["description"]));
    let parameters = call["parameters"].as_array().unwrap();
    if !parameters.is_empty() {
        let options = options(document, call);
        made += "| parameter | in | meaning |\n|---|---|---|\n";
        for parameter in parameters {
            let name = text(&parameter["name"]);
            let place = match text(&parameter["in"]) {
                "query" if options.is_some_and(|options| !options[name].is_null()) => {
                    "query or body"
                }
                place => place,
            };
            writeln!(made, "| `{name}` | {place} | {} |", text(&parameter["description"])).unwrap();
        }
        made.push('\n');
    }
    if let Some(content) = call["requestBody"]["content"].as_object() {
        writeln!(made, "Body: {}.\n", contents(content)).unwrap();
    }
    made += "| status | answer |\n|---|---|\n";
    for (status, answer) in call["responses"].as_object().unwrap() {
        // Errors are the same for all calls, and are described once.
        if !status.starts_with('2') && !status.starts_with('3') {
            continue;
        }
        let about = text(&answer["description"]);
        let body = answer["content"].as_object().map(contents).unwrap_or_default();
        let headers = answer["headers"].as_object().map(|headers| {
            let names: Vec<String> = headers.keys().map(|name| format!("`{name}`")).collect();
            format!(" Header {}.", names.join(", "))
        });
        let body = if body.is_empty() { body } else { format!(" {body}.") };
        let headers = headers.unwrap_or_default();
        writeln!(made, "| {status} | {about}{body}{headers} |").unwrap();
    }
    made.push('\n');
    made
}

/// Returns the media types of a body, each with a link to its schema below.
fn contents(contents: &serde_json::Map<String, Value>) -> String {
    let said = contents.iter().map(|(media_type, content)| {
        let schema = &content["schema"];
        let list = schema["items"].is_object();
        let named = if list { &schema["items"] } else { schema };
        match named["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
            Some(name) => {
                let of = if list { "list of " } else { "" };
                format!("`{media_type}` ({of}[{name}](#{}))", name.to_lowercase())
            }
            None => format!("`{media_type}`"),
        }
    });
    said.collect::<Vec<_>>().join(" or ")
}

/// Generates the tables of all schemas.
pub(super) fn bodies(_: &Server, _: &Outputs) -> String {
    let document = description();
    let mut made = String::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        write!(made, "### {name}\n\n").unwrap();
        if let Some(about) = schema["description"].as_str() {
            write!(made, "{about}\n\n").unwrap();
        }
        let is_list_allowed =
            schema["properties"].is_null() && schema["anyOf"][0]["properties"].is_object();
        let one = if is_list_allowed { &schema["anyOf"][0] } else { schema };
        if std::ptr::eq(one, schema) && schema["properties"].is_null() {
            write!(made, "{}", words(schema)).unwrap();
            continue;
        }
        if !std::ptr::eq(one, schema) {
            made += "One object, or a list of them.\n\n";
        }
        let required = one["required"].as_array();
        made += "| member | holds | |\n|---|---|---|\n";
        let alternatives = ["oneOf", "anyOf"].map(|word| one[word].as_array());
        let objects = [one].into_iter().chain(alternatives.into_iter().flatten().flatten());
        let members = objects.flat_map(|object| {
            let members = object["properties"].as_object().into_iter().flatten();
            members.map(move |(member, schema)| (object, member, schema))
        });
        for (object, member, schema) in members {
            let has_to = required.is_some_and(|names| names.iter().any(|name| name == member));
            let has_to = if has_to { "Required. " } else { "" };
            // The only member of an alternative has the description of the alternative.
            let about = schema["description"].as_str().or_else(|| {
                let is_alternative = !std::ptr::eq(object, one);
                object["description"].as_str().filter(|_| is_alternative)
            });
            let about = about.unwrap_or_default();
            let default = match &schema["default"] {
                Value::Null => String::new(),
                default => format!(" Default `{default}`."),
            };
            let said = format!("{has_to}{about}{default}");
            writeln!(made, "| `{member}` | {} | {} |", holds(schema), said.trim()).unwrap();
        }
        made.push('\n');
    }
    made
}

/// Returns the sentence or the list of the words that a schema allows.
fn words(schema: &Value) -> String {
    let listed = |schema: &Value| -> Vec<String> {
        let words = schema["enum"].as_array().into_iter().flatten().chain(schema.get("const"));
        words.map(|word| format!("`{}`", text(word))).collect()
    };
    if schema["anyOf"][0]["$ref"].is_string() {
        return format!("One of {}.\n\n", holds(schema));
    }
    let Some(alternatives) = schema["oneOf"].as_array() else {
        let words = listed(schema);
        return if words.is_empty() {
            String::new()
        } else {
            format!("One of {}.\n\n", words.join(", "))
        };
    };
    let lines = alternatives.iter().map(|schema| match schema["description"].as_str() {
        Some(about) => format!("- {}: {about}\n", listed(schema).join(", ")),
        None => format!("- {}\n", listed(schema).join(", ")),
    });
    format!("One of:\n\n{}\n", lines.collect::<String>())
}

/// Returns a short description of a schema.
fn holds(schema: &Value) -> String {
    if let Some(alternatives) = schema["anyOf"].as_array() {
        let objects = alternatives.iter().filter(|one| one["type"] != "null");
        return objects.map(holds).collect::<Vec<_>>().join(" or ");
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| format!("`{}`", text(word))).collect();
        return words.join(", ");
    }
    let word = match &schema["type"] {
        Value::String(word) => word.as_str(),
        Value::Array(words) => words.first().and_then(Value::as_str).unwrap_or_default(),
        _ => "anything",
    };
    match (word, &schema["items"]) {
        ("array", items @ Value::Object(_)) => format!("list of {}", holds(items)),
        ("array", _) => "list".to_owned(),
        (word, _) => word.to_owned(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
