//! Properties as text, as Python's `str` spells them: what criteria compare and what is sorted.

use std::borrow::Cow;

use super::{Record, Value, View};

/// What a property holds, as text. Nothing is the empty text; a list's items are joined.
pub fn text_of<'a>(view: &View<'a>) -> Cow<'a, str> {
    match view {
        View::Null => "".into(),
        View::Bool(truth) => spelled_bool(*truth).into(),
        View::Int(number) => number.to_string().into(),
        View::Float(number) => format!("{number:?}").into(),
        View::Text(text) => (*text).into(),
        View::Texts(texts) => texts.join(", ").into(),
        View::Value(value) => spelled_value(value),
    }
}

/// A record's property as text; its default where the record does not say.
pub fn property_text<'a>(record: &'a dyn Record, property: &str) -> Cow<'a, str> {
    let default = || record.kind().property(property)?.default.view();
    record.view(property).or_else(default).map_or("".into(), |view| text_of(&view))
}

fn spelled_value(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => "".into(),
        Value::Bool(truth) => spelled_bool(*truth).into(),
        Value::Int(number) => number.to_string().into(),
        Value::Float(number) => format!("{number:?}").into(),
        Value::BigInt(text) | Value::Text(text) | Value::Timestamp(text) => text.into(),
        Value::Binary(bytes) => String::from_utf8_lossy(bytes),
        Value::List(items) | Value::Tuple(items) => {
            items.iter().map(spelled_value).collect::<Vec<_>>().join(", ").into()
        }
        Value::Map(map) => map
            .iter()
            .map(|(key, value)| format!("{}: {}", spelled_value(key), spelled_value(value)))
            .collect::<Vec<_>>()
            .join(", ")
            .into(),
        Value::Shared(shared) => spelled_value(&shared.value),
    }
}

fn spelled_bool(truth: bool) -> &'static str {
    if truth { "True" } else { "False" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Map;

    #[test]
    fn values_are_spelled_as_python_spells_them() {
        let map =
            Map::from_entries(vec![("é".into(), Value::Tuple(vec![Value::Int(1), Value::Null]))]);
        for (view, text) in [
            (View::Null, ""),
            (View::Bool(true), "True"),
            (View::Int(-22), "-22"),
            (View::Float(1.0), "1.0"),
            (View::Text("R 1%"), "R 1%"),
            (View::Texts(vec!["a", "é>b"]), "a, é>b"),
            (View::Value(&Value::Bool(false)), "False"),
            (View::Value(&Value::Map(map)), "é: 1, "),
        ] {
            assert_eq!(text_of(&view), text);
        }
    }
}
