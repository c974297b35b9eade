//! Basic authentication, through a server.

use crate::harness::{ADMIN, Server};

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
