//! What bodies hold: the schemas of the description. Those of the kinds are made from the kinds'
//! own lists of properties.

use serde_json::{Map, Value, json};

use super::named;
use crate::model::{Kind, NAME_BYTES_MAX, Property, PropertyType};

/// Every schema by its name.
pub(super) fn all() -> Value {
    let mut schemas = Map::new();
    for kind in Kind::ALL {
        schemas.insert(kind.as_str().to_owned(), kind_schema(kind));
    }
    let of_bodies = [
        ("Instance", instance()),
        ("Changes", changes()),
        ("Changed", changed()),
        ("Deleted", deleted()),
        ("SearchRequest", search_request()),
        ("StoredText", stored_text()),
        ("UpdatedPools", updated_pools()),
        ("Counts", counts()),
        ("ExportRequest", migration_request(&["export_private_properties"])),
        (
            "ImportRequest",
            migration_request(&["empty_database_before_import", "dry_run", "on_error"]),
        ),
        ("State", open("The current generation of the inventory, and the one before it.")),
        ("Report", open("What was done, in numbers, and all that was found.")),
        ("Projects", projects()),
        ("Project", open("A project on the shelf.")),
        ("TopologyExportRequest", topology_export_request()),
        ("TopologyImportForm", topology_import_form()),
        ("Workbooks", workbooks()),
        ("Workbook", open("A workbook in the data directory.")),
        ("Alive", alive()),
        ("Anything", json!({"type": "object"})),
        ("Problem", problem()),
        ("Kind", json!({"type": "string", "enum": Kind::ALL.map(Kind::as_str)})),
    ];
    schemas.extend(of_bodies.map(|(name, schema)| (name.to_owned(), schema)));
    Value::Object(schemas)
}

/// The schema of one kind.
fn kind_schema(kind: Kind) -> Value {
    let properties = kind
        .properties()
        .iter()
        .map(|property| (property.name.to_owned(), property_schema(property)));
    json!({
        "type": "object",
        "description": "Relations that others hold, and the site's own properties, stand \
                        beside these.",
        "required": ["name"],
        "properties": Value::Object(properties.collect()),
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

fn changes() -> Value {
    let one = json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "description": "Which instance; a new one where there is none."},
            "new_name": {"type": "string", "description": "What it is called from now on."},
        },
        "additionalProperties": true,
    });
    json!({"anyOf": [one.clone(), {"type": "array", "items": one}]})
}

fn changed() -> Value {
    json!({
        "type": "object",
        "required": ["success", "failure"],
        "properties": {
            "success": {"type": "array", "items": {"type": "string"}},
            "failure": {
                "type": "array",
                "items": {
                    "type": "array",
                    "prefixItems": [{"type": "object"}, {"type": "string"}],
                    "description": "The object as it came, and why it was not taken.",
                },
            },
            "errors": {"type": "array", "items": {"type": "object"}},
            "warnings": {"type": "array", "items": {"type": "string"}},
        },
    })
}

fn deleted() -> Value {
    let records = json!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"type": named("Kind"), "name": {"type": "string"}},
        },
    });
    json!({"type": "object", "properties": {"deleted": records.clone(), "struck": records}})
}

fn search_request() -> Value {
    json!({
        "type": "object",
        "required": ["type", "columns"],
        "properties": {
            "type": named("Kind"),
            "columns": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "search_criteria": {
                "type": "object",
                "description": "`<column>` is the text; `<column>_filter` is inclusion, equality, \
                                regex or empty; `<column>_invert` turns it round; `context-lines` \
                                are shown around a matching line of a configuration.",
                "additionalProperties": true,
            },
            "order": {
                "type": "array",
                "maxItems": 1,
                "items": {
                    "type": "object",
                    "properties": {
                        "column": {"type": ["integer", "string"]},
                        "dir": {"type": "string", "enum": ["asc", "desc"]},
                    },
                },
            },
            "start": {"type": "integer", "minimum": 0, "default": 0},
            "maximum_return_records": {"type": "integer", "minimum": 0, "default": 10},
        },
        "additionalProperties": false,
    })
}

fn stored_text() -> Value {
    json!({
        "type": "object",
        "properties": {
            "device": {"type": "string"},
            "property": {"type": "string"},
            "bytes": {"type": "integer"},
        },
    })
}

fn updated_pools() -> Value {
    json!({
        "type": "object",
        "properties": {
            "computed": {"type": "integer", "description": "Pools that are computed."},
            "changed": {"type": "integer", "description": "Of these, those whose members changed."},
            "kept": {
                "type": "array",
                "description": "Pools that keep their members, and why.",
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "reason": {"type": "string"}},
                },
            },
        },
    })
}

fn counts() -> Value {
    let counts =
        Kind::ALL.iter().map(|kind| (kind.as_str().to_owned(), json!({"type": "integer"})));
    json!({"type": "object", "properties": Value::Object(counts.collect())})
}

/// The members that both calls have, and switches that one of them has.
fn migration_request(more: &[&str]) -> Value {
    let mut properties = json!({
        "name": {"type": "string"},
        "import_export_types": {"type": "array", "items": named("Kind"), "minItems": 1},
    });
    for name in more {
        properties[*name] = match *name {
            "on_error" => json!({"type": "string", "enum": ["fail", "skip"]}),
            _ => json!({"type": "boolean"}),
        };
    }
    json!({
        "type": "object",
        "required": ["name", "import_export_types"],
        "properties": properties,
        "additionalProperties": true,
    })
}

fn projects() -> Value {
    let list = json!({"type": "array", "items": named("Project")});
    json!({"type": "object", "properties": {"projects": list}})
}

fn topology_export_request() -> Value {
    let about = "The workbook's name; its ending says the format, and none means .xls.";
    json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": about},
            "export_filename": {"type": "string", "description": "The same."},
        },
        "anyOf": [{"required": ["name"]}, {"required": ["export_filename"]}],
        "additionalProperties": true,
    })
}

fn topology_import_form() -> Value {
    json!({
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {
                "contentMediaType": "application/octet-stream",
                "description": "The workbook (.xls, .xlsx, .xlsb, .ods), or with kind a table (.csv).",
            },
            "replace": {
                "type": "boolean",
                "default": false,
                "description": "Whether devices and links are emptied in the same step.",
            },
            "dry_run": {"type": "boolean", "default": false},
            "on_error": {"type": "string", "enum": ["fail", "skip"]},
            "kind": {"type": "string", "enum": ["device", "link"]},
            "json": {"type": "object", "description": "The same words as a JSON object."},
        },
        "additionalProperties": true,
    })
}

fn workbooks() -> Value {
    let list = json!({"type": "array", "items": named("Workbook")});
    json!({"type": "object", "properties": {"workbooks": list}})
}

fn alive() -> Value {
    json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "cluster_id": {"type": "boolean"}},
    })
}

/// An object whose members are described elsewhere.
fn open(about: &str) -> Value {
    json!({"type": "object", "description": about, "additionalProperties": true})
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457. Scripts tell problems apart by the last word of `type`.",
        "required": ["type", "title", "status", "detail", "request_id"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "request_id": {"type": "string"},
            "errors": {"type": "array", "items": {"type": "object"}},
        },
        "additionalProperties": true,
    })
}
