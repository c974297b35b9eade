//! Tests of the REST calls that import and export projects.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{ADMIN, Server};
use crate::project::{
    Documents, KINDS, demo, differing, documents, export, fetch, fixture, golden, import, imported,
    inventory, names, of_kind, pack, put_folder, read_folder, require_same, text, unpack,
};

/// A server with the sample inventory, and the documents of its export.
fn with_demo() -> (Server, Documents) {
    let server = Server::start();
    put_folder(&server, "demo", &read_folder(&demo()));
    imported(&server, "demo", json!({"empty_database_before_import": true}));
    let before = inventory(&server);
    (server, before)
}

/// Exports everything, copies the bundle to an empty server, imports it there and exports it again.
fn carried(server: &Server) -> Documents {
    export(server, "out", json!({}));
    let there = Server::start();
    let put = there.request("PUT", "/rest/migrate/projects/in").login(ADMIN);
    assert_eq!(put.body(fetch(server, "out")).send().status, 201);
    imported(&there, "in", json!({"empty_database_before_import": true}));
    inventory(&there)
}

#[test]
fn the_sample_inventory_round_trips() {
    let (server, out) = with_demo();
    let original = read_folder(&demo());
    // The principal is kept, before the users of the project.
    assert_eq!(differing(&original, &out), ["user"]);
    assert!(text(&out, "user").ends_with(text(&original, "user")));
    assert_eq!(names(&out, "user")[0], "admin");
    require_same(&carried(&server), &out);
}

#[test]
fn a_folder_is_listed_like_a_bundle() {
    let server = Server::start();
    put_folder(&server, "by hand", &read_folder(&demo()));
    export(&server, "by export", json!({}));
    let answer = server.request("GET", "/rest/migrate/projects").login(ADMIN).send().json();
    let projects = answer["projects"].as_array().unwrap();
    let names: Vec<_> = projects.iter().map(|project| &project["name"]).collect();
    assert_eq!(names, ["by export", "by hand"], "{answer}");
}

#[test]
fn the_example_project_round_trips() {
    let Some(folder) = fixture("examples") else { return };
    let server = Server::start();
    put_folder(&server, "examples", &read_folder(&folder));
    let report = imported(&server, "examples", json!({"empty_database_before_import": true}));
    let types = report["types"].as_array().unwrap().iter();
    let sum = |column: &str| types.clone().map(|kind| kind[column].as_u64().unwrap()).sum::<u64>();
    // The project contains the user admin, who exists already.
    assert_eq!((sum("created"), sum("updated"), sum("rejected")), (1132, 1, 0), "{report}");
    assert_eq!(report["dangling"]["total"], 0, "{report}");

    let out = inventory(&server);
    // All bytes of all documents, also of computed pools, whose members eNMS computed as well.
    require_same(&read_folder(&folder), &out);
    require_same(&carried(&server), &out);
}

#[test]
fn an_export_of_enms_round_trips_byte_for_byte() {
    let Some(folder) = fixture("examples_exported_by_enms_4.6") else { return };
    let server = Server::start();
    put_folder(&server, "examples", &read_folder(&folder));
    imported(&server, "examples", json!({"empty_database_before_import": true}));
    let out = inventory(&server);
    require_same(&read_folder(&folder), &out);
    require_same(&carried(&server), &out);
}

#[test]
fn the_near_empty_project_is_imported() {
    let Some(folder) = fixture("default") else { return };
    let server = Server::start();
    put_folder(&server, "default", &read_folder(&folder));
    let report = imported(&server, "default", json!({}));
    // It lacks these documents: the report has a note for each.
    let warnings = report["warnings"].to_string();
    for kind in ["group", "file", "network", "credential"] {
        assert!(warnings.contains(&format!("{kind}.yaml")), "{report}");
    }
    let out = inventory(&server);
    assert_eq!(text(&out, "device"), "[]\n");
    require_same(&carried(&server), &out);
}

#[test]
fn every_broken_project_is_refused_with_all_its_problems() {
    let (server, before) = with_demo();
    let mut projects = 0;
    for entry in fs::read_dir(golden()).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        put_folder(&server, &name, &read_folder(&folder));
        let kinds: Vec<String> = read_folder(&folder).into_keys().collect();
        for empty in [false, true] {
            let more = json!({"import_export_types": kinds, "empty_database_before_import": empty});
            let problem = import(&server, &name, more).problem(422, "import-rejected");
            assert_eq!(problem["outcome"], "rejected");
            for kind in &kinds {
                let total = names(&before, kind).len();
                assert_eq!(of_kind(&problem, kind)["total"], total, "{problem}");
            }
            let found = serde_json::to_string_pretty(&problem["errors"]).unwrap();
            let expected = fs::read_to_string(folder.join("errors.json")).unwrap_or_default();
            assert!(found == expected.trim_end(), "{name}, empty {empty}:\n{found}");
        }
        projects += 1;
    }
    assert!(projects >= 5, "the broken projects were not found");
    require_same(&inventory(&server), &before);
}

#[test]
fn present_properties_are_replaced_and_absent_ones_are_kept() {
    let (server, before) = with_demo();
    let project = documents(&[(
        "device",
        "- {name: Lisbon core 1, vendor: Nokia, gateways: [], power_kilowatts: 0.5}\n\
         - {name: \"[Shared] 100% é\", port: 830}\n",
    )]);
    put_folder(&server, "p", &project);
    let report = imported(&server, "p", json!({"import_export_types": ["device"]}));
    let devices = of_kind(&report, "device");
    assert_eq!((&devices["created"], &devices["updated"]), (&json!(1), &json!(1)), "{report}");
    let after = inventory(&server);
    let (before, after) = (text(&before, "device"), text(&after, "device"));
    let first = |text: &str| text.split("\n- ").next().unwrap().to_owned();
    // The new property is at its alphabetical position. All other properties are unchanged.
    let expected = first(before)
        .replace("\"vendor\": \"Juniper\"", "\"vendor\": \"Nokia\"")
        .replace("  \"rack_units\"", "  \"power_kilowatts\": !!float \"0.5\"\n  \"rack_units\"");
    assert_eq!(first(after), expected);
    assert!(after.ends_with("- \"name\": \"[Shared] 100% \\xE9\"\n  \"port\": !!int \"830\"\n"));
}

#[test]
fn a_device_with_the_name_of_an_existing_network_is_rejected() {
    let (server, before) = with_demo();
    let device = ("device", "- {name: Iberia}\n");
    for (name, project) in [
        ("alone", documents(&[device])),
        ("beside", documents(&[device, ("network", "- {name: other}\n")])),
    ] {
        put_folder(&server, name, &project);
        let kinds = json!({"import_export_types": ["device", "network"]});
        let problem = import(&server, name, kinds).problem(422, "import-rejected");
        assert_eq!(problem["errors"][0]["rule"], "node-name-taken", "{problem}");
        assert_eq!(problem["errors"][0]["record"], "Iberia", "{problem}");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{problem}");
    }
    require_same(&inventory(&server), &before);

    // If networks are emptied in the same step, their names are free.
    let kinds = json!({
        "import_export_types": ["device", "network"], "empty_database_before_import": true,
    });
    imported(&server, "beside", kinds);
    assert_eq!(names(&inventory(&server), "device"), ["Iberia"]);
}

#[test]
fn importing_again_changes_nothing() {
    let (server, before) = with_demo();
    let report = imported(&server, "demo", json!({}));
    for kind in report["types"].as_array().unwrap() {
        let changed = ["created", "updated", "removed", "adjusted", "rejected"];
        assert!(changed.iter().all(|column| kind[column] == 0), "{kind}");
    }
    require_same(&inventory(&server), &before);
}

#[test]
fn emptied_types_lose_their_references_in_other_records() {
    let (server, _) = with_demo();
    let project = documents(&[("device", "- \"name\": \"R1 -> R2\"\n")]);
    put_folder(&server, "p", &project);
    let more = json!({"import_export_types": ["device"], "empty_database_before_import": true});
    let report = imported(&server, "p", more);
    let devices = of_kind(&report, "device");
    assert_eq!((&devices["created"], &devices["removed"]), (&json!(1), &json!(17)), "{report}");
    assert_eq!(of_kind(&report, "link")["removed"], 21, "{report}");
    // Three networks, a service, a task and a manual pool refer to devices in lists.
    let struck = report["struck"]["shown"].as_array().unwrap();
    let says = |kind: &str, property: &str, missing: &str| {
        struck.iter().any(|entry| {
            entry["type"] == kind && entry["property"] == property && entry["missing"] == missing
        })
    };
    assert!(says("network", "nodes", "Zürich core 1"), "{report}");
    assert!(says("network", "links", "Paris core 1 -> Zürich core 1"), "{report}");
    assert!(says("service", "target_devices", "Paris core 1"), "{report}");
    assert!(says("task", "devices", "Porto access 1"), "{report}");
    assert!(says("pool", "devices", "100% é [spare] R1 -> R2"), "{report}");

    let after = inventory(&server);
    assert_eq!(names(&after, "device"), ["R1 -> R2"]);
    assert_eq!(text(&after, "link"), "[]\n");
    for kind in ["network", "service", "task", "pool"] {
        for gone in ["Paris core 1", "Porto access 1", "R1 -> R2\"\n  - \"Porto"] {
            assert!(!text(&after, kind).contains(&format!("- \"{gone}\"")), "{kind}: {gone}");
        }
    }
    // References from other kinds to networks are kept.
    assert!(text(&after, "network").contains("  - \"Internet\"\n"));
}

#[test]
fn dependent_records_are_removed_with_their_references() {
    let (server, before) = with_demo();
    let nothing = documents(&[("service", "[]\n"), ("network", "[]\n")]);
    put_folder(&server, "p", &nothing);
    let empty = |kind: &str| {
        let more = json!({
            "import_export_types": [kind],
            "empty_database_before_import": true,
            "allow_empty": true,
        });
        imported(&server, "p", more)
    };
    // A link ends at a network; edges and tasks need services.
    let report = empty("network");
    assert_eq!(of_kind(&report, "network")["removed"], 3, "{report}");
    assert_eq!(of_kind(&report, "link")["removed"], 1, "{report}");
    let report = empty("service");
    assert_eq!(of_kind(&report, "service")["removed"], 6, "{report}");
    assert_eq!(of_kind(&report, "workflow_edge")["removed"], 4, "{report}");
    assert_eq!(of_kind(&report, "task")["removed"], 2, "{report}");
    // The task is removed only because its service is removed.
    let struck = report["struck"]["shown"].as_array().unwrap();
    let missing: Vec<_> = struck.iter().map(|entry| &entry["missing"]).collect();
    assert_eq!(missing, ["Nightly backup", "Kit check"], "{report}");

    let after = inventory(&server);
    let links = names(&before, "link").into_iter().filter(|name| name != "Madrid -> Internet");
    assert_eq!(names(&after, "link"), links.collect::<Vec<_>>());
    for kind in ["network", "service", "workflow_edge", "task"] {
        assert_eq!(text(&after, kind), "[]\n", "{kind}");
    }
    assert!(!text(&after, "pool").contains("Nightly backup"));
    assert!(!text(&after, "pool").contains("Kit check"));
    assert_eq!(after["device"], before["device"]);
}

#[test]
fn an_import_keeps_the_caller_and_one_administrator() {
    let (server, before) = with_demo();
    let more = json!({"import_export_types": ["user"], "empty_database_before_import": true});
    put_folder(&server, "nobody", &documents(&[("user", "[]\n")]));
    let mut nobody = more.clone();
    nobody["allow_empty"] = json!(true);
    imported(&server, "nobody", nobody);
    assert_eq!(names(&inventory(&server), "user"), ["admin"]);

    imported(&server, "demo", more.clone());
    assert_eq!(inventory(&server)["user"], before["user"]);

    // The project would remove the last administrator.
    let demoted = "- \"is_admin\": !!bool \"false\"\n  \"name\": \"admin\"\n";
    put_folder(&server, "demoted", &documents(&[("user", demoted)]));
    for empty in [true, false] {
        let mut more = more.clone();
        more["empty_database_before_import"] = json!(empty);
        import(&server, "demoted", more).problem(422, "no-administrator");
    }
    // A project without secrets does not contain the caller's password, which is kept.
    let silent = "- \"email\": \"a@example.org\"\n  \"name\": \"admin\"\n";
    put_folder(&server, "silent", &documents(&[("user", silent)]));
    imported(&server, "silent", more);
    let after = inventory(&server);
    assert_eq!(names(&after, "user"), ["admin"]);
    assert!(text(&after, "user").contains("\"email\": \"a@example.org\""));
}

#[test]
fn valid_records_can_be_imported_without_invalid_ones() {
    let server = Server::start();
    put_folder(&server, "p", &read_folder(&golden().join("missing_ends")));
    let answer = import(&server, "p", json!({"on_error": "skip"}));
    assert_eq!(answer.status, 206, "{}", String::from_utf8_lossy(&answer.body));
    let report = answer.json();
    assert_eq!(report["outcome"], "imported_in_part");
    let links = of_kind(&report, "link");
    assert_eq!((&links["created"], &links["rejected"]), (&json!(1), &json!(2)), "{report}");
    assert!(report["problems"]["total"].as_u64().unwrap() >= 5, "{report}");
    let after = inventory(&server);
    assert_eq!(names(&after, "link"), ["R1 -> R2"]);
    assert_eq!(names(&after, "device"), ["R1", "R2"]);
    assert_eq!(text(&after, "task"), "[]\n");
    assert_eq!(text(&after, "workflow_edge"), "[]\n");
}

#[test]
fn a_duplicate_is_rejected_and_the_first_record_is_imported() {
    let server = Server::start();
    let links = "- \"name\": \"L 1%\"\n- \"name\": \"L 1%\"\n  \"source\": \"nobody\"\n";
    put_folder(&server, "p", &documents(&[("link", links)]));
    let more = json!({"import_export_types": ["link"], "on_error": "skip"});
    let report = import(&server, "p", more).json();
    let links = of_kind(&report, "link");
    assert_eq!((&links["created"], &links["rejected"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(text(&inventory(&server), "link"), "- \"name\": \"L 1%\"\n");
}

#[test]
fn references_to_rejected_records_of_an_emptied_type_are_removed() {
    let server = Server::start();
    let before = documents(&[
        ("link", "- \"name\": \"L 1%\"\n- \"name\": \"L2\"\n"),
        ("network", "- \"links\":\n  - \"L 1%\"\n  - \"L2\"\n  \"name\": \"N\"\n"),
        (
            "pool",
            "- \"link_number\": !!int \"2\"\n  \"links\":\n  - \"L 1%\"\n  - \"L2\"\n  \
             \"manually_defined\": !!bool \"true\"\n  \"name\": \"P\"\n",
        ),
    ]);
    put_folder(&server, "before", &before);
    imported(&server, "before", json!({}));
    let links = "- \"name\": \"L 1%\"\n  \"source\": \"nobody\"\n- \"name\": \"L2\"\n";
    put_folder(&server, "p", &documents(&[("link", links)]));
    let report = import(
        &server,
        "p",
        json!({
            "import_export_types": ["link"],
            "on_error": "skip",
            "empty_database_before_import": true,
        }),
    )
    .json();
    assert_eq!(report["outcome"], "imported_in_part", "{report}");
    assert_eq!(report["struck"]["total"], 2, "{report}");
    let after = inventory(&server);
    assert_eq!(names(&after, "link"), ["L2"]);
    let network = "- \"links\":\n  - \"L2\"\n  \"name\": \"N\"\n";
    assert_eq!(text(&after, "network"), network);
    let pool = "- \"link_number\": !!int \"1\"\n  \"links\":\n  - \"L2\"\n  \
                \"manually_defined\": !!bool \"true\"\n  \"name\": \"P\"\n";
    assert_eq!(text(&after, "pool"), pool);
}

#[test]
fn a_truncated_document_is_not_imported() {
    let (server, before) = with_demo();
    put_folder(&server, "p", &documents(&[("device", "- \"name\": \"R1\"\n- \"name\": \"R2\n")]));
    let more = json!({"import_export_types": ["device"], "on_error": "skip"});
    import(&server, "p", more).problem(422, "import-rejected");
    require_same(&inventory(&server), &before);
}

#[test]
fn a_dangling_reference_in_a_list_is_removed_and_reported() {
    let server = Server::start();
    let project = documents(&[
        (
            "device",
            "- \"gateways\":\n  - \"gone\"\n  - \"R2\"\n  \"name\": \"R1\"\n- \"name\": \"R2\"\n",
        ),
        ("group", "- \"name\": \"100% é\"\n  \"users\":\n  - \"nobody\"\n"),
    ]);
    put_folder(&server, "p", &project);
    let report = imported(&server, "p", json!({"import_export_types": ["device", "group"]}));
    assert_eq!(report["dangling"]["total"], 2, "{report}");
    let shown = &report["dangling"]["shown"];
    assert_eq!(shown[0]["missing"], "nobody");
    assert_eq!(shown[1]["places"][0]["record"], "R1");
    let after = inventory(&server);
    let struck = "- \"gateways\":\n  - \"R2\"\n  \"name\": \"R1\"\n- \"name\": \"R2\"\n";
    assert_eq!(text(&after, "device"), struck);
    assert_eq!(text(&after, "group"), "- \"name\": \"100% \\xE9\"\n  \"users\": []\n");
}

#[test]
fn a_dry_run_reports_the_changes_and_changes_nothing() {
    let (server, before) = with_demo();
    let project = documents(&[(
        "device",
        "- {name: Lisbon core 1, port: 2222}\n- {name: new}\n- {name: Porto core 1}\n",
    )]);
    put_folder(&server, "p", &project);
    let more = json!({"import_export_types": ["device"], "dry_run": true});
    let answer = import(&server, "p", more);
    assert_eq!(answer.status, 200);
    let report = answer.json();
    assert_eq!(report["outcome"], "dry_run");
    let devices = of_kind(&report, "device");
    assert_eq!((&devices["created"], &devices["updated"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(devices["unchanged"], 1);
    let shown = report["changes"]["shown"].as_array().unwrap();
    let changes = |change: &str| {
        let of = |entry: &&Value| entry["type"] == "device" && entry["change"] == change;
        shown.iter().find(of).unwrap_or_else(|| panic!("{report}"))["places"].clone()
    };
    let port = json!({"property": "port", "before": 22, "after": 2222});
    assert_eq!(changes("updated"), json!([{"record": "Lisbon core 1", "properties": [port]}]));
    assert_eq!(changes("created"), json!([{"record": "new"}]));
    // The pools whose criteria match are updated.
    let pools = shown.iter().find(|entry| entry["type"] == "pool").unwrap();
    assert!(pools["places"].to_string().contains("All devices"), "{report}");
    require_same(&inventory(&server), &before);
}

#[test]
fn a_changed_secret_is_reported_without_its_value() {
    let (server, _) = with_demo();
    let credential = "- {name: \"Read and write: é%\", password: bmV3, username: new}\n";
    put_folder(&server, "p", &documents(&[("credential", credential)]));
    let more = json!({"import_export_types": ["credential"], "dry_run": true});
    let answer = import(&server, "p", more);
    let places = &answer.json()["changes"]["shown"][0]["places"];
    let username = json!({"property": "username", "before": "netops", "after": "new"});
    assert_eq!(places[0]["properties"], json!([{"property": "password"}, username]));
    assert!(!String::from_utf8_lossy(&answer.body).contains("bmV3"));
}

#[test]
fn the_report_has_every_problem_and_the_response_the_first_ones() {
    let server = Server::start();
    let device = |n: usize| format!("- {{name: \"R{n} -> R2\", port: many}}\n");
    let text: String = (0..250).map(device).collect();
    put_folder(&server, "p", &documents(&[("device", &text)]));
    let problem = import(&server, "p", json!({"import_export_types": ["device"]}))
        .problem(422, "import-rejected");
    let errors = problem["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "equal ones are grouped: {problem}");
    assert_eq!(errors[0]["count"], 250);
    assert_eq!(errors[0]["property"], "port");
    assert_eq!(errors[0]["value"], "many");
    let first = json!({"line": 1, "position": 1, "record": "R0 -> R2"});
    assert_eq!(errors[0]["places"][0], first);
    assert!(errors[0]["places"].as_array().unwrap().len() < 10);

    let path = problem["report"].as_str().unwrap();
    let whole = server.request("GET", path).login(ADMIN).send().json();
    let problems = whole["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 250);
    assert_eq!(problems[249]["record"], "R249 -> R2");
    server.request("GET", path).send().problem(401, "unauthenticated");
    server
        .request("GET", "/rest/migrate/reports/none")
        .login(ADMIN)
        .send()
        .problem(404, "unknown-report");
}

/// A secret of the sample inventory, in base64 as in its document, and in plain text.
const SECRET: [&str; 2] = ["bm90IGEgcmVhbCBwYXNzd29yZA==", "not a real password"];

#[test]
fn exports_contain_secrets_unless_disabled() {
    let (server, before) = with_demo();
    let report = export(&server, "with", json!({}));
    assert_eq!(report["secrets"], "included");
    assert!(text(&before, "credential").contains(SECRET[0]));
    assert!(text(&before, "service").contains(SECRET[0]));
    assert!(text(&before, "user").contains("\"password\": \""));

    let report = export(&server, "without", json!({"export_private_properties": false}));
    assert_eq!(report["secrets"], "left_out");
    let without = unpack(&fetch(&server, "without"));
    for kind in ["user", "credential", "service"] {
        assert!(!text(&without, kind).contains("password\": \""), "{kind}");
    }
    assert_eq!(names(&without, "credential"), names(&before, "credential"));
    assert!(text(&without, "metadata").contains("left_out"));

    // It is merged without changing the existing secrets.
    imported(&server, "without", json!({}));
    require_same(&inventory(&server), &before);
}

#[test]
fn secrets_are_encrypted_at_rest_and_never_logged() {
    let (mut server, _) = with_demo();
    server.terminate();
    server.wait();
    let mut bytes = 0;
    let mut seen = false;
    for entry in fs::read_dir(server.data()).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_string_lossy().starts_with("inventory-") {
            continue;
        }
        for file in fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()) {
            let Ok(content) = fs::read(&file) else { continue };
            bytes += content.len();
            let holds =
                |text: &str| content.windows(text.len()).any(|part| part == text.as_bytes());
            seen |= holds("netops");
            assert!(!SECRET.iter().any(|secret| holds(secret)), "{file:?}");
        }
    }
    assert!(seen && bytes > 0, "the inventory was not found");
    let log = serde_json::to_string(&server.log()).unwrap();
    assert!(!SECRET.iter().any(|secret| log.contains(secret)));
}

#[test]
fn an_import_updates_computed_pools_and_keeps_manual_ones() {
    let (server, before) = with_demo();
    let project = documents(&[(
        "device",
        "- {name: Lisbon CORE 3, ip_address: 192.0.2.3, vendor: Juniper}\n\
         - {name: Porto core 1, ip_address: 203.0.113.77}\n",
    )]);
    put_folder(&server, "p", &project);
    let report = imported(&server, "p", json!({"import_export_types": ["device"]}));
    assert_eq!(of_kind(&report, "pool")["adjusted"], 3, "{report}");
    let after = inventory(&server);
    let pool = |documents: &Documents, name: &str| -> String {
        let records = text(documents, "pool").split("\n- ").map(str::to_owned);
        let mut found = records.filter(|record| record.contains(&format!("\"name\": {name:?}")));
        found.next().unwrap()
    };
    let core = pool(&after, "Core of Iberia");
    let members = "  \"devices\":\n  - \"Lisbon core 1\"\n  - \"Lisbon core 2\"\n  - \"Madrid core 1\"\n  \
                   - \"Madrid core 2\"\n  - \"Barcelona core 1\"\n  - \"Lisbon CORE 3\"\n";
    assert!(core.contains(members), "{core}");
    assert!(pool(&after, "All devices").contains("\"device_number\": !!int \"18\""));
    let last =
        |documents: &Documents| text(documents, "pool").split("\n- ").last().map(str::to_owned);
    assert!(last(&after).unwrap().contains("field kit"));
    assert_eq!(last(&after), last(&before));
}

#[test]
fn an_export_contains_the_requested_types_and_replaces_the_bundle() {
    let (server, before) = with_demo();
    let all = export(&server, "a b", json!({}));
    assert_eq!(all["types"].as_array().unwrap().len(), KINDS.len());
    // 68 records and the user admin.
    assert_eq!(all["records"], 69);
    assert_eq!(all["download"], "/rest/migrate/projects/a%20b");

    let some = export(&server, "a b", json!({"import_export_types": ["pool", "device"]}));
    let kinds: Vec<_> = some["types"].as_array().unwrap().iter().map(|k| &k["type"]).collect();
    assert_eq!(kinds, ["device", "pool"]);
    let bundle = fetch(&server, "a b");
    assert_eq!(some["bytes"], bundle.len());
    let out = unpack(&bundle);
    assert_eq!(out.keys().collect::<Vec<_>>(), ["device", "metadata", "pool"]);
    assert_eq!(out["device"], before["device"]);
    for kind in some["types"].as_array().unwrap() {
        let document = &out[kind["type"].as_str().unwrap()];
        assert_eq!(kind["bytes"], document.len());
        let sha256 = kind["sha256"].as_str().unwrap();
        assert_eq!(sha256.len(), 64);
        assert!(text(&out, "metadata").contains(sha256));
    }
}

#[test]
fn path_traversal_in_names_is_refused() {
    let (server, before) = with_demo();
    let files = || {
        let mut files = Vec::new();
        for folder in [server.data(), server.data().join("migrations"), server.data().join("..")] {
            for entry in fs::read_dir(folder).unwrap() {
                files.push(entry.unwrap().path());
            }
        }
        // The audit log replaces its file AUDIT at any time.
        files.retain(|file| !file.ends_with("AUDIT.new"));
        files.sort();
        files
    };
    let found = files();
    let long = "a".repeat(1_000_000);
    let too_long = "a".repeat(129);
    for name in [
        "",
        ".",
        "..",
        "../x",
        "/etc/passwd",
        "a/../../x",
        "a\\b",
        "%2e%2e",
        "a\0b",
        ".hidden",
        "a\nb",
        "C:x",
        &*too_long,
        &*long,
    ] {
        import(&server, name, json!({})).problem(400, "malformed-body");
        let export = json!({"name": name, "import_export_types": KINDS});
        let answer = server.request("POST", "/rest/migrate/export").login(ADMIN).json(&export);
        answer.send().problem(400, "malformed-body");
    }
    for path in ["..%2fx", "%2e%2e%2fx", "a%00b", ".hidden", "%2fetc%2fpasswd", &*too_long] {
        for method in ["GET", "PUT", "DELETE"] {
            let path = format!("/rest/migrate/projects/{path}");
            let answer = server.request(method, &path).login(ADMIN).body("").send();
            assert!(matches!(answer.status, 400 | 404), "{method} {path}: {answer:?}");
        }
    }
    assert_eq!(files(), found);
    require_same(&inventory(&server), &before);
}

#[test]
fn an_unknown_project_is_not_found() {
    let server = Server::start();
    let problem = import(&server, "nowhere", json!({})).problem(404, "unknown-project");
    assert!(problem["detail"].as_str().unwrap().contains("nowhere"), "{problem}");
}

#[test]
fn an_invalid_bundle_is_refused() {
    let server = Server::start();
    let refused = |bundle: Vec<u8>, entry: Option<&str>| {
        let put = server.request("PUT", "/rest/migrate/projects/p").login(ADMIN).body(bundle);
        let problem = put.send().problem(422, "bundle-refused");
        if let Some(entry) = entry {
            assert!(problem["detail"].as_str().unwrap().contains(entry), "{problem}");
        }
        let list = server.request("GET", "/rest/migrate/projects").login(ADMIN).send().json();
        assert_eq!(list["projects"], json!([]));
    };
    let metadata = "{export_time: 2026-03-02 08:15:00.123456, version: 4.6}\n";
    let good = documents(&[("metadata", metadata), ("device", "- \"name\": \"R1\"\n")]);
    let with = |name: &str, text: &str| {
        let mut documents = good.clone();
        documents.insert(name.to_owned(), text.as_bytes().to_vec());
        documents
    };
    refused(b"no zip at all".to_vec(), None);
    let mut cut_off = pack(&good);
    cut_off.truncate(cut_off.len() - 1);
    refused(cut_off, None);
    refused(pack(&with("../device", "[]\n")), Some("../device.yaml"));
    refused(pack(&with("/link", "[]\n")), Some("/link.yaml"));
    let newer = "{satchel: {format: 99, secrets: included, documents: {}}, version: 4.6}\n";
    refused(pack(&with("metadata", newer)), Some("99"));
    let mut damaged = pack(&good);
    let place = damaged.windows(4).position(|part| part == b"R1\"\n");
    // If deflate has compressed the name, any byte of the data is changed.
    let place = place.unwrap_or(60);
    damaged[place] ^= 0x20;
    refused(damaged, None);

    let put = server.request("PUT", "/rest/migrate/projects/p").login(ADMIN).body(pack(&good));
    assert_eq!(put.send().status, 201);
}
