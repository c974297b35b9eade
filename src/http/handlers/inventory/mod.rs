//! The inventory: one instance, lists, queries, search, configurations, pools and counts.

pub(in crate::http) mod change;
pub(in crate::http) mod configuration;
pub(in crate::http) mod instance;
pub(in crate::http) mod pools;
pub(in crate::http) mod query;
pub(in crate::http) mod search;
mod search_body;
pub(in crate::http) mod undo;

use hyper::StatusCode;
use hyper::header::{ETAG, HeaderMap, HeaderName, HeaderValue};

use crate::http::conditional::{ETag, Freshness, freshness};
use crate::http::problem::Problem;
use crate::http::request::Call;
use crate::http::response::{self, Response};
use crate::model::Kind;

/// How many there are in all, where an answer holds a page of them.
const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// How many instances of the kind there are, whether or not they meet a search's criteria.
const X_KIND_COUNT: HeaderName = HeaderName::from_static("x-kind-count");

/// The kind that the path names.
///
/// # Errors
/// 404 with the nearest kind.
fn kind(call: &Call) -> Result<Kind, Problem> {
    let word = call.parameters.get("kind")?;
    word.parse().map_err(|error| Problem::unknown_kind(&error, "kind"))
}

/// A representation with its validator, or 304 where the client has it.
fn versioned(
    headers: &HeaderMap,
    etag: &ETag,
    media_type: HeaderValue,
    body: Vec<u8>,
) -> Result<Response, Problem> {
    let mut response = match freshness(headers, etag, None)? {
        Freshness::NotModified => response::empty(StatusCode::NOT_MODIFIED),
        Freshness::Modified => response::whole(StatusCode::OK, media_type, body),
    };
    response.headers_mut().insert(ETAG, etag.into());
    Ok(response)
}
