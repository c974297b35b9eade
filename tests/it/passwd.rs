//! Tests of `satchel passwd` as a process of its own.

use std::{
    io::Write,
    path::Path,
    process::{Output, Stdio},
};

use serde_json::json;

use crate::harness::{ADMIN, GUEST, Server, satchel};
use crate::inventory::put;

const NEW: &str = "“näw” \\ p%20ss: word";

/// Sets the password of `user` from standard input.
fn passwd(data: &Path, user: &str, input: &str) -> Output {
    let mut child = satchel()
        .args(["passwd", user, "--data"])
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that fails before it reads its input has closed the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn fails(data: &Path, user: &str, input: &str, message: &str) {
    let output = passwd(data, user, input);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(message), "{stderr}");
}

#[test]
fn the_new_password_is_accepted_and_the_old_one_refused() {
    let mut server = Server::start();
    let status = |server: &Server, login| {
        server.request("GET", "/rest/migrate/projects").login(login).send().status
    };
    assert_eq!(status(&server, ADMIN), 200);
    fails(&server.data(), "admin", "x\n", "in use");
    server.kill();
    fails(&server.data(), "nobody / here", "x\n", "no user");
    fails(&server.data(), "admin", "\n", "empty");
    fails(&server.data(), "admin", "admin\n", "at least 10 characters");
    fails(&server.data(), "admin", "Password123\n", "most common");
    assert!(passwd(&server.data(), "admin", &format!("{NEW}\n")).status.success());
    let server = server.start_again();
    assert_eq!(status(&server, ("admin", NEW)), 200);
    assert_eq!(status(&server, ADMIN), 401);
}

#[test]
fn an_administrator_with_an_invalid_name_is_refused_with_the_reason() {
    let mut server = Server::start();
    server.kill();
    let refused = |name: &str| {
        let mut command = satchel();
        command.args(["passwd", "--administrator", "--data"]).arg(server.data()).args(["--", name]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    for (name, reason) in [
        ("", "must not be empty"),
        ("a/b", "must not contain the character '/'"),
        ("a\u{1b}b", "must not contain the control character U+001B"),
        (&*"x".repeat(256), "at most 255 are allowed"),
    ] {
        let stderr = refused(name);
        assert!(stderr.contains("is not a valid user name: "), "{name:?}: {stderr}");
        assert!(stderr.contains(reason), "{name:?}: {stderr}");
        assert!(!stderr.contains("no user") && !stderr.contains('\u{1b}'), "{name:?}: {stderr}");
    }
}

#[test]
fn a_user_changes_the_own_password_at_a_server() {
    let server = Server::start();
    put(&server, "user", &json!({"name": GUEST.0, "password": GUEST.1}));
    let passwd = |user: &str, input: &str| {
        let mut command = satchel();
        command.args(["passwd", user, "--user", GUEST.0]);
        command.args(["--server", &format!("http://{}", server.address)]);
        let mut child = command
            .env("SATCHEL_PASSWORD", GUEST.1)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    };
    let refused = passwd(ADMIN.0, &format!("{NEW}\n"));
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8(refused.stderr).unwrap().contains("the right “edit”"));
    let weak = passwd(GUEST.0, "short\n");
    assert!(String::from_utf8(weak.stderr).unwrap().contains("at least 10 characters"));
    let changed = passwd(GUEST.0, &format!("{NEW}\n"));
    assert!(changed.status.success(), "{changed:?}");
    assert_eq!(String::from_utf8(changed.stdout).unwrap(), "Password of “guest” changed.\n");
    let count = server.request("GET", "/rest/count").login((GUEST.0, NEW)).send();
    assert_eq!(count.status, 200);
}

#[test]
fn a_new_administrator_needs_a_name_that_people_and_http_can_write() {
    let mut server = Server::start();
    server.kill();
    for (name, reason) in [("a:b", "colon"), ("\u{200b}", "U+200B"), ("eva ", "white space")] {
        let mut command = satchel();
        command.args(["passwd", "--administrator", "--data"]).arg(server.data()).args(["--", name]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(format!("{NEW}\n").as_bytes());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(reason), "{name:?}: {stderr}");
    }
}
