//! A zip archive that is being written, entry by entry.
//!
//! Everything in it is a function of the entries' names and bytes: times are fixed, and every
//! entry has the same permissions.
//!
//! The `zip` crate is not used for writing: its writer ends the archive when it is
//! dropped, so that a full disk met with complaints on standard error and failed assertions. The
//! tests read with it what is written here.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};

use flate2::{Compression, Crc, write::DeflateEncoder};

use super::format::{
    END, END64, END64_BYTES, END64_UNCOUNTED_BYTES, EXTRA_ZIP64, HEADER, LOCATOR, METHOD_DEFLATED,
    RECORD, Spelled,
};
use super::piece::Piece;

/// Deflate's effort, from 1 to 9. The least packs real documents to an eighth at 600 MB/s, and
/// sheets to a seventh; 6 packs documents to a fourteenth at 135 MB/s, and an export would wait
/// for it.
pub(super) const DEFLATE_LEVEL: Compression = Compression::new(1);

/// Deflate's last block with nothing in it, behind pieces that each end at the end of a byte.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// A regular file that its owner may write and all may read.
const ENTRY_MODE: u32 = 0o100_644;

/// Version 2.0 of the format, the first with deflate.
const VERSION_DEFLATE: u16 = 20;
/// Version 4.5 of the format, the first with ZIP64.
const VERSION_ZIP64: u16 = 45;
/// Written on Unix, so that the mode counts.
const UNIX: u16 = 3 << 8;
/// Midnight of 1 January 1980 in MS-DOS's spelling, the beginning of its time: 16 bits of time,
/// and above them 16 of date.
const TIME: u32 = 0x0021_0000;

/// How wide the numbers of an archive are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// An archive of less than 4 GiB, whose entries have less. What is over that is an error.
    /// Every reader takes it; Excel refuses workbooks with ZIP64's fields in their headers.
    Bits32,
    /// An archive of any length. Every header has ZIP64's room for sizes, because how long an
    /// entry becomes is not known when it begins.
    Bits64,
}

/// An archive that is being written.
#[derive(Debug)]
pub struct Archive<W> {
    out: W,
    width: Width,
    entries: Vec<Written>,
}

/// An entry that was written.
#[derive(Debug)]
struct Written {
    name: String,
    sizes: Sizes,
    header: u64,
}

/// What is known of an entry when its data ends.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    crc32: u32,
    packed: u64,
    unpacked: u64,
}

impl<W: Write + Seek> Archive<W> {
    /// Begins an archive where `out` stands, which has to be its beginning.
    pub fn new(out: W, width: Width) -> Self {
        Self { out, width, entries: Vec::new() }
    }

    /// Begins an entry. One that is not finished will not be in the archive.
    ///
    /// # Errors
    /// Those of what is written to.
    pub fn entry(&mut self, name: String) -> io::Result<EntryWriter<'_, W>> {
        let header = self.out.stream_position()?;
        self.out.write_all(&self.width.header(&name, Sizes::default())?)?;
        let packed = Packed { out: &mut self.out, bytes: 0 };
        Ok(EntryWriter {
            encoder: DeflateEncoder::new(packed, DEFLATE_LEVEL),
            entries: &mut self.entries,
            width: self.width,
            name,
            header,
            crc: Crc::new(),
            unpacked: 0,
        })
    }

    /// Writes an entry of pieces, each given with where its packed data is read from. No piece
    /// refers to what stands before it, so the pieces behind each other are one stream.
    ///
    /// # Errors
    /// The entry is longer than the archive's numbers can say, or less is read than a piece has,
    /// or those of what is read and written to.
    pub fn entry_of(
        &mut self,
        name: String,
        pieces: &mut [(&Piece, &mut dyn Read)],
    ) -> io::Result<()> {
        let header = self.out.stream_position()?;
        let mut crc = Crc::new();
        let (mut packed, mut unpacked) = (LAST_BLOCK.len() as u64, 0);
        for (piece, _) in &*pieces {
            crc.combine(&piece.crc);
            packed += piece.packed;
            unpacked += piece.unpacked;
        }
        let sizes = Sizes { crc32: crc.sum(), packed, unpacked };
        self.out.write_all(&self.width.header(&name, sizes)?)?;
        for (piece, data) in pieces {
            if io::copy(&mut data.take(piece.packed), &mut self.out)? < piece.packed {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        self.out.write_all(&LAST_BLOCK)?;
        self.entries.push(Written { name, sizes, header });
        Ok(())
    }

    /// Writes the directory and the end.
    ///
    /// # Errors
    /// The archive is longer than its numbers can say, or those of what is written to.
    pub fn finish(mut self) -> io::Result<W> {
        let directory = self.out.stream_position()?;
        let mut records = Spelled::default();
        for entry in &self.entries {
            records = entry.record(records, self.width)?;
        }
        let tail = self.width.end(records, directory, self.entries.len() as u64)?;
        self.out.write_all(&tail)?;
        Ok(self.out)
    }
}

/// An entry's data.
#[derive(Debug)]
pub struct EntryWriter<'a, W: Write + Seek> {
    encoder: DeflateEncoder<Packed<'a, W>>,
    entries: &'a mut Vec<Written>,
    width: Width,
    name: String,
    header: u64,
    crc: Crc,
    unpacked: u64,
}

impl<W: Write + Seek> EntryWriter<'_, W> {
    /// Ends the entry, and writes its sizes into its header.
    ///
    /// # Errors
    /// The entry is longer than the archive's numbers can say, or those of what is written to.
    pub fn finish(self) -> io::Result<()> {
        let Packed { out, bytes } = self.encoder.finish()?;
        let sizes = Sizes { crc32: self.crc.sum(), packed: bytes, unpacked: self.unpacked };
        let header = self.width.header(&self.name, sizes)?;
        let end = out.stream_position()?;
        out.seek(SeekFrom::Start(self.header))?;
        out.write_all(&header)?;
        out.seek(SeekFrom::Start(end))?;
        self.entries.push(Written { name: self.name, sizes, header: self.header });
        Ok(())
    }
}

impl<W: Write + Seek> Write for EntryWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.encoder.write(bytes)?;
        self.crc.update(&bytes[..written]);
        self.unpacked += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}

/// Counts the packed bytes.
#[derive(Debug)]
struct Packed<'a, W> {
    out: &'a mut W,
    bytes: u64,
}

impl<W: Write> Write for Packed<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Width {
    /// The version of the format that a reader needs.
    fn version(self) -> u16 {
        match self {
            Self::Bits32 => VERSION_DEFLATE,
            Self::Bits64 => VERSION_ZIP64,
        }
    }

    /// Refuses numbers that do not fit into 32 bits where those are all that there is.
    fn check(self, numbers: &[u64]) -> io::Result<()> {
        match self {
            Self::Bits32 if numbers.iter().any(|number| is_long(*number)) => {
                let told = "an archive without ZIP64 has less than 4 GiB and 65,535 entries";
                Err(io::Error::new(ErrorKind::FileTooLarge, told))
            }
            Self::Bits32 | Self::Bits64 => Ok(()),
        }
    }

    /// The header of an entry. ZIP64's extra field has to hold both sizes.
    fn header(self, name: &str, sizes: Sizes) -> io::Result<Vec<u8>> {
        let Sizes { crc32, packed, unpacked } = sizes;
        self.check(&[packed, unpacked])?;
        let (extra, packed, unpacked) = match self {
            Self::Bits32 => (Vec::new(), short(packed), short(unpacked)),
            Self::Bits64 => {
                let extra = Spelled::default().u16(EXTRA_ZIP64).u16(16).u64(unpacked).u64(packed);
                (extra.0, u32::MAX, u32::MAX)
            }
        };
        let header = Spelled::default()
            .u32(HEADER)
            .u16(self.version())
            .u16(0)
            .u16(METHOD_DEFLATED)
            .u32(TIME)
            .u32(crc32)
            .u32(packed)
            .u32(unpacked)
            .u16(name.len() as u16)
            .u16(extra.len() as u16)
            .bytes(name.as_bytes())
            .bytes(&extra);
        Ok(header.0)
    }

    /// The directory's records, and the end records behind them.
    fn end(self, records: Spelled, directory: u64, entries: u64) -> io::Result<Vec<u8>> {
        let directory_bytes = records.0.len() as u64;
        // The count has 16 bits, and all ones say that it stands in ZIP64's fields, too.
        let count = u16::try_from(entries).unwrap_or(u16::MAX);
        let counted = if count == u16::MAX { u64::MAX } else { entries };
        let numbers = [directory, directory_bytes, counted];
        self.check(&numbers)?;
        let mut tail = records;
        if numbers.into_iter().any(is_long) {
            tail = tail
                .u32(END64)
                .u64(END64_BYTES - END64_UNCOUNTED_BYTES)
                .u16(UNIX | VERSION_ZIP64)
                .u16(VERSION_ZIP64)
                .u32(0)
                .u32(0)
                .u64(entries)
                .u64(entries)
                .u64(directory_bytes)
                .u64(directory)
                .u32(LOCATOR)
                .u32(0)
                .u64(directory + directory_bytes)
                .u32(1);
        }
        let tail = tail
            .u32(END)
            .u16(0)
            .u16(0)
            .u16(count)
            .u16(count)
            .u32(short(directory_bytes))
            .u32(short(directory))
            .u16(0);
        Ok(tail.0)
    }
}

impl Written {
    /// Adds the entry's record to the directory. Only numbers that need it stand in ZIP64's field.
    fn record(&self, records: Spelled, width: Width) -> io::Result<Spelled> {
        let Sizes { crc32, packed, unpacked } = self.sizes;
        width.check(&[unpacked, packed, self.header])?;
        let long = [unpacked, packed, self.header].into_iter().filter(|number| is_long(*number));
        let long = long.fold(Spelled::default(), Spelled::u64).0;
        let extra = match long.len() {
            0 => Vec::new(),
            bytes => Spelled::default().u16(EXTRA_ZIP64).u16(bytes as u16).bytes(&long).0,
        };
        let record = records
            .u32(RECORD)
            .u16(UNIX | width.version())
            .u16(width.version())
            .u16(0)
            .u16(METHOD_DEFLATED)
            .u32(TIME)
            .u32(crc32)
            .u32(short(packed))
            .u32(short(unpacked))
            .u16(self.name.len() as u16)
            .u16(extra.len() as u16)
            // No comment, the first disk, no internal attributes.
            .u16(0)
            .u16(0)
            .u16(0)
            .u32(ENTRY_MODE << 16)
            .u32(short(self.header))
            .bytes(self.name.as_bytes())
            .bytes(&extra);
        Ok(record)
    }
}

/// Whether a number has to stand in ZIP64's fields.
fn is_long(number: u64) -> bool {
    number >= u64::from(u32::MAX)
}

/// A number in 32 bits; all ones say that it stands in ZIP64's fields.
fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
