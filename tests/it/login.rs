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
    until(|| {
        let lines = server.log();
        let mut failed = lines.iter().filter(|line| line["message"] == "A login failed.");
        failed.any(|line| line["user"] == "nobody" && line["client"] == "127.0.0.1")
    });
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
fn logins_that_arrive_together_from_one_address_wait_for_each_other() {
    let server = Server::start();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = |number: usize| {
            let server = &server;
            scope.spawn(move || {
                let name = format!("é>b {number}");
                let request = server.request("GET", COUNT).login((&name, "a wrong password"));
                request.header("X-Forwarded-For", "198.51.100.1").send().status
            })
        };
        let asked: Vec<_> = (0..60).map(ask).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // Either checked, or locked after the failures before.
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
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

#[test]
fn two_authorization_headers_are_refused() {
    let server = Server::start();
    let twice = server.request("GET", COUNT).login(ADMIN).login(ADMIN).send();
    let problem = twice.problem(400, "malformed-request");
    assert_eq!(problem["errors"][0]["header"], "authorization");
    let mixed = server.request("GET", COUNT).login(ADMIN).header("Authorization", "Bearer sat_0.0");
    mixed.send().problem(400, "malformed-request");
}

#[test]
fn a_burst_of_first_logins_of_one_user_costs_one_check() {
    let server = Server::start();
    put(&server, "user", &json!({"name": GUEST.0, "password": GUEST.1}));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let log_in = || server.request("GET", COUNT).login(GUEST).send().status;
        let sent: Vec<_> = (0..64).map(|_| scope.spawn(log_in)).collect();
        sent.into_iter().map(|sent| sent.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

#[test]
fn guesses_from_many_addresses_are_limited() {
    let server = Server::start_with(&["--trusted-proxies", "127.0.0.0/8"]);
    put(&server, "user", &json!({"name": GUEST.0, "password": GUEST.1}));
    let ask = |password, address: &str| {
        let request = server.request("GET", COUNT).login((GUEST.0, password));
        request.header("X-Forwarded-For", address).send()
    };
    assert_eq!(ask(GUEST.1, "192.0.2.1").status, 200);
    let mut addresses = (1..=250).map(|number| format!("198.51.100.{number}"));
    let refused = addresses.by_ref().take_while(|address| ask("wrong", address).status == 401);
    assert_eq!(refused.count(), 30);
    let problem = ask(GUEST.1, "203.0.113.1").problem(429, "too-many-failed-logins");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("addresses where the user has not logged in"), "{detail}");
    assert_eq!(ask(GUEST.1, "192.0.2.1").status, 200, "the user has logged in here");
}

#[test]
fn new_users_need_names_that_people_and_http_can_write() {
    let server = Server::start();
    let post =
        |object| server.request("POST", "/rest/instance/user").login(ADMIN).json(&object).send();
    put(&server, "user", &json!({"name": GUEST.0, "password": GUEST.1}));
    for name in ["u:1", "u1 ", " u1", "u\u{202e}1", "\u{200b}", "admin\u{a0}", "ad\u{ad}min"] {
        let answer = post(json!({"name": name}));
        assert_eq!(answer.status, 422, "{name:?}: {answer:?}");
        assert!(answer.json().to_string().contains("user-name"), "{name:?}: {}", answer.json());
        let renamed = post(json!({"name": GUEST.0, "new_name": name}));
        assert_eq!(renamed.status, 422, "{name:?}: {renamed:?}");
    }
    for name in ["é>b 100%", "o-hara"] {
        assert_eq!(post(json!({"name": name})).status, 200, "{name}");
    }
    // An empty password is a mistake; null removes the password.
    let empty = post(json!({"name": GUEST.0, "password": ""}));
    assert!(empty.json().to_string().contains("weak-password"), "{}", empty.json());
    assert_eq!(server.request("GET", COUNT).login(GUEST).send().status, 200);
    assert_eq!(post(json!({"name": GUEST.0, "password": null})).status, 200);
    assert_eq!(server.request("GET", COUNT).login(GUEST).send().status, 401);
}

#[test]
fn new_users_have_names_that_do_not_look_like_others() {
    let server = Server::start();
    let create = |objects: &serde_json::Value| {
        server.request("POST", "/rest/instance/user").login(ADMIN).json(objects).send()
    };
    for name in ["Admin", "ADMIN", "аdmin", "ａdmin", "admın", "Аdmin", "adminж", "αdmin"] {
        let refused = create(&json!({"name": name, "password": "a long word of mine"}));
        assert_eq!(refused.status, 422, "{name}");
        assert!(refused.json().to_string().contains("user-name"), "{name}: {}", refused.json());
    }
    for name in ["Василий", "José", "田中 tanaka", "admin2"] {
        assert_eq!(create(&json!({"name": name})).status, 200, "{name}");
    }
    // Also two names of one request, and new names of existing users.
    for objects in [
        json!([{"name": "Zoë"}, {"name": "ZOË"}]),
        json!({"name": "José", "new_name": "ADMIN"}),
        json!({"name": "José", "new_name": "ADMIN2"}),
    ] {
        let answer = create(&objects);
        assert!(answer.json().to_string().contains("looks like that of"), "{}", answer.json());
    }
    // A user can get another spelling of the own name, and is changed under it.
    assert_eq!(create(&json!({"name": "José", "new_name": "josé"})).status, 200);
    assert_eq!(create(&json!({"name": "josé", "email": "a@b.example"})).status, 200);
}
