//! Dates and durations in ISO 8601, the format of `.ods`.

use time::format_description::BorrowedFormatItem;
use time::macros::{datetime, format_description};
use time::{Date, PrimitiveDateTime};

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const DATE_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond]]]");
/// Day 0 of Excel. It is a day earlier than it would be without Excel's 29 February 1900, a day that
/// did not exist.
const DAY_0: PrimitiveDateTime = datetime!(1899-12-30 0:00);

const DAY_SECONDS: f64 = 86_400.0;

/// Days since Excel's day 0. `None` if the text is not a date.
pub(super) fn date_days(text: &str) -> Option<f64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let date = PrimitiveDateTime::parse(text, DATE_TIME).ok();
    let date = date.or_else(|| Date::parse(text, DATE).ok().map(Date::midnight))?;
    Some((date - DAY_0).as_seconds_f64() / DAY_SECONDS)
}

/// The days of a duration such as `PT12H30M15.5S`. `None` if the text is not a duration.
pub(super) fn duration_days(text: &str) -> Option<f64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1.0, text),
        None => (1.0, text),
    };
    let (days, mut rest) = text.strip_prefix('P')?.split_once('T')?;
    let mut seconds = match days {
        "" => 0.0,
        days => days.strip_suffix('D')?.parse::<u32>().ok().map(f64::from)? * DAY_SECONDS,
    };
    if rest.is_empty() {
        return None;
    }
    for (unit, unit_seconds) in [('H', 3_600.0), ('M', 60.0), ('S', 1.0)] {
        if let Some((number, after)) = rest.split_once(unit) {
            let is_number = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            seconds += number.parse::<f64>().ok().filter(|_| is_number)? * unit_seconds;
            rest = after;
        }
    }
    rest.is_empty().then_some(sign * seconds / DAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_days_since_the_day_0_of_excel() {
        assert_eq!(date_days("2024-01-31"), Some(45_322.0));
        assert_eq!(date_days("2024-01-31T12:00:00"), Some(45_322.5));
        assert_eq!(date_days("2024-01-31T06:00:00.000000000"), Some(45_322.25));
        for text in ["", "2024", "2024-13-01", "31.1.2024", "2024-01-31T"] {
            assert_eq!(date_days(text), None, "{text}");
        }
    }

    #[test]
    fn durations_become_days() {
        assert_eq!(duration_days("PT12H00M00S"), Some(0.5));
        assert_eq!(duration_days("-PT36H"), Some(-1.5));
        assert_eq!(duration_days("P1DT6H"), Some(1.25));
        for text in ["", "PT", "P1D", "PT5", "PTxS", "PT-5S", "PT5S5H", "PTinfS"] {
            assert_eq!(duration_days(text), None, "{text}");
        }
    }
}
