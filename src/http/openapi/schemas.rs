//! What bodies hold: the schemas of the description. Those of the kinds are made from the kinds'
//! own lists of properties.

use serde_json::{Map, Value, json};

use super::named;
use crate::model::{Kind, NAME_BYTES_MAX, Property, PropertyType};

/// The schemas that are the same whatever the kinds are.
const BODIES: &str = include_str!("bodies.json");

/// Every schema by its name.
pub(super) fn all() -> Map<String, Value> {
    // A test reads it.
    let mut schemas: Map<String, Value> = serde_json::from_str(BODIES).unwrap_or_default();
    for kind in Kind::ALL {
        schemas.insert(kind.as_str().to_owned(), of_kind(kind.properties()));
    }
    schemas.insert("Instance".to_owned(), instance());
    schemas.insert("Counts".to_owned(), counts());
    schemas
        .insert("Kind".to_owned(), json!({"type": "string", "enum": Kind::ALL.map(Kind::as_str)}));
    schemas
}

/// The schema of a kind with these properties.
fn of_kind(properties: &[Property]) -> Value {
    let mut described = Map::new();
    for property in properties {
        described.insert(property.name.to_owned(), property_schema(property));
    }
    json!({
        "type": "object",
        "description": "Relations that others hold, and the site's own properties, stand beside \
                        these.",
        "required": ["name"],
        "properties": described,
        "additionalProperties": true,
    })
}

fn property_schema(property: &Property) -> Value {
    let mut schema = match property.type_ {
        PropertyType::Name => {
            json!({"type": "string", "minLength": 1, "maxLength": NAME_BYTES_MAX})
        }
        PropertyType::Text => json!({"type": ["string", "null"]}),
        PropertyType::Int => json!({"type": ["integer", "null"]}),
        PropertyType::Bool => json!({"type": ["boolean", "null"]}),
        PropertyType::Float => json!({"type": ["number", "null"]}),
        PropertyType::Any => json!({}),
        PropertyType::One(target) => {
            json!({"type": ["string", "null"], "description": format!("The name of a {target}.")})
        }
        PropertyType::Many(target) => json!({
            "type": ["array", "null"],
            "items": {"type": "string"},
            "description": format!("Names of {target}s."),
        }),
        PropertyType::Secret => json!({
            "type": ["string", "null"],
            "writeOnly": true,
            "description": "A secret: it is taken, and never answered.",
        }),
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_schemas_is_read_and_holds_no_other() {
        let bodies: Map<String, Value> = serde_json::from_str(BODIES).unwrap();
        let all = all();
        for name in bodies.keys() {
            assert_eq!(all[name], bodies[name], "{name} is made twice");
        }
        assert_eq!(all.len(), bodies.len() + Kind::ALL.len() + 3);
    }
}
