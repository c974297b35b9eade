//! The schemas that are generated from the types of the responses, from the kinds and from the options of
//! calls. The other schemas are in `document.json`.

use schemars::{
    JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, transform::RecursiveTransform,
};
use serde_json::{Map, Value, json};

use super::{about_option, reference, value_schema};
use crate::{
    audit::AuditEntry,
    backup::{BackupReport, BackupSummary, BackupVerification, Restored},
    feeds::FeedList,
    http::{
        description::BodyRule,
        handlers::{
            backup, health,
            inventory::{change, configuration, delete, instance, pools},
            jobs, maintenance, projects,
            reports::{ExportResponse, ImportResponse},
            sessions, site, tokens, topology as workbooks,
        },
        problem,
        route::Route,
    },
    import::FullReport,
    inventory::{
        ChangeDetails, ChangeSummary, ChangeUndoReport, ConfigurationVersion, FollowedChanges,
        InventoryDifference, VerifyReport,
    },
    job::JobView,
    migration::{self, ProjectSummary},
    model::{Kind, NAME_BYTES_MAX, Property, PropertyType},
    topology,
};

/// Adds the schemas of the responses, which are generated from their Rust types. Schemas of the types that
/// these contain are added too.
pub(super) fn add_responses(schemas: &mut Value) {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    let settings = settings
        .with_transform(RecursiveTransform(absent_without_null))
        .with_transform(RecursiveTransform(unwrap_description));
    let mut generator = settings.into_generator();
    add::<problem::Rendered<'_>>(&mut generator);
    add::<change::Changes>(&mut generator);
    add::<configuration::StoredText<'_>>(&mut generator);
    add::<delete::DeletedMany<'_>>(&mut generator);
    add::<instance::Deleted<'_>>(&mut generator);
    add::<pools::Updated<'_>>(&mut generator);
    add::<sessions::SessionState<'_>>(&mut generator);
    add::<sessions::SessionList>(&mut generator);
    add::<tokens::TokenList>(&mut generator);
    add::<tokens::NewToken<'_>>(&mut generator);
    add::<jobs::JobList<'_>>(&mut generator);
    add::<JobView<'_>>(&mut generator);
    add::<health::Liveness>(&mut generator);
    add::<health::Readiness>(&mut generator);
    add::<projects::Projects>(&mut generator);
    add::<backup::BackupList>(&mut generator);
    add::<ExportResponse<'_, BackupReport>>(&mut generator);
    add::<BackupVerification>(&mut generator);
    add::<ImportResponse<'_, Restored>>(&mut generator);
    add::<BackupSummary>(&mut generator);
    add::<ProjectSummary>(&mut generator);
    add::<workbooks::Workbooks>(&mut generator);
    add::<site::Alive<'_>>(&mut generator);
    add::<maintenance::State>(&mut generator);
    add::<VerifyReport>(&mut generator);
    add::<ChangeSummary>(&mut generator);
    add::<ChangeDetails>(&mut generator);
    add::<AuditEntry>(&mut generator);
    add::<ConfigurationVersion>(&mut generator);
    add::<FollowedChanges>(&mut generator);
    add::<FeedList>(&mut generator);
    add::<InventoryDifference>(&mut generator);
    add::<ChangeUndoReport>(&mut generator);
    add::<ExportResponse<'_, migration::ExportReport>>(&mut generator);
    add::<ImportResponse<'_, migration::Imported>>(&mut generator);
    add::<FullReport<'_, migration::Imported>>(&mut generator);
    add::<ExportResponse<'_, topology::ExportReport>>(&mut generator);
    add::<ImportResponse<'_, topology::Imported>>(&mut generator);
    add::<FullReport<'_, topology::Imported>>(&mut generator);
    for (name, schema) in generator.take_definitions(true) {
        schemas[name] = schema;
    }
    // A job keeps the body of its response as text.
    let job = &mut schemas["Job"]["properties"];
    job["problem"]["$ref"] = reference("Problem")["$ref"].take();
    job["report"]["anyOf"] = JOB_REPORTS.map(reference).as_slice().into();
}

/// The schemas of the responses of operations that run as jobs.
const JOB_REPORTS: [&str; 8] = [
    "BackupReportResponse",
    "BackupVerification",
    "ProjectExportResponse",
    "ProjectImportResponse",
    "RestoreResponse",
    "VerifyReport",
    "WorkbookExportResponse",
    "WorkbookImportResponse",
];

/// Removes null from the types of members that are not required: a response leaves such a member out
/// and never sets it to null. `schemars` derives both from an `Option`.
fn absent_without_null(schema: &mut Schema) {
    let is_null = |schema: &Value| schema == "null" || schema["type"] == "null";
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required =
        |name: &str| required.as_array().is_some_and(|names| names.iter().any(|one| one == name));
    let Some(members) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (_, member) in members.iter_mut().filter(|(name, _)| !is_required(name)) {
        for word in ["type", "anyOf"] {
            let Some(alternatives) = member.get_mut(word).and_then(Value::as_array_mut) else {
                continue;
            };
            alternatives.retain(|alternative| !is_null(alternative));
            let [only] = alternatives.as_mut_slice() else { continue };
            let only = only.take();
            match only {
                Value::Object(alternative) => {
                    if let Some(member) = member.as_object_mut() {
                        member.remove(word);
                        member.extend(alternative);
                    }
                }
                type_ => member[word] = type_,
            }
        }
    }
}

/// Joins the lines of a description, which are those of a doc comment.
fn unwrap_description(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let paragraphs: Vec<_> =
            text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
        *text = paragraphs.join("\n\n");
    }
}

/// Adds the schema of a type to the definitions of the generator.
fn add<T: JsonSchema>(generator: &mut SchemaGenerator) {
    generator.subschema_for::<T>();
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_of_a_response_is_described_for_users_of_the_api() {
        let mut schemas = json!({});
        add_responses(&mut schemas);
        for (name, schema) in schemas.as_object().unwrap() {
            let alternatives = ["anyOf", "oneOf"].map(|word| schema[word].as_array());
            for object in [schema].into_iter().chain(alternatives.into_iter().flatten().flatten()) {
                for (member, schema) in object["properties"].as_object().into_iter().flatten() {
                    let about = schema["description"].as_str().or(object["description"].as_str());
                    let about = about.unwrap_or_else(|| panic!("{name}/{member}"));
                    assert!(about.ends_with('.'), "{name}/{member}: {about}");
                    let is_for_rust =
                        ["[`", "::", "None", "\n"].iter().any(|it| about.contains(it));
                    assert!(!is_for_rust, "{name}/{member}: {about}");
                }
            }
        }
    }

    #[test]
    fn a_member_that_can_be_absent_is_never_null() {
        #[derive(JsonSchema, serde::Serialize)]
        struct Body {
            always: Option<u8>,
            #[serde(skip_serializing_if = "Option::is_none")]
            number: Option<u8>,
            #[serde(skip_serializing_if = "Option::is_none")]
            kind: Option<Kind>,
        }
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let generator =
            settings.with_transform(RecursiveTransform(absent_without_null)).into_generator();
        let schema = generator.into_root_schema_for::<Body>();
        let members = &schema.as_value()["properties"];
        assert_eq!(members["always"]["type"], json!(["integer", "null"]));
        assert_eq!(members["number"]["type"], "integer");
        assert_eq!(members["kind"], json!({"$ref": "#/$defs/Kind"}));
    }
}
