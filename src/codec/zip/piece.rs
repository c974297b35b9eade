//! A part of an entry's data that is compressed before the entry starts.

use std::io::{self, Write};

use flate2::{Crc, write::DeflateEncoder};

use super::format::DEFLATE_LEVEL;

/// The sizes and checksum of a compressed piece.
#[derive(Debug)]
pub struct Piece {
    pub(super) crc: Crc,
    /// The length in bytes, compressed and not.
    pub(super) packed: u64,
    pub(super) unpacked: u64,
}

/// Compresses a piece.
#[derive(Debug)]
pub struct PieceWriter<W: Write> {
    encoder: DeflateEncoder<W>,
    crc: Crc,
}

impl Piece {
    /// Compresses a piece in memory. Its compressed data are the first bytes that are returned.
    ///
    /// # Errors
    /// None: writing to memory does not fail.
    pub fn of(bytes: &[u8]) -> io::Result<(Vec<u8>, Self)> {
        let mut writer = PieceWriter::new(Vec::new());
        writer.write_all(bytes)?;
        writer.finish()
    }
}

impl<W: Write> PieceWriter<W> {
    /// Starts a piece at the current position of `out`.
    pub fn new(out: W) -> Self {
        Self { encoder: DeflateEncoder::new(out, DEFLATE_LEVEL), crc: Crc::new() }
    }

    /// Returns the compressed length so far, without bytes that the compressor still buffers.
    pub fn packed(&self) -> u64 {
        self.encoder.total_out()
    }

    /// Returns how many bytes were written into the piece.
    pub fn unpacked(&self) -> u64 {
        self.encoder.total_in()
    }

    /// Finishes the piece, and returns the output. After the piece it has the end of a deflate
    /// stream, which is not a part of the piece.
    ///
    /// # Errors
    /// Any [`io::Error`] of the output.
    pub fn finish(mut self) -> io::Result<(W, Piece)> {
        // Ends the block at a byte boundary.
        self.encoder.flush()?;
        let (packed, unpacked) = (self.packed(), self.unpacked());
        Ok((self.encoder.finish()?, Piece { crc: self.crc, packed, unpacked }))
    }
}

impl<W: Write> Write for PieceWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.encoder.write(bytes)?;
        self.crc.update(&bytes[..written]);
        Ok(written)
    }

    /// Writes the compressed data out. Each flush costs some bytes.
    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}
