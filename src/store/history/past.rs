//! The values of one generation as they were after a change, and the differences of two such states.
//!
//! A generation holds the before-value of each change that was made in it. So the value after an earlier
//! change is the first before-value of a later change, or the present value if there is none. The first
//! before-value in the tree `before`, or the present value, leads to those inside the changes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use sled::IVec;

use super::{
    chain::ValueChain,
    entry::version,
    keys::{BeforeKey, before_key, before_prefix, owner_code, parse_before_key},
};
use crate::store::{Raw, StoreError, generation::Generation, tree_id::TreeId, trees::ValueOwner};

/// The number of values that a walk reads at once. One has at most 4 KB.
const BATCH_VALUES: usize = 256;

/// The largest number of values with a before-value in one batch.
const BATCH_BEFORE_MAX: usize = 1024;

/// The state of a generation after a change.
#[derive(Clone)]
pub(in crate::store) struct PastState {
    generation: Arc<Generation>,
    number: u64,
}

/// A value of a past state. Its chunks are not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PastValue {
    key: Vec<u8>,
    bytes: IVec,
}

/// A value that differs between two states.
pub(in crate::store) struct DifferentValue {
    pub key: Vec<u8>,
    /// The value in the first state; `None` if it did not exist.
    pub before: Option<Raw>,
    /// The value in the second state.
    pub after: Option<Raw>,
}

impl PastState {
    /// The state of a generation after the change with this number, or directly after the last change before
    /// it.
    pub(in crate::store) fn new(generation: Arc<Generation>, number: u64) -> Self {
        Self { generation, number }
    }

    /// Returns a value.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] or [`StoreError::Corrupt`] if it cannot be read.
    pub(in crate::store) fn value(
        &self,
        owner: ValueOwner,
        key: &[u8],
    ) -> Result<Option<Raw>, StoreError> {
        let trees = self.generation.trees();
        // The present value is read first: a change in between then has a before-value.
        let present = trees.tree(owner.tree()).get(key)?;
        let prefix = before_prefix(owner, key);
        let mut later =
            trees.tree(TreeId::Before).prefix_from(&prefix, &self.first_later(owner, key));
        let later = match later.next().transpose()? {
            Some((_, before)) => Some(before),
            None => present,
        };
        match self.chain(owner, key).value_at(later, self.number)? {
            Some(value) => self.raw(owner, key, value),
            None => Ok(None),
        }
    }

    fn chain<'a>(&'a self, owner: ValueOwner, key: &'a [u8]) -> ValueChain<'a> {
        ValueChain::new(&self.generation, owner, key)
    }

    /// The smallest key of a before-value after this state.
    fn first_later(&self, owner: ValueOwner, key: &[u8]) -> Vec<u8> {
        before_key(owner, key, self.number.saturating_add(1))
    }

    /// Reads the chunks of a value.
    fn raw(&self, owner: ValueOwner, key: &[u8], bytes: IVec) -> Result<Option<Raw>, StoreError> {
        // A concurrent change keeps the chunks of the value that it replaces, for its before-value.
        match self.generation.trees().with_chunks(owner, key, bytes)? {
            Some(raw) => Ok(Some(raw)),
            None => {
                let detail = "parts of an earlier value are missing".to_owned();
                Err(StoreError::Damaged { part: "history", detail })
            }
        }
    }

    /// Returns the next values after `after`, sorted by key, and whether these were the last ones.
    fn batch(
        &self,
        owner: ValueOwner,
        after: Option<&[u8]>,
    ) -> Result<(VecDeque<PastValue>, bool), StoreError> {
        let trees = self.generation.trees();
        let mut values = BTreeMap::new();
        let mut end: Option<Vec<u8>> = None;
        for entry in trees.tree(owner.tree()).prefix_from(&[], after.unwrap_or_default()) {
            let (key, bytes) = entry?;
            if Some(&*key) == after {
                continue;
            }
            values.insert(key.to_vec(), Some(bytes));
            if values.len() == BATCH_VALUES {
                end = Some(key.to_vec());
                break;
            }
        }
        // After the values: a value that was replaced or removed since then has a before-value.
        let from = match after {
            Some(after) => before_key(owner, after, u64::MAX),
            None => vec![owner_code(owner)],
        };
        let mut before: BTreeMap<Vec<u8>, Option<IVec>> = BTreeMap::new();
        for entry in trees.tree(TreeId::Before).prefix_from(&[owner_code(owner)], &from) {
            let (entry_key, bytes) = entry?;
            let Some(BeforeKey::Value { key, number, .. }) = parse_before_key(&entry_key) else {
                continue;
            };
            if end.as_deref().is_some_and(|end| key > end) {
                break;
            }
            if Some(key) == after || number <= self.number || before.contains_key(key) {
                continue;
            }
            if before.len() == BATCH_BEFORE_MAX {
                end = before.keys().next_back().cloned();
                break;
            }
            before.insert(key.to_vec(), Some(bytes));
        }
        values.extend(before);
        let is_end = end.is_none();
        let within =
            values.into_iter().filter(|(key, _)| end.as_ref().is_none_or(|end| key <= end));
        let found = within.filter_map(|(key, later)| {
            let bytes = self.chain(owner, &key).value_at(later, self.number).transpose()?;
            Some(bytes.map(|bytes| PastValue { key, bytes }))
        });
        let found: VecDeque<PastValue> = found.collect::<Result<_, StoreError>>()?;
        // A batch of removed values is empty and not the last one.
        match end {
            Some(end) if found.is_empty() => self.batch(owner, Some(&end)),
            _ => Ok((found, is_end)),
        }
    }

    /// Begins a walk over the values of an owner after `after`.
    fn walk(&self, owner: ValueOwner, after: Option<&[u8]>) -> Walk<'_> {
        Walk {
            state: self,
            owner,
            last: after.map(<[u8]>::to_vec),
            batch: VecDeque::new(),
            is_end: false,
        }
    }
}

/// A walk over the values of a past state, sorted by key.
struct Walk<'a> {
    state: &'a PastState,
    owner: ValueOwner,
    /// The last key that was read.
    last: Option<Vec<u8>>,
    batch: VecDeque<PastValue>,
    is_end: bool,
}

impl Walk<'_> {
    /// Returns the next value without consuming it.
    fn peek(&mut self) -> Result<Option<&PastValue>, StoreError> {
        if self.batch.is_empty() && !self.is_end {
            (self.batch, self.is_end) = self.state.batch(self.owner, self.last.as_deref())?;
            if let Some(last) = self.batch.back() {
                self.last = Some(last.key.clone());
            }
        }
        Ok(self.batch.front())
    }

    fn take(&mut self) -> Option<PastValue> {
        self.batch.pop_front()
    }
}

/// The differences of two states, sorted by key. Memory does not grow with the inventory.
pub(in crate::store) struct Differences<'a> {
    owner: ValueOwner,
    before: Walk<'a>,
    after: Walk<'a>,
}

impl<'a> Differences<'a> {
    /// Begins with the first value after `from`.
    pub(in crate::store) fn new(
        owner: ValueOwner,
        [before, after]: [&'a PastState; 2],
        from: Option<&[u8]>,
    ) -> Self {
        Self { owner, before: before.walk(owner, from), after: after.walk(owner, from) }
    }

    fn next_different(&mut self) -> Result<Option<DifferentValue>, StoreError> {
        loop {
            let before = self.before.peek()?.map(|value| value.key.clone());
            let after = self.after.peek()?.map(|value| value.key.clone());
            let key = match (&before, &after) {
                (None, None) => return Ok(None),
                (Some(before), Some(after)) => before.min(after).clone(),
                (Some(key), None) | (None, Some(key)) => key.clone(),
            };
            let before = (before.as_ref() == Some(&key)).then(|| self.before.take()).flatten();
            let after = (after.as_ref() == Some(&key)).then(|| self.after.take()).flatten();
            if let (Some(before), Some(after)) = (&before, &after)
                && version(Some(&before.bytes))? == version(Some(&after.bytes))?
            {
                // A version stands for one value.
                continue;
            }
            let before = self.read(self.before.state, before)?;
            let after = self.read(self.after.state, after)?;
            if let (Some(before), Some(after)) = (&before, &after)
                && before.body() == after.body()
            {
                continue;
            }
            return Ok(Some(DifferentValue { key, before, after }));
        }
    }

    fn read(&self, state: &PastState, value: Option<PastValue>) -> Result<Option<Raw>, StoreError> {
        match value {
            Some(PastValue { key, bytes }) => state.raw(self.owner, &key, bytes),
            None => Ok(None),
        }
    }
}

impl Iterator for Differences<'_> {
    type Item = Result<DifferentValue, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_different().transpose()
    }
}
