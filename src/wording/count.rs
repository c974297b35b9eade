//! Singular and plural of nouns.

use std::borrow::Cow;

/// Formats a number with its noun: "1 record", "2 records".
pub fn counted(count: u64, noun: &str) -> String {
    format!("{count} {}", plural(count, noun))
}

/// The form of a noun after this number. `noun` is the singular, and its last word changes: "rejected
/// records", "index entries".
pub fn plural(count: u64, noun: &str) -> Cow<'_, str> {
    if count == 1 {
        return Cow::Borrowed(noun);
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| noun.ends_with(ending));
    let stem = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    Cow::Owned(match stem {
        Some(stem) => format!("{stem}ies"),
        None if ends(&["s", "x", "ch", "sh"]) => format!("{noun}es"),
        None => format!("{noun}s"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        for (count, noun, text) in [
            (0, "record", "0 records"),
            (1, "record", "1 record"),
            (2, "rejected record", "2 rejected records"),
            (1, "index entry", "1 index entry"),
            (3, "index entry", "3 index entries"),
            (2, "day", "2 days"),
            (2, "pass", "2 passes"),
            (2, "index", "2 indexes"),
        ] {
            assert_eq!(counted(count, noun), text);
        }
    }
}
