//! The OpenAPI description of the REST API.

use hyper::{
    StatusCode,
    header::{ETAG, HeaderValue},
};

use crate::http::{
    call::Call,
    conditional::{Freshness, freshness},
    openapi::Document,
    problem::Problem,
    response::{self, JSON, Response},
};

/// Handles `GET /rest/openapi.json`.
pub(in crate::http) async fn show(call: Call) -> Result<Response, Problem> {
    let document = match call.app.openapi.get() {
        Some(document) => document,
        None => {
            let unpacked = Document::unpack().map_err(|error| Problem::internal(&error))?;
            call.app.openapi.get_or_init(|| unpacked)
        }
    };
    let mut response = match freshness(&call.headers, &document.etag, None)? {
        Freshness::NotModified => response::empty(StatusCode::NOT_MODIFIED),
        Freshness::Modified => response::whole(StatusCode::OK, JSON, document.json.clone()),
    };
    response.headers_mut().insert(ETAG, HeaderValue::from(&document.etag));
    Ok(response)
}
