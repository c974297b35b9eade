//! The file `db`: slots of one segment each, and their headers.

use std::{collections::BTreeMap, fs::File, io, os::unix::fs::FileExt, path::Path};

use super::{Lsn, SEGMENT_BYTES, SEGMENT_LSN};

/// The length of a segment's header, in bytes.
pub(super) const HEADER_BYTES: usize = 20;

/// The unit in which a disk fails, in bytes.
const PAGE_BYTES: usize = 4096;

/// The header of a segment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SegmentHeader {
    /// The LSN of the segment's first byte.
    pub lsn: Lsn,
    /// Every byte up to this LSN was on the disk when the segment was begun.
    pub stable: Lsn,
}

/// A slot's first bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SlotHeader {
    Valid(SegmentHeader),
    /// All zeros: never written, or erased by a recovery.
    Zero,
    /// Neither a header nor zeros.
    Damaged,
}

impl SlotHeader {
    pub(super) fn read(bytes: &[u8; HEADER_BYTES]) -> Self {
        if bytes.iter().all(|byte| *byte == 0) {
            return SlotHeader::Zero;
        }
        let (checksum, fields) = bytes.split_at(4);
        let stored = checksum.iter().rev().fold(0, |all, byte| all << 8 | u32::from(*byte));
        if crc32fast::hash(fields) != stored ^ u32::MAX {
            return SlotHeader::Damaged;
        }
        let (lsn, stable) = fields.split_at(8);
        let field = |bytes: &[u8]| {
            let number = bytes.iter().rev().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
            number.cast_signed() ^ Lsn::MAX
        };
        SlotHeader::Valid(SegmentHeader { lsn: field(lsn), stable: field(stable) })
    }
}

/// The file, open for reading only.
pub(super) struct LogFile {
    file: File,
    pub length: u64,
}

impl LogFile {
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let file = File::open(directory.join("db"))?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }

    /// Returns the offsets of all slots with space for a header.
    pub(super) fn slots(&self) -> impl Iterator<Item = u64> + use<> {
        let size = SEGMENT_BYTES as u64;
        let length = self.length;
        (0..length.div_ceil(size))
            .map(move |slot| slot * size)
            .filter(move |offset| length - offset >= HEADER_BYTES as u64)
    }

    /// Reads the header of every slot.
    pub(super) fn headers(&self) -> BTreeMap<u64, SlotHeader> {
        let read = |offset| {
            let mut bytes = [0; HEADER_BYTES];
            match self.file.read_exact_at(&mut bytes, offset) {
                Ok(()) => SlotHeader::read(&bytes),
                Err(_) => SlotHeader::Damaged,
            }
        };
        self.slots().map(|offset| (offset, read(offset))).collect()
    }

    /// Reads a slot into `bytes`. Bytes after the end of the file, and pages that the disk fails to read,
    /// are zero.
    pub(super) fn read_slot(&self, offset: u64, bytes: &mut Vec<u8>) {
        bytes.clear();
        bytes.resize(SEGMENT_BYTES, 0);
        let within = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let existing = &mut bytes[..within.min(SEGMENT_BYTES)];
        if self.file.read_exact_at(existing, offset).is_ok() {
            return;
        }
        let mut at = offset;
        for page in existing.chunks_mut(PAGE_BYTES) {
            if self.file.read_exact_at(page, at).is_err() {
                page.fill(0);
            }
            at += page.len() as u64;
        }
    }

    /// Reads `length` bytes at `offset`, if the file has them.
    pub(super) fn read(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }
}

/// The LSN of the segment that holds `lsn`.
pub(super) fn floor(lsn: Lsn) -> Lsn {
    lsn.max(0) / SEGMENT_LSN * SEGMENT_LSN
}

/// The number of the segment that holds `lsn`. Every message of the segment carries it.
pub(super) fn segment_number(lsn: Lsn) -> u64 {
    (lsn.max(0) / SEGMENT_LSN).cast_unsigned()
}
