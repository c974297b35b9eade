//! Removes the kept texts of devices that no longer exist.
//!
//! [`TextKeeper`](super::keep_texts::TextKeeper) removes them with the change that deleted the device. An
//! import that replaces the inventory has no list of deleted devices, so a pass over all kept texts finds
//! these.

use std::collections::BTreeMap;

use super::{
    keep_texts::{device_of, gone_devices},
    kept_text::{after_all_versions, kept_prefix, parse_key},
};
use crate::store::{Store, StoreError, tree_id::TreeId};

/// The number of texts that one step checks: about 10 ms.
const STEP_TEXTS_MAX: usize = 500;

/// The number of removed parts that ends a transaction: 8 MB.
const BATCH_PARTS: usize = 2_000;

impl Store {
    /// Checks the next kept texts, beginning at a key, and removes those of deleted devices. Returns the key
    /// at which the next step begins; `None` at the end of the pass. Checks none while a backup reads them.
    ///
    /// # Errors
    /// - [`StoreError::Busy`] if an undo is opening a kept copy of the inventory.
    /// - [`StoreError::Damaged`] if the history or the kept texts cannot be read.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(in crate::store) fn sweep_texts(&self, from: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(_trimming) = self.history_holds.try_trim() else {
            return Ok(Some(from.to_vec()));
        };
        let Some(archive) = self.archive.database()? else { return Ok(None) };
        let (history, present) = (self.history()?, self.read());
        let texts = archive.trees().tree(TreeId::Texts);
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let mut from = from.to_vec();
        while keys.len() < STEP_TEXTS_MAX {
            let Some((key, _)) = texts.prefix_from(&[], &from).next().transpose()? else { break };
            let Some((text_key, _)) = parse_key(&key) else {
                let detail = "its key is wrong".to_owned();
                return Err(StoreError::Damaged { part: "kept text", detail });
            };
            from = after_all_versions(text_key);
            keys.push(text_key.to_vec());
        }
        let is_end = keys.len() < STEP_TEXTS_MAX;

        let devices = keys.iter().map(|key| device_of(key));
        let gone = gone_devices(self, (&history, &present), devices, 0)?;
        let mut removed = BTreeMap::new();
        for key in keys.iter().filter(|key| gone.contains(device_of(key))) {
            for part in texts.prefix(&kept_prefix(key)) {
                removed.insert(part?.0.to_vec(), None);
            }
            if removed.len() >= BATCH_PARTS {
                self.archive.write_texts(std::mem::take(&mut removed))?;
            }
        }
        if !removed.is_empty() {
            self.archive.write_texts(removed)?;
        }
        Ok((!is_end).then_some(from))
    }
}
