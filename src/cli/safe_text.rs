//! Texts from outside, made safe for a terminal.

use crate::access;

/// Escapes the characters of a text from outside that control a terminal, change the direction of the text
/// or are invisible, so that it stays on its line and two texts that look equal are equal.
pub(super) fn safe(text: &str) -> String {
    escaped(text, is_unsafe)
}

/// Escapes the same characters in a text of several lines.
pub(super) fn safe_lines(text: &str) -> String {
    escaped(text, is_unsafe_in_lines)
}

/// Escapes the same characters in JSON, which stays the same JSON: they occur in its strings only.
pub(super) fn safe_json(json: &str) -> String {
    replaced(json, is_unsafe_in_lines, |c| {
        // A character beyond U+FFFF is two escapes.
        c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
    })
}

fn is_unsafe_in_lines(c: char) -> bool {
    is_unsafe(c) && c != '\n' && c != '\t'
}

fn escaped(text: &str, is_unsafe: impl Fn(char) -> bool) -> String {
    replaced(text, is_unsafe, |c| c.escape_default().to_string())
}

fn replaced(
    text: &str,
    is_unsafe: impl Fn(char) -> bool,
    escape: impl Fn(char) -> String,
) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) { safe += &escape(c) } else { safe.push(c) }
    }
    safe
}

/// Returns whether a character controls a terminal or cannot be seen: a control character, one that changes
/// the direction of a text (Unicode Standard Annex 9, section 2), an end of a line, or one without a shape.
/// White space stays, because texts of people contain it.
fn is_unsafe(c: char) -> bool {
    let ends_line = matches!(c, '\u{2028}' | '\u{2029}');
    c.is_control() || ends_line || access::is_invisible(c) && !c.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(safe("a\u{1b}[2Jé\n"), "a\\u{1b}[2Jé\\n");
        assert_eq!(safe("nimda\u{202e}"), "nimda\\u{202e}");
        assert_eq!(safe("a\u{200b}\u{2028}b\u{e0041}"), "a\\u{200b}\\u{2028}b\\u{e0041}");
        assert_eq!(safe("R\u{a0}1\u{3000}東京"), "R\u{a0}1\u{3000}東京");
        let json = serde_json::json!({"é\u{202e}\u{9b}\u{1b}": ["\u{7f}\n🦀\u{e0041}\u{2028}", 7]});
        let safe = safe_json(&json.to_string());
        assert!(!safe.contains(is_unsafe_in_lines), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), json);
        assert_eq!(safe_lines("a\tb\r\n\u{9b}2J\n"), "a\tb\\r\n\\u{9b}2J\n");
    }
}
