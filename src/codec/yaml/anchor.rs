//! Anchors and aliases: what may be referred to, and which collections a record really shares.

use std::collections::{HashMap, VecDeque};

use super::error::Rule;
use super::{ANCHOR_BYTES_MAX, ANCHORS_MAX};
use crate::model::{Map, Shared, Value};

/// What an anchor stands for.
struct Anchored {
    /// A collection is wrapped as shared, with a label that counts anchors of the document.
    value: Value,
    bytes: u64,
    height: usize,
    record: u64,
}

/// What an alias stands for.
pub(super) struct Expansion {
    /// What it weighs.
    pub bytes: u64,
    /// How many collections are nested in it.
    pub height: usize,
    pub origin: Origin,
}

/// Where the anchor of an alias stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    SameRecord,
    EarlierRecord,
}

/// The anchors of a document, as many as are remembered.
#[derive(Default)]
pub(super) struct Anchors {
    known: HashMap<String, Anchored>,
    /// The names, oldest first.
    order: VecDeque<String>,
    bytes: u64,
    /// The names of the collections around this place.
    open: Vec<String>,
    record: u64,
    /// How many anchors this record has had.
    labels: u32,
}

impl Anchors {
    /// Starts a node with an anchor, and gives its label; refuses a name that is in use.
    pub fn open(&mut self, name: String) -> Result<u32, Rule> {
        if self.known.contains_key(&name) || self.open.contains(&name) {
            return Err(Rule::DuplicateAnchor { name });
        }
        self.open.push(name);
        self.labels += 1;
        Ok(self.labels - 1)
    }

    /// Ends the node that was opened last, and gives back its value: a collection comes back
    /// marked as shared until [`settle`](Self::settle).
    pub fn close(&mut self, value: Value, label: u32, bytes: u64, height: usize) -> Value {
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

    /// What it would cost to follow an alias.
    pub fn measure(&self, name: &str) -> Result<Expansion, Rule> {
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

    /// A copy of what an alias refers to. Of an earlier record it is plain: records are
    /// independent of each other.
    pub fn copy(&self, name: &str) -> Result<Value, Rule> {
        let Some(anchored) = self.known.get(name) else {
            return Err(Rule::UndefinedAlias { name: name.to_owned() });
        };
        let value = anchored.value.clone();
        Ok(if anchored.record == self.record { value } else { Uses::default().relabel(value) })
    }

    /// Ends a record: what no alias refers to is plain, and labels count from 0.
    pub fn settle(&mut self, record: Value) -> Value {
        self.record += 1;
        if std::mem::take(&mut self.labels) == 0 {
            return record;
        }
        settled(record)
    }
}

/// A record in which only that is marked as shared which stands in two places or more, with
/// labels that count from 0 in the order of first places.
pub(super) fn settled(record: Value) -> Value {
    let mut uses = Uses::default();
    uses.count(&record);
    uses.relabel(record)
}

/// In how many places each label stands, once what is behind a second place is not looked at: an
/// object that stands inside of a shared one twice over is shared by its parent only.
#[derive(Default)]
struct Uses {
    places: HashMap<u32, u32>,
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
                let places = self.places.entry(shared.label).or_default();
                *places += 1;
                if *places == 1 {
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

    /// The value with labels from 0 where the same object stands in two places or more, and
    /// without the mark elsewhere; where nothing was counted, without any mark.
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
                if self.places.get(&shared.label).is_none_or(|places| *places < 2) {
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
