//! Notifications to the process that supervises the server (systemd): ready, stopping, alive.
//!
//! The crate `sd-notify` implements the protocol, `sd_notify(3)`: datagrams of text to the socket
//! in `NOTIFY_SOCKET`. Only sockets in the file system are supported, which systemd uses, and not
//! abstract ones. Without the variable, nothing is sent.

use std::env;
use std::ffi::OsString;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

/// The interval at which a long start requests more time, and the requested time. systemd's default
/// limit is 90 s, and systemd must still notice a start that hangs.
const EXTEND_INTERVAL: Duration = Duration::from_secs(10);
const EXTENSION: Duration = Duration::from_secs(30);

/// The longest start with all extensions. An inventory of a million devices opens in seconds; a
/// start that takes an hour hangs.
const START_MAX: Duration = Duration::from_secs(60 * 60);

/// The shortest watchdog interval that is used: half of it is the time between two notifications.
const WATCHDOG_MIN: Duration = Duration::from_micros(2);

/// The supervisor of this process, if there is one. If it cannot be reached, the server serves
/// nevertheless and logs a warning.
#[derive(Clone)]
pub(super) struct Supervisor {
    /// The value of `NOTIFY_SOCKET`.
    socket: Option<OsString>,
    /// The supervisor restarts the server if it receives no notification within this time.
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// Returns the supervisor in the environment.
    pub(super) fn of_environment() -> Self {
        Self {
            socket: env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()),
            watchdog: sd_notify::watchdog_enabled().filter(|every| *every >= WATCHDOG_MIN),
        }
    }

    /// Runs `work`, and asks for more time every [`EXTEND_INTERVAL`] until it has ended.
    pub(super) fn while_starting<T>(&self, work: impl FnOnce() -> T) -> T {
        let (done, waiting) = channel::<()>();
        thread::scope(|scope| {
            if self.socket.is_some() {
                let ask = move || {
                    let begun = Instant::now();
                    while waiting.recv_timeout(EXTEND_INTERVAL) == Err(RecvTimeoutError::Timeout)
                        && begun.elapsed() < START_MAX
                    {
                        self.notify(&[NotifyState::Custom(&extension(EXTENSION))]);
                    }
                };
                // Without the thread, the supervisor's own limit applies.
                let _ = thread::Builder::new().name("starting".to_owned()).spawn_scoped(scope, ask);
            }
            let result = work();
            drop(done);
            result
        })
    }

    /// Notifies the supervisor that the server accepts connections at `address`.
    pub(super) fn ready(&self, address: &str) {
        let status = format!("listening on {address}");
        self.notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
    }

    /// Notifies the supervisor that the server stops, and requests the time for open requests.
    pub(super) fn stopping(&self, wait: Duration) {
        self.notify(&[
            NotifyState::Stopping,
            NotifyState::Status("finishing open requests"),
            NotifyState::Custom(&extension(wait.saturating_add(EXTENSION))),
        ]);
    }

    /// Notifies the watchdog twice in each of its intervals, as long as the server is alive: the
    /// async runtime runs this task, starts a blocking thread, and `check` returns on it.
    ///
    /// Never returns. Without a watchdog it only waits.
    pub(super) async fn watch(&self, check: impl Fn() + Clone + Send + 'static) {
        let (Some(_), Some(every)) = (&self.socket, self.watchdog) else {
            return std::future::pending().await;
        };
        let supervisor = self.clone();
        let notify = move || supervisor.notify(&[NotifyState::Watchdog]);
        repeat(every / 2, check, notify).await;
    }

    fn notify(&self, states: &[NotifyState<'_>]) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = sd_notify::notify(states) {
            let socket = socket.display();
            tracing::warn!(%error, %socket, "Cannot notify the supervisor (systemd).");
        }
    }
}

/// Calls `check` and then `notify` on a blocking thread, repeatedly. A check that does not return
/// stops all further notifications.
async fn repeat(
    every: Duration,
    check: impl Fn() + Clone + Send + 'static,
    notify: impl Fn() + Clone + Send + 'static,
) {
    let mut beat = interval(every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let (check, notify) = (check.clone(), notify.clone());
        let checked = spawn_blocking(move || {
            check();
            notify();
        });
        if let Err(error) = checked.await {
            tracing::error!(%error, "The health check failed. The watchdog is not notified, and \
                                     systemd will restart the server.");
        }
    }
}

/// The request for `wait` more time. `NotifyState::ExtendTimeoutUsec` holds at most 71 minutes, and
/// the setting for open requests allows a day.
fn extension(wait: Duration) -> String {
    format!("EXTEND_TIMEOUT_USEC={}", wait.as_micros())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;
    use std::sync::{Arc, Condvar, Mutex};

    use super::*;

    /// The maximum waiting time of a test.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn no_notification_is_sent_while_the_check_does_not_return() {
        let (sender, beats): (_, Receiver<()>) = channel();
        // The check returns only while the gate is open.
        let gate = Arc::new((Mutex::new(true), Condvar::new()));
        let checked = gate.clone();
        let check = move || {
            let (open, changed) = &*checked;
            drop(changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
        };
        let notify = move || sender.send(()).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
        let watching = runtime.spawn(repeat(Duration::from_millis(1), check, notify));
        beats.recv_timeout(PATIENCE).unwrap();
        beats.recv_timeout(PATIENCE).unwrap();
        *gate.0.lock().unwrap() = false;
        // A check that returned before can still send its notification.
        while beats.recv_timeout(Duration::from_millis(200)).is_ok() {}
        let late = beats.recv_timeout(Duration::from_millis(200));
        assert_eq!(late, Err(RecvTimeoutError::Timeout), "a notification without a check");
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
        beats.recv_timeout(PATIENCE).unwrap();
        watching.abort();
    }

    #[test]
    fn without_a_supervisor_nothing_is_sent() {
        let supervisor = Supervisor { socket: None, watchdog: None };
        assert_eq!(supervisor.while_starting(|| 7), 7);
        supervisor.ready("http://[::1]:80");
        supervisor.stopping(Duration::MAX);
    }

    #[test]
    fn more_time_can_be_asked_for_than_71_minutes() {
        let day = Duration::from_secs(24 * 60 * 60);
        assert_eq!(extension(day), "EXTEND_TIMEOUT_USEC=86400000000");
    }
}
