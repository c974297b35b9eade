//! What a scalar is: by its tag, or, where it is plain and has none, by PyYAML's resolver for
//! YAML 1.1.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::Rule;
use super::number::{looks_like_float, looks_like_int, parse_float, parse_int};
use super::timestamp::{looks_like_timestamp, parse_timestamp};
use super::token::Tag;
use crate::model::Value;

/// How much of a text stands in a message.
const SHOWN_CHARACTERS_MAX: usize = 60;

/// A scalar's value, or the `<<` that merges mappings where it is a key.
#[derive(Debug, PartialEq)]
pub(super) enum Resolved {
    Value(Value),
    Merge,
}

/// A plain scalar without a tag.
pub(super) fn resolve_plain(text: String) -> Result<Resolved, Rule> {
    let value = match text.as_bytes().first() {
        None => Value::Null,
        Some(b'0'..=b'9' | b'-' | b'+' | b'.') => {
            if looks_like_float(&text) {
                scalar(parse_float(&text).map(Value::Float), "float", &text)?
            } else if looks_like_int(&text) {
                scalar(parse_int(&text), "whole number", &text)?
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

/// A scalar with a tag of its own.
pub(super) fn resolve_tagged(tag: &Tag, text: String) -> Result<Resolved, Rule> {
    match tag {
        Tag::NonSpecific => resolve_plain(text),
        Tag::Core(name) => resolve_core(name, text),
        Tag::Other(_) => Err(Rule::UnknownTag { tag: tag.spelled() }),
    }
}

/// A scalar with the tag `!!name`.
pub(super) fn resolve_core(name: &str, text: String) -> Result<Resolved, Rule> {
    let value = match name {
        "str" => Value::Text(text),
        "int" => scalar(parse_int(&text), "whole number", &text)?,
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

/// What a list becomes by its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SequenceKind {
    List,
    Tuple,
}

/// What a list's tag makes of it.
pub(super) fn sequence_kind(tag: Option<&Tag>) -> Result<SequenceKind, Rule> {
    match tag {
        None | Some(Tag::NonSpecific) => Ok(SequenceKind::List),
        Some(Tag::Core(name)) if name == "seq" => Ok(SequenceKind::List),
        Some(Tag::Core(name)) if name == "python/tuple" => Ok(SequenceKind::Tuple),
        Some(tag) => Err(unfit(tag, "a list")),
    }
}

/// Checks that a mapping's tag fits it.
pub(super) fn check_mapping_tag(tag: Option<&Tag>) -> Result<(), Rule> {
    match tag {
        None | Some(Tag::NonSpecific) => Ok(()),
        Some(Tag::Core(name)) if name == "map" => Ok(()),
        Some(tag) => Err(unfit(tag, "a mapping")),
    }
}

/// A tag that is known, but for something else, or not known at all.
fn unfit(tag: &Tag, found: &'static str) -> Rule {
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

/// A text short enough for a message.
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
