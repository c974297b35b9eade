//! Reads entries, the newest first.

use super::{
    AuditError,
    entry::AuditEntry,
    filter::AuditFilter,
    segments::{AuditFolder, complete_lines},
};

/// The text that every line of one kind contains.
fn kind_member(word: &str) -> String {
    format!("\"event\":\"{word}\"")
}

/// A page of entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// The entries as they are stored, one line of JSON each, without line ends; the newest first.
    pub lines: Vec<String>,
}

/// Reads the entries that pass a filter. Damaged lines are left out: the verification reports them.
///
/// # Errors
/// [`AuditError::Read`].
pub fn read_page(folder: &AuditFolder, filter: &AuditFilter) -> Result<AuditPage, AuditError> {
    let mut page = AuditPage::default();
    let kind = filter.kind.map(|kind| kind_member(kind.as_str()));
    let kind = kind.as_deref();
    visit_newest_first(folder, filter.below, kind.as_slice(), |entry, line| {
        if filter.is_before(&entry) {
            return Visit::Stop;
        }
        if filter.matches(&entry, line) {
            page.lines.push(line.to_owned());
        }
        if page.lines.len() < filter.limit { Visit::Continue } else { Visit::Stop }
    })?;
    Ok(page)
}

/// Tells whether to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    Continue,
    Stop,
}

/// Calls `visit` with the undamaged entries, the newest first. Unless `containing` is empty, only lines with
/// one of these texts are parsed.
///
/// # Errors
/// [`AuditError::Read`].
pub(super) fn visit_newest_first(
    folder: &AuditFolder,
    below: Option<u64>,
    containing: &[&str],
    mut visit: impl FnMut(AuditEntry, &str) -> Visit,
) -> Result<(), AuditError> {
    let segments = folder.segments()?;
    let is_needed = |first: u64| below.is_none_or(|below| first < below);
    for segment in segments.iter().rev().filter(|segment| is_needed(segment.first)) {
        let text = segment.read()?;
        for line in complete_lines(&text).rev() {
            if !containing.is_empty() && !containing.iter().any(|text| line.contains(text)) {
                continue;
            }
            let Ok(entry) = AuditEntry::parse(line) else { continue };
            if visit(entry, line) == Visit::Stop {
                return Ok(());
            }
        }
    }
    Ok(())
}
