//! The rule by which old scheduled backups are removed: that of `restic forget`
//! (<https://restic.readthedocs.io/en/stable/060_forget.html#removing-snapshots-according-to-a-policy>).
//!
//! The newest good backup of each of the last N days that have one is kept, and so for weeks and months. As
//! in restic 0.17, the oldest one is kept too while a number is not used up, so that a new schedule does not
//! remove its first backups. A backup that is kept for any reason is kept. Days, ISO weeks and months are
//! those of UTC.

use time::OffsetDateTime;

use crate::backup::BackupName;

/// The numbers of days, weeks and months for which scheduled backups are kept. 0 keeps none for this reason.
/// If all are 0, nothing is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptBackups {
    /// The number of days.
    pub daily: u32,
    /// The number of weeks.
    pub weekly: u32,
    /// The number of months.
    pub monthly: u32,
}

/// A scheduled backup in the folder of backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::backup) struct ScheduledBackup {
    pub name: BackupName,
    /// The time in its name.
    pub time: OffsetDateTime,
    /// True if the last verification of the backup had no findings.
    pub is_good: bool,
}

/// A number of periods of one length that still keep a backup.
struct Bucket {
    left: u32,
    /// The period of the last backup that was kept.
    last: Option<(i32, u16)>,
    /// The period of a time: its year and the number in this year.
    period: fn(OffsetDateTime) -> (i32, u16),
}

impl KeptBackups {
    /// Returns the backups that are removed. The newest good one is never among them. One that is not good
    /// is kept until a newer one is good.
    pub(in crate::backup) fn removed(self, backups: &[ScheduledBackup]) -> Vec<&ScheduledBackup> {
        if self == Self::default() {
            return Vec::new();
        }
        let mut good: Vec<&ScheduledBackup> = backups.iter().filter(|one| one.is_good).collect();
        good.sort_unstable_by_key(|one| std::cmp::Reverse((one.time, one.name.as_str())));
        let Some(newest) = good.first().map(|one| one.time) else { return Vec::new() };
        let bad = backups.iter().filter(|one| !one.is_good && one.time < newest);
        let kept = self.kept(&good);
        let old = good.iter().zip(kept).filter(|(_, is_kept)| !is_kept).map(|(one, _)| *one);
        old.chain(bad).collect()
    }

    /// Returns whether each of the backups is kept. The newest is the first.
    fn kept(self, newest_first: &[&ScheduledBackup]) -> Vec<bool> {
        let mut buckets = [
            Bucket::new(self.daily, |time| (time.year(), time.ordinal())),
            Bucket::new(self.weekly, |time| {
                let (year, week, _) = time.to_iso_week_date();
                (year, week.into())
            }),
            Bucket::new(self.monthly, |time| (time.year(), u8::from(time.month()).into())),
        ];
        let last = newest_first.len().saturating_sub(1);
        let kept = newest_first.iter().enumerate().map(|(index, backup)| {
            let mut is_kept = index == 0;
            for bucket in &mut buckets {
                is_kept |= bucket.keeps(backup.time, index == last);
            }
            is_kept
        });
        kept.collect()
    }
}

impl Bucket {
    fn new(left: u32, period: fn(OffsetDateTime) -> (i32, u16)) -> Self {
        Self { left, last: None, period }
    }

    /// Returns whether the bucket keeps a backup of this time. Newer ones come first.
    fn keeps(&mut self, time: OffsetDateTime, is_oldest: bool) -> bool {
        let period = Some((self.period)(time));
        let is_kept = self.left > 0 && (period != self.last || is_oldest);
        if is_kept {
            self.left -= 1;
            self.last = period;
        }
        is_kept
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_map, prelude::*};
    use time::{Duration, macros::datetime};

    use super::*;

    fn backup(time: OffsetDateTime, is_good: bool) -> ScheduledBackup {
        ScheduledBackup { name: BackupName::scheduled(time).unwrap(), time, is_good }
    }

    fn good(times: &[OffsetDateTime]) -> Vec<ScheduledBackup> {
        times.iter().map(|time| backup(*time, true)).collect()
    }

    /// The times that are kept, the newest first.
    fn kept(kept: KeptBackups, backups: &[ScheduledBackup]) -> Vec<OffsetDateTime> {
        let removed = kept.removed(backups);
        let kept = backups.iter().filter(|one| !removed.contains(one));
        let mut kept: Vec<_> = kept.map(|one| one.time).collect();
        kept.sort_unstable_by_key(|time| std::cmp::Reverse(*time));
        kept
    }

    fn policy(daily: u32, weekly: u32, monthly: u32) -> KeptBackups {
        KeptBackups { daily, weekly, monthly }
    }

    /// restic's documentation: with one backup a day for 100 years, 7 days, 5 weeks and 12 months keep the
    /// last 7 daily ones, 4 more of the ends of weeks, and 11 or 12 more of the ends of months.
    #[test]
    fn the_example_of_restic_keeps_the_same_backups() {
        let first = datetime!(2020-01-01 02:30 UTC);
        let days: Vec<_> = (0..2158).map(|day| first + Duration::days(day)).collect();
        assert_eq!(days.last(), Some(&datetime!(2025-11-27 02:30 UTC)));
        let kept = kept(policy(7, 5, 12), &good(&days));
        let expected = [
            // Seven days, the last of which is a Thursday, in the week from 24 November.
            datetime!(2025-11-27 02:30 UTC),
            datetime!(2025-11-26 02:30 UTC),
            datetime!(2025-11-25 02:30 UTC),
            datetime!(2025-11-24 02:30 UTC),
            datetime!(2025-11-23 02:30 UTC),
            datetime!(2025-11-22 02:30 UTC),
            datetime!(2025-11-21 02:30 UTC),
            // The Sundays of the weeks before, without the 23rd, which is one of the seven days.
            datetime!(2025-11-16 02:30 UTC),
            datetime!(2025-11-09 02:30 UTC),
            datetime!(2025-11-02 02:30 UTC),
            // The last days of the months before this one.
            datetime!(2025-10-31 02:30 UTC),
            datetime!(2025-09-30 02:30 UTC),
            datetime!(2025-08-31 02:30 UTC),
            datetime!(2025-07-31 02:30 UTC),
            datetime!(2025-06-30 02:30 UTC),
            datetime!(2025-05-31 02:30 UTC),
            datetime!(2025-04-30 02:30 UTC),
            datetime!(2025-03-31 02:30 UTC),
            datetime!(2025-02-28 02:30 UTC),
            datetime!(2025-01-31 02:30 UTC),
            datetime!(2024-12-31 02:30 UTC),
        ];
        assert_eq!(kept, expected);
    }

    /// <https://forum.restic.net/t/help-with-forget-policy/7091>: four backups of one month, of which four
    /// months keep the newest and, because three are not used up, the oldest.
    #[test]
    fn the_oldest_backup_stays_while_a_number_is_not_used_up() {
        let times = [
            datetime!(2024-01-02 13:42:44 UTC),
            datetime!(2024-01-03 01:04:38 UTC),
            datetime!(2024-01-04 20:09:54 UTC),
            datetime!(2024-01-04 20:20:32 UTC),
        ];
        assert_eq!(kept(policy(0, 0, 4), &good(&times)), [times[3], times[0]]);
        assert_eq!(kept(policy(0, 0, 1), &good(&times)), [times[3]]);
    }

    #[test]
    fn only_days_with_a_backup_count() {
        let times = [
            datetime!(2026-09-01 02:30 UTC),
            datetime!(2026-09-05 02:30 UTC),
            datetime!(2026-09-05 14:30 UTC),
            datetime!(2026-11-28 02:30 UTC),
        ];
        assert_eq!(kept(policy(2, 0, 0), &good(&times)), [times[3], times[2]]);
        // 28 December 2026 and 3 January 2027 are in one ISO week, and in two months.
        let turn = [datetime!(2026-12-28 02:30 UTC), datetime!(2027-01-03 02:30 UTC)];
        assert_eq!(kept(policy(0, 1, 0), &good(&turn)), [turn[1]]);
        assert_eq!(kept(policy(0, 0, 2), &good(&turn)), [turn[1], turn[0]]);
    }

    #[test]
    fn the_last_good_backup_is_never_removed() {
        let mut backups = vec![backup(datetime!(2026-01-01 02:30 UTC), true)];
        for day in 2..=28 {
            let time = datetime!(2026-01-01 02:30 UTC).replace_day(day).unwrap();
            backups.push(backup(time, false));
        }
        assert!(policy(1, 0, 0).removed(&backups).is_empty());
        // A newer good one replaces all of them.
        backups.push(backup(datetime!(2026-01-29 02:30 UTC), true));
        let kept = kept(policy(1, 0, 0), &backups);
        assert_eq!(kept, [datetime!(2026-01-29 02:30 UTC)]);
        let only_bad: Vec<_> = backups.into_iter().filter(|one| !one.is_good).collect();
        assert!(policy(1, 1, 1).removed(&only_bad).is_empty());
    }

    #[test]
    fn without_a_number_nothing_is_removed() {
        let first = datetime!(2020-01-01 02:30 UTC);
        let days: Vec<_> = (0..500).map(|day| first + Duration::days(day)).collect();
        assert!(policy(0, 0, 0).removed(&good(&days)).is_empty());
        assert!(policy(1, 1, 1).removed(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn the_rules_hold_for_all_backups(
            hours in btree_map(0_i64..20_000, prop::bool::weighted(0.8), 0..60),
            daily in 0_u32..9,
            weekly in 0_u32..9,
            monthly in 0_u32..9,
        ) {
            let first = datetime!(2024-02-27 00:15 UTC);
            let backups: Vec<_> = hours
                .iter()
                .map(|(hours, is_good)| backup(first + Duration::hours(*hours), *is_good))
                .collect();
            let policy = policy(daily, weekly, monthly);
            let removed: Vec<_> = policy.removed(&backups).into_iter().cloned().collect();
            let left: Vec<_> =
                backups.iter().filter(|one| !removed.contains(one)).cloned().collect();
            let newest = |backups: &[ScheduledBackup]| {
                backups.iter().filter(|one| one.is_good).map(|one| one.time).max()
            };
            prop_assert_eq!(newest(&left), newest(&backups));
            // Nothing is removed a second time.
            prop_assert!(policy.removed(&left).is_empty());
            // Of each day of the last days with a good backup, the newest one stays.
            let mut days: Vec<_> =
                backups.iter().filter(|one| one.is_good).map(|one| one.time.date()).collect();
            days.sort_unstable();
            days.dedup();
            for day in days.iter().rev().take(daily as usize) {
                let of_day = |backups: &[ScheduledBackup]| {
                    let times = backups.iter().filter(|one| one.is_good).map(|one| one.time);
                    times.filter(|time| time.date() == *day).max()
                };
                prop_assert_eq!(of_day(&left), of_day(&backups));
            }
            if policy != KeptBackups::default() {
                let kept = left.iter().filter(|one| one.is_good).count();
                prop_assert!(kept <= (daily + weekly + monthly) as usize);
            }
        }
    }
}
