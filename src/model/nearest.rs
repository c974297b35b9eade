//! "Did you mean …?": the known word that is nearest to one that is not known.

/// The most edits between a word and its suggestion, for each three characters of the word.
const CHARACTERS_PER_EDIT: usize = 3;

/// Words longer than this get no suggestion: they are no slip of the finger, and comparing costs
/// the product of the lengths.
const WORD_CHARACTERS_MAX: usize = 64;

/// The one of `known` that is fewest edits away from `word` (insert, drop, change, or swap two
/// neighbours; case does not count), or none when all are far.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(WORD_CHARACTERS_MAX + 1).collect();
    if word.len() > WORD_CHARACTERS_MAX {
        return None;
    }
    known
        .into_iter()
        .map(|candidate| (edits(&word, &candidate.chars().collect::<Vec<_>>()), candidate))
        .filter(|(edits, candidate)| {
            let shorter = word.len().min(candidate.chars().count());
            *edits <= shorter.div_ceil(CHARACTERS_PER_EDIT).min(3)
        })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// The optimal string alignment distance.
fn edits(a: &[char], b: &[char]) -> usize {
    let same = |x: char, y: char| x.eq_ignore_ascii_case(&y);
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(!same(a[i - 1], b[j - 1]));
            row[j] = change.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]) {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let known = ["ip_address", "latitude", "vendor", "port"];
        assert_eq!(nearest("ip_adress", known), Some("ip_address"));
        assert_eq!(nearest("Vendro", known), Some("vendor"));
        assert_eq!(nearest("prot", known), Some("port"));
        assert_eq!(nearest("serial", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), known), None);
    }
}
