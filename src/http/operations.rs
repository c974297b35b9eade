//! Operations as jobs: imports, exports and verifications.
//!
//! Every such call begins a job ([`crate::job`]). With `Prefer: respond-async` (RFC 7240) it is
//! answered 202 with the job's address at once; without, when the job has ended. A client that
//! waits and leaves cancels what changes nothing: an export, a dry run, a verification. An import
//! that has begun goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use serde_json::value::RawValue;
use tracing::Instrument;

use super::app::App;
use super::blocking::{Lane, Offloaded, Queued};
use super::problem::{Problem, ProblemKind};
use super::request::RequestId;
use super::response::{self, Response};
use crate::job::{
    About, CANCELLED_OUTCOME, Cancelled, Effect, End, EndState, Job, Progress, Running, ViewLength,
};

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const RESPOND_ASYNC: &str = "respond-async";

/// When a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// When the operation has ended.
    AtEnd,
    /// At once, with the address of the job.
    AtOnce,
}

impl Reply {
    /// What `Prefer` asks for.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        let mut preferences = values.flat_map(|value| value.split(',')).map(|preference| {
            preference.split([';', '=']).next().unwrap_or_default().trim().to_owned()
        });
        let is_async = preferences.any(|name| name.eq_ignore_ascii_case(RESPOND_ASYNC));
        if is_async { Reply::AtOnce } else { Reply::AtEnd }
    }
}

/// The call that asks for an operation.
pub(super) struct Asking {
    pub(super) app: Arc<App>,
    pub(super) id: RequestId,
    pub(super) reply: Reply,
}

/// What an operation did: the answer to the call.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) json: Vec<u8>,
    /// A sentence for a person.
    pub(super) outcome: String,
}

impl Answered {
    /// An answer in JSON.
    ///
    /// # Errors
    /// 500: the value cannot be JSON, which is a mistake of ours.
    pub(super) fn json(
        status: StatusCode,
        value: &impl serde::Serialize,
        outcome: impl Into<String>,
    ) -> Result<Self, Problem> {
        let json = serde_json::to_vec(value).map_err(|error| Problem::internal(&error))?;
        Ok(Self { status, json, outcome: outcome.into() })
    }

    fn into_response(self) -> Result<Response, Problem> {
        response::written(self.status, Ok(self.json))
    }
}

/// What is done, on a thread that may block.
pub(super) type Work = Box<dyn FnOnce(&Progress) -> Result<Answered, Problem> + Send>;

/// How a call for an operation was answered.
pub(super) enum Ran {
    Ended(Answered),
    /// 202: the operation goes on.
    Accepted(Response),
}

impl Ran {
    pub(super) fn into_response(self) -> Result<Response, Problem> {
        match self {
            Ran::Ended(answered) => answered.into_response(),
            Ran::Accepted(response) => Ok(response),
        }
    }
}

/// Does `work` as a job.
///
/// # Errors
/// What `work` says; 409 if it was cancelled; 503 if too many operations are waiting.
pub(super) async fn run(asking: Asking, about: About, work: Work) -> Result<Ran, Problem> {
    let Asking { app, id, reply } = asking;
    // A call that is turned away leaves no job.
    let queued = app.blocking.queue_up(Lane::Operation)?;
    let jobs = app.jobs.clone();
    let outlives_client = about.changes_inventory();
    let running = app.blocking.run(Lane::Quick, move || jobs.begin(about)).await?;
    let running = running.map_err(|error| Problem::internal(&error))?;
    let job = running.job().clone();
    let begun = Arc::new(AtomicBool::new(false));
    let doing = Doing { work, running, begun: begun.clone(), id };
    let doing = Offloaded::new(app.blocking.clone(), doing);
    // A task of its own: it goes on when the client leaves.
    let ending = tokio::spawn(finish(queued, doing, job.clone()).in_current_span());
    if reply == Reply::AtOnce {
        return Ok(Ran::Accepted(accepted(&job)?));
    }
    let waiting = Waiting { progress: Some(job.progress.clone()), outlives_client, begun };
    let ended = ending.await.map_err(|error| Problem::internal(&error))?;
    waiting.end();
    ended.map(Ran::Ended)
}

/// The answer 202.
fn accepted(job: &Job) -> Result<Response, Problem> {
    let mut response = response::json(StatusCode::ACCEPTED, &job.view(ViewLength::Short))?;
    let headers = response.headers_mut();
    if let Ok(place) = HeaderValue::try_from(format!("/rest/jobs/{}", job.id)) {
        headers.insert(LOCATION, place);
    }
    headers.insert(PREFERENCE_APPLIED, HeaderValue::from_static(RESPOND_ASYNC));
    Ok(response)
}

/// A job that is to be done.
struct Doing {
    work: Work,
    running: Running,
    /// Whether it has begun: until then it waits for its turn in the lane.
    begun: Arc<AtomicBool>,
    id: RequestId,
}

/// Waits for the turn of a job, and does it.
async fn finish(
    queued: Queued,
    doing: Offloaded<Doing>,
    job: Arc<Job>,
) -> Result<Answered, Problem> {
    let turn = tokio::select! {
        turn = queued.turn() => turn?,
        // Dropping the job ends it as cancelled.
        () = job.progress.cancelled() => return Err(cancelled(Cancelled)),
    };
    doing.consume_in_turn(turn, Doing::perform).await?
}

impl Doing {
    fn perform(self) -> Result<Answered, Problem> {
        let Self { work, running, begun, id } = self;
        begun.store(true, Ordering::Release);
        let progress = running.job().progress.clone();
        let worked = progress.check().map_err(cancelled).and_then(|()| work(&progress));
        let worked = match worked {
            // A cancellation that was accepted is kept, also by work that did not look any more.
            Ok(answered) => progress.close().map(|()| answered).map_err(cancelled),
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

/// The end of a job.
fn end(worked: &Result<Answered, Problem>, progress: &Progress, id: RequestId) -> End {
    let json = |text: &[u8]| -> Option<Box<RawValue>> {
        let text = std::str::from_utf8(text).ok()?;
        RawValue::from_string(text.trim_end().to_owned()).ok()
    };
    let flipped = progress.generation().is_some();
    match worked {
        Ok(answered) => End {
            state: EndState::Finished,
            outcome: answered.outcome.clone(),
            inventory: Some(if flipped { Effect::Replaced } else { Effect::Unchanged }),
            status: Some(answered.status.as_u16()),
            report: json(&answered.json),
            problem: None,
        },
        Err(problem) => {
            let (status, text) = problem.json(id);
            let is_cancelled = problem.is(ProblemKind::Cancelled);
            End {
                state: if is_cancelled { EndState::Cancelled } else { EndState::Failed },
                outcome: problem.detail().to_owned(),
                // A write that failed in the middle of the flip leaves it open.
                inventory: Some(Effect::Unchanged).filter(|_| !flipped),
                status: Some(status.as_u16()),
                report: None,
                problem: json(&text),
            }
        }
    }
}

/// A client that waits for the end of a job. When it leaves, the job is cancelled if it changes
/// nothing, or has not begun.
struct Waiting {
    /// None once the client has its answer.
    progress: Option<Progress>,
    outlives_client: bool,
    begun: Arc<AtomicBool>,
}

impl Waiting {
    fn end(mut self) {
        self.progress = None;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(progress) = &self.progress else { return };
        if !self.outlives_client || !self.begun.load(Ordering::Acquire) {
            // Too late is as good.
            let _ = progress.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_at_once_is_for_those_who_prefer_it() {
        for (values, reply) in [
            (&[][..], Reply::AtEnd),
            (&["respond-async"], Reply::AtOnce),
            (&["Respond-Async, wait=10"], Reply::AtOnce),
            (&["return=minimal", "wait=1, respond-async; x=1"], Reply::AtOnce),
            (&["respond-asynchronously"], Reply::AtEnd),
            (&["return=respond-async"], Reply::AtEnd),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(PREFER, value.parse().unwrap());
            }
            assert_eq!(Reply::preferred(&headers), reply, "{values:?}");
        }
    }
}
