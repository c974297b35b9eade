//! The report of an import.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    listing::ListExcerpt,
    location::DocumentLocation,
    problem::{AdministratorChange, Change, ChangedRecord, Conversion, DanglingReference, Problem},
};
use crate::model::Kind;

/// The outcome of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// All records are imported.
    Imported,
    /// All records except the rejected ones are imported.
    ImportedInPart,
    /// Nothing was changed, because of the problems.
    Rejected,
    /// Nothing was changed, because it was a dry run.
    DryRun,
}

/// The way in which an import is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Written {
    /// Nothing is written, because the import changes nothing or is rejected.
    Nothing,
    /// The changed records are written into the current inventory.
    OneChange,
    /// The whole inventory is written again, with the imported records. The copy from before it is kept for
    /// an undo.
    NewGeneration,
}

/// The report of an import, or of a dry run. `S` describes what was imported.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "{S}Report")]
pub struct ImportReport<S> {
    /// The outcome of the import.
    pub outcome: ImportOutcome,
    /// One sentence for a person.
    pub summary: String,
    /// The way in which the import was written, or would be written (dry run).
    pub written: Written,
    /// The name and form of the imported data.
    #[serde(flatten)]
    pub source: S,
    /// The numbers of records, one entry for each imported kind.
    pub types: Vec<KindReport>,
    /// Problems, with their locations.
    pub problems: ListExcerpt<Problem, DocumentLocation>,
    /// References in lists of imported records that have no target. They were removed.
    pub dangling: ListExcerpt<DanglingReference, DocumentLocation>,
    /// References to removed records, which were removed from the lists of other records.
    // `struck` is the frozen name in the API: clients read it.
    #[serde(rename = "struck")]
    pub removed_references: ListExcerpt<DanglingReference, DocumentLocation>,
    /// Properties whose values were converted to their type, without a change of meaning.
    pub converted: ListExcerpt<Conversion, DocumentLocation>,
    /// Administrators who are created or removed, gain or lose their rights, or get another
    /// password.
    pub administrators: ListExcerpt<AdministratorChange, DocumentLocation>,
    /// The changes that a dry run found; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<ListExcerpt<Change, ChangedRecord>>,
    /// Findings that do not prevent the import, as sentences.
    pub warnings: Vec<String>,
    /// The duration of each step.
    pub milliseconds: Milliseconds,
    /// The id of the full report, which holds every entry of every list; `None` if it was not kept.
    /// A client gets a link instead.
    #[serde(skip)]
    pub report_id: Option<String>,
}

/// The numbers of records of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct KindReport {
    /// The kind of the records.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Records that are new.
    pub created: u64,
    /// Records that existed and get new values.
    pub updated: u64,
    /// Imported records that are equal to the existing ones.
    pub unchanged: u64,
    /// Records that are deleted.
    pub removed: u64,
    /// Records that are not imported, but change: a list loses a reference, or a pool's members change.
    pub adjusted: u64,
    /// Imported records that are invalid and not applied.
    pub rejected: u64,
    /// Records in the inventory after the import.
    pub total: u64,
}

impl KindReport {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            created: 0,
            updated: 0,
            unchanged: 0,
            removed: 0,
            adjusted: 0,
            rejected: 0,
            total: 0,
        }
    }
}

/// The duration of each step, in milliseconds.
#[derive(Clone, Copy, Debug, Default, JsonSchema, Serialize)]
#[schemars(rename = "ImportMilliseconds")]
pub struct Milliseconds {
    /// The time to read and check the documents or sheets.
    pub decode: u64,
    /// The time to check the references and decide for each record.
    pub plan: u64,
    /// The time to write the records, or to compare them in a dry run.
    pub apply: u64,
    /// The time to write the members of pools. The search for them counts as `apply`.
    pub recompute: u64,
    /// The time of the whole import.
    pub total: u64,
}
