//! The YAML of `metadata.yaml`, as far as it goes: maps, and scalars on one line.
//!
//! To be replaced by `codec::yaml` (`read_value`, `value_text`) as soon as both stand in one
//! tree; nothing else here knows of YAML.

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};

use crate::model::{Map, Value};

/// How deep maps may be nested: three levels are needed.
const DEPTH_MAX: usize = 8;

/// Reads one value.
///
/// # Errors
/// What is wrong, for a person.
pub(super) fn read_value(text: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let mut reader = Reader(Parser::new_from_str(text));
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(_) => {}
            Event::StreamEnd => return Ok(Value::Null),
            event => {
                let value = reader.value(event, 0)?;
                return match (reader.next()?, reader.next()?) {
                    (Event::DocumentEnd, Event::StreamEnd) => Ok(value),
                    _ => Err("one document is expected".to_owned()),
                };
            }
        }
    }
}

struct Reader<'a>(Parser<'a, StrInput<'a>>);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, String> {
        match self.0.next_event() {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("it ends too early".to_owned()),
        }
    }

    fn value(&mut self, event: Event<'a>, depth: usize) -> Result<Value, String> {
        match event {
            Event::Scalar(text, ScalarStyle::Plain, 0, None) => Ok(plain(&text)),
            Event::Scalar(text, _, 0, None) => Ok(Value::Text(text.into_owned())),
            Event::MappingStart(0, None) if depth < DEPTH_MAX => {
                let mut map = Vec::new();
                loop {
                    let key = match self.next()? {
                        Event::MappingEnd => return Ok(Value::Map(Map::from_entries(map))),
                        event => self.value(event, depth + 1)?,
                    };
                    let event = self.next()?;
                    let value = self.value(event, depth + 1)?;
                    if map.iter().any(|(present, _)| *present == key) {
                        return Err("a key stands twice".to_owned());
                    }
                    map.push((key, value));
                }
            }
            _ => Err("only maps of texts, numbers and times are expected".to_owned()),
        }
    }
}

/// The value of a scalar without quotes.
fn plain(text: &str) -> Value {
    let is_time = text.len() >= 10
        && text.as_bytes()[4] == b'-'
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"-:. +TZ".contains(&byte));
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if is_time => Value::Timestamp(text.to_owned()),
        _ if is_number => match (text.parse(), text.parse()) {
            (Ok(number), _) => Value::Int(number),
            (_, Ok(number)) => Value::Float(number),
            _ => Value::from(text),
        },
        _ => Value::from(text),
    }
}

/// The text of one value, with a line's end.
pub(super) fn value_text(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, 0, &mut out);
    out
}

fn write_value(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Map(map) if map.is_empty() => out.push_str(" {}\n"),
        Value::Map(map) => {
            if depth > 0 {
                out.push('\n');
            }
            for (key, value) in map.iter() {
                out.push_str(&"  ".repeat(depth));
                out.push_str(key.as_text().unwrap_or_default());
                out.push(':');
                write_value(value, depth + 1, out);
            }
        }
        Value::Int(number) => out.push_str(&format!(" {number}\n")),
        Value::Float(number) => out.push_str(&format!(" {number:?}\n")),
        Value::BigInt(text) | Value::Timestamp(text) => out.push_str(&format!(" {text}\n")),
        Value::Text(text) => {
            // JSON's texts are YAML's double-quoted ones, but for what YAML can not print.
            let quoted = serde_json::Value::from(text.as_str()).to_string();
            out.push(' ');
            for character in quoted.chars() {
                match character {
                    ' '..='~' => out.push(character),
                    other => out.push_str(&format!("\\U{:08x}", other as u32)),
                }
            }
            out.push('\n');
        }
        // Metadata holds no other.
        other => out.push_str(&format!(" !{}\n", other.type_name())),
    }
}
