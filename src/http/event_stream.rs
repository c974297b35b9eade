//! Streams of server-sent events (WHATWG HTML, section 9.2).

use http_body_util::BodyExt;
use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};

use super::{
    response::{self, Response},
    streamed_body::StreamedBody,
};

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// Tells nginx not to buffer events.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A comment, which clients ignore. Proxies close connections on which nothing is sent.
pub(super) const KEEP_ALIVE: &str = ": keep-alive\n\n";

/// Returns a response whose body is a stream of events.
pub(super) fn response(body: StreamedBody) -> Response {
    let mut response = response::bare(StatusCode::OK, body.boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, EVENT_STREAM);
    response.headers_mut().insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// Returns an event. The JSON has no line breaks.
pub(super) fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// Returns an event with an id, which a client sends as `Last-Event-ID` when it connects again.
pub(super) fn event_with_id(id: u64, name: &str, data: &str) -> String {
    format!("id: {id}\n{}", event(name, data))
}

/// Returns an id without an event: the client notes the id and nothing else.
pub(super) fn id(id: u64) -> String {
    format!("id: {id}\n\n")
}
