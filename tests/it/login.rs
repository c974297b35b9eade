//! Tests of Basic authentication.

use serde_json::json;

use crate::harness::{ADMIN, GUEST, Server, until};
use crate::inventory::put;

const PROJECTS: &str = "/rest/migrate/projects";
const COUNT: &str = "/rest/count";

#[test]
fn a_wrong_login_is_401_for_known_and_unknown_users() {
    let server = Server::start();
    for login in [("admin", "wrong"), ("nobody", "admin"), ("", ""), ("admin", "")] {
        let answer = server.request("GET", PROJECTS).login(login).send();
        let problem = answer.problem(401, "unauthenticated");
        assert_eq!(problem["detail"], "The user name or the password is wrong.");
        assert!(answer.header("www-authenticate").is_some());
    }
    for header in ["Basic", "Basic !", "Bearer abc", "Basic YWRtaW4="] {
        let answer = server.request("GET", PROJECTS).header("Authorization", header).send();
        answer.problem(401, "unauthenticated");
    }
    assert_eq!(server.request("GET", PROJECTS).login(ADMIN).send().status, 200);
}

#[test]
fn repeated_wrong_passwords_are_429() {
    let server = Server::start();
    put(&server, "user", &json!({"name": GUEST.0, "password": GUEST.1}));
    // A request that a proxy forwarded. Programs on the server's machine are never locked.
    let ask = |login| {
        let request = server.request("GET", COUNT).login(login);
        request.header("X-Forwarded-For", "198.51.100.1").send()
    };
    let guess = || ask((GUEST.0, "wrong"));
    let refused = std::iter::repeat_with(guess).take_while(|answer| answer.status == 401).count();
    assert_eq!(refused, 5);
    for login in [(GUEST.0, "wrong"), GUEST] {
        let answer = ask(login);
        answer.problem(429, "too-many-failed-logins");
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=31).contains(&seconds));
    }
    assert_eq!(server.request("GET", COUNT).login(GUEST).send().status, 200);
}

#[test]
fn a_public_password_works_without_a_proxy_only() {
    let server = Server::start();
    for header in ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Via"] {
        let request = server.request("GET", PROJECTS).login(ADMIN).header(header, "for=1.1.1.1");
        let problem = request.send().problem(401, "unauthenticated");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with("This password is public"), "{header}: {detail}");
    }
    assert_eq!(server.request("GET", PROJECTS).login(ADMIN).send().status, 200);
}

#[test]
fn clients_of_a_trusted_proxy_are_locked_by_their_own_address() {
    let server = Server::start_with(&["--trusted-proxies", "127.0.0.0/8"]);
    put(&server, "user", &json!({"name": GUEST.0, "password": GUEST.1}));
    let status = |password, client: &str| {
        let request = server.request("GET", COUNT).login((GUEST.0, password));
        request.header("X-Forwarded-For", client).send().status
    };
    let refused = || status("wrong", "1.1.1.1, 198.51.100.1");
    assert_eq!(std::iter::repeat_with(refused).take_while(|status| *status == 401).count(), 5);
    assert_eq!(status(GUEST.1, "2.2.2.2, 198.51.100.1"), 429);
    assert_eq!(status(GUEST.1, "198.51.100.2"), 200);
    until(|| server.log().iter().any(|line| line["client"] == "198.51.100.1"));
    let both = server.request("GET", COUNT).header("Forwarded", "for=1.1.1.1");
    both.header("X-Forwarded-For", "1.1.1.1").send().problem(400, "malformed-request");

    // The headers of others are ignored.
    let server = Server::start();
    put(&server, "user", &json!({"name": GUEST.0, "password": GUEST.1}));
    let answer = server.request("GET", COUNT).login(GUEST);
    assert_eq!(answer.header("X-Forwarded-For", "198.51.100.1").send().status, 200);
    until(|| server.log().iter().any(|line| line["path"] == COUNT));
    assert!(server.log().iter().all(|line| line.get("client").is_none_or(|c| c.is_null())));
}
