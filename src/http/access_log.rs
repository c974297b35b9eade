//! One line in the log for each request, written when its answer has left or was given up; then it
//! is counted too.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::CONTENT_LENGTH;
use hyper::{Method, StatusCode};

use super::connection::State;
use super::metrics::{Metrics, Outcome, Present};
use super::request::RequestId;
use super::response::{Payload, Response};
use super::route::Route;

/// The target of these lines, so that a filter can name them (`--log satchel::requests=off`).
const TARGET: &str = "satchel::requests";

/// The line, as far as it is known. It is written when this is dropped: with the last byte of the
/// answer, or when the client leaves before.
pub(super) struct Entry {
    state: Arc<State>,
    id: RequestId,
    method: Method,
    path: String,
    user: Option<String>,
    /// None while it is not found.
    route: Option<&'static Route>,
    /// None while there is no answer.
    status: Option<StatusCode>,
    /// Of the body that the answer has; none where it comes without a length.
    promised_bytes: Option<u64>,
    sent_bytes: u64,
    /// Whether the body said that it is whole.
    ended: bool,
    begun: Instant,
    metrics: Arc<Metrics>,
    _in_hand: Present,
}

impl Entry {
    /// A request has come in.
    pub(super) fn begin(
        metrics: &Arc<Metrics>,
        state: Arc<State>,
        id: RequestId,
        method: &Method,
        path: &str,
    ) -> Self {
        state.set_in_hand(true);
        Self {
            state,
            id,
            method: method.clone(),
            path: path.to_owned(),
            user: None,
            route: None,
            status: None,
            promised_bytes: Some(0),
            sent_bytes: 0,
            ended: false,
            begun: Instant::now(),
            metrics: metrics.clone(),
            _in_hand: metrics.in_hand(),
        }
    }

    /// Its route is known now.
    pub(super) fn set_route(&mut self, route: &'static Route) {
        self.route = Some(route);
    }

    /// Its caller is known now.
    pub(super) fn set_user(&mut self, name: &str) {
        self.user = Some(name.to_owned());
    }

    /// Lets the answer's body carry the entry to its end.
    pub(super) fn follow(mut self, response: Response) -> hyper::Response<Followed> {
        self.status = Some(response.status());
        self.promised_bytes = match self.method {
            // hyper sends the head alone.
            Method::HEAD => Some(0),
            _ => length(&response),
        };
        response.map(|payload| Followed { payload, entry: self })
    }
}

impl Entry {
    fn is_cut_off(&self) -> bool {
        match self.promised_bytes {
            Some(bytes) => self.sent_bytes < bytes,
            None => !self.ended,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.state.set_in_hand(false);
        let duration = self.begun.elapsed();
        let outcome = Outcome::of(self.status);
        self.metrics.request(self.route, outcome, duration, self.sent_bytes);
        let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            target: TARGET,
            id = %self.id,
            peer = %self.state.peer,
            method = %self.method,
            path = self.path,
            status = self.status.map(|status| status.as_u16()),
            ms,
            bytes = self.sent_bytes,
            user = self.user.as_deref(),
            "{}",
            match self.status {
                None => "the client left before the answer",
                Some(_) if self.is_cut_off() => "the answer was cut off",
                Some(_) => "answered",
            },
        );
    }
}

fn length(response: &Response) -> Option<u64> {
    let announced = || response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    response.body().size_hint().exact().or_else(announced)
}

/// An answer's body that counts what leaves.
pub(super) struct Followed {
    payload: Payload,
    entry: Entry,
}

impl Body for Followed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = Pin::new(&mut self.payload).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.entry.sent_bytes += data.len() as u64;
        }
        self.entry.ended |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.payload.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.payload.size_hint()
    }
}
