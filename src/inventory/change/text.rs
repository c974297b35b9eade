//! Writes the long texts of a device.

use super::{ExpectedVersion, edit::Editing};
use crate::{
    inventory::{Inventory, InventoryError, long_text::LongText},
    model::{Kind, nearest},
    store::StoreError,
};

impl Inventory {
    /// Stores a long text of a device, and gives its version. The device's own record is left as it
    /// is. `expected` is about the version of the text.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`] when there is no such device,
    /// [`InventoryError::UnknownProperty`] when devices have no such text,
    /// [`InventoryError::Stale`], and what the store says.
    pub fn put_text(
        &self,
        device: &str,
        property: &str,
        text: String,
        caller: &str,
        expected: &ExpectedVersion,
    ) -> Result<u64, InventoryError> {
        let Some(kind) = LongText::of(Kind::Device, property) else {
            let known = LongText::of_kind(Kind::Device).iter().map(|text| text.as_str());
            return Err(InventoryError::UnknownProperty {
                kind: Kind::Device,
                property: property.to_owned(),
                nearest: nearest(property, known).map(str::to_owned),
            });
        };
        let version = self.0.change(|editing| {
            let transaction = &mut *editing.transaction;
            if !transaction.contains(Kind::Device, device)? {
                let name = device.to_owned();
                return Err(InventoryError::NotFound { kind: Kind::Device, name });
            }
            let held = transaction.text(device, property)?;
            if !expected.holds(held.as_ref().map(|held| held.version)) {
                let name = device.to_owned();
                return Err(InventoryError::Stale { kind: Kind::Device, name });
            }
            match held {
                Some(held) if held.text == text => Ok(held.version),
                Some(_) | None => {
                    editing.write_text(device, kind, Some(&text))?;
                    Ok(editing.transaction.version())
                }
            }
        })?;
        tracing::debug!(device, property, caller, version, "a text was stored");
        Ok(version)
    }
}

impl Editing<'_, '_> {
    /// Whether a device has another text than this one, or one where there is to be none.
    pub fn text_differs(
        &self,
        device: &str,
        text: LongText,
        content: Option<&str>,
    ) -> Result<bool, StoreError> {
        let held = self.transaction.text(device, text.as_str())?;
        Ok(held.as_ref().map(|held| held.text.as_str()) != content)
    }

    /// Stores or removes a device's text.
    pub fn write_text(
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
