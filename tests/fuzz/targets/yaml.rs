//! The YAML reader: both ways through it return the same records or the same error.

#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use satchel::codec::yaml::{self, Item, ReadError, Rule};

/// The records of a document and how reading it ended.
type Outcome = (Vec<Item>, Result<u64, ReadError>);

fn read(
    read: impl FnOnce(&mut dyn FnMut(Item) -> ControlFlow<()>) -> Result<u64, ReadError>,
) -> Outcome {
    let mut items = Vec::new();
    let end = read(&mut |item| {
        items.push(item);
        ControlFlow::Continue(())
    });
    (items, end)
}

/// Returns whether a document is refused for its bytes, and not for its structure.
fn is_of_bytes(end: &Result<u64, ReadError>) -> bool {
    let Err(ReadError::Refused { rule, .. }) = end else { return false };
    matches!(rule, Rule::Encoding | Rule::Character { .. })
}

fuzz_target!(|document: &[u8]| {
    let short = read(|each| yaml::read_records(document, each));
    let general = read(|each| yaml::read_records_generally(document, each));
    assert_eq!(short.1.is_err(), general.1.is_err());
    // A document with two faults is refused for the one that is read first. One of the ways reads
    // further ahead, and finds an invalid byte before it finds an earlier fault of the structure.
    if !is_of_bytes(&short.1) && !is_of_bytes(&general.1) {
        assert_eq!(format!("{:?}", short.1), format!("{:?}", general.1));
    }
    // Before an error, one of the ways may have read further ahead than the other.
    let both = short.0.len().min(general.0.len());
    assert!(short.1.is_err() || short.0.len() == general.0.len());
    assert_eq!(short.0[..both], general.0[..both]);
    let _ = yaml::read_value(document);
});
