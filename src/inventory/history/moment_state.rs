//! The inventory as it was after a change.

use crate::{
    inventory::{Inventory, InventoryError},
    model::{AnyRecord, Kind},
    store::{AtChange, EarlierState, HistoryView, StoreError, Stored},
};

/// The inventory as it was after a change: in a kept generation if it was replaced since, otherwise in the
/// history.
pub(super) struct MomentState<'h> {
    history: &'h HistoryView,
    number: u64,
    /// `None` if the inventory was not replaced since, or if the generation is no longer kept.
    earlier: Option<EarlierState>,
}

impl<'h> MomentState<'h> {
    /// The state after the change with this number.
    ///
    /// # Errors
    /// [`InventoryError::Store`] if the history cannot be read or the generation cannot be opened.
    pub(super) fn new(
        inventory: &Inventory,
        history: &'h HistoryView,
        number: u64,
    ) -> Result<Self, InventoryError> {
        let earlier = inventory.earlier_state(history, number)?;
        Ok(Self { history, number, earlier })
    }

    /// Returns a record.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Damaged`] if the record or the history cannot be read.
    pub(super) fn record(
        &self,
        kind: Kind,
        name: &str,
    ) -> Result<AtChange<Stored<AnyRecord>>, StoreError> {
        match &self.earlier {
            Some(state) => Ok(state.record(kind, name)?.map_or(AtChange::Absent, AtChange::Value)),
            None => self.history.record_at(kind, name, self.number),
        }
    }

    /// Returns a long text of a device.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the text or the history cannot be read.
    pub(super) fn text(
        &self,
        device: &str,
        property: &str,
    ) -> Result<AtChange<String>, StoreError> {
        match &self.earlier {
            Some(state) => {
                Ok(state.text(device, property)?.map_or(AtChange::Absent, AtChange::Value))
            }
            None => self.history.text_at(device, property, self.number),
        }
    }
}
