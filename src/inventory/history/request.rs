//! The filters of a list of changes.

use time::OffsetDateTime;

use crate::{
    model::Kind,
    store::{ChangeCounts, HistoryChange},
};

/// The filters of a list of changes. A change must pass all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryRequest {
    /// Changes of records of this kind.
    pub kind: Option<Kind>,
    /// Changes of records with this name.
    pub name: Option<String>,
    /// Changes of this user.
    pub principal: Option<String>,
    /// Changes by this operation.
    pub operation: Option<String>,
    /// Changes at this time or later.
    pub since: Option<OffsetDateTime>,
    /// Changes at this time or earlier.
    pub until: Option<OffsetDateTime>,
    /// Changes whose message, user, operation or records contain this text, in any case of letters.
    pub text: Option<String>,
    /// Changes with smaller numbers: the next page.
    pub below: Option<u64>,
    /// The largest number of changes.
    pub limit: usize,
}

impl HistoryRequest {
    /// The kinds whose records can match.
    pub(super) fn kinds(&self) -> &[Kind] {
        self.kind.as_ref().map_or(&Kind::ALL[..], std::slice::from_ref)
    }

    /// Returns whether this change and all earlier ones are too old.
    pub(super) fn is_before(&self, change: &HistoryChange) -> bool {
        self.since.is_some_and(|since| change.time < since)
    }

    /// Returns whether a change can match, by the facts of which no record is read.
    pub(super) fn may_match(&self, change: &HistoryChange) -> bool {
        let is_of = |filter: &Option<String>, word: &str| {
            filter.as_ref().is_none_or(|filter| filter == word)
        };
        is_of(&self.principal, &change.origin.principal)
            && is_of(&self.operation, &change.origin.operation)
            && self.until.is_none_or(|until| change.time <= until)
            && self.kind.is_none_or(|kind| change.counts[kind] != ChangeCounts::default())
    }

    /// Returns whether a change of these records matches.
    pub(super) fn matches(&self, change: &HistoryChange, names: &[&str]) -> bool {
        let Some(text) = &self.text else { return true };
        let text = text.to_lowercase();
        let contains = |word: &str| word.to_lowercase().contains(&text);
        change.origin.message.as_deref().is_some_and(contains)
            || contains(&change.origin.principal)
            || contains(&change.origin.operation)
            || names.iter().copied().any(contains)
    }
}
