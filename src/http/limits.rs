//! The limits of connections and requests. Each is a setting.

use std::time::Duration;

/// The largest number of open connections. Together with the store's files it stays below 1,024
/// file descriptors, the usual limit of a process.
const CONNECTIONS_MAX: usize = 512;

/// The largest number of open connections of one address: a quarter, so that one client cannot take most
/// of them. Many browsers behind one address use six each.
const CONNECTIONS_PER_ADDRESS_MAX: usize = 128;

/// The time from the end of a response (or the start of the connection) until the next request's
/// head is received: it limits both slow heads and idle connections.
const HEAD_WAIT: Duration = Duration::from_secs(30);

/// The time between two chunks of a request body.
const BODY_WAIT: Duration = Duration::from_secs(30);

/// The time in which a client must read [`super::timeout_stream::PROGRESS_BYTES_MIN`] of a response.
const WRITE_WAIT: Duration = Duration::from_secs(30);

/// The time for requests in progress after a stop signal. systemd kills the server after 90 s.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(30);

/// The largest number of header lines in one request head.
pub(super) const HEADERS_MAX: usize = 100;

/// The limits of every connection.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest number of open connections.
    pub connections_max: usize,
    /// The largest number of open connections of one address.
    pub connections_per_address_max: usize,
    /// The maximum time for which a connection stays open without a complete request head.
    pub head_wait: Duration,
    /// The maximum pause of a client within a request body.
    pub body_wait: Duration,
    /// The maximum time in which a client reads less than the minimum of a response.
    pub write_wait: Duration,
    /// The maximum time for requests in progress after a stop signal.
    pub shutdown_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            connections_per_address_max: CONNECTIONS_PER_ADDRESS_MAX,
            head_wait: HEAD_WAIT,
            body_wait: BODY_WAIT,
            write_wait: WRITE_WAIT,
            shutdown_wait: SHUTDOWN_WAIT,
        }
    }
}
