//! The results of setting a password.

use super::{HashError, RefusedName, RefusedPassword};
use crate::store::StoreError;

/// The reason why a password could not be set.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The password cannot be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The password breaks a rule.
    #[error(transparent)]
    Refused(#[from] RefusedPassword),
    /// The name of a new user breaks a rule.
    #[error(transparent)]
    Name(#[from] RefusedName),
}

/// The outcome of setting a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetPassword {
    /// The password was changed, or the administrator was created.
    Done,
    /// The user does not exist and was not to be created. Nothing was changed.
    NoSuchUser,
}
