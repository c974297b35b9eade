//! Reads the long texts of a device.

use super::Text;
use crate::{
    inventory::{Inventory, InventoryError, long_text::LongText},
    model::{Kind, Target},
    store::StoredText,
};

impl Inventory {
    /// Reads a long text of a device. A text that was never stored is empty, as in eNMS.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`] if there is no such device, [`InventoryError::NoText`] if devices have
    /// no text of this name, [`InventoryError::Store`] if the text cannot be read.
    pub fn text(&self, device: &str, property: &str) -> Result<Text, InventoryError> {
        let session = self.session();
        let reading = &session.reading;
        if !session.shows_target(Target::Kind(Kind::Device), device)? {
            let name = device.to_owned();
            return Err(InventoryError::NotFound { kind: Kind::Device, name });
        }
        if let Some(StoredText { text, version }) = reading.text(device, property)? {
            return Ok(Text { text, version: Some(version) });
        }
        let device = device.to_owned();
        if !reading.contains(Kind::Device, &device)? {
            return Err(InventoryError::NotFound { kind: Kind::Device, name: device });
        }
        match LongText::of(Kind::Device, property) {
            Some(_) => Ok(Text { text: String::new(), version: None }),
            None => Err(InventoryError::NoText { device, property: property.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::sample::Sample;

    #[test]
    fn a_missing_device_and_an_unknown_text_are_distinguished_from_an_empty_text() {
        let sample = Sample::small();
        let inventory = &sample.inventory;
        assert!(matches!(
            inventory.text("nobody", "configuration"),
            Err(InventoryError::NotFound { kind: Kind::Device, .. })
        ));
        let none = Text { text: String::new(), version: None };
        assert_eq!(inventory.text("R 1%", "configuration").unwrap(), none);
        sample.write("R 1%", "configuration", "hostname R 1%");
        assert_eq!(inventory.text("R 1%", "configuration").unwrap().text, "hostname R 1%");
        assert!(matches!(
            inventory.text("R 1%", "specialised_data"),
            Err(InventoryError::NoText { .. })
        ));
    }
}
