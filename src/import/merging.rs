//! How an import combines its records with the existing ones.

/// How an incoming record is combined with the existing one of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merging {
    /// Properties that the incoming record does not have keep their values.
    MergeRecords,
    /// The incoming record replaces the existing one.
    ReplaceRecords,
}

/// Tells whether an import that empties the users keeps the user who makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalRecord {
    /// The user is kept, so as not to be locked out.
    Kept,
    /// The user is removed like the others.
    NotKept,
}
