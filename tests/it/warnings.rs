//! Warnings of changes about what eNMS would lose, secrets by name and addresses, and suggestions of an
//! import for missing names.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Server, satchel};
use crate::inventory::post;

/// Imports a project of these documents into a data directory, and returns the report.
fn imported(data: &tempfile::TempDir, documents: &[(&str, &str)]) -> Value {
    let project = tempfile::tempdir().unwrap();
    fs::write(project.path().join("metadata.yaml"), "version: 4.6\n").unwrap();
    for (name, text) in documents {
        fs::write(project.path().join(name), text).unwrap();
    }
    let mut import = satchel();
    import.args(["import", "--create", "--json", "--data"]).arg(data.path().join("data"));
    let output = import.arg(project.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).unwrap()
}

/// The warnings of an answer, without those about missing documents.
fn warnings(answer: &Value) -> Vec<String> {
    let warnings = answer["warnings"].as_array().into_iter().flatten();
    let warnings = warnings.map(|warning| warning.as_str().unwrap().to_owned());
    warnings.filter(|warning| !warning.starts_with("the project has no")).collect()
}

#[test]
fn a_change_warns_of_what_enms_loses() {
    let server = Server::start();
    let changed = |kind: &str, body: Value| {
        let answer = post(&server, kind, &body);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        warnings(&answer.json())
    };
    assert_eq!(
        changed("device", json!([{"name": "R 1%", "type": "firewall"}, {"name": "é>b"}])),
        [
            "The device type 'firewall' is unknown to eNMS, which would refuse the record (in 1 object)."
        ]
    );
    // A loss is said once.
    assert_eq!(changed("device", json!({"name": "R 1%", "vendor": "x"})), Vec::<String>::new());
    assert_eq!(
        changed("device", json!({"name": "é>b", "gateways": ["R 1%"]})),
        [
            "The type of 'R 1%' is not 'gateway', so eNMS would drop it from 'gateways' (in 1 object)."
        ]
    );
    assert_eq!(changed("device", json!({"name": "é>b", "port": 1})), Vec::<String>::new());
    assert_eq!(
        changed("device", json!({"name": "é>b", "devices": ["R 1%"]})),
        [
            "'devices' of a device whose type is not 'gateway' would be dropped by eNMS (in 1 object)."
        ]
    );
    assert_eq!(
        changed("service", json!({"name": "s %"})),
        ["A service without a type cannot be run by eNMS (in 1 object)."]
    );
    assert_eq!(changed("ping_service", json!({"name": "typed"})), Vec::<String>::new());
    assert_eq!(
        changed("file", json!([{"name": ">a", "path": "/a"}, {"name": "other", "path": "/b"}])),
        [
            "The name of a file must be its path with '>' for '/', or eNMS would rename or refuse it (in \
             1 object)."
        ]
    );
}

#[test]
fn a_missing_name_in_a_list_suggests_the_name_that_looks_alike() {
    let data = tempfile::tempdir().unwrap();
    imported(&data, &[("device.yaml", "- name: GW\n  type: gateway\n")]);
    let devices = "- name: R 1%\n  gateways: [gw, no such, \"zu\\u0308rich\"]\n\
                   - name: Zürich\n  type: gateway\n";
    let report = imported(&data, &[("device.yaml", devices)]);
    let dangling = report["dangling"]["shown"].as_array().unwrap().iter();
    let dangling: Vec<_> = dangling.map(|entry| (&entry["missing"], &entry["nearest"])).collect();
    let expected = [
        (&json!("gw"), &json!("GW")),
        (&json!("no such"), &Value::Null),
        (&json!("zu\u{308}rich"), &json!("Zürich")),
    ];
    assert_eq!(dangling, expected);
}

#[test]
fn secrets_by_name_and_addresses_are_warned_of() {
    let server = Server::start();
    let changed = |body: Value| {
        let answer = post(&server, "device", &body);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        warnings(&answer.json())
    };
    assert_eq!(
        changed(json!({"name": "R 1%", "ip_address": "192.0.2.1", "Passwort": "x"})),
        ["The name of 'Passwort' indicates a secret, but a custom property is not encrypted, and \
          every user who can read the record sees it (in 1 object)."]
    );
    let host = json!({"name": "host", "ip_address": "r1.example.org"});
    let not_an_address = "'ip_address' is not an IP address (in 1 object). It was saved as it is.";
    assert_eq!(changed(host.clone()), [not_an_address]);
    assert_eq!(
        changed(json!({"name": "é>b", "ip_address": "192.0.2.1"})),
        ["The address 192.0.2.1 is shared by 2 devices: 'R 1%', 'é>b'."]
    );
    // Only of a change of the address.
    assert_eq!(
        changed(json!({"name": "é>b", "ip_address": "192.0.2.1", "port": 1})),
        Vec::<String>::new()
    );
    // Two spellings of an address, in one request, and a renamed device.
    let both = json!([
        {"name": "é>b", "new_name": "[x]", "ip_address": "2001:DB8::1"},
        {"name": "c", "ip_address": "2001:db8:0::1"},
        {"name": "d", "ip_address": "192.0.2.1"},
    ]);
    assert_eq!(
        changed(both),
        [
            "The address 192.0.2.1 is shared by 2 devices: 'R 1%', 'd'.",
            "The address 2001:db8::1 is shared by 2 devices: '[x]', 'c'.",
        ]
    );
}
