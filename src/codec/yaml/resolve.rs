//! Resolves a scalar to a value: by its tag, or, if it is plain and has no tag, by the rules of
//! PyYAML's resolver for YAML 1.1.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::Rule;
use super::number::{looks_like_float, looks_like_int, parse_float, parse_int};
use super::timestamp::{looks_like_timestamp, parse_timestamp};
use super::token::Tag;
use crate::model::Value;

/// The number of characters of a text in a message.
const SHOWN_CHARACTERS_MAX: usize = 60;

/// The value of a scalar, or `<<`, which merges mappings if it is a key.
#[derive(Debug, PartialEq)]
pub(super) enum Resolved {
    Value(Value),
    Merge,
}

/// Resolves a plain scalar without a tag.
pub(super) fn resolve_plain(text: String) -> Result<Resolved, Rule> {
    let value = match text.as_bytes().first() {
        None => Value::Null,
        Some(b'0'..=b'9' | b'-' | b'+' | b'.') => {
            if looks_like_float(&text) {
                scalar(parse_float(&text).map(Value::Float), "float", &text)?
            } else if looks_like_int(&text) {
                scalar(parse_int(&text), "integer", &text)?
            } else if looks_like_timestamp(&text) {
                scalar(parse_timestamp(&text).map(Value::Timestamp), "date or time", &text)?
            } else {
                Value::Text(text)
            }
        }
        Some(b'~' | b'n' | b'N' | b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O') => {
            match text.as_str() {
                "~" | "null" | "Null" | "NULL" => Value::Null,
                "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                    Value::Bool(true)
                }
                "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
                    Value::Bool(false)
                }
                _ => Value::Text(text),
            }
        }
        Some(b'<') if text == "<<" => return Ok(Resolved::Merge),
        Some(_) => Value::Text(text),
    };
    Ok(Resolved::Value(value))
}

/// Resolves a scalar with a tag.
pub(super) fn resolve_tagged(tag: &Tag, text: String) -> Result<Resolved, Rule> {
    match tag {
        Tag::NonSpecific => resolve_plain(text),
        Tag::Core(name) => resolve_core(name, text),
        Tag::Other(_) => Err(Rule::UnknownTag { tag: tag.spelled() }),
    }
}

/// Resolves a scalar with the tag `!!name`.
pub(super) fn resolve_core(name: &str, text: String) -> Result<Resolved, Rule> {
    let value = match name {
        "str" => Value::Text(text),
        "int" => scalar(parse_int(&text), "integer", &text)?,
        "float" => scalar(parse_float(&text).map(Value::Float), "float", &text)?,
        "bool" => scalar(parse_bool(&text).map(Value::Bool), "boolean", &text)?,
        "null" => Value::Null,
        "timestamp" => scalar(parse_timestamp(&text).map(Value::Timestamp), "date or time", &text)?,
        "binary" => scalar(parse_binary(&text).map(Value::Binary), "base64", &text)?,
        "merge" => return Ok(Resolved::Merge),
        "seq" | "map" | "python/tuple" => {
            return Err(Rule::TagMismatch { tag: format!("!!{name}"), found: "a scalar" });
        }
        _ => return Err(Rule::UnknownTag { tag: format!("!!{name}") }),
    };
    Ok(Resolved::Value(value))
}

/// The type of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SequenceKind {
    List,
    Tuple,
}

/// Returns the type of a sequence by its tag.
pub(super) fn sequence_kind(tag: Option<&Tag>) -> Result<SequenceKind, Rule> {
    match tag {
        None | Some(Tag::NonSpecific) => Ok(SequenceKind::List),
        Some(Tag::Core(name)) if name == "seq" => Ok(SequenceKind::List),
        Some(Tag::Core(name)) if name == "python/tuple" => Ok(SequenceKind::Tuple),
        Some(tag) => Err(tag_error(tag, "a list")),
    }
}

/// Checks the tag of a mapping.
pub(super) fn check_mapping_tag(tag: Option<&Tag>) -> Result<(), Rule> {
    match tag {
        None | Some(Tag::NonSpecific) => Ok(()),
        Some(Tag::Core(name)) if name == "map" => Ok(()),
        Some(tag) => Err(tag_error(tag, "a mapping")),
    }
}

/// Returns the error for a tag of another type, or an unknown tag.
fn tag_error(tag: &Tag, found: &'static str) -> Rule {
    const KNOWN: [&str; 11] = [
        "str",
        "int",
        "float",
        "bool",
        "null",
        "timestamp",
        "binary",
        "seq",
        "map",
        "merge",
        "python/tuple",
    ];
    let tag_text = tag.spelled();
    match tag {
        Tag::Core(name) if KNOWN.contains(&name.as_str()) => {
            Rule::TagMismatch { tag: tag_text, found }
        }
        Tag::Core(_) | Tag::Other(_) | Tag::NonSpecific => Rule::UnknownTag { tag: tag_text },
    }
}

fn scalar<T>(parsed: Option<T>, expected: &'static str, text: &str) -> Result<T, Rule> {
    parsed.ok_or_else(|| Rule::Scalar { expected, text: shown(text) })
}

/// Returns a text cut to the length for a message.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

fn parse_binary(text: &str) -> Option<Vec<u8>> {
    let base64: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(base64).ok()
}
