//! HTTP/2 (RFC 9113): its limits, and the streams of a connection.
//!
//! hyper multiplexes. One client can then have many requests in progress with one connection, so each
//! number that HTTP/1.1 bounds by the number of connections has a bound of its own here.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::{
    Method,
    body::{Body, Bytes, Frame, SizeHint},
    header::CONTENT_LENGTH,
    rt::Executor,
    server::conn::http2,
};
use hyper_util::rt::TokioTimer;
use tokio::time::sleep;

use super::{
    access_log::LoggedBody, connection_state::ConnectionState, limits::Limits,
    timeout_stream::PROGRESS_BYTES_MIN,
};

/// The largest number of streams of one connection that are open at the same time. Browsers open a few
/// at the same time, and programs that load the inventory some more.
const STREAMS_MAX: u32 = 32;

/// The size limit of the decoded headers of a request, in bytes. Each line counts 32 bytes more than its
/// name and value (RFC 9113, section 6.5.2). h2 answers a longer head with 431.
const HEADERS_BYTES_MAX: u32 = 64 * 1024;

/// The largest frame that a client may send, in bytes: the smallest value that RFC 9113 allows.
const FRAME_BYTES_MAX: u32 = 16 * 1024;

/// The bytes of a body that a client may send before the server has read them: of one stream, and of all
/// streams of a connection. They are held in memory. An upload over a path of 100 ms gets 2.6 MB/s.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 512 * 1024;

/// The bytes of a response that wait for the window of a client, for one stream. A response is handed
/// over in pieces of this size, because hyper keeps what it was given until the client takes it.
const PIECE_BYTES: usize = 16 * 1024;

/// The streams that a client may reset before they are accepted (CVE-2023-44487), and the streams that the
/// server resets because the client broke the protocol (RUSTSEC-2024-0003), in a connection. Then it is
/// closed with GOAWAY.
const PENDING_RESETS_MAX: usize = 20;
const ERROR_RESETS_MAX: usize = 64;

/// The time without any frame after which a client is asked whether it is still there, and the time for
/// its answer.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_WAIT: Duration = Duration::from_secs(20);

/// Returns hyper's builder with the limits.
pub(super) fn builder(limits: &Limits) -> http2::Builder<StreamExecutor> {
    let mut builder = http2::Builder::new(StreamExecutor { write_wait: limits.write_wait });
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADERS_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(PIECE_BYTES)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(ERROR_RESETS_MAX)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_WAIT);
    builder
}

/// Waits until no request was in progress for this time. hyper limits the wait for a head only over
/// HTTP/1.1.
pub(super) async fn idle_for(state: &ConnectionState, wait: Duration) {
    loop {
        let idle = state.idle_since().map(|since| since.elapsed());
        match idle {
            Some(idle) if idle >= wait => return,
            Some(idle) => sleep(wait.saturating_sub(idle)).await,
            None => sleep(wait).await,
        }
    }
}

tokio::task_local! {
    /// How far the client of the stream that runs in this task has read the response.
    static READING: Arc<Reading>;
}

/// Runs each stream in a task. A stream whose client reads too little for too long is reset, as a
/// connection of HTTP/1.1 is closed ([`super::timeout_stream`]).
#[derive(Clone)]
pub(super) struct StreamExecutor {
    write_wait: Duration,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for StreamExecutor {
    fn execute(&self, stream: F) {
        let write_wait = self.write_wait;
        let reading = Arc::new(Reading::default());
        tokio::spawn(READING.scope(reading.clone(), async move {
            tokio::select! {
                () = stream => {}
                // Dropping the stream resets it.
                () = reading.too_slow(write_wait) => {
                    tracing::debug!("A client read the response of an HTTP/2 stream too slowly.");
                }
            }
        }));
    }
}

/// How far a client has read a response.
#[derive(Default)]
struct Reading(Mutex<Option<Piece>>);

/// Pieces of a response that wait for the client.
struct Piece {
    since: Instant,
    /// The bytes that the client took since then.
    bytes: usize,
}

impl Reading {
    /// Notes that hyper takes a piece of this size, which it does when the client took the pieces before.
    fn hand_over(&self, bytes: usize) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *waiting {
            Some(piece) if piece.bytes + bytes < PROGRESS_BYTES_MIN => piece.bytes += bytes,
            Some(_) | None => *waiting = Some(Piece { since: Instant::now(), bytes: 0 }),
        }
    }

    /// Notes that the client waits for the server.
    fn caught_up(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Waits until the client has read less than [`PROGRESS_BYTES_MIN`] in this time.
    async fn too_slow(&self, write_wait: Duration) {
        loop {
            let since = self
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .as_ref()
                .map(|piece| piece.since);
            let waited = since.map_or(Duration::ZERO, |since| since.elapsed());
            if waited >= write_wait {
                return;
            }
            sleep(write_wait.saturating_sub(waited)).await;
        }
    }
}

/// The body of a response over HTTP/2: in pieces, and observed.
pub(super) struct PacedBody {
    body: LoggedBody,
    rest: Bytes,
    reading: Arc<Reading>,
    /// The response to HEAD, of which only the head is sent.
    is_head_only: bool,
}

/// Prepares a response for the task of its stream. hyper sends the body of a response to HEAD over HTTP/2.
pub(super) fn pace(
    response: hyper::Response<LoggedBody>,
    method: &Method,
) -> hyper::Response<PacedBody> {
    let (mut head, body) = response.into_parts();
    let is_head_only = *method == Method::HEAD;
    if is_head_only && let Some(bytes) = body.size_hint().exact() {
        head.headers.entry(CONTENT_LENGTH).or_insert(bytes.into());
    }
    let reading = READING.try_with(Arc::clone).unwrap_or_default();
    let paced = PacedBody { body, rest: Bytes::new(), reading, is_head_only };
    hyper::Response::from_parts(head, paced)
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.is_head_only {
            return Poll::Ready(None);
        }
        while self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Poll::Pending => {
                    self.reading.caught_up();
                    return Poll::Pending;
                }
                ended @ Poll::Ready(_) => return ended,
            }
        }
        let bytes = self.rest.len().min(PIECE_BYTES);
        let piece = self.rest.split_to(bytes);
        self.reading.hand_over(bytes);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_head_only || self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        match hint.upper() {
            Some(upper) => {
                let lower = hint.lower();
                hint = SizeHint::new();
                hint.set_upper(upper + rest);
                hint.set_lower(lower + rest);
            }
            None => hint.set_lower(hint.lower() + rest),
        }
        hint
    }
}
