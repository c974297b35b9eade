//! Marked secrets that come in on every way are nowhere but where secrets belong.

use std::{
    fs,
    io::Write,
    net::UdpSocket,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::Stdio,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

use crate::{
    harness::{ADMIN, Server, command, satchel, until},
    inventory::put,
    project::{documents, import, put_folder},
};

/// The marked secrets. Each is long enough to be a password.
const SECRETS: [&str; 13] = [
    "canary-rest-user",
    "canary-rest-credential",
    "canary-import-credential",
    "canary-passwd-command",
    "canary-settings-file",
    "canary-wrong-login",
    "canary-refused-object",
    "canary-refused-document",
    "canary-second-value",
    "canary-custom-rest",
    "canary-custom-second",
    "canary-custom-import",
    "canary-custom-criterion",
];

/// Returns the marked secrets in some bytes, in clear or in base64.
fn found(bytes: &[u8]) -> Vec<&'static str> {
    let contains = |text: &str| memchr::memmem::find(bytes, text.as_bytes()).is_some();
    // The base64 of the middle of a text, whatever stands before it.
    let coded = |secret: &str| {
        (0..3).any(|skipped| {
            let code = BASE64_STANDARD.encode(&secret[skipped..]);
            contains(&code[..code.len() - 4])
        })
    };
    SECRETS.into_iter().filter(|secret| contains(secret) || coded(secret)).collect()
}

#[track_caller]
fn assert_clean(place: &str, bytes: &[u8]) {
    let found = found(bytes);
    assert!(found.is_empty(), "{found:?} in {place}: {}", String::from_utf8_lossy(bytes));
}

/// Checks every file below a folder, except for projects, which contain secrets.
fn assert_folder_is_clean(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("data/migrations") {
            continue;
        }
        if path.is_dir() {
            assert_folder_is_clean(&path);
        } else {
            assert_clean(&path.display().to_string(), &fs::read(&path).unwrap());
        }
    }
}

/// Sends the secrets to a server.
fn send_secrets(server: &Server) -> String {
    put(server, "user", &json!({"name": "é>b", "email": "a@b", "password": SECRETS[0]}));
    let credential =
        |password: &str| json!({"name": "R 1%", "password": password, "enable_password": password});
    put(server, "credential", &credential(SECRETS[1]));
    put(server, "credential", &credential(SECRETS[8]));
    let code = BASE64_STANDARD.encode(SECRETS[2]);
    let project = format!("- {{name: imported, password: {code}}}\n");
    put_folder(server, "canary", &documents(&[("credential", &project)]));
    let answer = import(server, "canary", json!({"import_export_types": ["credential"]}));
    assert_eq!(answer.status, 200);
    assert_clean("the report of an import", &answer.body);
    send_custom_secrets(server);
    // Documents and objects with errors beside the secret.
    let broken = format!("- {{name: '', password: {}}}\n- [{}\n", SECRETS[7], SECRETS[7]);
    put_folder(server, "broken", &documents(&[("credential", &broken)]));
    let answer = import(server, "broken", json!({"import_export_types": ["credential"]}));
    assert_clean("the report of a refused import", &answer.body);
    for object in [
        json!({"name": "x", "password": {"a": SECRETS[6]}}),
        json!({"name": 7, "password": SECRETS[6]}),
        json!({"name": "x", "subtype": [SECRETS[6].len()], "password": SECRETS[6]}),
    ] {
        let request = server.request("POST", "/rest/instance/credential").login(ADMIN);
        assert_clean("the response to an object", &request.json(&object).send().body);
    }
    for (name, password) in [("é>b", SECRETS[5]), ("admin", SECRETS[5]), ("nobody", SECRETS[5])] {
        let answer = server.request("GET", "/rest/count").login((name, password)).send();
        assert_eq!(answer.status, 401);
        assert_clean("a failed login", &answer.body);
    }
    let body = json!({"name": "é>b", "scope": "read"});
    let made = server.request("POST", "/rest/tokens").login(ADMIN).json(&body).send();
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let used = server.request("GET", "/rest/count").header("Authorization", &bearer).send();
    assert_eq!(used.status, 200);
    token.split_once('.').unwrap().1.to_owned()
}

/// Sends secrets in custom properties.
fn send_custom_secrets(server: &Server) {
    for secret in [SECRETS[9], SECRETS[10]] {
        let device = json!({
            "name": "R 1%", "snmp_community": secret, "tokens": [{"a": secret}], "rack": 7
        });
        let answer = server.request("POST", "/rest/instance/device").login(ADMIN).json(&device);
        assert_clean("the response to a custom secret", &answer.send().body);
    }
    let project = format!("- {{name: imported, enable_secret: {}}}\n", SECRETS[11]);
    put_folder(server, "custom", &documents(&[("device", &project)]));
    for dry in [true, false] {
        let options = json!({"import_export_types": ["device"], "dry_run": dry});
        let answer = import(server, "custom", options);
        assert_eq!(answer.status, 200);
        assert_clean("the report of an import of custom secrets", &answer.body);
    }
    let pool = json!({"name": "by secret", "device_snmp_community": SECRETS[12]});
    let answer = server.request("POST", "/rest/instance/pool").login(ADMIN).json(&pool).send();
    assert_eq!(answer.status, 422);
    assert_clean("the response to a criterion", &answer.body);
    let project = format!("- {{name: by secret, device_snmp_community: {}}}\n", SECRETS[12]);
    put_folder(server, "pools", &documents(&[("pool", &project)]));
    let answer = import(server, "pools", json!({"import_export_types": ["pool"]}));
    assert_clean("the report of an import of a criterion", &answer.body);
}

#[test]
fn no_secret_is_where_it_does_not_belong() {
    let collector = UdpSocket::bind("127.0.0.1:0").unwrap();
    collector.set_nonblocking(true).unwrap();
    let target = format!("udp://{}", collector.local_addr().unwrap());
    let mut server = Server::start_with(&["--log", "trace", "--syslog", &target]);
    let token_secret = send_secrets(&server);
    for path in [
        "/metrics",
        "/rest/state",
        "/rest/audit?limit=1000",
        "/rest/history?limit=1000",
        "/rest/history/3",
        "/rest/diff?since=1",
        "/rest/changes?after=1",
        "/rest/instance/user",
        "/rest/instance/credential",
        "/rest/instance/device",
        "/rest/instance/pool",
        "/rest/instance/device/R%201%25",
        "/rest/instance/device/R%201%25/history",
        "/rest/instance/device/imported/history",
        "/rest/query/device",
        "/rest/query/device?columns=name,snmp_community,tokens",
        "/rest/query/device?snmp_community=canary-custom-second",
        "/rest/instance/credential/R%201%25/history",
        "/rest/instance/credential/R%201%25?at=5",
        "/rest/query/credential",
        "/rest/openapi.json",
        "/rest/jobs",
        "/rest/tokens",
        "/rest/migrate/projects",
        "/docs/audit.html",
    ] {
        let answer = server.request("GET", path).login(ADMIN).send();
        assert!(answer.status < 500, "{path}");
        assert_clean(path, &answer.body);
        let secret = token_secret.as_bytes();
        assert!(!answer.body.windows(secret.len()).any(|window| window == secret), "{path}");
    }
    let without = json!({
        "name": "without", "import_export_types": ["user", "credential", "device", "pool"],
        "export_private_properties": false
    });
    server.request("POST", "/rest/migrate/export").login(ADMIN).json(&without).send();
    let bundle = fs::read(server.bundle("without")).unwrap();
    for (name, text) in crate::project::unpack(&bundle) {
        assert_clean(&name, &text);
    }
    until(|| {
        let audit = server.request("GET", "/rest/audit?event=token_use").login(ADMIN).send();
        audit.json() != json!([])
    });
    let mut datagram = [0; 8192];
    let mut messages = 0;
    while let Ok(length) = collector.recv(&mut datagram) {
        messages += 1;
        assert_clean("syslog", &datagram[..length]);
        let secret = token_secret.as_bytes();
        assert!(!datagram[..length].windows(secret.len()).any(|window| window == secret));
    }
    assert!(messages > 5, "{messages}");
    server.terminate();
    assert!(server.wait().success());
    let mut passwd = satchel();
    passwd.args(["passwd", "admin", "--data"]).arg(server.data());
    let mut passwd =
        passwd.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    writeln!(passwd.stdin.take().unwrap(), "{}", SECRETS[3]).unwrap();
    let said = passwd.wait_with_output().unwrap();
    assert!(said.status.success());
    assert_clean("passwd", &[said.stdout, said.stderr].concat());
    let server = server.start_again_with(&["--log", "trace"]);
    let answer = server.request("GET", "/rest/audit").login(("admin", SECRETS[3])).send();
    assert_eq!(answer.status, 200);
    let directory = server.kill_and_keep();
    // The log, the database, the history, the audit log, reports, jobs, tokens, …
    assert_folder_is_clean(directory.path());
    let log = fs::read(directory.path().join("log")).unwrap();
    assert!(!log.windows(token_secret.len()).any(|window| window == token_secret.as_bytes()));
}

#[test]
fn a_password_in_a_settings_file_is_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, format!("{}\n", SECRETS[4])).unwrap();
    let file = file.to_str().unwrap();
    let server = Server::start_with(&["--log", "trace", "--admin-password-file", file]);
    until(|| {
        let audit = server.request("GET", "/rest/audit?event=start").login(("admin", SECRETS[4]));
        let audit = audit.send();
        assert_clean("audit", &audit.body);
        audit.json() != json!([])
    });
    assert_folder_is_clean(server.kill_and_keep().path());
}

/// The kernel gives `/proc/PID` of a process without core dumps to root. The metrics still have the number
/// of open files, which the process reads there.
#[test]
fn a_server_of_an_ordinary_user_cannot_be_dumped() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().metadata().unwrap().uid();
    let user = if own == 0 { 65_534 } else { own };
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    std::os::unix::fs::chown(&data, Some(user), None).unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let mut serve = command(&data);
    serve.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null());
    if own == 0 {
        serve.uid(user).gid(user);
    }
    let mut child = serve.spawn().unwrap();
    let mut line = String::new();
    let stdout = child.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
    let server = Server::adopt(child, &line);
    let process = format!("/proc/{}", server.id());
    let status = fs::read_to_string(format!("{process}/status")).unwrap();
    assert!(status.contains(&format!("Uid:\t{user}\t")), "{status}");
    assert_eq!(fs::metadata(format!("{process}/environ")).unwrap().uid(), 0);
    let limits = fs::read_to_string(format!("{process}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    let metrics = server.request("GET", "/metrics").login(ADMIN).send();
    let metrics = String::from_utf8(metrics.body).unwrap();
    assert!(metrics.contains("\nprocess_open_fds "), "{metrics}");
    assert!(metrics.contains("\nprocess_resident_memory_bytes "), "{metrics}");
}
