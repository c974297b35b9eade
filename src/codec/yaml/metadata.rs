//! Writes `metadata.yaml` like PyYAML's `yaml.dump(value, default_flow_style=None)`, with collections
//! of scalars on one line.

use super::number::float_text;
use super::order::ordered;
use super::quote::{EmitPosition, push_quoted};
use super::resolve::{Resolved, resolve_plain};
use crate::model::Value;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Returns the text of a small document: `{export_time: 2023-05-23 17:11:12.171765, version: 4.5}`.
/// Keys are sorted, long lines are not folded, and shared values are written at each occurrence.
/// PyYAML and [`read_value`](super::read_value) read the same value.
pub fn value_text(value: &Value) -> String {
    let mut out = Vec::new();
    match value.plain() {
        Value::Map(map) if !is_leaf(value) && map.iter().all(|(key, _)| is_short_text(key)) => {
            for (key, value) in ordered(map) {
                inline(&mut out, key);
                out.extend_from_slice(b": ");
                inline(&mut out, value);
                out.push(b'\n');
            }
        }
        other => {
            inline(&mut out, other);
            out.push(b'\n');
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Returns whether a value is a scalar or a collection of scalars.
fn is_leaf(value: &Value) -> bool {
    let is_scalar =
        |value: &Value| !matches!(value.plain(), Value::List(_) | Value::Tuple(_) | Value::Map(_));
    match value.plain() {
        Value::List(items) | Value::Tuple(items) => items.iter().all(is_scalar),
        Value::Map(map) => map.iter().all(|(key, value)| is_scalar(key) && is_scalar(value)),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Timestamp(_)
        | Value::Binary(_)
        | Value::Shared(_) => true,
    }
}

/// Returns whether a value can be a key without a `?`.
fn is_short_text(key: &Value) -> bool {
    matches!(key.plain(), Value::Text(text) if text.len() < 100)
}

/// Appends a value in flow style.
fn inline(out: &mut Vec<u8>, value: &Value) {
    match value.plain() {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::BigInt(text) | Value::Timestamp(text) => out.extend_from_slice(text.as_bytes()),
        Value::Float(value) => out.extend_from_slice(float_text(*value).as_bytes()),
        Value::Text(text) => push_text(out, text),
        Value::Binary(bytes) => {
            out.extend_from_slice(format!("!!binary \"{}\"", STANDARD.encode(bytes)).as_bytes());
        }
        Value::List(items) => push_list(out, items),
        Value::Tuple(items) => {
            out.extend_from_slice(b"!!python/tuple ");
            push_list(out, items);
        }
        Value::Map(map) => {
            out.push(b'{');
            for (index, (key, value)) in ordered(map).into_iter().enumerate() {
                if index > 0 {
                    out.extend_from_slice(b", ");
                }
                // After a `?`, a key can have any length and type.
                if !is_short_text(key) {
                    out.extend_from_slice(b"? ");
                }
                inline(out, key);
                out.extend_from_slice(b": ");
                inline(out, value);
            }
            out.push(b'}');
        }
        Value::Shared(shared) => inline(out, &shared.value),
    }
}

fn push_list(out: &mut Vec<u8>, items: &[Value]) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        inline(out, item);
    }
    out.push(b']');
}

/// Appends a text: without quotes if it is a simple word that is read as a text, otherwise with.
fn push_text(out: &mut Vec<u8>, text: &str) {
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b));
    let plain =
        word && matches!(resolve_plain(text.to_owned()), Ok(Resolved::Value(Value::Text(_))));
    if plain {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_quoted(out, text, EmitPosition { column: 0, indent: None });
    }
}
