//! The changes in the audit log: each is linked by its number and its SHA-256, so that a later edit of the
//! history is visible.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;

use super::{Inventory, InventoryError};
use crate::{
    audit::{
        self, AuditFolder, ChangeLink, ChangeSource, Event, EventKind, MadeEarlier, SourceError,
    },
    store::{HistoryView, Origin, Store, StoreError},
    wording::hex,
};

/// The largest number of changes that are read at a time.
const CHANGES_MAX: usize = 1_000;

/// The largest number of entries for changes that are read at a time. Changes that follow each other and
/// have the same user, address and operation share an entry. If there are still more, they share one
/// entry without a user: a flood of changes must not fill the audit log, and the history names the users.
const LINKS_MAX: usize = 10;

/// The age of a change from which its entry says when it was made. Other entries are written within a second.
const LATE_AFTER: Duration = Duration::minutes(1);

/// Finds the changes that the audit log does not have yet.
pub struct HistoryLinks {
    store: Arc<Store>,
    versions: watch::Receiver<u64>,
    last: u64,
    /// The last change when this was made.
    first: u64,
}

/// A row of changes of one origin.
struct Row {
    first: u64,
    last: u64,
    count: u64,
    /// The times of the first and the last change.
    times: (OffsetDateTime, OffsetDateTime),
    origin: Option<Origin>,
}

impl Row {
    /// When the changes were made, if that is a while ago.
    fn made_earlier(&self, now: OffsetDateTime) -> Option<MadeEarlier> {
        is_late(self.times.1, now).then(|| MadeEarlier {
            first: audit::timestamp(self.times.0),
            last: audit::timestamp(self.times.1),
        })
    }
}

/// Returns whether an entry that is written now is late for a change of this time.
fn is_late(time: OffsetDateTime, now: OffsetDateTime) -> bool {
    now - time > LATE_AFTER
}

impl HistoryLinks {
    /// Reads the history of this store.
    pub fn new(store: Arc<Store>) -> Self {
        let versions = store.watch_version();
        let first = *versions.borrow();
        Self { versions, store, last: 0, first }
    }

    /// Returns rows of changes after the last one, up to a durable one.
    fn rows(
        &self,
        history: &HistoryView,
        durable: u64,
        now: OffsetDateTime,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows: Vec<Row> = Vec::new();
        for change in history.changes_after(self.last).take(CHANGES_MAX) {
            let change = change?;
            if change.number > durable {
                break;
            }
            let is_same = |origin: &Option<Origin>| {
                origin.as_ref().is_some_and(|origin| is_same(origin, &change.origin))
            };
            match rows.last_mut() {
                Some(row)
                    if is_same(&row.origin)
                        && is_late(row.times.1, now) == is_late(change.time, now) =>
                {
                    row.last = change.number;
                    row.times.1 = change.time;
                    row.count += 1;
                }
                _ => rows.push(Row {
                    first: change.number,
                    last: change.number,
                    count: 1,
                    times: (change.time, change.time),
                    origin: Some(change.origin),
                }),
            }
        }
        if rows.len() > LINKS_MAX
            && let (Some(first), Some(last)) = (rows.first(), rows.last())
        {
            let count = rows.iter().map(|row| row.count).sum();
            let times = (first.times.0, last.times.1);
            let (first, last) = (first.first, last.last);
            rows = vec![Row { first, last, count, times, origin: None }];
        }
        Ok(rows)
    }
}

/// Returns whether two changes share an entry.
fn is_same(a: &Origin, b: &Origin) -> bool {
    (&a.principal, a.address, &a.operation) == (&b.principal, b.address, &b.operation)
}

impl ChangeSource for HistoryLinks {
    fn begin(&mut self, after: u64) -> Result<Vec<Event>, SourceError> {
        let durable = *self.versions.borrow();
        if after <= durable {
            self.last = after;
            return Ok(Vec::new());
        }
        // The numbers of earlier changes can belong to others now.
        self.last = 0;
        let detail = format!(
            "the history ended with change {after} and ends with change {durable} now: the inventory was \
             recovered, or restored from a copy"
        );
        Ok(vec![Event::new(EventKind::Recovery).with_detail(detail)])
    }

    fn next(&mut self) -> Result<Vec<Event>, SourceError> {
        let durable = *self.versions.borrow();
        if durable <= self.last {
            return Ok(Vec::new());
        }
        let history = self.store.history()?;
        let mut events = Vec::new();
        let mut last = self.last;
        let now = OffsetDateTime::now_utc();
        for row in self.rows(&history, durable, now)? {
            let Some(sha256) = hash_of(&history, row.first, row.last)? else { continue };
            last = row.last;
            let changes = ChangeLink { first: row.first, last: row.last, sha256 };
            let mut event = Event::new(EventKind::Change);
            event.late = row.made_earlier(now);
            event.count = (row.count > 1).then_some(row.count);
            if let Some(origin) = row.origin {
                event.user = Some(origin.principal).filter(|name| !name.is_empty());
                event.address = origin.address;
                event.operation = Some(origin.operation);
                event.request = origin
                    .request
                    .filter(|_| row.count == 1)
                    .map(|request| format!("{request:016x}"));
            }
            events.push(Event { changes: Some(changes), ..event });
        }
        // The history can keep fewer changes than there were.
        self.last = if events.is_empty() { durable } else { last };
        Ok(events)
    }

    fn has_grown(&self) -> bool {
        *self.versions.borrow() > self.first
    }
}

/// Returns the SHA-256 of the stored changes from `first` to `last`. `None` if the history does not have
/// both.
fn hash_of(history: &HistoryView, first: u64, last: u64) -> Result<Option<String>, StoreError> {
    let mut hash = Sha256::new();
    let mut ends = [None, None];
    for change in history.changes_after(first.saturating_sub(1)) {
        let number = change?.number;
        if number > last {
            break;
        }
        if let Some(bytes) = history.encoded_change(number)? {
            hash.update(bytes);
            ends = [ends[0].or(Some(number)), Some(number)];
        }
    }
    Ok((ends == [Some(first), Some(last)]).then(|| hex(&hash.finalize())))
}

impl Inventory {
    /// The folder of the audit log.
    pub fn audit_folder(&self) -> AuditFolder {
        AuditFolder::in_data(self.0.store.directory().path())
    }

    /// Checks the audit log, and that the history has the changes that it names. Calls `report` with each
    /// finding.
    ///
    /// # Errors
    /// [`InventoryError::Audit`] if the log cannot be read; [`InventoryError::Store`] if the history cannot.
    pub(super) fn verify_audit(
        &self,
        mut report: impl FnMut(String),
    ) -> Result<(), InventoryError> {
        let found = audit::verify(&self.audit_folder())?;
        for finding in found.findings {
            report(format!("the audit log is damaged: {}", finding.detail));
        }
        let history = self.0.store.history()?;
        let Some(begin) = history.begin()? else { return Ok(()) };
        let durable = *self.watch_version().borrow();
        for link in found.links.into_values() {
            if link.first < begin.number || link.last > durable {
                continue;
            }
            let is_damage = match hash_of(&history, link.first, link.last) {
                Ok(hash) => hash.as_ref() != Some(&link.sha256),
                Err(error) if error.is_damage() => true,
                Err(error) => return Err(error.into()),
            };
            if is_damage {
                let ChangeLink { first, last, .. } = link;
                let changes = if first == last {
                    format!("change {first}")
                } else {
                    format!("one of the changes {first} to {last}")
                };
                report(format!(
                    "{changes} of the history is not the one that the audit log names: it was edited or \
                     removed"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_row_has_the_times_of_its_changes() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        let row = |age: Duration| Row {
            first: 1,
            last: 2,
            count: 2,
            times: (now - age - Duration::hours(1), now - age),
            origin: None,
        };
        assert_eq!(row(Duration::seconds(1)).made_earlier(now), None);
        let late = row(Duration::days(1)).made_earlier(now).unwrap();
        assert_eq!(
            (&*late.first, &*late.last),
            ("2024-10-02T23:00:00.000Z", "2024-10-03T00:00:00.000Z")
        );
    }
}
