//! The handler of `POST instance/{kind}`, which creates, updates and renames instances.

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{expected_version, instance_type};
use crate::{
    codec::json::{self, Objects},
    http::{
        blocking::Lane,
        call::Call,
        json_response,
        options::ATOMIC,
        problem::{Flaw, Problem, ProblemKind, RequestLocation, escape_pointer, sentence_of},
        response::Response,
    },
    inventory::{
        Atomicity, ChangeReport, ChangeRequest, Effect, ExpectedVersion, Fault, ObjectOutcome,
    },
    model::{InstanceType, Value},
};

/// The largest number of faults that are listed with their location. `failure` has the reasons of
/// all.
const ERRORS_MAX: usize = 100;

/// The code of the fault of a valid object in an atomic change that was rejected because of other
/// objects.
const REJECTED_WITH_OTHERS: &str = "atomic";

/// Handles `POST /rest/instance/{kind}`.
pub(in crate::http) async fn put(call: Call) -> Result<Response, Problem> {
    let (kind, exact_type) = match instance_type(&call)? {
        InstanceType::Kind(kind) => (kind, None),
        InstanceType::Exact { kind, word } => (kind, Some(word)),
        InstanceType::Node => {
            let detail = "“node” means devices and networks. Send the objects to the path of one of \
                          the two.";
            return Err(Problem::new(ProblemKind::UnknownKind, detail));
        }
    };
    let origin = call.origin()?;
    let inventory = call.inventory();
    let Call { app, headers, options, mut body, .. } = call;
    let atomicity = if options.is_on(&ATOMIC) { Atomicity::All } else { Atomicity::Each };
    let expected_version = expected_version(&headers)?;
    let mut body =
        body.json(&headers, &app.body_memory, "a JSON object or a list of objects").await?;

    let change = move || {
        let (objects, sent) = match body.read_objects()? {
            Objects::One(object) => (vec![object], Sent::One),
            Objects::Many(objects) => (objects, Sent::List),
        };
        require_one(sent, &expected_version)?;
        let request = ChangeRequest { origin, atomicity, expected_version, exact_type };
        let report = inventory.put(kind, objects, &request)?;
        render(report, sent)
    };
    app.blocking.run(Lane::Change, change).await?
}

/// Tells whether the request sends one object or a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    One,
    List,
}

/// Refuses a condition for a list: an ETag belongs to one instance.
///
/// # Errors
/// 400.
fn require_one(sent: Sent, expected: &ExpectedVersion) -> Result<(), Problem> {
    if sent == Sent::One || *expected == ExpectedVersion::Any {
        return Ok(());
    }
    let detail = "If-Match and If-None-Match need one object; the body is a list.";
    Err(Problem::new(ProblemKind::MalformedRequest, detail)
        .with_flaw(Flaw::new(RequestLocation::Header("if-match"), detail)))
}

/// The result of a change, object by object: the members of eNMS (`success` and `failure`), what
/// happened to each accepted object, and the locations of errors.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Changed")]
pub(in crate::http) struct Changes {
    /// The names of all accepted objects.
    success: Vec<String>,
    /// The names of the objects in `success` that are new.
    created: Vec<String>,
    /// The names of the objects in `success` that have another value or name now.
    updated: Vec<String>,
    /// The names of the objects in `success` that had the same values before.
    unchanged: Vec<String>,
    /// Each rejected object, and the reason.
    failure: Vec<(Json, String)>,
    /// The errors of the rejected objects, with their locations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Flaw>,
    /// Findings that do not prevent the change, as sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Returns the response: 200, 206 if a part was rejected, or the problem if everything was.
fn render(report: ChangeReport, sent: Sent) -> Result<Response, Problem> {
    let count = report.outcomes.len();
    let invalid = report.outcomes.iter().filter(|outcome| is_invalid(outcome)).count();
    let changes = changes(report, sent);
    let detail = match (changes.success.as_slice(), changes.failure.as_slice()) {
        (_, []) => return json_response::json(StatusCode::OK, &changes),
        ([_, ..], _) => return json_response::json(StatusCode::PARTIAL_CONTENT, &changes),
        ([], [(_, reason)]) => reason.clone(),
        ([], _) if invalid == count => format!("None of the {count} objects is valid."),
        ([], _) => format!("{invalid} of the {count} objects are invalid, so none was stored."),
    };
    Err(rejected(detail, changes))
}

/// Returns whether an object itself is the reason for its rejection.
fn is_invalid(outcome: &ObjectOutcome) -> bool {
    match &outcome.result {
        Ok(_) => false,
        Err(faults) => faults.iter().any(|fault| fault.code != REJECTED_WITH_OTHERS),
    }
}

/// Converts the report of the change.
fn changes(report: ChangeReport, sent: Sent) -> Changes {
    let mut changes = Changes {
        success: Vec::new(),
        created: Vec::new(),
        updated: Vec::new(),
        unchanged: Vec::new(),
        failure: Vec::new(),
        errors: Vec::new(),
        warnings: report.warnings.iter().map(|warning| sentence_of(warning)).collect(),
    };
    for (index, ObjectOutcome { object, result }) in report.outcomes.into_iter().enumerate() {
        let faults = match result {
            Ok(changed) => {
                let names = match changed.effect {
                    Effect::Created => &mut changes.created,
                    Effect::Updated => &mut changes.updated,
                    Effect::Unchanged => &mut changes.unchanged,
                };
                names.push(changed.name.clone());
                changes.success.push(changed.name);
                continue;
            }
            Err(faults) => faults,
        };
        let pointer = match sent {
            Sent::One => String::new(),
            Sent::List => format!("/{index}"),
        };
        let room = ERRORS_MAX.saturating_sub(changes.errors.len());
        let own = faults.iter().filter(|fault| fault.code != REJECTED_WITH_OTHERS).take(room);
        changes.errors.extend(own.map(|fault| flaw(&pointer, fault)));
        let reasons: Vec<_> = faults.iter().map(|fault| sentence_of(&fault.detail)).collect();
        changes.failure.push((json::of_value(&Value::Map(object)), reasons.join(" ")));
    }
    changes
}

/// Returns a fault of the object at `object_pointer` with its location.
fn flaw(object_pointer: &str, fault: &Fault) -> Flaw {
    let pointer = match &fault.property {
        Some(property) => format!("{object_pointer}/{}", escape_pointer(property)),
        None => object_pointer.to_owned(),
    };
    Flaw {
        code: Some(fault.code),
        ..Flaw::new(RequestLocation::Pointer(pointer), sentence_of(&fault.detail))
    }
}

/// Returns the problem of a change of which nothing was stored, with the members of the response.
fn rejected(detail: String, changes: Changes) -> Problem {
    // Nothing was stored: no object was created, updated or left as it was.
    let Changes { success, failure, errors, warnings, .. } = changes;
    let mut members = Map::new();
    members.insert("success".to_owned(), success.into());
    let failure =
        failure.into_iter().map(|(object, reason)| Json::from(vec![object, reason.into()]));
    members.insert("failure".to_owned(), failure.collect());
    if !warnings.is_empty() {
        members.insert("warnings".to_owned(), warnings.into());
    }
    Problem::new(ProblemKind::ChangeRejected, detail).with_flaws(errors).with_members(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{inventory::Changed, model::Map as Object};

    fn outcome(name: &str, faults: &[(&'static str, &str)]) -> ObjectOutcome {
        let object = Object::from_entries(vec![("name".into(), name.into())]);
        let fault = |&(code, detail): &(&'static str, &str)| Fault {
            property: Some("a/b~".to_owned()),
            code,
            detail: detail.to_owned(),
        };
        let result = match faults {
            [] => Ok(Changed { name: name.to_owned(), version: 1, effect: Effect::Created }),
            faults => Err(faults.iter().map(fault).collect()),
        };
        ObjectOutcome { object, result }
    }

    fn report(outcomes: Vec<ObjectOutcome>) -> ChangeReport {
        ChangeReport { outcomes, warnings: vec!["It is so.".to_owned()] }
    }

    #[test]
    fn failures_are_reported_beside_successes() {
        let faults = [("type", "it is A"), ("missing", "It is B.")];
        let outcomes = vec![outcome("R 1%", &[]), outcome("..", &faults)];
        let changes = changes(report(outcomes), Sent::List);
        let json = serde_json::to_value(&changes).unwrap();
        let expected = serde_json::json!({
            "success": ["R 1%"],
            "created": ["R 1%"],
            "updated": [],
            "unchanged": [],
            "failure": [[{"name": ".."}, "It is A. It is B."]],
            "errors": [
                {"pointer": "/1/a~1b~0", "code": "type", "detail": "It is A."},
                {"pointer": "/1/a~1b~0", "code": "missing", "detail": "It is B."},
            ],
            "warnings": ["It is so."],
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn the_status_distinguishes_all_some_and_none() {
        let status = |outcomes| {
            render(report(outcomes), Sent::List).map(|response| response.status().as_u16())
        };
        let good = || outcome("[Shared] x", &[]);
        let bad = || outcome("é>b", &[("type", "it is bad")]);
        let rejected_with_others =
            || outcome("..", &[(REJECTED_WITH_OTHERS, "others are invalid")]);
        assert_eq!(status(vec![good()]).unwrap(), 200);
        assert_eq!(status(Vec::new()).unwrap(), 200);
        assert_eq!(status(vec![good(), bad()]).unwrap(), 206);
        for (outcomes, detail) in [
            (vec![bad(), bad()], "None of the 2 objects is valid."),
            (
                vec![rejected_with_others(), bad()],
                "1 of the 2 objects are invalid, so none was stored.",
            ),
            (vec![bad()], "It is bad."),
        ] {
            let problem = status(outcomes).unwrap_err();
            assert!(problem.is(ProblemKind::ChangeRejected), "{problem:?}");
            assert_eq!(problem.detail(), detail);
            // An object that is valid itself has no flaw.
            assert!(problem.flaws().iter().all(|flaw| flaw.code != Some(REJECTED_WITH_OTHERS)));
        }
    }
}
