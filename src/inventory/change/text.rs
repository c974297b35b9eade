//! Writes the long texts of a device.

use super::{ExpectedVersion, edit::Editing};
use crate::{
    inventory::{Inventory, InventoryError, long_text::LongText},
    model::{Kind, nearest},
    store::{Origin, StoreError},
};

impl Inventory {
    /// Stores a long text of a device, and returns its version. The record of the device does not
    /// change. `expected_version` refers to the text.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`] if there is no such device, [`InventoryError::Forbidden`] if the
    /// principal cannot change it,
    /// [`InventoryError::UnknownProperty`] if devices have no such text, [`InventoryError::Stale`]
    /// if the text does not have the expected version, [`InventoryError::Store`] if it cannot be
    /// written.
    pub fn put_text(
        &self,
        device: &str,
        property: &str,
        text: String,
        origin: &Origin,
        expected_version: &ExpectedVersion,
    ) -> Result<u64, InventoryError> {
        let Some(kind) = LongText::of(Kind::Device, property) else {
            let known = LongText::of_kind(Kind::Device).map(|text| text.as_str());
            return Err(InventoryError::UnknownProperty {
                kind: Kind::Device,
                property: property.to_owned(),
                nearest: nearest(property, known).map(str::to_owned),
            });
        };
        let version = self.edit(origin, |editing| {
            editing.require_edit_of(Kind::Device, device)?;
            let transaction = &mut *editing.transaction;
            let stored = transaction.text(device, property)?;
            if !expected_version.holds(stored.as_ref().map(|stored| stored.version)) {
                let name = device.to_owned();
                return Err(InventoryError::Stale { kind: Kind::Device, name });
            }
            match stored {
                Some(stored) if stored.text == text => Ok(stored.version),
                Some(_) | None => {
                    editing.write_text(device, kind, Some(&text))?;
                    Ok(editing.transaction.version())
                }
            }
        })?;
        let principal = &*origin.principal;
        tracing::debug!(device, property, principal, version, "A text was stored.");
        Ok(version)
    }
}

impl Editing<'_, '_> {
    /// Returns whether the stored text differs from `content`; `None` means that there is no text.
    pub(crate) fn text_differs(
        &self,
        device: &str,
        text: LongText,
        content: Option<&str>,
    ) -> Result<bool, StoreError> {
        let stored = self.transaction.text(device, text.as_str())?;
        Ok(stored.as_ref().map(|stored| stored.text.as_str()) != content)
    }

    /// Stores a text, or removes it if `content` is `None`.
    pub(crate) fn write_text(
        &mut self,
        device: &str,
        text: LongText,
        content: Option<&str>,
    ) -> Result<(), StoreError> {
        match content {
            Some(content) => self.transaction.put_text(device, text.as_str(), content),
            None => self.transaction.remove_text(device, text.as_str()).map(drop),
        }
    }
}
