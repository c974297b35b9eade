//! The handlers of `configuration/{device}`: read and store the long texts of a device, also earlier ones.

use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{expected_version, versioned};
use crate::http::{
    accept::TextFormat,
    blocking::Lane,
    call::Call,
    conditional::{ETag, Hash},
    handlers::moment::moment,
    json_response,
    media_type::media_type,
    options::{PROPERTY, TEXT_AT, TEXT_FROM, TEXT_TO},
    problem::{Flaw, Problem, ProblemKind, RequestLocation, shorten},
    response::{self, JSON, Response, TEXT},
};
use crate::inventory::{InventoryError, Moment, Text};

/// The default text.
const DEFAULT_PROPERTY: &str = "configuration";

/// Returns the location of the property in the request.
fn in_query(_: &str) -> RequestLocation {
    RequestLocation::QueryParameter(PROPERTY.name.to_owned())
}

/// Handles `GET /rest/configuration/{device}`.
pub(in crate::http) async fn show(mut call: Call) -> Result<Response, Problem> {
    let device = call.parameters.take("device")?;
    let property = call.query.one(PROPERTY.name)?.unwrap_or(DEFAULT_PROPERTY).to_owned();
    let format = TextFormat::preferred(&call.headers);
    let at = moment_option(&call, TEXT_AT.name)?;

    // An earlier text is searched among all versions.
    let lane = if at.is_some() { Lane::Search } else { Lane::Quick };

    let inventory = call.inventory();
    let read = move || {
        let stored = match at {
            None => inventory.text(&device, &property)?,
            // The state of a moment can have other versions before it, so it has no ETag.
            Some(at) => {
                Text { text: inventory.configuration_at(&device, &property, at)?, version: None }
            }
        };
        let body = match format {
            TextFormat::Plain => stored.text.into_bytes(),
            TextFormat::Json => serde_json::Value::from(stored.text).to_string().into_bytes(),
        };
        Ok::<_, InventoryError>((
            stored.version.map(|version| ETag::of_version(version, &body)),
            body,
        ))
    };
    let (etag, body) = call
        .app
        .blocking
        .run(lane, read)
        .await?
        .map_err(|error| Problem::of_inventory(error, in_query))?;

    let media_type = match format {
        TextFormat::Plain => TEXT,
        TextFormat::Json => JSON,
    };
    let mut response = match etag {
        Some(etag) => versioned(&call.headers, &etag, media_type, body)?,
        // A text that was never stored has no version.
        None => response::whole(StatusCode::OK, media_type, body),
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Handles `GET /rest/configuration/{device}/history`.
pub(in crate::http) async fn versions(mut call: Call) -> Result<Response, Problem> {
    let device = call.parameters.take("device")?;
    let property = call.query.one(PROPERTY.name)?.unwrap_or(DEFAULT_PROPERTY).to_owned();

    let inventory = call.inventory();
    let read = move || inventory.text_versions(&device, &property);
    let versions = call.app.blocking.run(Lane::Search, read).await?;
    let versions = versions.map_err(|error| Problem::of_inventory(error, in_query))?;
    json_response::json(StatusCode::OK, &versions)
}

/// Handles `GET /rest/configuration/{device}/diff`.
pub(in crate::http) async fn difference(mut call: Call) -> Result<Response, Problem> {
    let device = call.parameters.take("device")?;
    let property = call.query.one(PROPERTY.name)?.unwrap_or(DEFAULT_PROPERTY).to_owned();
    let from = moment_option(&call, TEXT_FROM.name)?;
    let to = moment_option(&call, TEXT_TO.name)?;

    let inventory = call.inventory();
    let compare = move || inventory.text_difference(&device, &property, from, to);
    let difference = call.app.blocking.run(Lane::Search, compare).await?;
    let difference = difference.map_err(|error| Problem::of_inventory(error, in_query))?;
    Ok(response::whole(StatusCode::OK, TEXT, difference))
}

/// Returns the moment in a parameter of the query.
///
/// # Errors
/// 400.
fn moment_option(call: &Call, name: &'static str) -> Result<Option<Moment>, Problem> {
    call.query.one(name)?.map(|text| moment(name, text)).transpose()
}

/// A stored text of a device.
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct StoredText<'a> {
    /// The name of the device.
    device: &'a str,
    /// The property that holds the text.
    property: &'a str,
    /// The size of the text in bytes.
    bytes: usize,
}

/// Handles `PUT` and `POST /rest/configuration/{device}`.
pub(in crate::http) async fn put(mut call: Call) -> Result<Response, Problem> {
    let device = call.parameters.take("device")?;
    let property = call.options.text(&PROPERTY).unwrap_or(DEFAULT_PROPERTY).to_owned();
    let expected = expected_version(&call.headers)?;
    let origin = call.origin()?;
    require_text(&call.headers)?;
    let inventory = call.inventory();
    let Call { app, mut body, .. } = call;
    let mut body = body.bytes(&app.body_memory).await?;

    let change = move || {
        let text = String::from_utf8(body.take_bytes()).map_err(|error| not_utf8(&error))?;
        let bytes = text.len();
        let hash = Hash::of(text.as_bytes());
        let version = inventory
            .put_text(&device, &property, text, &origin, &expected)
            .map_err(|error| Problem::of_inventory(error, in_query))?;
        let stored = StoredText { device: &device, property: &property, bytes };
        let mut response = json_response::json(StatusCode::OK, &stored)?;
        response.headers_mut().insert(ETAG, (&ETag::of_hash(version, hash)).into());
        Ok(response)
    };
    app.blocking.run(Lane::Change, change).await?
}

/// Returns the problem of a body that is not UTF-8.
fn not_utf8(error: &std::string::FromUtf8Error) -> Problem {
    let at = error.utf8_error().valid_up_to();
    let detail = format!("The body is not UTF-8: the byte at offset {at} is invalid.");
    Problem::new(ProblemKind::MalformedBody, &*detail)
        .with_flaw(Flaw::new(RequestLocation::Pointer(String::new()), &*detail))
}

/// Refuses media types that are not texts. A form or JSON would be stored with its boundaries, braces
/// and escapes.
///
/// # Errors
/// 415.
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
        .with_flaw(Flaw::new(RequestLocation::Header("content-type"), &*detail)))
}
