//! Moments of the history, as users write them: the number of a change, a date or a time.

use std::str::FromStr;

use time::{
    Date, Duration, OffsetDateTime, PrimitiveDateTime, format_description::well_known::Rfc3339,
    macros::format_description,
};

/// The longest time in the future that is taken for a difference of two clocks. A later one is a wrong
/// day, month or year.
const CLOCK_DIFFERENCE_MAX: Duration = Duration::days(1);

/// The length of a date, in characters.
const DATE_CHARS: usize = 10;

/// A moment of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After the change with this number.
    Change(u64),
    /// After the last change at this time or earlier.
    Time(OffsetDateTime),
}

/// The reason why a text is not a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// It is a time without a time zone.
    #[error("it has no time zone; append “Z” for UTC, or an offset such as “+01:00”")]
    NoZone,
    /// It is in the future.
    #[error("it is in the future")]
    Future,
    /// It has only digits and is larger than the number of any change.
    #[error("the number of a change is at most {}", u64::MAX)]
    LargeNumber,
    /// It is neither the number of a change nor a time.
    #[error("the number of a change, a date or a time such as 2026-11-27T16:20:00Z is expected")]
    NoMoment,
    /// It is not a time.
    #[error("a date or a time such as 2026-11-27T16:20:00Z is expected")]
    NoTime,
}

impl FromStr for Moment {
    type Err = MomentError;

    /// Parses the number of a change, or a time that is not in the future.
    fn from_str(text: &str) -> Result<Self, MomentError> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::Change).map_err(|_| MomentError::LargeNumber);
        }
        match past_time(text) {
            Ok(time) => Ok(Self::Time(time)),
            Err(MomentError::NoTime) => Err(MomentError::NoMoment),
            Err(other) => Err(other),
        }
    }
}

/// Parses a time that is not in the future, as [`parse_time`].
///
/// # Errors
/// [`MomentError::NoZone`], [`MomentError::NoTime`] or [`MomentError::Future`].
pub fn past_time(text: &str) -> Result<OffsetDateTime, MomentError> {
    let time = parse_time(text)?;
    if time - OffsetDateTime::now_utc() > CLOCK_DIFFERENCE_MAX {
        return Err(MomentError::Future);
    }
    Ok(time)
}

/// Parses a time: RFC 3339, or a date, which is its first moment in UTC.
///
/// # Errors
/// [`MomentError::NoZone`] or [`MomentError::NoTime`].
pub fn parse_time(text: &str) -> Result<OffsetDateTime, MomentError> {
    if let Ok(date) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
        return Ok(date.midnight().assume_utc());
    }
    // A `+` in a query is a space. A space between the date and the time stays.
    let mut rfc3339 = text.to_owned();
    if let Some(space) = text.rfind(' ').filter(|space| *space > DATE_CHARS) {
        rfc3339.replace_range(space..=space, "+");
    }
    if let Ok(time) = OffsetDateTime::parse(&rfc3339, &Rfc3339) {
        return Ok(time);
    }
    let without_zone = PrimitiveDateTime::parse(&format!("{text}Z"), &Rfc3339);
    Err(if without_zone.is_ok() { MomentError::NoZone } else { MomentError::NoTime })
}

#[cfg(test)]
mod tests {
    use time::{UtcOffset, macros::datetime};

    use super::*;

    #[test]
    fn times_have_a_zone() {
        let parsed = |text| parse_time(text).map(|time| time.to_offset(UtcOffset::UTC));
        assert_eq!(parsed("2026-11-27"), Ok(datetime!(2026-11-27 0:00 UTC)));
        assert_eq!(parsed("2026-11-27T10:00:00Z"), Ok(datetime!(2026-11-27 10:00 UTC)));
        // A form decodes the `+` of an offset to a space.
        assert_eq!(parsed("2026-11-27T10:00:00 01:00"), Ok(datetime!(2026-11-27 9:00 UTC)));
        assert_eq!(parsed("2026-11-27T10:00:00+01:00"), Ok(datetime!(2026-11-27 9:00 UTC)));
        assert_eq!(parsed("2026-11-27T10:00:00"), Err(MomentError::NoZone));
        for wrong in ["", "-1", "now", "2026-13-01", "2026-11-27T25:00:00Z", "27.11.2026"] {
            assert_eq!(parsed(wrong), Err(MomentError::NoTime), "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_not_in_the_future() {
        let now = OffsetDateTime::now_utc();
        let text = |time: OffsetDateTime| time.format(&Rfc3339).unwrap();
        assert_eq!("7".parse(), Ok(Moment::Change(7)));
        assert!(text(now + Duration::minutes(1)).parse::<Moment>().is_ok());
        assert_eq!(past_time(&text(now + Duration::days(2))), Err(MomentError::Future));
        for (wrong, reason) in [
            (&*text(now + Duration::days(400)), MomentError::Future),
            ("99999999999999999999", MomentError::LargeNumber),
            ("2026-11-27T10:00:00", MomentError::NoZone),
            ("-1", MomentError::NoMoment),
            ("", MomentError::NoMoment),
        ] {
            assert_eq!(wrong.parse::<Moment>(), Err(reason), "{wrong}");
        }
    }
}
