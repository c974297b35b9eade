//! Changes for programs that follow the inventory: the oldest first, from a given change on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;

use super::{ChangeSummary, HistoryStart, RecordEffect};
use crate::{
    inventory::{Inventory, InventoryError},
    model::Kind,
    store::{ChangeCounts, Effect, HistoryChange, Touched},
};

/// The largest number of records of one change that are listed. A follower that needs the others reads
/// the change.
const RECORDS_MAX: usize = 100;

/// The largest number of changes of one page.
const PAGE_CHANGES_MAX: usize = 100;

/// The number of touched values that ends a page: about 100 KB of JSON, of which a slow client has three
/// in memory.
const PAGE_TOUCHED_MAX: usize = 1_000;

/// The number of changes that ends a page, also if the principal cannot read most of them: a page must
/// not read the whole history.
const PAGE_READ_MAX: usize = 1_000;

/// The changes after a given one, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "FollowedChanges")]
pub struct FollowedChanges {
    /// The changes, the oldest first; at most 100. Empty if there was none in time.
    pub changes: Vec<FollowedChange>,
    /// The value of `after` for the next request.
    pub last: u64,
    /// Whether there are further changes already.
    #[serde(skip)]
    pub has_more: bool,
    /// Whether the last change changed users or groups, or can have changed them, also if it is not
    /// shown. Then the principal can have other rights.
    #[serde(skip)]
    pub concerns_users: bool,
}

/// A change with the names of its records.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "FollowedChange")]
pub struct FollowedChange {
    /// The change.
    #[serde(flatten)]
    pub change: ChangeSummary,
    /// Whether `records` lists all records of the change.
    pub listed: Listed,
    /// The changed records, sorted by type and name; at most 100.
    pub records: Vec<FollowedRecord>,
    /// The number of changed records that are not listed. Absent if all are listed, and if their
    /// number is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub not_listed: Option<u64>,
}

/// Which records of a change are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Listed {
    /// All of them.
    All,
    /// The first ones.
    First,
    /// None, because the change replaced the whole inventory: an import, or the undo of one.
    None,
}

/// A record that a change changed.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "FollowedRecord")]
pub struct FollowedRecord {
    /// The kind of the record.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The name of the record.
    pub name: String,
    /// What happened to the record.
    pub effect: RecordEffect,
    /// The name before a rename.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub renamed_from: Option<String>,
    /// The name after a rename: the record does not exist under this name any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub renamed_to: Option<String>,
}

impl Inventory {
    /// The number of the last durable change, as a value that can be awaited.
    pub fn watch_version(&self) -> watch::Receiver<u64> {
        self.0.store.watch_version()
    }

    /// Returns the durable changes with greater numbers than `after` that the principal can read. A change
    /// of users or groups ends the page.
    ///
    /// # Errors
    /// - [`InventoryError::Missed`] if the history does not keep all of them.
    /// - [`InventoryError::AfterLast`] if `after` is greater than the number of the last change.
    /// - [`InventoryError::Store`] if the history cannot be read.
    pub fn changes_after(&self, after: u64) -> Result<FollowedChanges, InventoryError> {
        // First the number: the history that is read then has all changes up to it.
        let durable = *self.watch_version().borrow();
        if after > durable {
            return Err(InventoryError::AfterLast { after, last: durable });
        }
        let visible = self.visible_history()?;
        let history = &visible.history;
        let mut page = FollowedChanges {
            changes: Vec::new(),
            last: durable,
            has_more: false,
            concerns_users: false,
        };
        let (mut read, mut touched) = (0, 0);
        for change in history.changes_after(after) {
            let number = change?.number;
            if number > durable {
                break;
            }
            let Some(mut change) = history.change(number)? else { continue };
            read += 1;
            touched += change.touched.len();
            page.concerns_users = concerns_users(&change);
            if visible.retain(&mut change)? {
                page.changes.push(FollowedChange::of(&change));
            }
            // After a change of users, the rights of the principal must be read again.
            if page.changes.len() >= PAGE_CHANGES_MAX
                || touched >= PAGE_TOUCHED_MAX
                || read >= PAGE_READ_MAX
                || page.concerns_users
            {
                page.last = number;
                page.has_more = number < durable;
                break;
            }
        }
        // Read after the changes: the oldest changes can be removed meanwhile.
        let begin = history.begin()?;
        if after < durable && begin.is_none_or(|begin| begin.number > after + 1) {
            let begin = begin.map(HistoryStart::from);
            return Err(InventoryError::Missed { after, begin });
        }
        Ok(page)
    }
}

impl FollowedChange {
    fn of(change: &HistoryChange) -> Self {
        let mut records = BTreeMap::<(Kind, &str), FollowedRecord>::new();
        for touched in &change.touched {
            let (kind, name) = (touched.value.kind(), touched.value.name());
            let record = records.entry((kind, name)).or_insert_with(|| FollowedRecord {
                kind,
                name: name.to_owned(),
                effect: RecordEffect::Updated,
                renamed_from: None,
                renamed_to: None,
            });
            // A text alone updates its device.
            if let Touched::Record { .. } = touched.value {
                record.effect = RecordEffect::from(&touched.effect);
                match &touched.effect {
                    Effect::RenamedFrom(from) => record.renamed_from = Some(from.clone()),
                    Effect::RenamedTo(to) => record.renamed_to = Some(to.clone()),
                    Effect::Created | Effect::Updated | Effect::Removed => {}
                }
            }
        }
        let summary = ChangeSummary::of(change, 0);
        let (listed, not_listed) = if change.replaced.is_some() {
            let counts = summary.types.iter();
            let all: u64 = counts.map(|of| of.created + of.updated + of.removed).sum();
            (Listed::None, Some(all).filter(|all| *all > 0))
        } else if records.len() > RECORDS_MAX {
            (Listed::First, Some((records.len() - RECORDS_MAX) as u64))
        } else {
            (Listed::All, None)
        };
        let records = records.into_values().take(RECORDS_MAX).collect();
        Self { change: summary, listed, records, not_listed }
    }
}

/// Returns whether a change changed users or groups, or can have changed them.
fn concerns_users(change: &HistoryChange) -> bool {
    let is_changed = |kind: Kind| change.counts[kind] != ChangeCounts::default();
    change.replaced.is_some() || is_changed(Kind::User) || is_changed(Kind::Group)
}
