//! Values and properties as JSON, by serde.
//!
//! | value | JSON |
//! |---|---|
//! | timestamp, integer beyond 64 bits | the same digits as a text |
//! | bytes | base64 |
//! | number that is not finite | `"NaN"`, `"inf"`, `"-inf"` |
//! | tuple | list |
//! | key that is not a text | its JSON as a text |

use base64::{display::Base64Display, prelude::BASE64_STANDARD};
use serde::{Serialize, Serializer};

use crate::model::{Map, Value, View};

/// Appends properties to `out` as a JSON object, in their order. Each name must occur only once.
///
/// The loop pushes commas and colons: serde_json would write each by a call of [`std::io::Write`],
/// which takes 6 % of the instructions of a list of devices.
pub fn write_object(out: &mut Vec<u8>, properties: &[(&str, View<'_>)]) {
    out.push(b'{');
    for (index, (name, view)) in properties.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, name);
        out.push(b':');
        write(out, view);
    }
    out.push(b'}');
}

/// Appends a value to `out` as JSON.
fn write(out: &mut Vec<u8>, value: &impl Serialize) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "writing to memory does not fail: {written:?}");
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            View::Null => serializer.serialize_unit(),
            View::Bool(truth) => serializer.serialize_bool(*truth),
            View::Int(number) => serializer.serialize_i64(*number),
            View::Float(number) => serialize_float(*number, serializer),
            View::Text(text) => serializer.serialize_str(text),
            View::Texts(texts) => serializer.collect_seq(texts),
            View::Value(value) => value.serialize(serializer),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(truth) => serializer.serialize_bool(*truth),
            Value::Int(number) => serializer.serialize_i64(*number),
            Value::Float(number) => serialize_float(*number, serializer),
            Value::BigInt(text) | Value::Text(text) | Value::Timestamp(text) => {
                serializer.serialize_str(text)
            }
            Value::Binary(bytes) => {
                serializer.collect_str(&Base64Display::new(bytes, &BASE64_STANDARD))
            }
            Value::List(items) | Value::Tuple(items) => serializer.collect_seq(items),
            Value::Map(map) => serialize_map(map, serializer),
            Value::Shared(shared) => shared.value.serialize(serializer),
        }
    }
}

fn serialize_float<S: Serializer>(number: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.is_finite() {
        serializer.serialize_f64(number)
    } else {
        serializer.collect_str(&number)
    }
}

/// Writes a map in its order. Keys that are not texts can become equal texts (`1` and `"1"`). A map
/// with such keys is converted to a tree first: the last of equal keys counts, and all keys in it
/// are sorted.
fn serialize_map<S: Serializer>(map: &Map, serializer: S) -> Result<S::Ok, S::Error> {
    if map.iter().all(|(key, _)| key.as_text().is_some()) {
        return serializer.collect_map(map.iter().map(|(key, value)| (key, value)));
    }
    let tree: serde_json::Map<_, _> =
        map.iter().map(|(key, value)| (key_text(key), super::of_value(value))).collect();
    tree.serialize(serializer)
}

/// Converts a key to a text, because JSON keys are texts.
fn key_text(key: &Value) -> String {
    match super::of_value(key) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::*;
    use crate::{codec::json::of_view, model::Shared};

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<f64>().prop_map(Value::Float),
            Just(Value::Float(f64::NAN)),
            Just(Value::Float(f64::NEG_INFINITY)),
            Just(Value::BigInt("99999999999999999999".to_owned())),
            any::<String>().prop_map(Value::Text),
            Just(Value::Timestamp("2026-11-23".to_owned())),
            prop::collection::vec(any::<u8>(), 0..5).prop_map(Value::Binary),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let key = prop_oneof![
                any::<String>().prop_map(Value::Text),
                (0i64..3).prop_map(Value::Int),
                (0i64..3).prop_map(|number| Value::Text(number.to_string())),
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Tuple),
                inner
                    .clone()
                    .prop_map(|value| Value::Shared(Shared { label: 0, value: value.into() })),
                prop::collection::vec((key, inner), 0..5).prop_map(|entries| {
                    let mut kept: Vec<(Value, Value)> = Vec::new();
                    for (key, value) in entries {
                        if kept.iter().all(|(other, _)| *other != key) {
                            kept.push((key, value));
                        }
                    }
                    Value::Map(Map::from_entries(kept))
                }),
            ]
        })
    }

    /// The JSON tree of a value, built without serde.
    fn expected(value: &Value) -> Json {
        match value {
            Value::Null => Json::Null,
            Value::Bool(truth) => Json::Bool(*truth),
            Value::Int(number) => Json::from(*number),
            Value::Float(number) => serde_json::Number::from_f64(*number)
                .map_or_else(|| Json::String(number.to_string()), Json::Number),
            Value::BigInt(text) | Value::Text(text) | Value::Timestamp(text) => {
                Json::String(text.clone())
            }
            Value::Binary(bytes) => Json::String(BASE64_STANDARD.encode(bytes)),
            Value::List(items) | Value::Tuple(items) => items.iter().map(expected).collect(),
            Value::Map(map) => {
                let mut object = serde_json::Map::new();
                for (key, value) in map.iter() {
                    let key = match expected(key) {
                        Json::String(text) => text,
                        other => other.to_string(),
                    };
                    object.insert(key, expected(value));
                }
                Json::Object(object)
            }
            Value::Shared(shared) => expected(&shared.value),
        }
    }

    fn agrees(view: &View<'_>) {
        let bytes = serde_json::to_vec(view).unwrap();
        let read: Json = serde_json::from_slice(&bytes).unwrap();
        let expected = expected(&view.to_value());
        assert_eq!(read, expected, "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(of_view(view), expected);
    }

    proptest! {
        #[test]
        fn values_are_written_as_the_expected_json(value in values(), texts in prop::collection::vec(any::<String>(), 0..4)) {
            agrees(&View::Value(&value));
            agrees(&View::Texts(texts.iter().map(String::as_str).collect()));
        }

        #[test]
        fn properties_are_written_as_the_expected_json(number in any::<i64>(), float in any::<f64>(), text in any::<String>()) {
            for view in [View::Null, View::Bool(true), View::Bool(false), View::Int(number), View::Float(float), View::Text(&text)] {
                agrees(&view);
            }
        }
    }

    #[test]
    fn an_object_keeps_the_order_of_its_properties() {
        let mut bytes = Vec::new();
        let hostile = "R 1% \"é>b\"\n\u{202e}";
        write_object(
            &mut bytes,
            &[("z", View::Text(hostile)), ("é\"", View::Texts(vec![])), ("a", View::Float(1.0))],
        );
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text, "{\"z\":\"R 1% \\\"é>b\\\"\\n\u{202e}\",\"é\\\"\":[],\"a\":1.0}");
        let mut empty = Vec::new();
        write_object(&mut empty, &[]);
        assert_eq!(empty, b"{}");
    }

    #[test]
    fn every_type_has_its_json() {
        let map = |entries: &[(Value, Value)]| Value::Map(Map::from_entries(entries.to_vec()));
        let text = |word: &str| Value::from(word);
        for (value, json) in [
            (Value::Float(1e16), "1e+16"),
            (Value::Float(-0.0), "-0.0"),
            (Value::Float(1e-7), "1e-7"),
            (Value::Float(f64::INFINITY), "\"inf\""),
            (Value::Float(f64::NAN), "\"NaN\""),
            (Value::Int(i64::MIN), "-9223372036854775808"),
            (Value::BigInt("99999999999999999999".to_owned()), "\"99999999999999999999\""),
            (Value::Binary(vec![0, 255, 7]), "\"AP8H\""),
            (Value::Tuple(vec![Value::Null, Value::Bool(true)]), "[null,true]"),
            (text("\u{1}\u{7f}/é\u{2028}"), "\"\\u0001\u{7f}/é\u{2028}\""),
            (map(&[(text("b"), Value::Int(1)), (text("a"), Value::Int(2))]), "{\"b\":1,\"a\":2}"),
            // With a key of another type the keys are sorted, and the last of two equal texts counts.
            (
                map(&[
                    (text("b"), Value::Int(1)),
                    (Value::Int(1), Value::Int(2)),
                    (text("1"), Value::Int(3)),
                    (Value::Tuple(vec![Value::Null]), Value::Int(4)),
                ]),
                "{\"1\":3,\"[null]\":4,\"b\":1}",
            ),
            // The maps inside of such a map are sorted as well.
            (
                map(&[(Value::Int(0), map(&[(text("0"), Value::Null), (text(" "), Value::Null)]))]),
                "{\"0\":{\" \":null,\"0\":null}}",
            ),
        ] {
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
        }
    }
}
