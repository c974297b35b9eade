//! The numbers of changes and the times in arguments. A wrong one is refused as a wrong argument.

use crate::inventory::{self, Moment, MomentError};

/// Parses the number of a change.
pub(super) fn change_number(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "the number of a change is expected, as `satchel history` shows it")
}

/// Returns a moment unchanged: the number of a change, or a time that is not in the future.
pub(super) fn moment(text: &str) -> Result<String, MomentError> {
    text.parse::<Moment>().map(|_| text.to_owned())
}

/// Returns a time that is not in the future unchanged.
pub(super) fn past_time(text: &str) -> Result<String, MomentError> {
    inventory::past_time(text).map(|_| text.to_owned())
}

/// Returns a time unchanged.
pub(super) fn time(text: &str) -> Result<String, MomentError> {
    inventory::parse_time(text).map(|_| text.to_owned())
}
