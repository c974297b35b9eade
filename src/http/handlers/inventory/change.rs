//! `POST instance/{kind}`: instances are created, updated and renamed.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::kind;
use crate::codec::json::{self, Objects};
use crate::http::blocking::Lane;
use crate::http::conditional::expected;
use crate::http::problem::{Flaw, Place, Problem, ProblemKind, escape_pointer};
use crate::http::request::Call;
use crate::http::response::{self, Response};
use crate::inventory::{Atomic, ChangeReport, ChangeRequest, Expected, Fault, ObjectOutcome};
use crate::model::Value;

/// Faults whose places are answered; the reasons of all are.
const ERRORS_MAX: usize = 100;

/// What is said of an object with which nothing is wrong, in a list of which nothing was taken.
const WITH_OTHERS: &str = "It was not taken because others of the list were not.";

/// `POST /rest/instance/{kind}`
pub(in crate::http) async fn put(call: Call) -> Result<Response, Problem> {
    let kind = kind(&call)?;
    let Call { app, caller, headers, query, body, .. } = call;
    let atomic = if query.switch("atomic")? { Atomic::All } else { Atomic::Each };
    let expected = expected(&headers)?;
    let caller = caller.require_principal()?.name.clone();
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
        require_one(sent, &expected)?;
        let request = ChangeRequest { caller, atomic, expected };
        let report = inventory.put(kind, objects, &request)?;
        render(report, sent, atomic)
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
fn require_one(sent: Sent, expected: &Expected) -> Result<(), Problem> {
    if sent == Sent::One || *expected == Expected::Anything {
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

fn render(report: ChangeReport, sent: Sent, atomic: Atomic) -> Result<Response, Problem> {
    let count = report.outcomes.len();
    let changes = changes(report, sent, atomic);
    match (changes.success.as_slice(), changes.failure.as_slice()) {
        (_, []) => response::json(StatusCode::OK, &changes),
        ([], [(_, reason)]) if count == 1 => Err(rejected(reason.clone(), changes)),
        ([], _) => Err(rejected(rejection(&changes, count, atomic), changes)),
        (_, _) => response::json(StatusCode::PARTIAL_CONTENT, &changes),
    }
}

fn changes(report: ChangeReport, sent: Sent, atomic: Atomic) -> Changes {
    let failed = report.outcomes.iter().any(|outcome| outcome.result.is_err());
    let mut changes = Changes {
        success: Vec::new(),
        failure: Vec::new(),
        errors: Vec::new(),
        warnings: report.warnings,
    };
    for (index, ObjectOutcome { object, result }) in report.outcomes.into_iter().enumerate() {
        let reason = match result {
            Ok(changed) if atomic == Atomic::Each || !failed => {
                changes.success.push(changed.name);
                continue;
            }
            Ok(_) => WITH_OTHERS.to_owned(),
            Err(faults) => {
                let within = match sent {
                    Sent::One => String::new(),
                    Sent::List => format!("/{index}"),
                };
                let room = ERRORS_MAX.saturating_sub(changes.errors.len());
                changes.errors.extend(faults.iter().take(room).map(|fault| flaw(&within, fault)));
                faults.into_iter().map(|fault| fault.detail).collect::<Vec<_>>().join(" ")
            }
        };
        changes.failure.push((json::of_value(&Value::Map(object)), reason));
    }
    changes
}

fn flaw(within: &str, fault: &Fault) -> Flaw {
    let pointer = match &fault.property {
        Some(property) => format!("{within}/{}", escape_pointer(property)),
        None => within.to_owned(),
    };
    Flaw { code: Some(fault.code), ..Flaw::new(Place::Pointer(pointer), &*fault.detail) }
}

fn rejection(changes: &Changes, count: usize, atomic: Atomic) -> String {
    match atomic {
        Atomic::Each => format!("None of the {count} objects can be taken."),
        Atomic::All => {
            let fine = changes.failure.iter().filter(|(_, reason)| reason == WITH_OTHERS).count();
            format!("{} of the {count} objects cannot be taken, so none was.", count - fine)
        }
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
    use crate::inventory::{Changed, Fate};
    use crate::model::Map as Object;

    fn outcome(name: &str, faults: &[&str]) -> ObjectOutcome {
        let object = Object::from_entries(vec![("name".into(), name.into())]);
        let result = match faults {
            [] => Ok(Changed { name: name.to_owned(), version: 1, fate: Fate::Created }),
            faults => Err(faults
                .iter()
                .map(|detail| Fault {
                    property: Some("a/b~".to_owned()),
                    code: "type",
                    detail: (*detail).to_owned(),
                })
                .collect()),
        };
        ObjectOutcome { object, result }
    }

    fn report(outcomes: Vec<ObjectOutcome>) -> ChangeReport {
        ChangeReport { outcomes, warnings: vec!["It is so.".to_owned()] }
    }

    #[test]
    fn what_failed_is_said_beside_what_did_not() {
        let outcomes = vec![outcome("R 1%", &[]), outcome("..", &["It is A.", "It is B."])];
        let changes = changes(report(outcomes), Sent::List, Atomic::Each);
        let json = serde_json::to_value(&changes).unwrap();
        let expected = serde_json::json!({
            "success": ["R 1%"],
            "failure": [[{"name": ".."}, "It is A. It is B."]],
            "errors": [
                {"pointer": "/1/a~1b~0", "code": "type", "detail": "It is A."},
                {"pointer": "/1/a~1b~0", "code": "type", "detail": "It is B."},
            ],
            "warnings": ["It is so."],
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn the_status_tells_all_some_and_none() {
        let status = |outcomes, atomic| {
            render(report(outcomes), Sent::List, atomic).map(|response| response.status().as_u16())
        };
        let good = || outcome("[Shared] x", &[]);
        let bad = || outcome("é>b", &["It is bad."]);
        assert_eq!(status(vec![good()], Atomic::Each).unwrap(), 200);
        assert_eq!(status(Vec::new(), Atomic::Each).unwrap(), 200);
        assert_eq!(status(vec![good(), bad()], Atomic::Each).unwrap(), 206);
        for (outcomes, atomic, detail) in [
            (vec![bad(), bad()], Atomic::Each, "None of the 2 objects can be taken."),
            (vec![good(), bad()], Atomic::All, "1 of the 2 objects cannot be taken, so none was."),
            (vec![bad()], Atomic::Each, "It is bad."),
        ] {
            let problem = format!("{:?}", status(outcomes, atomic).unwrap_err());
            assert!(problem.contains(detail) && problem.contains("ChangeRejected"), "{problem}");
        }
    }
}
