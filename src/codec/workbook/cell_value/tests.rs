//! Tests of parsing and formatting cells.

use proptest::prelude::*;

use super::{format::text_cell, format_cell, literal, literal::tests::values, parse_cell};
use crate::{
    codec::workbook::{Cell, CellError},
    model::{Kind, PropertyDefault, PropertyType, Target, Value, View},
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
fn a_text_of_too_many_digits_is_an_integer_that_is_too_large() {
    let wrong = parse_cell(PropertyType::Int, &Cell::from("-99999999999999999999")).unwrap_err();
    assert!(wrong.detail.contains("at most 64 bits, found -99999999999999999999"), "{wrong:?}");
    let wrong = parse_cell(PropertyType::Int, &Cell::from("22 %")).unwrap_err();
    assert!(wrong.detail.contains("found text. Write digits"), "{wrong:?}");
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
    parse_cell(type_, &format_cell(type_, default, &view)).unwrap().map(|(value, _)| value)
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
