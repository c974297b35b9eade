//! What an import did, as an answer.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::http::problem::{Problem, ProblemKind};
use crate::http::response::{self, Response};
use crate::import::{self, ImportOutcome, ImportReport};

/// Where more about an import can be fetched.
#[derive(Default, Serialize)]
pub(super) struct Links {
    /// What was imported, with what is wrong in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) marked_workbook: Option<String>,
}

/// The members of an answer.
#[derive(Serialize)]
struct Members<'a, S: Serialize> {
    #[serde(flatten)]
    report: &'a ImportReport<S>,
    #[serde(flatten)]
    links: &'a Links,
}

/// Answers with what an import did, whatever it took it from: 200, 206 where it left something out,
/// and 422 where it changed nothing because of what was wrong.
pub(super) fn render<S: Serialize>(
    report: &ImportReport<S>,
    links: &Links,
) -> Result<Response, Problem> {
    let status = match report.outcome {
        ImportOutcome::Imported | ImportOutcome::DryRun => StatusCode::OK,
        ImportOutcome::ImportedInPart => StatusCode::PARTIAL_CONTENT,
        ImportOutcome::Rejected => return Err(rejected(report, links)),
    };
    response::json(status, &Members { report, links })
}

/// A rejected import as a problem. Its errors are the report's problems.
fn rejected<S: Serialize>(report: &ImportReport<S>, links: &Links) -> Problem {
    let errors = report.problems.shown.iter().map(|problem| RejectedBy {
        problem: &problem.thing,
        place: problem.places.first(),
        count: problem.count,
        places: &problem.places,
    });
    let members = serde_json::to_value(Members { report, links }).and_then(|mut members| {
        members["errors"] = serde_json::to_value(errors.collect::<Vec<_>>())?;
        Ok(members)
    });
    match members {
        Ok(Value::Object(mut members)) => {
            members.remove("problems");
            Problem::new(ProblemKind::ImportRejected, &*report.summary).with_members(members)
        }
        Ok(_) => Problem::new(ProblemKind::ImportRejected, &*report.summary),
        Err(error) => Problem::internal(&error),
    }
}

/// What is wrong, where it is first, and how often it is.
#[derive(Serialize)]
struct RejectedBy<'a> {
    #[serde(flatten)]
    problem: &'a import::Problem,
    #[serde(flatten)]
    place: Option<&'a import::Place>,
    count: u64,
    places: &'a [import::Place],
}
