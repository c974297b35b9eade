//! HTTP over TLS: the certificate of the server, and the commands that check it.

use std::{
    fs,
    io::{Read, Write},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    commands::{assert_exit, run, stderr_of, stdout_of},
    harness::{PATIENCE, satchel, until},
    http2::connect,
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
    assert!(stderr_of(&refused).to_lowercase().replace(':', "").contains(&other));
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
    for sent in [&[0x16, 3, 1, 0xff, 0xff][..], b"\x80", b"get / HTTP/1.1\r\n", b""] {
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
fn a_request_without_encryption_is_told_to_use_https() {
    let server = TlsServer::start(&[]);
    let body = "x".repeat(100_000);
    let long = format!("PUT /rest/x HTTP/1.1\r\nHost: a\r\ncontent-length: 100000\r\n\r\n{body}");
    for sent in
        ["G", "GET /rest/is_alive HTTP/1.1\r\nHost: a\r\n\r\n", &long, "PRI * HTTP/2.0\r\n\r\n"]
    {
        let mut socket = server.socket();
        socket.write_all(sent.as_bytes()).unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(
            answer.ends_with("Begin the address with https:// instead of http://.\n"),
            "{answer}"
        );
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

#[test]
fn other_machines_are_served_without_encryption_only_if_a_setting_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let start = |words: &[&str]| {
        let mut command = satchel();
        run(command.arg("serve").args(words).current_dir(folder.path()))
    };
    for address in ["0.0.0.0:0", "[::]:0", "https://127.0.0.1:0,http://192.0.2.1:80"] {
        let refused = start(&["--listen", address]);
        assert_exit(&refused, 1);
        for word in ["not encrypted", "https://", "127.0.0.1", "unencrypted_passwords = true"] {
            assert!(stderr_of(&refused).contains(word), "{address}: {}", stderr_of(&refused));
        }
    }
    assert!(!folder.path().join("data").exists());
    let no_tls = start(&["--listen", "127.0.0.1:0", "--tls-client-ca", "ca.pem"]);
    assert_exit(&no_tls, 1);
    assert!(stderr_of(&no_tls).contains("https://"), "{}", stderr_of(&no_tls));
}

/// An authority, and the files of certificates that it signs.
struct Authority {
    folder: tempfile::TempDir,
    params: CertificateParams,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { folder, params, key }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a certificate of a client and its key into one file, and returns its path.
    fn sign(&self, name: &str, last_year: i32) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let path = self.path(&format!("{last_year}-{}.pem", name.len()));
        fs::write(&path, certificate.pem() + &key.serialize_pem()).unwrap();
        path
    }
}

#[test]
fn a_client_certificate_logs_its_user_in() {
    let authority = Authority::new();
    let server = TlsServer::start(&["--tls-client-ca", &authority.path("ca.pem")]);
    let call = |words: &[&str], path: &str| {
        let output = std::process::Command::new("curl")
            .args(["-sS", "-w", "\n%{http_code}", "--noproxy", "*", "--cacert"])
            .arg(server.certificate())
            .args(words)
            .arg(format!("{}{path}", server.https))
            .output()
            .unwrap();
        stdout_of(&output)
    };
    let admin = authority.sign("admin", 2090);
    let json = ["-H", "content-type: application/json", "-d"];
    let rosa = r#"{"name": "rosa é", "password": "a long new password"}"#;
    let created = call(&[&["--cert", &admin], &json[..], &[rosa]].concat(), "/rest/instance/user");
    assert!(created.ends_with("200"), "{created}");
    let rosa = authority.sign("rosa é", 2090);
    assert!(call(&["--cert", &rosa], "/rest/count").ends_with("200"));
    // With the rights of the user, and no more.
    let refused = call(&["--cert", &rosa, "-X", "POST"], "/rest/undo");
    assert!(refused.ends_with("403"), "{refused}");
    // Other credentials take precedence.
    assert!(call(&["--cert", &admin, "-u", "admin:wrong"], "/rest/count").ends_with("401"));
    assert!(call(&[], "/rest/count").ends_with("401"));
    let nobody = call(&["--cert", &authority.sign("nobody here", 2090)], "/rest/count");
    assert!(nobody.ends_with("401") && nobody.contains("nobody here"), "{nobody}");

    // Expired, of another authority, and the certificate of a server.
    let expired = authority.sign("admin", 2020);
    let foreign = Authority::new().sign("admin", 2090);
    for wrong in [expired, foreign] {
        assert!(call(&["--cert", &wrong], "/rest/count").ends_with("000"), "{wrong}");
        assert!(call(&["--cert", &wrong, "--tls-max", "1.2"], "/rest/count").ends_with("000"));
    }
    // The removed user is locked out at once.
    assert!(
        call(&["--cert", &admin, "-X", "DELETE"], "/rest/instance/user/rosa%20%C3%A9")
            .ends_with("200")
    );
    assert!(call(&["--cert", &rosa], "/rest/count").ends_with("401"));
    let metrics = call(&["--cert", &admin], "/metrics");
    let line =
        metrics.lines().find(|line| line.starts_with("satchel_tls_certificate_not_after_seconds "));
    let end: f64 = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(end > 2_000_000_000.0, "{end}");
}

#[test]
fn openssl_gets_current_versions_and_ciphers_only() {
    let server = TlsServer::start(&[]);
    let address = server.https.strip_prefix("https://").unwrap();
    let connect = |words: &[&str]| {
        let mut command = std::process::Command::new("openssl");
        command
            .args(["s_client", "-connect", address])
            .args(words)
            .stdin(std::process::Stdio::null());
        let output = command.output().unwrap();
        stdout_of(&output) + &stderr_of(&output)
    };
    for (words, expected) in [
        (&["-tls1_3", "-brief"][..], "Protocol version: TLSv1.3"),
        (&["-tls1_2", "-brief"], "Protocol version: TLSv1.2"),
        (&["-tls1_2", "-brief", "-cipher", "ECDHE+AESGCM"], "Ciphersuite: ECDHE-ECDSA-AES"),
        (&["-tls1_2", "-brief", "-cipher", "ECDHE+CHACHA20"], "Ciphersuite: ECDHE-ECDSA-CHACHA20"),
        (&["-tls1_3", "-alpn", "h2"], "ALPN protocol: h2"),
        // RFC 5746: a client cannot be made to continue the session of another.
        (&["-tls1_2"], "Secure Renegotiation IS supported"),
        (&["-tls1_2"], "Compression: NONE"),
    ] {
        let output = connect(words);
        assert!(output.contains(expected), "{words:?}: {output}");
    }
    for words in [
        &["-tls1", "-cipher", "ALL:@SECLEVEL=0"][..],
        &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        // No forward secrecy, CBC, no authentication, no encryption.
        &["-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "aNULL:eNULL:@SECLEVEL=0"],
    ] {
        let output = connect(&[&["-brief"], words].concat());
        assert!(!output.contains("CONNECTION ESTABLISHED"), "{words:?}: {output}");
    }
}

#[tokio::test]
async fn wrong_records_end_the_connection_and_nothing_else() {
    let server = TlsServer::start(&["--head-wait-ms", "500"]);
    let hello = {
        let mut client = rustls::ClientConnection::new(
            satchel::tls::client_config(&satchel::tls::ServerCheck::any()).unwrap(),
            "localhost".try_into().unwrap(),
        )
        .unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    };
    let random = || {
        let mut bytes = vec![0; 600];
        getrandom::fill(&mut bytes).unwrap();
        bytes
    };
    let mut sent: Vec<Vec<u8>> = (0..20).map(|_| random()).collect();
    // A hello that ends early, one with wrong bytes, and headers of records of every type and length.
    sent.extend((1..hello.len()).step_by(16).map(|length| hello[..length].to_vec()));
    sent.extend((0..hello.len()).step_by(8).map(|at| {
        let mut wrong = hello.clone();
        wrong[at] ^= 0xff;
        wrong
    }));
    sent.extend((0x14..0x1a).map(|kind| [&[kind, 3, 3, 0xff, 0xff], &random()[..]].concat()));
    for bytes in sent {
        let mut socket = server.socket();
        let _ = socket.write_all(&bytes);
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        // Random bytes can begin like a request.
        assert!(!answer.starts_with(b"HTTP") || answer.starts_with(b"HTTP/1.1 400 "));
    }
    // After the handshake: records that nobody encrypted.
    for _ in 0..20 {
        let stream = connect(&server, &["http/1.1"]).await.unwrap();
        let (mut tcp, _) = stream.into_inner();
        let record = [&[0x17, 3, 3, 2, 0x58], &random()[..]].concat();
        tcp.write_all(&record).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, tcp.read_to_end(&mut answer)).await;
        assert!(read.is_ok() && !answer.starts_with(b"HTTP"));
    }
    assert!(server.curl(&["--cacert", &server.certificate()]).status.success());
}

/// A terminal for a command: `script` of util-linux gives it one, and sends it this input.
fn on_terminal(command: &str, input: &str, config: &std::path::Path) -> String {
    let mut script = std::process::Command::new("script");
    script.args(["-qec", command, "/dev/null"]).env("XDG_CONFIG_HOME", config);
    script.env("SATCHEL_PASSWORD", "admin").env("SATCHEL_CONFIG", "");
    script.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = script.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
}

#[test]
fn a_certificate_is_remembered_when_the_user_accepts_it() {
    let server = TlsServer::start(&[]);
    let config = tempfile::tempdir().unwrap();
    let file = config.path().join("satchel/known_servers");
    let shown = server.shown();
    let verify = || {
        let mut command = satchel();
        command.args(["verify", "--server", &server.https, "--user", "admin"]);
        command.env("XDG_CONFIG_HOME", config.path()).env("SATCHEL_PASSWORD", "admin");
        run(command.stdin(std::process::Stdio::null()))
    };
    // Without a terminal, nobody can compare.
    let refused = verify();
    assert_exit(&refused, 1);
    for word in [shown.as_str(), "--fingerprint", "--ca", "satchel fingerprint"] {
        assert!(stderr_of(&refused).contains(word), "{}", stderr_of(&refused));
    }
    assert!(!file.exists());

    let path = env!("CARGO_BIN_EXE_satchel");
    let command = format!("{path} verify --server {} --user admin", server.https);
    let declined = on_terminal(&command, "n\n", config.path());
    assert!(declined.contains(&shown) && declined.contains("not trusted"), "{declined}");
    assert!(!file.exists());
    let accepted = on_terminal(&command, "y\n", config.path());
    assert!(accepted.contains("Inventory OK"), "{accepted}");
    let address = server.https.strip_prefix("https://").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{address} {shown}\n"));
    assert_exit(&verify(), 0);

    // Another certificate on the same address.
    let other = TlsServer::start(&[]);
    for file in ["key.pem", "certificate.pem"] {
        let folder = |server: &TlsServer| server.folder.path().join("data/tls").join(file);
        fs::copy(folder(&other), folder(&server)).unwrap();
    }
    let changed = other.shown();
    until(|| server.shown() == changed);
    let refused = verify();
    assert_exit(&refused, 1);
    for word in [shown.as_str(), &changed, "known_servers"] {
        assert!(stderr_of(&refused).contains(word), "{}", stderr_of(&refused));
    }
}

#[test]
fn a_self_signed_certificate_of_any_kind_is_accepted_with_ca() {
    let folder = tempfile::tempdir().unwrap();
    for (number, is_ca) in
        [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)]
            .into_iter()
            .enumerate()
    {
        let mut params = CertificateParams::new(vec!["other.example".to_owned()]).unwrap();
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let path = |name: &str| folder.path().join(format!("{number}-{name}"));
        fs::write(path("certificate.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(path("key.pem"), key.serialize_pem()).unwrap();
        let (certificate, key) = (path("certificate.pem"), path("key.pem"));
        let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
        let server = TlsServer::start(&["--tls-certificate", certificate, "--tls-key", key]);
        assert_exit(&server.verify(&["--ca", certificate]), 0);
    }
}
