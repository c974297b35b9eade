//! Tests of the first start: who can log in to a new inventory.

use std::fs;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::harness::{ADMIN, Answer, Server, command, until};

const STATE: &str = "/rest/state";
const PASSWORD: &str = "“näw” \\ p%20ss: word";

/// The codes in the set-up links that the server logged, the newest last. Waits until there are `count`.
fn logged_codes(server: &Server, count: usize) -> Vec<String> {
    let mut codes = Vec::new();
    until(|| {
        let lines = server.log();
        let messages = lines.iter().filter_map(|line| line["message"].as_str());
        let links = messages.filter_map(|message| message.split_once("/setup?code="));
        codes = links.map(|(_, code)| code.to_owned()).collect();
        codes.len() >= count
    });
    codes
}

pub(crate) fn logged_code(server: &Server) -> String {
    logged_codes(server, 1).remove(0)
}

/// Sends the form as a browser does.
pub(crate) fn submit(server: &Server, code: &str, password: &str, again: &str) -> Answer {
    let field = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let form = format!("code={code}&password={}&again={}", field(password), field(again));
    let request = server.request("POST", "/setup").header("Accept", "text/html");
    request.header("Content-Type", "application/x-www-form-urlencoded").body(form).send()
}

fn status(server: &Server, login: (&str, &str)) -> u16 {
    server.request("GET", STATE).login(login).send().status
}

#[test]
fn a_server_that_others_can_reach_starts_with_a_set_up_link() {
    for arguments in [
        &["--unencrypted-passwords", "--listen", "0.0.0.0:0"][..],
        &["--unencrypted-passwords", "--listen", "[::]:0"],
        &["--setup-link"],
    ] {
        let server = Server::start_with(arguments);
        assert_eq!(status(&server, ADMIN), 401, "{arguments:?}");
        let code = logged_code(&server);
        let page = server.request("GET", &format!("/setup?code={code}")).send();
        assert_eq!(page.status, 200);
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert!(page.header("content-security-policy").unwrap().contains("form-action 'self'"));
        let text = String::from_utf8(page.body.clone()).unwrap();
        assert!(text.contains(&format!("value=\"{code}\"")), "{text}");

        for (code, password, again, status, reason) in [
            ("0123456789abcdef0123456789abcdef", PASSWORD, PASSWORD, 403, "was used before"),
            (&*code, PASSWORD, "other", 422, "passwords differ"),
            (&*code, "admin", "admin", 422, "at least 10 characters"),
            (&*code, "qwertyuiop", "qwertyuiop", 422, "most common"),
        ] {
            let refused = submit(&server, code, password, again);
            let text = String::from_utf8(refused.body.clone()).unwrap();
            assert_eq!(refused.status, status, "{text}");
            assert!(text.contains(reason), "{text}");
            assert!(text.contains("name=\"again\""), "{text}");
        }
        assert_eq!(submit(&server, &code, PASSWORD, PASSWORD).status, 200);
        assert_eq!(status(&server, ("admin", PASSWORD)), 200);
        assert_eq!(submit(&server, &code, "Oslo Fjord 9", "Oslo Fjord 9").status, 403);
        assert_eq!(server.request("GET", "/setup").send().status, 404);
        assert!(server.log().iter().all(|line| !line.to_string().contains("p%20ss")));

        let server = server.start_again_with(arguments);
        assert_eq!(status(&server, ("admin", PASSWORD)), 200);
        assert_eq!(server.request("GET", "/setup").send().status, 404);
    }
}

#[test]
fn a_program_gets_problems_instead_of_the_form() {
    let server = Server::start_with(&["--setup-link"]);
    let send = |body: &str| {
        let request = server.request("POST", "/setup").header("Content-Type", "application/json");
        request.body(body).send()
    };
    send(r#"{"code": "x", "password": "Oslo Fjord 9", "again": "Oslo Fjord 9"}"#)
        .problem(403, "forbidden");
    send(r#"{"code": "x", "password": "Oslo Fjord 9"}"#).problem(400, "malformed-body");
    send("").problem(400, "malformed-body");
}

#[test]
fn the_default_password_stops_to_work_when_others_can_reach_the_server() {
    let server = Server::start();
    assert_eq!(status(&server, ADMIN), 200);
    let server = server.start_again_with(&["--listen", "0.0.0.0:0", "--unencrypted-passwords"]);
    assert_eq!(status(&server, ADMIN), 401);
    assert_eq!(submit(&server, &logged_code(&server), PASSWORD, PASSWORD).status, 200);
    assert_eq!(status(&server, ("admin", PASSWORD)), 200);
}

/// Rewrites a file of tokens as an earlier executable wrote it.
fn rewrite_tokens_in_format_1(server: &Server) {
    let path = server.data().join("tokens");
    let text = fs::read_to_string(&path).unwrap();
    let (header, lines) = text.split_once('\n').unwrap();
    assert!(header.starts_with("satchel tokens 2 "), "{header}");
    let lines = lines.replace("\"public_password\":true,", "");
    let sum = Sha256::digest(&lines);
    let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(path, format!("satchel tokens 1 {sum}\n{lines}")).unwrap();
}

#[test]
fn a_token_with_the_default_password_works_where_the_password_works() {
    let mut server = Server::start();
    let body = serde_json::json!({"name": "é>b", "scope": "admin"});
    let made = server.request("POST", "/rest/tokens").login(ADMIN).json(&body).send();
    assert_eq!(made.status, 201);
    let token = format!("Bearer {}", made.json()["token"].as_str().unwrap());
    let check = |server: &Server| {
        let ask = || server.request("GET", STATE).header("Authorization", &token);
        assert_eq!(ask().send().status, 200);
        let proxied = ask().header("Via", "1.1 proxy").send();
        let detail = proxied.problem(401, "unauthenticated")["detail"].to_string();
        assert!(detail.contains("password that everybody knows"), "{detail}");
    };
    check(&server);
    server.kill();
    rewrite_tokens_in_format_1(&server);
    let server = server.start_again();
    check(&server);

    // The default password is removed there, and with it the token.
    let listen = ["--listen", "0.0.0.0:0", "--unencrypted-passwords"];
    let server = server.start_again_with(&listen);
    let asked = server.request("GET", STATE).header("Authorization", &token).send();
    asked.problem(401, "unauthenticated");
}

#[test]
fn the_link_is_there_again_after_a_start_that_nobody_used() {
    let server = Server::start_with(&["--setup-link", "--demo"]);
    let first = logged_code(&server);
    let server = server.start_again_with(&["--setup-link"]);
    let second = logged_codes(&server, 2).remove(1);
    assert_ne!(first, second);
    assert_eq!(submit(&server, &first, PASSWORD, PASSWORD).status, 403);
    assert_eq!(submit(&server, &second, PASSWORD, PASSWORD).status, 200);
    assert_eq!(status(&server, ("admin", PASSWORD)), 200);
}

#[test]
fn the_link_is_needed_until_it_is_used_whatever_the_options() {
    // The value of the setting can be written as in the settings file.
    let server = Server::start_with(&["--setup-link", "true"]);
    let first = logged_code(&server);
    let server = server.start_again();
    let second = logged_codes(&server, 2).remove(1);
    assert_ne!(first, second);
    assert_eq!(status(&server, ADMIN), 401);
    assert_eq!(submit(&server, &second, PASSWORD, PASSWORD).status, 200);
    assert_eq!(status(&server, ("admin", PASSWORD)), 200);

    // A default password of an earlier start does not come back either.
    let server = Server::start();
    assert_eq!(status(&server, ADMIN), 200);
    let server = server.start_again_with(&["--setup-link"]);
    logged_code(&server);
    let server = server.start_again_with(&["--setup-link=false"]);
    logged_codes(&server, 2);
    assert_eq!(status(&server, ADMIN), 401);
    assert_eq!(server.request("GET", "/setup").send().status, 200);
}

#[test]
fn a_burst_of_set_ups_has_one_winner_and_no_busy_answer() {
    let server = Server::start_with(&["--setup-link"]);
    let code = logged_code(&server);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let sent: Vec<_> = (0..50)
            .map(|number| {
                let (server, code) = (&server, &code);
                let code = if number % 2 == 0 { code } else { "0123456789abcdef0123456789abcdef" };
                scope.spawn(move || submit(server, code, PASSWORD, PASSWORD).status)
            })
            .collect();
        sent.into_iter().map(|sent| sent.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 403)), "{statuses:?}");
}

#[test]
fn each_page_warns_of_the_default_password_where_it_works() {
    const NOTICE: &str = "<p class=\"notice\" role=\"alert\">";
    const PAGES: [&str; 4] = ["/", "/docs/", "/docs/access.html", "/docs/search.html?q=pool"];
    let server = Server::start();
    let page = |path: &str, header: &str| {
        let answer = server.request("GET", path).header(header, "1").send();
        assert_eq!(answer.status, 200, "{path}");
        String::from_utf8(answer.body).unwrap()
    };
    until(|| page("/", "X").contains(NOTICE));
    for path in PAGES {
        let text = page(path, "X");
        assert!(text.contains(NOTICE) && text.contains("satchel passwd admin"), "{path}: {text}");
        let proxied = page(path, "Via");
        assert!(!proxied.contains("class=\"notice\""), "{path}: {proxied}");
    }
    let tag = |path: &str| server.request("GET", path).send().header("etag").map(str::to_owned);
    let with_notice = tag(PAGES[2]);
    let demo = serde_json::json!({"name": "admin", "password": PASSWORD});
    crate::inventory::put(&server, "user", &demo);
    until(|| !page("/", "X").contains("class=\"notice\""));
    for path in PAGES {
        assert!(!page(path, "X").contains("class=\"notice\""), "{path}");
    }
    assert_ne!(tag(PAGES[2]), with_notice);
}

#[test]
fn a_password_file_can_be_a_pipe_and_have_a_byte_order_mark() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pass word");
    fs::write(&file, format!("\u{feff}{PASSWORD}\r\n")).unwrap();
    let server = Server::start_with(&["--admin-password-file", file.to_str().unwrap()]);
    assert_eq!(status(&server, ("admin", PASSWORD)), 200);

    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let writer = {
        let pipe = pipe.clone();
        std::thread::spawn(move || fs::write(pipe, format!("{PASSWORD}\n")).unwrap())
    };
    let server = Server::start_with(&["--admin-password-file", pipe.to_str().unwrap()]);
    writer.join().unwrap();
    assert_eq!(status(&server, ("admin", PASSWORD)), 200);
    for (content, reason) in
        [("correct\0horse\n", "control characters"), ("aaaaaaaaaaaa\n", "different")]
    {
        fs::write(&file, content).unwrap();
        let output = command(&folder.path().join("data"))
            .args(["--listen", "127.0.0.1:0", "--admin-password-file"])
            .arg(&file)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(reason), "{stderr}");
    }
}

#[test]
fn a_password_file_sets_the_first_password() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pass word");
    let path = file.to_str().unwrap();
    fs::write(&file, format!("{PASSWORD}\nmore\n")).unwrap();
    let arguments =
        ["--unencrypted-passwords", "--listen", "0.0.0.0:0", "--admin-password-file", path];
    let server = Server::start_with(&arguments);
    assert_eq!((status(&server, ("admin", PASSWORD)), status(&server, ADMIN)), (200, 401));
    // A password that is not the default stays.
    fs::write(&file, "Oslo Fjord 9\n").unwrap();
    let server = server.start_again_with(&arguments);
    assert_eq!(status(&server, ("admin", PASSWORD)), 200);
    assert_eq!(server.request("GET", "/setup").send().status, 404);
    drop(server);

    for (content, reason) in [("admin\n", "at least 10 characters"), ("\n", "is empty")] {
        fs::write(&file, content).unwrap();
        let data = folder.path().join("data");
        let output = command(&data).args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(reason) && stderr.contains("pass word"), "{stderr}");
    }
}

#[test]
fn a_user_of_another_server_is_told_why() {
    let server = Server::start();
    let user = serde_json::json!({"name": "é>b", "authentication": "ldap"});
    crate::inventory::put(&server, "user", &user);
    assert_eq!(status(&server, ("é>b", "anything")), 401);
    until(|| {
        let lines = server.log();
        lines.iter().any(|line| line["user"] == "é>b" && line["authentication"] == "ldap")
    });
}
