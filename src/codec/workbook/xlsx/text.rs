//! Texts in XML.
//!
//! Characters that XML can not hold are written as Excel writes them, by their number:
//! `_x0001_`. What looks like such an escape has its underscore escaped itself. A carriage return
//! is escaped too, or else readers of XML would make a line feed of it.

/// The bytes that something else may stand for: where the search for escapes stops.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        stops[byte] = byte != b'\t' as usize && byte != b'\n' as usize;
        byte += 1;
    }
    stops[b'&' as usize] = true;
    stops[b'<' as usize] = true;
    stops[b'>' as usize] = true;
    stops[b'_' as usize] = true;
    // How U+FFFE and U+FFFF begin.
    stops[0xEF] = true;
    stops
};

/// What stands for a character.
#[derive(Clone, Copy, Debug)]
enum Escape {
    Entity(&'static str),
    /// Its number, where the text holds it in so many bytes.
    Number {
        unit: u16,
        bytes: usize,
    },
}

impl Escape {
    /// The escape of the character with which this begins. `None` where it stands for itself.
    fn of(rest: &[u8]) -> Option<Self> {
        match rest {
            [b'&', ..] => Some(Self::Entity("&amp;")),
            [b'<', ..] => Some(Self::Entity("&lt;")),
            [b'>', ..] => Some(Self::Entity("&gt;")),
            [b'_', rest @ ..] if is_escape(rest) => Some(Self::Number { unit: 0x5F, bytes: 1 }),
            _ => Self::number(rest),
        }
    }

    /// The same, where XML can not hold the character.
    fn number(rest: &[u8]) -> Option<Self> {
        match rest {
            [b'\t' | b'\n', ..] => None,
            [byte @ 0..0x20, ..] => Some(Self::Number { unit: u16::from(*byte), bytes: 1 }),
            [0xEF, 0xBF, 0xBE, ..] => Some(Self::Number { unit: 0xFFFE, bytes: 3 }),
            [0xEF, 0xBF, 0xBF, ..] => Some(Self::Number { unit: 0xFFFF, bytes: 3 }),
            _ => None,
        }
    }
}

/// Whether what follows an underscore would make an escape of it. The underscore at its end may
/// be that of another escape.
fn is_escape(rest: &[u8]) -> bool {
    let Some((digits, rest)) = rest.strip_prefix(b"x").and_then(<[u8]>::split_first_chunk::<4>)
    else {
        return false;
    };
    let ends = rest.starts_with(b"_") || Escape::number(rest).is_some();
    ends && digits.iter().all(u8::is_ascii_hexdigit)
}

/// Adds a text as it stands between two tags.
pub(super) fn push(text: &str, xml: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let bytes = text.as_bytes();
    let (mut copied, mut at) = (0, 0);
    while let Some(ahead) = bytes[at..].iter().position(|byte| STOPS[usize::from(*byte)]) {
        at += ahead;
        let Some(escape) = Escape::of(&bytes[at..]) else {
            at += 1;
            continue;
        };
        xml.extend_from_slice(&bytes[copied..at]);
        at += match escape {
            Escape::Entity(entity) => {
                xml.extend_from_slice(entity.as_bytes());
                1
            }
            Escape::Number { unit, bytes } => {
                let digit = |shift: u32| DIGITS[usize::from(unit >> shift & 0xF)];
                xml.extend_from_slice(b"_x");
                xml.extend_from_slice(&[digit(12), digit(8), digit(4), digit(0), b'_']);
                bytes
            }
        };
        copied = at;
    }
    xml.extend_from_slice(&bytes[copied..]);
}

/// Whether readers would leave out what stands at the ends of a text, unless told not to.
pub(super) fn is_trimmed(text: &str) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t' | b'\n'));
    is_space(text.as_bytes().first()) || is_space(text.as_bytes().last())
}

/// A text as it stands in quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut xml = Vec::new();
    push(text, &mut xml);
    String::from_utf8_lossy(&xml).replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(text: &str) -> String {
        let mut xml = Vec::new();
        push(text, &mut xml);
        String::from_utf8(xml).unwrap()
    }

    #[test]
    fn what_xml_can_not_hold_is_escaped_as_excel_does() {
        for (text, expected) in [
            ("", ""),
            ("R 1%", "R 1%"),
            ("é>b", "é&gt;b"),
            ("<a b=\"c\">&amp;]]>", "&lt;a b=\"c\"&gt;&amp;amp;]]&gt;"),
            ("\u{0}\u{1f}\u{7f}\u{85}", "_x0000__x001F_\u{7f}\u{85}"),
            ("a\tb\nc\r\nd\r", "a\tb\nc_x000D_\nd_x000D_"),
            ("\u{fffe}\u{ffff}\u{fffd}\u{feff}", "_xFFFE__xFFFF_\u{fffd}\u{feff}"),
            ("\u{ff5e}\u{1f600}", "\u{ff5e}\u{1f600}"),
        ] {
            assert_eq!(pushed(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_looks_like_an_escape_is_none_afterwards() {
        for (text, expected) in [
            ("_x0041_", "_x005F_x0041_"),
            ("_x00aF_", "_x005F_x00aF_"),
            ("_x0041", "_x0041"),
            ("_X0041_", "_X0041_"),
            ("_x004_", "_x004_"),
            ("_x004g_", "_x004g_"),
            ("_", "_"),
            ("_x", "_x"),
            ("__x0000__", "__x005F_x0000__"),
            // The end of one is the beginning of the next.
            ("_x0041_x0042_", "_x005F_x0041_x005F_x0042_"),
            ("_x0041_x0042", "_x005F_x0041_x0042"),
            // The escape that follows would end this one.
            ("_x0041\u{1}", "_x005F_x0041_x0001_"),
            ("_x0041\r", "_x005F_x0041_x000D_"),
            ("_x0041\u{ffff}", "_x005F_x0041_xFFFF_"),
            ("_x0041\n", "_x0041\n"),
            ("\u{1}x0041_", "_x0001_x0041_"),
        ] {
            assert_eq!(pushed(text), expected, "{text:?}");
        }
    }

    #[test]
    fn quotes_and_spaces_at_the_ends_are_seen() {
        assert_eq!(quoted("a\"b'<_x0041_"), "a&quot;b'&lt;_x005F_x0041_");
        for text in [" a", "a ", "\ta", "a\n", " "] {
            assert!(is_trimmed(text), "{text:?}");
        }
        for text in ["", "a b", "a\r", "\u{a0}a"] {
            assert!(!is_trimmed(text), "{text:?}");
        }
    }
}
