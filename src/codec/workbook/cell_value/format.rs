//! Writes a value as a cell that [`super::parse_cell`] parses to the same value and type.

use super::{
    super::{Cell, parse_serial_date},
    literal,
    parse::{DIGITS_KEPT_MAX, is_special},
};
use crate::model::{PropertyDefault, PropertyType, Value, View, python};

/// Returns the cell of a property. [`super::parse_cell`] parses it to the same value again.
pub fn format_cell<'a>(type_: PropertyType, default: PropertyDefault, view: &View<'a>) -> Cell<'a> {
    match view {
        View::Null => Cell::from("None"),
        View::Bool(truth) => Cell::Bool(*truth),
        View::Int(number) => match exact(*number) {
            Some(number) => Cell::Number(number),
            None => Cell::from(number.to_string()),
        },
        View::Float(number) if number.is_finite() => Cell::Number(*number),
        View::Float(number) => Cell::from(literal::spell(&Value::Float(*number))),
        View::Text("") if shows_empty(type_, default) => Cell::Empty,
        View::Text(text) => text_cell(type_, text),
        View::Texts(names) => {
            let names = names.iter().map(|name| Value::from(*name)).collect();
            Cell::from(literal::spell(&Value::List(names)))
        }
        View::Value(value) => value_cell(value.plain()),
    }
}

/// Returns whether a response shows an absent property as an empty text.
fn shows_empty(type_: PropertyType, default: PropertyDefault) -> bool {
    matches!(type_, PropertyType::One(_)) || default == PropertyDefault::Text("")
}

/// The cell of a text; quoted if it would be parsed to another value.
pub(super) fn text_cell(type_: PropertyType, text: &str) -> Cell<'_> {
    if is_special(type_, text) { Cell::from(literal::spell_text(text)) } else { Cell::from(text) }
}

/// The cell of the value of a custom property.
fn value_cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::from("None"),
        Value::Bool(truth) => Cell::Bool(*truth),
        Value::Int(number) => match exact(*number) {
            Some(number) => Cell::Number(number),
            None => Cell::from(format!("int({number})")),
        },
        Value::BigInt(number) => Cell::from(format!("int({number})")),
        Value::Float(number) if !number.is_finite() => Cell::from(literal::spell(value)),
        // A number without a fraction would be parsed to an integer.
        Value::Float(number) if number.fract() == 0.0 => {
            Cell::from(format!("float({})", python::float_repr(*number)))
        }
        Value::Float(number) => Cell::Number(*number),
        Value::Text(text) => text_cell(PropertyType::Any, text),
        Value::Timestamp(text) => match parse_serial_date(text) {
            Some(days) => Cell::Date(days),
            None => Cell::from(literal::spell(value)),
        },
        Value::Binary(_) | Value::List(_) | Value::Tuple(_) | Value::Map(_) => {
            Cell::from(literal::spell(value))
        }
        Value::Shared(shared) => value_cell(&shared.value),
    }
}

/// The number as a cell holds it. `None` if a spreadsheet program would not keep all its digits.
fn exact(number: i64) -> Option<f64> {
    let in_cell = number as f64;
    (in_cell.abs() < DIGITS_KEPT_MAX).then_some(in_cell)
}
