//! The entries of a mapping: equality of keys, and the merge key `<<`.

use std::collections::{HashMap, HashSet};

use super::error::Rule;
use super::resolve::shown;
use crate::model::{Map, Value};

/// A key under Python's equality: `1`, `1.0` and `true` are the same key.
#[derive(PartialEq, Eq, Hash)]
struct KeyId(Vec<u8>);

impl KeyId {
    /// Returns the identity of a key.
    ///
    /// # Errors
    /// [`Rule::KeyType`] for values that Python cannot use as a key: a list or a mapping, also inside
    /// of a tuple.
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
                // Negative zero equals zero. Rust prints integral floats with all digits.
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

/// The keys that have been read.
#[derive(Default)]
enum Seen {
    /// All keys are texts in ascending order, as PyYAML writes them. A new key must only be compared
    /// with the last one.
    #[default]
    Ascending,
    Any(HashSet<KeyId>),
}

/// The entries of the mapping that is being read.
#[derive(Default)]
pub(super) struct Entries {
    own: Vec<(Value, Value)>,
    merged: Vec<(Value, Value)>,
    seen: Seen,
}

impl Entries {
    /// Adds a key to the keys that have been read.
    ///
    /// # Errors
    /// [`Rule::DuplicateKey`] if it was read before, [`Rule::KeyType`] if it cannot be a key.
    pub(super) fn check_key(&mut self, key: &Value) -> Result<(), Rule> {
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

    /// Adds an entry. Its key has been checked.
    pub(super) fn push(&mut self, key: Value, value: Value) {
        self.own.push((key, value));
    }

    /// Adds the entries of the value of `<<`: a mapping, or a list of mappings, of which the earlier
    /// takes precedence.
    ///
    /// # Errors
    /// [`Rule::Merge`] for any other value.
    pub(super) fn merge(&mut self, value: Value) -> Result<(), Rule> {
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

    /// Returns the mapping. Merged entries come first. A key keeps its first position and has its
    /// last value.
    ///
    /// # Errors
    /// [`Rule::KeyType`] if a merged key cannot be a key.
    pub(super) fn finish(self) -> Result<Map, Rule> {
        if self.merged.is_empty() {
            return Ok(Map::from_entries(self.own));
        }
        let mut positions = HashMap::new();
        let mut entries: Vec<(Value, Value)> = Vec::new();
        for (key, value) in self.merged.into_iter().chain(self.own) {
            match positions.entry(KeyId::of(&key)?) {
                std::collections::hash_map::Entry::Vacant(position) => {
                    position.insert(entries.len());
                    entries.push((key, value));
                }
                std::collections::hash_map::Entry::Occupied(position) => {
                    entries[*position.get()].1 = value;
                }
            }
        }
        Ok(Map::from_entries(entries))
    }
}

/// Returns the value without the marks that it is shared.
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
