//! Suggestions for misspelt words.

/// The longest word that gets a suggestion, in characters. No known word is longer, and the time
/// grows with the product of the lengths.
const WORD_CHARS_MAX: usize = 64;

/// The number of characters for each allowed edit of a suggestion. One edit is always allowed.
const CHARS_PER_EDIT: usize = 3;

/// Returns the known word with the fewest edits from `word`. `None` if every word needs too many
/// edits.
///
/// Case is ignored. An edit inserts, removes or replaces a character, or swaps two neighbours (the
/// optimal string alignment distance).
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> =
        word.chars().flat_map(char::to_lowercase).take(WORD_CHARS_MAX + 1).collect();
    if word.len() > WORD_CHARS_MAX {
        return None;
    }
    let edits_max = (word.len() / CHARS_PER_EDIT).max(1);
    known
        .into_iter()
        .map(|candidate| (edits(&word, candidate), candidate))
        .filter(|(edits, _)| *edits <= edits_max)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

fn edits(word: &[char], candidate: &str) -> usize {
    let other: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
    // Row `i` of the table holds the edits from the first `i` characters of `word` to the first
    // `j` of `other`; only the two rows above are ever needed.
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (i, &a) in word.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &b) in other.iter().enumerate() {
            let replaced = above[j] + usize::from(a != b);
            let mut least = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a == other[j - 1] && b == word[i - 1] {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [&str; 4] = ["device", "link", "workflow_edge", "user"];

    #[test]
    fn a_misspelt_word_finds_the_known_one() {
        for (slip, word) in [
            ("devices", "device"),
            ("Device", "device"),
            ("dveice", "device"),
            ("lnik", "link"),
            ("usr", "user"),
            ("workflow-edges", "workflow_edge"),
        ] {
            assert_eq!(nearest(slip, KINDS), Some(word), "{slip}");
        }
    }

    #[test]
    fn an_unrelated_word_finds_none() {
        for word in ["", "pool", "xy", &"device".repeat(1000)] {
            assert_eq!(nearest(word, KINDS), None, "{word}");
        }
    }
}
