//! The schemas that are generated from the kinds and from the options of calls. The other schemas
//! are in `document.json`.

use serde_json::{Map, Value, json};

use super::{about_option, reference, value_schema};
use crate::{
    http::{description::BodyRule, route::Route},
    model::{Kind, NAME_BYTES_MAX, Property, PropertyType},
};

/// Adds the schemas that are generated from the kinds.
pub(super) fn add_kinds(schemas: &mut Value) {
    for kind in Kind::ALL {
        schemas[kind.as_str()] = of_kind(kind.properties());
    }
    schemas["Instance"] = instance();
    schemas["Counts"] = counts();
    schemas["Kind"] = kind();
}

/// Returns the schema of a kind's word.
pub(super) fn kind() -> Value {
    json!({"type": "string", "enum": Kind::ALL.map(Kind::as_str)})
}

/// Returns the schema of a body that holds the options of a call, and the file if the call has one.
pub(super) fn of_options(route: &Route) -> Value {
    let mut properties = Map::new();
    for option in route.description.query.options() {
        let mut schema = value_schema(option.value);
        schema["description"] = about_option(option).into();
        for alias in option.aliases {
            let mut alias_schema = schema.clone();
            alias_schema["description"] = format!("The same as `{}`.", option.name).into();
            properties.insert((*alias).to_owned(), alias_schema);
        }
        properties.insert(option.name.to_owned(), schema);
    }
    let mut schema = json!({"type": "object", "additionalProperties": false});
    if matches!(route.body, BodyRule::File { .. }) {
        let file = json!({
            "description": "The workbook (.xls, .xlsx, .xlsb, .ods), or with `kind` a table (.csv).",
            "contentMediaType": "application/octet-stream",
        });
        let json_part = json!({
            "type": "object",
            "description": "The same options as a JSON object.",
        });
        properties.insert("file".to_owned(), file);
        properties.insert("json".to_owned(), json_part);
        schema["required"] = json!(["file"]);
    }
    schema["properties"] = properties.into();
    schema
}

/// Returns the schema of a kind with these properties.
fn of_kind(properties: &[Property]) -> Value {
    let schemas: Map<String, Value> = properties
        .iter()
        .map(|property| (property.name.to_owned(), property_schema(property)))
        .collect();
    json!({
        "type": "object",
        "description": "Instances can also have inverse relations and custom properties.",
        "required": ["name"],
        "properties": schemas,
        "additionalProperties": true,
    })
}

/// Returns the schema of a property.
fn property_schema(property: &Property) -> Value {
    let mut schema = match property.type_ {
        PropertyType::Name => {
            json!({"type": "string", "minLength": 1, "maxLength": NAME_BYTES_MAX})
        }
        PropertyType::Text => json!({"type": ["string", "null"]}),
        PropertyType::One(target) => json!({
            "type": ["string", "null"],
            "description": format!("The name of a {target}."),
        }),
        PropertyType::Int => json!({"type": ["integer", "null"]}),
        PropertyType::Bool => json!({"type": ["boolean", "null"]}),
        PropertyType::Float => json!({"type": ["number", "null"]}),
        PropertyType::Any => json!({}),
        PropertyType::Many(target) => json!({
            "type": ["array", "null"],
            "items": {"type": "string"},
            "description": format!("Names of {target}s."),
        }),
        PropertyType::Secret => json!({
            "type": ["string", "null"],
            "writeOnly": true,
            "description": "A secret: it is stored and never returned.",
        }),
    };
    if let Some(default) = property.default.view() {
        schema["default"] = crate::codec::json::of_view(&default);
    }
    schema
}

/// Returns the schema of an instance of any kind.
fn instance() -> Value {
    let kinds: Vec<Value> = Kind::ALL.iter().map(|kind| reference(kind.as_str())).collect();
    json!({"description": "An instance of the requested type, or columns of it.", "anyOf": kinds})
}

/// Returns the schema of the number of instances by kind.
fn counts() -> Value {
    let counts = Kind::ALL.map(|kind| (kind.as_str().to_owned(), json!({"type": "integer"})));
    json!({"type": "object", "properties": Map::from_iter(counts)})
}
