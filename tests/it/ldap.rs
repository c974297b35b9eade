//! Tests of logins by LDAP with a server that misbehaves. `tests/clients/ldap_logins.py` uses OpenLDAP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{ADMIN, Server, command, until};
use crate::inventory::put;

const COUNT: &str = "/rest/count";
const EVA: (&str, &str) = ("eva", "a password of eva");

/// The behaviour of a fake LDAP server.
#[derive(Clone, Copy)]
enum Behaviour {
    /// Answers each login with this result after some milliseconds.
    Answers { result: u8, after_ms: u64 },
    /// Accepts the connection, and never answers.
    Hangs,
    /// Answers with bytes that are no LDAP message.
    Babbles,
}

/// An LDAP server that counts its connections. It runs until the test process ends.
struct FakeLdap {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl FakeLdap {
    fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || serve(stream.unwrap(), behaviour));
            }
        });
        Self { address, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn url(&self) -> String {
        format!("ldap://{}", self.address)
    }
}

fn serve(mut stream: TcpStream, behaviour: Behaviour) {
    let mut request = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut request) {
        // LDAPMessage ::= SEQUENCE { messageID INTEGER, bindRequest [APPLICATION 0] … }. Short forms
        // only: the messages of these tests have less than 128 bytes.
        let (id, operation) = (request[4], request[5]);
        assert!(length < 128 && request[0] == 0x30);
        match behaviour {
            Behaviour::Hangs => {}
            Behaviour::Babbles => drop(stream.write_all(&[0x30, 3, 2, 1, id, 0xff, 0xff])),
            Behaviour::Answers { result, after_ms } if operation == 0x60 => {
                thread::sleep(Duration::from_millis(after_ms));
                let answer = [0x30, 12, 2, 1, id, 0x61, 7, 10, 1, result, 4, 0, 4, 0];
                let _ = stream.write_all(&answer);
            }
            Behaviour::Answers { .. } => return,
        }
    }
}

/// Starts a Satchel server with the user eva, whose password these LDAP servers check.
fn start(urls: &str) -> Server {
    let arguments = ["--ldap-url", urls, "--ldap-user-dn", "uid={user},dc=example"];
    let server = Server::start_with(&arguments);
    put(&server, "user", &json!({"name": EVA.0, "authentication": "ldap"}));
    server
}

fn status(server: &Server, login: (&str, &str)) -> u16 {
    server.request("GET", COUNT).login(login).send().status
}

#[test]
fn requests_at_once_are_one_login_at_the_ldap_server() {
    let ldap = FakeLdap::start(Behaviour::Answers { result: 0, after_ms: 300 });
    let server = start(&ldap.url());
    thread::scope(|scope| {
        let request = || scope.spawn(|| status(&server, EVA));
        let requests: Vec<_> = std::iter::repeat_with(request).take(30).collect();
        for request in requests {
            assert_eq!(request.join().unwrap(), 200);
        }
    });
    assert_eq!(ldap.connections(), 1);
}

#[test]
fn a_refused_password_is_not_sent_again_and_counts() {
    let ldap = FakeLdap::start(Behaviour::Answers { result: 49, after_ms: 0 });
    let server = start(&ldap.url());
    let forwarded = |password| {
        let request = server.request("GET", COUNT).login(("eva", password));
        request.header("X-Forwarded-For", "198.51.100.1").send()
    };
    for _ in 0..4 {
        forwarded("one wrong password").problem(401, "unauthenticated");
    }
    assert_eq!(ldap.connections(), 1);
    forwarded("another wrong password").problem(401, "unauthenticated");
    assert_eq!(ldap.connections(), 2);
    forwarded(EVA.1).problem(429, "too-many-failed-logins");
    assert_eq!(ldap.connections(), 2);
}

#[test]
fn nothing_is_sent_without_a_password_or_for_other_users() {
    let ldap = FakeLdap::start(Behaviour::Answers { result: 0, after_ms: 0 });
    let server = start(&ldap.url());
    put(&server, "user", &json!({"name": "tac", "authentication": "tacacs"}));
    for login in [("eva", ""), ("admin", "wrong"), ("tac", "x"), ("nobody", "x"), ("", "x")] {
        assert_eq!(status(&server, login), 401, "{login:?}");
    }
    assert_eq!(status(&server, ADMIN), 200);
    assert_eq!(ldap.connections(), 0);
}

#[test]
fn an_ldap_server_that_cannot_be_used_is_503_and_local_users_log_in() {
    let referral = Behaviour::Answers { result: 10, after_ms: 0 };
    let unavailable = Behaviour::Answers { result: 52, after_ms: 0 };
    for behaviour in [referral, unavailable, Behaviour::Babbles] {
        let ldap = FakeLdap::start(behaviour);
        let server = start(&ldap.url());
        let answer = server.request("GET", COUNT).login(EVA).send();
        let problem = answer.problem(503, "unavailable");
        assert!(problem["detail"].as_str().unwrap().contains("cannot be reached"), "{problem}");
        // The next login does not wait for the server.
        assert_eq!(status(&server, ("eva", "another")), 503);
        assert_eq!(ldap.connections(), 1);
        assert_eq!(status(&server, ADMIN), 200);
        let reasons = || {
            // The library panics at bytes that are no message, which the log shows too.
            let errors = server.log().into_iter().filter(|line| line["server"].is_string());
            errors.map(|line| line["server"].clone()).collect::<Vec<_>>()
        };
        until(|| !reasons().is_empty());
        assert_eq!(reasons(), [ldap.url()]);
    }
}

#[test]
fn a_server_that_hangs_ends_after_its_time_and_the_next_one_is_asked() {
    let hanging = FakeLdap::start(Behaviour::Hangs);
    let answering = FakeLdap::start(Behaviour::Answers { result: 0, after_ms: 0 });
    let server = start(&format!("{}, {}", hanging.url(), answering.url()));
    let start = Instant::now();
    assert_eq!(status(&server, EVA), 200);
    assert!(start.elapsed() >= Duration::from_secs(4));
    // The server that answered is asked first from now on.
    assert_eq!(status(&server, ("eva", "another")), 200);
    assert_eq!((hanging.connections(), answering.connections()), (1, 2));
}

#[test]
fn a_setting_for_ldap_without_a_server_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = command(&folder.path().join("data"));
    let output =
        serve.args(["--listen", "127.0.0.1:0", "--ldap-groups", "netops: operators"]).output();
    let output = output.unwrap();
    assert_ne!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("ldap_groups has no use without ldap_url"), "{said}");
}
