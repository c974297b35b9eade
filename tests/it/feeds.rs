//! Feeds, over REST and as a command.

use satchel::feeds::FEEDS;
use satchel::http::paths;
use serde_json::{Value, json};

use crate::commands::{assert_exit, at_server, run, stdout_of};
use crate::harness::{ADMIN, Answer, Server, satchel};
use crate::inventory::put;

/// A text that must be in no feed.
const CANARY: &str = "zyzzyva-canary";

/// Options for every feed. A feed takes those that it has for options, and the others for filters.
fn required(feed: &str) -> &'static str {
    match feed {
        "bind" => "?zone=net.example&name_server=ns.other.example",
        "containerlab" => "?node_kind=linux&image=x",
        "kea" => "?mac=mac&subnet=10.0.0.0/8",
        "dhcpd" => "?mac=mac",
        _ => "",
    }
}

fn get(server: &Server, target: &str) -> Answer {
    server.request("GET", target).login(ADMIN).send()
}

fn feed(server: &Server, target: &str) -> String {
    let answer = get(server, &format!("/feeds/{target}"));
    let text = String::from_utf8(answer.body.clone()).unwrap();
    assert_eq!(answer.status, 200, "{target}: {text}");
    text
}

#[test]
fn no_feed_contains_a_secret() {
    let server = Server::start();
    put(&server, "user", &json!({"name": "o-hara", "password": CANARY}));
    let tree = json!({"snmp_community": CANARY, "site": "é>b"});
    put(
        &server,
        "device",
        &json!({
            "name": "R 1%", "ip_address": "10.0.0.1", "mac": "52:54:00:12:34:56", "tree": tree,
            "enable_password": CANARY, "password": CANARY, "snmp_community": CANARY,
            "owners": ["o-hara"], "location": "é>b",
        }),
    );
    let tree = feed(&server, "json?columns=name,tree,positions");
    assert!(tree.contains("é>b") && !tree.contains(CANARY), "{tree}");
    for known in FEEDS {
        let text = feed(&server, &format!("{}{}", known.name, required(known.name)));
        assert!(
            ["R 1%", "r-1", "r_1"].iter().any(|name| text.contains(name)),
            "{}: {text}",
            known.name
        );
        assert!(!text.contains(CANARY), "{}: {text}", known.name);
        for secret in ["enable_password", "password", "snmp_community"] {
            for option in ["vars", "columns", "groups"] {
                let separator = if required(known.name).is_empty() { '?' } else { '&' };
                let (name, required) = (known.name, required(known.name));
                let target = format!("/feeds/{name}{required}{separator}{option}={secret}");
                let answer = get(&server, &target);
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                // An option that the feed does not have is a filter by an unknown property.
                assert_eq!(answer.status, 400, "{target}: {text}");
                assert!(!text.contains(CANARY), "{target}: {text}");
            }
        }
    }
    get(&server, "/feeds/dnsmasq?mac=snmp_community").problem(400, "unknown-property");
    let filter = get(&server, &format!("/feeds/hosts?snmp_community={CANARY}"));
    let problem = filter.problem(400, "unknown-property");
    assert_eq!(problem["errors"][0]["query_parameter"], "snmp_community");
}

#[test]
fn an_unchanged_inventory_is_answered_without_a_body() {
    let server = Server::start_with(&["--rights", "groups"]);
    let login = ("reader é", "a reader's password");
    put(&server, "user", &json!({"name": login.0, "password": login.1}));
    put(&server, "group", &json!({"name": "readers", "users": [login.0]}));
    put(&server, "device", &json!({"name": "hidden %", "ip_address": "10.0.0.1"}));
    let ask = |login, etag: &str| {
        server.request("GET", "/feeds/hosts").login(login).header("If-None-Match", etag).send()
    };
    let first = ask(ADMIN, "\"none\"");
    let etag = first.header("etag").unwrap().to_owned();
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    assert!(String::from_utf8_lossy(&first.body).contains("10.0.0.1"));
    let second = ask(ADMIN, &etag);
    assert_eq!((second.status, second.body.len()), (304, 0));
    assert_eq!(second.header("etag"), Some(&*etag));

    // Another user sees other records, so the ETag of an administrator is not the user's.
    let reader = ask(login, &etag);
    assert_eq!(reader.status, 200);
    assert!(!String::from_utf8_lossy(&reader.body).contains("10.0.0.1"));
    let of_reader = reader.header("etag").unwrap().to_owned();
    assert_ne!(of_reader, etag);
    assert_eq!(ask(login, &of_reader).status, 304);

    put(&server, "device", &json!({"name": "hidden %", "ip_address": "10.0.0.2"}));
    let changed = ask(ADMIN, &etag);
    assert!(String::from_utf8_lossy(&changed.body).contains("10.0.0.2"));
    assert_eq!(ask(login, &of_reader).status, 200);
}

#[test]
fn a_token_for_feeds_reads_every_feed_and_nothing_else() {
    let server = Server::start_with(&["--demo"]);
    let body = json!({"name": "é>b", "scope": "feeds"});
    let made = server.request("POST", "/rest/tokens").login(ADMIN).json(&body).send();
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let status = |target: &str| {
        let request = server.request("GET", target);
        request.header("Authorization", &format!("Bearer {token}")).send().status
    };
    assert_eq!(status("/feeds"), 200);
    for known in FEEDS {
        assert_eq!(status(&format!("/feeds/{}{}", known.name, required(known.name))), 200);
    }
    assert_eq!(status("/feeds/oxidized/lisbon-core-1"), 200);
    assert_eq!(status("/rest/instance/device"), 403);
}

#[test]
fn equal_slugs_are_numbered_and_listed() {
    let server = Server::start();
    for (number, name) in ["São Paulo", "Sao Paulo", "sao-paulo", "東京"].iter().enumerate() {
        put(&server, "device", &json!({"name": name, "ip_address": format!("10.0.0.{number}")}));
    }
    put(&server, "device", &json!({"name": "no address"}));
    let hosts = feed(&server, "hosts");
    let lines: Vec<_> = hosts.lines().collect();
    for line in [
        "10.0.0.0\tsao-paulo\t# São Paulo",
        "10.0.0.1\tsao-paulo-2\t# Sao Paulo",
        "10.0.0.2\tsao-paulo-3\t# sao-paulo",
        "10.0.0.3\tdevice\t# 東京",
        "# 1 device is left out. The option report=true lists them.",
    ] {
        assert!(lines.contains(&line), "{hosts}");
    }
    // A filter does not change the number.
    assert_eq!(feed(&server, "hosts?name=sao-paulo"), "10.0.0.2\tsao-paulo-3\t# sao-paulo\n");
    let report: Value = serde_json::from_str(&feed(&server, "hosts?report=true")).unwrap();
    let devices = json!([{"name": "no address", "reason": "no_address"}]);
    assert_eq!((&report["left_out"], &report["left_out_devices"]), (&json!(1), &devices));
    assert_eq!(report["numbered_devices"][0], json!({"name": "Sao Paulo", "host": "sao-paulo-2"}));
    let one = get(&server, &paths::FEED_HOST.path(["oxidized", "sao-paulo-2"])).json();
    assert_eq!(one["satchel_name"], "Sao Paulo");
}

#[test]
fn wrong_parameters_are_named() {
    let server = Server::start_with(&["--demo"]);
    get(&server, "/feeds/ansibel").problem(404, "unknown-feed");
    get(&server, "/feeds/oxidized/nobody").problem(404, "unknown-feed-host");
    get(&server, "/feeds/hosts/faro-1").problem(404, "unknown-feed-host");
    for (target, kind, parameter) in [
        ("hosts?host=name", "malformed-request", "host"),
        ("hosts?zone=a..b", "malformed-request", "zone"),
        ("hosts?zone=a&zone=b", "malformed-request", "zone"),
        ("bind?zone=net.example", "malformed-request", "name_server"),
        ("prometheus?target_port=0", "malformed-request", "target_port"),
        ("ansible?as=location:1a", "malformed-request", "as"),
        ("ansible?as=port:x", "malformed-request", "as"),
        ("csv?columns=name,vendor&as=vendor:name", "malformed-request", "columns"),
        ("kea?mac=mac&subnet=10.0.0.1/24", "malformed-request", "subnet"),
        ("nornir?file=host", "malformed-request", "file"),
        ("hosts?report=maybe", "malformed-request", "report"),
        ("hosts?pool=nothing", "wrong-value", "pool"),
        ("hosts?vendr=Cisco", "unknown-property", "vendr"),
        ("csv?columns=vendr", "unknown-property", "columns"),
        ("ansible?vars=vendr", "unknown-property", "vars"),
        ("ansible?groups=vendr", "unknown-property", "groups"),
    ] {
        let problem = get(&server, &format!("/feeds/{target}")).problem(400, kind);
        assert_eq!(problem["errors"][0]["query_parameter"], parameter, "{target}: {problem}");
    }
}

#[test]
fn the_command_writes_the_same_feed_offline() {
    let server = Server::start_with(&["--demo"]);
    let online = feed(&server, "graphviz?location=Porto");
    let data = server.data();
    let remote = at_server(&server, "admin", &["feed", "graphviz", "location=Porto"]);
    assert_eq!(stdout_of(&remote), online);
    let folder = server.kill_and_keep();
    let offline = |words: &[&str]| {
        let mut command = satchel();
        command.arg("feed").args(words).arg("--data").arg(&data);
        command.output().unwrap()
    };
    assert_eq!(stdout_of(&offline(&["graphviz", "location=Porto"])), online);
    let to = folder.path().join("é>b.dot");
    let out = to.to_str().unwrap();
    offline(&["graphviz", "location=Porto", "--out", out]);
    assert_eq!(std::fs::read_to_string(&to).unwrap(), online);
    let report: Value = serde_json::from_str(&stdout_of(&offline(&["hosts", "--report"]))).unwrap();
    assert_eq!(report["hosts"], 17);
    let listed = stdout_of(&run(satchel().arg("feed")));
    assert!(FEEDS.iter().all(|known| listed.contains(known.name)), "{listed}");
    assert!(
        stdout_of(&run(satchel().args(["feed", "ansible", "--script"]))).starts_with("#!/bin/sh\n")
    );
    for words in [
        &["ansibel"][..],
        &["hosts", "host=name"],
        &["hosts", "--script"],
        &["hosts", "--host", "faro-1"],
        &["hosts", "vendor"],
    ] {
        assert_exit(&offline(words), 2);
    }
    assert_exit(&offline(&["oxidized", "--host", "nobody"]), 1);
}
