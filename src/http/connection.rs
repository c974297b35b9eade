//! One connection: hyper on a socket, until the client or the server has had enough.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep;

use super::app::App;
use super::request::answer;
use super::stream::PatientStream;

/// Of a request line and headers together, and of what is read ahead of a body. Longer heads get
/// 431 (a longer path 414) from hyper. Browsers and proxies keep to 16 KB.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Header lines in one head.
const HEADERS_MAX: usize = 100;

/// What a connection without a request in hand still gets when the server stops: time for the
/// last bytes of an answer to leave. hyper closes idle connections itself, but waits for the rest
/// of a head that has begun.
const QUIET_WAIT: Duration = Duration::from_millis(500);

/// What the parts of a connection tell each other.
pub(super) struct State {
    pub(super) peer: SocketAddr,
    in_hand: AtomicBool,
    body_unread: AtomicBool,
    writing: AtomicBool,
}

impl State {
    pub(super) fn new(peer: SocketAddr) -> Self {
        Self {
            peer,
            in_hand: AtomicBool::new(false),
            body_unread: AtomicBool::new(false),
            writing: AtomicBool::new(false),
        }
    }

    /// Notes whether a request was read and its answer is not yet written.
    pub(super) fn set_in_hand(&self, in_hand: bool) {
        self.in_hand.store(in_hand, Ordering::Relaxed);
    }

    /// Notes whether the client still has some of a body to send.
    pub(super) fn set_body_unread(&self, unread: bool) {
        self.body_unread.store(unread, Ordering::Relaxed);
    }

    pub(super) fn is_body_unread(&self) -> bool {
        self.body_unread.load(Ordering::Relaxed)
    }

    /// Notes whether a write waits for the client.
    pub(super) fn set_writing(&self, writing: bool) {
        self.writing.store(writing, Ordering::Relaxed);
    }

    fn is_quiet(&self) -> bool {
        !self.in_hand.load(Ordering::Relaxed) && !self.writing.load(Ordering::Relaxed)
    }
}

/// Serves one connection to its end. Once `stopping` says so (or its sender is gone), it takes no
/// new request.
pub(super) async fn serve(
    app: Arc<App>,
    tcp: TcpStream,
    peer: SocketAddr,
    mut stopping: watch::Receiver<()>,
) {
    // Answers are written whole; Nagle's algorithm would only hold back their last packets.
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%peer, %error, "TCP_NODELAY cannot be set");
    }
    let state = Arc::new(State::new(peer));
    let io = TokioIo::new(PatientStream::new(tcp, state.clone(), app.limits.write_wait));
    let head_wait = app.limits.head_wait;
    let service = service_fn({
        let state = state.clone();
        move |request| {
            let (app, state) = (app.clone(), state.clone());
            async move { Ok::<_, Infallible>(answer(app, state, request).await) }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_wait)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(io, service);
    let mut connection = pin!(connection);

    let ended = tokio::select! {
        ended = &mut connection => ended,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = &mut connection => ended,
                () = fallen_quiet(&state) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        // Clients leave, and send nonsense; neither is trouble of ours.
        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "connection ended early");
    }
}

async fn fallen_quiet(state: &State) {
    loop {
        sleep(QUIET_WAIT).await;
        if state.is_quiet() {
            return;
        }
    }
}
