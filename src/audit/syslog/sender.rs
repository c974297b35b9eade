//! The queue of messages and its thread. A collector that does not respond costs memory up to a bound, and
//! no time of requests.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    connection::{Connection, ConnectionError},
    message::{Sender, message},
    target::SyslogTarget,
};
use crate::{audit::entry::AuditEntry, wording::Chain};

/// The largest number of waiting messages, about 5 MB. Further ones are lost and counted.
const WAITING_MAX: usize = 10_000;

/// The first time between two attempts to connect. It doubles with each.
const BACK_OFF: Duration = Duration::from_secs(1);

/// The longest time between two attempts to connect.
const BACK_OFF_MAX: Duration = Duration::from_secs(60);

/// The longest time for which a stopping server sends waiting messages.
const CLOSE_WAIT: Duration = Duration::from_secs(3);

/// The options of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogOptions {
    /// The collector.
    pub target: SyslogTarget,
    /// The PEM file of the collector's certificate or of its authority, for TLS.
    pub authority: Option<PathBuf>,
    /// The name of this host in messages.
    pub host: String,
}

/// The state of sending.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct SyslogState {
    /// The address of the collector.
    pub target: String,
    /// Whether the last message was sent. False before the first one.
    pub is_connected: bool,
    /// The number of sent messages since the start.
    pub sent: u64,
    /// The number of messages that wait.
    pub waiting: u64,
    /// The number of lost messages since the start.
    pub lost: u64,
}

/// Sends entries in a thread of its own.
pub(in crate::audit) struct Syslog {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    options: SyslogOptions,
    sender: Sender,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<String>,
    is_connected: bool,
    sent: u64,
    lost: u64,
    /// The time at which the thread ends, even if messages wait.
    deadline: Option<Instant>,
}

impl Syslog {
    /// Starts the thread. It connects with the first message.
    pub(in crate::audit) fn start(options: SyslogOptions) -> std::io::Result<Self> {
        let sender = Sender { host: options.host.clone(), process: std::process::id() };
        let shared =
            Arc::new(Shared { options, sender, queue: Mutex::default(), changed: Condvar::new() });
        let thread = thread::Builder::new().name("syslog".to_owned());
        let run = shared.clone();
        let thread = Mutex::new(Some(thread.spawn(move || run.run())?));
        Ok(Self { shared, thread })
    }

    /// Queues the message of an entry.
    pub(in crate::audit) fn send(&self, entry: &AuditEntry) {
        let message = message(entry, &self.shared.sender);
        let mut queue = self.shared.lock();
        if queue.messages.len() < WAITING_MAX {
            queue.messages.push_back(message);
            drop(queue);
            self.shared.changed.notify_one();
        } else {
            queue.lost += 1;
        }
    }

    pub(in crate::audit) fn state(&self) -> SyslogState {
        let queue = self.shared.lock();
        SyslogState {
            target: self.shared.options.target.to_string(),
            is_connected: queue.is_connected,
            sent: queue.sent,
            waiting: queue.messages.len() as u64,
            lost: queue.lost,
        }
    }

    /// Sends the waiting messages, for a few seconds at most.
    pub(in crate::audit) fn close(&self) {
        self.shared.lock().deadline = Some(Instant::now() + CLOSE_WAIT);
        self.shared.changed.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        // A panic is in the log already.
        let _ = thread.join();
        let waiting = self.shared.lock().messages.len();
        if waiting > 0 {
            tracing::warn!(messages = waiting, "Syslog: messages were not sent before the stop.");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut connection = None;
        let mut back_off = BACK_OFF;
        while let Some(message) = self.next() {
            match self.deliver(&mut connection, &message) {
                Ok(()) => {
                    back_off = BACK_OFF;
                    self.delivered();
                }
                Err(error) => {
                    self.failed(&error);
                    self.pause(back_off);
                    back_off = (back_off * 2).min(BACK_OFF_MAX);
                }
            }
        }
    }

    /// Waits for the first message, and returns it without removing it. `None` if the thread must end.
    fn next(&self) -> Option<String> {
        let is_idle = |queue: &mut Queue| queue.messages.is_empty() && queue.deadline.is_none();
        let queue = self.changed.wait_while(self.lock(), is_idle);
        let queue = queue.unwrap_or_else(PoisonError::into_inner);
        let is_over = queue.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        queue.messages.front().filter(|_| !is_over).cloned()
    }

    fn deliver(
        &self,
        connection: &mut Option<Connection>,
        message: &str,
    ) -> Result<(), ConnectionError> {
        let SyslogOptions { target, authority, .. } = &self.options;
        let open = match connection {
            Some(open) => open,
            None => connection.insert(Connection::open(target, authority.as_ref())?),
        };
        let Err(error) = open.send(message) else { return Ok(()) };
        if open.is_datagram() {
            // Nothing is known about earlier datagrams either. The next one can arrive.
            let mut queue = self.lock();
            queue.messages.pop_front();
            queue.lost += 1;
        }
        *connection = None;
        Err(ConnectionError::Send(target.to_string(), error))
    }

    fn delivered(&self) {
        let mut queue = self.lock();
        queue.messages.pop_front();
        queue.sent += 1;
        if !queue.is_connected {
            queue.is_connected = true;
            drop(queue);
            tracing::info!("Syslog: sending to {}.", self.options.target);
        }
    }

    fn failed(&self, error: &ConnectionError) {
        let mut queue = self.lock();
        let is_new = std::mem::replace(&mut queue.is_connected, false) || queue.sent == 0;
        drop(queue);
        if is_new {
            tracing::warn!(error = %Chain(error), "Syslog: messages wait for the collector.");
        }
    }

    /// Waits before the next attempt, unless the server stops.
    fn pause(&self, wait: Duration) {
        let is_open = |queue: &mut Queue| queue.deadline.is_none();
        drop(self.changed.wait_timeout_while(self.lock(), wait, is_open));
        // The attempts of a stopping server have a pause too.
        if self.lock().deadline.is_some() {
            thread::sleep(Duration::from_millis(100));
        }
    }
}
