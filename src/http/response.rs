//! Responses: their bodies, and the headers that every response has.

use std::io;

use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    StatusCode,
    body::Bytes,
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
        HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
        X_FRAME_OPTIONS,
    },
};

use super::{connection_state::Transport, request_id::RequestId};

/// The body of a response: bytes in memory, or a stream.
pub(super) type Payload = UnsyncBoxBody<Bytes, io::Error>;

/// A response.
pub(super) type Response = hyper::Response<Payload>;

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(super) const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
pub(super) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// The header with the id of the request, in every response.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The headers of every response whose handler does not set them. A page with scripts or styles sets
/// its own content security policy.
const DEFAULTS: [(HeaderName, HeaderValue); 6] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// Tells browsers to use TLS only, for a year (RFC 6797). They ignore it if they do not trust the
/// certificate.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Returns a response of bytes in memory.
pub(super) fn whole(
    status: StatusCode,
    media_type: HeaderValue,
    body: impl Into<Bytes>,
) -> Response {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    let mut response = bare(status, body);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// Returns a response without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    bare(status, Full::default().map_err(|never| match never {}).boxed_unsync())
}

/// Returns a response with this body and no headers.
pub(super) fn bare(status: StatusCode, payload: Payload) -> Response {
    let mut response = Response::new(payload);
    *response.status_mut() = status;
    response
}

/// Returns the response to OPTIONS.
pub(super) fn options(allow: HeaderValue) -> Response {
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(ALLOW, allow);
    response
}

/// Adds the headers that every response has. hyper adds the date.
pub(super) fn finish(headers: &mut HeaderMap, transport: Transport, id: RequestId) {
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(value);
    }
    if transport == Transport::Tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    }
    headers.insert(X_REQUEST_ID, id.into());
}
