//! Dates and times: parses PyYAML's formats, and writes Python's `isoformat(" ")`.

use time::{Date, Duration, Month, PrimitiveDateTime, Time};

/// Returns whether PyYAML's resolver reads a plain text as a timestamp. A date without a time needs
/// two digits for month and day; with a time one is enough.
pub(super) fn looks_like_timestamp(text: &str) -> bool {
    if !text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    match Parts::of(text) {
        Some(parts) => parts.clock.is_some() || text.len() == "2001-12-31".len(),
        None => false,
    }
}

/// Returns a timestamp as Python's `isoformat(" ")` writes the value that PyYAML constructs:
/// `2001-12-31`, `2001-12-31 23:59:59.500000+01:00`. `None` if the date or time does not exist.
pub(super) fn parse_timestamp(text: &str) -> Option<String> {
    let parts = Parts::of(text)?;
    let (year, month, day) = parts.date;
    if year == 0 {
        return None;
    }
    let month_of_year = Month::try_from(month).ok()?;
    Date::from_calendar_date(i32::from(year), month_of_year, day).ok()?;
    let date = format!("{year:04}-{month:02}-{day:02}");
    let Some(clock) = parts.clock else { return Some(date) };
    if clock.hour > 23 || clock.minute > 59 || clock.second > 59 {
        return None;
    }
    let mut text = format!("{date} {:02}:{:02}:{:02}", clock.hour, clock.minute, clock.second);
    if clock.microseconds > 0 {
        text.push_str(&format!(".{:06}", clock.microseconds));
    }
    if let Some(minutes) = clock.offset_minutes {
        if minutes.abs() >= 24 * 60 {
            return None;
        }
        let sign = if minutes < 0 { '-' } else { '+' };
        text.push_str(&format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60));
    }
    Some(text)
}

/// A date or time as Python compares it: dates only with dates, and times with an offset only with
/// others that have one.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) enum Moment {
    Date(Date),
    Local(PrimitiveDateTime),
    Universal(PrimitiveDateTime),
}

/// Parses a timestamp for comparison.
pub(super) fn moment(text: &str) -> Option<Moment> {
    let parts = Parts::of(text)?;
    let (year, month, day) = parts.date;
    let date = Date::from_calendar_date(year.into(), Month::try_from(month).ok()?, day).ok()?;
    let Some(clock) = parts.clock else { return Some(Moment::Date(date)) };
    let time =
        Time::from_hms_micro(clock.hour, clock.minute, clock.second, clock.microseconds).ok()?;
    let local = PrimitiveDateTime::new(date, time);
    match clock.offset_minutes {
        None => Some(Moment::Local(local)),
        Some(minutes) => {
            local.checked_sub(Duration::minutes(minutes.into())).map(Moment::Universal)
        }
    }
}

/// The fields of a timestamp, not yet checked against the calendar.
struct Parts {
    date: (u16, u8, u8),
    clock: Option<Clock>,
}

struct Clock {
    hour: u8,
    minute: u8,
    second: u8,
    microseconds: u32,
    offset_minutes: Option<i32>,
}

impl Parts {
    /// Splits a timestamp like PyYAML's `timestamp_regexp`.
    fn of(text: &str) -> Option<Self> {
        let mut rest = Rest(text.as_bytes());
        let year = rest.digits(4, 4)? as u16;
        rest.expect(b'-')?;
        let month = rest.digits(1, 2)? as u8;
        rest.expect(b'-')?;
        let day = rest.digits(1, 2)? as u8;
        let date = (year, month, day);
        if rest.0.is_empty() {
            return Some(Self { date, clock: None });
        }
        if rest.expect(b'T').or_else(|| rest.expect(b't')).is_none() && rest.blanks() == 0 {
            return None;
        }
        let hour = rest.digits(1, 2)? as u8;
        rest.expect(b':')?;
        let minute = rest.digits(2, 2)? as u8;
        rest.expect(b':')?;
        let second = rest.digits(2, 2)? as u8;
        let microseconds = if rest.expect(b'.').is_some() { rest.fraction() } else { 0 };
        let blanks = rest.blanks();
        let offset_minutes = rest.offset(blanks)?;
        let clock = Clock { hour, minute, second, microseconds, offset_minutes };
        rest.0.is_empty().then_some(Self { date, clock: Some(clock) })
    }
}

/// The rest of a text that is being parsed.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn expect(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == byte).then(|| self.0 = rest)
    }

    fn digits(&mut self, count_min: usize, count_max: usize) -> Option<u32> {
        let count = self.0.iter().take(count_max).take_while(|b| b.is_ascii_digit()).count();
        if count < count_min {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        Some(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    fn blanks(&mut self) -> usize {
        let count = self.0.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        self.0 = &self.0[count..];
        count
    }

    /// Parses microseconds. Digits after the sixth are ignored.
    fn fraction(&mut self) -> u32 {
        let count = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        let six = digits.iter().copied().chain(std::iter::repeat(b'0')).take(6);
        six.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    }

    /// Parses the offset in minutes: `Some(None)` if there is none, `None` if the text is invalid.
    fn offset(&mut self, blanks_before: usize) -> Option<Option<i32>> {
        if self.0.is_empty() {
            return (blanks_before == 0).then_some(None);
        }
        if self.expect(b'Z').is_some() {
            return Some(Some(0));
        }
        let sign = if self.expect(b'-').is_some() {
            -1
        } else {
            self.expect(b'+')?;
            1
        };
        let hours = self.digits(1, 2)? as i32;
        let minutes = if self.expect(b':').is_some() { self.digits(2, 2)? as i32 } else { 0 };
        Some(Some(sign * (hours * 60 + minutes)))
    }
}
