//! Tests of Basic authentication.

use crate::harness::{ADMIN, Server, until};

const PROJECTS: &str = "/rest/migrate/projects";

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
    let guess = || server.request("GET", PROJECTS).login(("admin", "wrong")).send();
    let refused = std::iter::repeat_with(guess).take_while(|answer| answer.status == 401).count();
    assert_eq!(refused, 10);
    for login in [("admin", "wrong"), ADMIN] {
        let answer = server.request("GET", PROJECTS).login(login).send();
        answer.problem(429, "too-many-failed-logins");
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=61).contains(&seconds));
    }
}

#[test]
fn clients_of_a_trusted_proxy_are_locked_by_their_own_address() {
    let server = Server::start_with(&["--trusted-proxies", "127.0.0.0/8"]);
    let status = |password, client: &str| {
        let request = server.request("GET", PROJECTS).login(("admin", password));
        request.header("X-Forwarded-For", client).send().status
    };
    let refused = || status("wrong", "1.1.1.1, 198.51.100.1");
    assert_eq!(std::iter::repeat_with(refused).take_while(|status| *status == 401).count(), 10);
    assert_eq!(status("admin", "2.2.2.2, 198.51.100.1"), 429);
    assert_eq!(status("admin", "198.51.100.2"), 200);
    until(|| server.log().iter().any(|line| line["client"] == "198.51.100.1"));
    let both = server.request("GET", PROJECTS).header("Forwarded", "for=1.1.1.1");
    both.header("X-Forwarded-For", "1.1.1.1").send().problem(400, "malformed-request");

    // The headers of others are ignored.
    let server = Server::start();
    let answer = server.request("GET", PROJECTS).login(ADMIN);
    assert_eq!(answer.header("X-Forwarded-For", "198.51.100.1").send().status, 200);
    until(|| server.log().iter().any(|line| line["path"] == PROJECTS));
    assert!(server.log().iter().all(|line| line.get("client").is_none_or(|c| c.is_null())));
}
