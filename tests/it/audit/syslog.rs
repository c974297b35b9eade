//! Messages to a collector, over each transport.

use std::{
    io::{BufRead, BufReader, Read},
    net::{TcpListener, TcpStream, UdpSocket},
    path::Path,
    sync::Arc,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use satchel::tls::CertificateFiles;

use crate::{
    commands::{assert_exit, run, stderr_of},
    harness::{PATIENCE, Server, satchel, until},
    inventory::get,
};

/// The name in the failed login.
const NAME: &str = "é\"]>b";

/// A failed login, whose message each test waits for.
fn fail(server: &Server, name: &str) {
    server.request("GET", "/rest/count").login((name, "wrong canary")).send();
}

/// Checks the message of the failed login.
fn check(message: &str) {
    assert!(message.starts_with("<108>1 20"), "{message}");
    let words: Vec<_> = message.splitn(7, ' ').collect();
    assert_eq!((words[3], words[5]), ("satchel", "login_failed"), "{message}");
    assert!(message.contains("[satchel@32473 number=\""), "{message}");
    assert!(message.contains("user=\"é\\\"\\]>b\" address=\"127.0.0.1\" hash=\""), "{message}");
    assert!(!message.contains("canary"));
}

/// Reads a message with octet counting.
fn read(stream: &mut impl BufRead) -> String {
    let mut length = Vec::new();
    stream.read_until(b' ', &mut length).unwrap();
    let length: usize = String::from_utf8(length).unwrap().trim().parse().unwrap();
    let mut message = vec![0; length];
    stream.read_exact(&mut message).unwrap();
    String::from_utf8(message).unwrap()
}

/// Reads messages until that of the failed login.
fn read_failure(stream: &mut impl BufRead) -> String {
    loop {
        let message = read(stream);
        if message.contains(" login_failed ") {
            return message;
        }
    }
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn messages_arrive_over_udp() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let target = format!("udp://{}", socket.local_addr().unwrap());
    let server = Server::start_with(&["--syslog", &target]);
    fail(&server, NAME);
    let mut bytes = [0; 4096];
    loop {
        let length = socket.recv(&mut bytes).unwrap();
        let message = str::from_utf8(&bytes[..length]).unwrap();
        if message.contains(" login_failed ") {
            check(message);
            break;
        }
    }
}

#[test]
fn messages_arrive_over_tcp_also_after_an_interruption() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("tcp://{}", listener.local_addr().unwrap());
    let server = Server::start_with(&["--syslog", &target]);
    let mut stream = BufReader::new(accept(&listener));
    fail(&server, NAME);
    check(&read_failure(&mut stream));
    // The collector restarts.
    drop(stream);
    fail(&server, "R 1%");
    let mut stream = BufReader::new(accept(&listener));
    assert!(read_failure(&mut stream).contains("user=\"R 1%\""));
    until(|| get(&server, "/rest/state")["audit"]["syslog"]["waiting"] == 0);
    let syslog = &get(&server, "/rest/state")["audit"]["syslog"];
    assert_eq!((&syslog["lost"], &syslog["is_connected"]), (&0.into(), &true.into()), "{syslog}");
}

/// Nothing listens: messages wait, requests do not.
#[test]
fn an_unreachable_collector_delays_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("tcp://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut server = Server::start_with(&["--syslog", &target]);
    fail(&server, NAME);
    until(|| get(&server, "/rest/state")["audit"]["syslog"]["waiting"].as_u64().unwrap() >= 2);
    let metrics = server.request("GET", "/metrics").login(crate::harness::ADMIN).send();
    let metrics = String::from_utf8(metrics.body).unwrap();
    assert!(metrics.contains("satchel_syslog_connected 0"), "{metrics}");
    assert!(metrics.contains("satchel_syslog_lost_total 0"));
    server.terminate();
    assert!(server.wait().success());
}

pub(crate) fn tls_config(files: &CertificateFiles) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_file(&files.certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    Arc::new(config)
}

pub(crate) fn certificate(folder: &Path) -> CertificateFiles {
    CertificateFiles::self_signed(folder, &[], &["127.0.0.1".parse().unwrap()]).unwrap()
}

#[test]
fn messages_arrive_over_tls_with_the_certificate_of_the_collector() {
    let folder = tempfile::tempdir().unwrap();
    let files = certificate(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("tls://{}", listener.local_addr().unwrap());
    let authority = files.certificate.to_str().unwrap();
    let server = Server::start_with(&["--syslog", &target, "--syslog-ca", authority]);
    fail(&server, NAME);
    let connection = ServerConnection::new(tls_config(&files)).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(connection, accept(&listener)));
    check(&read_failure(&mut stream));
}

#[test]
fn a_collector_with_another_certificate_gets_nothing() {
    let (trusted, shown) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (trusted_files, shown_files) = (certificate(trusted.path()), certificate(shown.path()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("tls://{}", listener.local_addr().unwrap());
    let authority = trusted_files.certificate.to_str().unwrap();
    let server = Server::start_with(&["--syslog", &target, "--syslog-ca", authority]);
    fail(&server, NAME);
    let connection = ServerConnection::new(tls_config(&shown_files)).unwrap();
    let mut stream = StreamOwned::new(connection, accept(&listener));
    let mut bytes = Vec::new();
    assert!(stream.read_to_end(&mut bytes).is_err());
    assert!(bytes.is_empty());
    until(|| get(&server, "/rest/state")["audit"]["syslog"]["is_connected"] == false);
}

#[test]
fn tls_needs_the_certificate_of_the_collector() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = satchel();
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--syslog",
        "tls://127.0.0.1:6514",
        "--data",
    ]);
    let output = run(command.arg(folder.path().join("data")));
    assert_exit(&output, 1);
    assert!(stderr_of(&output).contains("syslog_ca"), "{}", stderr_of(&output));
    let mut command = satchel();
    command.args(["serve", "--syslog", "http://127.0.0.1", "--data"]);
    assert_exit(&run(command.arg(folder.path().join("data"))), 2);
}
