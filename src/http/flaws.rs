//! Collects the flaws of a request, so that a response reports all of them at once. A flaw is one
//! error in the query, the body or the path. Also makes the flaw of an unknown option, with the nearest
//! known option.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    description::CallOption,
    problem::{Flaw, RequestLocation, escape_pointer, shorten},
};
use crate::model::nearest;

/// The largest number of flaws that a response lists.
pub(super) const FLAWS_MAX: usize = 100;

/// The flaws of a request, and the location of the value that is being checked.
pub(super) struct Flaws<'a> {
    location: RequestLocation,
    flaws: &'a mut Vec<Flaw>,
}

impl<'a> Flaws<'a> {
    /// Collects the flaws of the value at `location` in `flaws`.
    pub(super) fn new(location: RequestLocation, flaws: &'a mut Vec<Flaw>) -> Self {
        Self { location, flaws }
    }

    /// Collects the flaws of one item of the value, which is a list.
    pub(super) fn item(&mut self, index: usize) -> Flaws<'_> {
        Flaws { location: within(&self.location, &index.to_string()), flaws: self.flaws }
    }

    /// Collects the flaws of one member of the value, which is an object.
    pub(super) fn member(&mut self, name: &str) -> Flaws<'_> {
        Flaws { location: within(&self.location, name), flaws: self.flaws }
    }

    /// Adds a flaw whose detail is a complete sentence.
    pub(super) fn note(&mut self, detail: String) {
        self.flaws.push(Flaw::new(self.location.clone(), detail));
    }

    /// Adds a flaw of the value. `predicate` continues the sentence “The member “name” …”.
    pub(super) fn wrong(&mut self, value: &Value, predicate: &str) {
        let detail = format!("{} {predicate}.", capitalized(&subject(&self.location)));
        let flaw = Flaw::new(self.location.clone(), detail);
        self.flaws.push(Flaw { value: shown_value(value), ..flaw });
    }

    /// Adds the flaw that a text is not one of the valid words, with the nearest valid word.
    pub(super) fn unknown_word(&mut self, text: &str, words: &[&'static str]) {
        let nearest = nearest(text, words.iter().copied());
        let valid = words.to_vec();
        let shown = shorten(text);
        let detail = match nearest {
            Some(word) => format!("Unknown word “{shown}”. Did you mean “{word}”?"),
            None => format!("Unknown word “{shown}”. Valid words: {}.", valid.join(", ")),
        };
        let flaw = Flaw::new(self.location.clone(), detail);
        let value = Some(Value::from(shown));
        let nearest = nearest.map(Cow::Borrowed);
        self.flaws.push(Flaw { value, nearest, valid, ..flaw });
    }
}

/// Returns the flaw of an option that the call does not have, with the nearest option of the call.
pub(super) fn unknown_option(
    location: RequestLocation,
    name: &str,
    known: &'static [CallOption],
) -> Flaw {
    let valid: Vec<_> = known.iter().flat_map(CallOption::names).collect();
    let nearest = nearest(name, valid.iter().copied());
    let subject = capitalized(&subject(&location));
    let detail = match nearest {
        Some(near) => format!("{subject} is not an option of this call. Did you mean “{near}”?"),
        None if valid.is_empty() => {
            format!("{subject} is not an option of this call. The call has no options.")
        }
        None => format!(
            "{subject} is not an option of this call. Its options are: {}.",
            valid.join(", ")
        ),
    };
    Flaw {
        code: Some("unknown-option"),
        value: None,
        nearest: nearest.map(Cow::Borrowed),
        valid,
        ..Flaw::new(location, detail)
    }
}

/// Returns a sentence about all flaws: the detail of the only one, or their number.
pub(super) fn summary(flaws: &[Flaw]) -> String {
    match flaws {
        [only] => only.detail.clone(),
        flaws => format!("The request has {} errors.", flaws.len()),
    }
}

/// Returns the location of an item or member of the value at `location`. Only JSON has items and
/// members.
fn within(location: &RequestLocation, name: &str) -> RequestLocation {
    match location {
        RequestLocation::Pointer(pointer) => {
            RequestLocation::Pointer(format!("{pointer}/{}", escape_pointer(name)))
        }
        RequestLocation::FormField(_)
        | RequestLocation::Header(_)
        | RequestLocation::Path(_)
        | RequestLocation::PathParameter(_)
        | RequestLocation::QueryParameter(_)
        | RequestLocation::Text { .. } => location.clone(),
    }
}

/// Returns a location as the subject of a sentence: “the member “name””.
pub(super) fn subject(location: &RequestLocation) -> String {
    let (noun, name) = match location {
        RequestLocation::Pointer(pointer) => {
            ("member", pointer.strip_prefix('/').unwrap_or(pointer))
        }
        RequestLocation::FormField(name) => ("form field", name.as_str()),
        RequestLocation::Header(name) => ("header", *name),
        RequestLocation::Path(path) => ("path", path.as_str()),
        RequestLocation::PathParameter(name) => ("path parameter", *name),
        RequestLocation::QueryParameter(name) => ("query parameter", name.as_str()),
        RequestLocation::Text { line, column } => {
            return format!("the text at line {line}, column {column}");
        }
    };
    format!("the {noun} “{}”", shorten(name))
}

/// Returns a text with its first letter in upper case.
pub(super) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// Returns the type of a JSON value with its article, for messages: “a list”.
pub(super) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Returns the type of a value as the predicate of a sentence: “is a list”.
pub(super) fn is_type(value: &Value) -> String {
    format!("is {}", json_type(value))
}

/// Returns the boolean in a value: a JSON boolean, or a text such as “true”.
pub(super) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(boolean) => Some(*boolean),
        Value::String(text) => match text.as_str() {
            "true" | "True" | "1" | "on" => Some(true),
            "false" | "False" | "0" | "off" => Some(false),
            _ => None,
        },
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns a scalar as a response shows it; `None` for a list or an object.
fn shown_value(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(Value::from(shorten(text))),
        Value::Array(_) | Value::Object(_) => None,
        scalar => Some(scalar.clone()),
    }
}
