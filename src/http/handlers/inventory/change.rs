//! `POST instance/{kind}`: instances are created, updated and renamed.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::kind;
use crate::codec::json::{self, Objects};
use crate::http::blocking::Lane;
use crate::http::conditional::expected;
use crate::http::options::ATOMIC;
use crate::http::problem::{Flaw, Place, Problem, ProblemKind, escape_pointer, sentence_of};
use crate::http::request::Call;
use crate::http::response::{self, Response};
use crate::inventory::{
    Atomicity, ChangeReport, ChangeRequest, ExpectedVersion, Fault, ObjectOutcome,
};
use crate::model::Value;

/// Faults whose places are answered; the reasons of all are.
const ERRORS_MAX: usize = 100;

/// The code of the one fault of an object with which nothing is wrong, in a list of which nothing
/// was taken because of others.
const BECAUSE_OF_OTHERS: &str = "atomic";

/// `POST /rest/instance/{kind}`
pub(in crate::http) async fn put(call: Call) -> Result<Response, Problem> {
    let kind = kind(&call)?;
    let Call { app, caller, headers, options, mut body, .. } = call;
    let atomicity = if options.is_on(&ATOMIC) { Atomicity::All } else { Atomicity::Each };
    let expected_version = expected(&headers)?;
    let principal = caller.require_principal()?.name.clone();
    let mut body = body.json(&headers, &app.room, "a JSON object or a list of objects").await?;

    let inventory = app.inventory.clone();
    let change = move || {
        let read = json::read_objects(body.text())?;
        // The text is not needed any more; what was made of it holds its room.
        drop(body.take_bytes());
        let (objects, sent) = match read {
            Objects::One(object) => (vec![object], Sent::One),
            Objects::Many(objects) => (objects, Sent::List),
        };
        require_one(sent, &expected_version)?;
        let request = ChangeRequest { principal, atomicity, expected_version };
        let report = inventory.put(kind, objects, &request)?;
        render(report, sent)
    };
    app.blocking.run(Lane::Change, change).await?
}

/// How the objects came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    One,
    List,
}

/// A validator belongs to one instance.
fn require_one(sent: Sent, expected: &ExpectedVersion) -> Result<(), Problem> {
    if sent == Sent::One || *expected == ExpectedVersion::Any {
        return Ok(());
    }
    let detail = "If-Match and If-None-Match go with one object, and this is a list.";
    Err(Problem::new(ProblemKind::MalformedRequest, detail)
        .with_flaw(Flaw::new(Place::Header("if-match"), detail)))
}

/// The answer of eNMS, and beside it where the faults are.
#[derive(Serialize)]
struct Changes {
    success: Vec<String>,
    failure: Vec<(Json, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Flaw>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

fn render(report: ChangeReport, sent: Sent) -> Result<Response, Problem> {
    let count = report.outcomes.len();
    let faulty = report.outcomes.iter().filter(|outcome| is_faulty(outcome)).count();
    let changes = changes(report, sent);
    let detail = match (changes.success.as_slice(), changes.failure.as_slice()) {
        (_, []) => return response::json(StatusCode::OK, &changes),
        ([_, ..], _) => return response::json(StatusCode::PARTIAL_CONTENT, &changes),
        ([], [(_, reason)]) => reason.clone(),
        ([], _) if faulty == count => format!("None of the {count} objects can be taken."),
        ([], _) => format!("Of the {count} objects {faulty} cannot be taken, so none was."),
    };
    Err(rejected(detail, changes))
}

fn is_faulty(outcome: &ObjectOutcome) -> bool {
    match &outcome.result {
        Ok(_) => false,
        Err(faults) => faults.iter().any(|fault| fault.code != BECAUSE_OF_OTHERS),
    }
}

fn changes(report: ChangeReport, sent: Sent) -> Changes {
    let mut changes = Changes {
        success: Vec::new(),
        failure: Vec::new(),
        errors: Vec::new(),
        warnings: report.warnings.iter().map(|warning| sentence_of(warning)).collect(),
    };
    for (index, ObjectOutcome { object, result }) in report.outcomes.into_iter().enumerate() {
        let faults = match result {
            Ok(changed) => {
                changes.success.push(changed.name);
                continue;
            }
            Err(faults) => faults,
        };
        let within = match sent {
            Sent::One => String::new(),
            Sent::List => format!("/{index}"),
        };
        let room = ERRORS_MAX.saturating_sub(changes.errors.len());
        let own = faults.iter().filter(|fault| fault.code != BECAUSE_OF_OTHERS).take(room);
        changes.errors.extend(own.map(|fault| flaw(&within, fault)));
        let reasons: Vec<_> = faults.iter().map(|fault| sentence_of(&fault.detail)).collect();
        changes.failure.push((json::of_value(&Value::Map(object)), reasons.join(" ")));
    }
    changes
}

fn flaw(within: &str, fault: &Fault) -> Flaw {
    let pointer = match &fault.property {
        Some(property) => format!("{within}/{}", escape_pointer(property)),
        None => within.to_owned(),
    };
    Flaw {
        code: Some(fault.code),
        ..Flaw::new(Place::Pointer(pointer), sentence_of(&fault.detail))
    }
}

/// Nothing was taken: the same members as a problem.
fn rejected(detail: String, changes: Changes) -> Problem {
    let Changes { success, failure, errors, warnings } = changes;
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
    use crate::inventory::{Changed, Effect};
    use crate::model::Map as Object;

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
    fn what_failed_is_said_beside_what_did_not() {
        let faults = [("type", "it is A"), ("missing", "It is B.")];
        let outcomes = vec![outcome("R 1%", &[]), outcome("..", &faults)];
        let changes = changes(report(outcomes), Sent::List);
        let json = serde_json::to_value(&changes).unwrap();
        let expected = serde_json::json!({
            "success": ["R 1%"],
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
    fn the_status_tells_all_some_and_none() {
        let status = |outcomes| {
            render(report(outcomes), Sent::List).map(|response| response.status().as_u16())
        };
        let good = || outcome("[Shared] x", &[]);
        let bad = || outcome("é>b", &[("type", "it is bad")]);
        let dragged_along = || outcome("..", &[(BECAUSE_OF_OTHERS, "others are bad")]);
        assert_eq!(status(vec![good()]).unwrap(), 200);
        assert_eq!(status(Vec::new()).unwrap(), 200);
        assert_eq!(status(vec![good(), bad()]).unwrap(), 206);
        for (outcomes, detail) in [
            (vec![bad(), bad()], "None of the 2 objects can be taken."),
            (vec![dragged_along(), bad()], "Of the 2 objects 1 cannot be taken, so none was."),
            (vec![bad()], "It is bad."),
        ] {
            let problem = status(outcomes).unwrap_err();
            let text = format!("{problem:?}");
            assert!(text.contains(detail) && text.contains("ChangeRejected"), "{text}");
            // What others are to blame for has no place of its own.
            assert!(!text.contains("code: Some(\"atomic\")"), "{text}");
        }
    }
}
