//! Scheduled backups: made at their times, verified, and removed when they are old.
//!
//! ```text
//! settings   the settings
//! command    the command of the site, which gets each good backup
//! webhook    the document that is sent after each backup
//! timing     the times at which backups are due
//! retention  the rule by which old backups are removed
//! failure    the reasons why a backup fails
//! state      the last backup and the last failure, over a restart
//! report     the state in responses
//! run        one backup: made, verified, given to the command, old ones removed
//! stop       the end of the threads
//! ```
//!
//! A thread of its own makes the backups, so they take no permit of requests. They are jobs and have
//! entries in the audit log, as those of `POST /rest/backup` do. A second thread notices that nothing was
//! written for twice the interval, also if the first one hangs in a disk that does not respond.

mod command;
mod failure;
mod report;
mod retention;
mod run;
mod settings;
mod state;
mod stop;
mod timing;
mod webhook;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

pub use command::{BackupCommand, CommandError};
pub use failure::{FailureCause, ScheduleFailure};
pub use report::BackupScheduleState;
pub use retention::KeptBackups;
pub(in crate::backup) use retention::ScheduledBackup;
pub use settings::ScheduleSettings;
pub use state::{Failure, Success};
pub use timing::{Interval, InvalidInterval, InvalidTimeOfDay, InvalidTiming, TimeOfDay, Timing};

pub use webhook::{InvalidWebhookUrl, Webhook, WebhookError, WebhookUrl};

use state::{ScheduleRecord, ScheduleState};
use stop::StopFlag;
use timing::now;

use super::Backups;
use crate::{
    audit::AuditLog,
    job::{Jobs, Progress},
    panics::contain,
};

/// The longest time between two looks at the clock, which can be set, and stands still while a machine
/// sleeps.
const CLOCK_CHECKED_EVERY: Duration = Duration::from_secs(30);

/// The longest time for which a stopping server waits for the threads. A disk that does not respond would
/// stop it for ever.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// The schedule of a server. Clones share it.
#[derive(Clone)]
pub struct BackupSchedule(Arc<Inner>);

struct Inner {
    settings: ScheduleSettings,
    backups: Backups,
    jobs: Jobs,
    audit: Arc<AuditLog>,
    state: ScheduleState,
    stop: StopFlag,
    /// The progress of the running job, by which it is cancelled.
    running: Mutex<Option<Progress>>,
}

/// The work of a thread.
type Work = fn(&BackupSchedule);

/// The threads of a schedule. They end when this is dropped.
pub struct ScheduleThreads {
    schedule: BackupSchedule,
    /// Disconnected when both threads have ended.
    ended: mpsc::Receiver<()>,
}

impl BackupSchedule {
    /// Reads the state of the schedule. Starts nothing.
    pub fn new(
        settings: ScheduleSettings,
        backups: Backups,
        jobs: Jobs,
        audit: Arc<AuditLog>,
    ) -> Self {
        let directory = backups.0.store.directory();
        let (path, temporary) = (directory.schedule(), directory.schedule_temporary());
        let state = ScheduleState::open(path, temporary, now());
        let (stop, running) = (StopFlag::default(), Mutex::default());
        Self(Arc::new(Inner { settings, backups, jobs, audit, state, stop, running }))
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// Any error of starting a thread.
    pub fn start(&self) -> io::Result<ScheduleThreads> {
        let (alive, ended) = mpsc::channel();
        let threads = ScheduleThreads { schedule: self.clone(), ended };
        let works: [(&str, Work); 2] =
            [("backup-schedule", Self::make_backups), ("backup-monitor", Self::notice_overdue)];
        for (name, work) in works {
            let (schedule, alive) = (self.clone(), alive.clone());
            let run = move || {
                work(&schedule);
                drop(alive);
            };
            thread::Builder::new().name(name.to_owned()).spawn(run)?;
        }
        Ok(threads)
    }

    /// Makes backups when they are due, until the schedule is stopped.
    fn make_backups(&self) {
        let timing = self.0.settings.timing;
        let at = timing.at().map(|at| format!(" at {at} UTC")).unwrap_or_default();
        tracing::info!("Backups: one is made every {}{at}.", timing.every());
        self.note_crash();
        loop {
            let now = now();
            let record = self.0.state.record();
            let next = timing.next(record.last_run.as_ref(), now);
            let wait = Duration::try_from(next - now).unwrap_or_default();
            if wait.is_zero() {
                if self.0.stop.is_set() {
                    return;
                }
                self.run();
            } else if self.0.stop.wait(wait.min(CLOCK_CHECKED_EVERY)) {
                return;
            }
        }
    }

    /// Notices that nothing was written for twice the interval, until the schedule is stopped.
    fn notice_overdue(&self) {
        let every = self.0.settings.timing.every().duration();
        let wait = (every / 4).min(CLOCK_CHECKED_EVERY);
        let mut was_overdue = false;
        while !self.0.stop.wait(wait) {
            let record = self.0.state.record();
            let is_overdue = self.is_overdue(&record);
            if is_overdue && !was_overdue {
                self.note_overdue(&record);
            }
            was_overdue = is_overdue;
        }
    }

    /// Returns whether no good backup was written for twice the interval.
    fn is_overdue(&self, record: &ScheduleRecord) -> bool {
        let success = record.last_success.as_ref().map(|success| success.time);
        let last = success.map_or(record.since, |time| time.max(record.since));
        now() - last > 2 * self.0.settings.timing.every().duration()
    }

    fn running(&self) -> MutexGuard<'_, Option<Progress>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work`, and returns the message of its panic as the error. The thread has to go on.
    fn contained<T>(work: impl FnOnce() -> T) -> Result<T, ScheduleFailure> {
        contain(work).map_err(|message| ScheduleFailure::Panicked { message })
    }
}

impl Drop for ScheduleThreads {
    fn drop(&mut self) {
        self.schedule.0.stop.set();
        if let Some(progress) = &*self.schedule.running() {
            // The error is ignored: the job is about to end.
            let _ = progress.cancel();
        }
        if let Err(mpsc::RecvTimeoutError::Timeout) = self.ended.recv_timeout(STOP_WAIT) {
            tracing::warn!("A scheduled backup does not stop. It is abandoned.");
        }
    }
}
