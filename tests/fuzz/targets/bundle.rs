//! The bundle reader: no archive makes it panic, or unpacks to more than it may.

#![no_main]

use std::io::{self, Read};

use libfuzzer_sys::fuzz_target;
use satchel::codec::bundle::{BundleReader, Limits};
use satchel::model::Kind;

/// All documents of an archive together, unpacked, in bytes: small, so that a run is quick.
const PROJECT_BYTES_MAX: u64 = 1 << 20;

fuzz_target!(|archive: &[u8]| {
    let limits = Limits { project_bytes: PROJECT_BYTES_MAX };
    let Ok(bundle) = BundleReader::open(archive.to_vec(), limits) else { return };
    let mut unpacked = 0;
    for mut document in Kind::ALL.into_iter().filter_map(|kind| bundle.document(kind)) {
        let mut head = [0; 7];
        unpacked += document.read(&mut head).map_or(0, |bytes| bytes as u64);
        unpacked += io::copy(&mut document, &mut io::sink()).unwrap_or(0);
    }
    assert!(unpacked <= PROJECT_BYTES_MAX, "{unpacked} bytes");
    let _ = bundle.verify();
});
