//! `configuration/{device}`: a device's long texts, as they are.

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, ETAG, HeaderMap};
use serde::Serialize;

use super::versioned;
use crate::http::blocking::Lane;
use crate::http::body::media_type;
use crate::http::conditional::{ETag, Hash, expected};
use crate::http::options::PROPERTY;
use crate::http::problem::{Flaw, Place, Problem, ProblemKind, shorten};
use crate::http::request::Call;
use crate::http::response::{self, Response, TEXT};

/// The text that is meant where the query names none.
const PROPERTY_OTHERWISE: &str = "configuration";

fn in_query(_: &str) -> Place {
    Place::QueryParameter(PROPERTY.name.to_owned())
}

/// `GET /rest/configuration/{device}`
pub(in crate::http) async fn show(mut call: Call) -> Result<Response, Problem> {
    let device = call.parameters.take("device")?;
    let property = call.query.one(PROPERTY.name)?.unwrap_or(PROPERTY_OTHERWISE).to_owned();

    let inventory = call.app.inventory.clone();
    let read = move || {
        inventory.text(&device, &property).map(|stored| {
            let body = stored.text.into_bytes();
            (ETag::of_version(stored.version, &body), body)
        })
    };
    let (etag, body) = call
        .app
        .blocking
        .run(Lane::Quick, read)
        .await?
        .map_err(|error| Problem::of_inventory(error, in_query))?;

    versioned(&call.headers, &etag, TEXT, body)
}

#[derive(Serialize)]
struct Put<'a> {
    device: &'a str,
    property: &'a str,
    bytes: usize,
}

/// `PUT` and `POST /rest/configuration/{device}`
pub(in crate::http) async fn put(mut call: Call) -> Result<Response, Problem> {
    let device = call.parameters.take("device")?;
    let property = call.options.text(&PROPERTY).unwrap_or(PROPERTY_OTHERWISE).to_owned();
    let expected = expected(&call.headers)?;
    let caller = call.caller.require_principal()?.name.clone();
    require_text(&call.headers)?;
    let Call { app, mut body, .. } = call;
    let mut body = body.bytes(&app.room).await?;

    let inventory = app.inventory.clone();
    let change = move || {
        let text = String::from_utf8(body.take_bytes()).map_err(|error| not_utf8(&error))?;
        let bytes = text.len();
        let hash = Hash::of(text.as_bytes());
        let version = inventory
            .put_text(&device, &property, text, &caller, &expected)
            .map_err(|error| Problem::of_inventory(error, in_query))?;
        let put = Put { device: &device, property: &property, bytes };
        let mut response = response::json(StatusCode::OK, &put)?;
        response.headers_mut().insert(ETAG, (&ETag::of_hash(version, hash)).into());
        Ok(response)
    };
    app.blocking.run(Lane::Change, change).await?
}

fn not_utf8(error: &std::string::FromUtf8Error) -> Problem {
    let at = error.utf8_error().valid_up_to();
    let detail = format!("The body is not UTF-8: the byte at {at} (from 0) fits nowhere.");
    Problem::new(ProblemKind::MalformedBody, &*detail)
        .with_flaw(Flaw::new(Place::Pointer(String::new()), &*detail))
}

/// Any type that may be a text is taken as one. What is surely something else was meant
/// otherwise, and would be stored with its boundaries, braces and escapes.
fn require_text(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let media_type = media_type(value.as_bytes());
    let is_text = media_type.is_empty()
        || media_type.starts_with(b"text/")
        || media_type == b"application/octet-stream";
    if is_text {
        return Ok(());
    }
    let shown = String::from_utf8_lossy(&media_type);
    let detail = format!(
        "The body is sent as “{}”; it must be the text itself, with the header “Content-Type: \
         text/plain” or none (curl: -T FILE).",
        shorten(&shown)
    );
    Err(Problem::new(ProblemKind::UnsupportedMediaType, &*detail)
        .with_flaw(Flaw::new(Place::Header("content-type"), &*detail)))
}
