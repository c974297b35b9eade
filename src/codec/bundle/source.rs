//! The bytes of an archive: readable at any offset, by several readers at the same time.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    sync::Arc,
};

use rawzip::{RangeReader, ReaderAt};

/// Bytes that can be read at any offset. Readers share no position.
///
/// Two documents of one bundle are read in parallel, each by its own thread. Both read the same
/// open file, so both belong to the same bundle even if another bundle takes its name meanwhile.
pub trait ByteSource {
    /// Reads some bytes starting at `offset`. Returns 0 at the end.
    ///
    /// # Errors
    /// Any [`io::Error`] of the medium.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Returns the length in bytes.
    ///
    /// # Errors
    /// Any [`io::Error`] of the medium.
    fn bytes(&self) -> io::Result<u64>;
}

impl ByteSource for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl ByteSource for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..));
        rest.unwrap_or_default().read(buffer)
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}

/// A source as `rawzip` reads it.
#[derive(Debug)]
pub(super) struct Shared<S>(Arc<S>);

/// The packed data of one entry.
pub(super) type Window<S> = RangeReader<Shared<S>>;

impl<S> Shared<S> {
    pub(super) fn new(source: &Arc<S>) -> Self {
        Self(Arc::clone(source))
    }
}

impl<S: ByteSource> ReaderAt for Shared<S> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        // Offsets come from the archive. The kernel reports offsets beyond its own type as I/O
        // errors, but they are errors of the archive.
        if i64::try_from(offset).is_err() { Ok(0) } else { self.0.read_at(buffer, offset) }
    }
}
