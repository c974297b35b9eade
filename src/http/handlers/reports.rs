//! The reports of imports and exports as responses, with links to the files and reports.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    http::{
        operations::OperationResult,
        problem::{Problem, ProblemKind},
    },
    import::{self, ImportOutcome, ImportReport, Mode},
    job,
};

/// Returns the mode of an import's job.
pub(super) fn job_mode(mode: Mode) -> job::Mode {
    match mode {
        Mode::Apply => job::Mode::Apply,
        Mode::DryRun => job::Mode::DryRun,
    }
}

/// The response to an export: its report, and a link to the file.
#[derive(Serialize)]
pub(super) struct ExportResponse<'a, R: Serialize> {
    #[serde(flatten)]
    pub(super) report: &'a R,
    /// The address of the file.
    pub(super) download: &'a str,
}

/// The links of an import's report.
#[derive(Default, Serialize)]
pub(super) struct ImportLinks {
    /// The address of the full report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) report: Option<String>,
    /// The address of the imported workbook with its errors marked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) marked_workbook: Option<String>,
}

/// The response to an import.
#[derive(Serialize)]
struct ImportResponse<'a, S: Serialize> {
    #[serde(flatten)]
    report: &'a ImportReport<S>,
    #[serde(flatten)]
    links: &'a ImportLinks,
}

/// Returns the result of an import: 200, or 206 if it left out invalid records.
///
/// # Errors
/// 422 if it changed nothing because of invalid records.
pub(super) fn import_result<S: Serialize>(
    report: &ImportReport<S>,
    links: &ImportLinks,
) -> Result<OperationResult, Problem> {
    let response = ImportResponse { report, links };
    let status = match report.outcome {
        ImportOutcome::Imported | ImportOutcome::DryRun => StatusCode::OK,
        ImportOutcome::ImportedInPart => StatusCode::PARTIAL_CONTENT,
        ImportOutcome::Rejected => {
            let members = rejected_members(&response).map_err(|error| Problem::internal(&error))?;
            return Err(
                Problem::new(ProblemKind::ImportRejected, &*report.summary).with_members(members)
            );
        }
    };
    OperationResult::json(status, &response, &*report.summary)
}

/// Returns the members of the problem of a rejected import: the members of the response, with the
/// problems of the report as `errors`.
///
/// # Errors
/// [`serde_json::Error`] if the report cannot be written as a JSON object: a bug.
fn rejected_members<S: Serialize>(
    response: &ImportResponse<'_, S>,
) -> serde_json::Result<Map<String, Value>> {
    let problems = response.report.problems.shown.iter();
    let errors: Vec<_> = problems
        .map(|group| RejectedBy {
            problem: &group.entry,
            location: group.locations.first(),
            count: group.count,
            locations: &group.locations,
        })
        .collect();
    let mut members: Map<String, Value> = serde_json::from_value(serde_json::to_value(response)?)?;
    members.remove("problems");
    members.insert("errors".to_owned(), serde_json::to_value(errors)?);
    Ok(members)
}

/// Equal errors of a rejected import: the first location, their number, and all locations.
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
