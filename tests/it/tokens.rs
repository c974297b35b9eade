//! Tests of tokens: credentials of programs.

use serde_json::{Value, json};

use crate::commands::{assert_exit, at_server, run, stdout_of};
use crate::harness::{ADMIN, Answer, GUEST, Server, satchel, until};
use crate::inventory::put;

const TOKENS: &str = "/rest/tokens";
const DEVICES: &str = "/rest/instance/device";

fn make(server: &Server, login: (&str, &str), body: &Value) -> Answer {
    server.request("POST", TOKENS).login(login).json(body).send()
}

/// The text of a new token.
fn token(server: &Server, login: (&str, &str), name: &str, scope: &str) -> String {
    let made = make(server, login, &json!({"name": name, "scope": scope}));
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["token"].as_str().unwrap().to_owned()
}

fn status(server: &Server, method: &str, path: &str, token: &str) -> u16 {
    let request = server.request(method, path).header("Authorization", &format!("Bearer {token}"));
    request.json(&json!({})).send().status
}

#[test]
fn a_scope_limits_what_a_token_can_do() {
    let server = Server::start_with(&["--demo"]);
    // A call for each right: to read, to collect, to change, to import, to export, to administer, to
    // manage one's own tokens, and to delete backups and projects.
    const CALLS: [(&str, &str); 9] = [
        ("GET", DEVICES),
        ("GET", "/metrics"),
        ("POST", DEVICES),
        ("POST", "/rest/migrate/import"),
        ("POST", "/rest/migrate/export"),
        ("POST", "/rest/undo"),
        ("GET", TOKENS),
        ("DELETE", "/rest/backups/x"),
        ("DELETE", "/rest/migrate/projects/x"),
    ];
    for (scope, allowed) in [
        ("read", [true, false, false, false, false, false, false, false, false]),
        ("feeds", [false, true, false, false, false, false, false, false, false]),
        ("backup", [true, false, false, false, true, false, false, false, false]),
        ("import", [true, false, false, true, false, false, false, false, false]),
        ("admin", [true, true, true, true, true, true, false, true, true]),
    ] {
        let token = token(&server, ADMIN, scope, scope);
        for ((method, path), allowed) in CALLS.into_iter().zip(allowed) {
            let status = status(&server, method, path, &token);
            assert_eq!(status != 403, allowed, "{scope}: {method} {path} is {status}");
            assert_ne!(status, 401, "{scope}: {method} {path}");
        }
    }
}

#[test]
fn a_token_has_no_more_rights_than_its_user_has_now() {
    let server = Server::start();
    put(&server, "user", &json!({"name": GUEST.0, "password": GUEST.1, "is_admin": true}));
    let token = token(&server, GUEST, "é>b", "admin");
    let refused = || {
        let request = server.request("GET", "/rest/state");
        request.header("Authorization", &format!("Bearer {token}")).send()
    };
    assert_eq!(refused().status, 200);
    put(&server, "user", &json!({"name": GUEST.0, "is_admin": false}));
    let detail = refused().problem(403, "forbidden")["detail"].clone();
    assert_eq!(
        detail,
        "This needs the right “backup”, which the token “é>b” of “guest” does not have."
    );
    assert_eq!(status(&server, "GET", DEVICES, &token), 200);
    let user = format!("/rest/instance/user/{}", GUEST.0);
    assert_eq!(server.request("DELETE", &user).login(ADMIN).send().status, 200);
    assert_eq!(status(&server, "GET", DEVICES, &token), 401);
}

#[test]
fn tokens_are_listed_without_their_secrets_and_revoked() {
    let server = Server::start();
    put(&server, "user", &json!({"name": GUEST.0, "password": GUEST.1}));
    let of_guest = token(&server, GUEST, "é>b", "read");
    let of_admin = token(&server, ADMIN, "é>b", "read");
    assert_eq!(status(&server, "GET", DEVICES, &of_guest), 200);
    let list = |login| server.request("GET", TOKENS).login(login).send();
    let tokens = list(GUEST).json()["tokens"].clone();
    assert_eq!(tokens.as_array().unwrap().len(), 1);
    assert_eq!((&tokens[0]["name"], &tokens[0]["scope"]), (&json!("é>b"), &json!("read")));
    assert!(tokens[0]["last_used"].is_string());
    let all = list(ADMIN);
    assert_eq!(all.json()["tokens"].as_array().unwrap().len(), 2);
    let text = String::from_utf8(all.body.clone()).unwrap();
    for token in [&of_guest, &of_admin] {
        let (_, secret) = token.split_once('.').unwrap();
        assert!(!text.contains(secret));
        assert!(server.log().iter().all(|line| !line.to_string().contains(secret)));
    }

    // Users see and revoke their own tokens only.
    let key = |list: Value, at: usize| list["tokens"][at]["key"].as_str().unwrap().to_owned();
    let revoke =
        |login, key: &str| server.request("DELETE", &format!("{TOKENS}/{key}")).login(login).send();
    revoke(GUEST, &key(all.json(), 1)).problem(404, "unknown-token");
    assert_eq!(revoke(ADMIN, &key(all.json(), 0)).status, 200);
    assert_eq!(status(&server, "GET", DEVICES, &of_guest), 401);
    assert_eq!(revoke(ADMIN, "%C3%A9%3Eb").status, 200);
    revoke(ADMIN, "%C3%A9%3Eb").problem(404, "unknown-token");
    assert_eq!(status(&server, "GET", DEVICES, &of_admin), 401);
}

#[test]
fn a_token_survives_a_restart_and_not_a_foreign_key() {
    let server = Server::start();
    let token = token(&server, ADMIN, "nightly", "read");
    let server = server.start_again();
    assert_eq!(status(&server, "GET", DEVICES, &token), 200);
    let file = server.data().join("tokens");
    let kept = std::fs::read(&file).unwrap();
    let directory = server.kill_and_keep();
    std::fs::write(&file, [&kept[..], b"x"].concat()).unwrap();
    let output = crate::harness::command(&directory.path().join("data")).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("tokens") && stderr.contains("Move it away"), "{stderr}");

    // A file of another server is of no use.
    let other = Server::start();
    std::fs::write(other.data().join("tokens"), kept).unwrap();
    let other = other.start_again();
    assert_eq!(status(&other, "GET", DEVICES, &token), 401);
}

#[test]
fn a_lost_file_is_in_the_log() {
    let server = Server::start();
    let token = token(&server, ADMIN, "nightly", "read");
    let is_logged = |server: &Server| {
        let lines = server.log();
        lines.iter().any(|line| line.to_string().contains("The file “tokens” is missing"))
    };
    let mut server = server.start_again();
    assert!(!is_logged(&server));
    server.kill();
    std::fs::remove_file(server.data().join("tokens")).unwrap();
    let server = server.start_again();
    until(|| is_logged(&server));
    assert_eq!(status(&server, "GET", DEVICES, &token), 401);
}

#[test]
fn wrong_tokens_and_requests_are_refused() {
    let server = Server::start();
    let token = token(&server, ADMIN, "a", "read");
    let last = if token.ends_with('0') { "1" } else { "0" };
    let changed = format!("{}{last}", &token[..token.len() - 1]);
    for wrong in ["x", "sat_", "sat_0.0", &changed, &token[..token.len() - 1]] {
        assert_eq!(status(&server, "GET", DEVICES, wrong), 401, "{wrong}");
    }
    for (body, status, word) in [
        (json!({"name": "a", "scope": "read"}), 422, "change-rejected"),
        (json!({"name": "", "scope": "read"}), 422, "change-rejected"),
        (json!({"name": "b"}), 400, "malformed-body"),
        (json!({"name": "b", "scope": "everything"}), 400, "malformed-body"),
        (json!({"name": "b", "scope": "read", "expires_days": 0}), 400, "malformed-body"),
        (json!({"name": "b", "scope": "read", "expires_days": 3651}), 400, "malformed-body"),
        (json!({"name": "b", "scope": "read", "from": "my net"}), 400, "malformed-body"),
        (json!({"name": "b", "scope": "read", "form": "10.0.0.0/8"}), 400, "malformed-body"),
    ] {
        let refused = make(&server, ADMIN, &body);
        assert_eq!(refused.status, status, "{body}: {refused:?}");
        refused.problem(status, word);
    }
    for name in ["a\u{202e}b", "\u{200b}", "a "] {
        make(&server, ADMIN, &json!({"name": name, "scope": "read"}))
            .problem(422, "change-rejected");
    }
    // The address of a client of a proxy that is not trusted is unknown.
    let body = json!({"name": "near", "scope": "read", "from": "127.0.0.0/8"});
    let near = make(&server, ADMIN, &body).json()["token"].as_str().unwrap().to_owned();
    let near = format!("Bearer {near}");
    let ask = || server.request("GET", DEVICES).header("Authorization", &near);
    assert_eq!(ask().send().status, 200);
    ask().header("X-Forwarded-For", "10.1.1.1").send().problem(401, "unauthenticated");
    // The token works from this network only.
    let body = json!({"name": "far", "scope": "read", "from": "192.0.2.0/24", "expires_days": 1});
    let far = make(&server, ADMIN, &body).json()["token"].as_str().unwrap().to_owned();
    let request = server.request("GET", DEVICES).header("Authorization", &format!("Bearer {far}"));
    let detail = request.send().problem(401, "unauthenticated")["detail"].clone();
    assert_eq!(detail, "The token cannot be used from this address.");
}

#[test]
fn commands_make_tokens_and_use_them() {
    let server = Server::start_with(&["--demo"]);
    let create = ["token", "create", "--name", "é>b", "--scope", "backup", "--expires", "7d"];
    let made = at_server(&server, "admin", &create);
    assert_exit(&made, 0);
    let token = stdout_of(&made).trim().to_owned();
    let url = format!("http://{}", server.address);
    let with_token = |words: &[&str]| {
        run(satchel().args(words).args(["--server", &url]).env("SATCHEL_TOKEN", &token))
    };
    assert_exit(&with_token(&["inspect"]), 0);
    assert_exit(&with_token(&["delete", "device", "Lisbon core 1", "--yes"]), 1);
    assert_exit(&with_token(&["token", "list"]), 1);
    let listed = stdout_of(&at_server(&server, "admin", &["token", "list"]));
    assert!(listed.contains("  é>b  backup  user admin  until "), "{listed}");
    let revoked = at_server(&server, "admin", &["token", "revoke", "é>b"]);
    assert_eq!(stdout_of(&revoked), "Revoked token “é>b” of user “admin”.\n");
    assert_exit(&with_token(&["inspect"]), 1);
    let listed = stdout_of(&at_server(&server, "admin", &["token", "list"]));
    assert_eq!(listed, "There are no tokens.\n");
    for wrong in [["--expires", "0d"], ["--expires", "x"], ["--scope", "all"]] {
        let mut words = create.to_vec();
        words.extend(wrong);
        assert_exit(&at_server(&server, "admin", &words), 2);
    }
}
