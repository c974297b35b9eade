//! Long texts of devices that a change sets together with its records.

use std::sync::Arc;

use super::ImportError;
use crate::store::ReplacedStates;

/// A function that takes a device, a property and its new text. `None` removes the text.
pub type PutText<'a> = dyn FnMut(&str, &str, Option<&str>) -> Result<(), ImportError> + 'a;

/// The fate of the texts that the source does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherTexts {
    /// They stay, if their device stays.
    Kept,
    /// They are removed.
    Removed,
}

/// A source of long texts, which is read when the records are written.
pub trait IncomingTexts: Send + Sync {
    /// Calls `put` with each text, once for each device and property. The devices exist after the change.
    ///
    /// # Errors
    /// The first error of `put`; [`ImportError::Store`] or [`ImportError::Text`] if a text cannot be read.
    fn each(&self, put: &mut PutText<'_>) -> Result<(), ImportError>;

    /// Returns what happens to the other texts.
    fn others(&self) -> OtherTexts;
}

/// Long texts that the change sets to the values before an earlier change.
pub struct EarlierTexts {
    /// The states before and after the earlier change.
    pub states: Arc<ReplacedStates>,
    /// The devices and the properties of the texts.
    pub texts: Vec<(String, String)>,
}

impl IncomingTexts for EarlierTexts {
    fn each(&self, put: &mut PutText<'_>) -> Result<(), ImportError> {
        for (device, property) in &self.texts {
            let text = self.states.text_before(device, property)?;
            put(device, property, text.as_deref())?;
        }
        Ok(())
    }

    fn others(&self) -> OtherTexts {
        OtherTexts::Kept
    }
}
