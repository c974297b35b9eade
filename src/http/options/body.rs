//! Reads options from a body: JSON or a form.

use hyper::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value;

use super::SentOptions;
use crate::http::{
    body_memory::BodyMemory,
    description::CallOption,
    flaws::json_type,
    media_type::media_type,
    multipart::{Boundary, Part, Parts},
    problem::{Flaw, Problem, ProblemKind, RequestLocation, shorten},
    query_string::{PairError, decode_pairs},
    request_body::{RequestBody, read_object, require_json},
};

/// The names of form parts that hold options as a JSON object, whatever their media type is.
const JSON_PARTS: [&str; 2] = ["json", "payload"];

/// The media type of a form without files, as a browser or `curl -d` sends it.
const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// Adds the options of a body. An empty body has none.
///
/// # Errors
/// 400 if the body cannot be read; 415 if it is neither JSON nor a form; the problem of a body
/// that is not received completely.
pub(in crate::http) async fn add_body(
    sent: &mut SentOptions,
    body: &mut RequestBody,
    headers: &HeaderMap,
    memory: &BodyMemory,
    known: &'static [CallOption],
) -> Result<(), Problem> {
    if let Some(boundary) = Boundary::of(headers)? {
        let mut parts = Parts::new(body, boundary);
        while let Some(part) = parts.next().await? {
            if part.file_name.is_some() && !is_json(&part) {
                let detail = format!(
                    "The part “{}” is a file. This call accepts no file.",
                    shorten(&part.name)
                );
                return Err(wrong_field(&part.name, &detail));
            }
            add_part(sent, part, known).await?;
        }
        drop(parts);
        // Bytes can follow the end of a form.
        while body.chunk().await?.is_some() {}
        return Ok(());
    }
    let received = body.bytes(memory).await?;
    let text = received.text().trim_ascii();
    if text.is_empty() {
        return Ok(());
    }
    let media_type = headers.get(CONTENT_TYPE).map(|value| media_type(value.as_bytes()));
    // `curl -d '{"dry_run": true}'` sends JSON with the media type of a form. It is refused as
    // every body whose media type is wrong.
    if media_type.as_deref() == Some(FORM) && !text.starts_with(b"{") && !text.starts_with(b"[") {
        return add_form(sent, text);
    }
    require_json(headers)?;
    sent.add_object(body.read_object(received)?);
    Ok(())
}

/// Adds the fields of a form without files.
fn add_form(sent: &mut SentOptions, text: &[u8]) -> Result<(), Problem> {
    let text = std::str::from_utf8(text).map_err(|_| wrong_field("", "The form is not UTF-8."))?;
    let pairs = decode_pairs(text)
        .map_err(|PairError { name, reason }| wrong_field(&name, &format!("The form {reason}.")))?;
    for (name, value) in pairs {
        sent.add_field(name, value.into());
    }
    Ok(())
}

/// Adds the options of a form part: one option, or a JSON object of options.
///
/// # Errors
/// 400 if a part with the media type JSON is not a JSON object; 413 if the part is too long; the
/// problem of a body that is not received completely.
pub(in crate::http) async fn add_part(
    sent: &mut SentOptions,
    part: Part<'_>,
    known: &'static [CallOption],
) -> Result<(), Problem> {
    let name = part.name.clone();
    let is_json = is_json(&part);
    let text = part.text().await?;
    if !is_json {
        sent.add_field(name, text.into());
        return Ok(());
    }
    let is_option = known.iter().any(|option| option.names().any(|known| known == name));
    match serde_json::from_str::<Value>(&text) {
        Ok(value) if is_option && !value.is_object() => sent.add_field(name, value),
        Ok(Value::Object(_)) => match read_object(text.as_bytes()) {
            Ok(object) => sent.add_object(object),
            Err(error) => {
                let detail =
                    format!("The form field “{}” cannot be read: {error}.", shorten(&name));
                return Err(wrong_field(&name, &detail));
            }
        },
        Ok(other) => {
            let found = json_type(&other);
            let shown = shorten(&name);
            let detail = format!("The form field “{shown}” is {found}; a JSON object is expected.");
            return Err(wrong_field(&name, &detail));
        }
        Err(error) => {
            let detail = format!("The form field “{}” is not JSON: {error}.", shorten(&name));
            return Err(wrong_field(&name, &detail));
        }
    }
    Ok(())
}

/// Returns whether a form part holds JSON.
pub(in crate::http) fn is_json(part: &Part<'_>) -> bool {
    JSON_PARTS.contains(&part.name.as_str())
        || part.media_type().is_some_and(|media_type| media_type == b"application/json")
}

/// Returns the problem of a form field.
pub(in crate::http) fn wrong_field(name: &str, detail: &str) -> Problem {
    let flaw = Flaw::new(RequestLocation::FormField(shorten(name).into_owned()), detail);
    Problem::new(ProblemKind::MalformedBody, detail).with_flaw(flaw)
}
