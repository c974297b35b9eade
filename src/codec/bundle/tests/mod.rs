//! Tests of bundles.

mod hostile;
mod mutate;
mod raw;
mod round_trip;

use std::io::{Cursor, Read, Write};

use super::*;
use crate::model::{Secrets, Value};

/// The metadata of the bundles in these tests.
fn bundle_info() -> BundleInfo {
    BundleInfo {
        export_time: "2026-05-23 17:11:12.171765".to_owned(),
        release: Release::from_value(Value::Float(4.6)).unwrap(),
        secrets: Secrets::Included,
    }
}

/// Returns a bundle of these documents.
fn bundle(documents: &[(Kind, &[u8])]) -> Vec<u8> {
    let mut writer = BundleWriter::new(Cursor::new(Vec::new()));
    for (kind, text) in documents {
        let mut document = writer.document(*kind).unwrap();
        document.write_all(text).unwrap();
        document.finish(1).unwrap();
    }
    writer.finish(bundle_info()).unwrap().0.into_inner()
}

/// Opens an archive and reads all its documents.
fn read_all(archive: Vec<u8>) -> Result<Vec<(Kind, Vec<u8>)>, BundleError> {
    let bundle = BundleReader::open(archive, Limits::default())?;
    let mut documents = Vec::new();
    for (kind, bytes) in bundle.documents() {
        let mut text = Vec::new();
        if let Some(mut document) = bundle.document(kind) {
            document.read_to_end(&mut text).map_err(BundleError::from_io)?;
        }
        assert_eq!(text.len() as u64, bytes);
        documents.push((kind, text));
    }
    Ok(documents)
}
