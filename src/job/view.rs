//! A job as the REST API returns it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use super::progress::Step;
use super::record::{Effect, EndState, Mode, Operation};
use super::registry::Job;

/// The amount of detail of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewLength {
    /// Without the report and the problem: for lists.
    Short,
    /// With the report and the problem.
    Whole,
}

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits until another operation has finished.
    Waiting,
    /// The operation runs.
    Running,
    /// Was cancelled, and ends at its next check.
    Cancelling,
    /// The operation succeeded.
    Finished,
    /// The operation failed, or the import was rejected.
    Failed,
    /// A user cancelled the job. Nothing was changed.
    Cancelled,
    /// The server stopped before the job ended.
    Interrupted,
}

/// An import, an export or a verification: its progress, or its outcome.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Job")]
pub struct JobView<'a> {
    /// The identifier, as in `/rest/jobs/{id}`.
    pub id: &'a str,
    /// The operation: an import, an export or a verification.
    pub operation: Operation,
    /// The name of the project or workbook; absent for a verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<&'a str>,
    /// Whether the job only reports what it would change.
    pub dry_run: bool,
    /// The name of the user who started the job.
    pub user: &'a str,
    /// The start time in UTC (RFC 3339).
    pub since: &'a str,
    /// The state of the job.
    pub state: JobState,
    /// Whether DELETE can cancel the job.
    pub cancellable: bool,
    /// The current step; absent after the job has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// The number of records that this step has processed; absent after the job has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<u64>,
    /// The number of records that this step has to process; absent if it is unknown or the job has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The end time in UTC (RFC 3339); absent before the job has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<&'a str>,
    /// One sentence about the outcome; absent before the job has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'a str>,
    /// The effect on the inventory; absent before the job has ended, or if a write error leaves it unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Effect>,
    /// The HTTP status that the call would have had without `Prefer: respond-async`; absent before the job has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The body of the response, if the operation succeeded; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Map<String, Value>")]
    pub report: Option<&'a RawValue>,
    /// The problem document, if the operation failed; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Map<String, Value>")]
    pub problem: Option<&'a RawValue>,
}

impl Job {
    /// The job as it is now.
    pub fn view(&self, length: ViewLength) -> JobView<'_> {
        // Read once: the job can end meanwhile, and the view must not mix both states.
        let (ended, end) = self.ended().unzip();
        let step = self.progress.current_step();
        let (done, total) = self.progress.counts();
        let state = match end.map(|end| end.state) {
            Some(EndState::Finished) => JobState::Finished,
            Some(EndState::Failed) => JobState::Failed,
            Some(EndState::Cancelled) => JobState::Cancelled,
            Some(EndState::Interrupted) => JobState::Interrupted,
            None if self.progress.is_cancelled() => JobState::Cancelling,
            None if step == Step::Waiting => JobState::Waiting,
            None => JobState::Running,
        };
        let whole = end.filter(|_| length == ViewLength::Whole);
        JobView {
            id: &self.id,
            operation: self.about.operation,
            subject: self.about.subject.as_deref(),
            dry_run: self.about.mode == Mode::DryRun,
            user: &self.about.user,
            since: &self.since,
            state,
            cancellable: end.is_none() && self.progress.is_open(),
            step: end.is_none().then_some(step),
            done: end.is_none().then_some(done),
            total: total.filter(|_| end.is_none()),
            ended,
            outcome: end.map(|end| end.outcome.as_str()),
            inventory: end.and_then(|end| end.inventory),
            status: end.and_then(|end| end.status),
            report: whole.and_then(|end| end.report.as_deref()),
            problem: whole.and_then(|end| end.problem.as_deref()),
        }
    }
}
