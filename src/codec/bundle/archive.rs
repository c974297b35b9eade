//! A zip archive that is being written, entry by entry.
//!
//! Everything in it is a function of the entries' names and bytes: times are fixed, and every
//! entry has the same permissions. Every header has ZIP64's room for sizes, because how long a
//! document becomes is not known when it begins.
//!
//! The `zip` crate is not used for writing either: its writer ends the archive when it is
//! dropped, so that a full disk met with complaints on standard error and failed assertions. The
//! tests read with it what is written here.

use std::io::{self, Seek, SeekFrom, Write};

use flate2::{Compression, Crc, write::DeflateEncoder};

use super::format::{
    END, END64, END64_BYTES, END64_UNCOUNTED_BYTES, EXTRA_ZIP64, HEADER, LOCATOR, METHOD_DEFLATED,
    RECORD, Spelled,
};

/// Deflate's effort, from 1 to 9. The least packs real documents to an eighth at 600 MB/s; 6 packs
/// them to a fourteenth at 135 MB/s, and an export would wait for it.
const DEFLATE_LEVEL: u32 = 1;

/// A regular file that its owner may write and all may read.
const ENTRY_MODE: u32 = 0o100_644;

/// Version 4.5 of the format, the first with ZIP64.
const VERSION: u16 = 45;
/// Written on Unix, so that the mode counts.
const MADE_BY: u16 = 3 << 8 | VERSION;
/// Midnight of 1 January 1980 in MS-DOS's spelling, the beginning of its time: 16 bits of time,
/// and above them 16 of date.
const TIME: u32 = 0x0021_0000;

/// An archive that is being written.
#[derive(Debug)]
pub(super) struct Archive<W> {
    out: W,
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
    pub(super) fn new(out: W) -> Self {
        Self { out, entries: Vec::new() }
    }

    /// Begins an entry. One that is not finished will not be in the archive.
    pub(super) fn entry(&mut self, name: String) -> io::Result<EntryWriter<'_, W>> {
        let header = self.out.stream_position()?;
        self.out.write_all(&header_bytes(&name, Sizes::default()))?;
        let packed = Packed { out: &mut self.out, bytes: 0 };
        let level = Compression::new(DEFLATE_LEVEL);
        Ok(EntryWriter {
            encoder: DeflateEncoder::new(packed, level),
            entries: &mut self.entries,
            name,
            header,
            crc: Crc::new(),
            unpacked: 0,
        })
    }

    /// Writes the directory and the end.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let directory = self.out.stream_position()?;
        let mut records = Spelled::default();
        for entry in &self.entries {
            records = entry.record(records);
        }
        let tail = end_bytes(records, directory, self.entries.len() as u64);
        self.out.write_all(&tail)?;
        Ok(self.out)
    }
}

/// An entry's data.
#[derive(Debug)]
pub(super) struct EntryWriter<'a, W: Write + Seek> {
    encoder: DeflateEncoder<Packed<'a, W>>,
    entries: &'a mut Vec<Written>,
    name: String,
    header: u64,
    crc: Crc,
    unpacked: u64,
}

impl<W: Write + Seek> EntryWriter<'_, W> {
    /// Ends the entry, and writes its sizes into its header.
    pub(super) fn finish(self) -> io::Result<()> {
        let Packed { out, bytes } = self.encoder.finish()?;
        let sizes = Sizes { crc32: self.crc.sum(), packed: bytes, unpacked: self.unpacked };
        let header = header_bytes(&self.name, sizes);
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

/// The header of an entry. Both sizes stand in ZIP64's extra field, which has to hold both.
fn header_bytes(name: &str, sizes: Sizes) -> Vec<u8> {
    Spelled::default()
        .u32(HEADER)
        .u16(VERSION)
        .u16(0)
        .u16(METHOD_DEFLATED)
        .u32(TIME)
        .u32(sizes.crc32)
        .u32(u32::MAX)
        .u32(u32::MAX)
        .u16(name.len() as u16)
        .u16(4 + 16)
        .bytes(name.as_bytes())
        .u16(EXTRA_ZIP64)
        .u16(16)
        .u64(sizes.unpacked)
        .u64(sizes.packed)
        .0
}

impl Written {
    /// Adds the entry's record to the directory. Only numbers that need it stand in ZIP64's field.
    fn record(&self, records: Spelled) -> Spelled {
        let Sizes { crc32, packed, unpacked } = self.sizes;
        let long = [unpacked, packed, self.header].into_iter().filter(|number| is_long(*number));
        let long = long.fold(Spelled::default(), Spelled::u64).0;
        let extra = match long.len() {
            0 => Vec::new(),
            bytes => Spelled::default().u16(EXTRA_ZIP64).u16(bytes as u16).bytes(&long).0,
        };
        records
            .u32(RECORD)
            .u16(MADE_BY)
            .u16(VERSION)
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
            .bytes(&extra)
    }
}

/// The directory's records, and the end records behind them.
fn end_bytes(records: Spelled, directory: u64, entries: u64) -> Vec<u8> {
    let directory_bytes = records.0.len() as u64;
    let mut tail = records;
    if is_long(directory) || is_long(directory_bytes) {
        tail = tail
            .u32(END64)
            .u64(END64_BYTES - END64_UNCOUNTED_BYTES)
            .u16(MADE_BY)
            .u16(VERSION)
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
    tail.u32(END)
        .u16(0)
        .u16(0)
        .u16(entries as u16)
        .u16(entries as u16)
        .u32(short(directory_bytes))
        .u32(short(directory))
        .u16(0)
        .0
}

/// Whether a number has to stand in ZIP64's fields.
fn is_long(number: u64) -> bool {
    number >= u64::from(u32::MAX)
}

/// A number in 32 bits; all ones say that it stands in ZIP64's fields.
fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
