//! Why a request about the inventory is not granted.

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
    /// In a query, a column, an order or a criterion.
    #[error("a {kind} has no property '{property}'{}", .nearest.as_ref().map(|near| format!(" (did you mean '{near}'?)")).unwrap_or_default())]
    UnknownProperty { kind: Kind, property: String, nearest: Option<String> },
    /// A value of a query that the property cannot have.
    #[error("'{value}' cannot be a {kind}'s {property}: {rule}")]
    Value { kind: Kind, property: String, value: String, rule: String },
    /// `position` counts characters of the expression from 1.
    #[error(
        "the expression for '{property}' is no regular expression: {detail} (at character {position})"
    )]
    Regex { property: String, detail: String, position: usize },
    /// The instance is not in the version that the change expects.
    #[error("the {kind} '{name}' has changed in the meantime")]
    Stale { kind: Kind, name: String },
    #[error("the user '{name}' is the one who asks, and cannot delete itself")]
    OwnUser { name: String },
    /// A deletion would rewrite or take more records than one change holds.
    #[error(
        "the {kind} '{name}' cannot be deleted in one change: it would take or strike more than \
         {records_max} records"
    )]
    TooManyReferences { kind: Kind, name: String, records_max: usize },
    #[error("no administrator who can log in would be left")]
    NoAdministrator,
    #[error("a password cannot be hashed")]
    Hash(#[from] crate::access::HashError),
}
