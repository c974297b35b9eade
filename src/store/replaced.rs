//! The states of the inventory before and after a change that replaced the generation, while both
//! generations are kept.

use std::sync::Arc;

use super::{
    HistoryChange, HistoryView, ReplacedGeneration, Store, StoreError, Stored, Vault,
    generation::Generation,
    history::{Differences, PastState, ReplacementWalk, change_key},
    tree_id::TreeId,
    trees::{ValueOwner, text_key, text_property},
};
use crate::model::{AnyRecord, Kind};

/// The states directly before and directly after a change that replaced the generation.
pub struct ReplacedStates {
    before: PastState,
    after: PastState,
    vault: Arc<Vault>,
}

/// A record that differs between the two states. Its secrets are encrypted.
#[derive(Clone, Debug, PartialEq)]
pub struct DifferentRecord {
    /// The name of the record.
    pub name: String,
    /// The record before the change; `None` if it did not exist.
    pub before: Option<Stored<AnyRecord>>,
    /// The record after the change.
    pub after: Option<Stored<AnyRecord>>,
}

/// A long text that differs between the two states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferentText {
    /// The name of the device.
    pub device: String,
    /// The property of the text.
    pub property: String,
}

/// The difference of one record between the two states.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordDifference {
    /// The record, if it differs without its long texts.
    pub record: Option<DifferentRecord>,
    /// The properties of the long texts that differ.
    pub texts: Vec<String>,
}

/// A walk over the changes that replaced the generation and can have changed the records with one name, the
/// newest first.
pub struct RecordReplacements<'s> {
    store: &'s Store,
    walk: ReplacementWalk<'s>,
    name: String,
    kinds: Vec<Kind>,
}

/// A change that replaced the generation, and can have changed the records with one name.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordReplacement {
    /// The change.
    pub change: HistoryChange,
    /// The effect of the change on the records.
    pub effect: ReplacementEffect,
}

/// The effect of a change that replaced the generation on the records with one name.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplacementEffect {
    /// Both generations are kept. Holds the differences of at least one record.
    Differences(Vec<(Kind, RecordDifference)>),
    /// One of the generations is no longer kept, so the differences are not known.
    Unknown {
        /// The kinds of which the record might have changed.
        kinds: Vec<Kind>,
        /// Whether the record of one of the kinds has certainly changed.
        is_certain: bool,
    },
}

/// An earlier state of the inventory, in a kept generation.
pub struct EarlierState {
    state: PastState,
}

impl Store {
    /// Returns the states before and after a change that replaced the generation. `None` for any other
    /// change, and if one of the generations is no longer kept.
    ///
    /// # Errors
    /// - [`StoreError::Damaged`] if a generation is damaged.
    /// - [`StoreError::Busy`] if an undo is opening one of them.
    /// - [`StoreError::DiskFull`], [`StoreError::Io`] or [`StoreError::Database`] if a generation cannot be
    ///   opened.
    pub fn replaced_states(
        &self,
        change: &HistoryChange,
    ) -> Result<Option<ReplacedStates>, StoreError> {
        let Some(ReplacedGeneration { before: Some(before), after, .. }) = change.replaced else {
            return Ok(None);
        };
        let Some(before) = self.kept_generation(before)? else { return Ok(None) };
        let Some(after) = self.generation_after(after, change.number)? else { return Ok(None) };
        Ok(Some(ReplacedStates {
            before: PastState::new(before, change.number - 1),
            after: PastState::new(after, change.number),
            vault: self.vault.clone(),
        }))
    }

    /// Begins a walk over the changes that replaced the generation and can have changed the records with this
    /// name.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] or [`StoreError::Corrupt`] if the record or the history cannot be read.
    pub fn record_replacements<'s>(
        &'s self,
        history: &'s HistoryView,
        kinds: &[Kind],
        name: &str,
    ) -> Result<RecordReplacements<'s>, StoreError> {
        let walk = ReplacementWalk::begin(history, kinds, name)?;
        Ok(RecordReplacements { store: self, walk, name: name.to_owned(), kinds: kinds.to_vec() })
    }

    /// Returns the generation that a change has made, or the current one if that is a copy of it: a large
    /// change copies the generation with its history.
    fn generation_after(
        &self,
        number: u64,
        change: u64,
    ) -> Result<Option<Arc<Generation>>, StoreError> {
        if let Some(kept) = self.kept_generation(number)? {
            return Ok(Some(kept));
        }
        let Ok(current) = self.current() else { return Ok(None) };
        let generation = current.generation;
        let is_copy = generation.trees().tree(TreeId::History).contains(&change_key(change))?;
        Ok(is_copy.then_some(generation))
    }

    /// Returns the state of the inventory after the change with this number, if a generation that was replaced
    /// since is still kept. `replacement` is the first later change that replaced the generation.
    ///
    /// # Errors
    /// As for [`Store::replaced_states`].
    pub fn earlier_state(
        &self,
        number: u64,
        replacement: &HistoryChange,
    ) -> Result<Option<EarlierState>, StoreError> {
        let Some(ReplacedGeneration { before: Some(before), .. }) = replacement.replaced else {
            return Ok(None);
        };
        let generation = self.kept_generation(before)?;
        Ok(generation.map(|generation| EarlierState { state: PastState::new(generation, number) }))
    }
}

impl RecordReplacements<'_> {
    /// Returns the next change.
    ///
    /// # Errors
    /// As for [`Store::replaced_states`].
    pub fn next_change(&mut self) -> Result<Option<RecordReplacement>, StoreError> {
        while let Some(change) = self.walk.next()? {
            let may_differ = self.kinds.iter().copied().filter(|kind| self.walk.may_differ(*kind));
            let may_differ: Vec<Kind> = may_differ.collect();
            if may_differ.is_empty() {
                continue;
            }
            let Some(states) = self.store.replaced_states(&change)? else {
                let is_certain = may_differ.iter().any(|kind| self.walk.certainly_differs(*kind));
                let effect = ReplacementEffect::Unknown { kinds: may_differ, is_certain };
                return Ok(Some(RecordReplacement { change, effect }));
            };
            let mut differences = Vec::new();
            for kind in may_differ {
                let difference = states.record_difference(kind, &self.name)?;
                differences.extend(difference.map(|difference| (kind, difference)));
            }
            self.walk.continue_from(&states.before)?;
            if !differences.is_empty() {
                let effect = ReplacementEffect::Differences(differences);
                return Ok(Some(RecordReplacement { change, effect }));
            }
        }
        Ok(None)
    }
}

impl EarlierState {
    /// Returns a record.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Damaged`] if it cannot be read.
    pub fn record(&self, kind: Kind, name: &str) -> Result<Option<Stored<AnyRecord>>, StoreError> {
        record(&self.state, kind, name)
    }

    /// Returns a long text of a device.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it cannot be read.
    pub fn text(&self, device: &str, property: &str) -> Result<Option<String>, StoreError> {
        text(&self.state, device, property)
    }
}

impl ReplacedStates {
    /// Returns the records of a kind that differ, sorted by name, beginning after the name `after`. They are
    /// read while the iterator advances.
    pub fn records(
        &self,
        kind: Kind,
        after: Option<&str>,
    ) -> impl Iterator<Item = Result<DifferentRecord, StoreError>> + use<'_> {
        let states = [&self.before, &self.after];
        let from = after.map(str::as_bytes);
        Differences::new(ValueOwner::Record(kind), states, from).map(move |value| {
            let value = value?;
            let read = |raw: Option<super::Raw>| {
                raw.map(|raw| Stored::read_any(kind, &value.key, &raw)).transpose()
            };
            let (before, after) = (read(value.before.clone())?, read(value.after.clone())?);
            let name = String::from_utf8_lossy(&value.key).into_owned();
            Ok(DifferentRecord { name, before, after })
        })
    }

    /// Returns the long texts that differ, sorted by device, beginning after the device `after`.
    pub fn texts(
        &self,
        after: Option<&str>,
    ) -> impl Iterator<Item = Result<DifferentText, StoreError>> + use<'_> {
        let states = [&self.before, &self.after];
        // The largest key of a text of this device.
        let from = after.map(|device| text_key(device, "\u{10ffff}"));
        Differences::new(ValueOwner::Text, states, from.as_deref()).map(|value| {
            let key = value?.key;
            let device = key.split(|byte| *byte == 0).next().unwrap_or_default();
            let device = String::from_utf8_lossy(device).into_owned();
            let property = text_property(&key).unwrap_or_default().to_owned();
            Ok(DifferentText { device, property })
        })
    }

    /// Returns the difference of one record and its long texts. `None` if they are the same in both states.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Damaged`] if they cannot be read.
    pub fn record_difference(
        &self,
        kind: Kind,
        name: &str,
    ) -> Result<Option<RecordDifference>, StoreError> {
        let record = if self.differs(ValueOwner::Record(kind), name.as_bytes())? {
            Some(DifferentRecord {
                name: name.to_owned(),
                before: self.record_before(kind, name)?,
                after: self.record_after(kind, name)?,
            })
        } else {
            None
        };
        let mut texts = Vec::new();
        for property in kind.long_texts() {
            if self.differs(ValueOwner::Text, &text_key(name, property))? {
                texts.push((*property).to_owned());
            }
        }
        let differs = record.is_some() || !texts.is_empty();
        Ok(differs.then_some(RecordDifference { record, texts }))
    }

    /// Returns whether a value differs between the two states.
    fn differs(&self, owner: ValueOwner, key: &[u8]) -> Result<bool, StoreError> {
        let (before, after) = (self.before.value(owner, key)?, self.after.value(owner, key)?);
        Ok(match (&before, &after) {
            (Some(before), Some(after)) => before.body() != after.body(),
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => true,
        })
    }

    /// Returns a record before the change.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Damaged`] if it cannot be read.
    pub fn record_before(
        &self,
        kind: Kind,
        name: &str,
    ) -> Result<Option<Stored<AnyRecord>>, StoreError> {
        record(&self.before, kind, name)
    }

    /// Returns a record after the change.
    ///
    /// # Errors
    /// As for [`ReplacedStates::record_before`].
    pub fn record_after(
        &self,
        kind: Kind,
        name: &str,
    ) -> Result<Option<Stored<AnyRecord>>, StoreError> {
        record(&self.after, kind, name)
    }

    /// Returns a long text of a device before the change.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it cannot be read.
    pub fn text_before(&self, device: &str, property: &str) -> Result<Option<String>, StoreError> {
        text(&self.before, device, property)
    }

    /// Returns a long text of a device after the change.
    ///
    /// # Errors
    /// As for [`ReplacedStates::text_before`].
    pub fn text_after(&self, device: &str, property: &str) -> Result<Option<String>, StoreError> {
        text(&self.after, device, property)
    }

    /// Decrypts a record's encrypted secrets.
    ///
    /// # Errors
    /// [`StoreError::UndecryptableSecret`] if one was encrypted with another key.
    pub fn decrypt_secrets(&self, record: &mut AnyRecord) -> Result<(), StoreError> {
        self.vault.decrypt_secrets(&mut **record)
    }
}

fn record(
    state: &PastState,
    kind: Kind,
    name: &str,
) -> Result<Option<Stored<AnyRecord>>, StoreError> {
    let raw = state.value(ValueOwner::Record(kind), name.as_bytes())?;
    raw.map(|raw| Stored::read_any(kind, name.as_bytes(), &raw)).transpose()
}

fn text(state: &PastState, device: &str, property: &str) -> Result<Option<String>, StoreError> {
    let raw = state.value(ValueOwner::Text, &text_key(device, property))?;
    Ok(raw.map(|raw| String::from_utf8_lossy(raw.body()).into_owned()))
}
