//! The value of a cell, and the address of a cell.

use std::borrow::Cow;
use std::fmt;

use calamine::{ExcelDateTime, ExcelDateTimeType};

use super::iso;

/// The value of a cell. A text can be borrowed from a record or from a frame of the child process.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// No value. The cell can have a style.
    Empty,
    /// A text. Cells that were read are never the empty text: they are [`Cell::Empty`].
    Text(Cow<'a, str>),
    /// A number. Every format stores numbers as 64-bit floats. An integer is a number without a
    /// fraction.
    Number(f64),
    /// A boolean, which Excel shows as `TRUE` or `FALSE`.
    Bool(bool),
    /// A formula whose calculation failed.
    Error(CellError),
    /// A date and time in days since 1899-12-31, as Excel counts them, even if the workbook counts
    /// from 1904.
    Date(f64),
    /// A duration, in days.
    Duration(f64),
    /// A formula whose value is not in the workbook, without the `=`. Its text can be incomplete.
    Formula(Cow<'a, str>),
}

/// The error of a formula that has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellError {
    /// `#NULL!`: the intersection of two ranges is empty.
    Null,
    /// `#DIV/0!`: a division by zero.
    DivisionByZero,
    /// `#VALUE!`: an argument has the wrong type.
    Value,
    /// `#REF!`: the formula refers to a deleted cell.
    Reference,
    /// `#NAME?`: the formula uses an unknown name.
    Name,
    /// `#NUM!`: a number is invalid, or too large for a cell.
    Number,
    /// `#N/A`: a lookup found no value.
    NotAvailable,
    /// `#GETTING_DATA`: an external source had not answered yet when the workbook was saved.
    GettingData,
    /// `#SPILL!`: the result of a formula does not fit between other cells.
    Spill,
    /// `#CALC!`: the calculation is not supported.
    Calculation,
    /// `#FIELD!`: a linked value has no such field.
    Field,
    /// `#BLOCKED!`: access to a source is blocked.
    Blocked,
    /// `#CONNECT!`: a service cannot be reached.
    Connection,
    /// `#BUSY!`: the calculation had not ended when the workbook was saved.
    Busy,
    /// Any other error, for example `Err:502` of LibreOffice.
    Unknown,
}

/// Returns the letters of a column: `A`, `Z`, `AA`. Columns count from 0.
pub fn column_name(column: u32) -> String {
    let mut letters = Vec::new();
    let mut left = column + 1;
    while left > 0 {
        letters.push(char::from(b'A' + ((left - 1) % 26) as u8));
        left = (left - 1) / 26;
    }
    letters.into_iter().rev().collect()
}

/// Returns the address of a cell: `C17`. Rows and columns count from 0.
pub fn cell_name(row: u32, column: u32) -> String {
    format!("{}{}", column_name(column), row + 1)
}

/// Returns whether a date has a time of day only. Excel counts days from 1, so day 0 is no date.
pub fn is_time_of_day(days: f64) -> bool {
    (0.0..1.0).contains(&days)
}

/// Returns days since 1899-12-31 as a date: `2024-01-31`, with the time after it unless it is
/// midnight: `2024-01-31 12:30:00`. Day 0 is only a time: `12:30:00`.
pub fn format_serial_date(days: f64) -> String {
    let date = ExcelDateTime::new(days, ExcelDateTimeType::DateTime, false);
    let (year, month, day, hour, minute, second, milli) = date.to_ymd_hms_milli();
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    // The last half of a millisecond is rounded up to the next day.
    let mut text = if is_time_of_day(days) && (day, milli) != (1, 0) {
        time
    } else if (hour, minute, second, milli) == (0, 0, 0, 0) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02} {time}")
    };
    if milli != 0 {
        text += &format!(".{milli:03}");
    }
    text
}

/// Parses the output of [`format_serial_date`] back to days. `None` for any other text.
pub fn parse_serial_date(text: &str) -> Option<f64> {
    let days = iso::date_days(&text.replacen(' ', "T", 1))?;
    (days > 0.0 && format_serial_date(days) == text).then_some(days)
}

impl<'a> Cell<'a> {
    /// Returns a cell with this text, or [`Cell::Empty`] if it is empty.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }

    /// Returns whether the cell is empty or has only blanks.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::Number(_)
            | Self::Bool(_)
            | Self::Error(_)
            | Self::Date(_)
            | Self::Duration(_)
            | Self::Formula(_) => false,
        }
    }

    /// Copies a borrowed text.
    pub fn into_owned(self) -> Cell<'static> {
        match self {
            Self::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
            Self::Formula(text) => Cell::Formula(Cow::Owned(text.into_owned())),
            Self::Empty => Cell::Empty,
            Self::Number(number) => Cell::Number(number),
            Self::Bool(value) => Cell::Bool(value),
            Self::Error(error) => Cell::Error(error),
            Self::Date(days) => Cell::Date(days),
            Self::Duration(days) => Cell::Duration(days),
        }
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl fmt::Display for Cell<'_> {
    /// Writes the value in nearly the same form as Excel.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(true) => f.write_str("TRUE"),
            Self::Bool(false) => f.write_str("FALSE"),
            Self::Error(error) => write!(f, "{error}"),
            Self::Date(days) => f.write_str(&format_serial_date(*days)),
            Self::Duration(days) => {
                let seconds = (days * 86_400.0).round() as i64;
                let sign = if seconds < 0 { "-" } else { "" };
                let seconds = seconds.unsigned_abs();
                let (minutes, second) = (seconds / 60, seconds % 60);
                write!(f, "{sign}{}:{:02}:{second:02}", minutes / 60, minutes % 60)
            }
            Self::Formula(formula) => write!(f, "={formula}"),
        }
    }
}

impl CellError {
    /// Every error.
    pub const ALL: [Self; 15] = [
        Self::Null,
        Self::DivisionByZero,
        Self::Value,
        Self::Reference,
        Self::Name,
        Self::Number,
        Self::NotAvailable,
        Self::GettingData,
        Self::Spill,
        Self::Calculation,
        Self::Field,
        Self::Blocked,
        Self::Connection,
        Self::Busy,
        Self::Unknown,
    ];

    /// The text that Excel shows: `#REF!`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Null => "#NULL!",
            Self::DivisionByZero => "#DIV/0!",
            Self::Value => "#VALUE!",
            Self::Reference => "#REF!",
            Self::Name => "#NAME?",
            Self::Number => "#NUM!",
            Self::NotAvailable => "#N/A",
            Self::GettingData => "#GETTING_DATA",
            Self::Spill => "#SPILL!",
            Self::Calculation => "#CALC!",
            Self::Field => "#FIELD!",
            Self::Blocked => "#BLOCKED!",
            Self::Connection => "#CONNECT!",
            Self::Busy => "#BUSY!",
            Self::Unknown => "#UNKNOWN!",
        }
    }

    /// The number of the error in frames. For the errors of BIFF it is that of BIFF records.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Null => 0x00,
            Self::DivisionByZero => 0x07,
            Self::Value => 0x0F,
            Self::Reference => 0x17,
            Self::Name => 0x1D,
            Self::Number => 0x24,
            Self::NotAvailable => 0x2A,
            Self::GettingData => 0x2B,
            Self::Spill => 0x80,
            Self::Calculation => 0x81,
            Self::Field => 0x82,
            Self::Blocked => 0x83,
            Self::Connection => 0x84,
            Self::Busy => 0x85,
            Self::Unknown => 0x86,
        }
    }

    /// Returns whether BIFF has the error (MS-XLS 2.5.10). Every format has these errors.
    pub(super) fn is_in_biff(self) -> bool {
        match self {
            Self::Null
            | Self::DivisionByZero
            | Self::Value
            | Self::Reference
            | Self::Name
            | Self::Number
            | Self::NotAvailable
            | Self::GettingData => true,
            Self::Spill
            | Self::Calculation
            | Self::Field
            | Self::Blocked
            | Self::Connection
            | Self::Busy
            | Self::Unknown => false,
        }
    }

    /// The number of the error in BIFF records: that of `#VALUE!` for newer errors, as Excel writes
    /// them.
    pub(super) fn biff_code(self) -> u8 {
        if self.is_in_biff() { self.code() } else { Self::Value.code() }
    }

    /// The error with this number in BIFF records.
    pub(super) fn of_biff_code(code: u8) -> Option<Self> {
        Self::of_code(code).filter(|error| error.is_in_biff())
    }

    /// The error that a cell shows as this text. `None` for other texts.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|error| error.word() == text);
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let is_word = |text: &str| {
            text.len() > 1 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        };
        let is_like_one = text.strip_prefix("Err:").is_some_and(is_digits)
            || text.strip_prefix('#').and_then(|text| text.strip_suffix('!')).is_some_and(is_word);
        known.or(is_like_one.then_some(Self::Unknown))
    }

    /// The error with this number in frames.
    pub(super) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|error| error.code() == code)
    }
}

impl fmt::Display for CellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
