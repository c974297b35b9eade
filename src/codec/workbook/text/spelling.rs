//! Parses a cell by the type of its property, and writes a value as a cell that parses to the same
//! value and type.
//!
//! # The rules
//!
//! | property | cell |
//! |---|---|
//! | any | empty: the property is absent; the text `None`: null, except in a name |
//! | text, name, end of a link | the text as it is, without the white space around a name; a number as its digits (22, not 22.0) |
//! | integer | a number without a fraction, or the text of one (`22`, `22.0`) |
//! | boolean | a boolean; 1 and 0; `true` and `false` in any case |
//! | list of names | `['a', 'b']` |
//! | custom | a number, a boolean or a date; a text, with the exceptions below |
//!
//! In a custom property, a text that is the literal of a list, map, tuple, `b'…'`, `float(…)`,
//! `int(…)` or `datetime(…)` (see [`super::literal`]) is that value. A **quoted** text (`"None"`,
//! `"1.2E+10"`, `""`, `"[1, 2]"`) is the text between the quotes, if that text without quotes would
//! be another value. Any other text in quotes keeps its quotes.
//!
//! A value that Excel changed is an error, because the typed text is lost: `1.2E+10`, an integer
//! of more than 15 digits, a date in a text property. A cell with an error, a formula without a value
//! and a duration are errors too.
//!
//! A cell cannot represent two things:
//!
//! - An empty text whose property would show the same when absent becomes an empty cell, and is read
//!   as absent.
//! - Two properties that share one object (YAML anchors) become two objects.

use std::borrow::Cow;

use super::{
    super::{Cell, format_serial_date, is_time_of_day, parse_serial_date},
    literal,
};
use crate::model::{Fit, PropertyDefault, PropertyType, Rule, Value, View, python};

/// Excel keeps fifteen digits of a number and replaces the others by zeros.
const DIGITS_KEPT_MAX: f64 = 1e15;

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
            Cell::Text(_) => "a text".to_owned(),
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

/// Whether a cell with this text is parsed to another value than this text.
fn is_special(type_: PropertyType, text: &str) -> bool {
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

/// Whether a text means null. A name is never null.
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

/// Whether a text is a long number in the form of Excel: `1.2E+10`.
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

/// Returns the cell of a property. [`parse_cell`] parses it to the same value again.
pub fn spell_cell<'a>(type_: PropertyType, default: PropertyDefault, view: &View<'a>) -> Cell<'a> {
    match view {
        View::Null => Cell::from("None"),
        View::Bool(truth) => Cell::Bool(*truth),
        View::Int(number) => match exact(*number) {
            Some(number) => Cell::Number(number),
            None => Cell::from(number.to_string()),
        },
        View::Float(number) if number.is_finite() => Cell::Number(*number),
        View::Float(number) => Cell::from(literal::spell(&Value::Float(*number))),
        View::Text("") if shows_empty(type_, default) => Cell::Empty,
        View::Text(text) => text_cell(type_, text),
        View::Texts(names) => {
            let names = names.iter().map(|name| Value::from(*name)).collect();
            Cell::from(literal::spell(&Value::List(names)))
        }
        View::Value(value) => value_cell(value.plain()),
    }
}

/// Whether an absent property is shown like the empty text.
fn shows_empty(type_: PropertyType, default: PropertyDefault) -> bool {
    matches!(type_, PropertyType::One(_)) || default == PropertyDefault::Text("")
}

fn text_cell(type_: PropertyType, text: &str) -> Cell<'_> {
    if is_special(type_, text) { Cell::from(literal::spell_text(text)) } else { Cell::from(text) }
}

/// The cell of the value of a custom property.
fn value_cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::from("None"),
        Value::Bool(truth) => Cell::Bool(*truth),
        Value::Int(number) => match exact(*number) {
            Some(number) => Cell::Number(number),
            None => Cell::from(format!("int({number})")),
        },
        Value::BigInt(number) => Cell::from(format!("int({number})")),
        Value::Float(number) if !number.is_finite() => Cell::from(literal::spell(value)),
        // A number without a fraction would be parsed to an integer.
        Value::Float(number) if number.fract() == 0.0 => {
            Cell::from(format!("float({})", python::float_repr(*number)))
        }
        Value::Float(number) => Cell::Number(*number),
        Value::Text(text) => text_cell(PropertyType::Any, text),
        Value::Timestamp(text) => match parse_serial_date(text) {
            Some(days) => Cell::Date(days),
            None => Cell::from(literal::spell(value)),
        },
        Value::Binary(_) | Value::List(_) | Value::Tuple(_) | Value::Map(_) => {
            Cell::from(literal::spell(value))
        }
        Value::Shared(shared) => value_cell(&shared.value),
    }
}

/// The number as a cell holds it. `None` if a spreadsheet program would not keep all its digits.
fn exact(number: i64) -> Option<f64> {
    let in_cell = number as f64;
    (in_cell.abs() < DIGITS_KEPT_MAX).then_some(in_cell)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::literal::tests::values, *};
    use crate::{
        codec::workbook::CellError,
        model::{Kind, Target},
    };

    const TEXT: PropertyType = PropertyType::Text;
    const MANY: PropertyType = PropertyType::Many(Target::Kind(Kind::Group));

    fn value(type_: PropertyType, cell: impl Into<Cell<'static>>) -> Value {
        parse_cell(type_, &cell.into()).unwrap().unwrap().0
    }

    fn rule(type_: PropertyType, cell: impl Into<Cell<'static>>) -> &'static str {
        parse_cell(type_, &cell.into()).unwrap_err().rule
    }

    #[test]
    fn a_number_is_parsed_by_the_type_of_the_property() {
        let number = Cell::Number;
        assert_eq!(value(PropertyType::Int, number(22.0)), Value::Int(22));
        assert_eq!(value(PropertyType::Int, "22"), Value::Int(22));
        assert_eq!(value(PropertyType::Int, " 22.0 "), Value::Int(22));
        assert_eq!(rule(PropertyType::Int, number(22.5)), "fraction");
        for text in ["22.5", "x", "0x16", "2e1", "99999999999999999999", ".", "-"] {
            assert_eq!(rule(PropertyType::Int, text), "type", "{text}");
        }
        assert_eq!(rule(PropertyType::Int, Cell::Bool(true)), "type");
        assert_eq!(rule(PropertyType::Int, number(1e300)), "digits");

        for (cell, text) in [
            (number(22.0), "22"),
            (number(-90.18481), "-90.18481"),
            (number(123_456_789_012.0), "123456789012"),
            (number(1_000_000.0), "1000000"),
            (Cell::Bool(true), "True"),
            ("22.0".into(), "22.0"),
            (" x ".into(), " x "),
        ] {
            assert_eq!(value(TEXT, cell), Value::from(text));
        }
        assert_eq!(rule(TEXT, number(1.2e10)), "scientific");
        assert_eq!(rule(TEXT, number(1.234_57e11)), "scientific");
        assert_eq!(rule(TEXT, number(1e15)), "digits");
        assert_eq!(rule(TEXT, number(f64::INFINITY)), "type");

        let any = PropertyType::Any;
        assert_eq!(value(any, number(22.0)), Value::Int(22));
        assert_eq!(value(any, number(22.5)), Value::Float(22.5));
        assert_eq!(value(any, number(999_999_999_999_999.0)), Value::Int(999_999_999_999_999));
        assert_eq!(rule(any, number(1e15)), "digits");
        assert_eq!(rule(any, number(8.93407110027698e18)), "digits");
        let time = value(any, Cell::Date(0.5 + 1.0 / 48.0));
        assert_eq!(time, Value::from("12:30:00"));
        assert_eq!(rule(TEXT, Cell::Date(0.25)), "date");
        assert_eq!(value(any, "22"), Value::from("22"));
        assert_eq!(value(any, "True"), Value::from("True"));
    }

    #[test]
    fn a_number_damaged_by_excel_is_refused_unless_quoted() {
        for text in ["1.2E+10", "1E+15", "-1,5E+11", "+9.99999E+300"] {
            for type_ in [TEXT, PropertyType::Name, PropertyType::Any] {
                assert_eq!(rule(type_, text), "scientific", "{text}");
                assert_eq!(value(type_, format!("\"{text}\"")), Value::from(text));
            }
        }
        for text in ["1E10", "12E+10", "1.E+10", "E+10", "1.2E+1", "1.2E+10x", "1e+10", "R 1%"] {
            assert_eq!(value(TEXT, text), Value::from(text));
        }
        let wrong = parse_cell(TEXT, &Cell::Number(1.2e10)).unwrap_err();
        assert!(wrong.detail.contains("1.2E+10"), "{}", wrong.detail);
    }

    #[test]
    fn cells_without_a_value_have_a_rule() {
        for type_ in [TEXT, PropertyType::Int, PropertyType::Any, MANY] {
            assert_eq!(rule(type_, Cell::Error(CellError::Reference)), "cell-error");
            assert_eq!(rule(type_, Cell::Formula("A1".into())), "formula");
            assert_eq!(rule(type_, Cell::Duration(0.5)), "duration");
        }
        let detail = parse_cell(TEXT, &Cell::Error(CellError::Reference)).unwrap_err().detail;
        assert!(detail.contains("#REF!"), "{detail}");
        assert_eq!(rule(TEXT, Cell::Date(45_322.0)), "date");
        assert_eq!(rule(PropertyType::Int, Cell::Date(45_322.0)), "date");
        let date = value(PropertyType::Any, Cell::Date(45_322.5));
        assert_eq!(date, Value::Timestamp("2024-01-31 12:00:00".to_owned()));
    }

    #[test]
    fn booleans_and_lists_are_parsed() {
        let truths = ["True", "true", "TRUE", " true ", "1"].map(Cell::from);
        for cell in truths.into_iter().chain([Cell::Bool(true), Cell::Number(1.0)]) {
            assert_eq!(value(PropertyType::Bool, cell), Value::Bool(true));
        }
        // eNMS reads this as true.
        assert_eq!(value(PropertyType::Bool, "False"), Value::Bool(false));
        for cell in [Cell::from("yes"), Cell::Number(2.0)] {
            assert_eq!(rule(PropertyType::Bool, cell), "type");
        }
        let names = Value::List(vec!["R 1%".into(), "é>b".into()]);
        assert_eq!(value(MANY, "['R 1%', \"é>b\"]"), names);
        assert_eq!(value(MANY, "('R 1%', 'é>b')"), names);
        assert_eq!(value(MANY, "[]"), Value::List(Vec::new()));
        assert_eq!(rule(MANY, "[1]"), "list-item");
        assert_eq!(rule(MANY, "['']"), "list-item");
        for text in ["R 1%", "{}", "['a'", "'a'"] {
            assert_eq!(rule(MANY, text), "type");
        }
    }

    #[test]
    fn an_empty_cell_and_null_differ() {
        for type_ in [TEXT, PropertyType::Int, PropertyType::Bool, PropertyType::Any, MANY] {
            assert_eq!(parse_cell(type_, &Cell::Empty), Ok(None));
            assert_eq!(value(type_, "None"), Value::Null);
        }
        assert_eq!(value(PropertyType::Name, "None"), Value::from("None"));
        assert_eq!(parse_cell(PropertyType::Int, &"  ".into()), Ok(None));
        for (text, quoted) in [("None", "\"None\""), ("", "\"\""), ("\"\"", "'\"\"'")] {
            assert_eq!(value(TEXT, quoted), Value::from(text));
            assert_eq!(text_cell(TEXT, text), Cell::from(quoted));
        }
        // Quotes that change nothing stay.
        for text in ["\"core\"", "'core'", "\"", "''a''", "\"[1]\""] {
            assert_eq!(value(TEXT, text), Value::from(text));
            assert_eq!(text_cell(TEXT, text), Cell::from(text));
        }
        assert_eq!(value(PropertyType::Any, "\"[1]\""), Value::from("[1]"));
    }

    fn round(type_: PropertyType, default: PropertyDefault, value: &Value) -> Option<Value> {
        let view = match value {
            Value::Text(text) if type_ != PropertyType::Any => View::Text(text),
            other => View::Value(other),
        };
        parse_cell(type_, &spell_cell(type_, default, &view)).unwrap().map(|(value, _)| value)
    }

    proptest! {
        #[test]
        fn every_custom_value_survives_a_cell(value in values()) {
            let back = round(PropertyType::Any, PropertyDefault::None, &value);
            let spelled = back.as_ref().map(literal::spell);
            prop_assert_eq!(&spelled, &Some(literal::spell(&value)));
            if !literal::spell(&value).contains("nan") {
                prop_assert_eq!(back, Some(value));
            }
        }

        #[test]
        fn every_text_survives_a_cell(value in values()) {
            if let Value::Text(text) = &value {
                let default = PropertyDefault::Text("router");
                for type_ in [TEXT, PropertyType::Name, PropertyType::One(Target::Node)] {
                    let expected = match (type_, text.as_str()) {
                        (PropertyType::One(_), "") => None,
                        _ => Some(value.clone()),
                    };
                    prop_assert_eq!(round(type_, default, &value), expected);
                }
            }
        }
    }
}
