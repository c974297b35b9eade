//! What the server tells the one who started it: that it is ready, that it stops, that it lives.
//!
//! The protocol is systemd's (`sd_notify(3)`), and others speak it too: lines of text in datagrams
//! to the socket that `NOTIFY_SOCKET` names. Where there is none, nobody is told.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

/// How long a word to the supervisor may take. It reads at once, or has trouble of its own.
const SEND_WAIT: Duration = Duration::from_secs(1);

/// How often a start that takes long asks for more time, and for how much each time: systemd gives
/// up after 90 s, and a start that hangs must still be noticed.
const EXTEND_INTERVAL: Duration = Duration::from_secs(10);
const EXTENSION: Duration = Duration::from_secs(30);

/// How long a start may take with all extensions. An inventory of a million devices opens in
/// seconds; after an hour nothing will come any more.
const START_MAX: Duration = Duration::from_secs(60 * 60);

/// Who started the server, as far as it wants to be told.
pub(super) struct Supervisor {
    socket: Option<Arc<UnixDatagram>>,
    /// How often it wants to hear that the server lives.
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// The supervisor that the environment names. One that cannot be reached is as good as none:
    /// the server serves, and says so in the log.
    pub(super) fn of_environment() -> Self {
        Self::of(|name| env::var_os(name))
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let socket = variable("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let socket = socket.and_then(|name| match connect(&name) {
            Ok(socket) => Some(Arc::new(socket)),
            Err(error) => {
                tracing::warn!(%error, socket = %name.display(), "the supervisor cannot be told anything");
                None
            }
        });
        Self { socket, watchdog: watchdog(variable) }
    }

    /// Does `work`, and asks for more time as long as it goes on.
    pub(super) fn while_starting<T>(&self, work: impl FnOnce() -> T) -> T {
        let (done, waiting) = channel::<()>();
        thread::scope(|scope| {
            if let Some(socket) = &self.socket {
                let ask = move || {
                    let begun = Instant::now();
                    while waiting.recv_timeout(EXTEND_INTERVAL) == Err(RecvTimeoutError::Timeout)
                        && begun.elapsed() < START_MAX
                    {
                        send(socket, &extension(EXTENSION));
                    }
                };
                // Without a thread the time is what it is.
                let _ = thread::Builder::new().name("starting".to_owned()).spawn_scoped(scope, ask);
            }
            let made = work();
            drop(done);
            made
        })
    }

    /// The server takes connections.
    pub(super) fn ready(&self, address: &str) {
        self.tell(&format!("READY=1\nSTATUS=listening on {address}\n"));
    }

    /// The server stops, and gives requests in hand this long.
    pub(super) fn stopping(&self, wait: Duration) {
        let extension = extension(wait.saturating_add(EXTENSION));
        self.tell(&format!("STOPPING=1\nSTATUS=finishing the requests in hand\n{extension}"));
    }

    fn tell(&self, words: &str) {
        if let Some(socket) = &self.socket {
            send(socket, words);
        }
    }

    /// Says again and again that the server lives, for as long as it does: each time the async
    /// runtime has run this, a thread was to be had, and `check` has come back on it. Never
    /// returns; where nobody wants to hear it, it does nothing.
    pub(super) async fn watch(&self, check: impl Fn() + Clone + Send + 'static) {
        let (Some(socket), Some(every)) = (&self.socket, self.watchdog) else {
            return std::future::pending().await;
        };
        let mut beat = interval(every / 2);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            let (check, socket) = (check.clone(), socket.clone());
            let checked = spawn_blocking(move || {
                check();
                send(&socket, "WATCHDOG=1\n");
            });
            if let Err(error) = checked.await {
                tracing::error!(%error, "the server does not live: the watchdog is not told");
            }
        }
    }
}

fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_write_timeout(Some(SEND_WAIT))?;
    Ok(socket)
}

/// How often the supervisor wants to hear of this process. `WATCHDOG_PID` says of whom: a process
/// that was started by another server may find what was meant for that one.
fn watchdog(variable: impl Fn(&str) -> Option<OsString>) -> Option<Duration> {
    let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
    let is_meant = variable("WATCHDOG_PID").is_none()
        || number("WATCHDOG_PID") == Some(std::process::id().into());
    number("WATCHDOG_USEC").filter(|every| is_meant && *every > 1).map(Duration::from_micros)
}

fn extension(wait: Duration) -> String {
    format!("EXTEND_TIMEOUT_USEC={}\n", wait.as_micros())
}

fn send(socket: &UnixDatagram, words: &str) {
    if let Err(error) = socket.send(words.as_bytes()) {
        tracing::warn!(%error, "the supervisor takes no word");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;

    /// Nothing that a test waits for takes this long, unless it will never come.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn listener(address: &SocketAddr) -> UnixDatagram {
        let listener = UnixDatagram::bind_addr(address).unwrap();
        listener.set_read_timeout(Some(PATIENCE)).unwrap();
        listener
    }

    fn heard(listener: &UnixDatagram) -> String {
        let mut bytes = [0; 4096];
        let length = listener.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    fn supervisor(variables: &[(&str, &str)]) -> Supervisor {
        Supervisor::of(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn a_socket_may_be_a_file_or_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("R 1%");
        let file = listener(&SocketAddr::from_pathname(&path).unwrap());
        let name = format!("satchel é>b {}", std::process::id());
        let named = listener(&SocketAddr::from_abstract_name(&name).unwrap());
        for (listener, said) in [(file, path.to_str().unwrap()), (named, &format!("@{name}"))] {
            let supervisor = supervisor(&[("NOTIFY_SOCKET", said)]);
            supervisor.ready("http://[::1]:80");
            assert_eq!(heard(&listener), "READY=1\nSTATUS=listening on http://[::1]:80\n");
            supervisor.stopping(Duration::from_secs(1));
            let stopping = heard(&listener);
            assert!(stopping.starts_with("STOPPING=1\n"), "{stopping}");
            assert!(stopping.ends_with("EXTEND_TIMEOUT_USEC=31000000\n"), "{stopping}");
            assert_eq!(supervisor.while_starting(|| 7), 7);
        }
    }

    #[test]
    fn who_cannot_be_reached_is_as_good_as_nobody() {
        for socket in ["", "@nobody is here", "/nowhere/x", "vsock:2:1", &"x".repeat(200)] {
            let supervisor = supervisor(&[("NOTIFY_SOCKET", socket)]);
            assert!(supervisor.socket.is_none(), "{socket}");
            supervisor.ready("");
        }
    }

    #[test]
    fn the_watchdog_is_ours_or_nobodys() {
        let own = std::process::id().to_string();
        let every = |variables: &[(&str, &str)]| supervisor(variables).watchdog;
        let usec = ("WATCHDOG_USEC", "3000000");
        assert_eq!(every(&[usec]), Some(Duration::from_secs(3)));
        assert_eq!(every(&[usec, ("WATCHDOG_PID", &own)]), Some(Duration::from_secs(3)));
        for pid in ["1", "", "x", "-1"] {
            assert_eq!(every(&[usec, ("WATCHDOG_PID", pid)]), None);
        }
        for usec in ["0", "1", "", "x", "1.5", "99999999999999999999999"] {
            assert_eq!(every(&[("WATCHDOG_USEC", usec)]), None);
        }
        assert_eq!(every(&[]), None);
    }

    #[test]
    fn no_beat_goes_out_while_the_store_does_not_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = listener(&SocketAddr::from_pathname(&path).unwrap());
        let variables = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "2000")];
        let supervisor = supervisor(&variables);
        // The check comes back only when it is let go.
        let gate = Arc::new((Mutex::new(true), Condvar::new()));
        let theirs = gate.clone();
        let check = move || {
            let (open, changed) = &*theirs;
            drop(changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
        let watching = runtime.spawn(async move { supervisor.watch(check).await });
        assert_eq!(heard(&listener), "WATCHDOG=1\n");
        assert_eq!(heard(&listener), "WATCHDOG=1\n");
        *gate.0.lock().unwrap() = false;
        // A check that was through already may still send its beat.
        listener.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut bytes = [0; 64];
        while listener.recv(&mut bytes).is_ok() {}
        assert!(listener.recv(&mut bytes).is_err(), "a beat without an answer");
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
        listener.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(heard(&listener), "WATCHDOG=1\n");
        watching.abort();
    }
}
