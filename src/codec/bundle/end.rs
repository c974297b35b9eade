//! The records at the end of a zip archive, which contain the location of its directory.
//!
//! ```text
//! … directory │ ZIP64 end record, its locator (large archives) │ end record, comment │ end of file
//! ```
//!
//! `rawzip` finds them and returns the offset of the directory. It does not return their other
//! fields, which other readers use: Python's `zipfile` finds the directory by its declared
//! length. So all fields are read here once more, and must agree with each other.

use rawzip::ReaderAt;

use super::{
    ArchiveProblem, BundleError,
    source::{ByteSource, Shared},
};
use crate::codec::zip::format::{
    END, END_BYTES, END64, END64_BYTES, END64_UNCOUNTED_BYTES, Fields, HEADER, LOCATOR,
    LOCATOR_BYTES,
};

/// The disk numbers in an end record. An archive in one part has only disk 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parts {
    One,
    Several,
}

/// The fields of an end record.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) entries: u64,
    /// The offset of the directory, and its length in bytes.
    pub(super) directory: u64,
    pub(super) directory_bytes: u64,
    parts: Parts,
}

/// Reads the end records of an archive whose end record begins at `end_at`.
///
/// # Errors
/// - [`ArchiveProblem::MultiPart`] if the archive is one part of several.
/// - [`ArchiveProblem::DataBefore`] if data stands before the archive.
/// - [`ArchiveProblem::DirectoryOffset`] if the directory does not end where the end records begin.
/// - [`ArchiveProblem::Directory`] if the two end records of a ZIP64 archive disagree.
/// - [`BundleError::Io`] if the source cannot be read.
pub(super) fn read<S: ByteSource>(source: &Shared<S>, end_at: u64) -> Result<End, BundleError> {
    let record: [u8; END_BYTES as usize] = read_array(source, end_at)?;
    let short = End::parse(Fields(&record)).ok_or(ArchiveProblem::NoEnd)?;
    let (end, records_at) = match locator(source, end_at)? {
        None => (short, end_at),
        Some(end64_at) => {
            if end64_at.checked_add(END64_BYTES + LOCATOR_BYTES) != Some(end_at) {
                return Err(ArchiveProblem::DirectoryOffset.into());
            }
            let record: [u8; END64_BYTES as usize] = read_array(source, end64_at)?;
            let long = End::parse64(Fields(&record)).filter(|long| short.agrees_with(long));
            (long.ok_or(ArchiveProblem::Directory)?, end64_at)
        }
    };
    let directory_end = end.directory.checked_add(end.directory_bytes);
    if directory_end != Some(records_at) {
        return Err(match data_before(source, directory_end, records_at)? {
            Some(bytes) => ArchiveProblem::DataBefore { bytes }.into(),
            None => ArchiveProblem::DirectoryOffset.into(),
        });
    }
    if (short.parts, end.parts) != (Parts::One, Parts::One) {
        return Err(ArchiveProblem::MultiPart.into());
    }
    Ok(end)
}

/// Returns the number of bytes before the archive, if all its offsets are too low by that number and
/// its first entry begins there.
///
/// # Errors
/// [`BundleError::Io`] if the source cannot be read.
fn data_before<S: ByteSource>(
    source: &Shared<S>,
    directory_end: Option<u64>,
    records_at: u64,
) -> Result<Option<u64>, BundleError> {
    let bytes = directory_end.and_then(|end| records_at.checked_sub(end));
    let Some(bytes) = bytes.filter(|bytes| bytes.saturating_add(END_BYTES) < records_at) else {
        return Ok(None);
    };
    let signature: [u8; 4] = read_array(source, bytes)?;
    Ok((u32::from_le_bytes(signature) == HEADER).then_some(bytes))
}

/// Returns whether the comment of the end record at `end_at` reaches exactly to the end of the
/// source. Otherwise the record's signature is a part of a comment.
///
/// # Errors
/// [`BundleError::Io`] if the source cannot be read.
pub(super) fn is_last<S: ByteSource>(
    source: &Shared<S>,
    end_at: u64,
    bytes: u64,
) -> Result<bool, BundleError> {
    let Some(comment_bytes) = bytes.checked_sub(end_at + END_BYTES) else { return Ok(false) };
    let declared: [u8; 2] = read_array(source, end_at + END_BYTES - 2)?;
    Ok(u64::from(u16::from_le_bytes(declared)) == comment_bytes)
}

impl End {
    fn parse(mut fields: Fields<'_>) -> Option<Self> {
        fields.signature(END)?;
        let disks = [fields.u16()?, fields.u16()?];
        let entries_here = fields.u16()?;
        let entries = fields.u16()?;
        let directory_bytes = fields.u32()?.into();
        let directory = fields.u32()?.into();
        // All ones refer to the ZIP64 end record.
        let is_first = |disk: &u16| *disk == 0 || *disk == u16::MAX;
        let parts = if disks.iter().all(is_first) && entries_here == entries {
            Parts::One
        } else {
            Parts::Several
        };
        Some(Self { entries: entries.into(), directory, directory_bytes, parts })
    }

    /// Parses a ZIP64 end record without an extensible data sector, which no known program writes.
    fn parse64(mut fields: Fields<'_>) -> Option<Self> {
        fields.signature(END64)?;
        let bytes_counted = fields.u64()?;
        let _made_by = fields.u16()?;
        let _needed = fields.u16()?;
        let disks = [fields.u32()?, fields.u32()?];
        let entries_here = fields.u64()?;
        let entries = fields.u64()?;
        let directory_bytes = fields.u64()?;
        let directory = fields.u64()?;
        let parts = if disks == [0, 0] { Parts::One } else { Parts::Several };
        let is_sound = bytes_counted == END64_BYTES - END64_UNCOUNTED_BYTES;
        (is_sound && entries_here == entries).then_some(Self {
            entries,
            directory,
            directory_bytes,
            parts,
        })
    }

    /// Returns whether every field of this record that is not all ones equals the field of the ZIP64
    /// end record.
    fn agrees_with(&self, long: &Self) -> bool {
        let same = |short: u64, all_ones: u64, long: u64| short == all_ones || short == long;
        let (u16_max, u32_max) = (u64::from(u16::MAX), u64::from(u32::MAX));
        same(self.entries, u16_max, long.entries)
            && same(self.directory, u32_max, long.directory)
            && same(self.directory_bytes, u32_max, long.directory_bytes)
    }
}

/// Returns the offset of the ZIP64 end record, if a locator precedes the end record.
fn locator<S: ByteSource>(source: &Shared<S>, end_at: u64) -> Result<Option<u64>, BundleError> {
    let Some(locator_at) = end_at.checked_sub(LOCATOR_BYTES) else { return Ok(None) };
    let record: [u8; LOCATOR_BYTES as usize] = read_array(source, locator_at)?;
    let mut fields = Fields(&record);
    if fields.signature(LOCATOR).is_none() {
        return Ok(None);
    }
    // The disk of the ZIP64 end record, its offset, and the number of disks. Some programs write 0
    // disks instead of 1.
    match (fields.u32(), fields.u64(), fields.u32()) {
        (Some(0), Some(end64_at), Some(0 | 1)) => Ok(Some(end64_at)),
        _ => Err(ArchiveProblem::MultiPart.into()),
    }
}

fn read_array<S: ByteSource, const N: usize>(
    source: &Shared<S>,
    offset: u64,
) -> Result<[u8; N], BundleError> {
    let mut bytes = [0; N];
    source.read_exact_at(&mut bytes, offset).map_err(BundleError::Io)?;
    Ok(bytes)
}
