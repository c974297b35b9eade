//! Finds the changes of the whole generation that can have changed a record.
//!
//! Such a change has no before-values. Its versions and counts still show that it left many records as they
//! were: a bulk load keeps the version of a record that it does not change.

use super::{
    entry::{ChangeCounts, HistoryChange},
    past::PastState,
    read::{Before, HistoryView, is_kept_by, is_load},
};
use crate::{
    model::Kind,
    store::{
        StoreError,
        trees::{ValueOwner, text_key},
    },
};

/// A walk over the changes of the whole generation, the newest first. It follows the versions of the records
/// with one name, and of their long texts.
pub(in crate::store) struct ReplacementWalk<'h> {
    history: &'h HistoryView,
    values: Vec<FollowedValue>,
    /// The numbers of the changes that follow, the next one last.
    numbers: Vec<u64>,
    /// The number of the change before which `FollowedValue::version` is.
    newer: Option<u64>,
}

/// A record or a long text.
struct FollowedValue {
    kind: Kind,
    owner: ValueOwner,
    key: Vec<u8>,
    version: ValueVersion,
    may_differ: bool,
    /// Whether the change certainly created or changed the value.
    is_written: bool,
}

/// The version of a value at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValueVersion {
    /// The value is known: its version, or `None` if it does not exist.
    Known(Option<u64>),
    Unknown,
}

impl<'h> ReplacementWalk<'h> {
    /// Begins at the present state.
    pub(in crate::store) fn begin(
        history: &'h HistoryView,
        kinds: &[Kind],
        name: &str,
    ) -> Result<Self, StoreError> {
        let mut values = Vec::new();
        for kind in kinds.iter().copied() {
            values.push((kind, ValueOwner::Record(kind), name.as_bytes().to_vec()));
            if kind == Kind::Device {
                let texts = kind.long_texts().iter();
                let texts = texts.map(|property| text_key(name, property));
                values.extend(texts.map(|key| (kind, ValueOwner::Text, key)));
            }
        }
        // The present values are read first: a change in between then has a before-value.
        let values = values.into_iter().map(|(kind, owner, key)| {
            let version = history.present_version(owner, &key)?;
            let version = ValueVersion::Known(version);
            Ok(FollowedValue { kind, owner, key, version, may_differ: false, is_written: false })
        });
        let values = values.collect::<Result<_, StoreError>>()?;
        let numbers = history.replacements_after(0)?;
        Ok(Self { history, values, numbers, newer: None })
    }

    /// Returns the next change of the whole generation.
    pub(in crate::store) fn next(&mut self) -> Result<Option<HistoryChange>, StoreError> {
        while let Some(number) = self.numbers.pop() {
            // It can be removed from the history meanwhile.
            let Some(change) = self.history.change(number)? else { continue };
            let mut has_device = false;
            for value in &mut self.values {
                let between = self.history.first_before(value.owner, &value.key, number)?;
                let is_older =
                    |before: &Before| self.newer.is_none_or(|newer| before.number < newer);
                if let Some(before) = between.filter(is_older) {
                    let raw = before.value.as_ref();
                    value.version = ValueVersion::Known(raw.map(|raw| raw.header.version));
                }
                // The device is followed before its texts.
                if let ValueOwner::Record(Kind::Device) = value.owner {
                    has_device = matches!(value.version, ValueVersion::Known(Some(_)));
                }
                value.may_differ = !value.is_certainly_kept_by(&change, has_device);
                // A load gives its own version only to the values that it creates or changes.
                value.is_written =
                    is_load(&change) && value.version == ValueVersion::Known(Some(change.number));
                if value.may_differ {
                    value.version = ValueVersion::Unknown;
                }
            }
            self.newer = Some(number);
            return Ok(Some(change));
        }
        Ok(None)
    }

    /// Returns whether the change that was returned last can have changed the record of a kind.
    pub(in crate::store) fn may_differ(&self, kind: Kind) -> bool {
        self.values.iter().any(|value| value.kind == kind && value.may_differ)
    }

    /// Returns whether the change that was returned last certainly created or changed the record of a kind.
    pub(in crate::store) fn certainly_differs(&self, kind: Kind) -> bool {
        self.values.iter().any(|value| value.kind == kind && value.is_written)
    }

    /// Takes the versions of the state before the change that was returned last.
    pub(in crate::store) fn continue_from(&mut self, before: &PastState) -> Result<(), StoreError> {
        for value in self.values.iter_mut().filter(|value| value.may_differ) {
            let raw = before.value(value.owner, &value.key)?;
            value.version = ValueVersion::Known(raw.map(|raw| raw.header.version));
        }
        Ok(())
    }
}

impl FollowedValue {
    /// Returns whether a change certainly left the value as it was. `has_device` says whether the device of
    /// the value certainly exists after the change.
    fn is_certainly_kept_by(&self, change: &HistoryChange, has_device: bool) -> bool {
        if is_kind_untouched(change, self.kind) {
            return true;
        }
        match (self.version, self.owner) {
            (ValueVersion::Unknown, _) => false,
            // A load removes a long text only together with its device.
            (ValueVersion::Known(None), ValueOwner::Text) if has_device => is_load(change),
            (ValueVersion::Known(version), owner) => is_kept_by(change, owner, version),
        }
    }
}

/// Returns whether a change of the whole generation changed no record of a kind, by its counts. They are not
/// known if all of them are 0.
fn is_kind_untouched(change: &HistoryChange, kind: Kind) -> bool {
    let untouched = ChangeCounts::default();
    change.counts[kind] == untouched && change.counts.iter().any(|(_, counts)| *counts != untouched)
}
