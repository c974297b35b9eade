//! The command and the webhook of scheduled backups.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::{
    audit::syslog::{certificate, tls_config},
    backup_schedule::{first_success, schedule_with},
    backups::get,
    commands::{Workspace, assert_exit, stderr_of},
    harness::{ADMIN, PATIENCE, Server, command, until},
    metrics::sample,
};

/// An executable shell script in a folder.
fn script(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("R 1% é>b");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

/// The lines of the log that contain a text.
fn logged(server: &Server, text: &str) -> Vec<Value> {
    server.log().into_iter().filter(|line| line.to_string().contains(text)).collect()
}

#[test]
fn the_command_gets_the_path_of_each_good_backup() {
    let folder = tempfile::tempdir().unwrap();
    let calls = folder.path().join("calls");
    let text = format!(
        "printf '%s|%s|%s\\n' $# \"$1\" \"$(env | cut -d= -f1 | sort | tr '\\n' ' ')\" >> '{0}'\n\
         ls /proc/self/fd | tr '\\n' ' ' >> '{0}'; cp \"$1\" '{1}'; printf 'sent \\033[2J\\n'",
        calls.display(),
        folder.path().join("copy.zip").display()
    );
    let script = script(folder.path(), &text);
    // A secret in the environment of the server does not reach the command.
    let server = Server::start_with_environment(&[
        ("SATCHEL_BACKUP_COMMAND", script.to_str().unwrap()),
        ("SATCHEL_BACKUP_EVERY", "1h"),
        ("VAULT_TOKEN", "canary"),
    ]);
    let state = first_success(&server);
    let path = server.data().join("backups");
    let path = path.join(format!("{}.zip", state["last_success"]["backup"].as_str().unwrap()));
    until(|| !logged(&server, "The backup command has ended").is_empty());
    let calls = fs::read_to_string(calls).unwrap();
    let (first, descriptors) = calls.split_once('\n').unwrap();
    let parts: Vec<_> = first.split('|').collect();
    assert_eq!(parts[..2], ["1", path.to_str().unwrap()], "{calls}");
    let known = ["HOME", "LOGNAME", "OLDPWD", "PATH", "PWD", "SHLVL", "TZ", "USER", "_"];
    assert!(parts[2].split_whitespace().all(|name| known.contains(&name)), "{calls}");
    // `ls` itself opens the directory as 3.
    assert_eq!(descriptors, "0 1 2 3 ");
    assert_eq!(fs::read(folder.path().join("copy.zip")).unwrap(), fs::read(path).unwrap());
    let output = logged(&server, "Output of the backup command");
    assert!(output[0].to_string().contains("sent \\\\u{1b}[2J"), "{output:?}");
}

#[test]
fn a_failed_command_is_a_failure_of_a_good_backup() {
    let folder = tempfile::tempdir().unwrap();
    let script = script(folder.path(), "echo 'no route to é>b' >&2; exit 7");
    let options = ["--backup-every", "1h", "--backup-command", script.to_str().unwrap()];
    let server = Server::start_with(&options);
    let state = schedule_with(&server, |state| state["has_failed"] == true);
    assert_eq!(state["last_failure"]["cause"], "command", "{state}");
    let detail = state["last_failure"]["detail"].as_str().unwrap();
    assert!(detail.contains("exit status: 7: no route to é>b"), "{detail}");
    assert_eq!((&state["successes"], &state["failures"]["command"]), (&json!(1), &json!(1)));
    assert_eq!(sample(&server, "satchel_backup_failures_total{cause=\"command\"}"), Some(1.0));
    // The backup is there and good, so it is not made again before its time.
    let listed = get(&server, "/rest/backups").json()["backups"].clone();
    assert_eq!(listed[0]["verified"]["whole"], true);
    let ready = server.request("GET", "/readyz").send();
    assert_eq!(ready.status, 200);
    assert!(ready.json().to_string().contains("failed: the command failed."));
    let server = server.start_again_with(&options);
    let again = schedule_with(&server, |state| state["next"].is_string());
    assert_eq!(again["next"], state["next"]);

    // One that is missing.
    let options = ["--backup-every", "1s", "--backup-command", "/nowhere/é>b"];
    let server = server.start_again_with(&options);
    schedule_with(&server, |state| {
        let detail = state["last_failure"]["detail"].as_str().unwrap();
        detail.contains("cannot run the command '/nowhere/é>b': No such file")
    });
}

#[test]
fn a_command_that_hangs_is_killed_in_time_and_at_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let script = script(folder.path(), &format!("touch '{}'; sleep 600", started.display()));
    let options = ["--backup-every", "1h", "--backup-command", script.to_str().unwrap()];
    let short = [&options[..], &["--backup-command-time", "1s"]].concat();
    let server = Server::start_with(&short);
    let state = schedule_with(&server, |state| state["has_failed"] == true);
    let detail = state["last_failure"]["detail"].as_str().unwrap();
    assert!(detail.contains("took longer than 1s and was killed"), "{detail}");

    fs::remove_file(&started).unwrap();
    let options = ["--backup-every", "1s", "--backup-command", script.to_str().unwrap()];
    let mut server = server.start_again_with(&options);
    until(|| started.exists());
    server.terminate();
    assert!(server.wait().success());
    assert!(!logged(&server, "was killed, because the server was stopped").is_empty());
}

/// Reads a request of a webhook, and answers it. Returns its head and its document.
fn receive(stream: &mut (impl Read + Write), status: &str) -> (String, Value) {
    let mut reader = BufReader::new(&mut *stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    drop(reader);
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    stream.flush().unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

#[test]
fn the_webhook_gets_successes_and_failures_with_retries() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/secret-canary?x=1", listener.local_addr().unwrap());
    let options = ["--name", "R 1% é>b", "--backup-every", "1h", "--backup-webhook", &url];
    let server = Server::start_with(&options);
    let receive_next = |status: &str| {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        receive(&mut stream, status)
    };
    let (head, first) = receive_next("503 Service Unavailable");
    assert!(head.starts_with("POST /secret-canary?x=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("content-type: application/json\r\n"), "{head}");
    // The same document again.
    let (_, document) = receive_next("204 No Content");
    assert_eq!(document, first);
    let state = first_success(&server);
    let last = &state["last_success"];
    assert!(document["time"].is_string());
    let expected = json!({
        "event": "backup", "server": "R 1% é>b", "time": document["time"], "succeeded": true,
        "backup": last["backup"], "bytes": last["bytes"], "change": last["change"],
        "cause": null, "detail": null,
    });
    assert_eq!(document, expected);
    assert_eq!(sample(&server, "satchel_backup_webhook_failures_total"), Some(0.0));
    // Its path can be a secret.
    let starts = server.request("GET", "/rest/audit?event=start").login(ADMIN).send().json();
    assert!(!starts.to_string().contains("canary"), "{starts}");
    assert!(logged(&server, "canary").is_empty());

    let folder = ["--backup-dir", "/nowhere/é>b"];
    let every = ["--backup-every", "1s", "--backup-webhook", &url];
    let server = server.start_again_with(&[&every[..], &folder].concat());
    let (_, document) = receive_next("200 OK");
    assert_eq!((&document["succeeded"], &document["cause"]), (&json!(false), &json!("not_made")));
    assert!(document["detail"].as_str().unwrap().contains("might not be mounted"), "{document}");
    let mut overdue = document;
    while overdue["cause"] != "overdue" {
        overdue = receive_next("200 OK").1;
    }
    // A receiver that is gone hinders nothing, and a stop does not wait for it.
    drop(listener);
    let mut server = server;
    server.terminate();
    assert!(server.wait().success());
}

#[test]
fn the_webhook_is_encrypted_with_the_certificate_of_the_settings() {
    let (trusted, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (files, others) = (certificate(trusted.path()), certificate(other.path()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/hook", listener.local_addr().unwrap());
    let authority = files.certificate.to_str().unwrap();
    let options = ["--backup-every", "1h", "--backup-webhook", &url];
    let server = Server::start_with(&[&options[..], &["--backup-webhook-ca", authority]].concat());
    // Another server gets nothing.
    let (stream, _) = listener.accept().unwrap();
    let connection = ServerConnection::new(tls_config(&others)).unwrap();
    let mut bytes = Vec::new();
    assert!(StreamOwned::new(connection, stream).read_to_end(&mut bytes).is_err());
    assert!(bytes.is_empty());
    let (stream, _) = listener.accept().unwrap();
    let connection = ServerConnection::new(tls_config(&files)).unwrap();
    let (_, document) = receive(&mut StreamOwned::new(connection, stream), "200 OK");
    assert_eq!(document["succeeded"], true);
    drop(server);
}

#[test]
fn settings_of_the_hooks_that_do_not_fit_are_refused() {
    let workspace = Workspace::with_demo();
    let daily = ["--backup-every", "1d"];
    for (options, code, said) in [
        (&["--backup-command", "/bin/true"][..], 1, "without backup_every or backup_at"),
        (&["--backup-webhook", "http://127.0.0.1:1/"], 1, "without backup_every or backup_at"),
        (&["--backup-command-time", "1h"], 1, "without backup_every or backup_at"),
        (&[daily[0], daily[1], "--backup-command-time", "1h"], 1, "without backup_command"),
        (&[daily[0], daily[1], "--backup-command", "rclone"], 2, "write a script"),
        (&[daily[0], daily[1], "--backup-webhook", "ftp://a/"], 2, "http://HOST/PATH"),
        (&[daily[0], daily[1], "--backup-webhook", "https://a:b@c/"], 2, "without a user name"),
        (&[daily[0], daily[1], "--backup-webhook-ca", "/a"], 1, "begins with https://"),
    ] {
        let output = command(&workspace.data()).args(options).output().unwrap();
        assert_exit(&output, code);
        assert!(stderr_of(&output).contains(said), "{options:?}: {}", stderr_of(&output));
    }
}
