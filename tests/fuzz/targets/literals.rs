//! Values in cells, Python literals among them: a value that is read from a cell and written into one
//! is read again as the same value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satchel::codec::workbook::{Cell, parse_cell, format_cell};
use satchel::model::{PropertyDefault, PropertyType, View};

const CUSTOM: PropertyType = PropertyType::Any;

fuzz_target!(|cell: &str| {
    let Ok(Some((value, _))) = parse_cell(CUSTOM, &Cell::text(cell)) else { return };
    let written = format_cell(CUSTOM, PropertyDefault::None, &View::Value(&value));
    let again = parse_cell(CUSTOM, &written);
    assert_eq!(again.map(|read| read.map(|(value, _)| value)), Ok(Some(value.clone())), "{written:?}");
});
