//! The directory of a zip archive, read strictly.
//!
//! The format is PKWARE's APPNOTE.TXT: entries, then a directory with a record for each, then the
//! end record (see [`end`]). Archives that two readers would understand in two ways are refused:
//! the directory ends where the end records begin, its count is its number of records, each
//! entry's own header agrees with its record, and no two entries share a byte.
//!
//! The `zip` crate is not used for reading: it keeps the last of several entries of one name and
//! drops the others without a word, does not look at the entries' own headers, makes room for as
//! many records as the archive claims, and tries every end record that a file holds in turn.

use std::sync::Arc;

use super::{
    ArchiveProblem, BundleError, EntryProblem,
    end::{self, End},
    limits::{DIRECTORY_BYTES_MAX, ENTRIES_MAX},
    source::{ReadAt, Window, read_exact_at},
};
use crate::codec::zip::format::{EXTRA_ZIP64, Fields, HEADER, HEADER_BYTES, RECORD};

/// Bits of an entry's flags: encrypted, encrypted strongly, header masked.
const FLAGS_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// The sizes and the CRC stand behind the data: the header's own may be 0.
const FLAG_SIZES_BEHIND: u16 = 1 << 3;

/// One entry as the archive's directory describes it; its data lies inside of the archive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) encryption: Encryption,
    pub(super) method: u16,
    pub(super) crc32: u32,
    /// The length of the data, packed and unpacked, in bytes.
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    /// Unix file type and permissions; 0 where the archive says nothing.
    pub(super) mode: u32,
    /// Where its header begins, and where its data does.
    header: u64,
    data: u64,
}

/// Whether an entry can be read without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    None,
    Some,
}

impl Entry {
    /// An error about this entry.
    pub(super) fn refused(&self, problem: EntryProblem) -> BundleError {
        BundleError::Entry { entry: shown(&self.name), problem }
    }

    /// The packed data.
    pub(super) fn window<S: ReadAt>(&self, source: Arc<S>) -> Window<S> {
        Window::new(source, self.data, self.end())
    }

    /// Where the data ends. That it does end was checked when the entry was read.
    fn end(&self) -> u64 {
        self.data + self.packed
    }
}

/// An entry's name, for messages: what is no text is replaced, and a long one cut.
pub(super) fn shown(name: &[u8]) -> String {
    const CHARACTERS_MAX: usize = 200;
    let text = String::from_utf8_lossy(name);
    let shown = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
    shown.take(CHARACTERS_MAX).collect()
}

/// Reads the directory of an archive.
///
/// # Errors
/// The archive is damaged, ambiguous, or has more entries than a bundle.
pub(super) fn read(source: &impl ReadAt) -> Result<Vec<Entry>, BundleError> {
    let end = end::read(source)?;
    if end.entries > ENTRIES_MAX {
        return Err(ArchiveProblem::Entries { entries: end.entries }.into());
    }
    if end.directory_bytes > DIRECTORY_BYTES_MAX {
        return Err(ArchiveProblem::DirectoryLong { bytes: end.directory_bytes }.into());
    }
    let bytes = usize::try_from(end.directory_bytes).map_err(|_| ArchiveProblem::Directory)?;
    let directory = read_exact_at(source, end.directory, bytes).map_err(BundleError::Io)?;

    let mut records = Fields(&directory);
    let mut entries = Vec::new();
    while !records.0.is_empty() {
        if entries.len() as u64 == ENTRIES_MAX {
            return Err(ArchiveProblem::Entries { entries: ENTRIES_MAX + 1 }.into());
        }
        let record = Record::parse(&mut records).ok_or(ArchiveProblem::Directory)?;
        entries.push(record.locate(source, &end)?);
    }
    let found = entries.len() as u64;
    if found != end.entries {
        return Err(ArchiveProblem::Count { counted: end.entries, found }.into());
    }
    overlap(&entries)?;
    Ok(entries)
}

/// Refuses entries that share bytes: a small archive would unpack to much, and two readers would
/// find different things.
fn overlap(entries: &[Entry]) -> Result<(), BundleError> {
    let begins = entries.iter().enumerate().map(|(index, entry)| (entry.header, index));
    let mut ordered: Vec<(u64, usize)> = begins.collect();
    ordered.sort_unstable();
    for pair in ordered.windows(2) {
        let &[(_, first), (_, second)] = pair else { continue };
        let (first, second) = (&entries[first], &entries[second]);
        if first.end() > second.header {
            return Err(second.refused(EntryProblem::Overlap { other: shown(&first.name) }));
        }
    }
    Ok(())
}

/// A record of the directory, as it is spelled.
struct Record<'a> {
    name: &'a [u8],
    flags: u16,
    method: u16,
    crc32: u32,
    packed: u64,
    unpacked: u64,
    attributes: u32,
    header: u64,
}

impl<'a> Record<'a> {
    /// Takes one record off the directory; nothing where it is none.
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        fields.signature(RECORD)?;
        let _made_by = fields.u16()?;
        let _needed = fields.u16()?;
        let flags = fields.u16()?;
        let method = fields.u16()?;
        let _time = fields.u32()?;
        let crc32 = fields.u32()?;
        let packed = fields.u32()?;
        let unpacked = fields.u32()?;
        let name_bytes = fields.u16()?;
        let extra_bytes = fields.u16()?;
        let comment_bytes = fields.u16()?;
        let disk = fields.u16()?;
        let _internal = fields.u16()?;
        let attributes = fields.u32()?;
        let header = fields.u32()?;
        let name = fields.bytes(name_bytes.into())?;
        let extra = Fields(fields.bytes(extra_bytes.into())?);
        let _comment = fields.bytes(comment_bytes.into())?;

        // ZIP64: those of these four that are all ones stand in the extra field, in this order.
        let mut long = zip64(extra)?;
        let mut widen =
            |short: u32| if short == u32::MAX { long.u64() } else { Some(short.into()) };
        let unpacked = widen(unpacked)?;
        let packed = widen(packed)?;
        let header = widen(header)?;
        let disk = if disk == u16::MAX { long.u32()? } else { disk.into() };
        (disk == 0).then_some(Self {
            name,
            flags,
            method,
            crc32,
            packed,
            unpacked,
            attributes,
            header,
        })
    }

    /// Finds the entry's data, and compares its header with this record.
    fn locate(self, source: &impl ReadAt, end: &End) -> Result<Entry, BundleError> {
        let entry = Entry {
            name: self.name.to_vec(),
            encryption: match self.flags & FLAGS_ENCRYPTED {
                0 => Encryption::None,
                _ => Encryption::Some,
            },
            method: self.method,
            crc32: self.crc32,
            packed: self.packed,
            unpacked: self.unpacked,
            mode: self.attributes >> 16,
            header: self.header,
            data: self.header,
        };
        let head_bytes = HEADER_BYTES + self.name.len();
        let fits = |start: u64, bytes: u64| {
            start.checked_add(bytes).filter(|after| *after <= end.directory)
        };
        if fits(self.header, head_bytes as u64).is_none() {
            return Err(entry.refused(EntryProblem::Beyond));
        }
        let head = read_exact_at(source, self.header, head_bytes).map_err(BundleError::Io)?;
        let Some(extra_bytes) = self.header_agrees(Fields(&head)) else {
            return Err(entry.refused(EntryProblem::Header));
        };
        let data = fits(self.header, head_bytes as u64 + u64::from(extra_bytes))
            .filter(|data| fits(*data, self.packed).is_some());
        match data {
            Some(data) => Ok(Entry { data, ..entry }),
            None => Err(entry.refused(EntryProblem::Beyond)),
        }
    }

    /// The length of the header's extra fields; nothing where the header says otherwise than this
    /// record.
    fn header_agrees(&self, mut header: Fields<'_>) -> Option<u16> {
        header.signature(HEADER)?;
        let _needed = header.u16()?;
        let flags = header.u16()?;
        let method = header.u16()?;
        let _time = header.u32()?;
        let crc32 = header.u32()?;
        let packed = header.u32()?;
        let unpacked = header.u32()?;
        let name_bytes = header.u16()?;
        let extra_bytes = header.u16()?;
        let name = header.bytes(name_bytes.into())?;

        let same = |short: u32, long: u64| short == u32::MAX || u64::from(short) == long;
        let sizes_agree = self.flags & FLAG_SIZES_BEHIND != 0
            || crc32 == self.crc32 && same(packed, self.packed) && same(unpacked, self.unpacked);
        let agrees =
            name == self.name && flags == self.flags && method == self.method && sizes_agree;
        agrees.then_some(extra_bytes)
    }
}

/// The ZIP64 numbers among a record's extra fields, none where it has none; nothing where the
/// fields are damaged.
fn zip64(mut extra: Fields<'_>) -> Option<Fields<'_>> {
    let mut found = None;
    while !extra.0.is_empty() {
        let id = extra.u16()?;
        let bytes = extra.u16()?;
        let content = extra.bytes(bytes.into())?;
        if id == EXTRA_ZIP64 && found.replace(Fields(content)).is_some() {
            return None;
        }
    }
    Some(found.unwrap_or(Fields(&[])))
}
