//! Texts as host names and as identifiers.

use unicode_normalization::UnicodeNormalization;

/// The longest label of a host name, in bytes (RFC 1035, section 2.3.4).
pub(super) const LABEL_BYTES_MAX: usize = 63;

/// Returns a text as one label of a host name (RFC 1123, section 2.1): decomposed, in lower case,
/// with `-` in place of other characters than `a` to `z` and `0` to `9`, and at most 63 bytes. Empty
/// if the text has none of these characters.
pub fn slug(text: &str) -> String {
    let mut slug = words(text, '-');
    slug.truncate(LABEL_BYTES_MAX);
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// Returns a text as an identifier: as a slug, with `_` in place of other characters, and without a
/// limit.
pub(super) fn identifier(text: &str) -> String {
    words(text, '_')
}

/// Returns the letters and digits of a text, with one separator between others.
fn words(text: &str, separator: char) -> String {
    let mut words = String::with_capacity(text.len());
    if text.is_ascii() {
        push_words(&mut words, text.chars(), separator);
    } else {
        // A mark is a part of the letter before it: é is e, not e-.
        let letters = text.nfkd().filter(|c| !unicode_normalization::char::is_combining_mark(*c));
        push_words(&mut words, letters, separator);
    }
    words.truncate(words.trim_end_matches(separator).len());
    words
}

fn push_words(words: &mut String, letters: impl Iterator<Item = char>, separator: char) {
    for letter in letters.flat_map(char::to_lowercase) {
        if letter.is_ascii_lowercase() || letter.is_ascii_digit() {
            words.push(letter);
        } else if !words.is_empty() && !words.ends_with(separator) {
            words.push(separator);
        }
    }
}

/// Returns a label with a number behind it, within the limit of a label.
pub(super) fn numbered(label: &str, number: u32) -> String {
    let suffix = format!("-{number}");
    let kept = label.len().min(LABEL_BYTES_MAX - suffix.len());
    let kept = label[..kept].trim_end_matches('-');
    format!("{kept}{suffix}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_become_labels() {
        for (name, label) in [
            ("Lisbon core 1", "lisbon-core-1"),
            ("100% é [spare] R1 -> R2", "100-e-spare-r1-r2"),
            ("São Paulo", "sao-paulo"),
            ("Sa\u{303}o Paulo", "sao-paulo"),
            ("ﬁber ² İstanbul", "fiber-2-istanbul"),
            ("--a--", "a"),
            ("東京", ""),
            ("", ""),
        ] {
            assert_eq!(slug(name), label, "{name}");
        }
        assert_eq!(slug(&"a b".repeat(40)).len(), 63);
        assert_eq!(identifier("Lisbon core-1"), "lisbon_core_1");
        assert_eq!(numbered(&"a".repeat(63), 12), format!("{}-12", "a".repeat(60)));
        assert_eq!(numbered("a", 2), "a-2");
    }

    proptest! {
        #[test]
        fn a_label_has_only_its_characters(name: String, number: u32) {
            let label = slug(&name);
            let numbered = numbered(&label, number);
            for label in [label, numbered] {
                prop_assert!(label.len() <= LABEL_BYTES_MAX);
                prop_assert!(!label.ends_with('-'));
                let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                prop_assert!(label.chars().all(valid), "{}", label);
            }
        }
    }
}
