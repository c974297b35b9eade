//! The written description, which the server keeps.

use hyper::body::Bytes;

use crate::http::conditional::ETag;

/// The written description. It stays the same while the process runs.
pub(in crate::http) struct Document {
    pub(in crate::http) json: Bytes,
    pub(in crate::http) etag: ETag,
}

impl Document {
    /// Takes the description as JSON.
    pub(super) fn new(json: Bytes) -> Self {
        let etag = ETag::of_version(0, &json);
        Self { json, etag }
    }
}
