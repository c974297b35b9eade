//! Dynamic values: the values of custom properties, and of properties that can have any type.
//!
//! The types are the types that PyYAML's `yaml.load` creates from an eNMS document, because a value
//! must be exported with the type with which it was imported: the text `"22"` is not the number
//! `22`, and a tuple is not a list. A map keeps its order, as in Python.

use std::cell::Cell;

use bincode::{
    Decode, Encode,
    de::{BorrowDecoder, Decoder},
    error::DecodeError,
};

use super::{
    VALUE_DEPTH_MAX,
    projection::{decode_variant, skip_text},
};

/// One value of a document: a scalar, or a tree of lists and maps.
#[derive(Clone, Debug, Encode)]
pub enum Value {
    /// Null, in Python `None`.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer that fits into 64 bits.
    Int(i64),
    /// An integer outside of `i64`, as canonical decimal text.
    BigInt(String),
    /// A number with a fraction, infinity or NaN.
    Float(f64),
    /// A text.
    Text(String),
    /// A date or a date and time, in the format of Python's `isoformat(" ")`.
    Timestamp(String),
    /// Bytes (`!!binary` in YAML).
    Binary(Vec<u8>),
    /// A list of values.
    List(Vec<Value>),
    /// Python's tuple (`!!python/tuple`).
    Tuple(Vec<Value>),
    /// A map from keys to values; a key can be of any type that Python can hash.
    Map(Map),
    /// A list, tuple or map that occurs several times in one record.
    Shared(Shared),
}

thread_local! {
    /// The nesting depth of the decoder on this thread. bincode does not track it.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// A guard that counts one nesting level, and releases it when it is dropped, also during a panic.
struct Nesting;

impl Nesting {
    /// Enters a value. A shared collection counts twice, so the limit is twice that of
    /// [`VALUE_DEPTH_MAX`].
    ///
    /// # Errors
    /// `DecodeError::Other` for bytes that nest values deeper, before they fill the stack.
    fn enter() -> Result<Self, DecodeError> {
        let depth = DEPTH.get();
        if depth > 2 * VALUE_DEPTH_MAX {
            return Err(DecodeError::Other("the value is nested too deeply"));
        }
        DEPTH.set(depth + 1);
        Ok(Self)
    }
}

impl Drop for Nesting {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

impl<Context> Decode<Context> for Value {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Self::decode_variant(decode_variant(decoder)?, decoder)
    }
}

bincode::impl_borrow_decode!(Value);

/// A collection that occurs several times in one record: YAML's anchor and its aliases.
///
/// Each occurrence holds a copy. Occurrences with equal labels are the same object, so that an
/// export writes the same anchors. A label has no meaning outside of its record.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Shared {
    /// Counts from 0, in the order in which the record's anchors were read.
    pub label: u32,
    /// The collection: a list, tuple or map.
    pub value: Box<Value>,
}

/// Keys and values in the order in which they were read. Keys are unique.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Map(Vec<(Value, Value)>);

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a map from entries whose keys are known to be unique.
    pub fn from_entries(entries: Vec<(Value, Value)>) -> Self {
        Self(entries)
    }

    /// The value of a text key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.iter().find(|(k, _)| k.as_text() == Some(key)).map(|(_, value)| value)
    }

    /// Entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &(Value, Value)> {
        self.0.iter()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Entries in order, to change them. Keys must stay unique.
    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = &mut (Value, Value)> {
        self.0.iter_mut()
    }

    /// Returns whether the map has no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Map {
    type Item = (Value, Value);
    type IntoIter = std::vec::IntoIter<(Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Value {
    /// Skips an encoded value, with the same limit of depth as the decoder.
    ///
    /// # Errors
    /// `DecodeError` for bytes that are not a value.
    pub(super) fn skip<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<(), DecodeError> {
        Self::skip_variant(decode_variant(body)?, body)
    }

    /// Skips the rest of an encoded value, whose variant is read already.
    ///
    /// # Errors
    /// As for [`Value::skip`].
    pub(super) fn skip_variant<'a, D: BorrowDecoder<'a, Context = ()>>(
        variant: u8,
        body: &mut D,
    ) -> Result<(), DecodeError> {
        skip_value(variant, body, 0)
    }

    /// Decodes the rest of an encoded value, whose variant is read already.
    ///
    /// # Errors
    /// `DecodeError` for bytes that are not a value, and for values that are nested too deeply.
    pub(super) fn decode_variant<Context, D: Decoder<Context = Context>>(
        variant: u8,
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        let _nesting = Nesting::enter()?;
        Ok(match variant {
            0 => Value::Null,
            1 => Value::Bool(bool::decode(decoder)?),
            2 => Value::Int(i64::decode(decoder)?),
            3 => Value::BigInt(String::decode(decoder)?),
            4 => Value::Float(f64::decode(decoder)?),
            5 => Value::Text(String::decode(decoder)?),
            6 => Value::Timestamp(String::decode(decoder)?),
            7 => Value::Binary(Vec::decode(decoder)?),
            8 => Value::List(Vec::decode(decoder)?),
            9 => Value::Tuple(Vec::decode(decoder)?),
            10 => Value::Map(Map::decode(decoder)?),
            11 => Value::Shared(Shared::decode(decoder)?),
            _ => return Err(UNKNOWN_VARIANT),
        })
    }

    /// The text, if this is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value without [`Value::Shared`].
    pub fn plain(&self) -> &Value {
        match self {
            Value::Shared(shared) => shared.value.plain(),
            other => other,
        }
    }

    /// Returns whether the value contains a collection that occurs more than once ([`Value::Shared`]).
    pub fn has_shared(&self) -> bool {
        match self {
            Value::Shared(_) => true,
            Value::List(items) | Value::Tuple(items) => items.iter().any(Value::has_shared),
            Value::Map(map) => map.iter().any(|(_, value)| value.has_shared()),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::BigInt(_)
            | Value::Text(_)
            | Value::Timestamp(_)
            | Value::Binary(_) => false,
        }
    }

    /// Returns whether two values are equal apart from [`Value::Shared`].
    pub fn equals_plain(&self, other: &Self) -> bool {
        let all = |a: &[Value], b: &[Value]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals_plain(b))
        };
        match (self.plain(), other.plain()) {
            (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => all(a, b),
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .zip(b.iter())
                        .all(|((a_key, a), (b_key, b))| a_key == b_key && a.equals_plain(b))
            }
            (a, b) => a == b,
        }
    }

    /// The name of the type, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) | Value::BigInt(_) => "integer",
            Value::Float(_) => "float",
            Value::Text(_) => "text",
            Value::Timestamp(_) => "timestamp",
            Value::Binary(_) => "binary",
            Value::List(_) => "list",
            Value::Tuple(_) => "tuple",
            Value::Map(_) => "map",
            Value::Shared(shared) => shared.value.type_name(),
        }
    }
}

/// The error for a variant that has no number in [`Value::decode_variant`].
const UNKNOWN_VARIANT: DecodeError = DecodeError::Other("the type of a value is unknown");

/// The variants have the numbers of [`Value::decode_variant`].
fn skip_value<'a, D: BorrowDecoder<'a, Context = ()>>(
    variant: u8,
    body: &mut D,
    depth: usize,
) -> Result<(), DecodeError> {
    if depth > 2 * VALUE_DEPTH_MAX {
        return Err(DecodeError::Other("the value is nested too deeply"));
    }
    let skip_many = |body: &mut D, values_each: u64| {
        for _ in 0..u64::decode(body)?.saturating_mul(values_each) {
            skip_value(decode_variant(body)?, body, depth + 1)?;
        }
        Ok(())
    };
    match variant {
        // Null.
        0 => Ok(()),
        1 => bool::decode(body).map(drop),
        2 => i64::decode(body).map(drop),
        4 => f64::decode(body).map(drop),
        // Whole numbers, texts and timestamps as text; bytes.
        3 | 5 | 6 | 7 => skip_text(body),
        // Lists, tuples and maps.
        8 | 9 => skip_many(body, 1),
        10 => skip_many(body, 2),
        // A shared collection: its label, then the collection.
        11 => {
            u32::decode(body)?;
            skip_value(decode_variant(body)?, body, depth + 1)
        }
        _ => Err(UNKNOWN_VARIANT),
    }
}

/// Equality of type and value. Floats are compared by their bits, so that a value always equals
/// its own copy, NaN included.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::BigInt(a), Value::BigInt(b))
            | (Value::Text(a), Value::Text(b))
            | (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
            (Value::Binary(a), Value::Binary(b)) => a == b,
            (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => a == b,
            (Value::Map(a), Value::Map(b)) => a == b,
            (Value::Shared(a), Value::Shared(b)) => a == b,
            _ => false,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> Result<Value, DecodeError> {
        bincode::decode_from_slice(bytes, bincode::config::standard()).map(|(value, _)| value)
    }

    #[test]
    fn an_encoded_value_is_decoded() {
        let value = Value::List(vec![
            Value::Null,
            Value::Bool(true),
            Value::Int(-7),
            Value::BigInt("99999999999999999999".to_owned()),
            Value::Float(f64::NAN),
            Value::from("é"),
            Value::Timestamp("2026-11-23".to_owned()),
            Value::Binary(vec![0, 255]),
            Value::Tuple(vec![Value::Int(0)]),
            Value::Map(Map::from_entries(vec![(Value::Int(1), Value::from("a"))])),
            Value::Shared(Shared { label: 3, value: Box::new(Value::List(Vec::new())) }),
        ]);
        let bytes = bincode::encode_to_vec(&value, bincode::config::standard()).unwrap();
        assert_eq!(decoded(&bytes).unwrap(), value);
    }

    /// A reader that panics after some bytes, like a reader of a failed disk.
    struct Panicking(usize);

    impl bincode::de::read::Reader for Panicking {
        fn read(&mut self, bytes: &mut [u8]) -> Result<(), DecodeError> {
            self.0 = self.0.checked_sub(bytes.len()).expect("the reader panics");
            // Lists (8), each of eight values.
            bytes.fill(8);
            Ok(())
        }
    }

    #[test]
    fn a_panic_in_the_decoder_resets_the_depth() {
        for _ in 0..VALUE_DEPTH_MAX {
            let panicked = std::panic::catch_unwind(|| {
                let config = bincode::config::standard();
                bincode::decode_from_reader::<Value, _, _>(Panicking(20), config)
            });
            assert!(panicked.is_err());
        }
        let nested = (0..VALUE_DEPTH_MAX).fold(Value::Null, |inner, _| Value::List(vec![inner]));
        let bytes = bincode::encode_to_vec(&nested, bincode::config::standard()).unwrap();
        assert_eq!(decoded(&bytes).unwrap(), nested);
    }

    #[test]
    fn deep_nesting_is_refused_and_resets_the_depth() {
        // A list (8) of one (1) list, and so on.
        let bytes = [8, 1].repeat(1_000_000);
        assert!(matches!(decoded(&bytes), Err(DecodeError::Other(_))));
        assert_eq!(decoded(&[0]).unwrap(), Value::Null);
    }
}
