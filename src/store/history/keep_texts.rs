//! Keeps the last texts of each device when the changes that replaced them are removed from the history.

use std::collections::BTreeMap;

use super::{
    Archive,
    cutoff::Cutoff,
    entry::{ChangeHead, Effect, StoredTouched, decode_stored},
    kept_text::{self, KeptText, KeptWriter, PackedText},
    keys::{before_key, before_prefix, change_key, change_number},
    read::HistoryView,
};
use crate::{
    model::Kind,
    store::{
        LiveView, StoreError,
        generation::Generation,
        tree_id::TreeId,
        trees::{ValueOwner, text_property},
    },
};

/// The largest number of changes whose texts one step keeps: as many as one step removes.
const STEP_CHANGES_MAX: usize = 500;

/// The number of bytes of texts that ends a step, before they are packed.
const STEP_TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The texts of a step, by the key of the text and its version.
#[derive(Default)]
struct Step {
    texts: BTreeMap<Vec<u8>, BTreeMap<u64, KeptText>>,
    bytes: usize,
    /// The last change of the step.
    last: Option<u64>,
}

/// A pass over the changes that are removed next.
pub(super) struct TextKeeper<'a> {
    /// The database with these changes.
    pub source: &'a Generation,
    pub archive: &'a Archive,
    pub history: &'a HistoryView,
    pub present: &'a LiveView,
    /// The number of texts that are kept of each device and property, with the present one.
    pub kept_max: usize,
}

impl TextKeeper<'_> {
    /// Writes the texts of the next changes after `after` that are removed to the archive. Returns the
    /// number of the last change whose texts are kept; `None` if no change is removed.
    ///
    /// # Errors
    /// - [`StoreError::Damaged`] or [`StoreError::Corrupt`] if the history cannot be read.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(super) fn keep(&self, after: u64, cutoff: &Cutoff) -> Result<Option<u64>, StoreError> {
        let step = self.collect(after, cutoff)?;
        let Some(last) = step.last else { return Ok(None) };
        let mut changes = BTreeMap::new();
        for (key, texts) in step.texts {
            self.decide(&key, texts, last, &mut changes)?;
        }
        if !changes.is_empty() {
            self.archive.write_texts(changes)?;
        }
        Ok(Some(last))
    }

    /// Reads the changes of the step.
    fn collect(&self, after: u64, cutoff: &Cutoff) -> Result<Step, StoreError> {
        let mut step = Step::default();
        let mut current: Option<(u64, Vec<u8>)> = None;
        let mut changes = 0;
        for entry in
            self.source.trees().tree(TreeId::History).prefix_from(&[], &change_key(after + 1))
        {
            let (key, part) = entry?;
            let Some(number) = change_number(&key) else { continue };
            if let Some((last, bytes)) = &mut current
                && *last == number
            {
                bytes.extend_from_slice(&part);
                continue;
            }
            if let Some((number, bytes)) = current.take() {
                self.add(number, &bytes, &mut step)?;
            }
            changes += 1;
            let is_full = changes > STEP_CHANGES_MAX || step.bytes >= STEP_TEXT_BYTES_MAX;
            if is_full || !cutoff.removes(number, &ChangeHead::decode(number, &part)?.0) {
                return Ok(step);
            }
            current = Some((number, part.to_vec()));
        }
        if let Some((number, bytes)) = current {
            self.add(number, &bytes, &mut step)?;
        }
        Ok(step)
    }

    /// Adds the texts of one change.
    fn add(&self, number: u64, bytes: &[u8], step: &mut Step) -> Result<(), StoreError> {
        step.last = Some(number);
        let (head, touched) = decode_stored(number, bytes)?;
        for StoredTouched { key, effect, .. } in touched.iter().filter(|it| is_text(it)) {
            let texts = step.texts.entry(key.clone()).or_default();
            if matches!(effect, Effect::Created | Effect::Updated) {
                texts.entry(number).or_default().writer = Some(KeptWriter::of(&head));
            }
            let owner = ValueOwner::Text;
            let before = self.source.trees().tree(TreeId::Before);
            let Some(value) = before.get(&before_key(owner, key, number))? else { continue };
            if value.is_empty() {
                continue;
            }
            let Some(raw) = self.source.trees().with_chunks(owner, key, value)? else { continue };
            step.bytes += raw.body().len();
            let text = texts.entry(raw.header.version).or_default();
            text.body = Some(PackedText::pack(raw.body()));
            if text.writer.is_none()
                && let Some(change) = self.history.change_head(raw.header.version)?
            {
                text.writer = Some(KeptWriter::of(&change));
            }
        }
        Ok(())
    }

    /// Decides which texts stay, and adds the changes of the archive.
    fn decide(
        &self,
        key: &[u8],
        new: BTreeMap<u64, KeptText>,
        last: u64,
        changes: &mut BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    ) -> Result<(), StoreError> {
        let before = self.archive.kept_texts(key)?;
        let mut texts: BTreeMap<u64, KeptText> = before.iter().cloned().collect();
        for (version, new) in new {
            let text = texts.entry(version).or_default();
            text.writer = text.writer.take().or(new.writer);
            text.body = text.body.take().or(new.body);
        }
        let mut places = self.kept_max.saturating_sub(self.newer_texts(key, last)?);
        let is_gone = !self.device_exists(key)?;
        // The newest first.
        let mut stays = |text: &KeptText| match text.body {
            _ if is_gone => false,
            Some(_) => {
                let has_place = places > 0;
                places = places.saturating_sub(1);
                has_place
            }
            // Its text is present or in the history.
            None => self.kept_max > 0,
        };
        let kept: BTreeMap<u64, KeptText> =
            texts.into_iter().rev().filter(|(_, text)| stays(text)).collect();
        for (version, text) in &before {
            if kept.get(version) != Some(text) {
                let entries = kept_text::entries(key, *version, text);
                changes.extend(entries.into_iter().map(|(key, _)| (key, None)));
            }
        }
        for (version, text) in &kept {
            if !before.iter().any(|(of, old)| of == version && old == text) {
                let entries = kept_text::entries(key, *version, text);
                changes.extend(entries.into_iter().map(|(key, part)| (key, Some(part))));
            }
        }
        Ok(())
    }

    /// The number of the texts that are newer than the removed ones: the present one, and those that the
    /// history has. Counts at most up to the number of kept texts.
    fn newer_texts(&self, key: &[u8], last: u64) -> Result<usize, StoreError> {
        let present = self.present.trees()?.tree(TreeId::Texts).contains(key)?;
        let mut newer = usize::from(present);
        let prefix = before_prefix(ValueOwner::Text, key);
        let mut above = last;
        while newer < self.kept_max
            && let Some((number, value, _)) = self.history.first_with_prefix(&prefix, above)?
        {
            newer += usize::from(!value.is_empty());
            above = number;
        }
        Ok(newer)
    }

    fn device_exists(&self, key: &[u8]) -> Result<bool, StoreError> {
        let device = key.split(|byte| *byte == 0).next().unwrap_or_default();
        self.present.trees()?.contains(Kind::Device, &String::from_utf8_lossy(device))
    }
}

fn is_text(touched: &StoredTouched) -> bool {
    touched.owner().is_some_and(|owner| matches!(owner, ValueOwner::Text))
        && text_property(&touched.key).is_some()
}
