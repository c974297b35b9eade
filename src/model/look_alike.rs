//! Names that look alike: a person takes them for one name, and a computer for two.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// The difference between two names that look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Only in upper and lower case.
    Case,
    /// Only in white space: its kind, or how much of it there is.
    Blanks,
    /// Only in how accents are encoded: as a part of a letter (NFC), or as a character of their own
    /// (NFD).
    Accents,
    /// Only in the kind of a dash, or in characters that are not visible.
    Characters,
    /// Only in letters of other alphabets, or of another width, that look the same.
    Letters,
    /// In several of these.
    Several,
}

/// Returns the common form of all names that look like this one: in lower case, with composed
/// characters of plain width (NFKC), with one space for each run of white space, with `-` for each dash,
/// with Latin letters for the letters of other alphabets that look like them, and without invisible
/// characters.
pub fn look_alike_key(name: &str) -> String {
    if name.is_ascii() {
        return with_single_spaces(&name.to_ascii_lowercase());
    }
    let composed: String = name.nfkc().collect();
    let folded = without_case(&with_plain_characters(&composed));
    with_single_spaces(&folded.chars().map(latin_look_alike).collect::<String>())
}

/// Returns the small Latin letter that looks like this small letter of another alphabet, or whose capital
/// letter looks like the capital letter; the letter itself if there is none.
///
/// The source is `confusables.txt` of Unicode Technical Standard 39, without the rare alphabets.
fn latin_look_alike(letter: char) -> char {
    match letter {
        // Cyrillic.
        'а' => 'a',
        'в' => 'b',
        'с' => 'c',
        'ԁ' => 'd',
        'е' => 'e',
        'н' | 'һ' => 'h',
        'і' => 'i',
        'ј' => 'j',
        'к' => 'k',
        'ӏ' => 'l',
        'м' => 'm',
        'о' => 'o',
        'р' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'т' => 't',
        'ѵ' => 'v',
        'ԝ' => 'w',
        'х' => 'x',
        'у' => 'y',
        // Greek.
        'α' => 'a',
        'β' => 'b',
        'ε' => 'e',
        'η' => 'h',
        'ι' => 'i',
        'κ' => 'k',
        'μ' => 'm',
        'ν' => 'v',
        'ο' => 'o',
        'ρ' => 'p',
        'τ' => 't',
        'υ' => 'u',
        'χ' => 'x',
        'ζ' => 'z',
        // Armenian.
        'ց' => 'g',
        'հ' => 'h',
        'ո' => 'n',
        'օ' => 'o',
        'ս' => 'u',
        // Latin letters of other shapes.
        'ɑ' => 'a',
        'ɡ' => 'g',
        'ı' => 'i',
        other => other,
    }
}

/// Returns whether a character is a letter of an alphabet with letters that look like Latin ones: Greek,
/// Cyrillic, Armenian or Cherokee.
pub fn is_of_similar_alphabet(character: char) -> bool {
    character.is_alphabetic()
        && matches!(
            character,
            '\u{370}'..='\u{3ff}'
                | '\u{400}'..='\u{52f}'
                | '\u{530}'..='\u{58f}'
                | '\u{13a0}'..='\u{13ff}'
                | '\u{1c80}'..='\u{1c8f}'
                | '\u{1f00}'..='\u{1fff}'
                | '\u{2de0}'..='\u{2dff}'
                | '\u{a640}'..='\u{a69f}'
                | '\u{ab70}'..='\u{abbf}'
        )
}

/// Returns whether a character is a Latin letter.
pub fn is_latin(character: char) -> bool {
    character.is_alphabetic()
        && matches!(
            character,
            '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{ff21}'..='\u{ff5a}'
        )
}

/// Returns the other frequent spellings of a name that look like it: in lower case, in upper case,
/// with a capital first letter, in both encodings of accents, with plain characters, and all of these
/// together. They can be looked up
/// where the existing names are too many to compare each of them.
pub fn frequent_spellings(name: &str) -> Vec<String> {
    let composed = nfc(name);
    let key = look_alike_key(name);
    let mut spellings = vec![
        with_capital(&key),
        key.to_uppercase(),
        key,
        with_capital(&composed.to_lowercase()),
        composed.to_lowercase(),
        composed.to_uppercase(),
        name.nfd().collect(),
        with_single_spaces(&with_plain_characters(&composed)),
        composed,
    ];
    spellings.sort_unstable();
    spellings.dedup();
    spellings.retain(|spelling| spelling != name);
    spellings
}

/// Returns the difference between two names. `None` if they are equal or do not look alike.
pub fn difference(one: &str, other: &str) -> Option<Difference> {
    if one == other || look_alike_key(one) != look_alike_key(other) {
        None
    } else if one.nfc().eq(other.nfc()) {
        Some(Difference::Accents)
    } else if without_case(one) == without_case(other) {
        Some(Difference::Case)
    } else if with_single_spaces(one) == with_single_spaces(other) {
        Some(Difference::Blanks)
    } else if with_plain_characters(one) == with_plain_characters(other) {
        Some(Difference::Characters)
    } else if with_latin_letters(one) == with_latin_letters(other) {
        Some(Difference::Letters)
    } else {
        Some(Difference::Several)
    }
}

fn with_capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
}

fn nfc(text: &str) -> String {
    text.nfc().collect()
}

/// Replaces the letters that look like Latin ones, and keeps upper and lower case.
fn with_latin_letters(text: &str) -> String {
    let replaced = |letter: char| {
        let is_capital = letter.is_uppercase();
        let latin = letter.to_lowercase().map(latin_look_alike);
        latin.flat_map(move |latin| {
            let capital = is_capital.then(|| latin.to_uppercase());
            let small = (!is_capital).then_some(latin);
            capital.into_iter().flatten().chain(small)
        })
    };
    text.nfkc().flat_map(replaced).collect()
}

/// Folds upper and lower case. Upper case comes first, because it makes one form of `ß` and `SS`, and
/// of both small sigmas.
fn without_case(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

fn with_single_spaces(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// Replaces each dash by `-`, and removes invisible characters: they come from web pages and word
/// processors.
fn with_plain_characters(text: &str) -> String {
    let plain = |character| match character {
        // Hyphens, dashes and the minus sign.
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}' => Some('-'),
        // The soft hyphen, characters of no width, marks of the direction, and the byte order mark.
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}' => {
            None
        }
        other => Some(other),
    };
    text.chars().filter_map(plain).collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Case => "in upper and lower case",
            Self::Blanks => "in white space",
            Self::Accents => "in the encoding of accents (NFC and NFD)",
            Self::Characters => "in the kind of a dash, or in invisible characters",
            Self::Letters => "in letters of other alphabets that look the same",
            Self::Several => {
                "in case, white space, dashes, letters that look the same, invisible characters or the \
                 encoding of accents"
            }
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
            ("Straße", "STRASSE", Difference::Case),
            ("ΟΔΟΣ", "οδος", Difference::Case),
            ("R 1", "R\u{a0}1", Difference::Blanks),
            ("R1", "R1 ", Difference::Blanks),
            ("R  1", "R 1", Difference::Blanks),
            ("Z\u{fc}rich", "Zu\u{308}rich", Difference::Accents),
            ("R4", "R4\u{200b}", Difference::Characters),
            ("R-1", "R\u{2010}1", Difference::Characters),
            ("R\u{2013}1", "R\u{2212}1", Difference::Characters),
            ("Z\u{fc}rich", "zu\u{308}rich ", Difference::Several),
            ("R-1", "r\u{2010}1", Difference::Several),
            // Cyrillic, Greek, and wide letters.
            ("admin", "аdmin", Difference::Letters),
            ("POC", "РОС", Difference::Letters),
            ("admin", "ａｄｍｉｎ", Difference::Letters),
            ("admin", "Аdmin", Difference::Several),
            ("вася", "Вася", Difference::Case),
        ] {
            assert_eq!(difference(one, other), Some(expected), "{one:?} {other:?}");
            assert_eq!(difference(other, one), Some(expected), "{one:?} {other:?}");
        }
        for (one, other) in
            [("R1", "R1"), ("R1", "R2"), ("R1", "R 1"), ("é", "e"), ("R-1", "R1"), ("ж", "x")]
        {
            assert_eq!(difference(one, other), None, "{one:?} {other:?}");
        }
    }

    #[test]
    fn frequent_spellings_look_like_the_name() {
        for (name, expected) in [
            ("R 1%", "r 1%"),
            ("r1", "R1"),
            ("CORE R1", "Core r1"),
            ("Z\u{fc}rich", "Zu\u{308}rich"),
            ("Zu\u{308}rich", "Z\u{fc}rich"),
            ("Zu\u{308}rich", "Z\u{dc}RICH"),
            ("R\u{a0}\u{200b}1", "R 1"),
            ("R\u{2010}1", "R-1"),
            ("аdmin", "admin"),
        ] {
            let spellings = frequent_spellings(name);
            assert!(
                spellings.iter().any(|spelling| spelling == expected),
                "{name:?} {spellings:?}"
            );
            for spelling in spellings {
                assert!(difference(name, &spelling).is_some(), "{name:?} {spelling:?}");
            }
        }
        assert_eq!(frequent_spellings("10"), Vec::<String>::new());
    }
}
