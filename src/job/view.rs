//! A job as the REST API returns it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::progress::Step;
use super::record::{Effect, EndState, Mode, Operation};
use super::registry::Job;

/// How many details of a job are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewLength {
    /// Without the report and the problem: for lists.
    Short,
    Whole,
}

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits until another operation has finished.
    Waiting,
    Running,
    /// Was cancelled, and ends at its next check.
    Cancelling,
    Finished,
    Failed,
    Cancelled,
    Interrupted,
}

/// A job at one moment.
#[derive(Serialize)]
pub struct JobView<'a> {
    pub id: &'a str,
    pub operation: Operation,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<&'a str>,
    pub dry_run: bool,
    pub user: &'a str,
    pub since: &'a str,
    pub state: JobState,
    /// Whether a cancellation would be accepted.
    pub cancellable: bool,
    /// Only while the job runs. The same holds for `done` and `total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Only after the job has ended. The same holds for the members that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Effect>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<&'a RawValue>,
}

impl Job {
    /// The job as it is now.
    pub fn view(&self, length: ViewLength) -> JobView<'_> {
        let end = self.end();
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
            ended: self.ended_at(),
            outcome: end.map(|end| end.outcome.as_str()),
            inventory: end.and_then(|end| end.inventory),
            status: end.and_then(|end| end.status),
            report: whole.and_then(|end| end.report.as_deref()),
            problem: whole.and_then(|end| end.problem.as_deref()),
        }
    }
}
