//! Operations that run as jobs: imports, exports and verifications.
//!
//! Every such call starts a job ([`crate::job`]). With `Prefer: respond-async` (RFC 7240) the
//! response is 202 with the address of the job; otherwise the response is sent when the job ends. A
//! client that disconnects while it waits cancels a job that changes nothing (an export, a dry run,
//! a verification). An import that has started continues.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use hyper::{
    StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use serde_json::value::RawValue;
use tracing::Instrument;

use super::{
    app::App,
    blocking::{Lane, Offloaded, Queued},
    json_response, paths,
    problem::{Problem, ProblemKind},
    request_id::RequestId,
    response::Response,
};
use crate::job::{
    About, CANCELLED_OUTCOME, Cancelled, Effect, End, EndState, ImportedState, Job, Progress,
    Running, ViewLength,
};

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const RESPOND_ASYNC: &str = "respond-async";

/// The time at which the response of an operation is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseMode {
    /// After the end of the operation.
    AtEnd,
    /// Immediately, with the address of the job.
    Immediate,
}

impl ResponseMode {
    /// Returns the mode that `Prefer` asks for.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        let mut preferences = values.flat_map(|value| value.split(',')).map(|preference| {
            preference.split([';', '=']).next().unwrap_or_default().trim().to_owned()
        });
        let is_async = preferences.any(|name| name.eq_ignore_ascii_case(RESPOND_ASYNC));
        if is_async { ResponseMode::Immediate } else { ResponseMode::AtEnd }
    }
}

/// The call that starts an operation.
pub(super) struct OperationCall {
    pub(super) app: Arc<App>,
    pub(super) id: RequestId,
    pub(super) mode: ResponseMode,
}

/// The result of an operation: the response to its call, and the end of its job.
pub(super) struct OperationResult {
    pub(super) status: StatusCode,
    pub(super) json: Vec<u8>,
    /// A sentence for a person.
    pub(super) outcome: String,
}

impl OperationResult {
    /// Takes a value that is the body of the response.
    ///
    /// # Errors
    /// 500 if the value cannot be written as JSON: a bug.
    pub(super) fn json(
        status: StatusCode,
        value: &impl serde::Serialize,
        outcome: impl Into<String>,
    ) -> Result<Self, Problem> {
        let json = serde_json::to_vec(value).map_err(|error| Problem::internal(&error))?;
        Ok(Self { status, json, outcome: outcome.into() })
    }

    fn into_response(self) -> Response {
        json_response::from_text(self.status, self.json)
    }
}

/// The work of an operation, on a thread that may block.
pub(super) type Work = Box<dyn FnOnce(&Progress) -> Result<OperationResult, Problem> + Send>;

/// The response to a call that starts an operation.
pub(super) enum OperationResponse {
    /// The operation has ended.
    Ended(OperationResult),
    /// The operation continues: 202.
    Accepted(Response),
}

impl OperationResponse {
    pub(super) fn into_response(self) -> Response {
        match self {
            OperationResponse::Ended(result) => result.into_response(),
            OperationResponse::Accepted(response) => response,
        }
    }
}

/// Runs `work` as a job.
///
/// # Errors
/// The problem of `work`; 409 if the job was cancelled; 503 if too many operations wait.
pub(super) async fn run(
    call: OperationCall,
    about: About,
    work: Work,
) -> Result<OperationResponse, Problem> {
    let OperationCall { app, id, mode } = call;
    // Before the job is created, so that a refused call leaves no job.
    let queued = app.blocking.join_queue(Lane::Operation)?;
    let jobs = app.jobs.clone();
    let outlives_client = about.changes_inventory();
    let running = app.blocking.run(Lane::Quick, move || jobs.begin(about)).await?;
    let running = running.map_err(|error| Problem::internal(&error))?;
    let job = running.job().clone();
    let started = Arc::new(AtomicBool::new(false));
    let pending = PendingJob { work, running, started: started.clone(), id };
    let pending = Offloaded::new(app.blocking.clone(), pending);
    // A separate task: it continues when the client disconnects.
    let ending = tokio::spawn(finish(queued, pending, job.clone()).in_current_span());
    if mode == ResponseMode::Immediate {
        return Ok(OperationResponse::Accepted(accepted(&job)?));
    }
    let waiting = WaitingClient { progress: Some(job.progress.clone()), outlives_client, started };
    let ended = ending.await.map_err(|error| Problem::internal(&error))?;
    waiting.end();
    ended.map(OperationResponse::Ended)
}

/// Returns the response 202.
fn accepted(job: &Job) -> Result<Response, Problem> {
    let mut response = json_response::json(StatusCode::ACCEPTED, &job.view(ViewLength::Short))?;
    let headers = response.headers_mut();
    if let Ok(address) = HeaderValue::try_from(paths::JOB.path([&job.id.clone()])) {
        headers.insert(LOCATION, address);
    }
    headers.insert(PREFERENCE_APPLIED, HeaderValue::from_static(RESPOND_ASYNC));
    Ok(response)
}

/// A job that waits for its permit.
struct PendingJob {
    work: Work,
    running: Running,
    /// Whether the work has started.
    started: Arc<AtomicBool>,
    id: RequestId,
}

/// Waits for the permit of a job, and runs it.
///
/// # Errors
/// As [`run`].
async fn finish(
    queued: Queued,
    pending: Offloaded<PendingJob>,
    job: Arc<Job>,
) -> Result<OperationResult, Problem> {
    let permit = tokio::select! {
        permit = queued.permit() => permit?,
        // Dropping the pending job ends it as cancelled.
        () = job.progress.cancelled() => return Err(cancelled(Cancelled)),
    };
    pending.consume_with_permit(permit, PendingJob::perform).await?
}

impl PendingJob {
    /// Runs the work and ends the job.
    fn perform(self) -> Result<OperationResult, Problem> {
        let Self { work, running, started, id } = self;
        started.store(true, Ordering::Release);
        let progress = running.job().progress.clone();
        let worked = progress.check().map_err(cancelled).and_then(|()| work(&progress));
        let worked = match worked {
            // A cancellation that was accepted must take effect, even if the work finished without
            // checking for it.
            Ok(result) => progress.close().map(|()| result).map_err(cancelled),
            Err(_) if progress.is_cancelled() => Err(cancelled(Cancelled)),
            Err(problem) => Err(problem),
        };
        running.end(end(&worked, &progress, id));
        worked
    }
}

fn cancelled(_: Cancelled) -> Problem {
    Problem::new(ProblemKind::Cancelled, CANCELLED_OUTCOME)
}

/// Returns the end of a job from the result of its work.
fn end(worked: &Result<OperationResult, Problem>, progress: &Progress, id: RequestId) -> End {
    let json = |text: &[u8]| -> Option<Box<RawValue>> {
        let text = std::str::from_utf8(text).ok()?;
        RawValue::from_string(text.trim_end().to_owned()).ok()
    };
    let imported = progress.imported();
    match worked {
        Ok(result) => End {
            state: EndState::Finished,
            outcome: result.outcome.clone(),
            inventory: Some(imported.map_or(Effect::Unchanged, ImportedState::effect)),
            status: Some(result.status.as_u16()),
            report: json(&result.json),
            problem: None,
        },
        Err(problem) => {
            let (status, text) = problem.json(id);
            let is_cancelled = problem.is(ProblemKind::Cancelled);
            End {
                state: if is_cancelled { EndState::Cancelled } else { EndState::Failed },
                outcome: problem.detail().to_owned(),
                // If a write failed while the import took effect, the effect is unknown.
                inventory: Some(Effect::Unchanged).filter(|_| imported.is_none()),
                status: Some(status.as_u16()),
                report: None,
                problem: json(&text),
            }
        }
    }
}

/// A client that waits for the end of a job. Dropping it cancels the job, unless the job changes the
/// inventory and has started.
struct WaitingClient {
    /// `None` when the job has ended.
    progress: Option<Progress>,
    outlives_client: bool,
    started: Arc<AtomicBool>,
}

impl WaitingClient {
    fn end(mut self) {
        self.progress = None;
    }
}

impl Drop for WaitingClient {
    fn drop(&mut self) {
        let Some(progress) = &self.progress else { return };
        if !self.outlives_client || !self.started.load(Ordering::Acquire) {
            // The error is ignored: the job is about to end.
            let _ = progress.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_response_is_immediate_if_prefer_asks_for_it() {
        for (values, mode) in [
            (&[][..], ResponseMode::AtEnd),
            (&["respond-async"], ResponseMode::Immediate),
            (&["Respond-Async, wait=10"], ResponseMode::Immediate),
            (&["return=minimal", "wait=1, respond-async; x=1"], ResponseMode::Immediate),
            (&["respond-asynchronously"], ResponseMode::AtEnd),
            (&["return=respond-async"], ResponseMode::AtEnd),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(PREFER, value.parse().unwrap());
            }
            assert_eq!(ResponseMode::preferred(&headers), mode, "{values:?}");
        }
    }
}
