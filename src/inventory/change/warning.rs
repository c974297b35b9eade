//! What a caller should know of objects that were taken. Equal warnings are grouped.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Kind, nearest};
use crate::wording::counted;

/// How many words of one request are compared with the known ones. A comparison takes some ten
/// microseconds, and a hostile body holds a million words.
const WORDS_COMPARED_MAX: usize = 1_000;

/// Something that was done otherwise than the caller may have meant it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::inventory) enum Warning {
    /// A property that Satchel does not know was kept, and one that it knows has nearly its name.
    Near { property: String, nearest: &'static str },
    /// What is worked out and shown was sent back.
    Shown { word: String },
    /// A list was said without names that it goes on showing, because they name the record.
    Held { property: &'static str },
    /// The members of a pool that is computed.
    Members { property: &'static str },
}

/// Warnings, and in how many objects there was cause for them.
#[derive(Default)]
pub(in crate::inventory) struct Warnings(BTreeMap<Warning, u64>);

impl Warnings {
    pub fn push(&mut self, warning: Warning) {
        *self.0.entry(warning).or_default() += 1;
    }

    /// A sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let objects = |count: u64| counted(count, "object");
        let sentence = |(warning, count): (&Warning, &u64)| match warning {
            Warning::Near { property, nearest } => format!(
                "'{property}' is a property of the site's own and was kept as it came (in {}); \
                 was '{nearest}' meant?",
                objects(*count)
            ),
            Warning::Shown { word } => format!(
                "'{word}' is worked out, not stored: it was passed over (in {})",
                objects(*count)
            ),
            Warning::Held { property } => format!(
                "'{property}' goes on showing those that name the record in lists of their own \
                 (in {}): it is to be taken out there",
                objects(*count)
            ),
            Warning::Members { property } => format!(
                "'{property}' was passed over (in {}): the members of a pool follow from its \
                 criteria unless 'manually_defined' is true",
                objects(*count)
            ),
        };
        self.0.iter().map(sentence).collect()
    }
}

/// The known properties that unknown words are near to, each word looked up once a request.
#[derive(Default)]
pub(in crate::inventory) struct Nearest(HashMap<String, Option<&'static str>>);

impl Nearest {
    /// The property of the kind that has nearly this name.
    pub fn of(&mut self, kind: Kind, word: &str) -> Option<&'static str> {
        if let Some(known) = self.0.get(word) {
            return *known;
        }
        if self.0.len() >= WORDS_COMPARED_MAX {
            return None;
        }
        let near = nearest(word, kind.properties().iter().map(|property| property.name));
        self.0.insert(word.to_owned(), near);
        near
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_warnings_are_one_sentence() {
        let mut warnings = Warnings::default();
        let near = Warning::Near { property: "ip_adress".to_owned(), nearest: "ip_address" };
        warnings.push(near.clone());
        warnings.push(Warning::Shown { word: "pools".to_owned() });
        warnings.push(near);
        let sentences = warnings.sentences();
        assert_eq!(sentences.len(), 2);
        assert!(sentences[0].contains("'ip_adress'") && sentences[0].contains("(in 2 objects)"));
        assert!(sentences[0].contains("was 'ip_address' meant?"));
        assert!(sentences[1].contains("'pools'") && sentences[1].contains("(in 1 object)"));
    }

    #[test]
    fn only_so_many_words_are_compared() {
        let mut nearest = Nearest::default();
        for number in 0..WORDS_COMPARED_MAX {
            assert_eq!(nearest.of(Kind::Device, &format!("é>b {number}")), None);
        }
        assert_eq!(nearest.of(Kind::Device, "vendr"), None);
        assert_eq!(Nearest::default().of(Kind::Device, "vendr"), Some("vendor"));
    }
}
