//! Follows the changes of a record backwards.
//!
//! The version of a value is the number of the change that wrote it. A change holds the value before it, or
//! the tree `before` does. So the values of a record form a chain: from the present one, or from an entry of
//! the tree `before`, to earlier ones. It ends where the record was created, at a change of the whole
//! generation, and where the history begins.
//!
//! A removed record has an entry in the tree `before`, and so has one change of about 32
//! ([`TouchedValues`](super::TouchedValues)). A reader begins at the first entry after the moment that it asks
//! for, so a chain is short however often the record was changed.

use sled::IVec;

use super::{
    entry::{StoredBefore, damaged, version},
    groups::HistoryTree,
    keys::{before_key, before_prefix},
};
use crate::store::{
    StoreError, contained, generation::Generation, tree_id::TreeId, trees::ValueOwner,
};

/// The chain of one value in one database.
#[derive(Clone, Copy)]
pub(in crate::store) struct ValueChain<'a> {
    generation: &'a Generation,
    owner: ValueOwner,
    key: &'a [u8],
}

/// A change of a value.
pub(in crate::store) struct Touch {
    /// The number of the change.
    pub number: u64,
    /// The stored bytes of the value before it, without chunks. Empty if it did not exist.
    pub before: IVec,
}

/// A change of a value, of which the value before is not read.
#[derive(Clone, Copy)]
pub(super) struct LastTouch {
    /// The number of the change.
    pub number: u64,
    /// Whether the value existed before.
    pub existed: bool,
}

/// The numbers of changes that a reader asks for.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    pub first: u64,
    pub last: u64,
}

impl<'a> ValueChain<'a> {
    pub(in crate::store) fn new(
        generation: &'a Generation,
        owner: ValueOwner,
        key: &'a [u8],
    ) -> Self {
        Self { generation, owner, key }
    }

    /// Returns the value before a change. Empty bytes if it did not exist. `None` if the change did not touch
    /// it, or if it is not in the history.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the history cannot be read. All methods return this error.
    pub(super) fn before(&self, number: u64) -> Result<Option<IVec>, StoreError> {
        let tree = self.generation.tree(TreeId::Before);
        let key = before_key(self.owner, self.key, number);
        if let Some(value) = contained::read(tree, || tree.get(key))? {
            return Ok(Some(value));
        }
        match self.inside(number)? {
            Some(before @ StoredBefore::Difference(_)) => {
                let later = self.later(number.saturating_add(1))?;
                let later = self.value_at(later, number)?;
                before.value(later.as_ref(), number).map(Some)
            }
            Some(before) => before.value(None, number).map(Some),
            None => Ok(None),
        }
    }

    /// Returns the last change of the value among these. Their last one must be that of the history, or all
    /// later changes must be in this database.
    pub(super) fn last_touch(&self, numbers: Numbers) -> Result<Option<LastTouch>, StoreError> {
        let inside = self.last_inside(numbers)?;
        let entry = self
            .last_entry(numbers)?
            .map(|touch| LastTouch { number: touch.number, existed: !touch.before.is_empty() });
        Ok(inside.into_iter().chain(entry).max_by_key(|touch| touch.number))
    }

    /// Returns the first change of the value among these, as [`ValueChain::last_touch`].
    pub(super) fn first_touch(&self, numbers: Numbers) -> Result<Option<Touch>, StoreError> {
        // The present value is read first: a removal in between then has an entry.
        let present = self.present()?;
        let indexed = self.first_entry(numbers.first)?;
        let mut value = indexed.as_ref().map_or(present, |touch| Some(touch.before.clone()));
        let mut first = indexed.filter(|touch| touch.number <= numbers.last);
        while let Some(number) = version(value.as_ref())?.filter(|it| *it >= numbers.first) {
            let Some(before) = self.inside(number)? else { break };
            let before = before.value(value.as_ref(), number)?;
            if number <= numbers.last {
                first = Some(Touch { number, before: before.clone() });
            }
            value = Some(before);
        }
        Ok(first)
    }

    /// Returns the value as it was after the change with this number. `later` are the stored bytes of a value
    /// after it, before any entry of the tree `before`. `None` if the value did not exist. A value with a later
    /// version is returned as it is, if the history does not have the value before it.
    pub(super) fn value_at(
        &self,
        later: Option<IVec>,
        number: u64,
    ) -> Result<Option<IVec>, StoreError> {
        let mut value = later.filter(|value| !value.is_empty());
        while let Some(later) = version(value.as_ref())?.filter(|it| *it > number) {
            let Some(before) = self.inside(later)? else { break };
            value = Some(before.value(value.as_ref(), later)?).filter(|value| !value.is_empty());
        }
        Ok(value)
    }

    /// Returns the change that wrote a value, with the value before it, if the change holds that and it existed.
    /// `later` are the stored bytes of the written value.
    pub(in crate::store) fn before_inside(
        &self,
        later: &IVec,
    ) -> Result<Option<Touch>, StoreError> {
        let Some(number) = version(Some(later))? else { return Ok(None) };
        let Some(inside) = self.inside(number)? else { return Ok(None) };
        let before = inside.value(Some(later), number)?;
        Ok(Some(Touch { number, before }).filter(|touch| !touch.before.is_empty()))
    }

    /// Returns the last change among these that holds its before-value. Reads only the versions of the values.
    fn last_inside(&self, numbers: Numbers) -> Result<Option<LastTouch>, StoreError> {
        if !self.can_be_inside() {
            return Ok(None);
        }
        let next = numbers.last.checked_add(1);
        // Often the caller has found the next change already.
        let mut number = match next.map(|next| self.inside(next)).transpose()?.flatten() {
            Some(before) => before.version(numbers.last.saturating_add(1))?,
            None => version(self.later(next.unwrap_or(u64::MAX))?.as_ref())?,
        };
        while let Some(touching) = number.filter(|number| *number >= numbers.first) {
            let Some(before) = self.inside(touching)? else { break };
            number = before.version(touching)?;
            if touching <= numbers.last {
                return Ok(Some(LastTouch { number: touching, existed: number.is_some() }));
            }
        }
        Ok(None)
    }

    /// Returns the before-value inside a change. `None` if the change does not hold it.
    fn inside(&self, number: u64) -> Result<Option<StoredBefore>, StoreError> {
        if !self.can_be_inside() {
            return Ok(None);
        }
        let history = HistoryTree::new(self.generation.tree(TreeId::History));
        let Some(place) = history.at(number)? else { return Ok(None) };
        let before = history.change(&place)?.take_before(self.owner, self.key);
        let Some(before) = before.filter(|before| *before != StoredBefore::Entry) else {
            return Ok(None);
        };
        // Otherwise a damaged chain could have no end.
        if before.version(number)?.is_some_and(|version| version >= number) {
            return Err(damaged(number, "the value before it has a later version"));
        }
        Ok(Some(before))
    }

    /// Returns the value before the first entry of the tree `before` from a number on, or the present one.
    fn later(&self, number: u64) -> Result<Option<IVec>, StoreError> {
        // The present value is read first: a removal in between then has an entry.
        let present = self.present()?;
        Ok(self.first_entry(number)?.map_or(present, |touch| Some(touch.before)))
    }

    /// Returns whether a change can hold a before-value of this owner: the texts are in the tree `before`.
    fn can_be_inside(&self) -> bool {
        match self.owner {
            ValueOwner::Record(_) => true,
            ValueOwner::Text => false,
        }
    }

    /// The stored bytes of the present value.
    fn present(&self) -> Result<Option<IVec>, StoreError> {
        let tree = self.generation.tree(self.owner.tree());
        contained::read(tree, || tree.get(self.key))
    }

    /// Returns the first entry of the tree `before` from a number on.
    fn first_entry(&self, number: u64) -> Result<Option<Touch>, StoreError> {
        let tree = self.generation.tree(TreeId::Before);
        let range = self.entries(Numbers { first: number, last: u64::MAX });
        Ok(touch(contained::read(tree, || tree.range(range).next().transpose())?))
    }

    /// Returns the last entry of the tree `before` with one of these numbers.
    fn last_entry(&self, numbers: Numbers) -> Result<Option<Touch>, StoreError> {
        let tree = self.generation.tree(TreeId::Before);
        let range = self.entries(numbers);
        Ok(touch(contained::read(tree, || tree.range(range).next_back().transpose())?))
    }

    fn entries(&self, numbers: Numbers) -> std::ops::RangeInclusive<Vec<u8>> {
        let prefix = before_prefix(self.owner, self.key);
        let key = |number: u64| [&prefix[..], &number.to_be_bytes()].concat();
        key(numbers.first)..=key(numbers.last)
    }
}

/// Returns the change of an entry of the tree `before`.
fn touch(entry: Option<(IVec, IVec)>) -> Option<Touch> {
    let (key, before) = entry?;
    Some(Touch { number: u64::from_be_bytes(*key.last_chunk()?), before })
}
