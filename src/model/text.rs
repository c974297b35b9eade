//! The text form of a property, for criteria, searches and sorting.

use std::{borrow::Cow, time::Instant};

use super::{Comparison, OutOfTime, Record, Value, View, python};

/// The value of a property as text: Python's `str` of a value, the names of a relation joined with
/// `, `, and the empty text for null.
pub fn text_of<'a>(view: &View<'a>) -> Cow<'a, str> {
    match view {
        View::Null => "".into(),
        View::Bool(truth) => python::bool_str(*truth).into(),
        View::Int(number) => number.to_string().into(),
        View::Float(number) => python::float_repr(*number).into(),
        View::Text(text) => (*text).into(),
        View::Texts(names) => names.join(", ").into(),
        View::Value(value) => match value.plain() {
            Value::Null => "".into(),
            value => python::str(value),
        },
    }
}

/// Returns whether the value of a property is empty: null, the empty text, or a list, tuple or map
/// without items. Python treats these as false, and eNMS's `empty` matches them.
fn is_empty(view: &View<'_>) -> bool {
    match view {
        View::Null => true,
        View::Bool(_) | View::Int(_) | View::Float(_) => false,
        View::Text(text) => text.is_empty(),
        View::Texts(names) => names.is_empty(),
        View::Value(value) => match value.plain() {
            Value::Null => true,
            Value::Text(text) => text.is_empty(),
            Value::Binary(bytes) => bytes.is_empty(),
            Value::List(items) | Value::Tuple(items) => items.is_empty(),
            Value::Map(map) => map.is_empty(),
            Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Timestamp(_)
            | Value::Shared(_) => false,
        },
    }
}

impl Comparison {
    /// Returns whether the value of a property matches the comparison.
    ///
    /// # Errors
    /// [`OutOfTime`] if an expression is not compared before `end`.
    pub fn holds_of_before(&self, view: &View<'_>, end: Instant) -> Result<bool, OutOfTime> {
        match self {
            Comparison::Regex(_) => self.holds_before(&text_of(view), end),
            Comparison::Inclusion(_) | Comparison::Equality(_) | Comparison::Empty => {
                Ok(self.holds_of(view))
            }
        }
    }

    /// Returns whether the value of a property matches the comparison.
    pub fn holds_of(&self, view: &View<'_>) -> bool {
        match self {
            Comparison::Empty => is_empty(view),
            Comparison::Inclusion(_) | Comparison::Equality(_) | Comparison::Regex(_) => {
                self.holds(&text_of(view))
            }
        }
    }
}

/// A property of a record, or its default if the record does not have it. Null without a default.
pub fn property_view<'a>(record: &'a dyn Record, property: &str) -> View<'a> {
    let default = || record.kind().property(property)?.default.view();
    record.view(property).or_else(default).unwrap_or(View::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Map;

    #[test]
    fn a_value_is_pythons_str_and_null_is_no_text() {
        let map = Map::from_entries(vec![(
            "é".into(),
            Value::Tuple(vec![Value::Float(1e16), Value::Null]),
        )]);
        for (view, text) in [
            (View::Null, ""),
            (View::Bool(true), "True"),
            (View::Int(-22), "-22"),
            (View::Float(1.0), "1.0"),
            (View::Float(1e-5), "1e-05"),
            (View::Text("R 1%"), "R 1%"),
            (View::Texts(vec!["a", "é>b"]), "a, é>b"),
            (View::Value(&Value::Null), ""),
            (View::Value(&Value::Bool(false)), "False"),
            (View::Value(&Value::Map(map)), "{'é': (1e+16, None)}"),
        ] {
            assert_eq!(text_of(&view), text);
        }
    }

    #[test]
    fn collections_without_items_are_empty() {
        for value in [
            Value::Null,
            "".into(),
            Value::List(vec![]),
            Value::Tuple(vec![]),
            Value::Map(Map::new()),
        ] {
            assert!(Comparison::Empty.holds_of(&View::Value(&value)), "{value:?}");
        }
        for value in [Value::Bool(false), Value::Int(0), Value::List(vec![Value::Null])] {
            assert!(!Comparison::Empty.holds_of(&View::Value(&value)), "{value:?}");
        }
    }
}
