//! Reads the history: changes, newest first, and earlier states of values.

use std::{ops::Bound, sync::Arc};

use sled::{IVec, Tree};
use time::OffsetDateTime;

use super::{
    chain::{LastTouch, Numbers, Touch, ValueChain},
    entry::{ChangeHead, HistoryChange, ReplacedGeneration, Replacement, StoredChange, damaged},
    groups::{HistoryTree, Place},
    keys::{before_prefix, generation_prefix},
};
use crate::{
    model::{AnyRecord, Kind},
    store::{
        LiveView, Raw, StoreError, Stored, contained,
        generation::Generation,
        tree_id::TreeId,
        trees::{ValueOwner, text_key},
    },
};

/// The history of an inventory, as a live view.
pub struct HistoryView {
    /// The parts of the history, the newest first. Their numbers do not overlap.
    parts: Vec<HistoryPart>,
    view: LiveView,
    archive: Option<Arc<Generation>>,
}

/// A range of the history in one database.
pub(super) struct HistoryPart {
    generation: Arc<Generation>,
    /// The part has the changes with greater numbers only.
    after: u64,
    /// The part has the changes up to this number only.
    up_to: u64,
}

/// The first change that the history keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryBegin {
    /// The number of the change.
    pub number: u64,
    /// When it was made.
    pub time: OffsetDateTime,
}

/// The state of a value after a change.
#[derive(Clone, Debug, PartialEq)]
pub enum AtChange<T> {
    /// The value existed.
    Value(T),
    /// The value did not exist.
    Absent,
    /// The history does not reach back to this change. Holds its first change.
    BeforeBegin(Option<HistoryBegin>),
    /// No change has this number yet.
    NotYet,
    /// The value before this change is not known: it replaced the whole generation.
    Replaced(u64),
}

impl<T> AtChange<T> {
    /// Returns whether it is known that the value existed, or that it did not exist.
    pub fn is_known(&self) -> bool {
        matches!(self, Self::Value(_) | Self::Absent)
    }

    /// The value. `None` if it did not exist, or is not known.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::BeforeBegin(_) | Self::NotYet | Self::Replaced(_) => None,
        }
    }

    /// Converts the value.
    ///
    /// # Errors
    /// The error of `convert`.
    fn try_map<U, X>(self, convert: impl FnOnce(T) -> Result<U, X>) -> Result<AtChange<U>, X> {
        Ok(match self {
            Self::Value(value) => AtChange::Value(convert(value)?),
            Self::Absent => AtChange::Absent,
            Self::BeforeBegin(begin) => AtChange::BeforeBegin(begin),
            Self::NotYet => AtChange::NotYet,
            Self::Replaced(number) => AtChange::Replaced(number),
        })
    }
}

/// The value before a change.
pub(super) struct Before {
    pub number: u64,
    pub value: Option<Raw>,
}

impl HistoryView {
    /// Creates a view of the history in the archive and in a generation, which `view` reads too.
    pub(in crate::store) fn new(
        generation: Arc<Generation>,
        archive: Option<Arc<Generation>>,
        view: LiveView,
    ) -> Self {
        // Changes up to this one are taken from the archive, also if the generation has them too.
        let after = archive.as_ref().map_or(0, |archive| archive.summary().version);
        let mut parts = vec![HistoryPart { generation, after, up_to: u64::MAX }];
        let archived = archive.clone();
        parts.extend(archived.map(|generation| HistoryPart { generation, after: 0, up_to: after }));
        Self { parts, view, archive }
    }

    /// The archive. `None` if nothing was archived yet.
    pub(super) fn archive(&self) -> Option<&Generation> {
        self.archive.as_deref()
    }

    /// Returns the stored bytes of a present value, without its chunks.
    pub(super) fn present_value(
        &self,
        owner: ValueOwner,
        key: &[u8],
    ) -> Result<Option<IVec>, StoreError> {
        self.view.trees()?.tree(owner.tree()).get(key)
    }

    /// Returns the version of a present value. `None` if it does not exist.
    pub(super) fn present_version(
        &self,
        owner: ValueOwner,
        key: &[u8],
    ) -> Result<Option<u64>, StoreError> {
        let raw = self.view.trees()?.value(owner, key)?;
        Ok(raw.map(|raw| raw.header.version))
    }

    /// Returns a present long text.
    pub(super) fn present_text(
        &self,
        device: &str,
        property: &str,
    ) -> Result<Option<String>, StoreError> {
        Ok(self.view.text(device, property)?.map(|stored| stored.text))
    }

    /// Returns the head of a change. `None` if the history does not have it.
    pub(super) fn change_head(&self, number: u64) -> Result<Option<ChangeHead>, StoreError> {
        let Some(history) = self.part_of(number).map(HistoryPart::history) else {
            return Ok(None);
        };
        history.at(number)?.map(|place| history.head(&place)).transpose()
    }

    /// The first change of the history. `None` if it has none.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it cannot be read.
    pub fn begin(&self) -> Result<Option<HistoryBegin>, StoreError> {
        Ok(self
            .first_after(0)?
            .map(|change| HistoryBegin { number: change.number, time: change.time }))
    }

    /// The changes with smaller numbers than `below`, the newest first, without their touched values.
    /// `None` begins at the newest change.
    pub fn changes(
        &self,
        below: Option<u64>,
    ) -> impl Iterator<Item = Result<HistoryChange, StoreError>> {
        let mut below = below;
        let mut ended = false;
        std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let change = self.last_below(below).transpose();
            match &change {
                Some(Ok(change)) => below = Some(change.number),
                Some(Err(_)) | None => ended = true,
            }
            change
        })
    }

    /// The changes with greater numbers than `after`, the oldest first, without their touched values.
    /// Changes that are removed from the history meanwhile are not among them.
    pub fn changes_after(
        &self,
        after: u64,
    ) -> impl Iterator<Item = Result<HistoryChange, StoreError>> {
        let mut after = Some(after);
        std::iter::from_fn(move || {
            let change = self.first_after(after?).transpose();
            after = match &change {
                Some(Ok(change)) => Some(change.number),
                Some(Err(_)) | None => None,
            };
            change
        })
    }

    /// Returns a change with its touched values.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it cannot be read.
    pub fn change(&self, number: u64) -> Result<Option<HistoryChange>, StoreError> {
        match self.stored_change(number)? {
            Some(change) => change.shown(number).map(Some),
            None => Ok(None),
        }
    }

    /// Returns the bytes of a change, without the before-values. They do not change as long as the history
    /// keeps the change: they are the same in a group, in the archive, and in a data directory that was
    /// upgraded from format 6.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it cannot be read.
    pub fn encoded_change(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.stored_change(number)?.map(|change| change.encode_without_befores()))
    }

    /// Reads a change.
    fn stored_change(&self, number: u64) -> Result<Option<StoredChange>, StoreError> {
        let Some(history) = self.part_of(number).map(HistoryPart::history) else {
            return Ok(None);
        };
        history.at(number)?.map(|place| history.change(&place)).transpose()
    }

    /// The number of the last change that was made at this time or earlier. `None` if the history
    /// begins later.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the history cannot be read.
    pub fn number_at(&self, time: OffsetDateTime) -> Result<Option<u64>, StoreError> {
        let (Some(first), Some(last)) = (self.first_after(0)?, self.last_below(None)?) else {
            return Ok(None);
        };
        if first.time > time {
            return Ok(None);
        }
        // Times never decrease, so the last change can be searched in halves.
        let (mut low, mut high) = (first.number, last.number);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            match self.first_after(middle - 1)? {
                Some(change) if change.time <= time => low = change.number.max(low),
                Some(_) | None => high = middle - 1,
            }
        }
        Ok(Some(low))
    }

    /// Returns the record before a change that touched it. `None` if the change created it or did not
    /// touch it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Damaged`] if the record cannot be read.
    pub fn record_before(
        &self,
        kind: Kind,
        name: &str,
        number: u64,
    ) -> Result<Option<Stored<AnyRecord>>, StoreError> {
        let raw = self.value_before(ValueOwner::Record(kind), name.as_bytes(), number)?;
        raw.map(|raw| Stored::read_any(kind, name.as_bytes(), &raw)).transpose()
    }

    /// Returns the long text before a change that touched it. `None` if the change created it or did
    /// not touch it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the text cannot be read.
    pub fn text_before(
        &self,
        device: &str,
        property: &str,
        number: u64,
    ) -> Result<Option<String>, StoreError> {
        let key = text_key(device, property);
        let raw = self.value_before(ValueOwner::Text, &key, number)?;
        Ok(raw.map(|raw| String::from_utf8_lossy(raw.body()).into_owned()))
    }

    /// Returns the record as it was after the change with this number.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Damaged`] if the record or the history cannot be read.
    pub fn record_at(
        &self,
        kind: Kind,
        name: &str,
        number: u64,
    ) -> Result<AtChange<Stored<AnyRecord>>, StoreError> {
        let raw = self.value_at(ValueOwner::Record(kind), name.as_bytes(), number)?;
        raw.try_map(|raw| Stored::read_any(kind, name.as_bytes(), &raw))
    }

    /// Returns a long text of a device as it was after the change with this number.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the text or the history cannot be read.
    pub fn text_at(
        &self,
        device: &str,
        property: &str,
        number: u64,
    ) -> Result<AtChange<String>, StoreError> {
        let raw = self.value_at(ValueOwner::Text, &text_key(device, property), number)?;
        raw.try_map(|raw| Ok(String::from_utf8_lossy(raw.body()).into_owned()))
    }

    /// The numbers of the changes that touched a record or one of its long texts, the newest first,
    /// below the given number. Changes of the whole generation are not among them.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the history cannot be read.
    pub fn numbers_of(
        &self,
        kind: Kind,
        name: &str,
        below: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, StoreError> {
        let mut values = vec![(ValueOwner::Record(kind), name.as_bytes().to_vec())];
        if kind == Kind::Device {
            let properties = kind.long_texts().iter();
            values.extend(properties.map(|it| (ValueOwner::Text, text_key(name, it))));
        }
        let mut numbers = Vec::new();
        for (owner, key) in values {
            let mut below = below;
            for _ in 0..limit {
                let Some(LastTouch { number, .. }) = self.last_touch(owner, &key, below)? else {
                    break;
                };
                numbers.push(number);
                below = Some(number);
            }
        }
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.dedup();
        numbers.truncate(limit);
        Ok(numbers)
    }

    /// Returns the last change below a number that gave a record this name: it created or renamed the record.
    /// Changes of the whole generation do not count.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the history cannot be read.
    pub fn named_by(
        &self,
        kind: Kind,
        name: &str,
        below: Option<u64>,
    ) -> Result<Option<u64>, StoreError> {
        let (owner, key) = (ValueOwner::Record(kind), name.as_bytes());
        let mut below = below;
        while let Some(LastTouch { number, existed }) = self.last_touch(owner, key, below)? {
            if !existed {
                return Ok(Some(number));
            }
            below = Some(number);
        }
        Ok(None)
    }

    /// Returns the first change after the change with this number that replaced the whole generation.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the history cannot be read.
    pub fn first_replacement_after(
        &self,
        number: u64,
    ) -> Result<Option<HistoryChange>, StoreError> {
        match self.first_with_prefix(&generation_prefix(), number)? {
            Some((number, ..)) => self.change(number),
            None => Ok(None),
        }
    }

    /// Decrypts a record's encrypted secrets.
    ///
    /// # Errors
    /// [`StoreError::UndecryptableSecret`] if one was encrypted with another key.
    pub fn decrypt_secrets(&self, record: &mut AnyRecord) -> Result<(), StoreError> {
        self.view.decrypt_secrets(&mut **record)
    }

    /// Returns the part of the history that has a change, if any has it.
    fn part_of(&self, number: u64) -> Option<&HistoryPart> {
        self.parts.iter().find(|part| part.after < number)
    }

    /// Returns the last change below a number.
    fn last_below(&self, below: Option<u64>) -> Result<Option<HistoryChange>, StoreError> {
        for part in &self.parts {
            if let Some(change) = part.last_below(below)? {
                return Ok(Some(change));
            }
        }
        Ok(None)
    }

    /// Returns the first change with a greater number.
    fn first_after(&self, number: u64) -> Result<Option<HistoryChange>, StoreError> {
        for part in self.parts.iter().rev() {
            if let Some(change) = part.first_after(number)? {
                return Ok(Some(change));
            }
        }
        Ok(None)
    }

    /// Returns the last change of a value below a number.
    pub(super) fn last_touch(
        &self,
        owner: ValueOwner,
        key: &[u8],
        below: Option<u64>,
    ) -> Result<Option<LastTouch>, StoreError> {
        for part in &self.parts {
            let Some(last) = part.last_number(below) else { continue };
            let numbers = Numbers { first: part.after + 1, last };
            if let Some(touch) = part.chain(owner, key).last_touch(numbers)? {
                return Ok(Some(touch));
            }
        }
        Ok(None)
    }

    /// Returns the last entry of the tree `before` with this prefix, below a number. Changes of records can have
    /// no entry: see [`HistoryView::last_touch`].
    pub(super) fn last_entry_with_prefix(
        &self,
        prefix: &[u8],
        below: Option<u64>,
    ) -> Result<Option<(u64, IVec)>, StoreError> {
        for part in &self.parts {
            let tree = part.tree(TreeId::Before);
            let Some(last) = part.last_number(below) else { continue };
            let from = [prefix, &(part.after + 1).to_be_bytes()].concat();
            let end = [prefix, &last.to_be_bytes()].concat();
            let range = (Bound::Included(from), Bound::Included(end));
            let last = contained::read(tree, || tree.range(range).next_back().transpose())?;
            if let Some((key, value)) = last {
                return Ok(number_at_end(&key).map(|number| (number, value)));
            }
        }
        Ok(None)
    }

    /// Returns the first entry of the tree `before` with this prefix, above a number. Changes of records can
    /// have no entry, but removals have one.
    pub(super) fn first_with_prefix(
        &self,
        prefix: &[u8],
        above: u64,
    ) -> Result<Option<(u64, IVec, &HistoryPart)>, StoreError> {
        for part in self.parts.iter().rev() {
            let tree = part.tree(TreeId::Before);
            let Some(from) = above.max(part.after).checked_add(1) else { continue };
            if from > part.up_to {
                continue;
            }
            let from = [prefix, &from.to_be_bytes()].concat();
            let end = [prefix, &part.up_to.to_be_bytes()].concat();
            let range = (Bound::Included(from), Bound::Included(end));
            let first = contained::read(tree, || tree.range(range).next().transpose())?;
            if let Some((key, value)) = first
                && let Some(number) = number_at_end(&key)
            {
                return Ok(Some((number, value, part)));
            }
        }
        Ok(None)
    }

    /// Returns the value before a change. `None` if the change created it or did not touch it.
    fn value_before(
        &self,
        owner: ValueOwner,
        key: &[u8],
        number: u64,
    ) -> Result<Option<Raw>, StoreError> {
        let Some(part) = self.part_of(number) else { return Ok(None) };
        let value = part.chain(owner, key).before(number)?;
        value.map_or(Ok(None), |value| part.raw(owner, key, value))
    }

    /// Returns the first before-value of a change above a number.
    pub(super) fn first_before(
        &self,
        owner: ValueOwner,
        key: &[u8],
        above: u64,
    ) -> Result<Option<Before>, StoreError> {
        for part in self.parts.iter().rev() {
            let Some(first) = above.max(part.after).checked_add(1) else { continue };
            if first > part.up_to {
                continue;
            }
            let numbers = Numbers { first, last: part.up_to };
            if let Some(Touch { number, before }) = part.chain(owner, key).first_touch(numbers)? {
                return Ok(Some(Before { number, value: part.raw(owner, key, before)? }));
            }
        }
        Ok(None)
    }

    /// Returns the numbers of the changes of the whole generation above a number, sorted.
    pub(super) fn replacements_after(&self, number: u64) -> Result<Vec<u64>, StoreError> {
        let mut numbers = Vec::new();
        let mut last = number;
        while let Some((number, ..)) = self.first_with_prefix(&generation_prefix(), last)? {
            numbers.push(number);
            last = number;
        }
        Ok(numbers)
    }

    /// Returns a value as it was after the change with this number.
    ///
    /// Without a change of the whole generation, it is the before-value of the next change that touched
    /// it, or the present value. Before a bulk load, it is the value after the load if that has an
    /// earlier version.
    fn value_at(
        &self,
        owner: ValueOwner,
        key: &[u8],
        number: u64,
    ) -> Result<AtChange<Raw>, StoreError> {
        // The present value is read first: a change in between then has a before-value.
        let present = self.view.trees()?.value(owner, key)?;
        let begin = self.begin()?;
        let version = self.view.summary()?.version;
        if number > version {
            return Ok(AtChange::NotYet);
        }
        if begin.map_or(number < version, |begin| number + 1 < begin.number) {
            return Ok(AtChange::BeforeBegin(begin));
        }
        let replacements = self.replacements_after(number)?;
        // First the value after the last replacement, then those before it. `Err` holds the replacement
        // before which the value is not known.
        let mut state = Ok(present);
        let mut limit: Option<u64> = None;
        for start in replacements.iter().copied().rev().chain([number]) {
            let next = self.first_before(owner, key, start)?;
            match next.filter(|next| limit.is_none_or(|limit| next.number < limit)) {
                Some(next) => state = Ok(next.value),
                None => {
                    if let (Some(replacement), Ok(after)) = (limit, &state) {
                        let version = after.as_ref().map(|after| after.header.version);
                        let change = self.change(replacement)?;
                        if !change.is_some_and(|change| is_kept_by(&change, owner, version)) {
                            state = Err(replacement);
                        }
                    }
                }
            }
            limit = Some(start);
        }
        Ok(match state {
            // Part of the history is missing, for example because a damaged archive was moved aside.
            Ok(Some(value)) if value.header.version > number => {
                AtChange::Replaced(value.header.version)
            }
            Ok(Some(value)) => AtChange::Value(value),
            Ok(None) => AtChange::Absent,
            Err(replacement) => AtChange::Replaced(replacement),
        })
    }
}

impl HistoryPart {
    fn tree(&self, tree: TreeId) -> &Tree {
        self.generation.tree(tree)
    }

    /// Returns the largest number below another one that this part can have.
    fn last_number(&self, below: Option<u64>) -> Option<u64> {
        let last = below.map_or(Some(u64::MAX), |below| below.checked_sub(1))?.min(self.up_to);
        (last > self.after).then_some(last)
    }

    fn history(&self) -> HistoryTree<'_> {
        HistoryTree::new(self.tree(TreeId::History))
    }

    fn chain<'a>(&'a self, owner: ValueOwner, key: &'a [u8]) -> ValueChain<'a> {
        ValueChain::new(&self.generation, owner, key)
    }

    /// Returns the last change of this part below a number.
    fn last_below(&self, below: Option<u64>) -> Result<Option<HistoryChange>, StoreError> {
        let Some(last) = self.last_number(below) else { return Ok(None) };
        let place = self.history().last_up_to(last)?;
        place.filter(|place| place.number > self.after).map(|place| self.head(&place)).transpose()
    }

    /// Returns the first change of this part with a greater number.
    fn first_after(&self, number: u64) -> Result<Option<HistoryChange>, StoreError> {
        let Some(from) = number.max(self.after).checked_add(1) else { return Ok(None) };
        let place = self.history().first_from(from)?;
        place.filter(|place| place.number <= self.up_to).map(|place| self.head(&place)).transpose()
    }

    /// Reads the head of a change.
    fn head(&self, place: &Place) -> Result<HistoryChange, StoreError> {
        let head = self.history().head(place)?;
        let number = place.number;
        head.shown(number).ok_or_else(|| damaged(number, "its time or its counts are wrong"))
    }

    /// Returns the value of an entry of the tree `before`, with its chunks.
    fn raw(&self, owner: ValueOwner, key: &[u8], value: IVec) -> Result<Option<Raw>, StoreError> {
        if value.is_empty() {
            return Ok(None);
        }
        let raw = self.generation.trees().with_chunks(owner, key, value)?;
        raw.map(Some).ok_or_else(|| StoreError::Damaged {
            part: "history",
            detail: "parts of a before-value are missing".to_owned(),
        })
    }
}

/// Returns the value before the first change of a generation above a number that touched it. `None` if it
/// did not exist. The caller knows that there is such a change.
///
/// # Errors
/// [`StoreError::Damaged`] if there is none, or if the value cannot be read.
pub(in crate::store) fn before_next_change(
    generation: &Arc<Generation>,
    owner: ValueOwner,
    key: &[u8],
    above: u64,
) -> Result<Option<Raw>, StoreError> {
    let part = HistoryPart { generation: generation.clone(), after: above, up_to: u64::MAX };
    let prefix = before_prefix(owner, key);
    let from = [&prefix[..], &(above + 1).to_be_bytes()].concat();
    let to = [&prefix[..], &u64::MAX.to_be_bytes()].concat();
    let tree = part.tree(TreeId::Before);
    let first = contained::read(tree, || tree.range(from..=to).next().transpose())?;
    let (_, value) = first.ok_or_else(|| StoreError::Damaged {
        part: "history",
        detail: format!("a before-value after change {above} is missing"),
    })?;
    part.raw(owner, key, value)
}

/// The number at the end of a key of the tree `before`.
fn number_at_end(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|number| u64::from_be_bytes(*number))
}

/// Returns whether a change of the whole generation certainly left a value as it was. `version` is the version
/// of the value after the change; `None` if it does not exist then.
pub(super) fn is_kept_by(change: &HistoryChange, owner: ValueOwner, version: Option<u64>) -> bool {
    if !is_load(change) {
        return false;
    }
    if let Some(version) = version {
        return version < change.number;
    }
    // A load removes a long text only together with its device.
    let kind = match owner {
        ValueOwner::Record(kind) => kind,
        ValueOwner::Text => Kind::Device,
    };
    change.counts[kind].removed == 0
}

/// Returns whether a bulk load replaced the whole generation.
pub(super) fn is_load(change: &HistoryChange) -> bool {
    matches!(change.replaced, Some(ReplacedGeneration { by: Replacement::Load, .. }))
}
