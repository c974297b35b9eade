//! Calls that start a job at the server. The command follows the job; Ctrl-C cancels it.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::client::{ApiResponse, Client, RequestRefused, Upload};
use crate::{
    cli::{
        interrupt::{self, Interrupted},
        progress::Progress,
    },
    http::paths,
    job::JobState,
};

/// The first pause between two requests for the progress. Each pause is twice the previous one.
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// The longest pause between two requests for the progress.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// The number of consecutive failed requests after which the command gives up. With pauses of 0.5 s
/// they take at least 10 s, so that the server can be restarted meanwhile.
const FAILURES_MAX: usize = 20;

/// The preference that makes the server start a job (RFC 7240).
pub(super) const RESPOND_ASYNC: &str = "respond-async";

/// The pause between two checks for Ctrl-C while the command waits for a response.
const INTERRUPT_CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// The time for which the command waits for a response after Ctrl-C.
const RESPONSE_WAIT_MAX: Duration = Duration::from_secs(2);

/// The words for a job in messages.
#[derive(Clone, Copy)]
pub(in crate::cli) struct JobWords {
    /// The present participle, for progress: “importing”.
    pub doing: &'static str,
    /// The noun: “import”.
    pub noun: &'static str,
}

/// A job, as the REST API returns it.
#[derive(Deserialize)]
struct JobView {
    state: JobState,
    #[serde(default)]
    step: Option<String>,
    #[serde(default)]
    done: u64,
    total: Option<u64>,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    status: u16,
    report: Option<Box<RawValue>>,
    problem: Option<Box<RawValue>>,
}

/// The state of a cancellation by Ctrl-C.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CancelState {
    NotRequested,
    Accepted,
    TooLate,
}

/// Defers the signals for a job. A second Ctrl-C prints `message`.
///
/// # Errors
/// [`Interrupted::Cancelled`] if Ctrl-C was pressed before.
fn defer_signals(message: String) -> Result<interrupt::DeferredSignals, Interrupted> {
    let deferred = interrupt::defer(message);
    if interrupt::is_interrupted() { Err(Interrupted::Cancelled) } else { Ok(deferred) }
}

impl Client {
    /// Sends POST with JSON, which starts a job. Returns the response of the job.
    ///
    /// # Errors
    /// [`Interrupted`] if Ctrl-C cancelled the job; otherwise as for [`Client::post`].
    pub(crate) fn post_as_job(
        &self,
        path: &str,
        body: &Value,
        words: JobWords,
        progress: &Progress,
    ) -> anyhow::Result<ApiResponse> {
        let deferred = defer_signals(self.quit_message(words, None))?;
        let spinner = progress.spinner(words.doing);
        let response = self.post_unless_interrupted(path, body, words);
        drop(spinner);
        self.await_result(response?, words, &deferred, progress)
    }

    /// Uploads a file with POST, which starts a job. Returns the response of the job.
    ///
    /// # Errors
    /// [`Interrupted`] if Ctrl-C cancelled the upload or the job; otherwise as for [`Client::post`].
    pub(crate) fn post_file_as_job(
        &self,
        path: &str,
        upload: &Upload<'_>,
        words: JobWords,
        progress: &Progress,
    ) -> anyhow::Result<ApiResponse> {
        let deferred = defer_signals(self.quit_message(words, None))?;
        let response = self.post_file_preferring(path, upload, RESPOND_ASYNC, progress)?;
        self.await_result(response, words, &deferred, progress)
    }

    /// Sends a request on a thread of its own, so that Ctrl-C works while the server does not
    /// respond. A server responds immediately, unless it hangs or is an older version without jobs.
    fn post_unless_interrupted(
        &self,
        path: &str,
        body: &Value,
        words: JobWords,
    ) -> anyhow::Result<ApiResponse> {
        let (sender, response) = mpsc::channel();
        let (client, path, body) = (self.clone(), path.to_owned(), body.clone());
        let post = move || {
            // The receiver is dropped if the command has stopped waiting.
            let _ = sender.send(client.post_preferring(&path, &body, RESPOND_ASYNC));
        };
        thread::Builder::new()
            .name("request".to_owned())
            .spawn(post)
            .context("Cannot start a thread")?;
        let mut interrupted_at = None;
        loop {
            match response.recv_timeout(INTERRUPT_CHECK_INTERVAL) {
                Ok(response) => return response,
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("The request ended without a response")
                }
                Err(RecvTimeoutError::Timeout) if interrupt::is_interrupted() => {
                    let interrupted_at = interrupted_at.get_or_insert_with(Instant::now);
                    if interrupted_at.elapsed() > RESPONSE_WAIT_MAX {
                        let message = self.quit_message(words, None);
                        return Err(Interrupted::NoResponse { message }.into());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Waits for the result of the job that the response names. An older server without jobs returns
    /// the report itself.
    fn await_result(
        &self,
        response: ApiResponse,
        words: JobWords,
        deferred: &interrupt::DeferredSignals,
        progress: &Progress,
    ) -> anyhow::Result<ApiResponse> {
        let ApiResponse { status: 202, location: Some(location), .. } = &response else {
            return Ok(response);
        };
        deferred.set_message(self.quit_message(words, Some(location)));
        self.poll_until_end(location, words, progress)
    }

    /// Requests the job until it ends, and shows its progress. Returns the response of the job.
    fn poll_until_end(
        &self,
        location: &str,
        words: JobWords,
        progress: &Progress,
    ) -> anyhow::Result<ApiResponse> {
        let mut bar = progress.job(words.doing);
        let mut cancelling = CancelState::NotRequested;
        let mut pause = PAUSE_MIN;
        let mut failures = 0;
        loop {
            if cancelling == CancelState::NotRequested && interrupt::is_interrupted() {
                // If the request fails, the next round repeats it.
                cancelling = self.cancel_job(location).unwrap_or(CancelState::NotRequested);
            }
            match self.get(location).and_then(|response| response.read::<JobView>()) {
                Ok(job) => {
                    failures = 0;
                    match job.state {
                        JobState::Waiting | JobState::Running | JobState::Cancelling => {
                            let step = job.step.unwrap_or_default().replace('_', " ");
                            bar.show(&step, job.done, job.total);
                        }
                        JobState::Finished
                        | JobState::Failed
                        | JobState::Cancelled
                        | JobState::Interrupted => {
                            drop(bar);
                            return self.response_of_ended_job(job, cancelling, words);
                        }
                    }
                }
                Err(error) => {
                    failures += 1;
                    if failures > FAILURES_MAX || error.is::<RequestRefused>() {
                        let url = self.shown_url(location);
                        return Err(error.context(format!("Cannot follow the job at {url}")));
                    }
                }
            }
            interrupt::wait_for_signal(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn cancel_job(&self, location: &str) -> anyhow::Result<CancelState> {
        match self.delete(location) {
            Ok(_) => Ok(CancelState::Accepted),
            Err(error) => match error.downcast_ref::<RequestRefused>() {
                Some(RequestRefused { status: 409, .. }) => Ok(CancelState::TooLate),
                Some(_) | None => Err(error),
            },
        }
    }

    /// Returns the response of a job that has ended.
    fn response_of_ended_job(
        &self,
        job: JobView,
        cancelling: CancelState,
        words: JobWords,
    ) -> anyhow::Result<ApiResponse> {
        let JobView { state, outcome, status, report, problem, .. } = job;
        if cancelling != CancelState::NotRequested && state != JobState::Cancelled {
            eprintln!("satchel: Too late to cancel: the {} has finished.", words.noun);
        }
        match (state, cancelling) {
            (JobState::Cancelled, CancelState::Accepted) => Err(Interrupted::Cancelled.into()),
            (JobState::Cancelled, _) => {
                bail!("Another user cancelled the {}. Nothing was changed", words.noun)
            }
            (JobState::Interrupted, _) => bail!(outcome),
            (_, _) => match (report, problem) {
                (Some(report), _) => {
                    Ok(ApiResponse { status, text: report.get().to_owned(), location: None })
                }
                (None, Some(problem)) => self.checked(status, problem.get().to_owned(), None),
                (None, None) => bail!(outcome),
            },
        }
    }

    /// The message when a second Ctrl-C ends the command.
    fn quit_message(&self, words: JobWords, location: Option<&str>) -> String {
        let noun = words.noun;
        if self.is_within_process() {
            return format!(
                "Stopped. The {noun} might still have taken effect. To see its outcome, start a \
                 server and read {}.",
                paths::JOBS.pattern()
            );
        }
        match location {
            Some(location) => format!(
                "Stopped waiting. The server continues the {noun}. To see its outcome:\n  \
                 curl {} {}",
                self.curl_credentials(),
                self.shown_url(location)
            ),
            None => format!(
                "Stopped waiting. If the server has started the {noun}, it continues. To see its \
                 outcome:\n  curl {} {}",
                self.curl_credentials(),
                self.shown_url(paths::JOBS.pattern())
            ),
        }
    }
}
