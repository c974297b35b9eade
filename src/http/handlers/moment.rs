//! Moments of the history and times in queries.

use time::OffsetDateTime;

use crate::{
    http::{problem::Problem, query_string::wrong_value},
    inventory::{Moment, MomentError, parse_time},
};

/// Parses a moment: the number of a change, or a time.
///
/// # Errors
/// 400 if it is neither, and for a time in the future.
pub(super) fn moment(option: &str, text: &str) -> Result<Moment, Problem> {
    text.parse().map_err(|error| wrong(option, text, error))
}

/// Parses a time that is not in the future.
///
/// # Errors
/// 400.
pub(super) fn past_time(option: &str, text: &str) -> Result<OffsetDateTime, Problem> {
    crate::inventory::past_time(text).map_err(|error| wrong(option, text, error))
}

/// Parses a time: RFC 3339, or a date, which is its first moment in UTC.
///
/// # Errors
/// 400.
pub(super) fn time(option: &str, text: &str) -> Result<OffsetDateTime, Problem> {
    parse_time(text).map_err(|error| wrong(option, text, error))
}

fn wrong(option: &str, text: &str, error: MomentError) -> Problem {
    wrong_value(option, text, &error.to_string())
}
