//! Responses with a file that the executable contains, compressed with gzip.

use std::{borrow::Cow, io::Read};

use flate2::read::GzDecoder;
use hyper::{
    StatusCode,
    body::Bytes,
    header::{
        CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, HeaderMap, HeaderValue,
        VARY,
    },
};

use crate::{
    http::{
        accept::Coding,
        conditional::{ETag, Freshness, freshness},
        problem::Problem,
        response::{self, Response},
    },
    wording::hex,
};

/// The caching of pages, which change with the executable: browsers ask for a newer version.
pub(super) const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// The caching of files whose address contains a hash: they never change.
pub(super) const IMMUTABLE: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable");

/// The bytes of a SHA-256 in an ETag.
const HASH_BYTES: usize = 8;

/// A file that the executable contains.
pub(super) struct PackedFile {
    /// The content, compressed with gzip.
    pub(super) packed: Cow<'static, [u8]>,
    /// The SHA-256 of the compressed bytes.
    pub(super) sha256: [u8; 32],
    pub(super) media_type: HeaderValue,
    pub(super) caching: HeaderValue,
    /// The content security policy.
    pub(super) policy: HeaderValue,
}

impl PackedFile {
    /// Returns the file, compressed if the client accepts it; 304 if the client has it.
    ///
    /// # Errors
    /// 400 for a malformed `If-None-Match`; 500 for invalid gzip: a bug.
    pub(super) fn respond(self, request: &HeaderMap) -> Result<Response, Problem> {
        let coding = Coding::accepted(request);
        let hash = short_hash(&self.sha256);
        let etag = match coding {
            Coding::Gzip => ETag::of(&format!("{hash}-gzip")),
            Coding::Identity => ETag::of(&hash),
        };
        let mut response = match (freshness(request, &etag, None)?, coding) {
            (Freshness::NotModified, _) => response::empty(StatusCode::NOT_MODIFIED),
            (Freshness::Modified, Coding::Gzip) => {
                let compressed = match self.packed {
                    Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                    Cow::Owned(bytes) => Bytes::from(bytes),
                };
                let mut whole = response::whole(StatusCode::OK, self.media_type, compressed);
                whole.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                whole
            }
            // At most 200 KB: decompressing takes less time than a job on another thread.
            (Freshness::Modified, Coding::Identity) => {
                let mut bytes = Vec::new();
                let read = GzDecoder::new(&*self.packed).read_to_end(&mut bytes);
                read.map_err(|error| Problem::internal(&error))?;
                response::whole(StatusCode::OK, self.media_type, bytes)
            }
        };
        add_headers(&mut response, &etag, self.caching, self.policy);
        Ok(response)
    }
}

/// Returns the part of a SHA-256 that ETags contain, in hexadecimal.
pub(super) fn short_hash(sha256: &[u8]) -> String {
    hex(sha256.get(..HASH_BYTES).unwrap_or_default())
}

/// Adds the headers of a file that the executable contains.
pub(super) fn add_headers(
    response: &mut Response,
    etag: &ETag,
    caching: HeaderValue,
    policy: HeaderValue,
) {
    let headers = response.headers_mut();
    headers.insert(ETAG, HeaderValue::from(etag));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(CACHE_CONTROL, caching);
    headers.insert(CONTENT_SECURITY_POLICY, policy);
}
