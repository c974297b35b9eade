//! The description of every route in OpenAPI 3.1, made from the route table that serves them.

mod schemas;

use std::sync::LazyLock;

use hyper::header::{ETAG, HeaderValue};
use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::conditional::{ETag, Freshness, freshness};
use super::problem::Problem;
use super::request::Call;
use super::response::{self, JSON, Response};
use super::route::{
    Access, AnswerForm, BodyRule, CallOption, Content, Need, QueryRule, Route, Shape, Tag,
    ValueType,
};
use super::routes::ROUTES;

/// The document and its validator. It is the same for as long as the process lives.
static DOCUMENT: LazyLock<(Vec<u8>, ETag)> = LazyLock::new(|| {
    // Texts, numbers and maps of texts always can be JSON.
    let mut text = serde_json::to_vec(&document()).unwrap_or_default();
    text.push(b'\n');
    let etag = ETag::of_version(0, &text);
    (text, etag)
});

/// `GET /rest/openapi.json`
pub(super) async fn show(call: Call) -> Result<Response, Problem> {
    let (text, etag) = &*DOCUMENT;
    let mut response = match freshness(&call.headers, etag, None)? {
        Freshness::NotModified => response::empty(StatusCode::NOT_MODIFIED),
        Freshness::Modified => response::whole(StatusCode::OK, JSON, text.as_slice()),
    };
    response.headers_mut().insert(ETAG, HeaderValue::from(etag));
    Ok(response)
}

/// What the description says whatever the routes and the kinds are.
const FRAME: &str = include_str!("document.json");

fn document() -> Value {
    let mut document = written(FRAME);
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document["tags"] = Tag::ALL.iter().map(tag).collect();
    for route in ROUTES.iter() {
        let method = route.method.as_str().to_ascii_lowercase();
        document["paths"][route.pattern][method] = operation(route);
        for content in route.description.request {
            if let Shape::Options(name) = content.shape {
                document["components"]["schemas"][name] = schemas::of_options(route);
            }
        }
    }
    schemas::add_kinds(&mut document["components"]["schemas"]);
    document
}

/// JSON that stands in the source: less code than what would make it piece by piece.
fn written(json: &str) -> Value {
    // Tests look at each of them.
    serde_json::from_str(json).unwrap_or_default()
}

fn tag(tag: &Tag) -> Value {
    json!({"name": tag.as_str(), "description": tag.about()})
}

fn operation(route: &Route) -> Value {
    let about = &route.description;
    let mut operation = Map::new();
    let mut say = |name: &str, value: Value| operation.insert(name.to_owned(), value);
    say("operationId", about.operation.into());
    say("tags", json!([about.tag.as_str()]));
    say("summary", about.summary.into());
    let allowed = match route.access {
        Access::Anonymous => "Needs no login.",
        Access::Authenticated => "Needs a login.",
        Access::Administrator => "Needs the login of an administrator.",
    };
    let limit = match route.body {
        _ if about.request.is_empty() => String::new(),
        body => match body.bytes_max() {
            Some(bytes_max) => format!(" The body may have {}.", size(bytes_max)),
            None => String::new(),
        },
    };
    say("description", format!("{allowed}{limit}").into());
    let security = match route.access {
        Access::Anonymous => "[]",
        Access::Authenticated | Access::Administrator => r#"[{"basic": []}]"#,
    };
    say("security", written(security));
    say("parameters", parameters(route));
    if !about.request.is_empty() {
        // Options may also stand in the query.
        let mut body = json!({"required": route.body != BodyRule::Options});
        body["content"] = contents(about.request);
        say("requestBody", body);
    }
    say("responses", answers(route));
    Value::Object(operation)
}

/// A limit, as people say it.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} bytes"),
    }
}

fn parameters(route: &Route) -> Value {
    let path = route.description.path.iter().map(|parameter| {
        let place = r#"{"in": "path", "required": true}"#;
        described(place, parameter.name, parameter.about, parameter.value)
    });
    let query = match route.description.query {
        QueryRule::Nothing => Vec::new(),
        QueryRule::Known(known) => known
            .iter()
            .map(|parameter| {
                let place = match parameter.value {
                    ValueType::Texts | ValueType::Kinds => r#"{"in": "query", "explode": false}"#,
                    ValueType::Switch => r#"{"in": "query", "allowEmptyValue": true}"#,
                    ValueType::Text
                    | ValueType::ProjectName
                    | ValueType::WorkbookName
                    | ValueType::Word(_)
                    | ValueType::Kind
                    | ValueType::Whole => r#"{"in": "query"}"#,
                };
                described(place, parameter.name, &about_option(parameter), parameter.value)
            })
            .collect(),
        // One parameter that stands for all: an object whose members are parameters.
        QueryRule::Any { about } => {
            let place = r#"{"in": "query", "style": "form", "explode": true}"#;
            let mut any = described(place, "property", about, ValueType::Text);
            any["schema"] =
                written(r#"{"type": "object", "additionalProperties": {"type": "string"}}"#);
            vec![any]
        }
    };
    path.chain(query).chain(prefer(route)).collect()
}

/// The request header `Prefer`, of a route that begins a job.
fn prefer(route: &Route) -> Option<Value> {
    let begins_job = route.method == Method::POST
        && route.description.answers.iter().any(|answer| answer.status == 202);
    let about = "respond-async answers 202 at once, with the address of the job (RFC 7240).";
    begins_job.then(|| described(r#"{"in": "header"}"#, "Prefer", about, ValueType::Text))
}

/// What is said of an option, with its need and its other names.
fn about_option(option: &CallOption) -> String {
    let need = if option.need == Need::Required { " Required." } else { "" };
    let aliases = match option.aliases {
        [] => String::new(),
        aliases => format!(" Also called `{}`.", aliases.join("`, `")),
    };
    format!("{}{need}{aliases}", option.about)
}

/// A parameter: what is said of its place, and the rest.
fn described(place: &str, name: &str, about: &str, value: ValueType) -> Value {
    let mut parameter = written(place);
    parameter["name"] = name.into();
    parameter["description"] = about.into();
    parameter["schema"] = value_schema(value);
    parameter
}

fn answers(route: &Route) -> Value {
    let mut answers = Map::new();
    for AnswerForm { status, about, content, headers } in route.description.answers {
        let mut answer = json!({"description": about});
        if !content.is_empty() {
            answer["content"] = contents(content);
        }
        if !headers.is_empty() {
            let mut described = Map::new();
            for header in *headers {
                let mut about = written(r#"{"schema": {"type": "string"}}"#);
                about["description"] = header.about.into();
                described.insert(header.name.to_owned(), about);
            }
            answer["headers"] = Value::Object(described);
        }
        answers.insert(status.to_string(), answer);
    }
    let problem = || json!({"$ref": "#/components/responses/Problem"});
    let refused: &[&str] = match route.access {
        Access::Anonymous => &[],
        Access::Authenticated => &["401", "429"],
        Access::Administrator => &["401", "403", "429"],
    };
    for status in refused.iter().chain(&["default"]) {
        answers.insert((*status).to_owned(), problem());
    }
    Value::Object(answers)
}

fn contents(contents: &[Content]) -> Value {
    let mut described = Map::new();
    for content in contents {
        let schema = match content.shape {
            Shape::Text => written(r#"{"type": "string"}"#),
            // In OpenAPI 3.1 raw bytes have no schema.
            Shape::Bytes => written("{}"),
            Shape::Schema(name) | Shape::Options(name) => named(name),
            Shape::List(name) => json!({"type": "array", "items": named(name)}),
        };
        described.insert(content.media_type.to_owned(), json!({"schema": schema}));
    }
    Value::Object(described)
}

fn value_schema(value: ValueType) -> Value {
    written(match value {
        ValueType::Text | ValueType::ProjectName | ValueType::WorkbookName => {
            r#"{"type": "string"}"#
        }
        ValueType::Word(words) => return json!({"type": "string", "enum": words}),
        ValueType::Kinds => {
            return json!({"type": "array", "items": named("Kind"), "minItems": 1});
        }
        ValueType::Kind => return schemas::of_any_kind(),
        ValueType::Whole => r#"{"type": "integer", "minimum": 0}"#,
        ValueType::Switch => r#"{"type": "boolean"}"#,
        ValueType::Texts => r#"{"type": "array", "items": {"type": "string"}}"#,
    })
}

/// A reference to a schema.
fn named(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

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
    fn a_limit_is_said_in_the_largest_unit_that_fits() {
        for (bytes, said) in [
            (4 << 30, "4 GiB"),
            (64 << 20, "64 MiB"),
            (1 << 20, "1 MiB"),
            (1025, "1025 bytes"),
            (0, "0 bytes"),
        ] {
            assert_eq!(size(bytes), said);
        }
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let routes =
            ROUTES.iter().map(|route| (route.method.as_str().to_owned(), route.pattern.to_owned()));
        assert_eq!(operations(&document()), routes.collect());
    }

    #[test]
    fn every_parameter_of_a_path_is_described() {
        for route in ROUTES.iter() {
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
    fn everything_is_said_in_sentences() {
        let is_sentence = |text: &str| text.ends_with('.') || text.ends_with('…');
        for route in ROUTES.iter() {
            let about = &route.description;
            let known = match about.query {
                QueryRule::Known(known) => known,
                QueryRule::Nothing | QueryRule::Any { .. } => &[],
            };
            assert!(!about.answers.is_empty(), "{}", route.pattern);
            let texts = [about.summary]
                .into_iter()
                .chain(about.path.iter().map(|parameter| parameter.about))
                .chain(known.iter().map(|parameter| parameter.about))
                .chain(about.answers.iter().map(|answer| answer.about));
            for text in texts {
                assert!(is_sentence(text), "{}: {text:?}", route.pattern);
            }
        }
    }

    /// Both are made from the same definitions.
    #[test]
    fn a_body_of_options_holds_what_the_query_does() {
        let document = document();
        for route in ROUTES.iter() {
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

    /// What is written in the source and is no JSON would be null.
    #[test]
    fn nothing_is_null_but_defaults() {
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
        assert!(written("{").is_null());
    }

    #[test]
    fn every_reference_leads_somewhere() {
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
        // And no schema is there for nothing.
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            let reference = format!("#/components/schemas/{name}");
            assert!(references.contains(&*reference), "{name}");
        }
    }
}
