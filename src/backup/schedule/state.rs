//! The file `SCHEDULE` of the data directory: the state of the schedule that survives a restart.

use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    failure::FailureCause,
    timing::{LastRun, RunOutcome},
};
use crate::disk::write_private_file;

/// The largest file that is read, in bytes: a hundred times the usual one.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// The largest number of characters of a failure's text in the file.
const DETAIL_CHARS_MAX: usize = 1_000;

/// The last scheduled backup that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[schemars(rename = "BackupSuccess")]
pub struct Success {
    /// When it ended, in UTC (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub time: OffsetDateTime,
    /// The name of the backup.
    pub backup: String,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The number of the last change that it contains.
    pub change: u64,
    /// The duration with the verification, in milliseconds.
    pub milliseconds: u64,
}

/// The last failure.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[schemars(rename = "BackupFailure")]
pub struct Failure {
    /// When it was noticed, in UTC (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub time: OffsetDateTime,
    /// The cause.
    pub cause: FailureCause,
    /// The reason in a sentence.
    pub detail: String,
}

/// The record of the schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ScheduleRecord {
    /// When the schedule was used for the first time.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    #[serde(default)]
    pub last_run: Option<LastRun>,
    #[serde(default)]
    pub last_success: Option<Success>,
    #[serde(default)]
    pub last_failure: Option<Failure>,
    #[serde(default)]
    pub successes: u64,
    /// The number of failures by cause.
    #[serde(default)]
    pub failures: BTreeMap<FailureCause, u64>,
    /// The number of documents that the webhook did not take.
    #[serde(default)]
    pub webhook_failures: u64,
}

impl ScheduleRecord {
    fn new(since: OffsetDateTime) -> Self {
        Self {
            since,
            last_run: None,
            last_success: None,
            last_failure: None,
            successes: 0,
            failures: BTreeMap::new(),
            webhook_failures: 0,
        }
    }

    /// Notes the end of the last run.
    pub(super) fn end_run(&mut self, now: OffsetDateTime, outcome: RunOutcome) {
        if let Some(run) = &mut self.last_run {
            run.ended = Some(now);
            run.outcome = Some(outcome);
        }
    }

    /// Notes a failure.
    pub(super) fn fail(&mut self, time: OffsetDateTime, cause: FailureCause, detail: &str) {
        *self.failures.entry(cause).or_default() += 1;
        let detail = detail.chars().take(DETAIL_CHARS_MAX).collect();
        self.last_failure = Some(Failure { time, cause, detail });
    }

    /// Returns whether the last run failed.
    pub(super) fn has_failed(&self) -> bool {
        let success = self.last_success.as_ref().map(|success| success.time);
        self.last_failure.as_ref().is_some_and(|failure| success <= Some(failure.time))
    }
}

/// The record and its file.
pub(super) struct ScheduleState {
    path: PathBuf,
    /// The name of the file until it is complete.
    temporary: PathBuf,
    record: Mutex<ScheduleRecord>,
}

impl ScheduleState {
    /// Reads the file. If there is none, or it cannot be read, the record is that of a new schedule: the
    /// next backup is made at once.
    pub(super) fn open(path: PathBuf, temporary: PathBuf, now: OffsetDateTime) -> Self {
        // A killed process can have left it. If it stays, the next write replaces it.
        let _ = fs::remove_file(&temporary);
        let record = match read(&path) {
            Ok(record) => record,
            Err(error) => {
                let path = path.display();
                tracing::warn!(%path, %error, "Cannot read the last scheduled backups. A backup is made now.");
                None
            }
        };
        let record = Mutex::new(record.unwrap_or_else(|| ScheduleRecord::new(now)));
        Self { path, temporary, record }
    }

    /// Returns a copy of the record.
    pub(super) fn record(&self) -> ScheduleRecord {
        self.lock().clone()
    }

    /// Changes the record and writes its file. The record also changes if the file cannot be written.
    pub(super) fn update(&self, change: impl FnOnce(&mut ScheduleRecord)) {
        let mut record = self.lock();
        change(&mut record);
        // Texts, numbers and times always have a form in JSON.
        let text = serde_json::to_vec_pretty(&*record).unwrap_or_default();
        if let Err(error) = write_private_file(&self.path, &self.temporary, &text) {
            let path = self.path.display();
            tracing::warn!(%path, %error, "Cannot note the last scheduled backup. After a restart, it is made again.");
        }
    }

    fn lock(&self) -> MutexGuard<'_, ScheduleRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a record. `None` if there is no file.
fn read(path: &std::path::Path) -> io::Result<Option<ScheduleRecord>> {
    let length = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?.len(),
    };
    if length > FILE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Some(serde_json::from_slice(&fs::read(path)?)?))
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-28 02:30:05.25 UTC);

    #[test]
    fn the_record_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let (path, new) = (folder.path().join("SCHEDULE"), folder.path().join("SCHEDULE.new"));
            ScheduleState::open(path, new, NOW)
        };
        let state = open();
        assert_eq!(state.record(), ScheduleRecord::new(NOW));
        state.update(|record| {
            record.last_run = Some(LastRun::starting(NOW));
            record.fail(NOW, FailureCause::NoRoom, "é>b\n\"");
            record.fail(NOW, FailureCause::NoRoom, &"x".repeat(5_000));
        });
        let again = open().record();
        assert_eq!(again, state.record());
        assert_eq!(again.failures, [(FailureCause::NoRoom, 2)].into());
        assert_eq!(again.last_failure.as_ref().unwrap().detail.len(), DETAIL_CHARS_MAX);
        assert_eq!(again.last_run.unwrap().outcome, None);
        assert!(!folder.path().join("SCHEDULE.new").exists());

        // A damaged file is that of a new schedule, and is replaced.
        for damaged in ["", "{\"since\":", "[]"] {
            fs::write(folder.path().join("SCHEDULE"), damaged).unwrap();
            let state = open();
            assert_eq!(state.record(), ScheduleRecord::new(NOW), "{damaged}");
            state.update(|record| record.successes = 7);
            assert_eq!(open().record().successes, 7);
        }
    }

    #[test]
    fn a_success_ends_the_failure_before_it() {
        let mut record = ScheduleRecord::new(NOW);
        assert!(!record.has_failed());
        record.fail(NOW, FailureCause::NotMade, "");
        assert!(record.has_failed());
        let success =
            |time| Success { time, backup: "b".to_owned(), bytes: 1, change: 1, milliseconds: 1 };
        record.last_success = Some(success(NOW + Duration::SECOND));
        assert!(!record.has_failed());
        record.fail(NOW + Duration::minutes(1), FailureCause::NotMade, "");
        assert!(record.has_failed());
    }
}
