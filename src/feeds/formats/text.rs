//! Texts in the syntax of formats.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Returns a text as one line: control characters and line separators become blanks.
pub(super) fn line(text: &str) -> Cow<'_, str> {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if text.contains(breaks) { text.replace(breaks, " ").into() } else { text.into() }
}

/// Returns a text for XML: escaped, and without the characters that XML 1.0 forbids.
pub(super) fn xml(text: &str) -> String {
    let forbidden = |c: char| {
        (c.is_control() && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    let text: Cow<'_, str> = if text.contains(forbidden) {
        text.replace(forbidden, "\u{fffd}").into()
    } else {
        text.into()
    };
    quick_xml::escape::escape(&*text).into_owned()
}

/// Returns a text between quotation marks, with `\` before those inside of it. Line breaks become
/// blanks.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in line(text).chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// Appends anything as JSON that is YAML too: YAML forbids some characters that JSON allows (YAML
/// 1.2.2, section 5.1), so they are escaped.
pub(super) fn yaml(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let written = value.serialize(&mut Serializer::with_formatter(out, Yaml));
    debug_assert!(written.is_ok(), "writing to memory does not fail: {written:?}");
}

/// Writes JSON within YAML.
struct Yaml;

impl Formatter for Yaml {
    fn write_string_fragment<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> std::io::Result<()> {
        let is_special = |c: char| {
            matches!(
                c,
                '\u{7f}'
                    ..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
            )
        };
        let mut rest = fragment;
        while let Some(at) = rest.find(is_special) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let mut chars = rest[at..].chars();
            if let Some(special) = chars.next() {
                write!(writer, "\\u{:04x}", u32::from(special))?;
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Appends a formatted text.
macro_rules! put {
    ($out:expr, $($format:tt)*) => {
        $out.extend_from_slice(format!($($format)*).as_bytes())
    };
}
pub(super) use put;
