//! Reads the objects of a request as [`Value`]s.
//!
//! serde_json parses. This module keeps integers beyond 64 bits exact, refuses duplicate keys (serde
//! takes the last one), and bounds nesting and memory.
//!
//! serde_json's feature `arbitrary_precision` would also keep integers exact. It is not used: it
//! gives every number to a visitor as a map with one private key, so an object with that key, sent
//! by a client, would be mistaken for a number; and it changes the numbers of every other user of
//! serde_json in the program. `WideNumbers` looks up the text of the few numbers beyond 64 bits.

use std::{
    collections::HashSet,
    collections::hash_map::RandomState,
    fmt,
    hash::{BuildHasher, Hasher},
};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::model::{Map, VALUE_DEPTH_MAX, Value};

/// The largest memory of the values of one text, in bytes: the texts, and the size of a [`Value`]
/// for each value and key. Without the limit, `[0,0,…]` (two bytes a value) would take 16 times its
/// size in memory.
pub const JSON_BYTES_MAX: usize = 256 << 20;

/// The memory that is charged at once, in bytes.
const CHARGE_BYTES: usize = 256 * 1024;

/// The memory of a value without its text, in bytes.
const NODE_BYTES: usize = size_of::<Value>();

/// The number of characters of a key in an error message.
const KEY_CHARS_MAX: usize = 80;

/// The content of a request's body.
#[derive(Clone, Debug, PartialEq)]
pub enum Objects {
    /// The text is one object.
    One(Map),
    /// The text is a list of objects, in their order.
    Many(Vec<Map>),
}

/// The reason why a text is refused, and its location. Line and column count from 1, the column in
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {detail}")]
pub struct JsonError {
    /// The line of the fault, from 1.
    pub line: usize,
    /// The column of the fault in characters, from 1.
    pub column: usize,
    /// The reason.
    pub detail: JsonFault,
}

/// The reasons for refusing a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// The text is not JSON.
    #[error("not JSON: {problem}")]
    Syntax {
        /// serde_json's message, without its location.
        problem: String,
    },
    /// The text is UTF-16, as Windows PowerShell writes files, or UTF-32.
    #[error("the text is UTF-16 or UTF-32. JSON must be UTF-8 (RFC 8259, section 8.1)")]
    Utf16,
    /// An object has two members with the same key, of which other readers would drop one.
    #[error("the key '{key}' occurs twice in one object")]
    DuplicateKey {
        /// The start of the key.
        key: String,
    },
    /// The value of a property has more than [`VALUE_DEPTH_MAX`] levels of lists and objects.
    #[error("lists and objects in a property are nested deeper than {VALUE_DEPTH_MAX} levels")]
    Depth,
    /// The caller has no memory for the values now.
    #[error("the values need more memory than is free now. Try again later")]
    Memory,
    /// The values would take more than [`JSON_BYTES_MAX`] of memory.
    #[error(
        "the values need more than {JSON_BYTES_MAX} bytes of memory. Send them in several requests"
    )]
    Size,
    /// The text is neither an object nor a list.
    #[error("expected an object or a list of objects, found {found}")]
    NoObject {
        /// The type of the value.
        found: &'static str,
    },
    /// `index` counts from 0.
    #[error("expected a list of objects, but item {index} is {found}")]
    ItemNoObject {
        /// The position of the item in the list, from 0.
        index: usize,
        /// The type of the item.
        found: &'static str,
    },
}

/// Reads one object, or a list of objects.
///
/// # Errors
/// [`JsonError`] for the first fault.
pub fn read_objects(text: &[u8]) -> Result<Objects, JsonError> {
    read_objects_within(text, &mut |_| true)
}

/// Reads one object, or a list of objects. Calls `charge` with the memory of the next values, in bytes, in
/// steps of 256 KiB or more, before it reads on. The last step is left out.
///
/// # Errors
/// [`JsonError`] for the first fault; [`JsonFault::Memory`] if `charge` returns false.
pub fn read_objects_within(
    text: &[u8],
    charge: &mut dyn FnMut(usize) -> bool,
) -> Result<Objects, JsonError> {
    read_within(text, JSON_BYTES_MAX, charge)
}

fn read_within(
    text: &[u8],
    bytes_max: usize,
    charge: &mut dyn FnMut(usize) -> bool,
) -> Result<Objects, JsonError> {
    if is_utf_16(text) {
        return Err(JsonError { line: 1, column: 1, detail: JsonFault::Utf16 });
    }
    // RFC 8259 allows readers to ignore a byte order mark, and programs for Windows write one.
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let mut state = ReadState {
        bytes_left: bytes_max,
        uncharged_bytes: 0,
        charge,
        numbers: WideNumbers { rest: text },
        hashes: RandomState::new(),
        fault: None,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let read = deserializer.deserialize_any(Body { state: &mut state });
    read.and_then(|objects| deserializer.end().map(|()| objects)).map_err(|error| {
        let detail = state.fault.take().unwrap_or_else(|| syntax(&error));
        let (line, column) = (error.line().max(1), error.column());
        JsonError { line, column: characters(text, line, column), detail }
    })
}

/// Returns whether a text is UTF-16 or UTF-32: it has a byte order mark, or one of the first two bytes is
/// zero.
fn is_utf_16(text: &[u8]) -> bool {
    matches!(text, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, ..] | [1..=0xFF, 0, ..])
}

/// Returns serde_json's message without its location, which [`JsonError`] has.
fn syntax(error: &serde_json::Error) -> JsonFault {
    let text = error.to_string();
    let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
    JsonFault::Syntax { problem: problem.to_owned() }
}

/// Converts serde_json's column, in bytes, to characters.
fn characters(text: &[u8], line: usize, column: usize) -> usize {
    let line = text.split(|byte| *byte == b'\n').nth(line - 1).unwrap_or_default();
    let before = &line[..column.min(line.len())];
    before.iter().filter(|byte| !matches!(byte, 0x80..=0xBF)).count().max(1)
}

/// The state while a text is read.
struct ReadState<'t> {
    /// The memory that is left for further values.
    bytes_left: usize,
    uncharged_bytes: usize,
    charge: &'t mut dyn FnMut(usize) -> bool,
    numbers: WideNumbers<'t>,
    /// Keys are compared by hashes that a client cannot predict.
    hashes: RandomState,
    /// The fault, unless it is a syntax error. serde_json's error then contributes only the
    /// location.
    fault: Option<JsonFault>,
}

impl ReadState<'_> {
    fn refuse<E: de::Error>(&mut self, fault: JsonFault) -> E {
        self.fault = Some(fault);
        E::custom("refused")
    }

    /// Counts the memory of a value with the bytes of its text.
    fn count<X: de::Error>(&mut self, text_bytes: usize) -> Result<(), X> {
        match self.bytes_left.checked_sub(NODE_BYTES + text_bytes) {
            None => Err(self.refuse(JsonFault::Size)),
            Some(left) => {
                self.bytes_left = left;
                self.uncharged_bytes += NODE_BYTES + text_bytes;
                if self.uncharged_bytes >= CHARGE_BYTES {
                    let bytes = std::mem::take(&mut self.uncharged_bytes);
                    if !(self.charge)(bytes) {
                        return Err(self.refuse(JsonFault::Memory));
                    }
                }
                Ok(())
            }
        }
    }

    fn hash(&self, key: &str) -> u64 {
        let mut hasher = self.hashes.build_hasher();
        hasher.write(key.as_bytes());
        hasher.finish()
    }
}

/// Reads the whole text.
struct Body<'s, 't> {
    state: &'s mut ReadState<'t>,
}

impl<'de> Visitor<'de> for Body<'_, '_> {
    type Value = Objects;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object or a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Objects, A::Error> {
        read_map(self.state, 1, map).map(Objects::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Objects, A::Error> {
        let mut objects = Vec::new();
        while let Some(item) = list.next_element_seed(Node { state: self.state, depth: 0 })? {
            match item {
                Value::Map(object) => objects.push(object),
                other => {
                    let (index, found) = (objects.len(), other.type_name());
                    return Err(self.state.refuse(JsonFault::ItemNoObject { index, found }));
                }
            }
        }
        Ok(Objects::Many(objects))
    }

    fn visit_unit<X: de::Error>(self) -> Result<Objects, X> {
        Err(self.state.refuse(JsonFault::NoObject { found: Value::Null.type_name() }))
    }

    fn visit_bool<X: de::Error>(self, truth: bool) -> Result<Objects, X> {
        Err(self.state.refuse(JsonFault::NoObject { found: Value::Bool(truth).type_name() }))
    }

    fn visit_i64<X: de::Error>(self, number: i64) -> Result<Objects, X> {
        Err(self.state.refuse(JsonFault::NoObject { found: Value::Int(number).type_name() }))
    }

    fn visit_u64<X: de::Error>(self, _: u64) -> Result<Objects, X> {
        Err(self.state.refuse(JsonFault::NoObject { found: Value::Int(0).type_name() }))
    }

    fn visit_f64<X: de::Error>(self, number: f64) -> Result<Objects, X> {
        Err(self.state.refuse(JsonFault::NoObject { found: Value::Float(number).type_name() }))
    }

    fn visit_str<X: de::Error>(self, _: &str) -> Result<Objects, X> {
        Err(self.state.refuse(JsonFault::NoObject { found: Value::from("").type_name() }))
    }
}

/// Reads one value that is inside of `depth` lists and objects.
struct Node<'s, 't> {
    state: &'s mut ReadState<'t>,
    depth: usize,
}

impl Node<'_, '_> {
    /// Returns the depth of the items of a collection at this position.
    fn enter<X: de::Error>(&mut self) -> Result<usize, X> {
        // The object itself, and the largest number of levels of a property.
        if self.depth > VALUE_DEPTH_MAX {
            return Err(self.state.refuse(JsonFault::Depth));
        }
        Ok(self.depth + 1)
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<X: de::Error>(self) -> Result<Value, X> {
        self.state.count(0)?;
        Ok(Value::Null)
    }

    fn visit_bool<X: de::Error>(self, truth: bool) -> Result<Value, X> {
        self.state.count(0)?;
        Ok(Value::Bool(truth))
    }

    fn visit_i64<X: de::Error>(self, number: i64) -> Result<Value, X> {
        self.state.count(0)?;
        Ok(Value::Int(number))
    }

    fn visit_u64<X: de::Error>(self, number: u64) -> Result<Value, X> {
        self.state.count(0)?;
        Ok(match i64::try_from(number) {
            Ok(number) => Value::Int(number),
            Err(_) => Value::BigInt(number.to_string()),
        })
    }

    fn visit_f64<X: de::Error>(self, number: f64) -> Result<Value, X> {
        self.state.count(0)?;
        if !is_wide(number) {
            return Ok(Value::Float(number));
        }
        let whole = self.state.numbers.next().filter(|text| is_whole(text));
        self.state.count(whole.map_or(0, str::len))?;
        Ok(whole.map_or(Value::Float(number), |text| Value::BigInt(text.to_owned())))
    }

    fn visit_str<X: de::Error>(self, text: &str) -> Result<Value, X> {
        self.state.count(text.len())?;
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Value, A::Error> {
        let depth = self.enter()?;
        self.state.count(0)?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Node { state: self.state, depth })? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<Value, A::Error> {
        let depth = self.enter()?;
        read_map(self.state, depth, map).map(Value::Map)
    }
}

fn read_map<'de, A: MapAccess<'de>>(
    state: &mut ReadState<'_>,
    depth: usize,
    mut map: A,
) -> Result<Map, A::Error> {
    state.count(0)?;
    let mut entries: Vec<(Value, Value)> = Vec::new();
    let mut seen = HashSet::new();
    while let Some(key) = map.next_key::<String>()? {
        state.count(key.len())?;
        let known = |(other, _): &(Value, Value)| other.as_text() == Some(key.as_str());
        // Equal hashes nearly always mean equal keys.
        if !seen.insert(state.hash(&key)) && entries.iter().any(known) {
            let key = shortened(key);
            return Err(state.refuse(JsonFault::DuplicateKey { key }));
        }
        let value = map.next_value_seed(Node { state, depth })?;
        entries.push((Value::Text(key), value));
    }
    Ok(Map::from_entries(entries))
}

fn shortened(key: String) -> String {
    match key.char_indices().nth(KEY_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &key[..end]),
        None => key,
    }
}

/// 2^63: a larger number that serde_json returns as a float can be an integer in the text.
const WIDE_MIN: f64 = 9_223_372_036_854_775_808.0;

fn is_wide(number: f64) -> bool {
    number.abs() >= WIDE_MIN
}

/// Returns whether a number is written as an integer.
fn is_whole(text: &str) -> bool {
    !text.contains(['.', 'e', 'E'])
}

/// Returns the texts of the numbers that serde_json returns as floats of at least 2^63, in their
/// order: serde_json does not expose them. It only scans text that serde_json has already parsed.
struct WideNumbers<'t> {
    rest: &'t [u8],
}

impl<'t> WideNumbers<'t> {
    fn next(&mut self) -> Option<&'t str> {
        loop {
            match self.rest {
                [] => return None,
                [b'"', text @ ..] => self.rest = after_string(text),
                [b'-' | b'0'..=b'9', ..] => {
                    let is_part =
                        |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                    let end = self.rest.iter().position(|byte| !is_part(byte));
                    let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                    self.rest = rest;
                    let number = std::str::from_utf8(number).ok()?;
                    // serde_json returns integers of 64 bits as such.
                    if number.parse::<i64>().is_err()
                        && number.parse::<u64>().is_err()
                        && number.parse().is_ok_and(is_wide)
                    {
                        return Some(number);
                    }
                }
                [_, rest @ ..] => self.rest = rest,
            }
        }
    }
}

/// Returns the text after the end of a string literal.
fn after_string(mut text: &[u8]) -> &[u8] {
    loop {
        match memchr::memchr2(b'"', b'\\', text) {
            Some(at) if text[at] == b'"' => return &text[at + 1..],
            // An escaped quote does not end the string.
            Some(at) => text = text.get(at + 2..).unwrap_or_default(),
            None => return &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> Map {
        match read_objects(text.as_bytes()).unwrap() {
            Objects::One(map) => map,
            Objects::Many(list) => panic!("a list: {list:?}"),
        }
    }

    fn refused(text: &[u8]) -> JsonError {
        read_objects(text).unwrap_err()
    }

    #[test]
    fn the_encoding_is_utf_8_with_or_without_a_byte_order_mark() {
        let text = "{\"name\": \"é>b\"}";
        let plain = read_objects(text.as_bytes()).unwrap();
        assert_eq!(read_objects(format!("\u{feff}{text}").as_bytes()).unwrap(), plain);
        for mark in ["", "\u{feff}"] {
            let units: Vec<u16> = format!("{mark}{text}").encode_utf16().collect();
            let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
            for bytes in [little, big] {
                assert_eq!(read_objects(&bytes).unwrap_err().detail, JsonFault::Utf16);
            }
        }
    }

    #[test]
    fn every_type_is_read_and_the_order_is_kept() {
        let text = r#" {"name": "R 1%", "b": true, "n": null, "é>b": [1, -2, 1.5, "\ud83d\ude00"], "..": {"z": {}, "a": []}} "#;
        let expected = [
            ("name", Value::from("R 1%")),
            ("b", Value::Bool(true)),
            ("n", Value::Null),
            (
                "é>b",
                Value::List(vec![Value::Int(1), Value::Int(-2), Value::Float(1.5), "😀".into()]),
            ),
            (
                "..",
                Value::Map(Map::from_entries(vec![
                    ("z".into(), Value::Map(Map::new())),
                    ("a".into(), Value::List(Vec::new())),
                ])),
            ),
        ];
        let expected = expected.map(|(key, value)| (key.into(), value));
        assert_eq!(one(text), Map::from_entries(expected.into()));
        assert_eq!(
            read_objects(b"[{}, {\"name\": \"a\"}]").unwrap(),
            Objects::Many(vec![Map::new(), Map::from_entries(vec![("name".into(), "a".into())])])
        );
        assert_eq!(read_objects(b"[]").unwrap(), Objects::Many(Vec::new()));
    }

    #[test]
    fn integers_beyond_64_bits_stay_exact() {
        let text = r#"{"99999999999999999999": "12345678901234567890123 \" 7e30", "a": 18446744073709551615,
            "b": -9223372036854775809, "c": 1e30, "d": [99999999999999999999, 9223372036854775807,
            -9223372036854775808, 9223372036854775808.0, 123456789012345678901234567890]}"#;
        let map = one(text);
        let big = |text: &str| Value::BigInt(text.to_owned());
        assert_eq!(map.get("a"), Some(&big("18446744073709551615")));
        assert_eq!(map.get("b"), Some(&big("-9223372036854775809")));
        assert_eq!(map.get("c"), Some(&Value::Float(1e30)));
        let expected = vec![
            big("99999999999999999999"),
            Value::Int(i64::MAX),
            Value::Int(i64::MIN),
            Value::Float(9223372036854775808.0),
            big("123456789012345678901234567890"),
        ];
        assert_eq!(map.get("d"), Some(&Value::List(expected)));
    }

    #[test]
    fn a_duplicate_key_is_refused_with_its_location() {
        let error = refused("{\"é\": 1,\n \"ä\": {\"x\": 1, \"\\u0078\": 2}}".as_bytes());
        assert_eq!(error.detail, JsonFault::DuplicateKey { key: "x".to_owned() });
        assert_eq!((error.line, error.column), (2, 23));
        let long = "k".repeat(1000);
        let error = refused(format!("{{\"{long}\":1,\"{long}\":1}}").as_bytes());
        assert!(error.to_string().len() < 200, "{error}");
    }

    #[test]
    fn nesting_is_bounded() {
        let nested =
            |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        one(&nested(VALUE_DEPTH_MAX));
        assert_eq!(refused(nested(VALUE_DEPTH_MAX + 1).as_bytes()).detail, JsonFault::Depth);
        let listed = format!("[{}]", nested(VALUE_DEPTH_MAX));
        assert!(read_objects(listed.as_bytes()).is_ok());
        for endless in ["[", "{\"a\":", "[[{\"a\":["] {
            let error = refused(endless.repeat(1_000_000).as_bytes());
            assert_eq!((error.detail, error.line), (JsonFault::Depth, 1), "{endless}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        // The object, the key and its letter, the list.
        let text = format!("{{\"a\":[{}]}}", ["0"; 100].join(","));
        let bytes = 103 * NODE_BYTES + 1;
        let read = |bytes| read_within(text.as_bytes(), bytes, &mut |_| true);
        assert!(read(bytes).is_ok());
        assert_eq!(read(bytes - 1).unwrap_err().detail, JsonFault::Size);
    }

    #[test]
    fn a_body_without_objects_is_refused() {
        for (text, found) in
            [("null", "null"), (" 7", "integer"), ("\"é\"", "text"), ("true", "boolean")]
        {
            assert_eq!(refused(text.as_bytes()).detail, JsonFault::NoObject { found }, "{text}");
        }
        let error = refused(b"[{},\n 99999999999999999999, {}]");
        assert_eq!(error.detail, JsonFault::ItemNoObject { index: 1, found: "integer" });
        assert_eq!(error.line, 2);
    }

    #[test]
    fn a_syntax_error_has_its_location() {
        for (text, line, column) in [
            (&b""[..], 1, 1),
            (b"{", 1, 1),
            (b"{\"a\": 1} x", 1, 10),
            ("{\"é\": x}".as_bytes(), 1, 7),
            (b"{\n\"a\": '1'}", 2, 6),
            (br#"{"a": "\ud800"}"#, 1, 14),
            (br#"{"a": "\udc00 "}"#, 1, 13),
            (b"{\"a\": \"\xff\"}", 1, 8),
            (b"{\"a\": 01}", 1, 8),
            (b"{\"a\": NaN}", 1, 7),
            (b"{\"a\": 1e999}", 1, 11),
            (b"{\"a\": 1,}", 1, 9),
        ] {
            let error = refused(text);
            let shown = String::from_utf8_lossy(text).into_owned();
            assert!(matches!(error.detail, JsonFault::Syntax { .. }), "{shown}: {error}");
            assert_eq!((error.line, error.column), (line, column), "{shown}: {error}");
        }
    }

    /// With serde_json's `arbitrary_precision` this object would be the number 7.
    #[test]
    fn an_object_is_never_mistaken_for_a_number() {
        let text = r#"{"a": {"$serde_json::private::Number": "7"}}"#;
        assert!(matches!(one(text).get("a"), Some(Value::Map(map)) if map.len() == 1));
    }

    #[test]
    fn a_hostile_key_does_not_forge_a_location() {
        let error = refused(br#"{"a at line 7 column 7": 1, "a at line 7 column 7": 1}"#);
        let key = "a at line 7 column 7".to_owned();
        assert_eq!((error.line, error.detail), (1, JsonFault::DuplicateKey { key }));
    }

    proptest! {
        /// Any bytes are read or refused.
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_objects(&bytes);
        }

        #[test]
        fn floats_are_read_to_the_last_bit(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            let map = one(&format!("{{\"a\": {number:e}}}"));
            prop_assert_eq!(map.get("a"), Some(&Value::Float(number)));
        }

        #[test]
        fn integers_of_any_length_are_read(text in "-?[1-9][0-9]{0,60}") {
            let expected = match text.parse() {
                Ok(number) => Value::Int(number),
                Err(_) => Value::BigInt(text.clone()),
            };
            let map = one(&format!("{{\"1e99\": \"{text}\", \"a\": [{text}]}}"));
            prop_assert_eq!(map.get("a"), Some(&Value::List(vec![expected])));
        }
    }
}
