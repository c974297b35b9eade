//! The outputs of archives: files, in which a header is written again when the sizes of its entry are
//! known, and streams, in which the sizes follow the data.

use std::io::{self, Seek, SeekFrom, Write};

/// The place of the sizes and the checksum of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizePlace {
    /// In the header before the data.
    Header,
    /// In a data descriptor after the data (APPNOTE 4.3.9).
    Descriptor,
}

/// An output of an archive.
pub trait ArchiveOutput: Write {
    /// The place of the sizes of each entry.
    const SIZES: SizePlace;

    /// Returns the number of bytes before the next write.
    ///
    /// # Errors
    /// Any [`io::Error`] of the output.
    fn position(&mut self) -> io::Result<u64>;

    /// Replaces bytes that were written before. Used with [`SizePlace::Header`] only.
    ///
    /// # Errors
    /// Any [`io::Error`] of the output.
    fn rewrite(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
}

impl<W: Write + Seek> ArchiveOutput for W {
    const SIZES: SizePlace = SizePlace::Header;

    fn position(&mut self) -> io::Result<u64> {
        self.stream_position()
    }

    fn rewrite(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let end = self.stream_position()?;
        self.seek(SeekFrom::Start(at))?;
        self.write_all(bytes)?;
        self.seek(SeekFrom::Start(end)).map(drop)
    }
}

/// An output that cannot seek, such as a connection.
#[derive(Debug)]
pub struct StreamOutput<W> {
    out: W,
    written: u64,
}

impl<W> StreamOutput<W> {
    /// Starts an archive at the present position of `out`.
    pub fn new(out: W) -> Self {
        Self { out, written: 0 }
    }

    /// Returns the output.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> Write for StreamOutput<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> ArchiveOutput for StreamOutput<W> {
    const SIZES: SizePlace = SizePlace::Descriptor;

    fn position(&mut self) -> io::Result<u64> {
        Ok(self.written)
    }

    fn rewrite(&mut self, _at: u64, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::NotSeekable.into())
    }
}
