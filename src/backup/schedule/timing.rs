//! The times of scheduled backups. A pure function of the settings, the last run and the clock.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, Time, UtcOffset, macros::format_description};

/// The shortest time between two scheduled backups.
const INTERVAL_MIN: Duration = Duration::from_secs(1);

/// The longest time between two scheduled backups: a year. A longer one is a mistake.
const INTERVAL_MAX: Duration = Duration::from_secs(366 * DAY_SECONDS);

/// The time after which a run that wrote no good backup is repeated, if the interval is longer: the cause can
/// be a disk that is not mounted yet.
const RETRY: Duration = Duration::from_secs(15 * 60);

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// A duration in a setting: a whole number with `s`, `m`, `h`, `d` or `w`, such as `90s`, `6h` or `1d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval(Duration);

/// The text is not a duration within the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number with s, m, h, d or w, such as 6h or 1d, between 1s and 366d")]
pub struct InvalidInterval;

impl Interval {
    /// One day.
    pub const DAY: Self = Self(Duration::from_secs(DAY_SECONDS));

    /// Returns an interval of this many seconds.
    pub const fn of_seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The duration.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// Returns whether a day is a whole number of intervals, or an interval a whole number of days. Only then
    /// the same times of the day return.
    fn fits_days(self) -> bool {
        let seconds = self.0.as_secs();
        DAY_SECONDS.is_multiple_of(seconds) || seconds.is_multiple_of(DAY_SECONDS)
    }
}

impl FromStr for Interval {
    type Err = InvalidInterval;

    fn from_str(text: &str) -> Result<Self, InvalidInterval> {
        let unit = text.chars().next_back().ok_or(InvalidInterval)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => DAY_SECONDS,
            'w' => 7 * DAY_SECONDS,
            _ => return Err(InvalidInterval),
        };
        let number = &text[..text.len() - 1];
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidInterval);
        }
        let number: u64 = number.parse().map_err(|_| InvalidInterval)?;
        let interval = Duration::from_secs(number.checked_mul(seconds).ok_or(InvalidInterval)?);
        if (INTERVAL_MIN..=INTERVAL_MAX).contains(&interval) {
            Ok(Self(interval))
        } else {
            Err(InvalidInterval)
        }
    }
}

/// Writes the interval in the largest unit that fits.
impl fmt::Display for Interval {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [(DAY_SECONDS, "d"), (60 * 60, "h"), (60, "m")];
        let unit = units.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
        let (unit, letter) = unit.unwrap_or((1, "s"));
        write!(out, "{}{letter}", seconds / unit)
    }
}

/// A time of the day in UTC: `02:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay(Time);

/// The text is not a time of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a time of the day in UTC, from 00:00 to 23:59")]
pub struct InvalidTimeOfDay;

impl TimeOfDay {
    /// The seconds since midnight.
    fn seconds(self) -> i64 {
        let (hour, minute, _) = self.0.as_hms();
        i64::from(hour) * 60 * 60 + i64::from(minute) * 60
    }
}

impl FromStr for TimeOfDay {
    type Err = InvalidTimeOfDay;

    fn from_str(text: &str) -> Result<Self, InvalidTimeOfDay> {
        let format = format_description!("[hour]:[minute]");
        Time::parse(text, format).map(Self).map_err(|_| InvalidTimeOfDay)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, _) = self.0.as_hms();
        write!(out, "{hour:02}:{minute:02}")
    }
}

/// The times of scheduled backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The time between two backups.
    every: Interval,
    /// A time of the day at which one of the backups is made. `None` counts from the last backup.
    at: Option<TimeOfDay>,
}

/// With a time of the day, the interval does not fit into days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "with backup_at, backup_every must be a day divided by a whole number, or whole days: 6h, 12h, 1d, 7d"
)]
pub struct InvalidTiming;

impl Timing {
    /// Combines the settings.
    ///
    /// # Errors
    /// [`InvalidTiming`].
    pub fn new(every: Interval, at: Option<TimeOfDay>) -> Result<Self, InvalidTiming> {
        if at.is_some() && !every.fits_days() {
            return Err(InvalidTiming);
        }
        Ok(Self { every, at })
    }

    /// The time between two backups.
    pub fn every(self) -> Interval {
        self.every
    }

    /// The time of the day at which one of the backups is made.
    pub fn at(self) -> Option<TimeOfDay> {
        self.at
    }

    /// Returns the first regular time after `time`.
    fn after(self, time: OffsetDateTime) -> OffsetDateTime {
        let Some(at) = self.at else { return time + self.every.0 };
        // Regular times are a whole number of intervals after this time of the first day of the Unix epoch,
        // in which each day has the same length.
        let every = i64::try_from(self.every.0.as_secs()).unwrap_or(i64::MAX);
        let since_first = time.unix_timestamp() - at.seconds();
        let next = since_first.div_euclid(every).saturating_add(1).saturating_mul(every);
        let next = next.saturating_add(at.seconds());
        OffsetDateTime::from_unix_timestamp(next).unwrap_or(time + self.every.0)
    }

    /// Returns when the next backup is due. A time in the past means now: a missed backup is made up.
    pub(super) fn next(self, last: Option<&LastRun>, now: OffsetDateTime) -> OffsetDateTime {
        let Some(last) = last else { return now };
        // A clock that was set back must not delay the next backup for longer than the interval.
        let started = last.started.min(now);
        let ended = last.ended.unwrap_or(started).min(now);
        match last.outcome {
            Some(RunOutcome::Done) => self.after(started),
            Some(RunOutcome::NoBackup) | None => {
                self.after(started).min(ended + RETRY.min(self.every.0))
            }
            Some(RunOutcome::Stopped) => started,
        }
    }
}

/// The last run of the schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastRun {
    #[serde(with = "time::serde::rfc3339")]
    pub started: OffsetDateTime,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub ended: Option<OffsetDateTime>,
    /// `None` while it runs, and after a crash.
    pub outcome: Option<RunOutcome>,
}

/// The outcome of a run, which decides when the next one is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RunOutcome {
    /// The next one is due at its regular time: a good backup was written, or an administrator cancelled the
    /// run.
    Done,
    /// No good backup was written. The run is repeated soon.
    NoBackup,
    /// The server was stopped before the end.
    Stopped,
}

impl LastRun {
    /// Returns a run that starts now.
    pub(super) fn starting(now: OffsetDateTime) -> Self {
        Self { started: now, ended: None, outcome: None }
    }
}

/// Returns the present time in UTC.
pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc().to_offset(UtcOffset::UTC).truncate_to_millisecond()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn timing(every: &str, at: Option<&str>) -> Timing {
        Timing::new(every.parse().unwrap(), at.map(|at| at.parse().unwrap())).unwrap()
    }

    fn run(started: OffsetDateTime, outcome: Option<RunOutcome>) -> LastRun {
        LastRun { started, ended: Some(started + Duration::from_secs(60)), outcome }
    }

    #[test]
    fn intervals_have_a_unit() {
        for (text, seconds, shown) in [
            ("1s", 1, "1s"),
            ("90s", 90, "90s"),
            ("120s", 120, "2m"),
            ("24h", 86_400, "1d"),
            ("36h", 129_600, "36h"),
            ("2w", 1_209_600, "14d"),
            ("366d", 31_622_400, "366d"),
        ] {
            let interval: Interval = text.parse().unwrap();
            assert_eq!(interval.duration().as_secs(), seconds, "{text}");
            assert_eq!(interval.to_string(), shown);
        }
        let long = "9".repeat(30) + "w";
        for text in ["", "1", "h", "0s", "-1h", "+1h", "1.5h", "1 h", "1H", "367d", "1é", &long] {
            assert_eq!(text.parse::<Interval>(), Err(InvalidInterval), "{text}");
        }
    }

    #[test]
    fn times_of_the_day_are_exact() {
        assert_eq!("02:30".parse::<TimeOfDay>().unwrap().to_string(), "02:30");
        assert_eq!("23:59".parse::<TimeOfDay>().unwrap().seconds(), 86_340);
        for text in ["", "24:00", "2:30", "02:60", "02:30:00", "02:30 ", "é"] {
            assert_eq!(text.parse::<TimeOfDay>(), Err(InvalidTimeOfDay), "{text}");
        }
        let at = Some("02:30".parse().unwrap());
        for every in ["5h", "36h", "7m", "25h"] {
            assert_eq!(Timing::new(every.parse().unwrap(), at), Err(InvalidTiming), "{every}");
        }
        for every in ["1s", "15m", "6h", "12h", "1d", "2d", "1w"] {
            assert!(Timing::new(every.parse().unwrap(), at).is_ok(), "{every}");
        }
    }

    #[test]
    fn the_next_backup_is_due_at_its_time() {
        let good = Some(RunOutcome::Done);
        for (every, at, started, next) in [
            ("6h", None, datetime!(2026-11-28 07:10 UTC), datetime!(2026-11-28 13:10 UTC)),
            ("1d", Some("02:30"), datetime!(2026-11-28 02:30 UTC), datetime!(2026-11-29 02:30 UTC)),
            (
                "1d",
                Some("02:30"),
                datetime!(2026-11-28 02:29:59 UTC),
                datetime!(2026-11-28 02:30 UTC),
            ),
            ("6h", Some("02:30"), datetime!(2026-11-28 09:00 UTC), datetime!(2026-11-28 14:30 UTC)),
            ("6h", Some("23:00"), datetime!(2026-11-28 23:30 UTC), datetime!(2026-11-29 05:00 UTC)),
            // 1 January 1970 was a Thursday.
            ("1w", Some("02:30"), datetime!(2026-11-28 09:00 UTC), datetime!(2026-12-03 02:30 UTC)),
        ] {
            let last = run(started, good);
            let now = started + Duration::from_secs(120);
            assert_eq!(timing(every, at).next(Some(&last), now), next, "{every} {at:?}");
        }
    }

    #[test]
    fn a_missed_backup_is_due_at_once() {
        let nightly = timing("1d", Some("02:30"));
        let now = datetime!(2026-11-28 09:00 UTC);
        assert_eq!(nightly.next(None, now), now);
        let missed = run(datetime!(2026-11-27 02:30 UTC), Some(RunOutcome::Done));
        assert!(nightly.next(Some(&missed), now) <= now);
        let stopped = run(datetime!(2026-11-28 08:59 UTC), Some(RunOutcome::Stopped));
        assert!(nightly.next(Some(&stopped), now) <= now);
    }

    #[test]
    fn a_failed_backup_is_repeated_soon() {
        let nightly = timing("1d", Some("02:30"));
        let now = datetime!(2026-11-28 02:31 UTC);
        for outcome in [Some(RunOutcome::NoBackup), None] {
            let failed = run(datetime!(2026-11-28 02:30 UTC), outcome);
            let next = nightly.next(Some(&failed), now);
            assert_eq!(next, datetime!(2026-11-28 02:46 UTC));
            let next = timing("10s", None).next(Some(&failed), now);
            assert_eq!(next, datetime!(2026-11-28 02:30:10 UTC));
        }
    }

    #[test]
    fn a_clock_that_is_set_back_delays_no_backup() {
        let now = datetime!(2026-11-28 09:00 UTC);
        let future = run(datetime!(2036-01-01 00:00 UTC), Some(RunOutcome::Done));
        assert_eq!(timing("6h", None).next(Some(&future), now), datetime!(2026-11-28 15:00 UTC));
        let at = timing("1d", Some("02:30")).next(Some(&future), now);
        assert_eq!(at, datetime!(2026-11-29 02:30 UTC));
        let failed = run(datetime!(2036-01-01 00:00 UTC), Some(RunOutcome::NoBackup));
        assert_eq!(timing("6h", None).next(Some(&failed), now), datetime!(2026-11-28 09:15 UTC));
    }
}
