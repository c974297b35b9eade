//! Tests of `satchel passwd` as a process of its own.

use std::{
    io::Write,
    path::Path,
    process::{Output, Stdio},
};

use crate::harness::{ADMIN, Server, satchel};

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
