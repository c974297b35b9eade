//! Configurations and other long texts of devices. They stand beside the devices' records, so that
//! megabytes of them do not slow what else is done with a device.

use super::{Expected, Inventory, InventoryError, Text, edit::Editing};
use crate::{
    model::{Kind, nearest},
    store::{StoreError, StoredText},
};

/// A property of devices that is a long text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LongText {
    Configuration,
    OperationalData,
}

impl LongText {
    /// The long texts that records of a kind have.
    pub fn of_kind(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Device => &[LongText::Configuration, LongText::OperationalData],
            Kind::User
            | Kind::Group
            | Kind::File
            | Kind::Link
            | Kind::Service
            | Kind::Network
            | Kind::WorkflowEdge
            | Kind::Task
            | Kind::Credential
            | Kind::Pool => &[],
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            LongText::Configuration => "configuration",
            LongText::OperationalData => "operational_data",
        }
    }

    /// The long text of this kind that the word means.
    pub fn of(kind: Kind, word: &str) -> Option<Self> {
        Self::of_kind(kind).iter().copied().find(|text| text.as_str() == word)
    }
}

impl Inventory {
    /// A long text of a device.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`] where there is no such device, [`InventoryError::NoText`]
    /// where it has no such text.
    pub fn text(&self, device: &str, property: &str) -> Result<Text, InventoryError> {
        let reading = self.0.store.read();
        if let Some(StoredText { text, version }) = reading.text(device, property)? {
            return Ok(Text { text, version });
        }
        let device = device.to_owned();
        Err(if reading.contains(Kind::Device, &device)? {
            InventoryError::NoText { device, property: property.to_owned() }
        } else {
            InventoryError::NotFound { kind: Kind::Device, name: device }
        })
    }

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
        expected: &Expected,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::sample::Sample;

    #[test]
    fn no_device_and_no_text_are_told_apart() {
        let sample = Sample::small();
        let inventory = &sample.inventory;
        assert!(matches!(
            inventory.text("nobody", "configuration"),
            Err(InventoryError::NotFound { kind: Kind::Device, .. })
        ));
        assert!(matches!(
            inventory.text("R 1%", "configuration"),
            Err(InventoryError::NoText { .. })
        ));
        sample.write("R 1%", "configuration", "hostname R 1%");
        assert_eq!(inventory.text("R 1%", "configuration").unwrap().text, "hostname R 1%");
        assert!(matches!(
            inventory.text("R 1%", "operational_data"),
            Err(InventoryError::NoText { .. })
        ));
    }
}
