//! Answers: how they are put together, and the headers that each of them gets.

use std::io;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use serde::Serialize;

use super::problem::Problem;
use super::request::RequestId;

/// The body of an answer: bytes at hand, or a stream.
pub(super) type Payload = UnsyncBoxBody<Bytes, io::Error>;

/// An answer.
pub(super) type Response = hyper::Response<Payload>;

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(super) const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
pub(super) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// The header with the request's id, in every answer.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every answer says unless its handler says otherwise. A page that wants scripts or styles
/// names them in a policy of its own.
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

/// An answer of bytes at hand.
pub(super) fn whole(
    status: StatusCode,
    media_type: HeaderValue,
    body: impl Into<Bytes>,
) -> Response {
    of_bytes(status, media_type, body.into())
}

fn of_bytes(status: StatusCode, media_type: HeaderValue, body: Bytes) -> Response {
    let mut response = bare(status, Full::new(body).map_err(|never| match never {}).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    bare(status, Full::default().map_err(|never| match never {}).boxed_unsync())
}

/// An answer whose body comes bit by bit.
pub(super) fn bare(status: StatusCode, payload: Payload) -> Response {
    let mut response = Response::new(payload);
    *response.status_mut() = status;
    response
}

/// The answer to OPTIONS.
pub(super) fn options(allow: HeaderValue) -> Response {
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(ALLOW, allow);
    response
}

/// An answer in JSON.
///
/// # Errors
/// The value cannot be JSON (a map whose keys are no text): a mistake of ours.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Result<Response, Problem> {
    written(status, serde_json::to_vec(value))
}

/// An answer in JSON that is written already.
///
/// # Errors
/// It could not be written: a mistake of ours.
pub(super) fn written(
    status: StatusCode,
    json: serde_json::Result<Vec<u8>>,
) -> Result<Response, Problem> {
    let mut text = json.map_err(|error| Problem::internal(&error))?;
    // For people with curl.
    text.push(b'\n');
    Ok(whole(status, JSON, text))
}

/// Gives an answer the headers that all have. The date is hyper's.
pub(super) fn finish(headers: &mut HeaderMap, id: RequestId) {
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(value);
    }
    headers.insert(X_REQUEST_ID, id.into());
}
