//! One scheduled backup: it is made and verified, given to the command, and old ones are removed.

use std::time::Instant;

use serde::Serialize;
use serde_json::value::to_raw_value;

use super::{
    BackupSchedule,
    failure::{FailureCause, ScheduleFailure},
    state::{ScheduleRecord, Success},
    timing::{LastRun, RunOutcome, now},
    webhook::Outcome,
};
use crate::{
    audit::{Event, EventKind},
    backup::{BackupError, BackupName, BackupReport},
    job::{About, CANCELLED_OUTCOME, Effect, End, EndState, Mode, Operation, Progress},
    store::StoreError,
    wording::{Chain, chain, counted},
};

/// The detail of entries in the audit log.
const DETAIL: &str = "by the schedule";

/// The HTTP status that a call with this result would have. The audit log combines events without success.
const STATUS_OK: u16 = 200;

/// The HTTP status of a deletion.
const STATUS_NO_CONTENT: u16 = 204;

impl BackupSchedule {
    /// Makes a backup, and notes its outcome.
    pub(super) fn run(&self) {
        let started = now();
        self.0.state.update(|record| record.last_run = Some(LastRun::starting(started)));
        let ended = Self::contained(|| self.back_up()).and_then(|ended| ended);
        *self.running() = None;
        match ended {
            Ok(()) => self.send_success(),
            Err(ScheduleFailure::Cancelled) if self.0.stop.is_set() => {
                self.0.state.update(|record| record.end_run(now(), RunOutcome::Stopped));
                tracing::info!(
                    "The scheduled backup was stopped. The next start of the server makes it."
                );
            }
            Err(failure) => self.fail(&failure),
        }
    }

    /// Makes a backup, verifies it and removes old ones.
    fn back_up(&self) -> Result<(), ScheduleFailure> {
        let clock = Instant::now();
        self.require_room().inspect_err(|failure| {
            self.record_export(None, None, format!("{DETAIL}; it failed: {}", chain(failure)));
        })?;
        let (name, report) = self.make()?;
        self.verify(&name)?;
        let milliseconds = clock.elapsed().as_millis() as u64;
        // The backup is good from here on: a command that fails must not hide that.
        self.succeed(&report, milliseconds);
        self.run_command(&name)?;
        self.remove_old()
    }

    /// # Errors
    /// [`ScheduleFailure::NoRoom`] if the last backup would not fit into the folder. A backup that fills the
    /// disk would harm the inventory, if both are on the same one.
    fn require_room(&self) -> Result<(), ScheduleFailure> {
        let last = self.0.state.record().last_success;
        let needed_bytes = last.map_or(0, |success| success.bytes);
        let space = self.0.backups.space().map_err(ScheduleFailure::NotMade)?;
        if space.free_bytes < needed_bytes {
            return Err(ScheduleFailure::NoRoom { free_bytes: space.free_bytes, needed_bytes });
        }
        Ok(())
    }

    /// Makes the backup.
    fn make(&self) -> Result<(BackupName, BackupReport), ScheduleFailure> {
        let request = self.0.settings.request();
        let name = BackupName::scheduled(now()).map_err(BackupError::from);
        let name = name.map_err(ScheduleFailure::NotMade)?;
        let mut given = name.clone();
        let make = |progress: &Progress| {
            let (name, report) = self.0.backups.create_scheduled(name, &request, progress)?;
            given = name;
            Ok(report)
        };
        let outcome =
            |report: &BackupReport| format!("The backup “{}” was written.", report.backup);
        let about = self.about(Operation::CreateBackup, None);
        let made = self.job(about, make, outcome);
        let subject = made.as_ref().ok().map(|report| report.backup.clone());
        let status = made.as_ref().ok().map(|_| STATUS_OK);
        self.record_export(subject, status, detail(made.as_ref().err()));
        let report = made.map_err(|error| failure(error, ScheduleFailure::NotMade))?;
        for warning in report.warnings.iter().skip(1) {
            tracing::warn!(backup = report.backup, "Scheduled backup: {warning}.");
        }
        Ok((given, report))
    }

    /// Verifies the backup.
    fn verify(&self, name: &BackupName) -> Result<(), ScheduleFailure> {
        let verify = |progress: &Progress| self.0.backups.verify(name, progress);
        let about = self.about(Operation::VerifyBackup, Some(name));
        let verified = self.job(about, verify, |report| report.summary.clone());
        let event = Event::new(EventKind::Operation).with_detail(detail(verified.as_ref().err()));
        let status = verified.as_ref().ok().map(|_| STATUS_OK);
        self.record(Event { status, ..event }, "verify_backup", name);
        let not_verified =
            |source| ScheduleFailure::NotVerified { name: name.clone(), source: Box::new(source) };
        let report = verified.map_err(|error| failure(error, not_verified))?;
        if report.whole {
            Ok(())
        } else {
            Err(ScheduleFailure::Findings { name: name.clone(), summary: report.summary })
        }
    }

    /// Runs the command of the settings, and writes its output to the log.
    fn run_command(&self, name: &BackupName) -> Result<(), ScheduleFailure> {
        let Some(command) = &self.0.settings.command else { return Ok(()) };
        let path = self.0.backups.path(name).map_err(ScheduleFailure::NotMade)?;
        let ended = command.run(&path, &|| self.0.stop.is_set());
        for line in &ended.output {
            tracing::info!(backup = %name, "Output of the backup command: {line}");
        }
        match ended.result {
            Ok(()) => {
                tracing::info!(backup = %name, "The backup command has ended.");
                Ok(())
            }
            Err(source) => {
                let source = Box::new(source);
                Err(ScheduleFailure::Command { name: name.clone(), source })
            }
        }
    }

    /// Removes old backups.
    fn remove_old(&self) -> Result<(), ScheduleFailure> {
        let backups = &self.0.backups;
        let stored = backups.scheduled().map_err(ScheduleFailure::NotRemoved)?;
        for old in self.0.settings.kept.removed(&stored) {
            match backups.remove(&old.name) {
                // Somebody else removed it.
                Ok(()) | Err(BackupError::NotFound { .. }) => {}
                Err(error) => return Err(ScheduleFailure::NotRemoved(error)),
            }
            let event = Event::new(EventKind::Operation).with_detail(DETAIL);
            let status = Some(STATUS_NO_CONTENT);
            self.record(Event { status, ..event }, "delete_backup", &old.name);
            tracing::info!(backup = %old.name, "An old scheduled backup was removed.");
        }
        Ok(())
    }

    /// Runs an operation as a job.
    fn job<T: Serialize>(
        &self,
        about: About,
        work: impl FnOnce(&Progress) -> Result<T, BackupError>,
        outcome: impl FnOnce(&T) -> String,
    ) -> Result<T, BackupError> {
        let running = self.0.jobs.begin(about).map_err(BackupError::Job)?;
        let progress = running.job().progress.clone();
        *self.running() = Some(progress.clone());
        // A server that was told to stop meanwhile did not see this progress.
        if self.0.stop.is_set() {
            let _ = progress.cancel();
        }
        let result = progress.check().map_err(BackupError::from).and_then(|()| work(&progress));
        let unchanged = Some(Effect::Unchanged);
        running.end(match &result {
            Ok(report) => End {
                report: to_raw_value(report).ok(),
                ..End::bare(EndState::Finished, outcome(report), unchanged)
            },
            Err(error) if is_cancelled(error) => {
                End::bare(EndState::Cancelled, CANCELLED_OUTCOME, unchanged)
            }
            Err(error) => End::bare(EndState::Failed, chain(error), unchanged),
        });
        result
    }

    fn about(&self, operation: Operation, subject: Option<&BackupName>) -> About {
        let user = self.0.settings.request().principal;
        About { operation, subject: subject.map(ToString::to_string), mode: Mode::Apply, user }
    }

    /// Records that a backup was made, or could not be made.
    fn record_export(&self, subject: Option<String>, status: Option<u16>, detail: String) {
        let event = Event::new(EventKind::Export).with_detail(detail);
        let operation = Some("create_backup".to_owned());
        self.0.audit.record(Event { operation, subject, status, ..event });
    }

    /// Records an event about a backup in the audit log.
    fn record(&self, event: Event, operation: &str, name: &BackupName) {
        let (operation, subject) = (Some(operation.to_owned()), Some(name.to_string()));
        self.0.audit.record(Event { operation, subject, ..event });
    }

    /// Notes that the backup is good.
    fn succeed(&self, report: &BackupReport, milliseconds: u64) {
        let BackupReport { backup, bytes, manifest, .. } = report;
        let (backup, bytes, change) = (backup.clone(), *bytes, manifest.change);
        let size = counted(bytes, "byte");
        tracing::info!(backup, "Scheduled backup: {size}, verified.");
        self.0.state.update(|record| {
            let now = now();
            record.end_run(now, RunOutcome::Done);
            record.successes += 1;
            record.last_success = Some(Success { time: now, backup, bytes, change, milliseconds });
        });
    }

    /// Notes the failure of a run.
    fn fail(&self, failure: &ScheduleFailure) {
        let outcome = failure.outcome();
        let cause = failure.cause();
        let detail = chain(failure);
        let cause_word = cause.as_str();
        tracing::error!(cause = cause_word, error = %Chain(failure), "The scheduled backup failed.");
        self.0.state.update(|record| {
            let now = now();
            record.end_run(now, outcome);
            record.fail(now, cause, &detail);
        });
        self.send(Outcome::Failure { cause, detail: &detail });
    }

    /// Notes that the last run did not end, because the server was killed.
    pub(super) fn note_crash(&self) {
        let last = self.0.state.record().last_run;
        if last.is_some_and(|run| run.outcome.is_none()) {
            self.fail(&ScheduleFailure::Interrupted);
        }
    }

    /// Notes that nothing was written for twice the interval.
    pub(super) fn note_overdue(&self, record: &ScheduleRecord) {
        let every = self.0.settings.timing.every();
        let detail = match &record.last_success {
            Some(last) => format!(
                "No scheduled backup was written for twice the interval of {every}. The last one is “{}”.",
                last.backup
            ),
            None => format!("No scheduled backup was written for twice the interval of {every}."),
        };
        tracing::error!(cause = FailureCause::Overdue.as_str(), "{detail}");
        self.0.state.update(|record| {
            *record.failures.entry(FailureCause::Overdue).or_default() += 1;
        });
        self.send(Outcome::Failure { cause: FailureCause::Overdue, detail: &detail });
    }

    /// Sends the last success to the webhook.
    fn send_success(&self) {
        if let Some(success) = self.0.state.record().last_success {
            self.send(Outcome::Success(&success));
        }
    }

    /// Sends an outcome to the webhook. The backup itself does not depend on its success.
    fn send(&self, outcome: Outcome<'_>) {
        let Some(webhook) = &self.0.settings.webhook else { return };
        if let Err(error) = webhook.send(now(), outcome, &self.0.stop) {
            tracing::warn!(error = %Chain(&error), "The webhook did not take the outcome of a scheduled backup.");
            self.0.state.update(|record| record.webhook_failures += 1);
        }
    }
}

/// Returns the failure of an operation.
fn failure(
    error: BackupError,
    otherwise: impl FnOnce(BackupError) -> ScheduleFailure,
) -> ScheduleFailure {
    if is_cancelled(&error) { ScheduleFailure::Cancelled } else { otherwise(error) }
}

fn is_cancelled(error: &BackupError) -> bool {
    matches!(error, BackupError::Store(StoreError::Cancelled(_)))
}

/// Returns the detail of an entry in the audit log.
fn detail(error: Option<&BackupError>) -> String {
    match error {
        None => DETAIL.to_owned(),
        Some(error) => format!("{DETAIL}; it failed: {}", chain(error)),
    }
}
