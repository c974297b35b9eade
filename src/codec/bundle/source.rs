//! Where the bytes of an archive are read from: at any place, by several readers at once.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    sync::Arc,
};

/// Bytes that can be read at any place, without a position that readers would have to share.
///
/// Two documents of one bundle are read side by side, each by a thread of its own; and because
/// they read one open file, both are of the same bundle when another takes its name meanwhile.
pub trait ReadAt {
    /// Reads some bytes that begin at `offset`; none at the end.
    ///
    /// # Errors
    /// What the disk says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// How many bytes there are.
    ///
    /// # Errors
    /// What the disk says.
    fn bytes(&self) -> io::Result<u64>;
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..));
        rest.unwrap_or_default().read(buffer)
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}

/// A stretch of a source, read from its beginning to its end.
#[derive(Debug)]
pub(super) struct Window<S> {
    source: Arc<S>,
    position: u64,
    end: u64,
}

impl<S: ReadAt> Window<S> {
    /// The bytes from `start` up to, and without, `end`.
    pub(super) fn new(source: Arc<S>, start: u64, end: u64) -> Self {
        Self { source, position: start, end }
    }

    /// How many bytes are still to be read.
    pub(super) fn rest(&self) -> u64 {
        self.end.saturating_sub(self.position)
    }
}

impl<S: ReadAt> Read for Window<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.rest()).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.source.read_at(&mut buffer[..most], self.position)?;
        if read == 0 {
            // The window was inside of the file when it was opened: someone has cut the file.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += read as u64;
        Ok(read)
    }
}

/// Reads exactly `bytes` bytes. The caller has bounded them.
///
/// # Errors
/// What the disk says; and the end of the source, if it comes before.
pub(super) fn read_exact_at(
    source: &impl ReadAt,
    offset: u64,
    bytes: usize,
) -> io::Result<Vec<u8>> {
    let mut read = vec![0; bytes];
    let mut done = 0;
    while done < bytes {
        match source.read_at(&mut read[done..], offset.saturating_add(done as u64))? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => done += more,
        }
    }
    Ok(read)
}
