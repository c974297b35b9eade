//! The state of one connection, shared by its parts.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
};

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
    responding: AtomicBool,
    body_unread: AtomicBool,
    writing: AtomicBool,
}

impl ConnectionState {
    pub(super) fn new(peer: SocketAddr, transport: Transport) -> Self {
        Self {
            peer,
            transport,
            responding: AtomicBool::new(false),
            body_unread: AtomicBool::new(false),
            writing: AtomicBool::new(false),
        }
    }

    /// Sets whether the response to a request is not sent completely yet.
    pub(super) fn set_responding(&self, responding: bool) {
        self.responding.store(responding, Ordering::Relaxed);
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
        !self.responding.load(Ordering::Relaxed) && !self.writing.load(Ordering::Relaxed)
    }
}
