//! Progress of a command, on standard error: bars on a terminal; with --verbose a line every
//! [`LINE_INTERVAL`] in a pipe; otherwise nothing.

use std::{
    io::{self, IsTerminal},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressStyle};

use super::safe_text::{safe, safe_lines};
use crate::wording;

/// The time between two lines in a pipe.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// The time between two frames of a spinner.
const TICK: Duration = Duration::from_millis(120);

const BYTES: &str = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
const BYTES_OF_UNKNOWN: &str = "{spinner} {msg} {bytes} {bytes_per_sec}";
const RECORDS: &str = "{spinner} {msg} records: {human_pos} {per_sec} {elapsed}";
/// For a step of a job with a known number of records.
const STEP: &str = "{msg} {bar:30} records: {human_pos}/{human_len} {per_sec} {eta} left";
const WAITING: &str = "{spinner} {msg} {elapsed}";

/// The amount of output that the options of a command select.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verbosity {
    /// `--quiet`
    Quiet,
    Normal,
    /// `--verbose`
    Verbose,
}

/// The form in which progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Bars,
    Lines,
    /// Messages without progress.
    Plain,
    /// Warnings only.
    Quiet,
}

impl Progress {
    /// Chooses the form. A terminal gets bars, unless the command is quiet.
    pub(super) fn new(verbosity: Verbosity) -> Self {
        match verbosity {
            Verbosity::Quiet => Progress::Quiet,
            Verbosity::Normal | Verbosity::Verbose if io::stderr().is_terminal() => Progress::Bars,
            Verbosity::Verbose => Progress::Lines,
            Verbosity::Normal => Progress::Plain,
        }
    }

    /// Prints a message, unless quiet.
    pub(super) fn say(self, text: &str) {
        match self {
            Progress::Bars | Progress::Lines | Progress::Plain => {
                eprintln!("satchel: {}", safe_lines(text));
            }
            Progress::Quiet => {}
        }
    }

    /// Prints a warning, even if quiet.
    pub(super) fn warn(self, text: &str) {
        eprintln!("satchel: warning: {}", safe_lines(text));
    }

    /// The progress of a transfer. `total` is in bytes, and 0 if it is unknown.
    pub(super) fn bytes(self, label: &str, total: u64) -> Bar {
        let template = if total == 0 { BYTES_OF_UNKNOWN } else { BYTES };
        self.begin(label, total, template, Counted::Bytes)
    }

    /// The progress of reading records.
    pub(super) fn records(self, label: &str) -> Bar {
        self.begin(label, 0, RECORDS, Counted::Records)
    }

    /// A spinner for work without a count.
    pub(super) fn spinner(self, label: &str) -> Bar {
        self.begin(label, 0, WAITING, Counted::Nothing)
    }

    /// The progress of a job at a server, which is requested repeatedly.
    pub(super) fn job(self, label: &str) -> JobBar {
        match self {
            Progress::Quiet | Progress::Plain => JobBar::Nothing,
            Progress::Lines => JobBar::Lines(JobLines::new(label, Instant::now())),
            Progress::Bars => {
                let bar = ProgressBar::new_spinner();
                bar.enable_steady_tick(TICK);
                JobBar::Bar { bar, label: label.to_owned(), step: String::new() }
            }
        }
    }

    fn begin(self, label: &str, total: u64, template: &str, counted: Counted) -> Bar {
        match self {
            Progress::Quiet | Progress::Plain => Bar(Shown::Nothing),
            Progress::Lines => Bar(Shown::Lines(Lines::start(label, total, counted))),
            Progress::Bars => {
                let bar =
                    if total == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(total) };
                let style = ProgressStyle::with_template(template);
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                bar.set_message(label.to_owned());
                bar.enable_steady_tick(TICK);
                Bar(Shown::Bar(bar))
            }
        }
    }
}

/// The progress of a job, until this is dropped.
pub(super) enum JobBar {
    Nothing,
    Bar { bar: ProgressBar, label: String, step: String },
    Lines(JobLines),
}

impl JobBar {
    /// Shows the step of the job and the number of its records that are done.
    pub(super) fn show(&mut self, step: &str, done: u64, total: Option<u64>) {
        match self {
            JobBar::Nothing => {}
            JobBar::Bar { bar, label, step: shown_step } => {
                if shown_step != step {
                    step.clone_into(shown_step);
                    let template = if total.is_some() { STEP } else { RECORDS };
                    let style = ProgressStyle::with_template(template);
                    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                    bar.set_message(format!("{label}: {}", safe(step)));
                    bar.reset();
                }
                bar.set_length(total.unwrap_or_default());
                bar.set_position(done);
            }
            JobBar::Lines(lines) => {
                if let Some(line) = lines.line_at(Instant::now(), step, done, total) {
                    eprintln!("satchel: {}", safe(&line));
                }
            }
        }
    }
}

impl Drop for JobBar {
    fn drop(&mut self) {
        match self {
            JobBar::Bar { bar, .. } => bar.finish_and_clear(),
            JobBar::Nothing | JobBar::Lines(_) => {}
        }
    }
}

/// Decides when a line about a job is due, and formats it.
pub(super) struct JobLines {
    label: String,
    step: String,
    step_started: Instant,
    /// When the next line about the same step is due.
    next: Instant,
}

impl JobLines {
    fn new(label: &str, now: Instant) -> Self {
        Self { label: label.to_owned(), step: String::new(), step_started: now, next: now }
    }

    /// The line to print at the time `now`, if one is due: one at the start of each step, and then
    /// one every [`LINE_INTERVAL`].
    fn line_at(
        &mut self,
        now: Instant,
        step: &str,
        done: u64,
        total: Option<u64>,
    ) -> Option<String> {
        let is_new = self.step != step;
        if is_new {
            step.clone_into(&mut self.step);
            self.step_started = now;
        }
        if !is_new && now < self.next {
            return None;
        }
        self.next = now + LINE_INTERVAL;
        let counts = job_counts(done, total, now - self.step_started);
        Some(format!("{}: {step}{counts}", self.label))
    }
}

/// Formats the records, rate and remaining time of a step, as far as they are known.
fn job_counts(done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match (done, total) {
        (0, None) => String::new(),
        (done, None) => format!(": {}", wording::counted(done, "record")),
        (done, Some(total)) if done == 0 || seconds == 0 => format!(": {done} of {total} records"),
        (done, Some(total)) => {
            let rate = (done / seconds).max(1);
            let left = HumanDuration(Duration::from_secs(total.saturating_sub(done) / rate));
            format!(": {done} of {total} records, {rate}/s, {left} left")
        }
    }
}

/// The unit of a count.
#[derive(Clone, Copy)]
enum Counted {
    Bytes,
    Records,
    Nothing,
}

/// The progress of one piece of work, until this is dropped.
pub(super) struct Bar(Shown);

enum Shown {
    Nothing,
    Bar(ProgressBar),
    Lines(Lines),
}

impl Bar {
    /// Advances the bar by `count`.
    pub(super) fn add(&self, count: u64) {
        match &self.0 {
            Shown::Nothing => {}
            Shown::Bar(bar) => bar.inc(count),
            Shown::Lines(lines) => drop(lines.done.fetch_add(count, Ordering::Relaxed)),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        match &mut self.0 {
            Shown::Nothing => {}
            Shown::Bar(bar) => bar.finish_and_clear(),
            Shown::Lines(lines) => lines.end(),
        }
    }
}

/// A thread that prints a line every [`LINE_INTERVAL`].
struct Lines {
    done: Arc<AtomicU64>,
    stop: Option<mpsc::Sender<()>>,
    writer: Option<JoinHandle<()>>,
}

impl Lines {
    fn start(label: &str, total: u64, counted: Counted) -> Self {
        let done = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = mpsc::channel();
        let (label, theirs, begun) = (label.to_owned(), done.clone(), Instant::now());
        let write = move || {
            while stopped.recv_timeout(LINE_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let done = theirs.load(Ordering::Relaxed);
                eprintln!("satchel: {label}: {}", line(done, total, counted, begun.elapsed()));
            }
        };
        // Without the thread no lines are printed.
        let writer = thread::Builder::new().name("progress".to_owned()).spawn(write).ok();
        Self { done, stop: Some(stop), writer }
    }

    fn end(&mut self) {
        self.stop = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn line(done: u64, total: u64, counted: Counted, elapsed: Duration) -> String {
    let since = HumanDuration(elapsed);
    match (counted, total) {
        (Counted::Bytes, 0) => format!("{} in {since}", HumanBytes(done)),
        (Counted::Bytes, total) => {
            format!("{} of {} in {since}", HumanBytes(done), HumanBytes(total))
        }
        (Counted::Records, _) => format!("{} in {since}", wording::counted(done, "record")),
        (Counted::Nothing, _) => since.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_the_number_of_records() {
        let second = Duration::from_secs(7);
        assert_eq!(
            line(1 << 20, 1 << 21, Counted::Bytes, second),
            "1.00 MiB of 2.00 MiB in 7 seconds"
        );
        assert_eq!(line(5, 0, Counted::Records, second), "5 records in 7 seconds");
        assert_eq!(line(1, 0, Counted::Records, second), "1 record in 7 seconds");
        assert_eq!(line(0, 0, Counted::Nothing, second), "7 seconds");
        assert_eq!(job_counts(0, None, second), "");
        assert_eq!(job_counts(3, None, second), ": 3 records");
        assert_eq!(job_counts(0, Some(9), second), ": 0 of 9 records");
        assert_eq!(
            job_counts(700, Some(900), second),
            ": 700 of 900 records, 100/s, 2 seconds left"
        );
    }

    #[test]
    fn a_job_prints_a_line_at_each_new_step_and_then_every_ten_seconds() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut lines = JobLines::new("importing", start);
        let mut line = |seconds, step, done| lines.line_at(at(seconds), step, done, Some(900));
        assert_eq!(
            line(0, "decoding", 0).as_deref(),
            Some("importing: decoding: 0 of 900 records")
        );
        assert_eq!(line(9, "decoding", 300), None);
        let second = "importing: decoding: 400 of 900 records, 40/s, 12 seconds left";
        assert_eq!(line(10, "decoding", 400).as_deref(), Some(second));
        assert_eq!(line(19, "decoding", 700), None);
        // A new step is printed immediately, and its rate is computed separately.
        let third = "importing: applying: 0 of 900 records";
        assert_eq!(line(19, "applying", 0).as_deref(), Some(third));
        assert_eq!(line(28, "applying", 100), None);
        let fourth = "importing: applying: 100 of 900 records, 10/s, 80 seconds left";
        assert_eq!(line(29, "applying", 100).as_deref(), Some(fourth));
    }
}
