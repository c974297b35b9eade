//! Full-text search in the pages. The script `assets/site/search.js` implements the same search in
//! the browser, on the same index.

use std::cmp::Reverse;
use std::sync::LazyLock;

use super::site::{asset, file};

/// The number of hits that a search returns at most.
const HITS_MAX: usize = 30;

/// The number of words of a search that are used. Each word is searched for in every section.
const WORDS_MAX: usize = 8;

/// The length of an excerpt before and after the word, in characters.
const BEFORE_CHARS: usize = 50;
const BEHIND_CHARS: usize = 130;

/// The weight of a word in a heading, in a title and in the text.
const IN_HEADING: usize = 12;
const IN_TITLE: usize = 6;
const IN_TEXT: usize = 1;

/// The text before and after the index in its file.
const AROUND: (&str, &str) = ("const SATCHEL_INDEX=", ";\n");

/// Page, title, anchor, heading and text. Anchor and heading are empty for the section under the
/// page's title.
type Entry = (String, String, String, String, String);

static INDEX: LazyLock<Vec<Section>> = LazyLock::new(|| {
    let bytes = asset("index", "js").and_then(|name| file(&name)).map(|file| file.unpacked());
    let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
    let list = text.strip_prefix(AROUND.0).and_then(|text| text.strip_suffix(AROUND.1));
    let entries: Vec<Entry> = serde_json::from_str(list.unwrap_or("[]")).unwrap_or_default();
    entries.into_iter().map(Section::new).collect()
});

/// A section of a page, with lower-case copies of its texts.
struct Section {
    entry: Entry,
    title: String,
    heading: String,
    text: String,
}

impl Section {
    fn new(entry: Entry) -> Self {
        let (title, heading) = (entry.1.to_lowercase(), entry.3.to_lowercase());
        let text = entry.4.to_lowercase();
        Self { entry, title, heading, text }
    }

    /// Returns the weight of a word in this section, or `None` if the section does not contain it.
    fn weight(&self, word: &str) -> Option<usize> {
        let places = [(&self.heading, IN_HEADING), (&self.title, IN_TITLE), (&self.text, IN_TEXT)];
        let weight =
            places.iter().filter(|(text, _)| text.contains(word)).map(|(_, weight)| weight);
        Some(weight.sum()).filter(|sum| *sum > 0)
    }
}

/// A section that contains all words of a search.
#[derive(Debug, PartialEq, Eq)]
pub struct Hit {
    /// The page's name.
    pub page: String,
    /// The page's title.
    pub title: String,
    /// The section's anchor and heading; `None` for the section under the page's title.
    pub heading: Option<(String, String)>,
    /// The text around the first word.
    pub excerpt: String,
}

/// Returns the sections that contain all words, best match first. Ignores case, and matches parts
/// of words.
pub fn search(words: &str) -> Vec<Hit> {
    let words = words.to_lowercase();
    let words: Vec<&str> = words.split_whitespace().take(WORDS_MAX).collect();
    if words.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(Reverse<usize>, usize)> = INDEX
        .iter()
        .enumerate()
        .filter_map(|(index, section)| {
            let weights: Option<Vec<usize>> =
                words.iter().map(|word| section.weight(word)).collect();
            Some((Reverse(weights?.iter().sum()), index))
        })
        .collect();
    // Sections of the same weight stay in the order of the pages.
    found.sort_unstable();
    found.into_iter().take(HITS_MAX).map(|(_, index)| hit(&INDEX[index], words[0])).collect()
}

fn hit(section: &Section, word: &str) -> Hit {
    let (page, title, anchor, heading, text) = &section.entry;
    Hit {
        page: page.clone(),
        title: title.clone(),
        heading: (!anchor.is_empty()).then(|| (anchor.clone(), heading.clone())),
        excerpt: excerpt(text, &section.text, word),
    }
}

/// Returns the part of `text` around `word`. `lower` is the lower-case copy of `text`.
fn excerpt(text: &str, lower: &str, word: &str) -> String {
    let at = lower.find(word).map_or(0, |byte| lower[..byte].chars().count());
    let begin = at.saturating_sub(BEFORE_CHARS);
    let shown: String =
        text.chars().skip(begin).take(at - begin + word.chars().count() + BEHIND_CHARS).collect();
    let ends = begin + shown.chars().count() >= text.chars().count();
    format!("{}{}{}", if begin > 0 { "…" } else { "" }, shown.trim(), if ends { "" } else { "…" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_in_a_heading_ranks_first() {
        let hits = search("Dry RUN");
        assert!(!hits.is_empty());
        let first = hits[0].heading.as_ref().map(|(_, heading)| heading.to_lowercase());
        assert!(first.is_some_and(|heading| heading.contains("dry run")), "{:?}", hits[0]);
    }

    #[test]
    fn a_hit_contains_all_words() {
        assert!(!search("bundle").is_empty());
        assert_eq!(search("bundle qwertyuiop"), []);
        assert_eq!(search(" \t "), []);
    }

    #[test]
    fn an_excerpt_is_cut_between_characters() {
        let text = format!("{}needle{}", "é".repeat(100), "ß".repeat(300));
        let excerpt = excerpt(&text, &text.to_lowercase(), "needle");
        assert_eq!(excerpt, format!("…{}needle{}…", "é".repeat(50), "ß".repeat(130)));
    }
}
