//! What an import did, as an answer.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    http::{
        operations::OperationResult,
        problem::{Problem, ProblemKind},
    },
    import::{self, ImportOutcome, ImportReport, ListExcerpt, Mode},
    job,
};

/// What the job of an import says of its effect.
pub(super) fn job_mode(mode: Mode) -> job::Mode {
    match mode {
        Mode::Apply => job::Mode::Apply,
        Mode::DryRun => job::Mode::DryRun,
    }
}

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
) -> Result<OperationResult, Problem> {
    let text = serde_json::to_vec(&Members { report, links });
    let status = match report.outcome {
        ImportOutcome::Imported | ImportOutcome::DryRun => StatusCode::OK,
        ImportOutcome::ImportedInPart => StatusCode::PARTIAL_CONTENT,
        ImportOutcome::Rejected => {
            let members = text.and_then(|text| rejected(&text, &report.problems));
            return Err(match members {
                Ok(members) => Problem::new(ProblemKind::ImportRejected, &*report.summary)
                    .with_members(members),
                Err(error) => Problem::internal(&error),
            });
        }
    };
    let json = text.map_err(|error| Problem::internal(&error))?;
    Ok(OperationResult { status, json, outcome: report.summary.clone() })
}

/// The members of a rejected import's problem, from those of its answer. Its errors are the
/// report's problems.
fn rejected(
    answer: &[u8],
    problems: &ListExcerpt<import::Problem, import::DocumentLocation>,
) -> serde_json::Result<Map<String, Value>> {
    let errors: Vec<_> = problems
        .shown
        .iter()
        .map(|group| RejectedBy {
            problem: &group.entry,
            location: group.locations.first(),
            count: group.count,
            locations: &group.locations,
        })
        .collect();
    let errors = serde_json::to_vec(&errors)?;
    // Through a text: all that reports hold is written to texts anyway, and to nothing else.
    let mut members: Map<String, Value> = serde_json::from_slice(answer)?;
    members.insert("errors".to_owned(), serde_json::from_slice(&errors)?);
    members.remove("problems");
    Ok(members)
}

/// What is wrong, where it is first, and how often it is.
#[derive(Serialize)]
struct RejectedBy<'a> {
    #[serde(flatten)]
    problem: &'a import::Problem,
    #[serde(flatten)]
    location: Option<&'a import::DocumentLocation>,
    count: u64,
    #[serde(rename = "places")]
    locations: &'a [import::DocumentLocation],
}
