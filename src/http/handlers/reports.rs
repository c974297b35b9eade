//! The reports of imports and exports as responses, with links to the files and reports.

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    http::{
        operations::OperationResult,
        problem::{ErrorEntry, ImportFlaw, Problem, ProblemKind},
    },
    import::{self, DocumentLocation, EntryGroup, ImportOutcome, ImportReport, Mode},
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
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "{R}Response")]
pub(in crate::http) struct ExportResponse<'a, R: Serialize> {
    #[serde(flatten)]
    pub(super) report: &'a R,
    /// The address of the file.
    pub(super) download: &'a str,
}

/// The links of an import's report.
#[derive(Default, JsonSchema, Serialize)]
pub(in crate::http) struct ImportLinks {
    /// The address of the full report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) report: Option<String>,
    /// The address of the imported workbook with its errors marked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) marked_workbook: Option<String>,
}

/// The response to an import.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "{S}Response")]
pub(in crate::http) struct ImportResponse<'a, S: Serialize> {
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
            let errors = report.problems.shown.iter().map(error_entry);
            return Err(Problem::new(ProblemKind::ImportRejected, &*report.summary)
                .with_errors(errors)
                .with_members(members));
        }
    };
    OperationResult::json(status, &response, &*report.summary)
}

/// Returns the members of a rejected import's problem: those of the response without its problems,
/// which become the errors.
///
/// # Errors
/// [`serde_json::Error`] if the report cannot be written as a JSON object: a bug.
fn rejected_members<S: Serialize>(
    response: &ImportResponse<'_, S>,
) -> serde_json::Result<Map<String, Value>> {
    let mut members: Map<String, Value> = serde_json::from_value(serde_json::to_value(response)?)?;
    members.remove("problems");
    Ok(members)
}

/// Returns a group of problems as an error of a rejected import.
fn error_entry(group: &EntryGroup<import::Problem, DocumentLocation>) -> ErrorEntry {
    ErrorEntry::Import(Box::new(ImportFlaw {
        problem: group.entry.clone(),
        location: group.locations.first().cloned(),
        count: group.count,
        locations: group.locations.clone(),
    }))
}
