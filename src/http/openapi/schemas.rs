//! What bodies hold: the schemas of the description. Those of the kinds are made from the kinds'
//! own lists of properties.

use serde_json::{Map, Value, json};

use super::{about_option, named, value_schema, written};
use crate::http::route::{BodyRule, Route};
use crate::model::{Kind, NAME_BYTES_MAX, Property, PropertyType};

/// The part of a form that is the file.
const FILE: &str = r#"{
    "description": "The workbook (.xls, .xlsx, .xlsb, .ods), or with kind a table (.csv).",
    "contentMediaType": "application/octet-stream"
}"#;

/// The part of a form that holds options.
const JSON_PART: &str =
    r#"{"type": "object", "description": "The same options as a JSON object."}"#;

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

/// The schema of a body that holds a call's options. The file of a form stands beside them.
pub(super) fn of_options(route: &Route) -> Value {
    let mut described = Map::new();
    for option in route.description.query.options() {
        let mut schema = value_schema(option.value);
        schema["description"] = about_option(option).into();
        for alias in option.aliases {
            let mut other = schema.clone();
            other["description"] = format!("The same as `{}`.", option.name).into();
            described.insert((*alias).to_owned(), other);
        }
        described.insert(option.name.to_owned(), schema);
    }
    let mut schema = written(r#"{"type": "object", "additionalProperties": false}"#);
    if matches!(route.body, BodyRule::File { .. }) {
        described.insert("file".to_owned(), written(FILE));
        described.insert("json".to_owned(), written(JSON_PART));
        schema["required"] = json!(["file"]);
    }
    schema["properties"] = described.into();
    schema
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
