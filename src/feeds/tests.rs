//! Hostile texts through every writer, read back by a parser of the format.

use std::{borrow::Cow, sync::Arc};

use proptest::prelude::*;
use serde_json::Value as Json;

use super::{
    address::Address,
    catalog::FEEDS,
    feed::{Content, Feed, FeedRequest},
    groups::Groups,
    host_names::HostNames,
    parameters::NameRule,
    report::FeedReport,
    slug::slug,
    writer::{End, FeedLink, Host, NetworkNode},
};
use crate::{
    inventory::Inventory,
    model::{AnyRecord, Kind, Name, View},
    store::{Origin, Store, StoreError},
};

/// Texts that are part of the syntax of a format.
const MARKS: [&str; 22] = [
    "\"", "'", "\\", "\n", "\r", "\t", ";", ",", "#", "<", "&", "]]>", "{{", "{%", "}", "//", "/*",
    "$", "\u{2028}", "\u{85}", "\u{feff}", "\u{7}",
];

fn texts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(MARKS.as_slice()).prop_map(str::to_owned),
        any::<String>(),
        "[a-z0-9 ]{1,4}",
    ];
    prop::collection::vec(part, 1..5).prop_map(|parts| parts.concat())
}

/// The request of a feed with the options that it needs.
fn request(feed: &'static Feed) -> FeedRequest {
    let value = |option: &super::FeedOption| match option.name() {
        "zone" => "net.example",
        "name_server" => "ns.other.example",
        "subnet" => "10.0.0.0/8",
        _ => "mac",
    };
    let options = feed.required.iter();
    let options = options.map(|option| (option.name().to_owned(), value(option).to_owned()));
    FeedRequest::parse(feed, options.collect()).unwrap()
}

fn empty_store() -> (tempfile::TempDir, Arc<Store>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, Arc::new(store))
}

/// Writes a feed of devices with these texts as names and values, and a network with links to all.
fn written(inventory: &Inventory, feed: &'static Feed, texts: &[String]) -> String {
    let request = request(feed);
    let names = HostNames::read(inventory, NameRule::Name, &[], &[]).unwrap();
    let mut groups = Groups::read(inventory, feed.group_names, &["vendor".to_owned()]).unwrap();
    let mut writer = (feed.writer)(&request);
    let mut out = Vec::new();
    writer.begin(&mut out, u64::MAX);
    let report = FeedReport { left_out: 2, ..FeedReport::default() };
    for (number, text) in texts.iter().enumerate() {
        let view = View::Text(text);
        let numbers = groups.of_device(text, [(0, &view)].into_iter());
        let group_names: Vec<Cow<'_, str>> = numbers.iter().map(|n| groups.name(*n)).collect();
        let host = host_name(feed, number, text);
        let mac = View::Text("52-54-00-12-34-56");
        let mut properties = vec![&view; feed.properties.len()];
        properties.push(&mac);
        let values = vec![Some(&view); request.vars.len()];
        let address = format!("10.0.0.{}", number + 1);
        let shown = Host {
            name: text,
            host: &host,
            address: Address::parse(&address),
            names: &names,
            groups: &group_names,
            properties: &properties,
            vars: &request.vars,
            values: &values,
        };
        writer.host(&mut out, &shown).unwrap();
        drop(group_names);
        groups.add(&host, &numbers);
    }
    if feed.content == Content::Topology {
        writer.network(&mut out, &NetworkNode { name: &texts[0], host: "net" });
        for (number, text) in texts.iter().enumerate() {
            let source = host_name(feed, number, text);
            writer.link(&mut out, &FeedLink { name: text, source: &source, destination: "net" });
        }
    }
    writer.end(&mut out, &End { groups: &groups, report: &report });
    String::from_utf8(out).unwrap()
}

/// The most hostile name that the feed can have.
fn host_name(feed: &Feed, number: usize, text: &str) -> String {
    if feed.rules.contains(&NameRule::Name) {
        format!("{number}{text}")
    } else {
        slug(&format!("h{number} {text}"))
    }
}

/// Checks the syntax of a feed and the number of its devices. `grouped` of them have a value that is a group.
fn check(feed: &Feed, text: &str, hosts: usize, grouped: usize) {
    let lines = |mark: &str| text.lines().filter(|line| line.starts_with(mark)).count();
    let fields = |mark: &str| {
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("# 2 devices")).collect();
        assert!(lines.iter().all(|line| line.matches(mark).count() == 3), "{text}");
        assert_eq!(lines.len(), hosts, "{text}");
    };
    match feed.name {
        "ansible" => {
            let json: Json = serde_json::from_str(text).unwrap();
            assert_eq!(json["_meta"]["hostvars"].as_object().unwrap().len(), hosts);
            let all = json["satchel"]["hosts"].as_array().unwrap().len();
            assert_eq!(all, hosts);
            let is_value = |name: &str| !["_meta", "satchel"].contains(&name);
            let members = json.as_object().unwrap().iter().filter(|(name, _)| is_value(name));
            let members: usize = members.map(|(_, g)| g["hosts"].as_array().unwrap().len()).sum();
            assert_eq!(members, grouped, "every value is a group");
        }
        "prometheus" | "oxidized" | "json" => {
            let json: Json = serde_json::from_str(text).unwrap();
            assert_eq!(json.as_array().unwrap().len(), hosts);
        }
        "cytoscape" => {
            let json: Json = serde_json::from_str(text).unwrap();
            assert_eq!(json["elements"]["nodes"].as_array().unwrap().len(), hosts + 1);
            assert_eq!(json["elements"]["edges"].as_array().unwrap().len(), hosts);
        }
        "kea" => {
            let json: Json = serde_json::from_str(text).unwrap();
            let found = &json["Dhcp4"]["subnet4"][0]["reservations"];
            assert_eq!(found.as_array().unwrap().len(), hosts);
        }
        "nornir" | "containerlab" => {
            let forbidden = |c: char| {
                matches!(
                    c,
                    '\u{7f}'
                        ..='\u{9f}'
                            | '\u{2028}'
                            | '\u{2029}'
                            | '\u{feff}'
                            | '\u{fffe}'
                            | '\u{ffff}'
                ) || (c.is_control() && c != '\n')
            };
            assert!(!text.contains(forbidden), "YAML forbids a character: {text:?}");
            let json: Json = serde_json::from_str(text).unwrap();
            let nodes = if feed.name == "nornir" { &json } else { &json["topology"]["nodes"] };
            let more = usize::from(feed.name == "containerlab");
            assert_eq!(nodes.as_object().unwrap().len(), hosts + more);
        }
        "csv" => {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
            assert_eq!(rows.len(), hosts);
        }
        "tsv" => {
            assert!(text.lines().all(|line| line.matches('\t').count() == 7), "{text:?}");
            assert_eq!(text.lines().count(), hosts + 1);
        }
        "graphml" | "drawio" => {
            let mut reader = quick_xml::Reader::from_str(text);
            let (mut nodes, mut edges) = (0, 0);
            loop {
                match reader.read_event().unwrap() {
                    quick_xml::events::Event::Eof => break,
                    quick_xml::events::Event::Start(tag) => {
                        let has =
                            |name: &str| tag.attributes().any(|a| a.unwrap().key.as_ref() == name);
                        nodes += usize::from(tag.name().as_ref() == "node" || has("vertex"));
                        edges += usize::from(tag.name().as_ref() == "edge" || has("edge"));
                    }
                    _ => {}
                }
            }
            assert_eq!((nodes, edges), (hosts + 1, hosts), "{text}");
            let forbidden =
                |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t') && (c as u32) < 0x20;
            assert!(!text.contains(forbidden), "{text:?}");
        }
        "oxidized-csv" | "rancid" => fields(";"),
        "mremoteng" => {
            assert!(text.lines().all(|line| line.matches(';').count() == 7), "{text}");
        }
        "hosts" => assert_eq!(lines("10."), hosts, "{text}"),
        "ssh_config" => assert_eq!(lines("Host "), hosts, "{text}"),
        "dnsmasq" => {
            assert_eq!(lines("host-record="), hosts, "{text}");
            assert_eq!(lines("#"), hosts + 1, "{text}");
        }
        "bind" => assert_eq!(text.lines().filter(|l| l.contains(" IN A ")).count(), hosts),
        "dhcpd" => assert_eq!(lines("host "), hosts, "{text}"),
        "graphviz" => {
            let statements = text.lines().filter(|line| line.ends_with("];")).count();
            assert_eq!(
                (statements, text.lines().count()),
                (2 * hosts + 1, 2 * hosts + 3),
                "{text}"
            );
            assert!(text.lines().all(has_balanced_quotes), "{text}");
        }
        "mermaid" => {
            assert_eq!(text.lines().count(), 2 * hosts + 2, "{text}");
            let quotes = text.lines().skip(1).all(|line| line.matches('"').count() == 2);
            assert!(quotes, "{text}");
        }
        "icinga" => {
            assert_eq!(lines("object Host "), hosts, "{text}");
            let mut vars = text.lines().filter(|line| line.starts_with("  vars"));
            assert!(vars.all(|line| !line.replace("$$", "").contains('$')), "{text}");
            assert!(text.lines().all(has_balanced_quotes), "{text}");
        }
        "nagios" => {
            assert_eq!(lines("define host "), hosts, "{text}");
            assert!(!text.contains([';', '\\']), "{text}");
        }
        other => panic!("{other}: how is this feed parsed? Add its check here"),
    }
}

/// Returns whether every quotation mark of a line is closed, with `\` as the escape.
fn has_balanced_quotes(line: &str) -> bool {
    let mut inside = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if inside => {
                chars.next();
            }
            '"' => inside = !inside,
            _ => {}
        }
    }
    !inside
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_text_breaks_the_syntax_of_a_feed(texts in prop::collection::btree_set(texts(), 1..5)) {
        let texts: Vec<String> = texts.into_iter().collect();
        let (_folder, store) = empty_store();
        let inventory = Inventory::new(store);
        for feed in FEEDS {
            let grouped = texts.iter().filter(|text| !text.is_empty()).count();
            check(feed, &written(&inventory, feed, &texts), texts.len(), grouped);
        }
    }
}

#[test]
fn slugs_that_are_equal_get_numbers_by_age() {
    let (_folder, store) = empty_store();
    let inventory = Inventory::new(store.clone());
    let names = |inventory: &Inventory| {
        let names = HostNames::read(inventory, NameRule::Slug, &[Kind::Device], &[]).unwrap();
        ["b é", "B-E", "b e", "b e 2", "東京", "大阪"]
            .map(|name| names.node(Kind::Device, name).into_owned())
    };
    for name in ["b é", "東京", "b e 2", "B-E", "b e", "大阪"] {
        put(&store, name);
    }
    let expected = ["b-e", "b-e-3", "b-e-4", "b-e-2", "device", "device-2"];
    assert_eq!(names(&inventory), expected);
    // A name that comes first in the alphabet changes no number.
    put(&store, "B E");
    assert_eq!(names(&inventory), expected);
}

fn put(store: &Store, name: &str) {
    let record = AnyRecord::named(Kind::Device, Name::parse(name.to_owned()).unwrap());
    store
        .change(&Origin::internal("test"), |t| -> Result<_, StoreError> { t.put(record) })
        .unwrap();
}
