//! Values in the format of Python's `str` and `repr`.
//!
//! eNMS is written in Python. It compares `str(value)` in criteria and searches, writes `str` of
//! lists and maps into workbooks, and PyYAML writes floats as `repr` does. All of these call the
//! functions here. `tests/python/spellings.py` creates a table with CPython. The tests of this
//! module compare every function with it.

use std::{borrow::Cow, fmt::Write};

use super::Value;

/// `str(value)`: a text, a number or a timestamp unchanged, any other value as in [`repr`].
pub fn str(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Text(text) | Value::BigInt(text) | Value::Timestamp(text) => text.into(),
        Value::Shared(shared) => str(&shared.value),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Binary(_)
        | Value::List(_)
        | Value::Tuple(_)
        | Value::Map(_) => repr(value).into(),
    }
}

/// `repr(value)`.
pub fn repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(&mut out, value, &write_scalar);
    out
}

/// `str` of a boolean, which is also its `repr`.
pub const fn bool_str(truth: bool) -> &'static str {
    if truth { "True" } else { "False" }
}

/// `repr(number)`, which is also its `str`: the shortest digits that are read as the same number,
/// with an exponent from 1e16 on and below 1e-4, or `inf`, `-inf` and `nan`.
pub fn float_repr(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = shortest(number);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    let digits = format!("{digits:0<whole$}");
    let (whole, fraction) = digits.split_at(whole);
    format!("{sign}{whole}.{}", if fraction.is_empty() { "0" } else { fraction })
}

/// The shortest digits that are read as the same float, in scientific notation. If two are equally
/// short and equally near, Rust prints the greater one and Python the even one. Rust prints the
/// even one as well when the format has a precision.
fn shortest(number: f64) -> String {
    let shortest = format!("{number:e}");
    let mantissa = shortest.split('e').next().unwrap_or_default();
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let even = format!("{number:.*e}", digits - 1);
    if even.parse() == Ok(number) { even } else { shortest }
}

/// Appends `repr(value)`. `scalar` appends every value that is not a list, tuple or map.
pub fn write_repr(out: &mut String, value: &Value, scalar: &dyn Fn(&mut String, &Value)) {
    match value {
        Value::List(items) => {
            out.push('[');
            write_items(out, items, scalar);
            out.push(']');
        }
        Value::Tuple(items) => {
            out.push('(');
            write_items(out, items, scalar);
            out.push_str(if items.len() == 1 { ",)" } else { ")" });
        }
        Value::Map(map) => {
            out.push('{');
            for (at, (key, value)) in map.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_repr(out, key, scalar);
                out.push_str(": ");
                write_repr(out, value, scalar);
            }
            out.push('}');
        }
        Value::Shared(shared) => write_repr(out, &shared.value, scalar),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Timestamp(_)
        | Value::Binary(_) => scalar(out, value),
    }
}

fn write_items(out: &mut String, items: &[Value], scalar: &dyn Fn(&mut String, &Value)) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write_repr(out, item, scalar);
    }
}

/// Appends the `repr` of a value.
pub fn write_scalar(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(truth) => out.push_str(bool_str(*truth)),
        Value::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Value::BigInt(digits) => out.push_str(digits),
        Value::Float(number) => out.push_str(&float_repr(*number)),
        Value::Text(text) => write_text(out, text, quote_of(text.as_bytes())),
        Value::Timestamp(text) => match datetime_repr(text) {
            Some(call) => out.push_str(&call),
            None => write_text(out, text, quote_of(text.as_bytes())),
        },
        Value::Binary(bytes) => write_bytes(out, bytes),
        Value::List(_) | Value::Tuple(_) | Value::Map(_) | Value::Shared(_) => {
            write_repr(out, value, &write_scalar);
        }
    }
}

/// The quote that `repr` chooses for a text or for bytes: a double quote only if the text contains
/// single quotes and no double quotes.
pub fn quote_of(text: &[u8]) -> char {
    if text.contains(&b'\'') && !text.contains(&b'"') { '"' } else { '\'' }
}

/// Appends a text in quotes, escaped as `repr` escapes it. Python chooses the quote by
/// [`quote_of`].
pub fn write_text(out: &mut String, text: &str, quote: char) {
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c => {
                let number = u32::from(c);
                let _ = match number {
                    0..=0xFF => write!(out, "\\x{number:02x}"),
                    0x100..=0xFFFF => write!(out, "\\u{number:04x}"),
                    _ => write!(out, "\\U{number:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

/// `c.isprintable()`: no control or format character, no separator but the blank, and assigned by
/// Unicode. The standard library escapes the same characters in its debug output, after the first
/// character of a text. Its version of Unicode can be newer than Python's.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let mut text = String::from("a");
    text.push(c);
    text.escape_debug().count() == 2
}

/// Appends `repr` of bytes, with the `b` before the quote.
fn write_bytes(out: &mut String, bytes: &[u8]) {
    let quote = quote_of(bytes);
    out.push('b');
    out.push(quote);
    for &byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte if char::from(byte) == quote => {
                out.push('\\');
                out.push(quote);
            }
            b' '..=b'~' => out.push(char::from(byte)),
            byte => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push(quote);
}

/// `repr` of the date, or the date and time, with this `isoformat(" ")`: `datetime.datetime(2024,
/// 1, 31, 12, 30)`. `None` for any other text.
fn datetime_repr(text: &str) -> Option<String> {
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let date = format!("{}, {}, {}", number(0..4)?, number(5..7)?, number(8..10)?);
    if text.len() == "2024-01-31".len() {
        return Some(format!("datetime.date({date})"));
    }
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let (micros, offset) = match text.get(19..)?.strip_prefix('.') {
        Some(fraction) => (number(20..26)?, fraction.get(6..)?),
        None => (0, text.get(19..)?),
    };
    let mut call = format!("datetime.datetime({date}, {hour}, {minute}");
    if second > 0 || micros > 0 {
        let _ = write!(call, ", {second}");
    }
    if micros > 0 {
        let _ = write!(call, ", {micros}");
    }
    if !offset.is_empty() {
        let _ = write!(call, ", tzinfo={}", timezone_repr(offset)?);
    }
    call.push(')');
    Some(call)
}

/// `repr` of the time zone of an offset such as `+02:00`. Python counts a negative one in days.
fn timezone_repr(offset: &str) -> Option<String> {
    const DAY_SECONDS: u32 = 24 * 60 * 60;
    let (sign, clock) = offset.split_at_checked(1)?;
    let (hours, minutes) = clock.split_once(':')?;
    let seconds = hours.parse::<u32>().ok()? * 3600 + minutes.parse::<u32>().ok()? * 60;
    let delta = match (sign, seconds) {
        (_, 0) => return Some("datetime.timezone.utc".to_owned()),
        ("+", seconds) => format!("seconds={seconds}"),
        ("-", seconds) => match DAY_SECONDS.checked_sub(seconds)? {
            0 => "days=-1".to_owned(),
            rest => format!("days=-1, seconds={rest}"),
        },
        _ => return None,
    };
    Some(format!("datetime.timezone(datetime.timedelta({delta}))"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Map;

    /// The output of CPython: `tests/python/spellings.py`.
    const TABLE: &str = include_str!("../../tests/python/spellings.json");

    /// The value that a row of the table describes: an object of one member, whose name is the
    /// type.
    fn described(json: &serde_json::Value) -> Value {
        let (type_, content) = json.as_object().unwrap().iter().next().unwrap();
        let text = || content.as_str().unwrap().to_owned();
        let items = || content.as_array().unwrap().iter().map(described).collect();
        match type_.as_str() {
            "null" => Value::Null,
            "bool" => Value::Bool(content.as_bool().unwrap()),
            "int" => match text().parse() {
                Ok(number) => Value::Int(number),
                Err(_) => Value::BigInt(text()),
            },
            "float" => Value::Float(f64::from_bits(u64::from_str_radix(&text(), 16).unwrap())),
            "text" => Value::Text(text()),
            "timestamp" => Value::Timestamp(text()),
            "bytes" => Value::Binary(
                content
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap())
                    .collect(),
            ),
            "list" => Value::List(items()),
            "tuple" => Value::Tuple(items()),
            "map" => {
                let entry =
                    |entry: &serde_json::Value| (described(&entry[0]), described(&entry[1]));
                Value::Map(Map::from_entries(
                    content.as_array().unwrap().iter().map(entry).collect(),
                ))
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn every_value_is_spelled_as_cpython_spells_it() {
        let rows: Vec<serde_json::Value> = serde_json::from_str(TABLE).unwrap();
        assert!(rows.len() > 1000, "{} rows", rows.len());
        for row in rows {
            let value = described(&row["value"]);
            assert_eq!(str(&value), row["str"].as_str().unwrap(), "str of {}", row["value"]);
            assert_eq!(repr(&value), row["repr"].as_str().unwrap(), "repr of {}", row["value"]);
        }
    }

    #[test]
    fn a_timestamp_that_is_no_moment_is_spelled_as_its_text() {
        for text in ["", "tomorrow", "2024-01-31 12", "2024-01-31 12:30:00+é", "+024-01-31"] {
            let list = Value::List(vec![Value::Timestamp(text.to_owned())]);
            assert_eq!(repr(&list), format!("['{text}']"));
        }
    }
}
