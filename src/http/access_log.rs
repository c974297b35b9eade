//! The access log: one line for each request, written when its response is sent completely or
//! aborted. The request is counted in the metrics at the same time.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use hyper::{
    Method, StatusCode,
    body::{Body, Bytes, Frame, SizeHint},
    header::CONTENT_LENGTH,
};

use super::{
    connection_state::{ConnectionState, RequestEnd},
    metrics::{GaugeGuard, Metrics, Outcome},
    request_id::RequestId,
    response::{Payload, Response},
};

/// The tracing target of the access log, so that a filter can select it (`--log
/// satchel::requests=off`).
const TARGET: &str = "satchel::requests";

/// The log line of a running request. Dropping it writes the line: after the last byte of the
/// response, or when the client disconnects earlier.
pub(super) struct Entry {
    state: Arc<ConnectionState>,
    id: RequestId,
    method: Method,
    path: String,
    user: Option<String>,
    /// The address of the client behind a proxy; `None` without a proxy.
    client: Option<IpAddr>,
    /// The operation of the route; `None` until the route is found.
    operation: Option<&'static str>,
    /// `None` until there is a response.
    status: Option<StatusCode>,
    /// The length of the response body; `None` for a stream without a length.
    promised_bytes: Option<u64>,
    sent_bytes: u64,
    /// Whether the body reported its end.
    ended: bool,
    started: Instant,
    metrics: Arc<Metrics>,
    _in_progress: GaugeGuard,
}

impl Entry {
    /// Begins the line of a request that has arrived.
    pub(super) fn begin(
        metrics: &Arc<Metrics>,
        state: Arc<ConnectionState>,
        id: RequestId,
        method: &Method,
        path: &str,
    ) -> Self {
        state.begin_request();
        Self {
            state,
            id,
            method: method.clone(),
            path: path.to_owned(),
            user: None,
            client: None,
            operation: None,
            status: None,
            promised_bytes: Some(0),
            sent_bytes: 0,
            ended: false,
            started: Instant::now(),
            metrics: metrics.clone(),
            _in_progress: metrics.begin_request(),
        }
    }

    /// Notes the operation of the request's route.
    pub(super) fn set_operation(&mut self, operation: &'static str) {
        self.operation = Some(operation);
    }

    /// Notes the address of the client, if a proxy is between.
    pub(super) fn set_client(&mut self, client: IpAddr) {
        self.client = Some(client).filter(|client| *client != self.state.peer.ip().to_canonical());
    }

    /// Notes the name of the principal.
    pub(super) fn set_user(&mut self, name: &str) {
        self.user = Some(name.to_owned());
    }

    /// Attaches the entry to the response body, which drops it when it is sent or aborted.
    pub(super) fn follow(mut self, response: Response) -> hyper::Response<LoggedBody> {
        self.status = Some(response.status());
        self.promised_bytes = match self.method {
            // hyper sends only the head.
            Method::HEAD => Some(0),
            _ => length(&response),
        };
        response.map(|payload| LoggedBody { payload, entry: self })
    }
}

impl Entry {
    /// Returns whether the response was aborted before its end.
    fn is_aborted(&self) -> bool {
        match self.promised_bytes {
            Some(bytes) => self.sent_bytes < bytes,
            None => !self.ended,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.state.end_request(match self.status {
            Some(_) => RequestEnd::Answered,
            None => RequestEnd::Abandoned,
        });
        let duration = self.started.elapsed();
        let outcome = Outcome::from_status(self.status);
        self.metrics.request(self.operation, outcome, duration, self.sent_bytes);
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
            client = self.client.map(tracing::field::display),
            "{}",
            match self.status {
                None => "the client disconnected before the response",
                Some(_) if self.is_aborted() => "the response was aborted",
                Some(_) => "answered",
            },
        );
    }
}

/// Returns the length of the response body, if it is known.
fn length(response: &Response) -> Option<u64> {
    let announced = || response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    response.body().size_hint().exact().or_else(announced)
}

/// A response body that counts the bytes sent in its log entry.
pub(super) struct LoggedBody {
    payload: Payload,
    entry: Entry,
}

impl Body for LoggedBody {
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
