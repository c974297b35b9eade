//! Values of properties in feeds, without secrets.

use std::borrow::Cow;

use crate::{
    codec::json::{of_value, of_view},
    model::{Map, Value, View, indicates_secret, text_of},
};

/// Returns a tree without the members whose names indicate a secret.
fn without_secrets(value: &Value) -> Cow<'_, Value> {
    if has_secret(value) { Cow::Owned(stripped(value)) } else { Cow::Borrowed(value) }
}

fn is_secret(key: &Value) -> bool {
    key.as_text().is_some_and(indicates_secret)
}

fn has_secret(value: &Value) -> bool {
    match value.plain() {
        Value::List(items) | Value::Tuple(items) => items.iter().any(has_secret),
        Value::Map(map) => map.iter().any(|(key, value)| is_secret(key) || has_secret(value)),
        _ => false,
    }
}

fn stripped(value: &Value) -> Value {
    match value.plain() {
        Value::List(items) | Value::Tuple(items) => {
            Value::List(items.iter().map(stripped).collect())
        }
        Value::Map(map) => {
            let kept = map.iter().filter(|(key, _)| !is_secret(key));
            Value::Map(Map::from_entries(kept.map(|(k, v)| (k.clone(), stripped(v))).collect()))
        }
        other => other.clone(),
    }
}

/// Appends a value as JSON.
pub(super) fn write_json(out: &mut Vec<u8>, view: &View<'_>) {
    match view {
        View::Value(value) => json(out, without_secrets(value).as_ref()),
        other => json(out, other),
    }
}

/// Returns a value as JSON.
pub(super) fn stripped_json(view: &View<'_>) -> serde_json::Value {
    match view {
        View::Value(value) => of_value(&without_secrets(value)),
        other => of_view(other),
    }
}

/// Returns a value as text, as [`text_of`] does.
pub(super) fn text<'v>(view: &View<'v>) -> Cow<'v, str> {
    match view {
        View::Value(value) => text_of(&View::Value(&without_secrets(value))).into_owned().into(),
        other => text_of(other),
    }
}

/// Appends anything as JSON.
pub(super) fn json(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "writing to memory does not fail: {written:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_with_secret_names_are_left_out_of_trees() {
        let map = |entries: Vec<(&str, Value)>| {
            let entries = entries.into_iter().map(|(key, value)| (Value::from(key), value));
            Value::Map(Map::from_entries(entries.collect()))
        };
        let inner = map(vec![("snmp_community", "canary".into()), ("site", "é>b".into())]);
        let value = Value::List(vec![inner, "kept".into()]);
        let mut out = Vec::new();
        write_json(&mut out, &View::Value(&value));
        assert_eq!(String::from_utf8(out).unwrap(), r#"[{"site":"é>b"},"kept"]"#);
        assert_eq!(text(&View::Value(&value)), "[{'site': 'é>b'}, 'kept']");
        assert_eq!(text(&View::Text("é")), "é");
    }
}
