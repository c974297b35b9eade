//! Walking over sorted pairs, forwards only.

use std::io;

use crate::{
    disk::{Sorted, SortedReader},
    model::Kind,
};

/// A walk over the pairs of a [`Sorted`]. Of pairs with equal keys it sees the first.
pub(super) struct Cursor<'a> {
    reader: SortedReader<'a>,
    key: Vec<u8>,
    value: Vec<u8>,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Before,
    At,
    Behind,
}

impl<'a> Cursor<'a> {
    /// Stands before the first pair.
    pub fn new(sorted: &'a Sorted) -> Self {
        let reader = sorted.read();
        Self { reader, key: Vec::new(), value: Vec::new(), state: State::Before }
    }

    /// Goes to the next key. Gives the pair there, and none at the end.
    pub fn advance(&mut self) -> io::Result<Option<(&[u8], &[u8])>> {
        while self.state != State::Behind {
            match self.reader.next()? {
                None => self.state = State::Behind,
                Some((key, _)) if self.state == State::At && key == self.key => {}
                Some((key, value)) => {
                    self.key.clear();
                    self.key.extend_from_slice(key);
                    self.value.clear();
                    self.value.extend_from_slice(value);
                    self.state = State::At;
                    return Ok(Some((&self.key, &self.value)));
                }
            }
        }
        Ok(None)
    }

    /// The pair that the walk stands at.
    pub fn here(&self) -> Option<(&[u8], &[u8])> {
        (self.state == State::At).then_some((&self.key[..], &self.value[..]))
    }

    /// Goes on to `key`. Says whether it is there. Keys are sought in ascending order.
    pub fn seek(&mut self, key: &[u8]) -> io::Result<bool> {
        if self.state == State::Before {
            self.advance()?;
        }
        while self.state == State::At && self.key.as_slice() < key {
            self.advance()?;
        }
        Ok(self.state == State::At && self.key == key)
    }
}

/// A key for a record of any kind, sorted by kind and then by name.
pub(super) fn record_key(kind: Kind, name: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 1);
    key.push(kind.index() as u8);
    key.extend_from_slice(name);
    key
}

/// Reads a [`record_key`].
pub(super) fn parse_record_key(key: &[u8]) -> Option<(Kind, &[u8])> {
    let (&kind, name) = key.split_first()?;
    Some((*Kind::ALL.get(usize::from(kind))?, name))
}
