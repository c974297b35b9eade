//! Bodies that hold a call's options: JSON, or a form.

use hyper::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value;

use super::Given;
use crate::http::body::{Body, Room, json_type, media_type, read_object, require_json};
use crate::http::multipart::{Boundary, Part, Parts};
use crate::http::problem::{Flaw, Place, Problem, ProblemKind, shorten};
use crate::http::query_string::{PairError, decode_pairs};
use crate::http::route::CallOption;

/// Parts of a form that hold options as a JSON object, whatever they say of their type.
const JSON_PARTS: [&str; 2] = ["json", "payload"];

/// A form without files, as a browser or `curl -d` sends it.
const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// Adds the options that a body holds. A body of no bytes holds none.
///
/// # Errors
/// 400 where the body cannot be read; 415 where it is neither JSON nor a form; the body's.
pub(in crate::http) async fn add_body(
    given: &mut Given,
    body: &mut Body,
    headers: &HeaderMap,
    room: &Room,
    known: &'static [CallOption],
) -> Result<(), Problem> {
    if let Some(boundary) = Boundary::of(headers)? {
        let mut parts = Parts::of(body, boundary);
        while let Some(part) = parts.next().await? {
            if part.file_name.is_some() && !is_json(&part) {
                let detail = format!(
                    "The part “{}” holds a file, and this call takes none.",
                    shorten(&part.name)
                );
                return Err(wrong_field(&part.name, &detail));
            }
            add_part(given, part, known).await?;
        }
        drop(parts);
        // What may follow the end of a form.
        while body.chunk().await?.is_some() {}
        return Ok(());
    }
    let whole = body.bytes(room).await?;
    let text = whole.text().trim_ascii();
    if text.is_empty() {
        return Ok(());
    }
    let sent = headers.get(CONTENT_TYPE).map(|value| media_type(value.as_bytes()));
    // `curl -d '{"dry_run": true}'` says that its JSON is a form: it gets the same answer as any
    // other body that is not what it says.
    if sent.as_deref() == Some(FORM) && !text.starts_with(b"{") && !text.starts_with(b"[") {
        return add_form(given, text);
    }
    require_json(headers)?;
    given.add_object(read_object(whole.text())?);
    Ok(())
}

fn add_form(given: &mut Given, text: &[u8]) -> Result<(), Problem> {
    let text = std::str::from_utf8(text).map_err(|_| wrong_field("", "The form is not UTF-8."))?;
    let pairs = decode_pairs(text)
        .map_err(|PairError { name, what }| wrong_field(&name, &format!("The form {what}.")))?;
    for (name, value) in pairs {
        given.add_field(name, value.into());
    }
    Ok(())
}

/// Adds the options that a part of a form holds: one of them, or a JSON object of them.
///
/// # Errors
/// 400 where the part says that it is JSON and is not, or is no object; 413 where it is too long;
/// the body's.
pub(in crate::http) async fn add_part(
    given: &mut Given,
    part: Part<'_>,
    known: &'static [CallOption],
) -> Result<(), Problem> {
    let name = part.name.clone();
    let is_json = is_json(&part);
    let text = part.text().await?;
    if !is_json {
        given.add_field(name, text.into());
        return Ok(());
    }
    let is_option = known.iter().any(|option| option.names().any(|known| known == name));
    match serde_json::from_str::<Value>(&text) {
        Ok(value) if is_option && !value.is_object() => given.add_field(name, value),
        Ok(Value::Object(_)) => match read_object(text.as_bytes()) {
            Ok(object) => given.add_object(object),
            Err(error) => {
                let detail = format!("The field “{}” cannot be read: {error}.", shorten(&name));
                return Err(wrong_field(&name, &detail));
            }
        },
        Ok(other) => {
            let found = json_type(&other);
            let shown = shorten(&name);
            let detail = format!("The field “{shown}” is {found}; a JSON object is expected.");
            return Err(wrong_field(&name, &detail));
        }
        Err(error) => {
            let detail = format!("The field “{}” is not JSON: {error}.", shorten(&name));
            return Err(wrong_field(&name, &detail));
        }
    }
    Ok(())
}

/// Whether a part of a form holds JSON.
pub(in crate::http) fn is_json(part: &Part<'_>) -> bool {
    JSON_PARTS.contains(&part.name.as_str())
        || part.media_type().is_some_and(|media_type| media_type == b"application/json")
}

/// A problem with a field of a form.
pub(in crate::http) fn wrong_field(name: &str, detail: &str) -> Problem {
    let flaw = Flaw::new(Place::FormField(shorten(name).into_owned()), detail);
    Problem::new(ProblemKind::MalformedBody, detail).with_flaw(flaw)
}
