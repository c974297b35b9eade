//! JSON: writes values for responses and reports, and reads values from requests.
//!
//! ```text
//! serialize   values and properties through serde, into bytes or into a tree of serde_json's
//! read        one object, or a list of them, as the inventory's own values
//! ```

mod read;
mod serialize;

pub use read::{JSON_BYTES_MAX, JsonError, JsonFault, Objects, read_objects, read_objects_within};
pub use serialize::write_object;

use crate::model::{Value, View};

/// A value as a JSON tree.
pub fn of_value(value: &Value) -> serde_json::Value {
    tree(value)
}

/// A property as a JSON tree.
pub fn of_view(view: &View<'_>) -> serde_json::Value {
    tree(view)
}

fn tree(value: &impl serde::Serialize) -> serde_json::Value {
    let tree = serde_json::to_value(value);
    debug_assert!(tree.is_ok(), "every value has a JSON tree: {tree:?}");
    tree.unwrap_or_default()
}
