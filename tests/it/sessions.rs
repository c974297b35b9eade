//! Tests of sessions: the logins of browsers.

use serde_json::{Value, json};

use crate::harness::{ADMIN, Answer, GUEST, PAGE_HEADER, Server, until};
use crate::inventory::put;

const SESSION: &str = "/rest/session";
const SESSIONS: &str = "/rest/sessions";
const DEVICES: &str = "/rest/instance/device";

fn admit_guest(server: &Server) {
    put(server, "user", &json!({"name": GUEST.0, "password": GUEST.1}));
}

/// Logs in with a name and a password in the body.
fn log_in(server: &Server, name: &str, password: &str) -> Answer {
    let body = json!({"name": name, "password": password});
    server.request("POST", SESSION).json(&body).send()
}

fn get(server: &Server, cookie: &str, path: &str) -> Answer {
    server.request("GET", path).session(cookie).send()
}

fn id_of(server: &Server, cookie: &str) -> String {
    get(server, cookie, SESSION).json()["session"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_browser_logs_in_once_and_logs_out() {
    let server = Server::start();
    let begun = log_in(&server, ADMIN.0, ADMIN.1);
    assert_eq!(begun.status, 201);
    assert_eq!(begun.header("cache-control"), Some("no-store"));
    let set = begun.header("set-cookie").unwrap().to_owned();
    let (cookie, attributes) = set.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Strict");
    let (name, text) = cookie.split_once('=').unwrap();
    let expected_name = format!("satchel_session_{}", server.address.port());
    assert_eq!((name, text.len()), (&*expected_name, 64));
    let state = begun.json();
    assert_eq!((&state["user"], &state["administrator"]), (&json!("admin"), &json!(true)));
    until(|| get(&server, cookie, SESSION).json()["public_password"] == true);
    assert!(state["rights"].as_array().unwrap().contains(&json!("administer")));

    let shown = get(&server, cookie, SESSION);
    assert_eq!(shown.status, 200);
    let session = shown.json()["session"].clone();
    assert_eq!(session["id"], state["session"]["id"]);
    assert!(session["idle_ends"].as_str() < session["ends"].as_str(), "{session}");
    assert_eq!(get(&server, cookie, DEVICES).status, 200);
    let put = server.request("POST", DEVICES).session(cookie).json(&json!({"name": "é>b"}));
    assert_eq!(put.send().status, 200);
    let change = get(&server, cookie, "/rest/history?limit=1").json()[0].clone();
    assert_eq!(change["principal"], "admin");

    let out = server.request("DELETE", SESSION).session(cookie).send();
    assert_eq!(out.status, 204);
    let removed = format!("{name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict");
    assert_eq!(out.header("set-cookie"), Some(&*removed));
    let ended = get(&server, cookie, DEVICES);
    let problem = ended.problem(401, "unauthenticated");
    assert_eq!(problem["detail"], "The session has ended. Log in again.");
    assert_eq!(ended.header("www-authenticate"), Some("Session realm=\"satchel\""));
    until(|| server.log().iter().any(|line| line["message"] == "A session was ended."));
    let secret = |line: &Value| line.to_string().contains(text);
    assert!(!server.log().iter().any(secret), "no text of a session in the log");
}

#[test]
fn a_login_has_one_form() {
    let server = Server::start();
    let send = |body: &str| {
        server.request("POST", SESSION).header("Content-Type", "application/json").body(body).send()
    };
    for wrong in [
        "",
        "{}",
        "[]",
        "{\"name\": \"admin\"}",
        "{\"name\": \"admin\", \"password\": 1}",
        "{\"name\": \"admin\", \"password\": \"admin\", \"password\": \"admin\"}",
        "{\"name\": \"admin\", \"password\": \"admin\", \"remember\": true}",
    ] {
        let answer = send(wrong);
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(answer.header("set-cookie").is_none(), "{wrong}");
    }
    let form = server.request("POST", SESSION).body("name=admin&password=admin");
    let form = form.header("Content-Type", "application/x-www-form-urlencoded").send();
    form.problem(415, "unsupported-media-type");
    let query = server.request("POST", "/rest/session?name=admin&password=admin").body("").send();
    assert_eq!(query.status, 400);
    let both = server.request("POST", SESSION).login(ADMIN);
    let both = both.json(&json!({"name": "admin", "password": "admin"})).send();
    both.problem(400, "malformed-request");
    let basic = server.request("POST", SESSION).login(ADMIN).body("").send();
    assert_eq!(basic.status, 201);
    let foreign = server.request("POST", SESSION).header("Origin", "http://evil.example");
    foreign.login(ADMIN).body("").send().problem(403, "forbidden");

    for (name, password) in [("admin", "wrong"), ("nobody", "admin"), ("", "")] {
        let answer = log_in(&server, name, password);
        let problem = answer.problem(401, "unauthenticated");
        assert_eq!(problem["detail"], "The user name or the password is wrong.");
        assert_eq!(answer.header("www-authenticate"), Some("Session realm=\"satchel\""));
    }
    let wrong = server.request("POST", SESSION).login(("admin", "wrong")).body("").send();
    assert_eq!(wrong.header("www-authenticate"), Some("Session realm=\"satchel\""));
}

#[test]
fn a_change_in_a_session_needs_the_header_of_a_page() {
    let server = Server::start();
    let cookie = server.begin_session(ADMIN);
    let bare = |method: &str, path: &str| server.request(method, path).header("Cookie", &cookie);
    assert_eq!(bare("GET", DEVICES).send().status, 200);
    for (method, path) in [
        ("POST", DEVICES),
        ("POST", "/rest/search"),
        ("POST", "/rest/undo"),
        ("DELETE", SESSION),
        ("DELETE", "/rest/tokens/x"),
        ("PUT", "/rest/configuration/x"),
    ] {
        let refused = bare(method, path).json(&json!({"name": "x"})).send();
        let problem = refused.problem(403, "forbidden");
        assert_eq!(problem["errors"][0]["header"], "x-satchel-request", "{method} {path}");
    }
    let device = json!({"name": "x"});
    let headed = bare("POST", DEVICES).header(PAGE_HEADER, "1").json(&device).send();
    assert_eq!(headed.status, 200);
    let foreign = bare("POST", DEVICES).header(PAGE_HEADER, "1").json(&device);
    foreign.header("Origin", "http://evil.example").send().problem(403, "forbidden");
    // No answer allows another site to send the header.
    let preflight = server.request("OPTIONS", DEVICES).header("Origin", "http://evil.example");
    let preflight = preflight.header("Access-Control-Request-Headers", PAGE_HEADER).send();
    assert!(preflight.header("access-control-allow-origin").is_none());
    assert!(preflight.header("access-control-allow-headers").is_none());
}

#[test]
fn a_page_gets_no_challenge_that_the_browser_answers() {
    let server = Server::start();
    let challenge = |name: &str, value: &str| {
        let answer = server.request("GET", DEVICES).header(name, value).send();
        answer.problem(401, "unauthenticated");
        answer.header("www-authenticate").unwrap().to_owned()
    };
    for (name, value, scheme) in [
        ("X-Other", "1", "Basic realm"),
        (PAGE_HEADER, "1", "Session realm"),
        ("Cookie", "satchel_session_1=0", "Session realm"),
        ("Cookie", "other=0", "Basic realm"),
    ] {
        assert!(challenge(name, value).starts_with(scheme), "{name}: {value}");
    }
    // The header of a password or token counts, not the cookie beside it.
    let cookie = server.begin_session(ADMIN);
    let wrong = server.request("GET", DEVICES).login(("admin", "wrong")).header("Cookie", &cookie);
    let wrong = wrong.send();
    assert_eq!(
        (wrong.status, wrong.header("www-authenticate")),
        (401, Some("Session realm=\"satchel\""))
    );
}

#[test]
fn the_valid_one_of_several_cookies_counts() {
    let server = Server::start();
    admit_guest(&server);
    let cookie = server.begin_session(ADMIN);
    let (name, _) = cookie.split_once('=').unwrap();
    let foreign = format!("{name}={}", "0".repeat(64));
    let ask = |cookies: &str| get(&server, cookies, SESSION);
    for cookies in [
        format!("{foreign}; {cookie}"),
        format!("{cookie}; {foreign}"),
        format!("{name}=; {cookie}; {name}=é>b"),
        format!("{cookie}; {cookie}"),
    ] {
        let shown = ask(&cookies);
        assert_eq!((shown.status, &shown.json()["user"]), (200, &json!("admin")), "{cookies}");
    }
    ask(&foreign).problem(401, "unauthenticated");

    // One of them can be the session of an attacker, who wants the user to work in it.
    let others = server.begin_session(GUEST);
    let problem = ask(&format!("{others}; {cookie}")).problem(401, "unauthenticated");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("several sessions") && detail.contains("Delete the cookies"),
        "{detail}"
    );
    // A login replaces both of them.
    let both = server.request("POST", SESSION).login(ADMIN);
    let begun = both.header("Cookie", &format!("{others}; {cookie}")).body("").send();
    assert_eq!(begun.status, 201);
    for ended in [&cookie, &others] {
        ask(ended).problem(401, "unauthenticated");
    }
}

#[test]
fn two_servers_on_one_host_do_not_end_the_sessions_of_each_other() {
    let servers = [Server::start(), Server::start()];
    // A browser keeps one cookie of each name, and sends all of them to each port of the host.
    let mut kept = std::collections::BTreeMap::new();
    for server in &servers {
        let cookie = server.begin_session(ADMIN);
        let (name, text) = cookie.split_once('=').unwrap();
        kept.insert(name.to_owned(), text.to_owned());
    }
    let cookies: Vec<_> = kept.iter().map(|(name, text)| format!("{name}={text}")).collect();
    let cookies = cookies.join("; ");
    for server in &servers {
        assert_eq!(get(server, &cookies, SESSION).status, 200, "{cookies}");
    }
    assert_eq!(servers[0].request("DELETE", SESSION).session(&cookies).send().status, 204);
    get(&servers[0], &cookies, SESSION).problem(401, "unauthenticated");
    assert_eq!(get(&servers[1], &cookies, SESSION).status, 200);
}

#[test]
fn a_session_ends_when_its_user_changes() {
    let server = Server::start_with(&["--rights", "groups"]);
    put(&server, "group", &json!({"name": "readers", "users": []}));
    let change = |path: &str, object: &Value| {
        let answer = server.request("POST", path).login(ADMIN).json(object).send();
        assert_eq!(answer.json()["failure"], json!([]), "{object}");
    };
    let user = json!({"name": GUEST.0});
    for (path, object) in [
        ("/rest/instance/user", json!({"name": GUEST.0, "password": "another long password"})),
        ("/rest/instance/user", json!({"name": GUEST.0, "new_name": "renamed"})),
        ("/rest/instance/user", json!({"name": GUEST.0, "is_admin": true})),
        ("/rest/instance/group", json!({"name": "readers", "users": [GUEST.0]})),
        ("/rest/delete", json!({"type": "user", "names": [GUEST.0]})),
    ] {
        admit_guest(&server);
        put(&server, "user", &json!({"name": GUEST.0, "is_admin": false}));
        let cookie = server.begin_session(GUEST);
        assert_eq!(get(&server, &cookie, SESSION).status, 200, "{object}");
        if path == "/rest/delete" {
            assert_eq!(server.request("POST", path).login(ADMIN).json(&object).send().status, 200);
        } else {
            change(path, &object);
        }
        get(&server, &cookie, SESSION).problem(401, "unauthenticated");
        // It does not come back with the user.
        admit_guest(&server);
        put(&server, "user", &user);
        get(&server, &cookie, SESSION).problem(401, "unauthenticated");
    }
}

#[test]
fn a_session_of_a_removed_user_does_not_come_back_by_an_undo() {
    let server = Server::start();
    admit_guest(&server);
    let cookie = server.begin_session(GUEST);
    let me = format!("/rest/instance/user/{}", GUEST.0);
    assert_eq!(server.request("DELETE", &me).login(ADMIN).send().status, 200);
    // The server looks for changed users every second.
    let sessions =
        || server.request("GET", SESSIONS).login(ADMIN).send().json()["sessions"].clone();
    until(|| sessions() == json!([]));
    assert_eq!(server.request("POST", "/rest/undo").login(ADMIN).send().status, 200);
    assert_eq!(server.request("GET", DEVICES).login(GUEST).send().status, 200);
    get(&server, &cookie, SESSION).problem(401, "unauthenticated");
}

#[test]
fn users_see_and_end_their_own_sessions() {
    let server = Server::start();
    admit_guest(&server);
    let begin = |login: (&str, &str), agent: &str| {
        let request = server.request("POST", SESSION).login(login).header("User-Agent", agent);
        let set = request.body("").send().header("set-cookie").unwrap().to_owned();
        set.split_once(';').unwrap().0.to_owned()
    };
    let (one, other) = (begin(GUEST, "Firefox >é"), begin(GUEST, "x"));
    let of_admin = begin(ADMIN, "y");
    let list = |cookie: &str| get(&server, cookie, SESSIONS).json()["sessions"].clone();
    let own = list(&one);
    assert_eq!(own.as_array().unwrap().len(), 2);
    assert_eq!((&own[0]["user"], &own[0]["current"]), (&json!("guest"), &json!(true)));
    assert_eq!((&own[0]["address"], &own[1]["current"]), (&json!("127.0.0.1"), &json!(false)));
    assert!(own[0]["since"].is_string() && own[0]["last_used"].is_string());
    assert_eq!(list(&of_admin).as_array().unwrap().len(), 3);
    let text = get(&server, &of_admin, SESSIONS).body;
    for cookie in [&one, &other, &of_admin] {
        let (_, secret) = cookie.split_once('=').unwrap();
        assert!(!String::from_utf8_lossy(&text).contains(secret));
    }

    let end = |cookie: &str, id: &str| {
        server.request("DELETE", &format!("{SESSIONS}/{id}")).session(cookie).send()
    };
    let id_of_admin = id_of(&server, &of_admin);
    end(&one, &id_of_admin).problem(404, "unknown-session");
    end(&one, "nothing").problem(404, "unknown-session");
    let ended = end(&one, &id_of(&server, &other));
    assert_eq!((ended.status, &ended.json()["user"]), (200, &json!("guest")));
    get(&server, &other, SESSION).problem(401, "unauthenticated");
    assert_eq!(end(&of_admin, &id_of(&server, &one)).status, 200);
    get(&server, &one, SESSION).problem(401, "unauthenticated");
    assert_eq!(end(&of_admin, &id_of_admin).status, 200);
    get(&server, &of_admin, SESSION).problem(401, "unauthenticated");

    // A request with a password has no session.
    let state = server.request("GET", SESSION).login(GUEST).send();
    assert_eq!((state.status, &state.json()["session"]), (200, &Value::Null));
    let out = server.request("DELETE", SESSION).login(GUEST).send();
    out.problem(404, "unknown-session");
}

#[test]
fn a_new_login_replaces_the_session_of_the_browser() {
    let server = Server::start();
    let first = server.begin_session(ADMIN);
    let second = server.request("POST", SESSION).login(ADMIN).header("Cookie", &first);
    assert_eq!(second.body("").send().status, 201);
    get(&server, &first, SESSION).problem(401, "unauthenticated");
    // Sessions are in memory only.
    let cookie = server.begin_session(ADMIN);
    let server = server.start_again();
    get(&server, &cookie, SESSION).problem(401, "unauthenticated");
}

#[test]
fn logins_of_sessions_are_limited_and_sessions_are_not() {
    let server = Server::start();
    admit_guest(&server);
    let proxied = |request: crate::harness::Request<'_>| {
        request.header("X-Forwarded-For", "198.51.100.1").send()
    };
    let cookie = server.begin_session(GUEST);
    let guess = || {
        let body = json!({"name": GUEST.0, "password": "wrong"});
        proxied(server.request("POST", SESSION).json(&body))
    };
    let refused = std::iter::repeat_with(guess).take_while(|answer| answer.status == 401).count();
    assert_eq!(refused, 5);
    let locked = proxied(server.request("POST", SESSION).login(GUEST).body(""));
    locked.problem(429, "too-many-failed-logins");
    assert!(locked.header("retry-after").is_some());
    assert_eq!(proxied(server.request("GET", SESSION).session(&cookie)).status, 200);
}

#[test]
fn a_session_with_a_public_password_stays_on_the_machine() {
    let server = Server::start();
    let cookie = server.begin_session(ADMIN);
    assert_eq!(get(&server, &cookie, DEVICES).status, 200);
    let proxied = server.request("GET", DEVICES).session(&cookie).header("Via", "1.1 proxy").send();
    let problem = proxied.problem(401, "unauthenticated");
    assert!(problem["detail"].as_str().unwrap().starts_with("This password is public"));
}

#[test]
fn the_cookie_is_for_tls_only_behind_a_proxy_that_uses_it() {
    let server = Server::start_with(&["--trusted-proxies", "127.0.0.1"]);
    admit_guest(&server);
    let begin = |proto: &str| {
        let request =
            server.request("POST", SESSION).login(GUEST).header("X-Forwarded-Proto", proto);
        request.body("").send().header("set-cookie").unwrap().to_owned()
    };
    assert!(begin("http").starts_with("satchel_session_"));
    let secure = begin("https");
    assert!(secure.starts_with("__Host-satchel_session_"), "{secure}");
    assert!(secure.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{secure}");
    let (cookie, _) = secure.split_once(';').unwrap();
    let ask = |proto: &str| {
        let request = server.request("GET", SESSION).session(cookie);
        request.header("X-Forwarded-Proto", proto).send().status
    };
    assert_eq!((ask("https"), ask("http")), (200, 401));
    // Nobody else can say so.
    let server = Server::start();
    let request = server.request("POST", SESSION).login(ADMIN).body("");
    let answer = request.send();
    assert!(answer.header("set-cookie").unwrap().starts_with("satchel_session_"));
}

#[test]
fn the_settings_end_a_session() {
    let server = Server::start_with(&["--session-idle-minutes", "7", "--session-hours", "1"]);
    let cookie = server.begin_session(ADMIN);
    let session = get(&server, &cookie, SESSION).json()["session"].clone();
    let minutes = |from: &str, to: &str| {
        let time = |member: &str| {
            let text = session[member].as_str().unwrap();
            time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339)
        };
        (time(to).unwrap() - time(from).unwrap()).whole_minutes()
    };
    assert_eq!(minutes("last_used", "idle_ends"), 7);
    assert_eq!(minutes("since", "ends"), 60);
}

const NEW: &str = "“näw” \\ p%20ss: word";

/// Changes the own password in a session.
fn change_password(server: &Server, cookie: &str, present: &str, new: &str) -> Answer {
    let body = json!({"password": present, "new_password": new});
    server.request("PUT", "/rest/password").session(cookie).json(&body).send()
}

#[test]
fn a_user_changes_the_own_password() {
    let server = Server::start();
    admit_guest(&server);
    let (cookie, other) = (server.begin_session(GUEST), server.begin_session(GUEST));
    let token = json!({"name": "a", "scope": "read"});
    let token = server.request("POST", "/rest/tokens").login(GUEST).json(&token).send().json();
    let token = format!("Bearer {}", token["token"].as_str().unwrap());
    let by_token = || server.request("GET", DEVICES).header("Authorization", &token).send().status;
    assert_eq!(by_token(), 200);

    let wrong = change_password(&server, &cookie, "wrong", NEW).problem(403, "forbidden");
    assert_eq!(wrong["errors"][0]["pointer"], "/password", "{wrong}");
    for (weak, reason) in [
        ("short", "at least 10 characters"),
        ("Password123", "most common"),
        ("\u{ff50}assword123", "most common"),
        ("aaaaaaaaaaaa", "different characters"),
        ("correct\nhorse", "control characters"),
        ("correct\u{200b}horse", "U+200B"),
        ("0123456789", "sequence"),
        (GUEST.1, "is the present one"),
    ] {
        let refused = change_password(&server, &cookie, GUEST.1, weak);
        let problem = refused.problem(422, "change-rejected");
        assert!(problem["detail"].as_str().unwrap().contains(reason), "{weak}: {problem}");
    }
    for body in
        [json!({}), json!({"password": GUEST.1}), json!({"new_password": NEW, "password": 1})]
    {
        let sent = server.request("PUT", "/rest/password").session(&cookie).json(&body).send();
        let problem = sent.problem(400, "malformed-body");
        assert!(!problem.to_string().contains("näw"), "{problem}");
    }
    assert_eq!(get(&server, &other, SESSION).status, 200, "nothing was changed");

    let changed = change_password(&server, &cookie, GUEST.1, NEW);
    assert_eq!(changed.status, 204, "{changed:?}");
    let (renewed, _) = changed.header("set-cookie").unwrap().split_once(';').unwrap();
    assert_eq!(get(&server, renewed, SESSION).json()["user"], "guest");
    for ended in [&cookie, &other] {
        get(&server, ended, SESSION).problem(401, "unauthenticated");
    }
    assert_eq!(by_token(), 401);
    let status = |password| server.request("GET", DEVICES).login(("guest", password)).send().status;
    assert_eq!((status(NEW), status(GUEST.1)), (200, 401));
    let change =
        server.request("GET", "/rest/history?limit=1").login(ADMIN).send().json()[0].clone();
    assert_eq!(
        (&change["principal"], &change["operation"]),
        (&json!("guest"), &json!("change_password"))
    );
    assert!(!server.log().iter().any(|line| line.to_string().contains("näw")));

    // With a password instead of a session.
    let body = json!({"password": NEW, "new_password": GUEST.1});
    let request = server.request("PUT", "/rest/password").login(("guest", NEW)).json(&body);
    let changed = request.send();
    assert_eq!((changed.status, changed.header("set-cookie")), (204, None));
    assert_eq!((status(GUEST.1), status(NEW)), (200, 401));
}

#[test]
fn the_present_password_cannot_be_guessed_in_a_session() {
    let server = Server::start();
    admit_guest(&server);
    let cookie = server.begin_session(GUEST);
    let guess = |password: &str| {
        let body = json!({"password": password, "new_password": NEW});
        let request = server.request("PUT", "/rest/password").session(&cookie).json(&body);
        request.header("X-Forwarded-For", "198.51.100.1").send()
    };
    let refused =
        std::iter::repeat_with(|| guess("wrong")).take_while(|answer| answer.status == 403);
    assert_eq!(refused.count(), 5);
    guess(GUEST.1).problem(429, "too-many-failed-logins");
}

#[test]
fn the_events_of_a_session_and_of_a_token_end_with_it() {
    let server = Server::start();
    let cookie = server.begin_session(ADMIN);
    let token = json!({"name": "é>b", "scope": "feeds"});
    let token = server.request("POST", "/rest/tokens").login(ADMIN).json(&token).send().json();
    let token = format!("Bearer {}", token["token"].as_str().unwrap());
    let follow = |name: &str, value: &str| {
        let request = server.request("GET", "/rest/changes").header(name, value);
        let mut connection = server.connect();
        connection.send(&request.header("Accept", "text/event-stream").bytes());
        assert_eq!(connection.read_head().status, 200, "{name}");
        connection
    };
    let (by_session, by_token) = (follow("Cookie", &cookie), follow("Authorization", &token));
    assert_eq!(server.request("DELETE", SESSION).session(&cookie).send().status, 204);
    let revoked = server.request("DELETE", "/rest/tokens/%C3%A9%3Eb").login(ADMIN).send();
    assert_eq!(revoked.status, 200);
    put(&server, "device", &json!({"name": "after the end"}));
    for mut connection in [by_session, by_token] {
        let mut text = Vec::new();
        while connection.read_chunk(&mut text) {}
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("event: problem") && text.contains("has ended"), "{text}");
        assert!(!text.contains("after the end"), "{text}");
    }
}
