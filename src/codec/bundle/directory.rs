//! Reads the directory of a zip archive, and refuses ambiguous archives.
//!
//! `rawzip` reads the format (PKWARE's APPNOTE.TXT). This module refuses every archive that two
//! readers could understand in two ways. It checks that
//!
//! - the directory ends where the end records begin,
//! - the declared count is the number of records,
//! - each entry's own header agrees with its record,
//! - no two entries share a byte.
//!
//! Why `rawzip` and not the `zip` crate, which calamine brings anyway: it shows every record as it
//! is, reads at offsets (two documents are read in parallel from one open file), has no `unsafe`
//! and no dependencies. `zip` keeps only the last of several entries of one name, reads through one
//! shared position, and uses another end record if the last one does not fit.

use std::sync::Arc;

use rawzip::{ErrorKind, ZipArchive, ZipFileHeaderRecord, ZipLocator};

use super::{
    ArchiveProblem, BundleError, EntryProblem,
    end::{self, End},
    limits::{DIRECTORY_BYTES_MAX, ENTRIES_MAX},
    source::{ByteSource, Shared, Window},
};
use crate::codec::zip::format::{END_BYTES, EXTRA_ZIP64, HEADER_BYTES};

/// The longest end record with its comment, whose length is a 16-bit number.
const END_BYTES_MAX: u64 = END_BYTES + u16::MAX as u64;

/// The variable part of an entry's own header: its name and extra fields.
const HEADER_VARIABLE_BYTES_MAX: usize = 2 * u16::MAX as usize;

/// One entry as the archive's directory describes it. Its data lies inside of the archive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) encryption: Encryption,
    pub(super) method: u16,
    pub(super) crc32: u32,
    /// The length of the data, packed and unpacked, in bytes.
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    /// Unix file type and permissions; 0 if the archive does not contain them.
    pub(super) mode: u32,
    /// The offsets of the entry's own header and of its data.
    header: u64,
    data: u64,
}

/// Tells whether an entry can be read without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// The data is not encrypted.
    Plain,
    /// The data needs a key.
    Encrypted,
}

impl Entry {
    fn of(record: &ZipFileHeaderRecord<'_>) -> Self {
        let flags = record.flags();
        let is_encrypted =
            flags.is_encrypted() || flags.has_strong_encryption() || flags.is_masked();
        Self {
            name: record.file_path().as_ref().to_vec(),
            encryption: if is_encrypted { Encryption::Encrypted } else { Encryption::Plain },
            method: record.compression_method().as_u16(),
            crc32: record.crc32(),
            packed: record.compressed_size_hint(),
            unpacked: record.uncompressed_size_hint(),
            mode: record.external_attributes() >> 16,
            header: record.local_header_offset(),
            data: record.local_header_offset(),
        }
    }

    /// Returns an error about this entry.
    pub(super) fn refused(&self, problem: EntryProblem) -> BundleError {
        BundleError::Entry { entry: shown(&self.name), problem }
    }

    /// Returns a reader of the packed data.
    pub(super) fn window<S: ByteSource>(&self, source: &Arc<S>) -> Window<S> {
        Window::new(Shared::new(source), self.data..self.end())
    }

    /// The offset after the data. [`locate`] checked that it does not overflow.
    fn end(&self) -> u64 {
        self.data + self.packed
    }
}

/// An entry's name for messages: invalid UTF-8 is replaced, and a long name is cut.
pub(super) fn shown(name: &[u8]) -> String {
    const CHARACTERS_MAX: usize = 200;
    let text = String::from_utf8_lossy(name);
    let shown = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
    shown.take(CHARACTERS_MAX).collect()
}

/// Reads the directory of an archive.
///
/// # Errors
/// - [`BundleError::Archive`] if the archive is truncated, damaged or ambiguous, or has more than
///   [`ENTRIES_MAX`] entries.
/// - [`BundleError::Entry`] if an entry's own header disagrees with its record, or if it lies
///   outside of the archive or over another entry.
/// - [`BundleError::Io`] if the source cannot be read.
pub(super) fn read<S: ByteSource>(source: &Arc<S>) -> Result<Vec<Entry>, BundleError> {
    let (archive, end) = open(source)?;
    if end.entries > ENTRIES_MAX {
        return Err(ArchiveProblem::Entries { entries: end.entries }.into());
    }
    if end.directory_bytes > DIRECTORY_BYTES_MAX {
        return Err(ArchiveProblem::DirectoryTooLong { bytes: end.directory_bytes }.into());
    }
    let mut buffer = vec![0; rawzip::MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let mut header = vec![0; HEADER_VARIABLE_BYTES_MAX];
    let mut records = archive.entries(&mut buffer);
    let mut entries = Vec::new();
    while let Some(record) =
        records.next_entry().map_err(|error| refused(error, ArchiveProblem::Directory))?
    {
        if entries.len() as u64 == ENTRIES_MAX {
            return Err(ArchiveProblem::Entries { entries: ENTRIES_MAX + 1 }.into());
        }
        if !has_sound_numbers(&record) {
            return Err(ArchiveProblem::Directory.into());
        }
        let mut entry = locate(&archive, &record, &end, &mut header)?;
        // Programs for Windows separate folders with a backslash (.NET Framework before 4.6.1).
        entry.name.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
        entries.push(entry);
    }
    let found = entries.len() as u64;
    if found != end.entries {
        return Err(ArchiveProblem::Count { counted: end.entries, found }.into());
    }
    refuse_overlaps(&entries)?;
    Ok(entries)
}

/// Finds the end-of-archive record whose comment ends at the end of the source. Compares its fields
/// with `rawzip`'s result.
fn open<S: ByteSource>(source: &Arc<S>) -> Result<(ZipArchive<Shared<S>>, End), BundleError> {
    let bytes = source.bytes().map_err(BundleError::Io)?;
    let locator = ZipLocator::new().max_search_space(END_BYTES_MAX);
    let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
    let mut before = bytes;
    loop {
        let located = locator.locate_in_reader(Shared::new(source), &mut buffer, before);
        let (end_at, located) = match located {
            Ok(archive) => (archive.eocd_offset(), Ok(archive)),
            Err((_, error)) => match error.eocd_offset() {
                Some(end_at) => (end_at, Err(error)),
                None => return Err(refused(error, ArchiveProblem::NoEnd)),
            },
        };
        if bytes - end_at > END_BYTES_MAX {
            return Err(ArchiveProblem::NoEnd.into());
        }
        let shared = Shared::new(source);
        if !end::is_last(&shared, end_at, bytes)? {
            // The signature is a part of the comment, or data follows the archive.
            before = end_at;
            continue;
        }
        let archive = located.map_err(|error| refused(error, ArchiveProblem::DirectoryOffset))?;
        let end = end::read(&shared, end_at)?;
        // With bytes before the archive, `rawzip` corrects the offset that is declared.
        if archive.directory_offset() != end.directory {
            return Err(ArchiveProblem::DirectoryOffset.into());
        }
        return Ok((archive, end));
    }
}

/// Returns an I/O error unchanged, and any other error as a problem of the archive.
fn refused(error: rawzip::Error, problem: impl Into<BundleError>) -> BundleError {
    match error.into_kind() {
        ErrorKind::IO(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            BundleError::Io(error)
        }
        _ => problem.into(),
    }
}

/// Returns whether the extra fields are complete, and contain each size and offset that is
/// `0xFFFF_FFFF` in the record.
/// `rawzip` ignores damaged extra fields.
fn has_sound_numbers(record: &ZipFileHeaderRecord<'_>) -> bool {
    let mut extra = record.extra_fields();
    let zip64: Vec<&[u8]> =
        extra.by_ref().filter(|(id, _)| id.as_u16() == EXTRA_ZIP64).map(|(_, data)| data).collect();
    let numbers = [
        record.uncompressed_size_hint(),
        record.compressed_size_hint(),
        record.local_header_offset(),
    ];
    let left_out = numbers.into_iter().filter(|number| *number == u64::from(u32::MAX)).count();
    let zip64_bytes = zip64.first().map_or(0, |data| data.len());
    extra.remaining_bytes().is_empty()
        && zip64.len() <= 1
        && zip64_bytes >= left_out * size_of::<u64>()
}

/// Finds an entry's data, and compares the entry's own header with its record.
fn locate<S: ByteSource>(
    archive: &ZipArchive<Shared<S>>,
    record: &ZipFileHeaderRecord<'_>,
    end: &End,
    header: &mut [u8],
) -> Result<Entry, BundleError> {
    let entry = Entry::of(record);
    let head_bytes = (HEADER_BYTES + entry.name.len()) as u64;
    if entry.header.checked_add(head_bytes).is_none_or(|after| after > end.directory) {
        return Err(entry.refused(EntryProblem::OutsideArchive));
    }
    let found = archive
        .get_entry(record.wayfinder())
        .map_err(|error| refused(error, entry.refused(EntryProblem::Header)))?;
    let local = found
        .local_header(header)
        .map_err(|error| refused(error, entry.refused(EntryProblem::OutsideArchive)))?;
    // All ones refer to an extra field.
    let same = |short: u64, long: u64| short == u64::from(u32::MAX) || short == long;
    // With a data descriptor the header's own sizes and CRC may be 0.
    let sizes_agree = record.flags().has_data_descriptor()
        || local.crc32() == entry.crc32
            && same(local.compressed_size_hint(), entry.packed)
            && same(local.uncompressed_size_hint(), entry.unpacked);
    let agrees = local.file_path().as_ref() == entry.name
        && local.flags() == record.flags()
        && local.compression_method() == record.compression_method()
        && sizes_agree;
    if !agrees {
        return Err(entry.refused(EntryProblem::Header));
    }
    let (data, after) = found.compressed_data_range();
    if after > end.directory {
        return Err(entry.refused(EntryProblem::OutsideArchive));
    }
    Ok(Entry { data, ..entry })
}

/// Refuses entries that share bytes: a small archive could unpack to a huge project, and two
/// readers could find different documents.
fn refuse_overlaps(entries: &[Entry]) -> Result<(), BundleError> {
    let mut ordered: Vec<&Entry> = entries.iter().collect();
    ordered.sort_by_key(|entry| entry.header);
    for pair in ordered.windows(2) {
        let &[first, second] = pair else { continue };
        if first.end() > second.header {
            return Err(second.refused(EntryProblem::Overlap { other: shown(&first.name) }));
        }
    }
    Ok(())
}
