//! The state of the schedule in responses and metrics.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::{
    BackupSchedule,
    failure::FailureCause,
    state::{Failure, Success},
    timing::now,
};

/// The state of scheduled backups.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "BackupSchedule")]
pub struct BackupScheduleState {
    /// The time between two backups, in seconds.
    pub interval_seconds: u64,
    /// The time of the day in UTC at which one of the backups is made, such as `02:30`; null if they are
    /// counted from the last one.
    pub at: Option<String>,
    /// When the next one is due, in UTC (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub next: OffsetDateTime,
    /// True if a scheduled backup is being made.
    pub is_running: bool,
    /// True if the last scheduled backup failed, or a later step of it.
    pub has_failed: bool,
    /// True if no good backup was written for twice the interval.
    pub is_overdue: bool,
    /// The last one that was made and verified; null if there is none.
    pub last_success: Option<Success>,
    /// The last failure; null if there is none.
    pub last_failure: Option<Failure>,
    /// The number of good ones since the schedule began.
    pub successes: u64,
    /// The number of failures since the schedule began, by cause.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub failures: BTreeMap<FailureCause, u64>,
    /// The number of documents that the webhook did not take since the schedule began.
    pub webhook_failures: u64,
}

impl BackupSchedule {
    /// Returns the state of the schedule. Reads no file.
    pub fn state(&self) -> BackupScheduleState {
        let record = self.0.state.record();
        let timing = self.0.settings.timing;
        let count = |cause| (cause, record.failures.get(&cause).copied().unwrap_or_default());
        let is_running = record.last_run.as_ref().is_some_and(|run| run.ended.is_none());
        BackupScheduleState {
            interval_seconds: timing.every().duration().as_secs(),
            at: timing.at().map(|at| at.to_string()),
            next: timing.next(record.last_run.as_ref(), now()),
            is_running,
            has_failed: record.has_failed(),
            is_overdue: self.is_overdue(&record),
            webhook_failures: record.webhook_failures,
            successes: record.successes,
            failures: FailureCause::ALL.into_iter().map(count).collect(),
            last_success: record.last_success,
            last_failure: record.last_failure,
        }
    }
}

impl BackupScheduleState {
    /// Returns the fault of the schedule as a sentence without names. `None` if there is none.
    pub fn fault(&self) -> Option<String> {
        if self.is_overdue {
            return Some("No scheduled backup was written for twice the interval.".to_owned());
        }
        let failure = self.last_failure.as_ref().filter(|_| self.has_failed)?;
        Some(format!("The last scheduled backup failed: {}.", failure.cause.sentence()))
    }
}
