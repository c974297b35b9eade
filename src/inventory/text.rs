//! Configurations and other long texts of a device.

use super::{Inventory, InventoryError, Text};
use crate::{
    model::Kind,
    store::{Reading, StoredText},
};

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
        require(&reading, device)?;
        Err(InventoryError::NoText { device: device.to_owned(), property: property.to_owned() })
    }

    /// The properties of which a device has a long text.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`] where there is no such device.
    pub fn texts(&self, device: &str) -> Result<Vec<String>, InventoryError> {
        let reading = self.0.store.read();
        require(&reading, device)?;
        Ok(reading.texts(device)?)
    }
}

fn require(reading: &Reading, device: &str) -> Result<(), InventoryError> {
    match reading.contains(Kind::Device, device)? {
        true => Ok(()),
        false => Err(InventoryError::NotFound { kind: Kind::Device, name: device.to_owned() }),
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
        assert!(matches!(inventory.texts("nobody"), Err(InventoryError::NotFound { .. })));
        assert_eq!(inventory.texts("R 1%").unwrap(), [""; 0]);
        sample.write("R 1%", "configuration", "hostname R 1%");
        assert_eq!(inventory.texts("R 1%").unwrap(), ["configuration"]);
        assert_eq!(inventory.text("R 1%", "configuration").unwrap().text, "hostname R 1%");
        assert!(matches!(
            inventory.text("R 1%", "operational_data"),
            Err(InventoryError::NoText { .. })
        ));
    }
}
