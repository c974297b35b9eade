//! The order in which PyYAML writes the entries of a mapping: sorted as Python sorts keys, or
//! unsorted if Python cannot compare them.

use std::cmp::Ordering;

use super::timestamp::moment;
use crate::model::{Map, Value};

/// Returns the entries of a map in the order in which they are written.
pub(super) fn ordered(map: &Map) -> Vec<&(Value, Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    if entries.is_sorted_by(|a, b| compare(&a.0, &b.0) == Some(Ordering::Less)) {
        return entries;
    }
    let mut comparable = true;
    entries.sort_by(|a, b| {
        compare(&a.0, &b.0).unwrap_or_else(|| {
            comparable = false;
            Ordering::Equal
        })
    });
    if comparable { entries } else { map.iter().collect() }
}

/// Compares two keys as Python does. `None` if Python raises a `TypeError`.
fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a.plain(), b.plain()) {
        // Rust orders texts by their UTF-8 bytes, which is the order of their code points.
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Binary(a), Value::Binary(b)) => Some(a.cmp(b)),
        (Value::Timestamp(a), Value::Timestamp(b)) => compare_timestamps(a, b),
        (Value::Tuple(a), Value::Tuple(b)) => {
            let differing = a.iter().zip(b).find(|(a, b)| !are_equal(a, b));
            differing.map_or(Some(a.len().cmp(&b.len())), |(a, b)| compare(a, b))
        }
        (a, b) => compare_numbers(&Number::of(a)?, &Number::of(b)?),
    }
}

/// Returns whether two parts of keys are equal in Python.
fn are_equal(a: &Value, b: &Value) -> bool {
    match (a.plain(), b.plain()) {
        (Value::Null, Value::Null) => true,
        (a, b) => compare(a, b) == Some(Ordering::Equal),
    }
}

fn compare_timestamps(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (moment(a)?, moment(b)?);
    if std::mem::discriminant(&a) == std::mem::discriminant(&b) { a.partial_cmp(&b) } else { None }
}

/// A key that is a number in Python, including booleans.
enum Number<'a> {
    Int(i64),
    /// An integer of any size: true if it is negative, and its digits.
    Big(bool, &'a str),
    Float(f64),
}

impl<'a> Number<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Number::Int(i64::from(*value))),
            Value::Int(value) => Some(Number::Int(*value)),
            Value::BigInt(text) => Some(match text.strip_prefix('-') {
                Some(digits) => Number::Big(true, digits),
                None => Number::Big(false, text),
            }),
            Value::Float(value) => Some(Number::Float(*value)),
            Value::Null
            | Value::Text(_)
            | Value::Timestamp(_)
            | Value::Binary(_)
            | Value::List(_)
            | Value::Tuple(_)
            | Value::Map(_)
            | Value::Shared(_) => None,
        }
    }
}

fn compare_numbers(a: &Number, b: &Number) -> Option<Ordering> {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => Some(a.cmp(b)),
        (Number::Float(a), Number::Float(b)) => Some(a.partial_cmp(b).unwrap_or(Ordering::Equal)),
        (Number::Int(a), Number::Float(b)) => Some(compare_exactly(*a, *b)),
        (Number::Float(_), Number::Int(_) | Number::Big(..)) => {
            compare_numbers(b, a).map(Ordering::reverse)
        }
        (Number::Int(_), Number::Big(negative, _)) => Some(above_if(*negative)),
        (Number::Big(negative, _), Number::Int(_)) => Some(above_if(!*negative)),
        (Number::Big(a_negative, a), Number::Big(b_negative, b)) => {
            if a_negative != b_negative {
                return Some(above_if(*b_negative));
            }
            let sizes = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
            Some(if *a_negative { sizes.reverse() } else { sizes })
        }
        (Number::Big(negative, digits), Number::Float(float)) => {
            if float.is_infinite() {
                return Some(above_if(*float < 0.0));
            }
            let (float_negative, text) = (*float < 0.0, format!("{:.0}", float.abs().trunc()));
            compare_numbers(&Number::Big(*negative, digits), &Number::Big(float_negative, &text))
        }
    }
}

fn above_if(above: bool) -> Ordering {
    if above { Ordering::Greater } else { Ordering::Less }
}

/// Compares without rounding the integer to a float.
fn compare_exactly(int: i64, float: f64) -> Ordering {
    // Past 2^63 a cast to `i128` saturates far enough out.
    let whole = i128::from(int).cmp(&(float.trunc() as i128));
    whole.then_with(|| 0.0_f64.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal))
}
