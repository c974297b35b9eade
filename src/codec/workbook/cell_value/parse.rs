//! Parses a cell by the type of its property.

use std::borrow::Cow;

use super::{
    super::{Cell, format_serial_date, is_time_of_day},
    literal,
};
use crate::model::{Fit, PropertyType, Rule, Value, python};

/// Excel keeps fifteen digits of a number and replaces the others by zeros.
pub(super) const DIGITS_KEPT_MAX: f64 = 1e15;

/// A number from here on that ends in many zeros is probably a text that became `1.2E+10`.
const SCIENTIFIC_MIN: f64 = 1e10;

/// Excel shows a number of more than eleven digits with an exponent and six digits. Read back from
/// that, its last six digits are zeros.
const SCIENTIFIC_STEP: f64 = 1e6;

/// The number of characters of a formula in a message.
const FORMULA_CHARACTERS_MAX: usize = 100;

/// The reason why a cell cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellFault {
    /// A short identifier for scripts.
    pub rule: &'static str,
    /// A sentence for a person, with the next step.
    pub detail: String,
}

impl CellFault {
    fn new(rule: &'static str, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into() }
    }

    /// A cell of another type than the property.
    fn wrong_type(type_: PropertyType, cell: &Cell<'_>) -> Self {
        let found = match cell {
            Cell::Empty => "an empty cell".to_owned(),
            Cell::Text(_) => "text".to_owned(),
            Cell::Number(number) => format!("the number {number}"),
            Cell::Bool(_) => "a boolean".to_owned(),
            Cell::Error(_) => "an error".to_owned(),
            Cell::Date(_) => "a date".to_owned(),
            Cell::Duration(_) => "a duration".to_owned(),
            Cell::Formula(_) => "a formula".to_owned(),
        };
        let hint = match type_ {
            PropertyType::Many(_) => ". Write ['one', 'two'], or [] for an empty list",
            PropertyType::Bool => ". Write TRUE or FALSE",
            PropertyType::Int => ". Write digits, for example 22",
            PropertyType::Name
            | PropertyType::Text
            | PropertyType::Float
            | PropertyType::Any
            | PropertyType::One(_)
            | PropertyType::Secret => "",
        };
        Self::new("type", format!("expected {type_}, found {found}{hint}"))
    }
}

/// Returns the value of a cell for a property of this type, and whether it was converted. `None`
/// for an empty cell. A custom property has the type [`PropertyType::Any`].
///
/// # Errors
/// `CellFault` with the broken rule and a sentence for a person.
pub fn parse_cell(type_: PropertyType, cell: &Cell<'_>) -> Result<Option<(Value, Fit)>, CellFault> {
    match cell {
        Cell::Empty => Ok(None),
        Cell::Text(text) => {
            let trimmed = trimmed(type_, text);
            let fit = if trimmed == text { Fit::Exact } else { Fit::Converted };
            Ok(read_text(type_, trimmed)?.map(|value| (value, fit)))
        }
        Cell::Number(number) => read_number(type_, *number).map(Some),
        Cell::Bool(truth) => match type_ {
            PropertyType::Bool | PropertyType::Any => Ok(Some((Value::Bool(*truth), Fit::Exact))),
            PropertyType::Text | PropertyType::Name | PropertyType::One(_) => {
                Ok(Some((python::bool_str(*truth).into(), Fit::Converted)))
            }
            PropertyType::Int
            | PropertyType::Float
            | PropertyType::Many(_)
            | PropertyType::Secret => Err(CellFault::wrong_type(type_, cell)),
        },
        Cell::Date(days) => match type_ {
            PropertyType::Any => Ok(Some((timestamp(*days), Fit::Converted))),
            _ => {
                let what = if is_time_of_day(*days) { "time" } else { "date" };
                Err(CellFault::new(
                    "date",
                    format!(
                        "the cell contains the {what} {}. The original text is lost. Set the format \
                         of the column to 'Text' and type the value again",
                        format_serial_date(*days)
                    ),
                ))
            }
        },
        Cell::Duration(_) => Err(CellFault::new(
            "duration",
            format!(
                "the cell contains the time {cell}. The original text is lost. Set the format of \
                 the column to 'Text' and type the value again"
            ),
        )),
        Cell::Error(error) => Err(CellFault::new(
            "cell-error",
            format!("the cell contains the error {error}. Correct its formula, or type the value"),
        )),
        Cell::Formula(formula) => Err(CellFault::new(
            "formula",
            format!(
                "the cell contains {}, but the workbook does not contain its result. Open and save \
                 the workbook in a spreadsheet program, or type the value",
                shown_formula(formula)
            ),
        )),
    }
}

/// The text without the white space around it, if it is a name. People do not see such blanks, and
/// another name would be another record. In a quoted text they are kept.
fn trimmed(type_: PropertyType, text: &str) -> &str {
    match type_ {
        PropertyType::Name | PropertyType::One(_) => text.trim(),
        PropertyType::Text
        | PropertyType::Int
        | PropertyType::Bool
        | PropertyType::Float
        | PropertyType::Any
        | PropertyType::Many(_)
        | PropertyType::Secret => text,
    }
}

/// A formula for a message. The text of some formulas is not known.
fn shown_formula(formula: &str) -> String {
    match formula {
        "" => "a formula".to_owned(),
        formula => {
            let shown: String = formula.chars().take(FORMULA_CHARACTERS_MAX).collect();
            format!("the formula ={shown}")
        }
    }
}

/// A date in the format of Python's `isoformat(" ")`. A time of day is a text: YAML has no times.
fn timestamp(days: f64) -> Value {
    let mut text = format_serial_date(days);
    if text.contains('.') {
        // Python counts microseconds.
        text.push_str("000");
    }
    if is_time_of_day(days) { Value::Text(text) } else { Value::Timestamp(text) }
}

fn read_text(type_: PropertyType, text: &str) -> Result<Option<Value>, CellFault> {
    let cell = || Cell::Text(Cow::Borrowed(text));
    let trimmed = text.trim();
    match type_ {
        PropertyType::Name | PropertyType::Text | PropertyType::One(_) | PropertyType::Any => {
            read_plain_text(type_, text).map(Some)
        }
        PropertyType::Int | PropertyType::Bool | PropertyType::Float | PropertyType::Many(_)
            if trimmed.is_empty() =>
        {
            Ok(None)
        }
        PropertyType::Int | PropertyType::Bool | PropertyType::Float | PropertyType::Many(_)
            if trimmed == "None" =>
        {
            Ok(Some(Value::Null))
        }
        PropertyType::Int => {
            let whole = match trimmed.split_once('.') {
                Some((whole, zeros)) if zeros.bytes().all(|byte| byte == b'0') => whole,
                Some(_) | None => trimmed,
            };
            match whole.parse() {
                Ok(number) => Ok(Some(Value::Int(number))),
                Err(_) if is_integer(whole) => {
                    let detail = format!("expected {type_} of at most 64 bits, found {whole}");
                    Err(CellFault::new("type", detail))
                }
                Err(_) => Err(CellFault::wrong_type(type_, &cell())),
            }
        }
        PropertyType::Bool => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(Some(Value::Bool(true))),
            "false" | "0" => Ok(Some(Value::Bool(false))),
            _ => Err(CellFault::wrong_type(type_, &cell())),
        },
        PropertyType::Float => match trimmed.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(Value::Float(number))),
            Ok(_) | Err(_) => match literal::parse(trimmed) {
                Some(Value::Float(number)) => Ok(Some(Value::Float(number))),
                Some(_) | None => Err(CellFault::wrong_type(type_, &cell())),
            },
        },
        PropertyType::Many(_) => match literal::parse(trimmed) {
            Some(Value::List(names) | Value::Tuple(names)) => {
                let is_name = |item: &Value| item.as_text().is_some_and(|name| !name.is_empty());
                match names.iter().find(|item| !is_name(item)) {
                    None => Ok(Some(Value::List(names))),
                    Some(item) => {
                        let is_text = item.as_text().is_some();
                        let found = if is_text { "empty" } else { item.type_name() };
                        let rule = Rule::ListItem { found };
                        Err(CellFault::new(rule.code(), rule.to_string()))
                    }
                }
            }
            Some(_) | None => Err(CellFault::wrong_type(type_, &cell())),
        },
        PropertyType::Secret => Ok(None),
    }
}

/// Returns whether a text has only digits, and perhaps a sign.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns a text, or the value of the literal in it.
fn read_plain_text(type_: PropertyType, text: &str) -> Result<Value, CellFault> {
    if let Some(quoted) = quoted(type_, text) {
        return Ok(Value::Text(quoted));
    }
    if is_null(type_, text) {
        return Ok(Value::Null);
    }
    if is_scientific(text) {
        return Err(scientific(text));
    }
    if let Some(value) = spelled_value(type_, text) {
        return Ok(value);
    }
    Ok(Value::from(text))
}

/// Returns whether the parser reads a cell with this text as another value.
pub(super) fn is_special(type_: PropertyType, text: &str) -> bool {
    text.is_empty()
        || is_null(type_, text)
        || is_scientific(text)
        || trimmed(type_, text) != text
        || spelled_value(type_, text).is_some()
        || quoted(type_, text).is_some()
}

/// Returns the text between quotes, if that text without quotes is parsed to another value.
fn quoted(type_: PropertyType, text: &str) -> Option<String> {
    if !text.starts_with(['"', '\'']) {
        return None;
    }
    literal::parse_text(text).filter(|inner| is_special(type_, inner))
}

/// Returns whether a text stands for null. A name is never null.
fn is_null(type_: PropertyType, text: &str) -> bool {
    text == "None" && type_ != PropertyType::Name
}

/// Parses a text in a custom property as a literal.
fn spelled_value(type_: PropertyType, text: &str) -> Option<Value> {
    const BEGINNINGS: [&str; 8] = ["[", "(", "{", "b'", "b\"", "float(", "int(", "datetime("];
    if type_ != PropertyType::Any || !BEGINNINGS.iter().any(|begin| text.starts_with(begin)) {
        return None;
    }
    literal::parse(text)
}

/// Returns whether a text is a long number in the form of Excel: `1.2E+10`.
fn is_scientific(text: &str) -> bool {
    let number = text.strip_prefix(['-', '+']).unwrap_or(text);
    // Every text of a workbook comes here. Searching for one character is faster than for two.
    let Some((digits, exponent)) = number.split_once('E') else { return false };
    let Some(exponent) = exponent.strip_prefix('+') else { return false };
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
    whole.len() == 1
        && all_digits(whole)
        && all_digits(fraction)
        && exponent.len() >= 2
        && all_digits(exponent)
}

fn scientific(shown: &str) -> CellFault {
    CellFault::new(
        "scientific",
        format!(
            "the cell contains {shown}: a spreadsheet program has probably converted a longer text \
             to this number. Set the format of the column to 'Text' and type the text again. If {shown} \
             is correct, put it in quotes (\"{shown}\")"
        ),
    )
}

fn read_number(type_: PropertyType, number: f64) -> Result<(Value, Fit), CellFault> {
    let wrong = || CellFault::wrong_type(type_, &Cell::Number(number));
    let is_whole = number.fract() == 0.0;
    match type_ {
        PropertyType::Name | PropertyType::Text | PropertyType::One(_) => {
            if !number.is_finite() {
                return Err(wrong());
            }
            if is_whole && number.abs() >= DIGITS_KEPT_MAX {
                return Err(too_many_digits());
            }
            if is_whole && number.abs() >= SCIENTIFIC_MIN && number % SCIENTIFIC_STEP == 0.0 {
                return Err(scientific(&shown_scientific(number)));
            }
            // Below the limit an integer is exact, and so is its text.
            let text =
                if is_whole { (number as i64).to_string() } else { python::float_repr(number) };
            Ok((Value::Text(text), Fit::Converted))
        }
        PropertyType::Int if !is_whole => {
            let detail = format!("expected an integer, found {number}");
            Err(CellFault::new("fraction", detail))
        }
        PropertyType::Int | PropertyType::Any if is_whole => {
            if number.abs() >= DIGITS_KEPT_MAX {
                return Err(too_many_digits());
            }
            Ok((Value::Int(number as i64), Fit::Exact))
        }
        PropertyType::Bool => match number {
            0.0 => Ok((Value::Bool(false), Fit::Exact)),
            1.0 => Ok((Value::Bool(true), Fit::Exact)),
            _ => Err(wrong()),
        },
        PropertyType::Float | PropertyType::Int | PropertyType::Any => {
            Ok((Value::Float(number), Fit::Exact))
        }
        PropertyType::Many(_) | PropertyType::Secret => Err(wrong()),
    }
}

/// An integer, for example of an ICCID, whose last digits a spreadsheet program has replaced.
fn too_many_digits() -> CellFault {
    CellFault::new(
        "digits",
        "the number has more than 15 digits, and spreadsheet programs replace the others by zeros. \
         Set the format of the column to 'Text' and type the number again",
    )
}

/// A long number in the form of Excel.
fn shown_scientific(number: f64) -> String {
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{digits}E+{exponent:0>2}"),
        None => text,
    }
}
