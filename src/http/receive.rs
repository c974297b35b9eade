//! A file that comes in, written as it comes.

use std::io::{self, Write};
use std::ops::ControlFlow;

use bytes::BytesMut;
use hyper::body::Bytes;

use super::blocking::{Lane, Offloaded};
use super::body::Body;
use super::multipart::Part;
use super::problem::Problem;

/// What is gathered of a file before it is written: a job for each packet would cost more than
/// the write itself.
const WRITE_BYTES: usize = 256 * 1024;

/// What a file comes from, piece by piece.
pub(super) enum Source<'s, 'b> {
    /// The whole body.
    Body(&'s mut Body),
    /// A part of a form.
    Part(&'s mut Part<'b>),
}

impl Source<'_, '_> {
    /// The next piece; none at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        match self {
            Self::Body(body) => Ok(body.chunk().await?),
            Self::Part(part) => part.chunk().await,
        }
    }

    /// As many pieces as are written at a time, through `buffer`; with `Break` the last of all.
    async fn gathered(
        &mut self,
        buffer: &mut BytesMut,
    ) -> Result<ControlFlow<Bytes, Bytes>, Problem> {
        while buffer.len() < WRITE_BYTES {
            match self.next().await? {
                Some(piece) => buffer.extend_from_slice(&piece),
                None => return Ok(ControlFlow::Break(buffer.split().freeze())),
            }
        }
        Ok(ControlFlow::Continue(buffer.split().freeze()))
    }
}

/// Writes all that comes from `source`. `problem` tells what a write's error is.
///
/// # Errors
/// The file did not come whole, or cannot be written. What is there of it is still in `file`.
pub(super) async fn receive<W: Write + Send + 'static>(
    mut source: Source<'_, '_>,
    file: &mut Offloaded<W>,
    problem: fn(io::Error) -> Problem,
) -> Result<(), Problem> {
    let mut buffer = BytesMut::new();
    loop {
        let gathered = source.gathered(&mut buffer).await?;
        let is_last = gathered.is_break();
        let (ControlFlow::Break(bytes) | ControlFlow::Continue(bytes)) = gathered;
        if !bytes.is_empty() {
            file.with(Lane::Quick, move |file| file.write_all(&bytes)).await?.map_err(problem)?;
        }
        if is_last {
            return Ok(());
        }
    }
}
