//! A stretch of an entry's data that is packed before the entry is begun.

use std::io::{self, Write};

use flate2::{Crc, write::DeflateEncoder};

use super::archive::DEFLATE_LEVEL;

/// What is known of a piece: enough to put it into an entry between others.
#[derive(Debug)]
pub struct Piece {
    pub(super) crc: Crc,
    /// Its length in bytes, packed and unpacked.
    pub(super) packed: u64,
    pub(super) unpacked: u64,
}

/// A piece that is being packed.
#[derive(Debug)]
pub struct PieceWriter<W: Write> {
    encoder: DeflateEncoder<W>,
    crc: Crc,
}

impl Piece {
    /// Packs a piece that is held whole. The packed data begins the bytes that are given with it.
    ///
    /// # Errors
    /// None that memory has.
    pub fn of(bytes: &[u8]) -> io::Result<(Vec<u8>, Self)> {
        let mut writer = PieceWriter::new(Vec::new());
        writer.write_all(bytes)?;
        writer.finish()
    }
}

impl<W: Write> PieceWriter<W> {
    /// Begins a piece where `out` stands.
    pub fn new(out: W) -> Self {
        Self { encoder: DeflateEncoder::new(out, DEFLATE_LEVEL), crc: Crc::new() }
    }

    /// How many bytes the piece has packed, but for some that the packer still holds.
    pub fn packed(&self) -> u64 {
        self.encoder.total_out()
    }

    /// How many bytes were written into the piece.
    pub fn unpacked(&self) -> u64 {
        self.encoder.total_in()
    }

    /// Ends the piece, and gives back what was written to. There, the end of a stream of deflate
    /// stands behind the piece, and is no part of it.
    ///
    /// # Errors
    /// Those of what is written to.
    pub fn finish(mut self) -> io::Result<(W, Piece)> {
        // Ends the block, at the end of a byte.
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

    /// Hands on what is packed. It costs some bytes.
    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}
