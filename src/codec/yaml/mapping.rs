//! The entries of a mapping: which keys are the same, and what `<<` adds.

use std::collections::{HashMap, HashSet};

use super::error::Rule;
use super::resolve::shown;
use crate::model::{Map, Value};

/// A key by what Python takes for the same key: `1`, `1.0` and `true` are one.
#[derive(PartialEq, Eq, Hash)]
struct KeyId(Vec<u8>);

impl KeyId {
    /// Refuses what Python cannot use as a key: a list or a mapping, also inside of a tuple.
    fn of(key: &Value) -> Result<Self, Rule> {
        let mut id = Vec::new();
        Self::append(key, &mut id)?;
        Ok(Self(id))
    }

    fn append(key: &Value, id: &mut Vec<u8>) -> Result<(), Rule> {
        let mut put = |mark: u8, bytes: &[u8]| {
            id.push(mark);
            id.extend((bytes.len() as u64).to_le_bytes());
            id.extend_from_slice(bytes);
        };
        match key {
            Value::Null => put(b'0', &[]),
            Value::Text(text) => put(b't', text.as_bytes()),
            Value::Timestamp(text) => put(b's', text.as_bytes()),
            Value::Binary(bytes) => put(b'b', bytes),
            Value::Bool(value) => put(b'i', i64::from(*value).to_string().as_bytes()),
            Value::Int(value) => put(b'i', value.to_string().as_bytes()),
            Value::BigInt(text) => put(b'i', text.as_bytes()),
            Value::Float(value) if value.fract() == 0.0 => {
                // Negative zero is zero; and Rust prints whole floats with all of their digits.
                put(b'i', format!("{:.0}", value + 0.0).as_bytes());
            }
            Value::Float(value) => put(b'f', &value.to_bits().to_le_bytes()),
            Value::Tuple(items) => {
                put(b'(', &(items.len() as u64).to_le_bytes());
                for item in items {
                    Self::append(item, id)?;
                }
            }
            Value::List(_) => return Err(Rule::KeyType { found: "a list" }),
            Value::Map(_) => return Err(Rule::KeyType { found: "a mapping" }),
            Value::Shared(shared) => Self::append(&shared.value, id)?,
        }
        Ok(())
    }
}

/// How keys that have been seen are remembered.
#[derive(Default)]
enum Seen {
    /// All are texts, each greater than the one before, as PyYAML sorts them: the last entry is
    /// all that one must look at.
    #[default]
    Ascending,
    Any(HashSet<KeyId>),
}

/// The entries of a mapping that is being read.
#[derive(Default)]
pub(super) struct Entries {
    own: Vec<(Value, Value)>,
    merged: Vec<(Value, Value)>,
    seen: Seen,
}

impl Entries {
    /// Takes note of a key; refuses one that was seen before, and one that cannot be a key.
    pub fn check_key(&mut self, key: &Value) -> Result<(), Rule> {
        if let Seen::Ascending = self.seen {
            let ascends = match (self.own.last(), key) {
                (None, Value::Text(_)) => true,
                (Some((Value::Text(last), _)), Value::Text(text)) => last < text,
                (None | Some(_), _) => false,
            };
            if ascends {
                return Ok(());
            }
            let seen = self.own.iter().map(|(key, _)| KeyId::of(key));
            self.seen = Seen::Any(seen.collect::<Result<_, _>>()?);
        }
        let id = KeyId::of(key)?;
        if let Seen::Any(seen) = &mut self.seen
            && !seen.insert(id)
        {
            return Err(Rule::DuplicateKey { key: shown_key(key) });
        }
        Ok(())
    }

    /// Adds an entry, whose key was checked.
    pub fn push(&mut self, key: Value, value: Value) {
        self.own.push((key, value));
    }

    /// Adds the entries of what stands after `<<`: a mapping, or a list of mappings of which the
    /// earlier one counts.
    pub fn merge(&mut self, value: Value) -> Result<(), Rule> {
        match unshared(value) {
            Value::Map(map) => self.merged.extend(map),
            Value::List(items) => {
                for item in items.into_iter().rev() {
                    match unshared(item) {
                        Value::Map(map) => self.merged.extend(map),
                        other => return Err(unmergeable(&other)),
                    }
                }
            }
            other => return Err(unmergeable(&other)),
        }
        Ok(())
    }

    /// The mapping. A key keeps the place in which it came first, merged ones before its own, and
    /// the value that came last.
    pub fn finish(self) -> Result<Map, Rule> {
        if self.merged.is_empty() {
            return Ok(Map::from_entries(self.own));
        }
        let mut places = HashMap::new();
        let mut entries: Vec<(Value, Value)> = Vec::new();
        for (key, value) in self.merged.into_iter().chain(self.own) {
            match places.entry(KeyId::of(&key)?) {
                std::collections::hash_map::Entry::Vacant(place) => {
                    place.insert(entries.len());
                    entries.push((key, value));
                }
                std::collections::hash_map::Entry::Occupied(place) => {
                    entries[*place.get()].1 = value;
                }
            }
        }
        Ok(Map::from_entries(entries))
    }
}

/// A mapping's own value, out of the mark that it is shared.
fn unshared(value: Value) -> Value {
    match value {
        Value::Shared(shared) => unshared(*shared.value),
        other => other,
    }
}

fn unmergeable(value: &Value) -> Rule {
    Rule::Merge { found: value.type_name() }
}

fn shown_key(key: &Value) -> String {
    match key {
        Value::Text(text) => format!("`{}`", shown(text)),
        Value::Int(value) => value.to_string(),
        Value::BigInt(text) | Value::Timestamp(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Null
        | Value::Binary(_)
        | Value::Tuple(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Shared(_) => format!("({})", key.type_name()),
    }
}
