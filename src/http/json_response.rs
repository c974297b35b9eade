//! Responses in JSON.

use hyper::StatusCode;
use serde::Serialize;

use super::{
    problem::Problem,
    response::{JSON, Response, whole},
};

/// Returns a response with `value` as JSON.
///
/// # Errors
/// 500 if the value cannot be written as JSON (a map whose keys are not texts): a bug.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Result<Response, Problem> {
    let text = serde_json::to_vec(value).map_err(|error| Problem::internal(&error))?;
    Ok(from_text(status, text))
}

/// Returns a response with `text`, which is JSON already.
pub(super) fn from_text(status: StatusCode, mut text: Vec<u8>) -> Response {
    // A shell's prompt belongs on a line of its own.
    text.push(b'\n');
    whole(status, JSON, text)
}
