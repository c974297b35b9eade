//! The name of a stored backup.

use std::{fmt, str::FromStr};

use time::{OffsetDateTime, PrimitiveDateTime, macros::format_description};

use crate::model::{FileNameProblem, check_file_name};

/// The beginning of the names of scheduled backups. No other backup has such a name, because the schedule
/// removes old ones.
const SCHEDULED: &str = "scheduled-";

/// The name of a backup in the folder `backups/`, without its extension. It follows the rule of
/// [`check_file_name`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupName(String);

/// The reason why a text cannot be the name of a backup.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a backup {0}")]
pub struct BackupNameError(FileNameProblem);

impl BackupName {
    /// The name of a backup that is made at this time: `backup-2026-11-27-231500`.
    ///
    /// # Errors
    /// [`time::error::Format`] if the time has no text in this form.
    pub fn of_time(time: OffsetDateTime) -> Result<Self, time::error::Format> {
        let format = format_description!("backup-[year]-[month]-[day]-[hour][minute][second]");
        time.format(format).map(Self)
    }

    /// The name of the backup that is made before a restore: `before-restore-2026-11-27-231500`.
    ///
    /// # Errors
    /// [`time::error::Format`] if the time has no text in this form.
    pub(super) fn before_restore(time: OffsetDateTime) -> Result<Self, time::error::Format> {
        let format =
            format_description!("before-restore-[year]-[month]-[day]-[hour][minute][second]");
        time.format(format).map(Self)
    }

    /// The name of a scheduled backup that is made at this time: `scheduled-2026-11-27-231500`.
    ///
    /// # Errors
    /// [`time::error::Format`] if the time has no text in this form.
    pub(super) fn scheduled(time: OffsetDateTime) -> Result<Self, time::error::Format> {
        let format = format_description!("[year]-[month]-[day]-[hour][minute][second]");
        Ok(Self(format!("{SCHEDULED}{}", time.format(format)?)))
    }

    /// Returns whether the name belongs to the schedule.
    pub(super) fn is_scheduled(&self) -> bool {
        self.0.starts_with(SCHEDULED)
    }

    /// Returns the time in the name of a scheduled backup. `None` for every other name.
    pub(super) fn scheduled_time(&self) -> Option<OffsetDateTime> {
        /// The length of the time, in bytes.
        const TIME_BYTES: usize = "2026-11-27-231500".len();
        let rest = self.0.strip_prefix(SCHEDULED)?;
        let (time, number) = rest.split_at_checked(TIME_BYTES)?;
        let is_number = |text: &str| {
            let digits = text.strip_prefix('-').unwrap_or_default();
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !number.is_empty() && !is_number(number) {
            return None;
        }
        let format = format_description!("[year]-[month]-[day]-[hour][minute][second]");
        Some(PrimitiveDateTime::parse(time, format).ok()?.assume_utc())
    }

    /// The name with a number at its end, for a second backup in the same second.
    pub(super) fn numbered(&self, number: u32) -> Self {
        Self(format!("{}-{number}", self.0))
    }

    /// The name without an extension.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BackupName {
    type Err = BackupNameError;

    fn from_str(text: &str) -> Result<Self, BackupNameError> {
        check_file_name(text).map_err(BackupNameError)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_backup_without_a_name_is_named_after_its_time() {
        let name = BackupName::of_time(datetime!(2026-11-27 23:05:09 UTC)).unwrap();
        assert_eq!(name.as_str(), "backup-2026-11-27-230509");
        assert_eq!(name.as_str().parse::<BackupName>().unwrap(), name);
        assert_eq!(name.numbered(2).as_str(), "backup-2026-11-27-230509-2");
        assert!("../x".parse::<BackupName>().is_err());
    }

    #[test]
    fn the_time_of_a_scheduled_backup_is_in_its_name() {
        let time = datetime!(2026-11-27 23:05:09 UTC);
        let name = BackupName::scheduled(time).unwrap();
        assert_eq!(name.as_str(), "scheduled-2026-11-27-230509");
        assert_eq!(name.scheduled_time(), Some(time));
        assert_eq!(name.numbered(2).scheduled_time(), Some(time));
        for other in [
            "backup-2026-11-27-230509",
            "scheduled-",
            "scheduled-2026-11-27-2305",
            "scheduled-2026-11-27-230509x",
            "scheduled-2026-11-27-230509-",
            "scheduled-2026-13-27-230509",
            "scheduled-2026-11-27-23050é>b",
        ] {
            assert_eq!(BackupName(other.to_owned()).scheduled_time(), None, "{other}");
        }
    }
}
