//! Objects of a request as the inventory's own values.
//!
//! serde_json reads; what is made of it is decided here: whole numbers beyond 64 bits stay whole
//! numbers, a key that stands twice is an error and not the last one's victory, and nesting and
//! memory are bounded.

use std::{
    collections::HashSet,
    collections::hash_map::RandomState,
    fmt,
    hash::{BuildHasher, Hasher},
};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::model::{Map, VALUE_DEPTH_MAX, Value};

/// What the values of one text may take in memory, in bytes: its texts, and [`NODE_BYTES`] for
/// each value and key. A text of two bytes a value would otherwise grow sixteenfold.
pub const JSON_BYTES_MAX: usize = 256 << 20;

/// What a value counts beside its text: what it takes in memory.
const NODE_BYTES: usize = size_of::<Value>();

/// How much of a key an error repeats, in characters.
const KEY_CHARS_MAX: usize = 80;

/// What a request's body holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Objects {
    One(Map),
    Many(Vec<Map>),
}

/// Why a text is refused, and where. Line and column count from 1, the column in characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {detail}")]
pub struct JsonError {
    pub line: usize,
    pub column: usize,
    pub detail: JsonFault,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    #[error("not JSON: {problem}")]
    Syntax { problem: String },
    #[error("the key '{key}' stands twice in one object")]
    DuplicateKey { key: String },
    #[error("lists and objects in a property are nested deeper than {VALUE_DEPTH_MAX} levels")]
    Depth,
    #[error("the values take more than {JSON_BYTES_MAX} bytes of memory: send them in parts")]
    Size,
    #[error("an object or a list of objects is expected, and this is {found}")]
    NoObject { found: &'static str },
    /// `index` counts from 0, as the list's positions do for a program.
    #[error("a list of objects is expected, and its item {index} is {found}")]
    ItemNoObject { index: usize, found: &'static str },
}

/// Reads one object, or a list of objects.
///
/// # Errors
/// The first thing that is wrong, and where.
pub fn read_objects(text: &[u8]) -> Result<Objects, JsonError> {
    read_within(text, JSON_BYTES_MAX)
}

fn read_within(text: &[u8], bytes_max: usize) -> Result<Objects, JsonError> {
    let mut state = State {
        bytes_left: bytes_max,
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

/// serde_json's problem without the place, which stands beside it.
fn syntax(error: &serde_json::Error) -> JsonFault {
    let text = error.to_string();
    let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
    JsonFault::Syntax { problem: problem.to_owned() }
}

/// A column in characters: serde_json counts bytes.
fn characters(text: &[u8], line: usize, column: usize) -> usize {
    let line = text.split(|byte| *byte == b'\n').nth(line - 1).unwrap_or_default();
    let before = &line[..column.min(line.len())];
    before.iter().filter(|byte| !matches!(byte, 0x80..=0xBF)).count().max(1)
}

/// What is known while a text is read.
struct State<'t> {
    /// What more values may take.
    bytes_left: usize,
    numbers: WideNumbers<'t>,
    /// Keys are compared by hashes that nobody outside can foresee.
    hashes: RandomState,
    /// What is wrong, where it is no error of the syntax. serde_json's error only says where.
    fault: Option<JsonFault>,
}

impl State<'_> {
    fn refuse<X: de::Error>(&mut self, fault: JsonFault) -> X {
        self.fault = Some(fault);
        X::custom("refused")
    }

    /// Counts a value, with the bytes of its text.
    fn count<X: de::Error>(&mut self, text_bytes: usize) -> Result<(), X> {
        match self.bytes_left.checked_sub(NODE_BYTES + text_bytes) {
            None => Err(self.refuse(JsonFault::Size)),
            Some(left) => {
                self.bytes_left = left;
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

/// The whole text.
struct Body<'s, 't> {
    state: &'s mut State<'t>,
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

/// One value, inside of `depth` lists and objects.
struct Node<'s, 't> {
    state: &'s mut State<'t>,
    depth: usize,
}

impl Node<'_, '_> {
    /// The depth of a collection that stands here.
    fn enter<X: de::Error>(&mut self) -> Result<usize, X> {
        // The object itself, and as many as one of its properties may hold.
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
    state: &mut State<'_>,
    depth: usize,
    mut map: A,
) -> Result<Map, A::Error> {
    state.count(0)?;
    let mut entries: Vec<(Value, Value)> = Vec::new();
    let mut seen = HashSet::new();
    while let Some(key) = map.next_key::<String>()? {
        state.count(key.len())?;
        let known = |(other, _): &(Value, Value)| other.as_text() == Some(key.as_str());
        // Two keys of one hash are nearly always the same.
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

/// 2^63: from here on a number that serde_json gives as a float may have been a whole one.
const WIDE_MIN: f64 = 9_223_372_036_854_775_808.0;

fn is_wide(number: f64) -> bool {
    number.abs() >= WIDE_MIN
}

/// Whether a number's text is that of a whole number.
fn is_whole(text: &str) -> bool {
    !text.contains(['.', 'e', 'E'])
}

/// The texts of the numbers that serde_json gives as wide floats, in their order: it does not tell
/// their text. Only what serde_json has read already is looked at, so that it is JSON.
struct WideNumbers<'t> {
    rest: &'t [u8],
}

impl<'t> WideNumbers<'t> {
    fn next(&mut self) -> Option<&'t str> {
        loop {
            match self.rest {
                [] => return None,
                [b'"', text @ ..] => self.rest = behind_text(text),
                [b'-' | b'0'..=b'9', ..] => {
                    let is_part =
                        |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                    let end = self.rest.iter().position(|byte| !is_part(byte));
                    let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                    self.rest = rest;
                    let number = std::str::from_utf8(number).ok()?;
                    // Whole numbers of 64 bits came as such.
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

/// What stands behind the end of a text that has begun.
fn behind_text(mut text: &[u8]) -> &[u8] {
    loop {
        match memchr::memchr2(b'"', b'\\', text) {
            Some(at) if text[at] == b'"' => return &text[at + 1..],
            // The escaped character ends nothing.
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
    fn whole_numbers_stay_whole() {
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
    fn a_key_that_stands_twice_is_an_error_with_its_place() {
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
        assert!(read_within(text.as_bytes(), bytes).is_ok());
        assert_eq!(read_within(text.as_bytes(), bytes - 1).unwrap_err().detail, JsonFault::Size);
    }

    #[test]
    fn what_is_no_object_says_what_it_is() {
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
    fn what_is_no_json_says_where() {
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

    #[test]
    fn a_hostile_key_does_not_forge_a_place() {
        let error = refused(br#"{"a at line 7 column 7": 1, "a at line 7 column 7": 1}"#);
        let key = "a at line 7 column 7".to_owned();
        assert_eq!((error.line, error.detail), (1, JsonFault::DuplicateKey { key }));
    }

    proptest! {
        /// Any bytes are read or refused.
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
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
        fn whole_numbers_of_any_length_are_read(text in "-?[1-9][0-9]{0,60}") {
            let expected = match text.parse() {
                Ok(number) => Value::Int(number),
                Err(_) => Value::BigInt(text.clone()),
            };
            let map = one(&format!("{{\"1e99\": \"{text}\", \"a\": [{text}]}}"));
            prop_assert_eq!(map.get("a"), Some(&Value::List(vec![expected])));
        }
    }
}
