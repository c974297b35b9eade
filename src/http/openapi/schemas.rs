//! What bodies hold: the schemas of the description. Those of the kinds are made from the kinds'
//! own lists of properties.

use serde_json::{Map, Value, json};

use super::{named, written};
use crate::model::{Kind, NAME_BYTES_MAX, Property, PropertyType};

/// Adds the schemas that follow from the kinds. The others stand in the file.
pub(super) fn add_kinds(schemas: &mut Value) {
    for kind in Kind::ALL {
        schemas[kind.as_str()] = of_kind(kind.properties());
    }
    schemas["Instance"] = instance();
    schemas["Counts"] = counts();
    schemas["Kind"] = of_any_kind();
}

/// A word that is a kind.
pub(super) fn of_any_kind() -> Value {
    json!({"type": "string", "enum": Kind::ALL.map(Kind::as_str)})
}

/// The schema of a kind that has these properties.
fn of_kind(properties: &[Property]) -> Value {
    let mut described = Map::new();
    for property in properties {
        described.insert(property.name.to_owned(), property_schema(property));
    }
    let mut schema = written(
        r#"{
            "type": "object",
            "description": "Relations that others hold, and the site's own properties, stand beside these.",
            "required": ["name"],
            "additionalProperties": true
        }"#,
    );
    schema["properties"] = described.into();
    schema
}

fn property_schema(property: &Property) -> Value {
    let mut schema = written(match property.type_ {
        PropertyType::Name => r#"{"type": "string", "minLength": 1}"#,
        PropertyType::Text | PropertyType::One(_) => r#"{"type": ["string", "null"]}"#,
        PropertyType::Int => r#"{"type": ["integer", "null"]}"#,
        PropertyType::Bool => r#"{"type": ["boolean", "null"]}"#,
        PropertyType::Float => r#"{"type": ["number", "null"]}"#,
        PropertyType::Any => "{}",
        PropertyType::Many(_) => r#"{"type": ["array", "null"], "items": {"type": "string"}}"#,
        PropertyType::Secret => {
            r#"{
                "type": ["string", "null"],
                "writeOnly": true,
                "description": "A secret: it is taken, and never answered."
            }"#
        }
    });
    match property.type_ {
        PropertyType::Name => schema["maxLength"] = NAME_BYTES_MAX.into(),
        PropertyType::One(target) => {
            schema["description"] = format!("The name of a {target}.").into();
        }
        PropertyType::Many(target) => {
            schema["description"] = format!("Names of {target}s.").into();
        }
        PropertyType::Text
        | PropertyType::Int
        | PropertyType::Bool
        | PropertyType::Float
        | PropertyType::Any
        | PropertyType::Secret => {}
    }
    if let Some(default) = property.default.view() {
        schema["default"] = crate::codec::json::of_view(&default);
    }
    schema
}

fn instance() -> Value {
    let kinds: Vec<Value> = Kind::ALL.iter().map(|kind| named(kind.as_str())).collect();
    json!({
        "description": "An instance of the type that is asked for, or the columns of it.",
        "anyOf": kinds,
    })
}

fn counts() -> Value {
    let mut counts = Map::new();
    for kind in Kind::ALL {
        counts.insert(kind.as_str().to_owned(), json!({"type": "integer"}));
    }
    json!({"type": "object", "properties": counts})
}
