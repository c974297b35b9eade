//! The OpenAPI 3.1 description of the REST API. It is made from the route table and stored as the file
//! `assets/openapi.json`, which the server sends. A test compares both.

mod document;
mod schemas;

use hyper::Method;
use serde_json::{Map, Value, json};

pub(super) use self::document::Document;
use super::{
    description::{
        BodyRule, CallOption, Content, Need, QueryRule, ResponseForm, Shape, Tag, ValueType,
    },
    route::{Route, RouteTable},
};
use crate::{access::Right, topology::SHEET_ROWS_MAX};

/// The parts of the description that depend on neither routes, types nor kinds: its head, and the
/// schemas of the bodies that are not the JSON of a Rust type.
const FRAME: &str = include_str!("document.json");

/// Returns the OpenAPI description of these routes.
pub fn describe(routes: &RouteTable) -> Value {
    // A test reads the file.
    let mut document: Value = serde_json::from_str(FRAME).unwrap_or_default();
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document["tags"] = Tag::ALL.iter().map(tag).collect();
    for route in routes.iter() {
        let method = route.method.as_str().to_ascii_lowercase();
        document["paths"][route.pattern][method] = operation(route);
        for content in route.description.request {
            if let Shape::Options(name) = content.shape {
                document["components"]["schemas"][name] = schemas::of_options(route);
            }
        }
    }
    schemas::add_responses(&mut document["components"]["schemas"]);
    schemas::add_kinds(&mut document["components"]["schemas"]);
    document
}

fn tag(tag: &Tag) -> Value {
    json!({"name": tag.as_str(), "description": tag.about()})
}

/// Returns the operation object of a route.
fn operation(route: &Route) -> Value {
    let about = &route.description;
    let login = match route.right {
        Right::Public => "Needs no login.".to_owned(),
        right => format!("Needs the right `{right}`."),
    };
    let limit = match route.body.bytes_max() {
        Some(bytes_max) if !about.request.is_empty() => {
            format!(" The body may have {}.", size(bytes_max))
        }
        Some(_) | None => String::new(),
    };
    let security = match route.right {
        Right::Public => json!([]),
        Right::Own => json!([{"basic": []}, {"session": []}]),
        _ => json!([{"basic": []}, {"token": []}, {"session": []}]),
    };
    let mut operation = json!({
        "operationId": about.operation,
        "tags": [about.tag.as_str()],
        "summary": about.summary,
        "description": format!("{login}{limit}"),
        "security": security,
        "parameters": parameters(route),
        "responses": responses(route),
    });
    if !about.request.is_empty() {
        operation["requestBody"] = json!({
            // Options may also be in the query.
            "required": !matches!(route.body, BodyRule::Options | BodyRule::OptionsOrFile { .. }),
            "content": contents(about.request),
        });
    }
    operation
}

/// Returns a size in the largest unit that divides it without a remainder.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} bytes"),
    }
}

/// Returns the parameters of a route: path, query and header.
fn parameters(route: &Route) -> Value {
    let path = route.description.path.iter().map(|parameter| {
        let mut described = parameter_in("path", parameter.name, parameter.about, parameter.value);
        described["required"] = true.into();
        described
    });
    let query = match route.description.query {
        QueryRule::Nothing => Vec::new(),
        QueryRule::Known(known) => known.iter().map(query_parameter).collect(),
        QueryRule::Any { about } => vec![any_query_parameter(about)],
    };
    path.chain(query).chain(prefer_header(route)).collect()
}

/// Returns the parameter object of an option.
fn query_parameter(option: &CallOption) -> Value {
    let mut described = parameter_in("query", option.name, &about_option(option), option.value);
    match option.value {
        ValueType::Texts | ValueType::Kinds => described["explode"] = false.into(),
        ValueType::Switch => described["allowEmptyValue"] = true.into(),
        ValueType::Text
        | ValueType::ProjectName
        | ValueType::WorkbookName
        | ValueType::BackupName
        | ValueType::Word(_)
        | ValueType::Kind
        | ValueType::Whole
        | ValueType::RowNumber
        | ValueType::Mapping
        | ValueType::Headings => {}
    }
    described
}

/// Returns the parameter object for a query with parameters of any name: an object whose members are
/// the parameters.
fn any_query_parameter(about: &str) -> Value {
    json!({
        "in": "query",
        "name": "property",
        "description": about,
        "style": "form",
        "explode": true,
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    })
}

/// Returns the request header `Prefer` of a route that starts a job.
fn prefer_header(route: &Route) -> Option<Value> {
    let starts_job = route.method == Method::POST
        && route.description.responses.iter().any(|response| response.status == 202);
    let about = "With respond-async, the response is 202 with the address of the job (RFC 7240).";
    starts_job.then(|| parameter_in("header", "Prefer", about, ValueType::Text))
}

/// Returns the sentence about an option, with its need and its aliases.
fn about_option(option: &CallOption) -> String {
    let need = if option.need == Need::Required { " Required." } else { "" };
    let aliases = match option.aliases {
        [] => String::new(),
        aliases => format!(" Also called `{}`.", aliases.join("`, `")),
    };
    format!("{}{need}{aliases}", option.about)
}

/// Returns a parameter object. `place` is its member `in`.
fn parameter_in(place: &str, name: &str, about: &str, value: ValueType) -> Value {
    json!({"in": place, "name": name, "description": about, "schema": value_schema(value)})
}

/// Returns the responses of a route, with the problems that its right can cause.
fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    for ResponseForm { status, about, content, headers } in route.description.responses {
        let mut response = json!({"description": about});
        if !content.is_empty() {
            response["content"] = contents(content);
        }
        for header in *headers {
            response["headers"][header.name] =
                json!({"description": header.about, "schema": {"type": "string"}});
        }
        responses.insert(status.to_string(), response);
    }
    let refused: &[&str] = match route.right {
        Right::Public => &[],
        _ => &["401", "403", "429"],
    };
    for status in refused.iter().chain(&["default"]) {
        let problem = json!({"$ref": "#/components/responses/Problem"});
        responses.insert((*status).to_owned(), problem);
    }
    Value::Object(responses)
}

/// Returns the content object of bodies.
fn contents(contents: &[Content]) -> Value {
    let mut described = Map::new();
    for content in contents {
        let schema = match content.shape {
            Shape::Text => json!({"type": "string"}),
            // In OpenAPI 3.1 raw bytes have no schema.
            Shape::Bytes => json!({}),
            Shape::Schema(name) | Shape::Options(name) => reference(name),
            Shape::List(name) => json!({"type": "array", "items": reference(name)}),
        };
        described.insert(content.media_type.to_owned(), json!({"schema": schema}));
    }
    Value::Object(described)
}

/// Returns the schema of a value.
fn value_schema(value: ValueType) -> Value {
    match value {
        ValueType::Text
        | ValueType::ProjectName
        | ValueType::WorkbookName
        | ValueType::BackupName => {
            json!({"type": "string"})
        }
        ValueType::Word(words) => json!({"type": "string", "enum": words}),
        ValueType::Kinds => json!({"type": "array", "items": reference("Kind"), "minItems": 1}),
        ValueType::Kind => schemas::kind(),
        ValueType::Whole => json!({"type": "integer", "minimum": 0}),
        ValueType::Mapping => json!({
            "oneOf": [
                {"type": "string"},
                {"type": "object", "additionalProperties": {"type": "string"}},
            ],
        }),
        ValueType::Headings => json!({
            "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        }),
        ValueType::RowNumber => {
            json!({"type": "integer", "minimum": 1, "maximum": SHEET_ROWS_MAX})
        }
        ValueType::Switch => json!({"type": "boolean"}),
        ValueType::Texts => json!({"type": "array", "items": {"type": "string"}}),
    }
}

/// Returns a reference to a schema.
fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::routes::route_table;

    fn document() -> Value {
        describe(&route_table())
    }

    /// The operations of the document: method and pattern.
    fn operations(document: &Value) -> BTreeSet<(String, String)> {
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(pattern, path)| {
            let methods = path.as_object().unwrap().keys();
            methods.map(|method| (method.to_ascii_uppercase(), pattern.clone()))
        });
        operations.collect()
    }

    #[test]
    fn a_size_has_the_largest_unit_that_divides_it() {
        for (bytes, text) in [
            (4 << 30, "4 GiB"),
            (64 << 20, "64 MiB"),
            (1 << 20, "1 MiB"),
            (1025, "1025 bytes"),
            (0, "0 bytes"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let table = route_table();
        let routes =
            table.iter().map(|route| (route.method.as_str().to_owned(), route.pattern.to_owned()));
        assert_eq!(operations(&document()), routes.collect());
    }

    #[test]
    fn every_parameter_of_a_path_is_described() {
        for route in route_table().iter() {
            let named = route
                .pattern
                .split('/')
                .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
            let described = route.description.path.iter().map(|parameter| parameter.name);
            assert_eq!(
                named.collect::<Vec<_>>(),
                described.collect::<Vec<_>>(),
                "{}",
                route.pattern
            );
        }
    }

    #[test]
    fn all_texts_are_sentences() {
        let is_sentence = |text: &str| text.ends_with('.') || text.ends_with('…');
        for route in route_table().iter() {
            let about = &route.description;
            let known = match about.query {
                QueryRule::Known(known) => known,
                QueryRule::Nothing | QueryRule::Any { .. } => &[],
            };
            assert!(!about.responses.is_empty(), "{}", route.pattern);
            let texts = [about.summary]
                .into_iter()
                .chain(about.path.iter().map(|parameter| parameter.about))
                .chain(known.iter().map(|parameter| parameter.about))
                .chain(about.responses.iter().map(|response| response.about));
            for text in texts {
                assert!(is_sentence(text), "{}: {text:?}", route.pattern);
            }
        }
    }

    /// Both are made from the same definitions.
    #[test]
    fn a_body_of_options_has_the_options_of_the_query() {
        let document = document();
        for route in route_table().iter() {
            let method = route.method.as_str().to_ascii_lowercase();
            let operation = &document["paths"][route.pattern][method];
            let contents = operation["requestBody"]["content"].as_object();
            let reference = contents.into_iter().flatten().find_map(|(media_type, content)| {
                let is_form = media_type == "multipart/form-data";
                content["schema"]["$ref"].as_str().filter(|_| is_form)
            });
            let Some(reference) = reference else { continue };
            let schema = document.pointer(reference.strip_prefix('#').unwrap()).unwrap();
            assert_eq!(schema["additionalProperties"], false, "{}", route.pattern);
            for option in route.description.query.options() {
                for name in option.names() {
                    assert!(schema["properties"][name].is_object(), "{name} of {reference}");
                }
                let parameters = operation["parameters"].as_array().unwrap();
                let parameter = parameters.iter().find(|one| one["name"] == option.name).unwrap();
                let member = &schema["properties"][option.name];
                assert_eq!(parameter["description"], member["description"]);
                for (word, value) in parameter["schema"].as_object().unwrap() {
                    assert_eq!(&member[word], value, "{} of {reference}", option.name);
                }
            }
        }
    }

    /// A frame that is not JSON would be null.
    #[test]
    fn only_defaults_are_null() {
        fn walk(value: &Value, place: &str) {
            match value {
                Value::Null => assert!(place.ends_with("/default"), "{place}"),
                Value::Object(members) => {
                    members.iter().for_each(|(name, it)| walk(it, &format!("{place}/{name}")));
                }
                Value::Array(items) => items.iter().for_each(|it| walk(it, place)),
                Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        walk(&document(), "");
    }

    #[test]
    fn every_reference_has_a_target_and_every_schema_is_used() {
        fn walk<'d>(value: &'d Value, each: &mut impl FnMut(&'d str)) {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(reference)) = members.get("$ref") {
                        each(reference);
                    }
                    members.values().for_each(|value| walk(value, each));
                }
                Value::Array(items) => items.iter().for_each(|value| walk(value, each)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let document = document();
        let mut references = BTreeSet::new();
        walk(&document, &mut |reference| {
            references.insert(reference);
        });
        for reference in &references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        // Every schema is used.
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            let reference = format!("#/components/schemas/{name}");
            assert!(references.contains(&*reference), "{name}");
        }
    }
}
