//! Notifications of the server to its supervisor, on a real socket.

use std::os::unix::net::UnixDatagram;

use crate::harness::{PATIENCE, Server};

/// A supervisor that listens on its own socket.
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

    /// The next notification, without the requests for more time.
    fn next(&self) -> String {
        loop {
            let mut bytes = [0; 4096];
            let length = self.socket.recv(&mut bytes).unwrap();
            let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
            if !text.starts_with("EXTEND_TIMEOUT_USEC=") {
                return text;
            }
        }
    }

    /// The notifications up to STOPPING, inclusive.
    fn until_stopping(&self) -> (Vec<String>, String) {
        let mut before = Vec::new();
        loop {
            let text = self.next();
            if text.starts_with("STOPPING=1\n") {
                return (before, text);
            }
            before.push(text);
        }
    }
}

#[test]
fn the_supervisor_hears_ready_alive_and_stopping() {
    let supervisor = Supervisor::new();
    let variables = [("NOTIFY_SOCKET", &*supervisor.path()), ("WATCHDOG_USEC", "20000")];
    let mut server = Server::start_with_environment(&variables);
    // The first watchdog notification can be earlier.
    let ready = std::iter::repeat_with(|| supervisor.next()).find(|text| text != "WATCHDOG=1\n");
    let listening = format!("READY=1\nSTATUS=listening on http://{}\n", server.address);
    assert_eq!(ready.unwrap(), listening);
    for _ in 0..5 {
        assert_eq!(supervisor.next(), "WATCHDOG=1\n");
    }
    assert_eq!(server.request("GET", "/rest/is_alive").send().status, 200);
    server.terminate();
    let (beats, stopping) = supervisor.until_stopping();
    assert!(beats.iter().all(|beat| beat == "WATCHDOG=1\n"), "{beats:?}");
    assert_eq!(
        stopping,
        "STOPPING=1\nSTATUS=finishing open requests\nEXTEND_TIMEOUT_USEC=60000000\n"
    );
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn the_watchdog_of_another_process_is_not_notified() {
    let supervisor = Supervisor::new();
    let path = supervisor.path();
    let variables = [("NOTIFY_SOCKET", &*path), ("WATCHDOG_USEC", "2000"), ("WATCHDOG_PID", "1")];
    let mut server = Server::start_with_environment(&variables);
    assert_ne!(server.id(), 1);
    // Each request takes longer than the time between two notifications.
    for _ in 0..10 {
        assert_eq!(server.request("GET", "/rest/is_alive").send().status, 200);
    }
    server.terminate();
    let (before, _) = supervisor.until_stopping();
    assert_eq!(before.len(), 1, "{before:?}");
    assert!(before[0].starts_with("READY=1\n"), "{before:?}");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn without_a_reachable_supervisor_the_server_serves() {
    let mut server = Server::start_with_environment(&[("NOTIFY_SOCKET", "/nowhere/x")]);
    assert_eq!(server.request("GET", "/rest/is_alive").send().status, 200);
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    // Written completely only when the server has ended.
    let warned = server.log().iter().any(|line| line["socket"] == "/nowhere/x");
    assert!(warned, "{:?}", server.log());
}

#[test]
fn a_watchdog_without_an_interval_is_ignored() {
    let supervisor = Supervisor::new();
    let path = supervisor.path();
    for interval in ["0", "1", "", "x", "99999999999999999999999"] {
        let variables = [("NOTIFY_SOCKET", &*path), ("WATCHDOG_USEC", interval)];
        let mut server = Server::start_with_environment(&variables);
        assert_eq!(server.request("GET", "/rest/is_alive").send().status, 200);
        server.terminate();
        let (before, _) = supervisor.until_stopping();
        assert_eq!(before.len(), 1, "{interval}: {before:?}");
        assert_eq!(server.wait().code(), Some(0));
    }
}
