//! Properties written straight into bytes, without a tree between.

use std::io::Write;

use base64::{Engine, prelude::BASE64_STANDARD};

use super::of_value;
use crate::model::{Map, Value, View};

/// Writes one property as [`of_view`](super::of_view) shows it.
pub fn write_view(out: &mut Vec<u8>, view: &View<'_>) {
    match view {
        View::Null => out.extend_from_slice(b"null"),
        View::Bool(truth) => write_bool(out, *truth),
        View::Int(number) => written(write!(out, "{number}")),
        View::Float(number) => write_float(out, *number),
        View::Text(text) => write_text(out, text),
        View::Texts(texts) => write_list(out, texts, |out, text| write_text(out, text)),
        View::Value(value) => write_value(out, value),
    }
}

/// Writes properties as an object, in their order. No name may stand twice.
pub fn write_object(out: &mut Vec<u8>, properties: &[(&str, View<'_>)]) {
    out.push(b'{');
    for (number, (name, view)) in properties.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_text(out, name);
        out.push(b':');
        write_view(out, view);
    }
    out.push(b'}');
}

/// Writes a text in quotes.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    written(serde_json::to_writer(out, text));
}

fn write_bool(out: &mut Vec<u8>, truth: bool) {
    out.extend_from_slice(if truth { b"true" } else { b"false" });
}

fn write_float(out: &mut Vec<u8>, number: f64) {
    if number.is_finite() {
        written(serde_json::to_writer(out, &number))
    } else {
        write_text(out, &number.to_string())
    }
}

fn write_list<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(truth) => write_bool(out, *truth),
        Value::Int(number) => written(write!(out, "{number}")),
        Value::Float(number) => write_float(out, *number),
        Value::BigInt(text) | Value::Text(text) | Value::Timestamp(text) => write_text(out, text),
        Value::Binary(bytes) => write_text(out, &BASE64_STANDARD.encode(bytes)),
        Value::List(items) | Value::Tuple(items) => write_list(out, items, write_value),
        Value::Map(map) => write_map(out, map),
        Value::Shared(shared) => write_value(out, &shared.value),
    }
}

fn write_map(out: &mut Vec<u8>, map: &Map) {
    // Keys of other types may become equal texts: 1 and "1".
    if map.iter().any(|(key, _)| key.as_text().is_none()) {
        written(serde_json::to_writer(out, &of_value(&Value::Map(map.clone()))));
        return;
    }
    out.push(b'{');
    for (number, (key, value)) in map.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_text(out, key.as_text().unwrap_or_default());
        out.push(b':');
        write_value(out, value);
    }
    out.push(b'}');
}

/// Writing a value of ours into memory does not fail.
fn written<X: std::fmt::Debug>(result: Result<(), X>) {
    debug_assert!(result.is_ok(), "{result:?}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    fn agrees(view: &View<'_>) {
        let mut bytes = Vec::new();
        write_view(&mut bytes, view);
        let read: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(read, of_view(view), "{}", String::from_utf8_lossy(&bytes));
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_the_tree_says(value in values(), texts in prop::collection::vec(any::<String>(), 0..4)) {
            agrees(&View::Value(&value));
            agrees(&View::Texts(texts.iter().map(String::as_str).collect()));
        }

        #[test]
        fn plain_views_agree(number in any::<i64>(), float in any::<f64>(), text in any::<String>()) {
            for view in [View::Null, View::Bool(true), View::Bool(false), View::Int(number), View::Float(float), View::Text(&text)] {
                agrees(&view);
            }
        }
    }

    #[test]
    fn an_object_keeps_its_order() {
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
}
