//! What a cell can hold, and what it is called.

use std::borrow::Cow;
use std::fmt;

use calamine::{ExcelDateTime, ExcelDateTimeType};

use super::read::iso;

/// What a cell holds. A text in it may be borrowed, from a record or from the pipe of a child.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    Empty,
    /// Never empty when it was read: the empty text is [`Cell::Empty`].
    Text(Cow<'a, str>),
    /// Numbers are 64-bit floats in every format; a whole one says so by having no fraction.
    Number(f64),
    Bool(bool),
    Error(CellError),
    /// A point in time, in days since the last of 1899 as Excel counts them, whatever the
    /// workbook counted from.
    Date(f64),
    /// A span of time, in days.
    Duration(f64),
    /// A formula whose value the workbook does not hold, without the `=` before it and as far as
    /// it can be told.
    Formula(Cow<'a, str>),
}

/// What a cell shows when its formula has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellError {
    Null,
    DivisionByZero,
    Value,
    Reference,
    Name,
    Number,
    NotAvailable,
    GettingData,
}

/// What a column is called: `A`, `Z`, `AA`. The first is 0.
pub fn column_name(column: u32) -> String {
    let mut letters = Vec::new();
    let mut left = column + 1;
    while left > 0 {
        letters.push(char::from(b'A' + ((left - 1) % 26) as u8));
        left = (left - 1) / 26;
    }
    letters.into_iter().rev().collect()
}

/// What a cell is called: `C17`. The first row and the first column are 0.
pub fn cell_name(row: u32, column: u32) -> String {
    format!("{}{}", column_name(column), row + 1)
}

/// A point in time as Excel would spell it in ISO 8601, from days since the last of 1899:
/// `2024-01-31`, with `12:30:00` behind it where it is not midnight.
pub fn serial_text(days: f64) -> String {
    let date = ExcelDateTime::new(days, ExcelDateTimeType::DateTime, false);
    let (year, month, day, hour, minute, second, milli) = date.to_ymd_hms_milli();
    let mut text = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second, milli) != (0, 0, 0, 0) {
        text += &format!(" {hour:02}:{minute:02}:{second:02}");
    }
    if milli != 0 {
        text += &format!(".{milli:03}");
    }
    text
}

/// The days that [`serial_text`] would spell so, where there are any.
pub fn text_serial(text: &str) -> Option<f64> {
    let days = iso::date_days(&text.replacen(' ', "T", 1))?;
    (days > 0.0 && serial_text(days) == text).then_some(days)
}

impl<'a> Cell<'a> {
    /// A cell with this text; an empty one where it is empty.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }

    /// The same, with texts of its own.
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
    /// What a person sees in the cell, nearly as Excel shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(true) => f.write_str("TRUE"),
            Self::Bool(false) => f.write_str("FALSE"),
            Self::Error(error) => write!(f, "{error}"),
            Self::Date(days) => f.write_str(&serial_text(*days)),
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
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Null,
        Self::DivisionByZero,
        Self::Value,
        Self::Reference,
        Self::Name,
        Self::Number,
        Self::NotAvailable,
        Self::GettingData,
    ];

    /// What Excel shows: `#REF!`.
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
        }
    }

    /// Its number in BIFF, which our own frames use too.
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
        }
    }

    pub(super) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|error| error.code() == code)
    }
}

impl fmt::Display for CellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
