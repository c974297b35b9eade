//! The reasons why a read or a change fails.

use crate::{model::Kind, store::StoreError};

/// Why nothing was read or changed.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no {kind} '{name}'")]
    NotFound { kind: Kind, name: String },
    #[error("the device '{device}' has no {property}")]
    NoText { device: String, property: String },
    /// The property of a query, a column, an order or a criterion is unknown.
    #[error("a {kind} has no property '{property}'{}", .nearest.as_ref().map(|near| format!(" (did you mean '{near}'?)")).unwrap_or_default())]
    UnknownProperty { kind: Kind, property: String, nearest: Option<String> },
    /// The property of a query cannot have the value.
    #[error("'{value}' cannot be a {kind}'s {property}: {rule}")]
    Value { kind: Kind, property: String, value: String, rule: String },
    /// `position` counts characters of the expression from 1.
    #[error(
        "the expression for '{property}' is not a valid regular expression: {detail} (at character \
         {position})"
    )]
    Regex { property: String, detail: String, position: usize },
    /// The instance does not have the version that the change expects.
    #[error("the {kind} '{name}' has changed in the meantime")]
    Stale { kind: Kind, name: String },
    #[error("the user '{name}' cannot delete itself")]
    OwnUser { name: String },
    /// A deletion would affect more records than one change can hold.
    #[error(
        "the {kind} '{name}' cannot be deleted in one change: more than {records_max} records would \
         be deleted or lose a reference"
    )]
    TooManyReferences { kind: Kind, name: String, records_max: usize },
    #[error("no administrator who can log in would remain")]
    NoAdministrator,
    #[error("a password cannot be hashed")]
    Hash(#[from] crate::access::HashError),
}
