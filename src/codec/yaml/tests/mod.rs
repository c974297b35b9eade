//! The codec as a whole: against real documents, against PyYAML, against itself and against
//! documents made to harm.

mod differential;
mod fixtures;
mod hostile;
mod properties;
mod semantics;

use std::ops::ControlFlow;

use super::{Item, ReadError, RecordWriter, Rule, read_records, read_records_generally};
use crate::model::{Value, View};

/// All items of a document, read by the short way where it holds.
fn read(text: &[u8]) -> Result<Vec<Item>, ReadError> {
    let mut items = Vec::new();
    read_records(text, |item| {
        items.push(item);
        ControlFlow::Continue(())
    })?;
    Ok(items)
}

/// All items of a document, read without the short way.
fn read_generally(text: &[u8]) -> Result<Vec<Item>, ReadError> {
    let mut items = Vec::new();
    read_records_generally(text, |item| {
        items.push(item);
        ControlFlow::Continue(())
    })?;
    Ok(items)
}

/// The rule that a document breaks, and where.
fn refusal(result: Result<Vec<Item>, ReadError>) -> (Rule, u64, u64) {
    match result {
        Err(ReadError::Refused { line, column, rule }) => (rule, line, column),
        Err(ReadError::Io(error)) => panic!("{error}"),
        Ok(items) => panic!("read as {items:?}"),
    }
}

/// A document of records, which must be mappings with text keys in order.
fn write<'a>(records: impl IntoIterator<Item = &'a Value>) -> Vec<u8> {
    let mut writer = RecordWriter::new(Vec::new());
    for record in records {
        let Value::Map(map) = record.plain() else { panic!("{record:?} is no record") };
        let entries = map.iter().map(|(key, value)| (key.as_text().unwrap(), View::Value(value)));
        writer.record(entries).unwrap();
    }
    writer.finish().unwrap()
}

fn values(items: Vec<Item>) -> Vec<Value> {
    items.into_iter().map(|item| item.value).collect()
}
