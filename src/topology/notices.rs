//! Notices: findings of many cells that are told in one sentence each.

use std::collections::BTreeMap;

use crate::wording::counted;

/// The number of cells that a sentence names.
const NAMED_MAX: usize = 3;

/// The number of different findings of one sort in a report. Further ones are counted together.
const FINDINGS_MAX: usize = 20;

/// The number of occurrences of a finding, and the first locations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    count: u64,
    first: Vec<String>,
}

impl Tally {
    /// Counts a cell or row. `place` is called for the first ones only.
    pub(super) fn add(&mut self, place: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < NAMED_MAX {
            self.first.push(place());
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The first places, and the number of further ones.
    pub(super) fn places(&self) -> String {
        let mut places = self.first.join(", ");
        let further = self.count - self.first.len() as u64;
        if further > 0 {
            places += &format!(" and {further} more");
        }
        places
    }
}

/// Findings by their subject, each with its places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tallies {
    by_subject: BTreeMap<String, Tally>,
    others: u64,
}

impl Tallies {
    /// Counts a place of a finding.
    pub(super) fn add(&mut self, subject: &str, place: impl FnOnce() -> String) {
        if let Some(tally) = self.by_subject.get_mut(subject) {
            tally.add(place);
        } else if self.by_subject.len() < FINDINGS_MAX {
            self.by_subject.entry(subject.to_owned()).or_default().add(place);
        } else {
            self.others += 1;
        }
    }

    /// A sentence for each finding.
    pub(super) fn sentences(&self, sentence: impl Fn(&str, &Tally) -> String) -> Vec<String> {
        let mut sentences: Vec<String> =
            self.by_subject.iter().map(|(subject, tally)| sentence(subject, tally)).collect();
        if let Some(last) = sentences.last_mut()
            && self.others > 0
        {
            *last += &format!(". {} of this sort", counted(self.others, "further finding"));
        }
        sentences
    }
}
