//! The description that the server sends: the file `assets/openapi.json`.

use std::io::{self, Read};

use flate2::read::GzDecoder;
use hyper::body::Bytes;

use crate::http::conditional::ETag;

/// `assets/openapi.json`, compressed by `build.rs`.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz"));

/// The unpacked description.
pub(in crate::http) struct Document {
    pub(in crate::http) json: Bytes,
    pub(in crate::http) etag: ETag,
}

impl Document {
    /// Unpacks the description.
    ///
    /// # Errors
    /// The executable is damaged.
    pub(in crate::http) fn unpack() -> io::Result<Self> {
        let mut json = Vec::new();
        GzDecoder::new(PACKED).read_to_end(&mut json)?;
        let etag = ETag::of_version(0, &json);
        Ok(Self { json: json.into(), etag })
    }
}
