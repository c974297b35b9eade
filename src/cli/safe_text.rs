//! Texts from outside, made safe for a terminal.

/// Escapes the characters of a text from outside that control a terminal or change the direction of the
/// text, so that it stays on its line.
pub(super) fn safe(text: &str) -> String {
    escaped(text, controls_terminal)
}

/// Escapes the same characters in a text of several lines.
pub(super) fn safe_lines(text: &str) -> String {
    escaped(text, |c| controls_terminal(c) && c != '\n' && c != '\t')
}

fn escaped(text: &str, is_unsafe: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) { safe.extend(c.escape_default()) } else { safe.push(c) }
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
        assert_eq!(safe_lines("a\tb\r\n\u{9b}2J\n"), "a\tb\\r\n\\u{9b}2J\n");
    }
}
