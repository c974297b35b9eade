//! Long texts that an undo sets back.

use std::sync::Arc;

use crate::store::ReplacedStates;

/// Long texts that the change sets to the values before an earlier change.
pub struct RestoredTexts {
    /// The states before and after the earlier change.
    pub states: Arc<ReplacedStates>,
    /// The devices and the properties of the texts.
    pub texts: Vec<(String, String)>,
}
