//! The time for the expressions of a search within one record.

use std::time::{Duration, Instant};

use crate::{inventory::InventoryError, model::OutOfTime};

/// The longest time in which the expressions of a search are compared with one record. The longest text, 64 MiB,
/// takes 0.3 s if the expression is not slow.
const RECORD_TIME_MAX: Duration = Duration::from_secs(10);

/// The end of the time for a record whose comparison begins now.
pub(super) fn end_of_record() -> Instant {
    Instant::now() + RECORD_TIME_MAX
}

/// The error of a comparison that did not end in its time.
pub(super) fn too_slow(_: OutOfTime) -> InventoryError {
    InventoryError::SearchTooSlow { seconds: RECORD_TIME_MAX.as_secs() }
}
