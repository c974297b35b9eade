//! Anchors and aliases: the values of aliases, and the shared collections of a record.

use std::collections::{HashMap, VecDeque};

use super::error::Rule;
use super::{ANCHOR_BYTES_MAX, ANCHORS_MAX};
use crate::model::{Map, Shared, Value};

/// The value of an anchor.
struct Anchored {
    /// A collection is wrapped as [`Shared`]; the label counts the anchors of the record.
    value: Value,
    bytes: u64,
    height: usize,
    record: u64,
}

/// The size of the value that an alias refers to.
pub(super) struct Expansion {
    /// The size in bytes, as the limits count it.
    pub bytes: u64,
    /// The number of levels of collections.
    pub height: usize,
    pub origin: Origin,
}

/// Tells whether the anchor of an alias belongs to the same record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    SameRecord,
    EarlierRecord,
}

/// The remembered anchors of a document.
#[derive(Default)]
pub(super) struct Anchors {
    known: HashMap<String, Anchored>,
    /// The names of `known`, oldest first.
    order: VecDeque<String>,
    bytes: u64,
    /// The names of the anchors of the collections that are not finished.
    open: Vec<String>,
    record: u64,
    /// The number of anchors of this record so far.
    labels: u32,
}

impl Anchors {
    /// Starts a node with an anchor, and returns its label.
    ///
    /// # Errors
    /// [`Rule::DuplicateAnchor`] if the name is in use.
    pub(super) fn open(&mut self, name: String) -> Result<u32, Rule> {
        if self.known.contains_key(&name) || self.open.contains(&name) {
            return Err(Rule::DuplicateAnchor { name });
        }
        self.open.push(name);
        self.labels += 1;
        Ok(self.labels - 1)
    }

    /// Ends the node that was started last, and returns its value. A collection is marked as shared
    /// until [`finish_record`](Self::finish_record).
    pub(super) fn close(&mut self, value: Value, label: u32, bytes: u64, height: usize) -> Value {
        let Some(name) = self.open.pop() else { return value };
        let value = match value {
            Value::List(_) | Value::Tuple(_) | Value::Map(_) => {
                Value::Shared(Shared { label, value: Box::new(value) })
            }
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Timestamp(_)
            | Value::Binary(_)
            | Value::Shared(_) => value,
        };
        let anchored = Anchored { value: value.clone(), bytes, height, record: self.record };
        self.bytes += bytes;
        self.known.insert(name.clone(), anchored);
        self.order.push_back(name);
        while self.known.len() > ANCHORS_MAX || self.bytes > ANCHOR_BYTES_MAX {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(forgotten) = self.known.remove(&oldest) {
                self.bytes -= forgotten.bytes;
            }
        }
        value
    }

    /// Returns the size of the value of an alias.
    ///
    /// # Errors
    /// [`Rule::RecursiveAlias`] inside of its own anchor, [`Rule::UndefinedAlias`] for an unknown
    /// anchor.
    pub(super) fn measure(&self, name: &str) -> Result<Expansion, Rule> {
        if self.open.iter().any(|open| open == name) {
            return Err(Rule::RecursiveAlias { name: name.to_owned() });
        }
        match self.known.get(name) {
            Some(anchored) => Ok(Expansion {
                bytes: anchored.bytes,
                height: anchored.height,
                origin: if anchored.record == self.record {
                    Origin::SameRecord
                } else {
                    Origin::EarlierRecord
                },
            }),
            None => Err(Rule::UndefinedAlias { name: name.to_owned() }),
        }
    }

    /// Returns a copy of the value of an alias. A value of an earlier record is not marked as shared,
    /// because records are independent of each other.
    pub(super) fn copy(&self, name: &str) -> Result<Value, Rule> {
        let Some(anchored) = self.known.get(name) else {
            return Err(Rule::UndefinedAlias { name: name.to_owned() });
        };
        let value = anchored.value.clone();
        Ok(if anchored.record == self.record { value } else { Uses::default().relabel(value) })
    }

    /// Ends a record: removes the mark from collections that no alias refers to, and renumbers the
    /// labels from 0.
    pub(super) fn finish_record(&mut self, record: Value) -> Value {
        self.record += 1;
        if std::mem::take(&mut self.labels) == 0 {
            return record;
        }
        renumbered(record)
    }
}

/// Returns the record with only those collections marked as shared that occur twice or more. Labels
/// count from 0 in the order of first occurrences.
pub(super) fn renumbered(record: Value) -> Value {
    let mut uses = Uses::default();
    uses.count(&record);
    uses.relabel(record)
}

/// The number of occurrences of each label. The content of a second occurrence is not counted: an
/// object inside of a shared object is shared only through its parent.
#[derive(Default)]
struct Uses {
    counts: HashMap<u32, u32>,
    labels: HashMap<u32, u32>,
}

impl Uses {
    fn count(&mut self, value: &Value) {
        match value {
            Value::List(items) | Value::Tuple(items) => {
                items.iter().for_each(|item| self.count(item));
            }
            Value::Map(map) => map.iter().for_each(|(key, value)| {
                self.count(key);
                self.count(value);
            }),
            Value::Shared(shared) => {
                let count = self.counts.entry(shared.label).or_default();
                *count += 1;
                if *count == 1 {
                    self.count(&shared.value);
                }
            }
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Timestamp(_)
            | Value::Binary(_) => {}
        }
    }

    /// Returns the value with new labels for objects that occur twice or more, and without the mark
    /// elsewhere. If nothing was counted, no mark is left.
    fn relabel(&mut self, value: Value) -> Value {
        match value {
            Value::List(items) => Value::List(self.relabel_all(items)),
            Value::Tuple(items) => Value::Tuple(self.relabel_all(items)),
            Value::Map(map) => {
                let entries = map.into_iter();
                let entries = entries.map(|(key, value)| (self.relabel(key), self.relabel(value)));
                Value::Map(Map::from_entries(entries.collect()))
            }
            Value::Shared(shared) => {
                if self.counts.get(&shared.label).is_none_or(|count| *count < 2) {
                    return self.relabel(*shared.value);
                }
                let next = self.labels.len() as u32;
                let label = *self.labels.entry(shared.label).or_insert(next);
                Value::Shared(Shared { label, value: Box::new(self.relabel(*shared.value)) })
            }
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Timestamp(_)
            | Value::Binary(_) => value,
        }
    }

    fn relabel_all(&mut self, items: Vec<Value>) -> Vec<Value> {
        items.into_iter().map(|item| self.relabel(item)).collect()
    }
}
