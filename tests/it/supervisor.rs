//! What the server tells the one who started it, on a real socket.

use std::os::unix::net::UnixDatagram;

use crate::harness::{PATIENCE, Server};

/// Where a supervisor listens.
struct Supervisor {
    folder: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Supervisor {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify R 1%")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { folder, socket }
    }

    fn path(&self) -> String {
        self.folder.path().join("notify R 1%").to_str().unwrap().to_owned()
    }

    /// The next word that is none of a start that takes long.
    fn heard(&self) -> String {
        loop {
            let mut bytes = [0; 4096];
            let length = self.socket.recv(&mut bytes).unwrap();
            let word = String::from_utf8(bytes[..length].to_vec()).unwrap();
            if !word.starts_with("EXTEND_TIMEOUT_USEC=") {
                return word;
            }
        }
    }

    /// What comes until the server stops, and the word with which it does.
    fn heard_until_stopping(&self) -> (Vec<String>, String) {
        let mut before = Vec::new();
        loop {
            let word = self.heard();
            if word.starts_with("STOPPING=1\n") { return (before, word) } else { before.push(word) }
        }
    }
}

#[test]
fn it_is_told_that_the_server_is_ready_lives_and_stops() {
    let supervisor = Supervisor::new();
    let variables = [("NOTIFY_SOCKET", &*supervisor.path()), ("WATCHDOG_USEC", "20000")];
    let mut server = Server::start_with_environment(&variables);
    // The first beat may come before.
    let ready = std::iter::repeat_with(|| supervisor.heard()).find(|word| word != "WATCHDOG=1\n");
    let listening = format!("READY=1\nSTATUS=listening on http://{}\n", server.address);
    assert_eq!(ready.unwrap(), listening);
    for _ in 0..5 {
        assert_eq!(supervisor.heard(), "WATCHDOG=1\n");
    }
    assert_eq!(server.request("GET", "/rest/is_alive").send().status, 200);
    server.terminate();
    let (beats, stopping) = supervisor.heard_until_stopping();
    assert!(beats.iter().all(|beat| beat == "WATCHDOG=1\n"), "{beats:?}");
    assert!(stopping.contains("EXTEND_TIMEOUT_USEC=60000000\n"), "{stopping}");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_watchdog_of_another_process_is_not_told() {
    let supervisor = Supervisor::new();
    let path = supervisor.path();
    let variables = [("NOTIFY_SOCKET", &*path), ("WATCHDOG_USEC", "2000"), ("WATCHDOG_PID", "1")];
    let mut server = Server::start_with_environment(&variables);
    assert_ne!(server.id(), 1);
    // Each of these takes longer than what is between two beats.
    for _ in 0..10 {
        assert_eq!(server.request("GET", "/rest/is_alive").send().status, 200);
    }
    server.terminate();
    let (before, _) = supervisor.heard_until_stopping();
    assert_eq!(before.len(), 1, "{before:?}");
    assert!(before[0].starts_with("READY=1\n"), "{before:?}");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_supervisor_that_is_gone_does_not_keep_the_server_from_serving() {
    let mut server = Server::start_with_environment(&[("NOTIFY_SOCKET", "/nowhere/x")]);
    assert_eq!(server.request("GET", "/rest/is_alive").send().status, 200);
    let warned = server.log().iter().any(|line| line["socket"] == "/nowhere/x");
    assert!(warned, "{:?}", server.log());
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
}
