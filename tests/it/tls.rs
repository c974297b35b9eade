//! HTTP over TLS: the certificate of the server, and the commands that check it.

use std::{
    fs,
    io::{Read, Write},
};

use crate::{
    commands::{assert_exit, run, stderr_of, stdout_of},
    harness::{satchel, until},
    tls_server::TlsServer,
};

#[test]
fn commands_accept_the_pinned_or_listed_certificate_and_no_other() {
    let server = TlsServer::start(&[]);
    let data = server.folder.path().join("data");
    let printed = run(satchel().arg("fingerprint").arg("--data").arg(&data));
    let fingerprint = stdout_of(&printed).trim().to_owned();
    assert_eq!(server.shown(), fingerprint);
    let log = fs::read_to_string(server.folder.path().join("log")).unwrap();
    assert!(log.contains(&fingerprint), "{log}");

    let plain = fingerprint.replace(':', "").to_lowercase();
    for words in [
        &["--fingerprint", fingerprint.as_str()][..],
        &["--fingerprint", &plain],
        &["--ca", &server.certificate()],
    ] {
        let output = server.verify(words);
        assert_exit(&output, 0);
        assert!(!stderr_of(&output).contains("not encrypted"), "{}", stderr_of(&output));
    }
    let other = format!("{}00", &plain[..62]);
    let refused = server.verify(&["--fingerprint", &other]);
    assert_exit(&refused, 1);
    assert!(stderr_of(&refused).contains(&fingerprint), "{}", stderr_of(&refused));
    let unknown = server.verify(&[]);
    assert_exit(&unknown, 1);
    assert!(stderr_of(&unknown).contains("--fingerprint"), "{}", stderr_of(&unknown));
    assert_exit(&server.verify(&["--fingerprint", "ab"]), 2);
    let http = server.http.clone();
    let mut command = satchel();
    command.args(["verify", "--server", &http, "--user", "admin", "--fingerprint", &plain]);
    let plain_http = run(command.env("SATCHEL_PASSWORD", "admin"));
    assert_exit(&plain_http, 1);
    assert!(stderr_of(&plain_http).contains("https://"), "{}", stderr_of(&plain_http));
}

#[test]
fn tls_1_2_and_1_3_are_spoken_and_nothing_older() {
    let server = TlsServer::start(&[]);
    let certificate = server.certificate();
    for version in ["1.2", "1.3"] {
        let (least, most) = (format!("--tlsv{version}"), version);
        let output = server.curl(&["--cacert", &certificate, &least, "--tls-max", most]);
        let answer = stdout_of(&output);
        assert!(answer.starts_with("HTTP/2 200 "), "{version}: {answer}{}", stderr_of(&output));
        assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
    }
    let old = server.curl(&["--cacert", &certificate, "--tlsv1.0", "--tls-max", "1.1"]);
    assert!(!old.status.success());
    // Without the certificate, curl does not trust the server.
    assert!(!server.curl(&[]).status.success());
}

#[test]
fn a_client_that_does_not_speak_tls_is_disconnected() {
    let server = TlsServer::start(&["--head-wait-ms", "300"]);
    for sent in
        [&b"GET /rest/is_alive HTTP/1.1\r\nHost: a\r\n\r\n"[..], &[0x16, 3, 1, 0xff, 0xff], b""]
    {
        let mut socket = server.socket();
        socket.write_all(sent).unwrap();
        let mut answer = Vec::new();
        // A reset is an end as well.
        let _ = socket.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
    assert!(server.curl(&["--cacert", &server.certificate()]).status.success());
}

#[test]
fn a_changed_certificate_is_used_without_a_restart() {
    let server = TlsServer::start(&[]);
    let other = TlsServer::start(&[]);
    let (before, after) = (server.shown(), other.shown());
    assert_ne!(before, after);
    let folder = |server: &TlsServer| server.folder.path().join("data/tls");
    for file in ["key.pem", "certificate.pem"] {
        fs::copy(folder(&other).join(file), folder(&server).join(file)).unwrap();
    }
    until(|| server.shown() == after);
}

#[test]
fn a_certificate_without_its_key_ends_the_start() {
    let (one, other) = (TlsServer::start(&[]), TlsServer::start(&[]));
    let key = other.folder.path().join("data/tls/key.pem");
    let folder = tempfile::tempdir().unwrap();
    let start = |key: &str| {
        let mut command = satchel();
        command.args(["serve", "--listen", "https://127.0.0.1:0", "--tls-certificate"]);
        command.args([&one.certificate(), "--tls-key", key]).current_dir(folder.path());
        run(&mut command)
    };
    let mixed = start(key.to_str().unwrap());
    assert_exit(&mixed, 1);
    assert!(stderr_of(&mixed).contains("with the key"), "{}", stderr_of(&mixed));
    let missing = start("none.pem");
    assert_exit(&missing, 1);
    assert!(stderr_of(&missing).contains("none.pem"), "{}", stderr_of(&missing));
}
