//! What every import can be asked for.

/// What an import does with the good records beside rejected ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// Nothing is changed.
    Fail,
    /// The good ones are imported.
    Skip,
}

/// Whether an import is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Apply,
    DryRun,
}
