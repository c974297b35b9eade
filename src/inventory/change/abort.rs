//! The end of a change that writes nothing.

use crate::{inventory::InventoryError, store::StoreError};

/// The reason why a change writes nothing. The store discards a transaction whose closure returns
/// an error.
pub(in crate::inventory) enum Abort<T> {
    /// The change failed.
    Error(InventoryError),
    /// The change is discarded, and has a result.
    Discard(T),
}

impl<T> From<StoreError> for Abort<T> {
    fn from(error: StoreError) -> Self {
        Abort::Error(error.into())
    }
}

impl<T> From<InventoryError> for Abort<T> {
    fn from(error: InventoryError) -> Self {
        Abort::Error(error)
    }
}
