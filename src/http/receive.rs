//! A file that comes in, written as it comes.

use std::io::{self, Write};

use bytes::BytesMut;
use hyper::body::Bytes;

use super::blocking::{Lane, Offloaded};
use super::body::Body;
use super::problem::Problem;

/// What is gathered of a file before it is written: a job for each packet would cost more than
/// the write itself.
const WRITE_BYTES: usize = 256 * 1024;

/// What a file comes from, piece by piece.
pub(super) trait Source {
    /// The next piece; none at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, Problem>> + Send;
}

impl Source for Body {
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        Ok(self.chunk().await?)
    }
}

/// Writes all that comes from `source`. `problem` tells what a write's error is.
///
/// # Errors
/// The file did not come whole, or cannot be written. What is there of it is still in `file`.
pub(super) async fn receive<W: Write + Send + 'static>(
    source: &mut impl Source,
    file: &mut Offloaded<W>,
    problem: impl FnOnce(io::Error) -> Problem,
) -> Result<(), Problem> {
    let mut gathered = BytesMut::new();
    loop {
        let piece = source.next().await?;
        gathered.extend_from_slice(piece.as_deref().unwrap_or_default());
        if gathered.len() >= WRITE_BYTES || (piece.is_none() && !gathered.is_empty()) {
            let bytes = gathered.split().freeze();
            let written = file.with(Lane::Quick, move |file| file.write_all(&bytes)).await?;
            if let Err(error) = written {
                return Err(problem(error));
            }
        }
        if piece.is_none() {
            return Ok(());
        }
    }
}
