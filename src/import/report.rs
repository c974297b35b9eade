//! What an import did, as data.

use serde::Serialize;

use super::{
    administrators::AdministratorChange,
    listing::Shown,
    problem::{Change, ChangedRecord, Conversion, Dangling, Place, Problem},
};
use crate::model::Kind;

/// What became of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// What was imported is in the inventory, whole.
    Imported,
    /// What was imported is in the inventory, but for the rejected records.
    ImportedInPart,
    /// Nothing was changed, because of the problems.
    Rejected,
    /// Nothing was changed, because nothing was to be changed.
    DryRun,
}

/// What an import did, or would do. `S` is what was imported.
#[derive(Clone, Debug, Serialize)]
pub struct ImportReport<S> {
    pub outcome: ImportOutcome,
    /// One sentence for a person.
    pub summary: String,
    #[serde(flatten)]
    pub source: S,
    pub types: Vec<KindReport>,
    /// What is wrong, each with its place.
    pub problems: Shown<Problem, Place>,
    /// Names in lists of what came that name nothing. They were left out.
    pub dangling: Shown<Dangling, Place>,
    /// Names in lists of other records that named what was removed. They were struck.
    pub struck: Shown<Dangling, Place>,
    /// Properties whose values came in another type that says the same.
    pub converted: Shown<Conversion, Place>,
    /// The administrators that come, go, gain or lose their rights or get another password.
    pub administrators: Shown<AdministratorChange, Place>,
    /// What would change; of a dry run only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Shown<Change, ChangedRecord>>,
    pub warnings: Vec<String>,
    pub milliseconds: Milliseconds,
    /// The name of the whole report: every entry of every list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

/// What an import did to one kind, in records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KindReport {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub removed: u64,
    /// Not among what came, but changed with it: a list that named what was removed, a pool.
    pub adjusted: u64,
    pub rejected: u64,
    /// In the inventory now, or after a dry run's import.
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

/// How long each step took.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Milliseconds {
    pub decode: u64,
    pub plan: u64,
    pub apply: u64,
    /// The pools, whose members are found along with the third step.
    pub recompute: u64,
    pub total: u64,
}
