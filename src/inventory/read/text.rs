//! Reads the long texts of a device.

use super::Text;
use crate::{
    inventory::{Inventory, InventoryError},
    model::Kind,
    store::StoredText,
};

impl Inventory {
    /// Reads a long text of a device.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`] if there is no such device, [`InventoryError::NoText`] if it has
    /// no such text, [`InventoryError::Store`] if the text cannot be read.
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::sample::Sample;

    #[test]
    fn a_missing_device_and_a_missing_text_are_distinguished() {
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
