//! The options of an import.

use crate::model::Kind;

/// What is imported, and how.
pub struct ImportOptions<'a> {
    /// What is imported, for sentences that begin with "The": "project".
    pub what: &'static str,
    /// The imported kinds, the one with most work first.
    pub kinds: &'a [Kind],
    /// Which of these kinds are emptied in the same step.
    pub emptying: Emptying,
    /// Whether to empty a kind without importing a record of it.
    pub empty_replacement: EmptyReplacement,
    /// Whether to skip rejected records.
    pub on_error: OnError,
    /// Whether to apply the import.
    pub mode: Mode,
    /// The name of the user who runs the import. The import does not lock this user out.
    pub principal: &'a str,
}

/// What an import does if some of the records are rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It changes nothing.
    Fail,
    /// It imports the valid records.
    Skip,
}

/// What an import does if it would empty a kind without importing a record of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyReplacement {
    /// It changes nothing, because the records were probably not recognised.
    Refused,
    /// It empties the kind.
    Allowed,
}

/// Which kinds an import empties in the same step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptying {
    /// No kind. Records that are not imported stay.
    Nothing,
    /// The kinds that have a document or a sheet. The others keep their records.
    Present,
    /// All kinds that the import lists, also those without a document or a sheet.
    Listed,
}

/// Whether an import is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It changes the inventory.
    Apply,
    /// It only reports what it would change.
    DryRun,
}
