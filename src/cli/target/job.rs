//! Calls that begin a job at the server: the command follows the job, and Ctrl-C cancels it.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::client::{Answer, Client, RequestRefused, Upload};
use crate::{
    cli::{
        interrupt::{self, Interrupted},
        progress::Progress,
    },
    http::paths,
    job::JobState,
};

/// How long the command waits before it asks for the progress again: at first, and at most.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Questions in a row that may fail, as during a restart of the server: with pauses of 0.5 s they
/// take 10 s or more.
const FAILURES_MAX: usize = 20;

/// Asks the server to begin a job (RFC 7240).
pub(super) const RESPOND_ASYNC: &str = "respond-async";

/// How often a command that waits for an answer looks whether Ctrl-C was pressed.
const ANSWER_LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long an answer is waited for after Ctrl-C.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(2);

/// What a job does, in the words of the command.
#[derive(Clone, Copy)]
pub(in crate::cli) struct JobWords {
    /// "importing"
    pub doing: &'static str,
    /// "import"
    pub noun: &'static str,
}

/// A job as REST shows it.
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

/// What became of the wish to cancel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cancelling {
    NotAsked,
    Accepted,
    TooLate,
}

/// Defers Ctrl-C for a job, unless it was pressed before.
fn begin(parting: String) -> Result<interrupt::Deferred, Interrupted> {
    let deferred = interrupt::defer(parting);
    if interrupt::is_asked() { Err(Interrupted::Cancelled) } else { Ok(deferred) }
}

impl Client {
    /// The answer to POST with JSON, which begins a job.
    ///
    /// # Errors
    /// [`Interrupted`] if Ctrl-C cancelled the job; otherwise as for [`Client::post`].
    pub fn post_as_job(
        &self,
        path: &str,
        body: &Value,
        words: JobWords,
        progress: &Progress,
    ) -> anyhow::Result<Answer> {
        let deferred = begin(self.parting(words, None))?;
        let spinner = progress.spinner(words.doing);
        let answer = self.post_unless_interrupted(path, body, words);
        drop(spinner);
        self.followed(answer?, words, &deferred, progress)
    }

    /// The answer to POST with a file, which begins a job when the file has come in.
    ///
    /// # Errors
    /// [`Interrupted`] if Ctrl-C cancelled the upload or the job; otherwise as for [`Client::post`].
    pub fn post_file_as_job(
        &self,
        path: &str,
        upload: &Upload<'_>,
        words: JobWords,
        progress: &Progress,
    ) -> anyhow::Result<Answer> {
        let deferred = begin(self.parting(words, None))?;
        let answer = self.post_file_preferring(path, upload, RESPOND_ASYNC, progress)?;
        self.followed(answer, words, &deferred, progress)
    }

    /// Sends a request on a thread of its own. A server answers it at once, unless it is of before
    /// there were jobs, or hangs: after Ctrl-C it is not waited for any longer then.
    fn post_unless_interrupted(
        &self,
        path: &str,
        body: &Value,
        words: JobWords,
    ) -> anyhow::Result<Answer> {
        let (answered, answer) = mpsc::channel();
        let (client, path, body) = (self.clone(), path.to_owned(), body.clone());
        let post = move || {
            // A command that has left does not want the answer.
            let _ = answered.send(client.post_preferring(&path, &body, RESPOND_ASYNC));
        };
        thread::Builder::new()
            .name("request".to_owned())
            .spawn(post)
            .context("No thread can be started")?;
        let mut asked_at = None;
        loop {
            match answer.recv_timeout(ANSWER_LOOK_EVERY) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Disconnected) => bail!("The request ended early"),
                Err(RecvTimeoutError::Timeout) if interrupt::is_asked() => {
                    let asked_at = asked_at.get_or_insert_with(Instant::now);
                    if asked_at.elapsed() > ANSWER_WAIT_MAX {
                        let parting = self.parting(words, None);
                        return Err(Interrupted::Unanswered { parting }.into());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Follows the job that the server has begun. An older server answers with the report itself.
    fn followed(
        &self,
        answer: Answer,
        words: JobWords,
        deferred: &interrupt::Deferred,
        progress: &Progress,
    ) -> anyhow::Result<Answer> {
        let Answer { status: 202, location: Some(location), .. } = &answer else {
            return Ok(answer);
        };
        deferred.at_second(self.parting(words, Some(location)));
        self.follow(location, words, progress)
    }

    fn follow(
        &self,
        location: &str,
        words: JobWords,
        progress: &Progress,
    ) -> anyhow::Result<Answer> {
        let mut bar = progress.job(words.doing);
        let mut cancelling = Cancelling::NotAsked;
        let mut pause = PAUSE_MIN;
        let mut failures = 0;
        loop {
            if cancelling == Cancelling::NotAsked && interrupt::is_asked() {
                // A wish that does not arrive is sent again.
                cancelling = self.cancel_job(location).unwrap_or(Cancelling::NotAsked);
            }
            match self.get(location).and_then(|answer| answer.read::<JobView>()) {
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
                            return self.ended(job, cancelling, words);
                        }
                    }
                }
                Err(error) => {
                    failures += 1;
                    if failures > FAILURES_MAX || error.is::<RequestRefused>() {
                        let url = self.url(location);
                        return Err(error.context(format!("The job at {url} cannot be followed")));
                    }
                }
            }
            interrupt::wait(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn cancel_job(&self, location: &str) -> anyhow::Result<Cancelling> {
        match self.delete(location) {
            Ok(()) => Ok(Cancelling::Accepted),
            Err(error) => match error.downcast_ref::<RequestRefused>() {
                Some(RequestRefused { status: 409, .. }) => Ok(Cancelling::TooLate),
                Some(_) | None => Err(error),
            },
        }
    }

    /// The answer that the job came to.
    fn ended(
        &self,
        job: JobView,
        cancelling: Cancelling,
        words: JobWords,
    ) -> anyhow::Result<Answer> {
        let JobView { state, outcome, status, report, problem, .. } = job;
        if cancelling != Cancelling::NotAsked && state != JobState::Cancelled {
            eprintln!("satchel: It was too late to cancel: the {} is finished.", words.noun);
        }
        match (state, cancelling) {
            (JobState::Cancelled, Cancelling::Accepted) => Err(Interrupted::Cancelled.into()),
            (JobState::Cancelled, _) => {
                bail!("Somebody else cancelled the {}: nothing was changed", words.noun)
            }
            (JobState::Interrupted, _) => bail!(outcome),
            (_, _) => match (report, problem) {
                (Some(report), _) => {
                    Ok(Answer { status, text: report.get().to_owned(), location: None })
                }
                (None, Some(problem)) => self.granted(status, problem.get().to_owned(), None),
                (None, None) => bail!(outcome),
            },
        }
    }

    /// What is said when a second Ctrl-C ends the command.
    fn parting(&self, words: JobWords, location: Option<&str>) -> String {
        let noun = words.noun;
        match (self.is_within_process(), location) {
            (true, _) => format!(
                "Stopped at once. Nothing was changed, unless the {noun} was just taking effect. \
                 After the next start, {} lists its outcome.",
                paths::JOBS.pattern()
            ),
            (false, Some(location)) => format!(
                "Left at once. The server goes on with the {noun}. See what becomes of it:\n  \
                 curl --user {} {}",
                self.user(),
                self.url(location)
            ),
            (false, None) => format!(
                "Left at once. If the server has begun the {noun}, it goes on. See what becomes \
                 of it:\n  curl --user {} {}",
                self.user(),
                self.url(paths::JOBS.pattern())
            ),
        }
    }
}
