//! Texts from outside, made safe for a terminal.

/// Escapes the characters of a text from outside that control a terminal or change the direction of the
/// text, so that it stays on its line.
pub(super) fn safe(text: &str) -> String {
    escaped(text, controls_terminal)
}

/// Escapes the same characters in a text of several lines.
pub(super) fn safe_lines(text: &str) -> String {
    escaped(text, is_unsafe_in_lines)
}

/// Escapes the same characters in JSON, which stays the same JSON: they occur in its strings only.
pub(super) fn safe_json(json: &str) -> String {
    replaced(json, is_unsafe_in_lines, |c| format!("\\u{:04x}", u32::from(c)))
}

fn is_unsafe_in_lines(c: char) -> bool {
    controls_terminal(c) && c != '\n' && c != '\t'
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

/// Returns whether a character controls a terminal: a control character, or one that changes the
/// direction of a text (Unicode Standard Annex 9, section 2).
fn controls_terminal(c: char) -> bool {
    let is_directional = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    c.is_control() || is_directional
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(safe("a\u{1b}[2Jé\n"), "a\\u{1b}[2Jé\\n");
        assert_eq!(safe("nimda\u{202e}"), "nimda\\u{202e}");
        let json = serde_json::json!({"é\u{202e}\u{9b}\u{1b}": ["\u{7f}\n🦀", 7]});
        let safe = safe_json(&json.to_string());
        assert!(!safe.contains(controls_terminal), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), json);
        assert_eq!(safe_lines("a\tb\r\n\u{9b}2J\n"), "a\tb\\r\n\\u{9b}2J\n");
    }
}
