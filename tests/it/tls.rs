//! HTTP over TLS: the certificate of the server, and the commands that check it.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::{
    commands::{assert_exit, run, stderr_of, stdout_of},
    harness::{PATIENCE, satchel, until},
};

/// A server that listens with and without TLS.
struct TlsServer {
    child: Child,
    https: String,
    http: String,
    folder: TempDir,
}

impl TlsServer {
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut child = satchel()
            .args(["serve", "--listen", "https://127.0.0.1:0, http://127.0.0.1:0"])
            .args(arguments)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut url = |scheme: &str| {
            let line = lines.next().unwrap().unwrap();
            let url = line.strip_prefix("satchel is listening on ").unwrap();
            assert!(url.starts_with(&format!("{scheme}://127.0.0.1:")), "{url}");
            url.to_owned()
        };
        let (https, http) = (url("https"), url("http"));
        Self { child, https, http, folder }
    }

    fn socket(&self) -> TcpStream {
        let address: SocketAddr = self.https.strip_prefix("https://").unwrap().parse().unwrap();
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    fn certificate(&self) -> String {
        self.folder.path().join("data/tls/certificate.pem").to_str().unwrap().to_owned()
    }

    /// The fingerprint of the certificate that the server shows.
    fn shown(&self) -> String {
        let output = run(satchel().args(["fingerprint", "--server", &self.https]));
        assert_exit(&output, 0);
        stdout_of(&output).trim().to_owned()
    }

    fn verify(&self, words: &[&str]) -> Output {
        let mut command = satchel();
        command.args(["verify", "--server", &self.https, "--user", "admin"]).args(words);
        run(command.env("SATCHEL_PASSWORD", "admin"))
    }

    fn curl(&self, words: &[&str]) -> Output {
        let url = format!("{}/rest/is_alive", self.https);
        Command::new("curl")
            .args(["-sS", "-i", "--noproxy", "*"])
            .args(words)
            .arg(url)
            .output()
            .unwrap()
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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
        assert!(answer.starts_with("HTTP/1.1 200 "), "{version}: {answer}{}", stderr_of(&output));
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
