//! Selects entries.

use std::net::IpAddr;

use time::OffsetDateTime;

use super::{entry::AuditEntry, event::EventKind};

/// The filters of a list of entries. An entry must pass all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Events of this kind.
    pub kind: Option<EventKind>,
    /// Events of this user.
    pub user: Option<String>,
    /// Events from this address.
    pub address: Option<IpAddr>,
    /// Events at this time or later.
    pub since: Option<OffsetDateTime>,
    /// Events at this time or earlier.
    pub until: Option<OffsetDateTime>,
    /// Events with this text in one of their members, in any case of letters.
    pub text: Option<String>,
    /// Entries with smaller numbers: the next page.
    pub below: Option<u64>,
    /// The largest number of entries.
    pub limit: usize,
}

impl AuditFilter {
    /// Returns whether this entry and all earlier ones are too old.
    pub(super) fn is_before(&self, entry: &AuditEntry) -> bool {
        self.since.is_some_and(|since| entry.moment().is_some_and(|time| time < since))
    }

    /// Returns whether the entry passes. `line` is the entry in JSON.
    pub(super) fn matches(&self, entry: &AuditEntry, line: &str) -> bool {
        let event = &entry.event;
        self.below.is_none_or(|below| entry.number < below)
            && self.kind.is_none_or(|kind| event.kind == kind)
            && self.user.as_ref().is_none_or(|user| event.user.as_ref() == Some(user))
            && self.address.is_none_or(|address| event.address == Some(address))
            && self.until.is_none_or(|until| entry.moment().is_none_or(|time| time <= until))
            && self.text.as_ref().is_none_or(|text| contains(line, text))
    }
}

/// Returns whether a value in the line contains the text. In the line, quotes and backslashes of values
/// are escaped, and so they are in the text that is looked for.
fn contains(line: &str, text: &str) -> bool {
    let escaped = serde_json::to_string(&text.to_lowercase()).unwrap_or_default();
    let escaped = escaped.get(1..escaped.len() - 1).unwrap_or_default();
    // The hashes are no facts of the event, and short texts would be found in them.
    let end = line.rfind(",\"previous\":").unwrap_or(line.len());
    line[..end].to_lowercase().contains(escaped)
}
