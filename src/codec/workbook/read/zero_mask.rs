//! Number formats that fill a number with zeros, such as `00000` or `000-000`. People use them for
//! identifiers, so that the text that the cell shows is the value.

use std::borrow::Cow;

use super::super::cell::Cell;

/// Stands before the text that a cell shows, in a workbook with corrected cells. No spreadsheet
/// program writes noncharacters.
pub(super) const SHOWN: &str = "\u{FFFF}\u{FFFD}";

/// The smallest number of digits of a format that fills with zeros.
const DIGITS_MIN: usize = 2;

/// The largest number of digits. Excel keeps fifteen digits of a number.
const DIGITS_MAX: usize = 15;

/// A number format of zeros and of characters that are shown as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ZeroMask {
    parts: Vec<Part>,
    /// True if another section of the format is for zero.
    has_zero_section: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Digit,
    Literal(char),
}

impl ZeroMask {
    /// Parses a format string (ECMA-376, part 1, 18.8.31). `None` if its first section has anything but
    /// zeros and literal characters, or fewer than two zeros.
    pub(super) fn of(format: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut has_zero_section = false;
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            match character {
                '0' => parts.push(Part::Digit),
                '"' => {
                    let quoted = characters.by_ref().take_while(|c| *c != '"');
                    parts.extend(quoted.map(Part::Literal));
                }
                '\\' => parts.push(Part::Literal(characters.next()?)),
                ' ' | '-' | '(' | ')' | '+' => parts.push(Part::Literal(character)),
                '[' => {
                    let inner: String = characters.by_ref().take_while(|c| *c != ']').collect();
                    // A condition selects the section, and `$` begins a currency.
                    let is_color = inner.bytes().all(|byte| byte.is_ascii_alphabetic());
                    if !is_color || matches!(inner.as_str(), "h" | "H" | "m" | "M" | "s" | "S") {
                        return None;
                    }
                }
                // The other sections are for negative numbers, and for zero.
                ';' => {
                    has_zero_section = characters.as_str().contains(';');
                    break;
                }
                _ => return None,
            }
        }
        let digits = parts.iter().filter(|part| **part == Part::Digit).count();
        (DIGITS_MIN..=DIGITS_MAX).contains(&digits).then_some(Self { parts, has_zero_section })
    }

    /// The text that a cell with a number shows. `None` for a negative number or one with a fraction,
    /// which can have a section of its own or lose digits.
    pub(super) fn shown(&self, number: f64) -> Option<String> {
        if !is_countable(number) || number == 0.0 && self.has_zero_section {
            return None;
        }
        let places = self.parts.iter().filter(|part| **part == Part::Digit).count();
        let digits = format!("{:0places$}", number as i64);
        // Digits without a zero of their own stand before the first one.
        let mut further = digits.len() - places;
        let mut digits = digits.chars();
        let mut shown = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(character) => shown.push(*character),
                Part::Digit => {
                    shown.extend(digits.by_ref().take(further + 1));
                    further = 0;
                }
            }
        }
        Some(shown)
    }

    /// The text of a cell with a number in a corrected workbook.
    pub(super) fn marked(&self, number: f64) -> Option<String> {
        Some(format!("{SHOWN}{}", self.shown(number)?))
    }
}

/// Returns the text of a cell without the mark, if it is the text that a number shows.
pub(super) fn shown_text<'a>(cell: &Cell<'a>) -> Option<Cell<'a>> {
    let Cell::Text(text) = cell else { return None };
    match text {
        Cow::Borrowed(text) => text.strip_prefix(SHOWN).map(Cell::text),
        Cow::Owned(text) => text.strip_prefix(SHOWN).map(|text| Cell::text(text.to_owned())),
    }
}

/// Returns whether a number is an integer from 0, with at most fifteen digits.
fn is_countable(number: f64) -> bool {
    number.fract() == 0.0 && (0.0..1e15).contains(&number)
}

/// Returns whether a text shows this number filled with zeros, as a `.ods` contains both.
pub(super) fn is_filled(number: f64, shown: &str) -> bool {
    let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
    let is_separator = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '+');
    is_countable(number)
        && digits.len() >= DIGITS_MIN
        && digits.starts_with('0')
        && digits.parse() == Ok(number)
        && shown.chars().all(is_separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_of_zeros_shows_a_number_filled() {
        for (format, number, expected) in [
            ("00000", 42.0, Some("00042")),
            ("00000", 123_456.0, Some("123456")),
            ("00000", 0.0, Some("00000")),
            ("00000;-00000;\"none\"", 0.0, None),
            ("00000", -1.0, None),
            ("00000", 1.5, None),
            ("000-000", 42.0, Some("000-042")),
            ("000\\-000", 1_234_567.0, Some("1234-567")),
            ("\"SN \"0000", 7.0, Some("SN 0007")),
            ("[Red]000;-000", 7.0, Some("007")),
        ] {
            let mask = ZeroMask::of(format).unwrap();
            assert_eq!(mask.shown(number).as_deref(), expected, "{format} {number}");
        }
        for format in [
            "0",
            "General",
            "",
            "0.00",
            "#,##0",
            "00.0",
            "0%",
            "[>=100]000",
            "[$-407]00",
            "yyyy",
            "[h]00",
            "00:00",
            "@",
            "00E+00",
            "\"00\"",
        ] {
            assert_eq!(ZeroMask::of(format), None, "{format}");
        }
    }

    #[test]
    fn the_text_of_a_cell_shows_whether_its_number_is_filled() {
        for (number, shown) in [(42.0, "00042"), (42.0, "000-042"), (0.0, "000")] {
            assert!(is_filled(number, shown), "{number} {shown}");
        }
        for (number, shown) in
            [(42.0, "42"), (42.0, "042 %"), (42.0, "042,00"), (43.0, "0042"), (0.5, "05")]
        {
            assert!(!is_filled(number, shown), "{number} {shown}");
        }
    }
}
