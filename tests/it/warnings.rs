//! Warnings of imports and changes: what eNMS would lose, names that look alike, secrets by name, and
//! addresses.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Server, satchel};
use crate::inventory::post;

/// Imports a project of these documents into a data directory, and returns the report.
fn imported(data: &tempfile::TempDir, documents: &[(&str, &str)]) -> Value {
    imported_with(data, documents, &[])
}

/// The same with further options of the command.
fn imported_with(data: &tempfile::TempDir, documents: &[(&str, &str)], options: &[&str]) -> Value {
    let project = tempfile::tempdir().unwrap();
    fs::write(project.path().join("metadata.yaml"), "version: 4.6\n").unwrap();
    for (name, text) in documents {
        fs::write(project.path().join(name), text).unwrap();
    }
    let mut import = satchel();
    import.args(["import", "--create", "--json", "--data"]).arg(data.path().join("data"));
    import.args(options);
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

const LOSSES: [(&str, &str); 3] = [
    (
        "device.yaml",
        "- name: R 1%\n  gateways: [gw, 'é>b']\n- name: gw\n  type: gateway\n\
         - name: 'é>b'\n  type: firewall\n  devices: [R 1%]\n",
    ),
    ("service.yaml", "- name: s %\n- name: typed\n  type: ping_service\n"),
    ("file.yaml", "- name: '>a>b'\n  path: /a/b\n- name: other\n  path: /a/c\n"),
];

#[test]
fn an_import_warns_of_what_enms_loses() {
    let data = tempfile::tempdir().unwrap();
    let expected = [
        "the device type 'firewall' is unknown to eNMS, which would refuse 1 record: 'é>b'",
        "'devices' of a device whose type is not 'gateway' would be dropped by eNMS (1 record: 'é>b')",
        "the type of 'é>b' is not 'gateway', so eNMS would drop it from the 'gateways' of 1 device: \
         'R 1%'",
        "the name of a file must be its path with '>' for '/', or eNMS would rename or refuse it (1 \
         record: 'other')",
        "a service without a type cannot be run by eNMS (1 record: 's %')",
    ];
    assert_eq!(warnings(&imported(&data, &LOSSES)), expected);
    // Also if the records do not change, and of incoming records only.
    assert_eq!(warnings(&imported(&data, &LOSSES)), expected);
    let other = [("device.yaml", "- name: other\n  gateways: [gw]\n")];
    assert_eq!(warnings(&imported(&data, &other)), Vec::<String>::new());
    // The existing record has a type.
    let typed = [("service.yaml", "- name: typed\n  vendor: x\n")];
    assert_eq!(warnings(&imported(&data, &typed)), Vec::<String>::new());
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
fn new_names_are_compared_with_existing_names() {
    let data = tempfile::tempdir().unwrap();
    let first = [("device.yaml", "- name: R 1%\n- name: Zürich\n- name: other\n")];
    assert_eq!(warnings(&imported(&data, &first)), Vec::<String>::new());
    let second = [("device.yaml", "- name: r 1%\n- name: \"Zu\\u0308rich\"\n- name: other\n")];
    let expected = [
        "the new name 'Zu\u{308}rich' of type device looks like the existing 'Zürich'. They differ in \
         the encoding of accents (NFC and NFD), and are two records. If they mean one, correct the name",
        "the new name 'r 1%' of type device looks like the existing 'R 1%'. They differ in upper and \
         lower case, and are two records. If they mean one, correct the name",
    ];
    assert_eq!(warnings(&imported_with(&data, &second, &["--dry-run"])), expected);
    assert_eq!(warnings(&imported(&data, &second)), expected);
    // They exist now, and are said no more.
    assert_eq!(warnings(&imported(&data, &second)), Vec::<String>::new());
    // A replacement removes the record that a new one looks like.
    let third = [("device.yaml", "- name: r 1%\n- name: Zürich\n- name: Other\n")];
    assert_eq!(
        warnings(&imported_with(&data, &third, &["--replace", "--yes"])),
        ["the new name 'Other' of type device looks like 'other', which the import removes. They \
          differ in upper and lower case. If they mean one record, correct the name"]
    );
}

#[test]
fn a_change_compares_new_names_with_existing_names() {
    let server = Server::start();
    let changed = |body: Value| {
        let answer = post(&server, "device", &body);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        warnings(&answer.json())
    };
    let sentence = |new: &str, existing: &str, difference: &str| {
        format!(
            "The new name '{new}' of type device looks like the existing '{existing}'. They differ in \
             {difference}, and are two records. If they mean one, correct the name."
        )
    };
    assert_eq!(changed(json!({"name": "R 1%"})), Vec::<String>::new());
    assert_eq!(
        changed(json!({"name": "r 1%"})),
        [sentence("r 1%", "R 1%", "upper and lower case")]
    );
    assert_eq!(changed(json!({"name": "r 1%", "port": 1})), Vec::<String>::new());
    assert_eq!(
        changed(json!([{"name": "é>b"}, {"name": "x"}, {"name": "É>b"}])),
        [sentence("É>b", "é>b", "upper and lower case")]
    );
    assert_eq!(
        changed(json!({"name": "x", "new_name": "é>b\u{a0}"})),
        [
            sentence(
                "é>b\u{a0}",
                "É>b",
                "case, white space, dashes, letters that look the same, invisible characters or the encoding of accents"
            ),
            sentence("é>b\u{a0}", "é>b", "white space"),
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
fn an_import_warns_of_secrets_by_name_and_of_addresses() {
    let data = tempfile::tempdir().unwrap();
    let devices = "- name: R 1%\n  ip_address: 192.0.2.1\n  Passwort: x\n\
                   - name: 'é>b'\n  ip_address: 192.0.2.1\n\
                   - name: host\n  ip_address: r1.example.org\n\
                   - name: zone\n  ip_address: fe80::1%eth0\n\
                   - name: prefix\n  ip_address: 192.0.2.1/24\n\
                   - name: long\n  ip_address: 192.0.2.1/33\n";
    let reasons = [
        (
            "'192.0.2.1/24' of 'prefix'",
            ": it has the length of a prefix (after the '/'). Remove it",
        ),
        ("'192.0.2.1/33' of 'long'", ": the length of its prefix is more than 32"),
        (
            "'fe80::1%eth0' of 'zone'",
            ": it has a zone (after the '%'), which is an interface of one computer. Remove the zone",
        ),
        ("'r1.example.org' of 'host'", ""),
    ];
    let mut expected = vec![
        "the device property 'Passwort' comes unencrypted, and its name indicates a secret. Satchel encrypts \
         it and does not show it (in 1 record)"
            .to_owned(),
    ];
    expected.extend(reasons.map(|(device, reason)| {
        format!("ip_address is not an IP address in 1 device ({device}){reason}")
    }));
    expected.push("the address 192.0.2.1 is shared by 2 devices: 'R 1%', 'é>b'".to_owned());
    assert_eq!(warnings(&imported(&data, &[("device.yaml", devices)])), expected);
}

#[test]
fn a_change_warns_of_secrets_by_name_and_of_addresses() {
    let server = Server::start();
    let changed = |body: Value| {
        let answer = post(&server, "device", &body);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        warnings(&answer.json())
    };
    assert_eq!(
        changed(json!({"name": "R 1%", "ip_address": "192.0.2.1", "Passwort": "x"})),
        [
            "'Passwort' is encrypted and not shown, because its name indicates a secret (in 1 object). The \
          setting secret_properties has the names."
        ]
    );
    let host = json!({"name": "host", "ip_address": "r1.example.org"});
    let not_an_address = "'ip_address' is not an IP address (in 1 object). It was saved as it is.";
    assert_eq!(changed(host.clone()), [not_an_address]);
    let zone = json!({"name": "host", "ip_address": "fe80::1%eth0"});
    assert_eq!(
        changed(zone),
        [
            "'ip_address' is not an IP address (in 1 object): it has a zone (after the '%'), which is an \
          interface of one computer. Remove the zone. It was saved as it is."
        ]
    );
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
