//! Keeps the last texts of each device when the changes that replaced them are removed from the history.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Archive,
    cutoff::Cutoff,
    entry::{Effect, StoredChange, StoredTouched},
    groups::HistoryTree,
    kept_text::{self, KeptText, KeptWriter, PackedText},
    keys::{before_key, before_prefix, owner_of_code},
    read::HistoryView,
};
use crate::{
    model::Kind,
    store::{
        LiveView, Store, StoreError,
        format::VALUE_BYTES_MAX,
        generation::Generation,
        tree_id::TreeId,
        trees::{ValueOwner, text_key, text_property},
    },
};

/// The number of changes that ends a step: as many as one step removes.
const STEP_CHANGES_MAX: usize = 500;

/// The number of bytes of texts that ends a step, before they are packed.
const STEP_TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The texts of a step, by the key of the text and its version.
#[derive(Default)]
struct Step {
    texts: BTreeMap<Vec<u8>, BTreeMap<u64, KeptText>>,
    /// The keys of the texts of renamed devices, under their old names. The texts with smaller versions than
    /// the number now have the key of the new name.
    moved: BTreeMap<Vec<u8>, u64>,
    /// The sizes of the texts of renamed devices, by the keys of the new names, in bytes.
    brought: BTreeMap<Vec<u8>, usize>,
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
    pub store: &'a Store,
    /// The number of texts that are kept of each device and property, with the present one.
    pub kept_max: usize,
    /// The size of all kept texts beyond which each device keeps its share only.
    pub bytes_max: u64,
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
        let share = self.share()?;
        let devices = step.texts.keys().map(|key| device_of(key));
        let gone = gone_devices(self.store, (self.history, self.present), devices, last)?;
        for (key, texts) in step.texts {
            let moved = step.moved.get(&key).copied().unwrap_or_default();
            let brought = step.brought.get(&key).copied().unwrap_or_default();
            let is_gone = gone.contains(device_of(&key));
            let new = NewTexts { texts, moved, brought, is_gone };
            self.decide(&key, new, (last, &share), &mut changes)?;
        }
        if !changes.is_empty() {
            self.archive.write_texts(changes)?;
        }
        Ok(Some(last))
    }

    /// Reads the changes of the step.
    fn collect(&self, after: u64, cutoff: &Cutoff) -> Result<Step, StoreError> {
        let mut step = Step::default();
        let mut count = 0;
        let history = HistoryTree::new(self.source.tree(TreeId::History));
        for group in history.groups_from(after + 1) {
            // As they are removed: a group together.
            let changes = group?.changes()?;
            let Some((last, newest)) = changes.last() else { continue };
            if *last <= after {
                continue;
            }
            let is_full = count >= STEP_CHANGES_MAX || step.bytes >= STEP_TEXT_BYTES_MAX;
            if is_full || !cutoff.removes(*last, &newest.head) {
                break;
            }
            for (number, change) in &changes {
                self.add(*number, change, &mut step)?;
            }
            count += changes.len();
        }
        Ok(step)
    }

    /// Adds the texts of one change.
    fn add(&self, number: u64, change: &StoredChange, step: &mut Step) -> Result<(), StoreError> {
        step.last = Some(number);
        let StoredChange { head, touched } = change;
        let touched: Vec<&StoredTouched> = touched.iter().map(|(touched, _)| touched).collect();
        for StoredTouched { key, effect, .. } in touched.iter().filter(|it| is_text(it)) {
            let texts = step.texts.entry(key.clone()).or_default();
            if matches!(effect, Effect::Created | Effect::Updated) {
                texts.entry(number).or_default().writer = Some(KeptWriter::of(head));
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
        self.rename(number, &touched, step)
    }

    /// Gives the texts of the devices that a change renamed the keys of the new names.
    fn rename(
        &self,
        number: u64,
        touched: &[&StoredTouched],
        step: &mut Step,
    ) -> Result<(), StoreError> {
        let mut renamed = Vec::new();
        for StoredTouched { owner, key, effect } in touched {
            let Effect::RenamedFrom(old) = effect else { continue };
            if !owner_of_code(*owner).is_some_and(|owner| owner.is_record_of(Kind::Device)) {
                continue;
            }
            let new = String::from_utf8_lossy(key);
            for property in Kind::Device.long_texts() {
                let texts = self.take_earlier(&text_key(old, property), number, step)?;
                renamed.push((text_key(&new, property), texts));
            }
        }
        // After all texts are taken: two devices can exchange their names.
        for (key, texts) in renamed {
            if !texts.is_empty() {
                let bytes = texts.values().map(KeptText::packed_bytes).sum::<usize>();
                *step.brought.entry(key.clone()).or_default() += bytes;
                step.texts.entry(key).or_default().extend(texts);
            }
        }
        Ok(())
    }

    /// Takes the texts before a change from the step and from the archive.
    fn take_earlier(
        &self,
        key: &[u8],
        number: u64,
        step: &mut Step,
    ) -> Result<BTreeMap<u64, KeptText>, StoreError> {
        let moved = step.moved.get(key).copied().unwrap_or_default();
        let mut texts = BTreeMap::new();
        for (version, text) in self.archive.kept_texts(key)? {
            if (moved..number).contains(&version) {
                step.bytes += text.packed_bytes();
                texts.insert(version, text);
            }
        }
        if let Some(new) = step.texts.get_mut(key) {
            let later = new.split_off(&number);
            for (version, new) in std::mem::replace(new, later) {
                texts.entry(version).or_default().complete(new);
            }
        }
        if !texts.is_empty() {
            step.moved.insert(key.to_vec(), number);
            // So that the step removes them from the archive.
            step.texts.entry(key.to_vec()).or_default();
        }
        Ok(texts)
    }

    /// Decides which texts stay, and adds the changes of the archive.
    fn decide(
        &self,
        key: &[u8],
        new: NewTexts,
        (last, share): (u64, &Share),
        changes: &mut BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    ) -> Result<(), StoreError> {
        let before = self.archive.kept_texts(key)?;
        let own = before.iter().filter(|(version, _)| *version >= new.moved);
        let mut texts: BTreeMap<u64, KeptText> = own.cloned().collect();
        let now: usize = texts.values().map(KeptText::packed_bytes).sum();
        for (version, new) in new.texts {
            texts.entry(version).or_default().complete(new);
        }
        let mut places = self.kept_max.saturating_sub(self.newer_texts(key, last)?);
        let mut bytes = share.of(now + new.brought);
        // The newest first.
        let mut stays = |text: &KeptText| match text.body {
            _ if new.is_gone => false,
            Some(_) => {
                let has_place = places > 0 && text.packed_bytes() <= bytes;
                places = if has_place { places - 1 } else { 0 };
                bytes = bytes.saturating_sub(text.packed_bytes());
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

    /// Returns how much of its kept texts a device keeps.
    fn share(&self) -> Result<Share, StoreError> {
        let archive = self.archive.database()?;
        let parts = archive.map_or(0, |archive| archive.summary().content[TreeId::Texts].entries);
        let bytes = parts.saturating_mul(VALUE_BYTES_MAX as u64);
        Ok(if bytes > self.bytes_max { Share::Part(self.bytes_max, bytes) } else { Share::All })
    }
}

/// The texts of one key that a step adds.
struct NewTexts {
    texts: BTreeMap<u64, KeptText>,
    /// The kept texts with smaller versions have another key now.
    moved: u64,
    /// The size of those among `texts` that had another key, in bytes.
    brought: usize,
    /// Whether the device was deleted and cannot come back.
    is_gone: bool,
}

/// How much of its kept texts a device keeps.
enum Share {
    /// All texts are within the limit.
    All,
    /// The limit, and the size of all kept texts, in bytes.
    Part(u64, u64),
}

impl Share {
    /// Returns the size that the texts of a device can have, which have this size now.
    fn of(&self, bytes: usize) -> usize {
        match self {
            Share::All => usize::MAX,
            Share::Part(limit, all) => {
                let share = bytes as u128 * u128::from(*limit) / u128::from(*all);
                usize::try_from(share).unwrap_or(usize::MAX)
            }
        }
    }
}

/// Returns those of the devices that were deleted and cannot come back: the history has no change of the
/// device after `last`, and neither the inventory nor a kept copy of it has the device.
///
/// # Errors
/// [`StoreError::Damaged`] if the history cannot be read, and as for [`Store::remove_kept_devices`].
pub(super) fn gone_devices<'k>(
    store: &Store,
    (history, present): (&HistoryView, &LiveView),
    devices: impl Iterator<Item = &'k [u8]>,
    last: u64,
) -> Result<BTreeSet<Vec<u8>>, StoreError> {
    let mut gone = BTreeSet::new();
    for device in devices {
        if present.trees()?.contains(Kind::Device, &String::from_utf8_lossy(device))? {
            continue;
        }
        let changes = before_prefix(ValueOwner::Record(Kind::Device), device);
        if history.first_with_prefix(&changes, last)?.is_none() {
            gone.insert(device.to_vec());
        }
    }
    store.remove_kept_devices(&mut gone)?;
    Ok(gone)
}

/// The name of the device in the key of a text.
pub(super) fn device_of(text_key: &[u8]) -> &[u8] {
    text_key.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn is_text(touched: &StoredTouched) -> bool {
    touched.owner().is_some_and(|owner| matches!(owner, ValueOwner::Text))
        && text_property(&touched.key).is_some()
}
