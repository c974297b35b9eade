//! Programs that follow the changes: long polls, server-sent events and `satchel history --follow`. The
//! differences between two moments.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{ADMIN, Connection, GUEST, Server, satchel, until};
use crate::inventory::{ask, delete, encode, get, hostile_names, path, put, put_devices};
use crate::project::{demo, imported, put_folder, read_folder};

/// The number of the last change.
fn last(server: &Server) -> u64 {
    get(server, "/rest/changes")["last"].as_u64().unwrap()
}

/// The numbers of the changes after one, from the history, the oldest first.
fn numbers_after(server: &Server, after: u64) -> Vec<u64> {
    let changes = get(server, "/rest/history?limit=1000");
    let numbers = changes.as_array().unwrap().iter().map(|one| one["number"].as_u64().unwrap());
    let mut numbers: Vec<u64> = numbers.filter(|number| *number > after).collect();
    numbers.reverse();
    numbers
}

/// A stream of events.
struct Events {
    connection: Connection,
    text: String,
    /// The id of the last event.
    id: Option<u64>,
}

impl Events {
    fn open(server: &Server, after: Option<u64>, last_event_id: Option<u64>) -> Self {
        Self::open_as(server, ADMIN, after, last_event_id)
    }

    fn open_as(
        server: &Server,
        login: (&str, &str),
        after: Option<u64>,
        last_event_id: Option<u64>,
    ) -> Self {
        let query = after.map(|after| format!("?after={after}")).unwrap_or_default();
        let mut request = server.request("GET", &format!("/rest/changes{query}")).login(login);
        request = request.header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", &id.to_string());
        }
        let mut connection = server.connect();
        connection.send(&request.bytes());
        let head = connection.read_head();
        assert_eq!(head.status, 200);
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        Self { connection, text: String::new(), id: last_event_id }
    }

    /// The next event with data: its name and its data. `None` at the end of the stream.
    fn next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
                };
                if let Some(id) = field("id: ") {
                    self.id = Some(id.parse().unwrap());
                }
                if let Some(data) = field("data: ") {
                    return Some((field("event: ").unwrap(), serde_json::from_str(&data).unwrap()));
                }
            }
            let mut chunk = Vec::new();
            if !self.connection.read_chunk(&mut chunk) {
                return None;
            }
            self.text += &String::from_utf8(chunk).unwrap();
        }
    }
}

/// The name of the device that ends a test of followers.
const END: &str = "é>b 100% the end";

/// Returns whether a change created the device [`END`].
fn is_end(change: &Value) -> bool {
    change["records"].as_array().unwrap().iter().any(|record| record["name"] == END)
}

/// Follows with long polls until the end. Returns the numbers of the changes.
fn poll_until_end(server: &Server, mut after: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        let page = get(server, &format!("/rest/changes?after={after}&wait=20"));
        after = page["last"].as_u64().unwrap();
        for change in page["changes"].as_array().unwrap() {
            numbers.push(change["number"].as_u64().unwrap());
            if is_end(change) {
                return numbers;
            }
        }
    }
}

/// Follows events until the end, and connects again when a stream ends. Returns the numbers.
fn events_until_end(server: &Server, after: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut events = Events::open(server, Some(after), None);
    loop {
        match events.next() {
            Some((name, change)) => {
                assert_eq!(name, "change", "{change}");
                assert_eq!(events.id, change["number"].as_u64());
                numbers.push(change["number"].as_u64().unwrap());
                if is_end(&change) {
                    return numbers;
                }
            }
            // The query is the same as before, as with EventSource of a browser.
            None => events = Events::open(server, Some(after), events.id),
        }
    }
}

#[test]
fn followers_miss_nothing_and_see_nothing_twice() {
    let server = &Server::start();
    put_folder(server, "demo", &read_folder(&demo()));
    let (start, names) = (last(server), &hostile_names());
    thread::scope(|scope| {
        let followers: Vec<_> = (0..6)
            .map(|index| {
                scope.spawn(move || match index % 2 {
                    0 => poll_until_end(server, start),
                    _ => events_until_end(server, start),
                })
            })
            .collect();
        let writers: Vec<_> = names
            .chunks(4)
            .map(|names| {
                scope.spawn(move || {
                    for name in names {
                        for vendor in ["Acme", "Bêta", "Gamma"] {
                            put(server, "device", &json!({"name": name, "vendor": vendor}));
                        }
                        delete(server, "device", name);
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        // Changes of the whole inventory, during which followers wait.
        imported(server, "demo", json!({}));
        put(server, "device", &json!({"name": "R 1%"}));
        assert_eq!(ask(server, "POST", "/rest/undo").send().status, 200);
        put(server, "user", &json!({"name": "éva"}));
        put(server, "device", &json!({"name": END}));

        let expected = numbers_after(server, start);
        assert!(expected.len() > 4 * names.len(), "{expected:?}");
        for follower in followers {
            assert_eq!(follower.join().unwrap(), expected);
        }
    });
}

#[test]
fn changes_say_what_happened_to_which_records() {
    let server = Server::start();
    let start = last(&server);
    put(&server, "device", &json!({"name": "R 1%"}));
    put(&server, "device", &json!({"name": "R 1%", "new_name": "é>b"}));
    let text = ask(&server, "PUT", &format!("/rest/configuration/{}", encode("é>b")));
    assert_eq!(text.body("hostname x\n").send().status, 200);
    delete(&server, "device", "é>b");
    put_devices(&server, 130);
    put_folder(&server, "demo", &read_folder(&demo()));
    imported(&server, "demo", json!({}));

    let page = get(&server, &format!("/rest/changes?after={start}"));
    assert_eq!(page["last"], last(&server));
    let changes = page["changes"].as_array().unwrap();
    let numbers: Vec<_> = changes.iter().map(|change| change["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, numbers_after(&server, start));
    let device =
        |name: &str, effect: &str| json!({"type": "device", "name": name, "effect": effect});
    assert_eq!(changes[0]["records"], json!([device("R 1%", "created")]));
    assert_eq!(changes[0]["operation"], "put_instances");
    assert_eq!(changes[0]["listed"], "all");
    let mut renamed = [device("R 1%", "removed"), device("é>b", "updated")];
    renamed[0]["renamed_to"] = json!("é>b");
    renamed[1]["renamed_from"] = json!("R 1%");
    assert_eq!(changes[1]["records"], json!(renamed));
    assert_eq!(changes[2]["records"], json!([device("é>b", "updated")]));
    assert_eq!(changes[3]["records"], json!([device("é>b", "removed")]));
    let many = &changes[4];
    assert_eq!(many["records"].as_array().unwrap().len(), 100);
    assert_eq!((&many["listed"], &many["not_listed"]), (&json!("first"), &json!(30)));
    let import = &changes[5];
    assert_eq!((&import["listed"], &import["records"]), (&json!("none"), &json!([])));
    assert_eq!(import["generation"]["by"], "import");
    assert!(import["not_listed"].as_u64() > Some(17), "{import}");
    assert_eq!(import["types"].as_array().unwrap().len(), 11);
}

#[test]
fn a_wait_ends_with_the_next_change_or_at_its_time() {
    let server = &Server::start();
    let start = last(server);
    let begun = Instant::now();
    let page = get(server, &format!("/rest/changes?after={start}&wait=1"));
    assert_eq!(page, json!({"changes": [], "last": start}));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    thread::scope(|scope| {
        // Without `after` it waits for the next change from now on.
        let waiting = scope.spawn(|| get(server, "/rest/changes?wait=55"));
        until(|| {
            let metrics = ask(server, "GET", "/metrics").send();
            String::from_utf8(metrics.body).unwrap().contains("satchel_requests_in_progress 2")
        });
        put(server, "device", &json!({"name": "R 1%"}));
        let page = waiting.join().unwrap();
        assert_eq!(page["last"], start + 1);
        assert_eq!(page["changes"][0]["records"][0]["name"], "R 1%");
    });
}

#[test]
fn positions_that_are_not_kept_and_wrong_requests_are_refused() {
    let mut server = Server::start();
    let changes =
        |server: &Server, query: &str| ask(server, "GET", &format!("/rest/changes?{query}")).send();
    for (query, parameter) in
        [("wait=56", "wait"), ("wait=-1", "wait"), ("after=x", "after"), ("wiat=1", "wiat")]
    {
        let problem = changes(&server, query).problem(400, "malformed-request");
        assert_eq!(problem["errors"][0]["query_parameter"], parameter, "{problem}");
    }
    let events = |query: &str| {
        let request = ask(&server, "GET", &format!("/rest/changes?{query}"));
        request.header("accept", "text/event-stream")
    };
    events("wait=1").send().problem(400, "malformed-request");
    let refused = events("").header("last-event-id", "R 1%").send();
    assert_eq!(refused.problem(400, "malformed-request")["errors"][0]["header"], "last-event-id");
    assert_eq!(server.request("GET", "/rest/changes").send().status, 401);
    // As after a restored copy of the data directory.
    let later = last(&server) + 1;
    let problem = changes(&server, &format!("after={later}")).problem(410, "not-in-history");
    assert!(problem["detail"].as_str().unwrap().contains("read the whole inventory"), "{problem}");
    events(&format!("after={later}")).send().problem(410, "not-in-history");

    for letter in ["a", "b", "c", "d"] {
        put(&server, "device", &json!({"name": "R 1%", "notes": letter.repeat(1 << 20)}));
    }
    server = server.start_again_with(&["--history-mib", "2"]);
    until(|| !numbers_after(&server, 0).contains(&1));
    let begin = numbers_after(&server, 0)[0];
    let problem = changes(&server, "after=0").problem(410, "not-in-history");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("change {begin} ")), "{detail}");
    let kept = changes(&server, &format!("after={}", begin - 1)).json();
    assert_eq!(kept["changes"][0]["number"], begin);
    let last = last(&server);
    assert_eq!(changes(&server, &format!("after={last}")).json()["changes"], json!([]));
}

#[test]
fn the_waiting_clients_of_a_user_are_limited() {
    let server = Server::start();
    let mut streams: Vec<_> = (0..16).map(|_| Events::open(&server, None, None)).collect();
    let one_more = || ask(&server, "GET", "/rest/changes?wait=1").send();
    one_more().problem(429, "too-many-followers");
    // A request that does not wait is not counted.
    assert_eq!(ask(&server, "GET", "/rest/changes").send().status, 200);
    // A client that disconnects makes room.
    streams.pop();
    until(|| one_more().status == 200);
    put(&server, "device", &json!({"name": "R 1%"}));
    for stream in &mut streams {
        assert_eq!(stream.next().unwrap().1["records"][0]["name"], "R 1%");
    }
}

#[test]
fn streams_end_when_a_user_changes_so_that_deleted_users_see_no_more() {
    let server = Server::start();
    put(&server, "user", &json!({"name": GUEST.0, "password": GUEST.1}));
    let mut stream = Events::open_as(&server, GUEST, None, None);
    put(&server, "device", &json!({"name": "R 1%"}));
    let (_, change) = stream.next().unwrap();
    // The addresses of clients are for administrators.
    assert!(change["address"].is_null(), "{change}");
    delete(&server, "user", GUEST.0);
    assert_eq!(stream.next().unwrap().1["records"][0]["effect"], "removed");
    assert!(stream.next().is_none());
    let again = server.request("GET", "/rest/changes").login(GUEST);
    assert_eq!(again.send().status, 401);
}

#[test]
fn waiting_clients_do_not_keep_a_server_from_stopping() {
    let mut server = Server::start();
    let start = last(&server);
    let mut stream = Events::open(&server, None, None);
    let mut polling = server.connect();
    polling.send(&ask(&server, "GET", "/rest/changes?wait=55").bytes());
    until(|| {
        let metrics = ask(&server, "GET", "/metrics").send();
        String::from_utf8(metrics.body).unwrap().contains("satchel_requests_in_progress 3")
    });
    let begun = Instant::now();
    server.terminate();
    assert!(stream.next().is_none());
    assert_eq!(polling.answer().json(), json!({"changes": [], "last": start}));
    assert!(server.wait().success());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn the_command_prints_changes_as_they_are_made() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "before"}));
    let start = last(&server);
    let url = format!("http://{}", server.address);
    let follow = |arguments: &[&str]| {
        let mut command = satchel();
        command.args(["history", "--follow", "--server", &url, "--user", "admin"]);
        command.args(arguments).env("SATCHEL_PASSWORD", "admin");
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    };
    let after = start.to_string();
    let mut text = follow(&["--after", &after]);
    let mut json = follow(&["--after", &after, "--json"]);
    let mut text_lines = BufReader::new(text.stdout.take().unwrap()).lines();
    let mut json_lines = BufReader::new(json.stdout.take().unwrap()).lines();
    for name in ["é>b", "\u{202e}R 1%"] {
        put(&server, "device", &json!({"name": name}));
        let line = text_lines.next().unwrap().unwrap();
        assert!(line.contains("admin  put_instances  1 device created: "), "{line}");
        assert!(!line.contains('\u{202e}'), "{line}");
        let change: Value = serde_json::from_str(&json_lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(change["records"][0]["name"], name);
        assert_eq!(get(&server, &path("device", name))["name"], name);
    }
    for mut child in [text, json] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let data = server.data();
    let mut local = satchel();
    let output = local.args(["history", "--follow", "--data"]).arg(&data).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("--server"), "{message}");
}

/// The differences between two moments.
fn difference(server: &Server, query: &str) -> Value {
    get(server, &format!("/rest/diff?{query}"))
}

#[test]
fn differences_between_two_moments_are_shown_by_record() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Acme", "rack": 7}));
    put(&server, "device", &json!({"name": "é>b", "vendor": "Acme"}));
    put(&server, "device", &json!({"name": "..", "vendor": "Acme"}));
    put(&server, "credential", &json!({"name": "c 100%", "password": "hunter-one"}));
    let since = last(&server);
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Beta"}));
    put(&server, "device", &json!({"name": "R 1%", "vendor": "Gamma"}));
    put(&server, "credential", &json!({"name": "c 100%", "password": "hunter-two"}));
    put(&server, "device", &json!({"name": "é>b", "new_name": "日本語 🦀"}));
    delete(&server, "device", "..");
    put(&server, "device", &json!({"name": "new", "vendor": "Acme"}));
    put(&server, "device", &json!({"name": "short", "vendor": "Acme"}));
    delete(&server, "device", "short");
    let middle = last(&server);
    let text = ask(&server, "PUT", &format!("/rest/configuration/{}", encode("R 1%")));
    assert_eq!(text.body("hostname x\n").send().status, 200);

    let all = difference(&server, &format!("since={since}"));
    assert_eq!((&all["since"], &all["to"]), (&json!(since), &json!(middle + 1)));
    assert_eq!(all["complete"], true);
    assert_eq!(
        all["types"],
        json!([
            {"type": "device", "created": 1, "updated": 2, "removed": 1},
            {"type": "credential", "created": 0, "updated": 1, "removed": 0},
        ])
    );
    let record = |name: &str| {
        let mut records = all["records"].as_array().unwrap().iter();
        records.find(|record| record["name"] == name).unwrap()
    };
    let changed = |name: &str| -> Vec<Value> {
        let properties = record(name)["properties"].as_array().unwrap().iter();
        properties.filter(|one| one["property"] != "last_modified").cloned().collect()
    };
    let vendor = json!({"property": "vendor", "before": "Acme", "after": "Gamma"});
    let text = json!({"property": "configuration", "text": true});
    assert_eq!(changed("R 1%"), [text, vendor]);
    assert_eq!(changed("c 100%"), [json!({"property": "password", "secret": true})]);
    assert!(!all.to_string().contains("hunter"), "{all}");
    assert_eq!(record("日本語 🦀")["renamed_from"], "é>b");
    assert_eq!(record("..")["effect"], "removed");
    assert_eq!(record("new")["effect"], "created");
    assert_eq!(all["records"].as_array().unwrap().len(), 5);

    let part = difference(&server, &format!("since={middle}"));
    assert_eq!(
        part["records"][0]["properties"],
        json!([{"property": "configuration", "text": true}])
    );
    let none = difference(&server, &format!("since={middle}&to={middle}"));
    assert_eq!(none["records"], json!([]));
    let earlier = difference(&server, &format!("since=0&to={since}"));
    assert!(earlier["records"].as_array().unwrap().iter().all(|one| one["effect"] == "created"));
    let refused = |query: &str| ask(&server, "GET", &format!("/rest/diff?{query}")).send();
    for query in ["", "since=yesterday", "since=3&to=2", "since=1&too=2"] {
        refused(query).problem(400, "malformed-request");
    }
    refused(&format!("since={}", middle + 2)).problem(404, "unknown-change");
    refused("since=2020-01-01").problem(410, "not-in-history");
}

#[test]
fn a_name_that_another_record_takes_over_is_compared_by_name() {
    let server = Server::start();
    for name in ["a", "b", "c", "d"] {
        put(&server, "device", &json!({"name": name, "vendor": name}));
    }
    let since = last(&server);
    // b takes the name of a deleted record. c and d swap their names.
    delete(&server, "device", "a");
    for (name, new) in [("b", "a"), ("c", "x"), ("d", "c"), ("x", "d")] {
        put(&server, "device", &json!({"name": name, "new_name": new}));
    }
    let all = difference(&server, &format!("since={since}"));
    let shown: Vec<Value> = all["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["name"], one["effect"], one["renamed_from"]]))
        .collect();
    let expected = json!([
        ["a", "updated", null],
        ["b", "removed", null],
        ["c", "updated", "d"],
        ["d", "updated", "c"],
    ]);
    assert_eq!(json!(shown), expected);
}

#[test]
fn the_command_compares_moments_and_says_what_it_cannot_compare() {
    let mut server = Server::start();
    put(&server, "device", &json!({"name": "R 1%\u{202e}", "vendor": "Acme"}));
    let since = last(&server);
    put(&server, "device", &json!({"name": "R 1%\u{202e}", "vendor": "Beta"}));
    put_folder(&server, "demo", &read_folder(&demo()));
    imported(&server, "demo", json!({}));
    let import = last(&server);
    put(&server, "device", &json!({"name": "later"}));
    let complete = difference(&server, &format!("since={since}"));
    assert_eq!(complete["complete"], true, "{complete}");
    server.kill();
    let data = server.data();
    let run = |arguments: &[&str]| {
        let mut command = satchel();
        let output = command.arg("diff").args(arguments).arg("--data").arg(&data).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let number = |number: u64| number.to_string();
    let (code, text) = run(&["--since", &number(since), "--to", &number(since + 1)]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("R 1%\\u{202e}\n          last_modified"), "{text}");
    assert!(text.contains("          vendor: \"Acme\" → \"Beta\"\n"), "{text}");
    let (code, text) = run(&["--since", &number(since)]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("          vendor: \"Acme\" → \"Beta\"\n"), "{text}");
    let (code, text) = run(&["--since", &number(import + 1)]);
    assert_eq!((code, text.lines().count()), (Some(0), 1), "{text}");
    let (code, json) = run(&["--since", &number(import), "--json"]);
    assert_eq!(code, Some(1));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["records"][0]["name"], "later");
    assert_eq!(run(&["--since", "9999"]).0, Some(2));
    assert_eq!(run(&[]).0, Some(2));

    // A second import, after which the copy from before the first one is not kept.
    server = server.start_again_with(&["--generations-kept", "1"]);
    imported(&server, "demo", json!({"empty_database_before_import": true}));
    let incomplete = difference(&server, &format!("since={since}"));
    assert_eq!(incomplete["complete"], false, "{incomplete}");
    assert_eq!(incomplete["not_compared"][0]["number"], import);
    server.kill();
    let (code, text) = run(&["--since", &number(since)]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains(&format!("Note: change {import} at ")), "{text}");
    assert!(text.contains("is no longer kept\n"), "{text}");
}
