//! The handler of `POST delete`, which deletes several instances of one type.

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    instance::{Named, named},
    search_body::{self, kind},
};
use crate::{
    http::{
        blocking::Lane,
        call::Call,
        flaws::{Flaws, boolean, is_type},
        json_response,
        object_reader::ObjectReader,
        options::{DRY_RUN, Options},
        problem::{Flaw, Problem, ProblemKind, RequestLocation, escape_pointer},
        response::Response,
    },
    import::Mode,
    inventory::{Criterion, DeletionRequest, Filter, Selected},
    model::Kind,
    wording::counted,
};

const NAMES: &str = "names";

/// The records that a deletion of several instances deleted and changed, or would (dry run).
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct DeletedMany<'a> {
    /// Whether nothing was changed, because it was a dry run.
    dry_run: bool,
    /// One sentence for a person.
    summary: String,
    /// The deleted records.
    deleted: Vec<Named<'a>>,
    /// The records whose lists lost a removed reference.
    struck: Vec<Named<'a>>,
    /// The requested names that have no instance.
    not_found: &'a [String],
}

/// The request in the body.
struct Body {
    kind: Kind,
    exact_type: Option<String>,
    instances: Selected,
    dry_run: Option<bool>,
}

/// Handles `POST /rest/delete`.
pub(in crate::http) async fn delete(call: Call) -> Result<Response, Problem> {
    let origin = call.origin()?;
    let inventory = call.inventory();
    let Call { app, headers, options, mut body, .. } = call;
    let body = parse(body.json_object(&headers, &app.body_memory).await?)?;
    let mode = mode(&options, body.dry_run)?;

    let Body { kind, exact_type, instances, .. } = body;
    let request = DeletionRequest { kind, exact_type, instances, origin, mode };
    let delete = move || inventory.delete_many(&request);
    let report = app.blocking.run(Lane::Change, delete).await?.map_err(|error| {
        Problem::of_inventory(error, |property| {
            let pointer = format!("/{}/{}", search_body::CRITERIA, escape_pointer(property));
            RequestLocation::Pointer(pointer)
        })
    })?;

    let deleted = named(&report.deleted);
    let struck = named(&report.dereferenced);
    let summary = summary(mode, kind, &deleted, struck.len());
    let dry_run = mode == Mode::DryRun;
    let not_found = &report.not_found;
    json_response::json(
        StatusCode::OK,
        &DeletedMany { dry_run, summary, deleted, struck, not_found },
    )
}

/// Reads the body.
///
/// # Errors
/// 400 with all flaws.
fn parse(object: Map<String, Value>) -> Result<Body, Problem> {
    let has = |name| object.contains_key(name);
    let (has_names, has_criteria) = (has(NAMES), has(search_body::CRITERIA));
    let choice = if has_names && has_criteria {
        Some("Send either “names” or “search_criteria”, not both.")
    } else if has_names || has_criteria {
        None
    } else {
        Some("Send “names” or “search_criteria”: which records to delete.")
    };
    let mut reader = ObjectReader::new(object);
    let kind = reader.required(search_body::TYPE, kind);
    let dry_run = reader.optional(DRY_RUN.name, dry_run);
    let named = reader.optional(NAMES, |flaws, value| {
        if let Some(choice) = choice {
            flaws.note(choice.to_owned());
            return None;
        }
        value.map_or(Some(None), |value| names(flaws, value).map(Some))
    });
    let matching = reader.optional(search_body::CRITERIA, |flaws, value| {
        value.map_or(Some(None), |value| criteria(flaws, value).map(Some))
    });
    let body = match (kind, dry_run, named, matching) {
        (Some((kind, exact_type)), Some(dry_run), Some(Some(names)), _) => {
            Some(Body { kind, exact_type, dry_run, instances: Selected::Named(names) })
        }
        (Some((kind, exact_type)), Some(dry_run), _, Some(Some(criteria))) => {
            Some(Body { kind, exact_type, dry_run, instances: Selected::Matching(criteria) })
        }
        _ => None,
    };
    reader.finish(body)
}

/// Reads the switch for a dry run.
fn dry_run(flaws: &mut Flaws<'_>, value: Option<&Value>) -> Option<Option<bool>> {
    let Some(value) = value else { return Some(None) };
    let on = boolean(value);
    if on.is_none() {
        flaws.wrong(value, &format!("{}; true or false is expected", is_type(value)));
    }
    on.map(Some)
}

/// Reads the list of names.
fn names(flaws: &mut Flaws<'_>, value: &Value) -> Option<Vec<String>> {
    let items = search_body::list(flaws, value, "a list of names", "one name")?;
    search_body::texts(flaws, items, "a name")
}

/// Reads the criteria. A search ignores an empty text, and almost every value contains a blank. Here
/// both are flaws, so that a script whose variable is empty does not delete everything.
fn criteria(flaws: &mut Flaws<'_>, value: &Value) -> Option<Vec<Criterion>> {
    let criteria = search_body::criteria(flaws, Some(value))?.criteria;
    let members = value.as_object()?;
    let mut is_valid = true;
    for (member, value) in members {
        let Some(property) = search_body::property_of(member) else { continue };
        let criterion = criteria.iter().find(|criterion| criterion.property == property);
        let is_blank = |criterion: &Criterion| {
            criterion.filter != Filter::Empty && criterion.value.trim().is_empty()
        };
        if criterion.is_none_or(is_blank) {
            let empty = "is empty; a deletion needs text to compare with";
            flaws.member(member).wrong(value, empty);
            is_valid = false;
        }
    }
    if is_valid && criteria.is_empty() {
        flaws.wrong(value, "is empty; it must contain at least one criterion");
        is_valid = false;
    }
    is_valid.then_some(criteria)
}

/// Returns the mode, which the query and the body can give.
///
/// # Errors
/// 400 if they contradict each other.
fn mode(options: &Options, in_body: Option<bool>) -> Result<Mode, Problem> {
    let in_query = options.switch(&DRY_RUN);
    if in_query.is_some() && in_body.is_some() && in_query != in_body {
        let detail = "The query and the body give different values of “dry_run”.";
        let location = RequestLocation::QueryParameter(DRY_RUN.name.to_owned());
        return Err(Problem::new(ProblemKind::MalformedRequest, detail)
            .with_flaw(Flaw::new(location, detail)));
    }
    let is_dry_run = in_query.or(in_body) == Some(true);
    Ok(if is_dry_run { Mode::DryRun } else { Mode::Apply })
}

/// One sentence about the deletion.
fn summary(mode: Mode, kind: Kind, deleted: &[Named<'_>], struck: usize) -> String {
    let requested = deleted.iter().filter(|record| record.r#type == kind).count();
    let dependent = deleted.len() - requested;
    let verb = match mode {
        Mode::Apply => "Deleted",
        Mode::DryRun => "Nothing was changed. A deletion would remove",
    };
    let mut summary = format!("{verb} {}", counted(requested as u64, kind.as_str()));
    if dependent > 0 {
        let records = counted(dependent as u64, "record");
        let verb = if dependent == 1 { "depends" } else { "depend" };
        let object = if requested == 1 { "it" } else { "them" };
        summary += &format!(", and {records} that {verb} on {object}");
    }
    if struck > 0 {
        let verb = match mode {
            Mode::Apply => "lost",
            Mode::DryRun => "would lose",
        };
        let records = counted(struck as u64, "record");
        let object = if deleted.len() == 1 { "it" } else { "them" };
        summary += &format!(". {records} {verb} references to {object}");
    }
    summary + "."
}
