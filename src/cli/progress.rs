//! How far a command is: bars on a terminal, with --verbose a line every few seconds in a pipe,
//! otherwise nothing. All of it on standard error.

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

use crate::wording;

/// How often a line is written in a pipe.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);

const BYTES: &str = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
const BYTES_OF_UNKNOWN: &str = "{spinner} {msg} {bytes} {bytes_per_sec}";
const RECORDS: &str = "{spinner} {msg} records: {human_pos} {per_sec} {elapsed}";
/// Of a job whose step has a known number of records.
const STEP: &str = "{msg} {bar:30} records: {human_pos}/{human_len} {per_sec} {eta} left";
const WAITING: &str = "{spinner} {msg} {elapsed}";

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Bars,
    Lines,
    /// Only where the work is done is said.
    Plain,
    /// Not at all, but for warnings.
    Quiet,
}

impl Progress {
    /// As the terminal, `--quiet` and `--verbose` say.
    pub fn new(quiet: bool, verbose: bool) -> Self {
        if quiet {
            Progress::Quiet
        } else if io::stderr().is_terminal() {
            Progress::Bars
        } else if verbose {
            Progress::Lines
        } else {
            Progress::Plain
        }
    }

    /// Says where and what, unless it is to be quiet.
    pub fn say(self, text: &str) {
        match self {
            Progress::Bars | Progress::Lines | Progress::Plain => eprintln!("satchel: {text}"),
            Progress::Quiet => {}
        }
    }

    /// Warns, also when it is to be quiet.
    pub fn warn(self, text: &str) {
        eprintln!("satchel: warning: {text}");
    }

    /// Bytes on their way. `total` is 0 where it is not known.
    pub fn bytes(self, label: &str, total: u64) -> Bar {
        let template = if total == 0 { BYTES_OF_UNKNOWN } else { BYTES };
        self.begin(label, total, template, Counted::Bytes)
    }

    /// Records that are looked at.
    pub fn records(self, label: &str) -> Bar {
        self.begin(label, 0, RECORDS, Counted::Records)
    }

    /// Something of which only the end will be known.
    pub fn spinner(self, label: &str) -> Bar {
        self.begin(label, 0, WAITING, Counted::Nothing)
    }

    /// A job at a server, whose progress is asked for again and again.
    pub fn job(self, label: &str) -> JobBar {
        let shown = match self {
            Progress::Quiet | Progress::Plain => JobShown::Nothing,
            Progress::Lines => JobShown::Lines { next: Instant::now() },
            Progress::Bars => {
                let bar = ProgressBar::new_spinner();
                bar.enable_steady_tick(TICK);
                JobShown::Bar(bar)
            }
        };
        JobBar { shown, label: label.to_owned(), step: String::new(), step_begun: Instant::now() }
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
pub(super) struct JobBar {
    shown: JobShown,
    label: String,
    step: String,
    step_begun: Instant,
}

enum JobShown {
    Nothing,
    Bar(ProgressBar),
    Lines {
        /// When the next line is due.
        next: Instant,
    },
}

impl JobBar {
    /// Shows the step, and how many of its records are done.
    pub fn show(&mut self, step: &str, done: u64, total: Option<u64>) {
        let is_new = self.step != step;
        if is_new {
            self.step = step.to_owned();
            self.step_begun = Instant::now();
        }
        let text = format!("{}: {step}", self.label);
        match &mut self.shown {
            JobShown::Nothing => {}
            JobShown::Bar(bar) => {
                if is_new {
                    let template = if total.is_some() { STEP } else { RECORDS };
                    let style = ProgressStyle::with_template(template);
                    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                    bar.set_message(text);
                    bar.reset();
                }
                bar.set_length(total.unwrap_or_default());
                bar.set_position(done);
            }
            JobShown::Lines { next } => {
                let now = Instant::now();
                if is_new || now >= *next {
                    *next = now + LINE_EVERY;
                    let line = job_line(done, total, now - self.step_begun);
                    eprintln!("satchel: {text}{line}");
                }
            }
        }
    }
}

impl Drop for JobBar {
    fn drop(&mut self) {
        match &self.shown {
            JobShown::Bar(bar) => bar.finish_and_clear(),
            JobShown::Nothing | JobShown::Lines { .. } => {}
        }
    }
}

/// Records, rate and remaining time of a step, as far as they are known.
fn job_line(done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match (done, total) {
        (0, None) => String::new(),
        (done, None) => format!(": {done} records"),
        (done, Some(total)) if done == 0 || seconds == 0 => format!(": {done} of {total} records"),
        (done, Some(total)) => {
            let rate = (done / seconds).max(1);
            let left = HumanDuration(Duration::from_secs(total.saturating_sub(done) / rate));
            format!(": {done} of {total} records, {rate}/s, {left} left")
        }
    }
}

/// What is counted.
#[derive(Clone, Copy)]
enum Counted {
    Bytes,
    Records,
    Nothing,
}

/// One piece of work that goes on until this is dropped.
pub(super) struct Bar(Shown);

enum Shown {
    Nothing,
    Bar(ProgressBar),
    Lines(Lines),
}

impl Bar {
    /// So much more was done.
    pub fn add(&self, count: u64) {
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

/// A thread that writes a line now and then.
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
            while stopped.recv_timeout(LINE_EVERY) == Err(RecvTimeoutError::Timeout) {
                let done = theirs.load(Ordering::Relaxed);
                eprintln!("satchel: {label}: {}", line(done, total, counted, begun.elapsed()));
            }
        };
        // Without the thread there are no lines; the work goes on.
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
    fn a_line_says_how_far_it_is() {
        let second = Duration::from_secs(7);
        assert_eq!(
            line(1 << 20, 1 << 21, Counted::Bytes, second),
            "1.00 MiB of 2.00 MiB in 7 seconds"
        );
        assert_eq!(line(5, 0, Counted::Records, second), "5 records in 7 seconds");
        assert_eq!(line(1, 0, Counted::Records, second), "1 record in 7 seconds");
        assert_eq!(line(0, 0, Counted::Nothing, second), "7 seconds");
        assert_eq!(job_line(0, None, second), "");
        assert_eq!(job_line(3, None, second), ": 3 records");
        assert_eq!(job_line(0, Some(9), second), ": 0 of 9 records");
        assert_eq!(job_line(700, Some(900), second), ": 700 of 900 records, 100/s, 2 seconds left");
    }
}
