//! `jobs`: the imports, exports and verifications that run, and the last ones that ended.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::sleep;

use crate::http::accept::JobForm;
use crate::http::pieces::{self, ClientLeft, Sender};
use crate::http::problem::{Problem, ProblemKind, shorten};
use crate::http::request::Call;
use crate::http::response::{self, Response};
use crate::job::{CancelOutcome, Job, JobView, ViewLength};

/// How often a job's progress is sent. An event also shows whether the client is still there.
const EVENT_EVERY: Duration = Duration::from_millis(500);

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// Asks nginx not to hold events back.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

#[derive(Serialize)]
struct Listed<'a> {
    jobs: Vec<JobView<'a>>,
}

/// `GET /rest/jobs`
pub(in crate::http) async fn list(call: Call) -> Result<Response, Problem> {
    let all = call.app.jobs.all();
    let jobs = all.iter().map(|job| job.view(ViewLength::Short)).collect();
    response::json(StatusCode::OK, &Listed { jobs })
}

/// `GET /rest/jobs/{id}`
pub(in crate::http) async fn show(call: Call) -> Result<Response, Problem> {
    let job = find(&call)?;
    let mut response = match JobForm::preferred(&call.headers) {
        JobForm::Json => response::json(StatusCode::OK, &job.view(ViewLength::Whole))?,
        JobForm::Events => events(job),
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// `DELETE /rest/jobs/{id}`
pub(in crate::http) async fn cancel(call: Call) -> Result<Response, Problem> {
    let job = find(&call)?;
    match job.cancel() {
        CancelOutcome::Accepted => {
            response::json(StatusCode::ACCEPTED, &job.view(ViewLength::Short))
        }
        CancelOutcome::TooLate => Err(too_late(&job)),
    }
}

fn find(call: &Call) -> Result<Arc<Job>, Problem> {
    let id = call.parameters.get("id")?;
    call.app.jobs.get(id).ok_or_else(|| {
        let detail = format!("There is no job “{}”. GET /rest/jobs lists the jobs.", shorten(id));
        Problem::new(ProblemKind::UnknownJob, detail)
    })
}

fn too_late(job: &Job) -> Problem {
    let detail = match job.end() {
        Some(end) => format!("The job has ended. {}", end.outcome),
        None => "The result is being put in place: it is too late to cancel the job.".to_owned(),
    };
    let mut members = Map::new();
    // Texts and numbers always can be JSON.
    let view = serde_json::to_value(job.view(ViewLength::Short)).unwrap_or(Value::Null);
    members.insert("job".to_owned(), view);
    Problem::new(ProblemKind::JobNotCancellable, detail).with_members(members)
}

/// The job's progress as it goes on, and its end.
fn events(job: Arc<Job>) -> Response {
    let (sender, body) = pieces::channel();
    // It ends with the client, or with the job.
    tokio::spawn(send_events(job, sender));
    let mut response = response::bare(StatusCode::OK, body.boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, EVENT_STREAM);
    response.headers_mut().insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

async fn send_events(job: Arc<Job>, sender: Sender) -> Result<(), ClientLeft> {
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

/// One event of the stream (WHATWG HTML, 9.2). JSON has no line breaks here.
fn event(job: &Job, has_ended: bool) -> String {
    let (name, length) =
        if has_ended { ("end", ViewLength::Whole) } else { ("progress", ViewLength::Short) };
    // Texts, numbers and JSON always can be JSON.
    let data = serde_json::to_string(&job.view(length)).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n")
}
