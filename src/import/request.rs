//! What every import can be asked for.

/// What an import does with the good records beside rejected ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// Nothing is changed.
    Fail,
    /// The good ones are imported.
    Skip,
}

/// What an import does that empties a kind and brings no record of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyReplacement {
    /// Nothing is changed: the records were probably not recognised.
    Refused,
    /// The kind is emptied.
    Allowed,
}

/// Which of its types an import empties, in the same step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptying {
    Nothing,
    /// The types that have a document or a sheet. The others keep their records.
    Present,
    /// All types that the import lists, also those without a document or a sheet.
    Listed,
}

/// Whether an import is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Apply,
    DryRun,
}
