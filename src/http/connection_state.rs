//! The state of one connection, shared by its parts.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use tokio::sync::Notify;

/// The requests that a client may abandon on one connection, if it abandons more than it lets the server
/// answer. A page that searches while its user types abandons some; an attack of rapid resets
/// (CVE-2023-44487) abandons all.
const ABANDONED_MAX: u64 = 100;

/// The way in which the bytes of a connection are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Plain,
    Tls,
}

/// The state of one connection: set by the access log, the request body and the TCP stream; read
/// when the server shuts down and when the connection is closed.
pub(super) struct ConnectionState {
    pub(super) peer: SocketAddr,
    pub(super) transport: Transport,
    requests: Mutex<Requests>,
    body_unread: AtomicBool,
    writing: AtomicBool,
    client_name: OnceLock<String>,
    too_many_abandoned: Notify,
    given_up: Notify,
}

/// The requests of one connection. Several are in progress at the same time only over HTTP/2.
struct Requests {
    in_progress: usize,
    /// When the last request ended, or the connection began.
    idle_since: Instant,
    answered: u64,
    abandoned: u64,
}

/// The end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestEnd {
    /// The response was sent, at least in part.
    Answered,
    /// The client did not wait for the response.
    Abandoned,
}

impl ConnectionState {
    pub(super) fn new(peer: SocketAddr, transport: Transport) -> Self {
        let requests =
            Requests { in_progress: 0, idle_since: Instant::now(), answered: 0, abandoned: 0 };
        Self {
            peer,
            transport,
            requests: Mutex::new(requests),
            body_unread: AtomicBool::new(false),
            writing: AtomicBool::new(false),
            client_name: OnceLock::new(),
            too_many_abandoned: Notify::new(),
            given_up: Notify::new(),
        }
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the common name in the certificate of the client.
    pub(super) fn set_client_name(&self, name: String) {
        // A connection has one handshake.
        let _ = self.client_name.set(name);
    }

    /// Returns the common name in the certificate of the client, which an authority of the site signed.
    pub(super) fn client_name(&self) -> Option<&str> {
        self.client_name.get().map(String::as_str)
    }

    /// Counts a request whose head has arrived.
    pub(super) fn begin_request(&self) {
        self.requests().in_progress += 1;
    }

    /// Counts the end of a request.
    pub(super) fn end_request(&self, end: RequestEnd) {
        let mut requests = self.requests();
        requests.in_progress = requests.in_progress.saturating_sub(1);
        requests.idle_since = Instant::now();
        match end {
            RequestEnd::Answered => requests.answered += 1,
            RequestEnd::Abandoned => requests.abandoned += 1,
        }
        if requests.abandoned > ABANDONED_MAX && requests.abandoned > requests.answered {
            self.too_many_abandoned.notify_one();
        }
    }

    /// Waits until the client has abandoned too many requests.
    pub(super) async fn too_many_abandoned(&self) {
        self.too_many_abandoned.notified().await;
    }

    /// Closes the connection, because another one needs its place.
    pub(super) fn give_up(&self) {
        self.given_up.notify_one();
    }

    /// Waits until [`give_up`](Self::give_up) is called.
    pub(super) async fn given_up(&self) {
        self.given_up.notified().await;
    }

    /// Returns since when no request is in progress. `None` if one is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let requests = self.requests();
        (requests.in_progress == 0).then_some(requests.idle_since)
    }

    /// Sets whether the client still has a part of a body to send.
    pub(super) fn set_body_unread(&self, unread: bool) {
        self.body_unread.store(unread, Ordering::Relaxed);
    }

    /// Returns whether the client still has a part of a body to send.
    pub(super) fn is_body_unread(&self) -> bool {
        self.body_unread.load(Ordering::Relaxed)
    }

    /// Sets whether a write waits for the client.
    pub(super) fn set_writing(&self, writing: bool) {
        self.writing.store(writing, Ordering::Relaxed);
    }

    /// Returns whether no response is in progress and no write waits for the client.
    pub(super) fn is_idle(&self) -> bool {
        self.idle_since().is_some() && !self.writing.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Context};

    use super::*;

    fn state() -> ConnectionState {
        ConnectionState::new(([127, 0, 0, 1], 1).into(), Transport::Tls)
    }

    fn has_too_many_abandoned(state: &ConnectionState) -> bool {
        let mut context = Context::from_waker(std::task::Waker::noop());
        pin!(state.too_many_abandoned()).poll(&mut context).is_ready()
    }

    #[test]
    fn a_connection_is_idle_when_its_last_request_ends() {
        let state = state();
        assert!(state.is_idle());
        state.begin_request();
        state.begin_request();
        state.end_request(RequestEnd::Answered);
        assert!(!state.is_idle());
        state.end_request(RequestEnd::Answered);
        assert!(state.is_idle());
    }

    #[test]
    fn a_client_that_abandons_most_requests_is_noticed() {
        let abandoned = state();
        for _ in 0..ABANDONED_MAX {
            abandoned.begin_request();
            abandoned.end_request(RequestEnd::Abandoned);
        }
        assert!(!has_too_many_abandoned(&abandoned));
        abandoned.end_request(RequestEnd::Abandoned);
        assert!(has_too_many_abandoned(&abandoned));

        let typing = state();
        for _ in 0..2 * ABANDONED_MAX {
            typing.end_request(RequestEnd::Answered);
            typing.end_request(RequestEnd::Abandoned);
        }
        assert!(!has_too_many_abandoned(&typing));
    }
}
