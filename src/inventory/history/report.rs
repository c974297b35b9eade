//! Changes, as responses show them.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    import::PropertyChange,
    model::Kind,
    store::{ChangeCounts, Effect, HistoryBegin, HistoryChange, Replacement},
};

/// A page of changes, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// The first change that the history keeps; `None` if it is empty.
    pub begin: Option<HistoryStart>,
    /// The changes of the page.
    pub changes: Vec<ChangeSummary>,
}

/// The first change that the history keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryStart {
    /// The number of the change.
    pub number: u64,
    /// When it was made (RFC 3339).
    pub time: String,
}

impl From<HistoryBegin> for HistoryStart {
    fn from(begin: HistoryBegin) -> Self {
        Self { number: begin.number, time: rfc3339(begin.time) }
    }
}

/// A change of the inventory.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "HistoryChange")]
pub struct ChangeSummary {
    /// The number of the change. Numbers grow and are never used again.
    pub number: u64,
    /// When the change was made (RFC 3339, UTC).
    pub time: String,
    /// The user who made the change; empty if Satchel made it by itself.
    pub principal: String,
    /// The address of the client. Absent for changes without a request, and for users who are no
    /// administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub address: Option<IpAddr>,
    /// The operation that made the change, such as `put_instances` or `import_project`.
    pub operation: String,
    /// The id of the request, as in the response and the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The message of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The numbers of changed records of each type.
    pub types: Vec<KindChanges>,
    /// The generations, if an import, an undo or a recovery replaced the whole inventory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<GenerationChange>,
    /// The first changed records, in a list of changes. Absent if the response has the differences of the
    /// records. A change of the whole inventory has only the records with the name of the filter `name`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<ChangedName>,
    /// True if the changed records are not known: the change replaced the whole inventory, and the copy of
    /// the inventory from before it is no longer kept. In the list of a record or of a name, the change
    /// might have changed that record, unless `changed` is true. Absent otherwise, and in a list without the filter `name`.
    #[serde(skip_serializing_if = "is_false")]
    pub not_kept: bool,
    /// With `not_kept` in the list of a record or of a name: true if the change certainly changed that record.
    /// Absent otherwise.
    #[serde(skip_serializing_if = "is_false")]
    pub changed: bool,
}

/// The numbers of changed records of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct KindChanges {
    /// The kind of the records.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Records that are new.
    pub created: u64,
    /// Records that changed.
    pub updated: u64,
    /// Records that were deleted.
    pub removed: u64,
}

/// The generations before and after a change of the whole inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct GenerationChange {
    /// The number of the generation before. Absent if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// The number of the generation after.
    pub after: u64,
    /// How the generation was replaced.
    pub by: ReplacedBy,
}

/// How a generation was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplacedBy {
    /// By an import, or by an undo of an import that keeps what was changed since.
    Import,
    /// By the copy of the inventory from before an import, because the import was undone.
    Undo,
    /// By a recovery of a damaged inventory.
    Recovery,
}

/// The name of a changed record.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ChangedName {
    /// The kind of the record.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The name of the record.
    pub name: String,
}

/// A change with the differences of its records.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "HistoryChangeDetails")]
pub struct ChangeDetails {
    /// The change.
    #[serde(flatten)]
    pub change: ChangeSummary,
    /// The changed records with their differences, sorted by type and name; at most 10,000.
    pub records: Vec<ChangeRecord>,
    /// The position of the last record, if more follow: the value of `after` for the next part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// True in the history of a record if the change was of another record, which had the name before. Absent
    /// otherwise.
    #[serde(skip_serializing_if = "is_false")]
    pub other_record: bool,
}

/// A record that a change changed.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "HistoryRecord")]
pub struct ChangeRecord {
    /// The kind of the record.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The name of the record.
    pub name: String,
    /// What happened to the record.
    pub effect: RecordEffect,
    /// The name before a rename.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// The name after a rename: the record does not exist under this name any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_to: Option<String>,
    /// The properties that differ.
    pub properties: Vec<ShownDifference>,
}

/// What happened to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordEffect {
    /// It is new.
    Created,
    /// It has other values or another name.
    Updated,
    /// It was deleted, or renamed to another name.
    Removed,
}

impl RecordEffect {
    /// The effect of taking this one back.
    pub(super) fn inverse(self) -> Self {
        match self {
            Self::Created => Self::Removed,
            Self::Updated => Self::Updated,
            Self::Removed => Self::Created,
        }
    }
}

impl From<&Effect> for RecordEffect {
    fn from(effect: &Effect) -> Self {
        match effect {
            Effect::Created => Self::Created,
            Effect::Updated | Effect::RenamedFrom(_) => Self::Updated,
            Effect::Removed | Effect::RenamedTo(_) => Self::Removed,
        }
    }
}

/// The values of a property before and after a change. Both are absent for a secret and for a long
/// text. A created record has the values after the change, and a deleted one those before it, except
/// those of a new record without properties.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "HistoryDifference")]
pub struct ShownDifference {
    /// The property with its values.
    #[serde(flatten)]
    pub change: PropertyChange,
    /// Whether the property is a secret: it changed, and its values are not shown.
    #[serde(rename = "secret", skip_serializing_if = "is_false")]
    pub is_secret: bool,
    /// Whether the property is a long text: it changed, and its values are not shown.
    #[serde(rename = "text", skip_serializing_if = "is_false")]
    pub is_text: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl From<PropertyChange> for ShownDifference {
    fn from(change: PropertyChange) -> Self {
        Self { change, is_secret: false, is_text: false }
    }
}

impl ShownDifference {
    /// A changed long text.
    pub(super) fn of_text(property: &str) -> Self {
        let property = property.to_owned();
        let change = PropertyChange { property, before: None, after: None };
        Self { change, is_secret: false, is_text: true }
    }
}

impl ChangeDetails {
    /// A change with all its records.
    pub(super) fn of(change: ChangeSummary, records: Vec<ChangeRecord>) -> Self {
        Self { change, records, next: None, other_record: false }
    }
}

impl ChangeRecord {
    /// A record that exists before and after the change, without differences.
    pub(super) fn updated(kind: Kind, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            effect: RecordEffect::Updated,
            renamed_from: None,
            renamed_to: None,
            properties: Vec::new(),
        }
    }
}

impl ChangeSummary {
    /// Returns a change with at most this number of its records.
    pub(super) fn of(change: &HistoryChange, names_max: usize) -> Self {
        let origin = &change.origin;
        let counts = change.counts.iter();
        let counts = counts.filter(|(_, counts)| **counts != ChangeCounts::default());
        let types = counts.map(|(kind, counts)| {
            let ChangeCounts { created, updated, removed } = *counts;
            KindChanges { kind, created, updated, removed }
        });
        let generation = change.replaced.map(|replaced| GenerationChange {
            before: replaced.before,
            after: replaced.after,
            by: match replaced.by {
                Replacement::Load => ReplacedBy::Import,
                Replacement::Undo => ReplacedBy::Undo,
                Replacement::Recovery => ReplacedBy::Recovery,
            },
        });
        let mut names: Vec<ChangedName> = Vec::new();
        for touched in &change.touched {
            let (kind, name) = (touched.value.kind(), touched.value.name());
            let is_listed = |listed: &ChangedName| listed.kind == kind && listed.name == name;
            if names.len() < names_max && !names.iter().any(is_listed) {
                names.push(ChangedName { kind, name: name.to_owned() });
            }
        }
        Self {
            number: change.number,
            time: rfc3339(change.time),
            principal: origin.principal.clone(),
            address: origin.address,
            operation: origin.operation.clone(),
            request: origin.request.map(|request| format!("{request:016x}")),
            message: origin.message.clone(),
            types: types.collect(),
            generation,
            names,
            not_kept: false,
            changed: false,
        }
    }
}

/// A time as responses show it.
pub(super) fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}
