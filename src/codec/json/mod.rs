//! JSON: values written for answers and reports, and read from requests.
//!
//! ```text
//! of_value, of_view   as a tree of serde_json's, for reports
//! write               straight into bytes, for answers of any length
//! read                one object, or a list of them, as the inventory's own values
//! ```

mod read;
mod write;

pub use read::{JSON_BYTES_MAX, JsonError, JsonFault, Objects, read_objects};
pub use write::{write_object, write_text, write_view};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value as Json};

use crate::model::{Value, View};

/// A value as JSON. What JSON has no type for is a text: a timestamp, bytes (base64), a number
/// that is not finite; a tuple is a list.
pub fn of_value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) => Json::from(*number),
        Value::Float(number) => of_float(*number),
        Value::BigInt(text) | Value::Text(text) | Value::Timestamp(text) => {
            Json::String(text.clone())
        }
        Value::Binary(bytes) => Json::String(BASE64_STANDARD.encode(bytes)),
        Value::List(items) | Value::Tuple(items) => items.iter().map(of_value).collect(),
        Value::Map(map) => {
            let mut object = Map::new();
            for (key, value) in map.iter() {
                object.insert(key_text(key), of_value(value));
            }
            Json::Object(object)
        }
        Value::Shared(shared) => of_value(&shared.value),
    }
}

/// A property as JSON.
pub fn of_view(view: &View<'_>) -> Json {
    match view {
        View::Null => Json::Null,
        View::Bool(truth) => Json::Bool(*truth),
        View::Int(number) => Json::from(*number),
        View::Float(number) => of_float(*number),
        View::Text(text) => Json::from(*text),
        View::Texts(texts) => texts.iter().copied().collect(),
        View::Value(value) => of_value(value),
    }
}

fn of_float(number: f64) -> Json {
    serde_json::Number::from_f64(number)
        .map_or_else(|| Json::String(number.to_string()), Json::Number)
}

/// A key: JSON's are texts.
fn key_text(key: &Value) -> String {
    match of_value(key) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}
