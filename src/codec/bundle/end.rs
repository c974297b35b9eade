//! The records with which a zip archive ends, and which say where its directory is.
//!
//! ```text
//! … directory │ ZIP64 end record, its locator (large archives) │ end record, comment │ end of file
//! ```

use super::{
    ArchiveProblem, BundleError,
    source::{ReadAt, read_exact_at},
};
use crate::codec::zip::format::{
    END, END_BYTES, END64, END64_BYTES, END64_UNCOUNTED_BYTES, Fields, LOCATOR, LOCATOR_BYTES,
};

/// The comment's length is a 16 bit number.
const COMMENT_BYTES_MAX: u64 = u16::MAX as u64;

/// What the end of an archive says.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// How many records the directory claims to have.
    pub(super) entries: u64,
    /// Where the directory begins. It ends, `directory_bytes` later, where the end records begin.
    pub(super) directory: u64,
    pub(super) directory_bytes: u64,
}

/// Reads the end of an archive.
///
/// # Errors
/// It is no archive, one of several parts, or its directory does not end where this begins.
pub(super) fn read(source: &impl ReadAt) -> Result<End, BundleError> {
    let bytes = source.bytes().map_err(BundleError::Io)?;
    let tail_bytes = bytes.min(END_BYTES + COMMENT_BYTES_MAX);
    let tail_at = bytes - tail_bytes;
    let tail = read_exact_at(source, tail_at, tail_bytes as usize).map_err(BundleError::Io)?;
    let (within, parsed) = find(&tail).ok_or(ArchiveProblem::NoEnd)?;
    let end_at = tail_at + within as u64;

    let (end, records_at) = match locator(source, end_at)? {
        None => (parsed.end, end_at),
        Some(end64_at) => (parsed.widened(source, end_at, end64_at)?, end64_at),
    };
    if end.directory.checked_add(end.directory_bytes) != Some(records_at) {
        return Err(ArchiveProblem::DirectoryPlace.into());
    }
    if parsed.parts == Parts::Several {
        return Err(ArchiveProblem::Parts.into());
    }
    Ok(end)
}

/// Whether an archive is spread over several files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parts {
    One,
    Several,
}

/// The end record.
#[derive(Clone, Copy, Debug)]
struct EndRecord {
    end: End,
    parts: Parts,
}

/// Finds the end record: the last one whose comment reaches exactly to the end of the file.
fn find(tail: &[u8]) -> Option<(usize, EndRecord)> {
    let last = tail.len().checked_sub(END_BYTES as usize)?;
    (0..=last).rev().find_map(|at| Some((at, EndRecord::parse(Fields(&tail[at..]))?)))
}

impl EndRecord {
    fn parse(mut fields: Fields<'_>) -> Option<Self> {
        fields.signature(END)?;
        let disk = fields.u16()?;
        let directory_disk = fields.u16()?;
        let entries_here = fields.u16()?;
        let entries = fields.u16()?;
        let directory_bytes = fields.u32()?;
        let directory = fields.u32()?;
        let comment_bytes = fields.u16()?;
        // ZIP64 archives may say "see there" with all ones in any of these.
        let one = |disk: u16| disk == 0 || disk == u16::MAX;
        let parts = if one(disk) && one(directory_disk) && entries_here == entries {
            Parts::One
        } else {
            Parts::Several
        };
        (usize::from(comment_bytes) == fields.0.len()).then_some(Self {
            end: End {
                entries: entries.into(),
                directory: directory.into(),
                directory_bytes: directory_bytes.into(),
            },
            parts,
        })
    }

    /// Reads ZIP64's end record, which must say what this one says wherever this one says it.
    fn widened(self, source: &impl ReadAt, end_at: u64, end64_at: u64) -> Result<End, BundleError> {
        // What the locator names was not yet compared with the file's length.
        let fits = end64_at.checked_add(END64_BYTES + LOCATOR_BYTES);
        if fits.is_none_or(|after| after > end_at) {
            return Err(ArchiveProblem::DirectoryPlace.into());
        }
        let bytes =
            read_exact_at(source, end64_at, END64_BYTES as usize).map_err(BundleError::Io)?;
        let (bytes_counted, disks, end) =
            parse_end64(Fields(&bytes)).ok_or(ArchiveProblem::Directory)?;
        let reaches = end64_at
            .checked_add(END64_UNCOUNTED_BYTES)
            .and_then(|at| at.checked_add(bytes_counted)?.checked_add(LOCATOR_BYTES));
        if reaches != Some(end_at) {
            return Err(ArchiveProblem::DirectoryPlace.into());
        }
        if disks != [0, 0] {
            return Err(ArchiveProblem::Parts.into());
        }
        let same = |short: u64, all_ones: u64, long: u64| short == all_ones || short == long;
        let (u16_max, u32_max) = (u64::from(u16::MAX), u64::from(u32::MAX));
        let agrees = same(self.end.entries, u16_max, end.entries)
            && same(self.end.directory, u32_max, end.directory)
            && same(self.end.directory_bytes, u32_max, end.directory_bytes);
        if agrees { Ok(end) } else { Err(ArchiveProblem::Directory.into()) }
    }
}

/// The locator before the end record, where there is one: the place of ZIP64's end record.
fn locator(source: &impl ReadAt, end_at: u64) -> Result<Option<u64>, BundleError> {
    let Some(locator_at) = end_at.checked_sub(LOCATOR_BYTES) else {
        return Ok(None);
    };
    let bytes =
        read_exact_at(source, locator_at, LOCATOR_BYTES as usize).map_err(BundleError::Io)?;
    let mut fields = Fields(&bytes);
    if fields.signature(LOCATOR).is_none() {
        return Ok(None);
    }
    // The disk of ZIP64's end record, its place there, and how many disks there are. Some write
    // 0 for the last, and mean 1.
    match (fields.u32(), fields.u64(), fields.u32()) {
        (Some(0), Some(end64_at), Some(0 | 1)) => Ok(Some(end64_at)),
        _ => Err(ArchiveProblem::Parts.into()),
    }
}

/// ZIP64's end record: its length, its disk numbers, and what it says.
fn parse_end64(mut fields: Fields<'_>) -> Option<(u64, [u32; 2], End)> {
    fields.signature(END64)?;
    let bytes_counted = fields.u64()?;
    let _made_by = fields.u16()?;
    let _needed = fields.u16()?;
    let disks = [fields.u32()?, fields.u32()?];
    let entries_here = fields.u64()?;
    let entries = fields.u64()?;
    let directory_bytes = fields.u64()?;
    let directory = fields.u64()?;
    let end = End { entries, directory, directory_bytes };
    (entries_here == entries).then_some((bytes_counted, disks, end))
}
