//! Names that look alike: a person takes them for one name, and a computer for two.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// The difference between two names that look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Only in upper and lower case.
    Case,
    /// Only in white space: its kind, or how much of it there is.
    Blanks,
    /// Only in how accents are encoded: as a part of a letter (NFC), or as a character of their own
    /// (NFD).
    Accents,
    /// In several of these.
    Several,
}

/// Returns the common form of all names that look like this one: in lower case, with composed
/// characters (NFC), and with one space for each run of white space.
pub fn look_alike_key(name: &str) -> String {
    if name.is_ascii() {
        return with_single_spaces(&name.to_ascii_lowercase());
    }
    let lower: String = name.nfc().flat_map(char::to_lowercase).nfc().collect();
    with_single_spaces(&lower)
}

/// Returns the difference between two names. `None` if they are equal or do not look alike.
pub fn difference(one: &str, other: &str) -> Option<Difference> {
    if one == other || look_alike_key(one) != look_alike_key(other) {
        None
    } else if one.to_lowercase() == other.to_lowercase() {
        Some(Difference::Case)
    } else if one.nfc().eq(other.nfc()) {
        Some(Difference::Accents)
    } else if with_single_spaces(one) == with_single_spaces(other) {
        Some(Difference::Blanks)
    } else {
        Some(Difference::Several)
    }
}

fn with_single_spaces(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Case => "in upper and lower case",
            Self::Blanks => "in white space",
            Self::Accents => "in the encoding of accents (NFC and NFD)",
            Self::Several => "in case, white space or the encoding of accents",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_have_one_key() {
        for (one, other, expected) in [
            ("R1", "r1", Difference::Case),
            ("ZÜRICH", "Zürich", Difference::Case),
            ("R 1", "R\u{a0}1", Difference::Blanks),
            ("R1", "R1 ", Difference::Blanks),
            ("R  1", "R 1", Difference::Blanks),
            ("Z\u{fc}rich", "Zu\u{308}rich", Difference::Accents),
            ("Z\u{fc}rich", "zu\u{308}rich ", Difference::Several),
        ] {
            assert_eq!(difference(one, other), Some(expected), "{one:?} {other:?}");
            assert_eq!(difference(other, one), Some(expected), "{one:?} {other:?}");
        }
        for (one, other) in [("R1", "R1"), ("R1", "R2"), ("R1", "R 1"), ("é", "e")] {
            assert_eq!(difference(one, other), None, "{one:?} {other:?}");
        }
    }
}
