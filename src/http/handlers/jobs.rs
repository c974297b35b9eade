//! The handlers of `jobs`: running imports, exports and verifications, and the last ended ones.

use std::{sync::Arc, time::Duration};

use hyper::{
    StatusCode,
    header::{HeaderValue, VARY},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::sleep;

use crate::{
    http::{
        accept::EventFormat,
        call::Call,
        event_stream, json_response, paths,
        problem::{Problem, ProblemKind, shorten},
        response::Response,
        streamed_body::{self, BodySender, ClientDisconnected},
    },
    job::{CancelOutcome, Job, JobView, ViewLength},
};

/// The interval at which the progress of a job is sent. Sending also detects a client that
/// disconnected.
const EVENT_EVERY: Duration = Duration::from_millis(500);

/// The jobs, newest first, without their reports.
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct JobList<'a> {
    /// The jobs.
    jobs: Vec<JobView<'a>>,
}

/// Handles `GET /rest/jobs`.
pub(in crate::http) async fn list(call: Call) -> Result<Response, Problem> {
    let all = call.app.jobs.all();
    let jobs = all.iter().map(|job| job.view(ViewLength::Short)).collect();
    json_response::json(StatusCode::OK, &JobList { jobs })
}

/// Handles `GET /rest/jobs/{id}`.
pub(in crate::http) async fn show(call: Call) -> Result<Response, Problem> {
    let job = find(&call)?;
    let mut response = match EventFormat::preferred(&call.headers) {
        EventFormat::Json => json_response::json(StatusCode::OK, &job.view(ViewLength::Whole))?,
        EventFormat::Events => events(job),
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Handles `DELETE /rest/jobs/{id}`.
pub(in crate::http) async fn cancel(call: Call) -> Result<Response, Problem> {
    let job = find(&call)?;
    match job.cancel() {
        CancelOutcome::Accepted => {
            json_response::json(StatusCode::ACCEPTED, &job.view(ViewLength::Short))
        }
        CancelOutcome::TooLate => Err(too_late(&job)),
    }
}

/// Returns the job whose id is in the path.
///
/// # Errors
/// 404.
fn find(call: &Call) -> Result<Arc<Job>, Problem> {
    let id = call.parameters.get("id")?;
    call.app.jobs.get(id).ok_or_else(|| {
        let list = paths::JOBS.pattern();
        let detail = format!("No job has the id “{}”. GET {list} lists the jobs.", shorten(id));
        Problem::new(ProblemKind::UnknownJob, detail)
    })
}

/// Returns the problem that a job cannot be cancelled any more.
fn too_late(job: &Job) -> Problem {
    let detail = match job.end() {
        Some(end) => format!("The job has ended. {}", end.outcome),
        None => "It is too late to cancel the job: its result is being applied.".to_owned(),
    };
    let mut members = Map::new();
    // Texts and numbers can always be written as JSON.
    let view = serde_json::to_value(job.view(ViewLength::Short)).unwrap_or(Value::Null);
    members.insert("job".to_owned(), view);
    Problem::new(ProblemKind::JobNotCancellable, detail).with_members(members)
}

/// Returns a stream of events: the progress of the job, and its end.
fn events(job: Arc<Job>) -> Response {
    let (sender, body) = streamed_body::channel();
    // The task ends when the client disconnects or the job ends.
    tokio::spawn(send_events(job, sender));
    event_stream::response(body)
}

/// Sends events until the job ends.
///
/// # Errors
/// [`ClientDisconnected`]
async fn send_events(job: Arc<Job>, sender: BodySender) -> Result<(), ClientDisconnected> {
    loop {
        let has_ended = job.end().is_some();
        sender.send(event(&job, has_ended).into()).await?;
        if has_ended {
            return sender.end().await;
        }
        tokio::select! {
            () = job.wait() => {}
            () = sleep(EVENT_EVERY) => {}
        }
    }
}

/// Returns one event of the stream.
fn event(job: &Job, has_ended: bool) -> String {
    let (name, length) =
        if has_ended { ("end", ViewLength::Whole) } else { ("progress", ViewLength::Short) };
    // Texts, numbers and JSON can always be written as JSON.
    let data = serde_json::to_string(&job.view(length)).unwrap_or_default();
    event_stream::event(name, &data)
}
