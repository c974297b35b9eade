//! The differences between two moments, over imports that replaced the whole inventory: each answer is
//! compared with the complete states at both moments.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use satchel::{codec::yaml::read_records, model::Value as Property};
use serde_json::{Value, json};

use crate::harness::Server;
use crate::inventory::{ask, delete, encode, get, put, shown};
use crate::project::{demo, documents, imported, inventory, put_folder, read_folder};

/// The type and the name of a record.
type Id = (String, String);

fn word(value: &Property) -> String {
    value.as_text().unwrap().to_owned()
}

/// The complete state of an inventory after a change.
struct Moment {
    number: u64,
    records: BTreeMap<Id, BTreeMap<String, Property>>,
}

impl Moment {
    /// Reads all records of an export, and the configurations of the devices.
    fn now(server: &Server) -> Self {
        let number = get(server, "/rest/changes")["last"].as_u64().unwrap();
        let mut records = BTreeMap::new();
        for (kind, document) in inventory(server) {
            let read = read_records(&document[..], |item| {
                let Property::Map(record) = item.value else { panic!("no record") };
                let named = record.into_iter().map(|(name, value)| (word(&name), value));
                let mut properties: BTreeMap<String, Property> = named.collect();
                let name = word(&properties["name"]);
                if kind == "device" {
                    let path = format!("/rest/configuration/{}", encode(&name));
                    let text = String::from_utf8(ask(server, "GET", &path).send().body).unwrap();
                    properties.insert("configuration".to_owned(), Property::Text(text));
                }
                records.insert((kind.clone(), name), properties);
                ControlFlow::Continue(())
            });
            read.unwrap();
        }
        Self { number, records }
    }

    /// The differences from an earlier moment: the effect, the old name of a renamed record and the names of
    /// the different properties.
    fn differences_from(&self, before: &Self, renamed: &BTreeMap<Id, String>) -> Differences {
        let old_id = |id: &Id| (id.0.clone(), renamed.get(id).unwrap_or(&id.1).clone());
        let moved: BTreeSet<Id> = renamed.keys().map(old_id).collect();
        let mut differences = Differences::new();
        for (id, now) in &self.records {
            let is_new_owner = moved.contains(id) && !renamed.contains_key(id);
            let Some(then) = before.records.get(&old_id(id)).filter(|_| !is_new_owner) else {
                differences.insert(id.clone(), ("created".to_owned(), None, Vec::new()));
                continue;
            };
            let names: BTreeSet<&String> = now.keys().chain(then.keys()).collect();
            let different = |name: &&String| *name != "name" && now.get(*name) != then.get(*name);
            let properties: Vec<String> = names.into_iter().filter(different).cloned().collect();
            let old = renamed.get(id).cloned();
            if old.is_some() || !properties.is_empty() {
                differences.insert(id.clone(), ("updated".to_owned(), old, properties));
            }
        }
        for id in before.records.keys() {
            if !moved.contains(id) && !self.records.contains_key(id) {
                differences.insert(id.clone(), ("removed".to_owned(), None, Vec::new()));
            }
        }
        differences
    }
}

type Differences = BTreeMap<Id, (String, Option<String>, Vec<String>)>;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn difference(server: &Server, since: u64, to: u64) -> Value {
    get(server, &format!("/rest/diff?since={since}&to={to}"))
}

/// The differences that the server shows, and the old names of the renamed records.
fn read(answer: &Value) -> (Differences, BTreeMap<Id, String>) {
    let (mut differences, mut renamed) = (Differences::new(), BTreeMap::new());
    for record in answer["records"].as_array().unwrap() {
        let id = (text(&record["type"]), text(&record["name"]));
        let old = record["renamed_from"].as_str().map(str::to_owned);
        renamed.extend(old.clone().map(|old| (id.clone(), old)));
        let listed = record["properties"].as_array().into_iter().flatten();
        let properties: Vec<String> = listed.map(|one| text(&one["property"])).collect();
        let properties = properties.into_iter().filter(|name| name != "name").collect();
        differences.insert(id, (text(&record["effect"]), old, properties));
    }
    (differences, renamed)
}

/// Compares the answers for all pairs of moments with the states.
fn require_right(server: &Server, moments: &[Moment]) {
    for (index, before) in moments.iter().enumerate() {
        for after in &moments[index..] {
            let answer = difference(server, before.number, after.number);
            let (found, renamed) = read(&answer);
            let expected = after.differences_from(before, &renamed);
            assert_eq!(found, expected, "{} to {}: {answer}", before.number, after.number);
            assert_eq!((&answer["complete"], &answer["not_compared"]), (&json!(true), &json!([])));
        }
    }
}

const OLD: &str = "- {name: 'R 1%', vendor: Acme, rack: 1}\n- {name: 'é>b'}\n- {name: gone}\n- {name: '[Shared] x'}\n";
const NEW: &str = "- {name: 'R 1%', vendor: Bêta, rack: 1}\n- {name: 'é>b'}\n- {name: new}\n";

fn put_text(server: &Server, device: &str, text: &str) {
    let path = format!("/rest/configuration/{}", encode(device));
    let answer = ask(server, "PUT", &path).body(text).send();
    assert_eq!(answer.status, 200, "{}", shown(&answer));
}

/// Replaces the inventory by a project, in a new generation.
fn replace(server: &Server, project: &str) {
    let report = imported(server, project, json!({"empty_database_before_import": true}));
    assert_eq!(report["written"], "new_generation", "{report}");
}

/// A server with the projects `old` and `new`, and the project `old` imported.
fn server(arguments: &[&str]) -> Server {
    let server = Server::start_with(arguments);
    let user = "- {name: admin, is_admin: true}\n";
    let link = "- {name: l, source: 'R 1%', destination: gone}\n";
    let pool = "- {name: p, manually_defined: true, devices: ['R 1%', gone]}\n";
    let old = [("user", user), ("device", OLD), ("link", link), ("pool", pool)];
    put_folder(&server, "old", &documents(&old));
    put_folder(&server, "new", &documents(&[("user", user), ("device", NEW)]));
    imported(&server, "old", json!({}));
    server
}

#[test]
fn differences_over_imports_are_those_of_the_two_states() {
    let mut server = server(&["--generations-kept", "10"]);
    put_text(&server, "R 1%", "hostname a\n");
    let mut moments = vec![Moment::now(&server)];

    put(&server, "device", &json!({"name": "R 1%", "vendor": "Beta"}));
    put(&server, "device", &json!({"name": "é>b", "new_name": "日本語 🦀"}));
    put_text(&server, "R 1%", "hostname b\n");
    moments.push(Moment::now(&server));

    replace(&server, "new");
    moments.push(Moment::now(&server));

    put(&server, "device", &json!({"name": "new", "new_name": ".."}));
    put(&server, "device", &json!({"name": "é>b", "new_name": "new"}));
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Gamma"}));
    put_text(&server, "new", "hostname new\n");
    moments.push(Moment::now(&server));

    replace(&server, "old");
    moments.push(Moment::now(&server));

    put(&server, "device", &json!({"name": "R 1%", "new_name": "R 2%"}));
    put_text(&server, "R 2%", "hostname c\n");
    delete(&server, "device", "gone");
    put(&server, "credential", &json!({"name": "c", "password": "hunter-one"}));
    moments.push(Moment::now(&server));

    replace(&server, "new");
    moments.push(Moment::now(&server));
    let undone = ask(&server, "POST", "/rest/undo").send().json();
    assert_eq!(undone["written"], "earlier_generation", "{undone}");
    moments.push(Moment::now(&server));
    put(&server, "device", &json!({"name": "R 2%", "new_name": "R 3%", "rack": 9}));
    moments.push(Moment::now(&server));

    // This import keeps the other records.
    put_folder(&server, "demo", &read_folder(&demo()));
    let report = imported(&server, "demo", json!({}));
    assert_eq!(report["written"], "new_generation", "{report}");
    moments.push(Moment::now(&server));

    require_right(&server, &moments);

    // Over the first import: a renamed record is deleted, another one has its old name.
    let (found, _) = read(&difference(&server, moments[1].number, moments[2].number));
    let effect = |name: &str| found[&("device".to_owned(), name.to_owned())].0.clone();
    assert_eq!((effect("日本語 🦀"), effect("é>b")), ("removed".to_owned(), "created".to_owned()));
    // The last import does not change the renamed record.
    let (found, _) = read(&difference(&server, moments[7].number, moments[9].number));
    assert_eq!(found[&("device".to_owned(), "R 3%".to_owned())].1.as_deref(), Some("R 2%"));
    let answer = difference(&server, moments[1].number, moments[2].number);
    let mut records = answer["records"].as_array().unwrap().iter();
    let device = records.find(|one| one["name"] == "R 1%").unwrap();
    let vendor = json!({"property": "vendor", "before": "Beta", "after": "Bêta"});
    assert!(device["properties"].as_array().unwrap().contains(&vendor), "{device}");

    server = server.start_again_with(&["--generations-kept", "10"]);
    let some: Vec<Moment> = moments.into_iter().step_by(3).collect();
    require_right(&server, &some);
}

#[test]
fn an_import_is_not_compared_when_its_copy_is_gone() {
    let server = server(&["--generations-kept", "1"]);
    let first = Moment::now(&server);
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Beta"}));
    replace(&server, "new");
    let import = get(&server, "/rest/changes")["last"].as_u64().unwrap();
    let mut moments = vec![Moment::now(&server)];
    let complete = difference(&server, first.number, import);
    assert_eq!(complete["complete"], true, "{complete}");
    put(&server, "device", &json!({"name": "later"}));
    moments.push(Moment::now(&server));
    replace(&server, "old");
    moments.push(Moment::now(&server));
    put(&server, "device", &json!({"name": "R 1%", "rack": 3}));
    moments.push(Moment::now(&server));

    require_right(&server, &moments);
    let last = moments.last().unwrap().number;
    let incomplete = difference(&server, first.number, last);
    assert_eq!(incomplete["complete"], false, "{incomplete}");
    let listed = incomplete["not_compared"].as_array().unwrap();
    assert_eq!(listed.len(), 1, "{incomplete}");
    assert_eq!(listed[0]["number"], import);
    assert!(text(&incomplete["summary"]).contains("no longer kept"), "{incomplete}");
    let records = incomplete["records"].as_array().unwrap();
    assert!(records.iter().all(|one| one["name"] != "later"), "{incomplete}");
}
