//! Tests of the codec with real documents, PyYAML, random values and hostile documents.

mod differential;
mod fixtures;
mod hostile;
mod properties;
mod semantics;

use std::ops::ControlFlow;

use super::{Item, ReadError, RecordWriter, Rule, read_records, read_records_generally};
use crate::model::{Value, View};

/// Returns all items of a document, read by the fast path where it can.
fn read(text: &[u8]) -> Result<Vec<Item>, ReadError> {
    let mut items = Vec::new();
    read_records(text, |item| {
        items.push(item);
        ControlFlow::Continue(())
    })?;
    Ok(items)
}

/// Returns all items of a document, read without the fast path.
fn read_generally(text: &[u8]) -> Result<Vec<Item>, ReadError> {
    let mut items = Vec::new();
    read_records_generally(text, |item| {
        items.push(item);
        ControlFlow::Continue(())
    })?;
    Ok(items)
}

/// Returns the rule that a document breaks, and its location.
fn refusal(result: Result<Vec<Item>, ReadError>) -> (Rule, u64, u64) {
    match result {
        Err(ReadError::Refused { line, column, rule }) => (rule, line, column),
        Err(ReadError::Io(error)) => panic!("{error}"),
        Ok(items) => panic!("read as {items:?}"),
    }
}

/// Returns a document of records, which must be mappings with ordered text keys.
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
