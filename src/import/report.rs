//! The report of an import.

use serde::Serialize;

use super::{
    listing::ListExcerpt,
    location::DocumentLocation,
    problem::{AdministratorChange, Change, ChangedRecord, Conversion, DanglingReference, Problem},
};
use crate::model::Kind;

/// The outcome of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// All records are imported.
    Imported,
    /// All records but the rejected ones are imported.
    ImportedInPart,
    /// Nothing was changed, because of the problems.
    Rejected,
    /// Nothing was changed, because it was a dry run.
    DryRun,
}

/// The report of an import, or of a dry run. `S` describes what was imported.
#[derive(Clone, Debug, Serialize)]
pub struct ImportReport<S> {
    pub outcome: ImportOutcome,
    /// One sentence for a person.
    pub summary: String,
    #[serde(flatten)]
    pub source: S,
    pub types: Vec<KindReport>,
    /// Problems, with their locations.
    pub problems: ListExcerpt<Problem, DocumentLocation>,
    /// References in lists of imported records that have no target. They were removed.
    pub dangling: ListExcerpt<DanglingReference, DocumentLocation>,
    /// References to removed records, which were removed from the lists of other records.
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
    pub warnings: Vec<String>,
    pub milliseconds: Milliseconds,
    /// The id of the full report, which holds every entry of every list; `None` if it was not kept.
    /// A client gets a link instead.
    #[serde(skip)]
    pub report_id: Option<String>,
}

/// The numbers of records of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KindReport {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub removed: u64,
    /// Not imported, but changed by the import: lists that lost a reference, pools.
    pub adjusted: u64,
    pub rejected: u64,
    /// In the inventory after the import.
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

/// How long each step took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Milliseconds {
    pub decode: u64,
    pub plan: u64,
    pub apply: u64,
    /// The members of pools. They are searched during the third step, which counts that time.
    pub recompute: u64,
    pub total: u64,
}
