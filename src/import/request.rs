//! The options of an import.

use super::{
    merging::{Merging, PrincipalRecord},
    one_change::SmallImport,
};
use crate::{model::Kind, store::Origin};

/// The options of an import.
pub struct ImportOptions<'a> {
    /// The noun for the source in messages: "project" or "workbook".
    pub what: &'static str,
    /// The imported kinds, the one with most work first.
    pub kinds: &'a [Kind],
    /// The kinds that are emptied in the same step.
    pub emptying: Emptying,
    /// Whether to empty a kind without importing a record of it.
    pub empty_replacement: EmptyReplacement,
    /// Whether to skip rejected records.
    pub on_error: OnError,
    /// Whether to apply the import.
    pub mode: Mode,
    /// Which imports are written as one change instead of a new generation.
    pub small: SmallImport,
    /// The user who makes the import, and the request. The import does not lock this user out.
    pub origin: &'a Origin,
    /// How an incoming record is combined with the existing one of its name, unless its kind is emptied.
    pub merging: Merging,
    /// The treatment of the user of the origin, if the import empties the users and does not contain this one.
    pub principal_record: PrincipalRecord,
    /// Returns whether a custom property of an existing record is kept although its kind is emptied and
    /// the incoming record does not have it: the source cannot contain such properties. Such a source does
    /// not tell defaults from absent properties either, so existing defaults are kept too. `None` if the
    /// source can contain all.
    pub kept_by_replacement: Option<fn(Kind, &str) -> bool>,
}

/// The reaction to rejected records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The import changes nothing.
    Fail,
    /// The import applies the valid records.
    Skip,
}

/// The reaction if an import would empty a kind without importing a record of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyReplacement {
    /// The import changes nothing, because the records were probably not recognised.
    Refused,
    /// The import empties the kind.
    Allowed,
}

/// The kinds that an import empties in the same step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptying {
    /// No kind. Records that are not imported stay.
    Nothing,
    /// The kinds that have a document or a sheet. The others keep their records.
    Present,
    /// All kinds that the import lists, also those without a document or a sheet.
    Listed,
}

/// Tells whether an import is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The import changes the inventory.
    Apply,
    /// The import only reports the changes (a dry run).
    DryRun,
}
