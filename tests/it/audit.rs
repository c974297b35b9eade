//! The audit log: its entries, its chain, and its messages to a collector.

mod chain;
pub(crate) mod syslog;

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    commands::{assert_exit, run, stdout_of},
    harness::{ADMIN, GUEST, Server, satchel, until},
    inventory::{get, put},
    project::{documents, imported, put_folder},
};

/// The entries of a server, the newest first, once there are at least this many of one kind.
fn entries(server: &Server, event: &str, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    until(|| {
        let list = get(server, &format!("/rest/audit?event={event}"));
        found = list.as_array().unwrap().clone();
        found.len() >= count
    });
    assert_eq!(found.len(), count, "{found:#?}");
    found
}

/// The lines of the log on the disk, the oldest first.
fn lines(data: &Path) -> Vec<String> {
    let mut paths: Vec<_> =
        fs::read_dir(data.join("audit")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let text: String = paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert!(text.ends_with('\n'));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn logins_changes_and_operations_have_entries() {
    let server = Server::start_with(&["--demo"]);
    put(&server, "user", &json!({"name": GUEST.0, "email": "g@x", "password": GUEST.1}));
    for login in [GUEST, (GUEST.0, "wrong"), ("é>b\n", "wrong"), (GUEST.0, "wrong"), GUEST] {
        server.request("GET", "/rest/count").login(login).send();
    }
    let failed = entries(&server, "login_failed", 2);
    assert_eq!((&failed[0]["user"], &failed[1]["user"]), (&json!("é>b\n"), &json!(GUEST.0)));
    assert_eq!(failed[0]["address"], "127.0.0.1");
    // One entry for each user, whatever the number of requests.
    assert_eq!(entries(&server, "login", 2)[0]["user"], GUEST.0);

    let body = json!({"name": "é>b", "scope": "read"});
    let made = server.request("POST", "/rest/tokens").login(ADMIN).json(&body).send();
    let token = made.json()["token"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        let bearer = format!("Bearer {token}");
        server.request("GET", "/rest/count").header("Authorization", &bearer).send();
        let wrong = format!("Bearer {}", token.replace('.', ".0"));
        server.request("GET", "/rest/count").header("Authorization", &wrong).send();
    }
    assert_eq!(entries(&server, "token_use", 1)[0]["subject"], "é>b");
    assert_eq!(entries(&server, "token", 1)[0]["operation"], "make_token");

    put_folder(&server, "E 1", &documents(&[("device", "- {name: 'R 1%'}\n")]));
    imported(&server, "E 1", json!({"import_export_types": ["device"]}));
    let export = json!({"name": "out", "import_export_types": ["device"]});
    server.request("POST", "/rest/migrate/export").login(ADMIN).json(&export).send();
    server.request("GET", "/rest/migrate/projects/out").login(ADMIN).send();
    server.request("POST", "/rest/undo").login(ADMIN).json(&json!({})).send();
    let import = &entries(&server, "import", 1)[0];
    assert_eq!((&import["subject"], &import["status"]), (&json!("E 1"), &json!(200)));
    assert_eq!(entries(&server, "export", 1)[0]["subject"], "out");
    assert_eq!(entries(&server, "download", 1)[0]["subject"], "out");
    assert_eq!(entries(&server, "undo", 1)[0]["user"], "admin");
    let last = get(&server, "/rest/changes")["last"].as_u64().unwrap();
    until(|| {
        let newest = &get(&server, "/rest/audit?event=change&limit=1")[0];
        newest["changes"]["last"] == json!(last)
    });
    assert_eq!(entries(&server, "start", 1)[0]["settings"]["listen"], "127.0.0.1:0");
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
    let state = get(&server, "/rest/state");
    assert_eq!(
        (&state["audit"]["lost"], &state["audit"]["is_writable"]),
        (&json!(0), &json!(true))
    );
}

#[test]
fn entries_are_filtered_and_come_in_pages() {
    let server = Server::start();
    for number in 0..7 {
        let body = json!({"name": format!("é>b {number}"), "scope": "read"});
        server.request("POST", "/rest/tokens").login(ADMIN).json(&body).send();
    }
    server.request("DELETE", "/rest/tokens/%C3%A9%3Eb%203").login(ADMIN).send();
    let all = entries(&server, "token", 8);
    let number = |entry: &Value| entry["number"].as_u64().unwrap();
    assert!(all.windows(2).all(|pair| number(&pair[0]) > number(&pair[1])));
    let page = get(&server, "/rest/audit?event=token&limit=3");
    assert_eq!(page, json!(all[..3]));
    let below = number(&all[2]);
    let next = get(&server, &format!("/rest/audit?event=token&limit=3&below={below}"));
    assert_eq!(next, json!(all[3..6]));
    let count =
        |query: &str| get(&server, &format!("/rest/audit?{query}")).as_array().unwrap().len();
    // It was made and revoked.
    assert_eq!(count("text=%C3%89%3EB%203"), 2);
    assert_eq!(count("user=nobody"), 0);
    assert_eq!(count("user=admin&event=token&address=127.0.0.1"), 8);
    assert_eq!(count("address=127.0.0.2"), 0);
    assert_eq!(count("since=2999-01-01"), 0);
    assert_eq!(count("until=2000-01-01"), 0);
    assert_eq!(count("event=token&since=2020-01-01&until=2999-01-01"), 8);
    let raw = server.request("GET", "/rest/audit?event=token").login(ADMIN);
    let raw = raw.header("Accept", "application/x-ndjson").send();
    let stored = lines(&server.data());
    let text = String::from_utf8(raw.body).unwrap();
    assert_eq!(text.lines().count(), 8);
    // As they are stored, byte for byte.
    assert!(text.lines().all(|line| stored.iter().any(|stored| stored == line)));
    for wrong in ["event=logins", "address=x", "since=x", "limit=0", "limit=1001", "evnt=login"] {
        let answer = server.request("GET", &format!("/rest/audit?{wrong}")).login(ADMIN).send();
        assert_eq!(answer.status, 400, "{wrong}");
    }
    put(&server, "user", &json!({"name": GUEST.0, "email": "g@x", "password": GUEST.1}));
    assert_eq!(server.request("GET", "/rest/audit").login(GUEST).send().status, 403);
}

/// A user without rights cannot push the entries of others out of the log.
#[test]
fn refused_requests_of_a_user_are_few_entries() {
    let mut server = Server::start();
    put(&server, "user", &json!({"name": GUEST.0, "email": "g@x", "password": GUEST.1}));
    for _ in 0..20 {
        let answer = server.request("DELETE", "/rest/sessions/0123").login(GUEST).send();
        assert_eq!(answer.status, 404);
        let body = json!({"name": "x", "scope": "nonsense"});
        server.request("POST", "/rest/tokens").login(GUEST).json(&body).send();
    }
    entries(&server, "token", 1);
    assert_eq!(entries(&server, "operation", 1)[0]["status"], 404);
    server.terminate();
    assert!(server.wait().success());
    let server = server.start_again();
    let ended = entries(&server, "operation", 2);
    assert_eq!((&ended[0]["count"], &ended[0]["status"]), (&json!(19), &json!(404)));
    assert_eq!(entries(&server, "token", 2)[0]["count"], 19);
    // The change of a password is one entry.
    let wrong = json!({"password": GUEST.1, "new_password": "short"});
    server.request("PUT", "/rest/password").login(GUEST).json(&wrong).send();
    let changed = json!({"password": GUEST.1, "new_password": "Bergen harbour 7"});
    let answer = server.request("PUT", "/rest/password").login(GUEST).json(&changed).send();
    assert_eq!(answer.status, 204);
    until(|| {
        let newest = get(&server, "/rest/audit?event=change&limit=1");
        newest[0]["operation"] == "change_password"
    });
    entries(&server, "operation", 2);
}

#[test]
fn starts_stops_and_changed_settings_have_entries() {
    let mut server = Server::start();
    server.terminate();
    assert!(server.wait().success());
    let server = server.start_again_with(&["--history-days", "30"]);
    entries(&server, "start", 2);
    entries(&server, "stop", 1);
    let changed = &entries(&server, "settings", 1)[0]["changed"];
    assert_eq!(changed["history_days"], json!({"after": "30"}));
    let server = server.start_again_with(&["--history-days", "31"]);
    let changed = &entries(&server, "settings", 2)[0]["changed"];
    assert_eq!(*changed, json!({"history_days": {"before": "30", "after": "31"}}));
}

#[test]
fn the_command_lists_entries_offline_and_at_a_server() {
    let server = Server::start();
    server.request("GET", "/rest/count").login(("é\u{1b}[31m\u{200b}\u{2028}", "wrong")).send();
    entries(&server, "login_failed", 1);
    let url = format!("http://{}", server.address);
    let words = ["audit", "--event", "login_failed"];
    let mut at_server = satchel();
    at_server.args(words).args(["--server", &url, "--user", "admin"]);
    let shown = run(at_server.env("SATCHEL_PASSWORD", "admin"));
    assert_exit(&shown, 0);
    assert!(stdout_of(&shown).contains("from 127.0.0.1"), "{}", stdout_of(&shown));
    assert!(!stdout_of(&shown).contains(['\u{1b}', '\u{200b}', '\u{2028}']));
    let directory = server.kill_and_keep();
    let data = directory.path().join("data");
    let logins = |lines: &[String]| lines.iter().filter(|line| line.contains("\"login\"")).count();
    let before = logins(&lines(&data));
    let mut offline = satchel();
    let offline = run(offline.args(words).arg("--data").arg(&data));
    assert_exit(&offline, 0);
    assert_eq!(stdout_of(&offline), stdout_of(&shown));
    // A command on the data directory logs in with an invented password, which is no event.
    let json = run(satchel().args(["audit", "--json", "--data"]).arg(&data));
    let events: Vec<Value> = serde_json::from_str(&stdout_of(&json)).unwrap();
    assert!(!events.is_empty());
    assert_eq!(logins(&lines(&data)), before);
}
