//! Uploads: files that are written to the disk while they arrive.

use std::io::{self, Write};

use bytes::BytesMut;
use hyper::body::Bytes;

use super::{
    blocking::{Lane, Offloaded},
    multipart::Part,
    problem::Problem,
    request_body::RequestBody,
};

/// The bytes of a file that are collected before a write: a job for each network packet would cost
/// more than the write itself.
const WRITE_BYTES: usize = 256 * 1024;

/// The source of an uploaded file.
pub(super) enum UploadSource<'s, 'b> {
    /// The complete body.
    Body(&'s mut RequestBody),
    /// One part of a form.
    Part(&'s mut Part<'b>),
}

impl UploadSource<'_, '_> {
    /// Receives the next chunk; `None` at the end.
    async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        match self {
            Self::Body(body) => Ok(body.chunk().await?),
            Self::Part(part) => part.chunk().await,
        }
    }
}

/// Writes a file while it arrives from `source`. `problem` converts the error of a write.
///
/// # Errors
/// The problem of the body if it is not received completely, the problem of the lane if it is
/// busy, or `problem` of a failed write. The bytes written until then stay in `file`.
pub(super) async fn save_upload<W: Write + Send + 'static>(
    mut source: UploadSource<'_, '_>,
    file: &mut Offloaded<W>,
    problem: fn(io::Error) -> Problem,
) -> Result<(), Problem> {
    let mut buffer = BytesMut::new();
    loop {
        let chunk = source.chunk().await?;
        let is_end = chunk.is_none();
        buffer.extend_from_slice(&chunk.unwrap_or_default());
        if buffer.len() >= WRITE_BYTES || (is_end && !buffer.is_empty()) {
            let bytes = buffer.split().freeze();
            file.with(Lane::Quick, move |file| file.write_all(&bytes)).await?.map_err(problem)?;
        }
        if is_end {
            return Ok(());
        }
    }
}
