//! Writes zip archives entry by entry.
//!
//! The bytes depend only on the entries' names and data: times and permissions are fixed.
//!
//! Why no crate is used: equal projects must give equal bundles, also across versions of Satchel.
//! The writer of `rawzip` cannot seek, so it puts sizes into data descriptors, and the bytes would
//! differ. The writer of the `zip` crate finishes the archive when it is dropped, which fails
//! assertions on a full disk. The tests read these archives with the `zip` crate.

use std::io::{self, Write};

use flate2::{Crc, write::DeflateEncoder};

use super::{
    format::{
        DEFLATE_LEVEL, DESCRIPTOR, END, END64, END64_BYTES, END64_UNCOUNTED_BYTES, EXTRA_ZIP64,
        FLAG_DESCRIPTOR, HEADER, LOCATOR, METHOD_DEFLATED, RECORD, RecordBytes,
    },
    output::{ArchiveOutput, SizePlace},
};

/// The mode of every entry: a regular file that its owner can write and all users can read.
const ENTRY_MODE: u32 = 0o100_644;

/// Version 4.5 of the format, the first one with ZIP64.
const VERSION_ZIP64: u16 = 45;
/// "Made by Unix", so that readers use the mode.
const UNIX: u16 = 3 << 8;
/// The time of every entry: midnight of 1 January 1980, the first time of MS-DOS. The lower 16 bits
/// are the time, the upper 16 bits the date.
const TIME: u32 = 0x0021_0000;

/// Writes an archive. Every header has ZIP64 fields for sizes, because the length of an entry is not
/// known when it starts.
#[derive(Debug)]
pub(crate) struct Archive<W> {
    out: W,
    entries: Vec<Written>,
}

/// A finished entry.
#[derive(Debug)]
struct Written {
    name: String,
    sizes: Sizes,
    header: u64,
}

/// The sizes and checksum of a finished entry.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    crc32: u32,
    packed: u64,
    unpacked: u64,
}

impl<W: ArchiveOutput> Archive<W> {
    /// Starts an archive at the start of `out`.
    pub(crate) fn new(out: W) -> Self {
        Self { out, entries: Vec::new() }
    }

    /// Starts an entry. If it is not finished, it will not be in the archive.
    ///
    /// # Errors
    /// Any [`io::Error`] of `out`.
    pub(crate) fn entry(&mut self, name: String) -> io::Result<EntryWriter<'_, W>> {
        let header = self.out.position()?;
        self.out.write_all(&header_of(&name, Sizes::default(), W::SIZES))?;
        let packed = Packed { out: &mut self.out, bytes: 0 };
        Ok(EntryWriter {
            encoder: DeflateEncoder::new(packed, DEFLATE_LEVEL),
            entries: &mut self.entries,
            name,
            header,
            crc: Crc::new(),
            unpacked: 0,
        })
    }

    /// Writes the directory and the end records, and returns `out`.
    ///
    /// # Errors
    /// Any [`io::Error`] of `out`.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let directory = self.out.position()?;
        let mut records = RecordBytes::default();
        for entry in &self.entries {
            records = entry.record(records, W::SIZES);
        }
        let tail = end_of(records, directory, self.entries.len() as u64);
        self.out.write_all(&tail)?;
        Ok(self.out)
    }
}

/// Compresses the data of one entry.
#[derive(Debug)]
pub(crate) struct EntryWriter<'a, W: ArchiveOutput> {
    encoder: DeflateEncoder<Packed<'a, W>>,
    entries: &'a mut Vec<Written>,
    name: String,
    header: u64,
    crc: Crc,
    unpacked: u64,
}

impl<W: ArchiveOutput> EntryWriter<'_, W> {
    /// Finishes the entry, and writes its sizes into its header or after its data.
    ///
    /// # Errors
    /// Any [`io::Error`] of the output.
    pub(crate) fn finish(self) -> io::Result<()> {
        let Packed { out, bytes } = self.encoder.finish()?;
        let sizes = Sizes { crc32: self.crc.sum(), packed: bytes, unpacked: self.unpacked };
        match W::SIZES {
            SizePlace::Header => {
                out.rewrite(self.header, &header_of(&self.name, sizes, W::SIZES))?;
            }
            SizePlace::Descriptor => out.write_all(&descriptor_of(sizes))?,
        }
        self.entries.push(Written { name: self.name, sizes, header: self.header });
        Ok(())
    }
}

impl<W: ArchiveOutput> Write for EntryWriter<'_, W> {
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

/// Counts the compressed bytes.
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

/// Returns the header of an entry. ZIP64's extra field must have both sizes.
fn header_of(name: &str, sizes: Sizes, place: SizePlace) -> Vec<u8> {
    let Sizes { crc32, packed, unpacked } = sizes;
    let extra = RecordBytes::default().u16(EXTRA_ZIP64).u16(16).u64(unpacked).u64(packed).0;
    let header = RecordBytes::default()
        .u32(HEADER)
        .u16(VERSION_ZIP64)
        .u16(flags(place))
        .u16(METHOD_DEFLATED)
        .u32(TIME)
        .u32(crc32)
        .u32(u32::MAX)
        .u32(u32::MAX)
        .u16(name.len() as u16)
        .u16(extra.len() as u16)
        .bytes(name.as_bytes())
        .bytes(&extra);
    header.0
}

/// Returns the record after the data of an entry, with sizes of 64 bits, because the header has the
/// extra field of ZIP64 (APPNOTE 4.3.9.2).
fn descriptor_of(sizes: Sizes) -> Vec<u8> {
    let Sizes { crc32, packed, unpacked } = sizes;
    RecordBytes::default().u32(DESCRIPTOR).u32(crc32).u64(packed).u64(unpacked).0
}

/// The general purpose flags of an entry.
fn flags(place: SizePlace) -> u16 {
    match place {
        SizePlace::Header => 0,
        SizePlace::Descriptor => FLAG_DESCRIPTOR,
    }
}

/// Returns the records of the directory followed by the end records.
fn end_of(records: RecordBytes, directory: u64, entries: u64) -> Vec<u8> {
    let directory_bytes = records.0.len() as u64;
    // The count has 16 bits; all ones refer to the ZIP64 end record.
    let count = u16::try_from(entries).unwrap_or(u16::MAX);
    let counted = if count == u16::MAX { u64::MAX } else { entries };
    let numbers = [directory, directory_bytes, counted];
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
    tail.0
}

impl Written {
    /// Appends the entry's record to the directory. The ZIP64 field contains only the numbers that
    /// do not fit into the other fields.
    fn record(&self, records: RecordBytes, place: SizePlace) -> RecordBytes {
        let Sizes { crc32, packed, unpacked } = self.sizes;
        let long = [unpacked, packed, self.header].into_iter().filter(|number| is_long(*number));
        let long = long.fold(RecordBytes::default(), RecordBytes::u64).0;
        let extra = match long.len() {
            0 => Vec::new(),
            bytes => RecordBytes::default().u16(EXTRA_ZIP64).u16(bytes as u16).bytes(&long).0,
        };
        records
            .u32(RECORD)
            .u16(UNIX | VERSION_ZIP64)
            .u16(VERSION_ZIP64)
            .u16(flags(place))
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

/// Returns whether a number needs a ZIP64 field.
fn is_long(number: u64) -> bool {
    number >= u64::from(u32::MAX)
}

/// Returns a number in 32 bits; all ones refer to a ZIP64 field.
fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
