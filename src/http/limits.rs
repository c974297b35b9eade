//! What one client may take, and for how long. Each is a setting.

use std::time::Duration;

/// Connections at the same time. With the store's files this stays under the 1,024 descriptors
/// that a process commonly gets; who comes later waits in the kernel's queue.
const CONNECTIONS_MAX: usize = 512;

/// From the end of one answer (or the begin of the connection) until the next request's head is
/// there: both the time for a slow head and the life of an idle connection.
const HEAD_WAIT: Duration = Duration::from_secs(30);

/// Between two pieces of a request's body.
const BODY_WAIT: Duration = Duration::from_secs(30);

/// For a client to take [`super::stream::PROGRESS_BYTES_MIN`] of an answer.
const WRITE_WAIT: Duration = Duration::from_secs(30);

/// For the requests in hand when the server is told to stop. systemd kills after 90 s.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(30);

/// The limits of every connection.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at the same time.
    pub connections_max: usize,
    /// How long a connection may be without a whole request head.
    pub head_wait: Duration,
    /// How long a request's body may send nothing.
    pub body_wait: Duration,
    /// How long a client may take next to nothing of an answer.
    pub write_wait: Duration,
    /// How long the requests in hand may take once the server is told to stop.
    pub shutdown_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            head_wait: HEAD_WAIT,
            body_wait: BODY_WAIT,
            write_wait: WRITE_WAIT,
            shutdown_wait: SHUTDOWN_WAIT,
        }
    }
}
