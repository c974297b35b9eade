//! A cursor over sorted pairs that moves forwards only.

use super::ImportError;
use crate::{
    disk::{Sorted, SortedReader},
    model::Kind,
};

/// A key and its value.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// A cursor over the pairs of a [`Sorted`]. Of several pairs with equal keys, it visits the first.
pub(super) struct SortedCursor<'a> {
    reader: SortedReader<'a>,
    key: Vec<u8>,
    value: Vec<u8>,
    state: CursorState,
}

#[derive(PartialEq)]
enum CursorState {
    /// Before the first pair.
    Before,
    /// At a pair, which is held in `key` and `value`.
    At,
    /// After the last pair.
    After,
}

impl<'a> SortedCursor<'a> {
    /// A cursor before the first pair.
    pub(super) fn new(sorted: &'a Sorted) -> Self {
        let reader = sorted.read();
        Self { reader, key: Vec::new(), value: Vec::new(), state: CursorState::Before }
    }

    /// Moves to the next key, and returns the pair there; `None` at the end.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if the pair cannot be read.
    pub(super) fn advance(&mut self) -> Result<Option<Pair<'_>>, ImportError> {
        while self.state != CursorState::After {
            match self.reader.next().map_err(ImportError::TemporaryFile)? {
                None => self.state = CursorState::After,
                Some((key, _)) if self.state == CursorState::At && key == self.key => {}
                Some((key, value)) => {
                    self.key.clear();
                    self.key.extend_from_slice(key);
                    self.value.clear();
                    self.value.extend_from_slice(value);
                    self.state = CursorState::At;
                    return Ok(Some((&self.key, &self.value)));
                }
            }
        }
        Ok(None)
    }

    /// The pair at the cursor.
    pub(super) fn current(&self) -> Option<Pair<'_>> {
        (self.state == CursorState::At).then_some((&self.key[..], &self.value[..]))
    }

    /// Moves forwards to `key`, and returns whether it is present. The caller must seek keys in
    /// ascending order.
    ///
    /// # Errors
    /// As [`SortedCursor::advance`].
    pub(super) fn seek(&mut self, key: &[u8]) -> Result<bool, ImportError> {
        if self.state == CursorState::Before {
            self.advance()?;
        }
        while self.state == CursorState::At && self.key.as_slice() < key {
            self.advance()?;
        }
        Ok(self.state == CursorState::At && self.key == key)
    }
}

/// The key of a record of any kind. Keys sort by kind, then by name.
pub(super) fn record_key(kind: Kind, name: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 1);
    key.push(kind.index() as u8);
    key.extend_from_slice(name);
    key
}

/// Parses a [`record_key`].
///
/// # Errors
/// [`ImportError::TemporaryFileDamaged`] if the bytes are not a record key.
pub(super) fn parse_record_key(key: &[u8]) -> Result<(Kind, &[u8]), ImportError> {
    let (&kind, name) = key.split_first().ok_or(ImportError::TemporaryFileDamaged)?;
    let kind = Kind::ALL.get(usize::from(kind)).ok_or(ImportError::TemporaryFileDamaged)?;
    Ok((*kind, name))
}
