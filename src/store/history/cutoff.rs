//! The limits of the history, and the changes that are beyond them.

use std::time::Duration;

use time::OffsetDateTime;

use super::entry::{ChangeHead, HistoryEnd};

/// How much of the history is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryLimits {
    /// Older changes are removed.
    pub age_max: Duration,
    /// The oldest changes are removed if the history has more bytes.
    pub bytes_max: u64,
    /// The number of the last texts of each device and property that stay when the changes that replaced
    /// them are removed. The present text counts.
    pub texts_kept: usize,
    /// The size of these texts on the disk, in bytes. Beyond it, each device keeps its share only.
    pub text_bytes_max: u64,
}

/// The limits at one moment.
#[derive(Clone, Copy)]
pub(super) struct Cutoff {
    /// Changes before this time are removed, in milliseconds since 1970.
    milliseconds: u64,
    /// Changes that end at this position or earlier are removed.
    bytes: u64,
    /// The last change, which is always kept.
    last: u64,
}

impl Cutoff {
    pub(super) fn new(limits: &HistoryLimits, end: HistoryEnd, last: u64) -> Self {
        let oldest = OffsetDateTime::now_utc() - limits.age_max;
        let milliseconds = oldest.unix_timestamp_nanos() / 1_000_000;
        Self {
            milliseconds: u64::try_from(milliseconds).unwrap_or_default(),
            bytes: end.bytes.saturating_sub(limits.bytes_max),
            last,
        }
    }

    pub(super) fn removes(&self, number: u64, head: &ChangeHead) -> bool {
        number < self.last
            && (head.milliseconds < self.milliseconds || head.end().bytes <= self.bytes)
    }
}

impl Cutoff {
    /// Returns a cutoff that removes no change with a greater number than this one.
    pub(super) fn up_to(self, number: u64) -> Self {
        Self { last: self.last.min(number + 1), ..self }
    }
}
