//! The log of a sled database, read without sled and without writing.
//!
//! sled takes the first message that it cannot read for the end of its log, or for the end of a
//! segment, and erases everything after it. [`check()`] runs before sled opens a database and
//! distinguishes damage from the states that a crash leaves. [`salvage()`] reads the readable entries of
//! a damaged database.
//!
//! # The format
//!
//! Facts about sled 0.34.7, with the source file of each. Numbers are little-endian.
//!
//! - The directory holds `db`, `conf`, `snap.LSN` and `blobs/` (`config.rs`). `conf` is a text with
//!   its CRC-32 at the end. A snapshot file is a page table, its length (8 bytes) and its CRC-32
//!   (`pagecache/snapshot.rs`). sled writes one when it opens a database, never later.
//! - `db` consists of slots of one segment each. An LSN is a position in the endless log. Slots are
//!   reused, so a segment's LSN is a multiple of the segment size, not smaller than its offset
//!   (`pagecache/segment.rs`).
//! - A segment begins with 20 bytes: the inverted CRC-32 of the rest, its LSN, and the highest LSN
//!   that was on the disk when the segment was begun; both are XORed with `i64::MAX`
//!   (`pagecache/logger.rs`).
//! - Messages follow. A message has a CRC-32 (4 bytes), a kind (1 byte), the body's length, the
//!   segment's number and the page's number as variable-length numbers, and the body. The checksum
//!   is the inverted CRC-32 of the body, followed by the header after the checksum
//!   (`pagecache/logger.rs`, `pagecache/mod.rs`, `serialization.rs`, `lib.rs`).
//! - A cap fills a segment that has no space for the next message. No message begins in the last 32
//!   bytes (`pagecache/constants.rs`).
//! - A page is the newest `Node`, `Meta` or `Counter` message with its number and the `Link`
//!   messages after it. Page 0 contains the name and the root page of every tree (`meta.rs`). Nodes
//!   are B-link tree nodes with prefix-encoded keys (`node.rs`, `prefix.rs`).
//! - A batch manifest holds the LSN of the batch's last message. A batch without its end is not
//!   read (`pagecache/iterator.rs`).
//!
//! # The state after a crash
//!
//! - Several buffers are written at once and in any order (`pagecache/iobuf.rs`). So above the
//!   highest stable LSN in any header, parts of any size can be missing, and there can be valid
//!   messages after a gap.
//! - A segment is reused after every page in it has been written again in segments that are stable.
//!   The new segment's header can be missing while later parts of it exist. sled also erases unused
//!   slots when it opens a database, without waiting for the disk. So a slot without any current
//!   page can hold anything but a broken header, and nothing is lost with it.

mod check;
mod message;
mod node;
mod pages;
mod read_damaged;
mod segment;
mod table;
#[cfg(test)]
mod tests;

use std::{fmt, ops::Range};

pub(super) use check::check;
pub(super) use read_damaged::salvage;

/// The size of sled's segments in every database of Satchel, in bytes. A page of more than a
/// quarter of one becomes a blob file, which sled does not sync. The longest page is an inner one
/// of the reverse index: 257 keys of at most 2 + 255 + 32 + 255 bytes, 140 KB.
pub(super) const SEGMENT_BYTES: usize = 1024 * 1024;

/// The segment size as a difference of LSNs.
const SEGMENT_LSN: Lsn = SEGMENT_BYTES as Lsn;

/// A position in the log.
pub(super) type Lsn = i64;

/// The state of a database's log.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum LogCheck {
    /// sled will read everything that was written.
    Clean,
    /// The end of the log is incomplete, as after a crash. sled erases it.
    IncompleteEnd(IncompleteEnd),
    /// The log has damage that no crash explains.
    Damaged(Vec<LogDamage>),
}

/// The incomplete end of a log: the last messages, which a crash left partly written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IncompleteEnd {
    /// The LSN of the first byte that sled does not read.
    pub end: Lsn,
    /// The offset in `db` of the segment that holds it. `None` if sled begins a new segment.
    pub segment: Option<u64>,
    /// The ranges of `db` that sled erases, in the order of their LSNs.
    pub erased: Vec<Range<u64>>,
    /// The number of complete messages of this log in those ranges. After a power cut they are parts of
    /// changes that were not acknowledged. Otherwise they indicate damage.
    pub messages: usize,
}

/// One damaged location.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LogDamage {
    /// The file's name in the database's directory.
    pub file: String,
    /// The offset of the damage in the file, in bytes.
    pub offset: Option<u64>,
    pub fault: LogFault,
}

/// The kind of damage.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum LogFault {
    #[error("the file is missing")]
    FileMissing,
    #[error("the file is empty")]
    FileEmpty,
    #[error("the file holds no readable segment")]
    NoSegment,
    #[error("the checksum does not match the content")]
    FileChecksum,
    #[error("the file does not match the rest of the database")]
    FileOther,
    #[error("the settings of the database were not written by Satchel")]
    SettingsOther,
    #[error("the header of a segment is damaged")]
    HeaderDamaged,
    #[error("the header of a segment is erased, but its content is in use")]
    HeaderErased,
    #[error("two segments have the same position {lsn} in the log")]
    SegmentTwice { lsn: Lsn },
    #[error("a segment has the invalid position {lsn}")]
    SegmentMisplaced { lsn: Lsn },
    #[error("the segment at the position {lsn} is missing")]
    SegmentMissing { lsn: Lsn },
    #[error("a log entry is damaged")]
    MessageDamaged,
    #[error("the end of a batch of log entries is missing")]
    BatchUnfinished,
    #[error("the content of page {page} is missing")]
    PageLost { page: u64 },
    #[error("page {page} is stored outside of the log, which Satchel never does")]
    Blob { page: u64 },
}

impl fmt::Display for LogDamage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            Some(offset) => write!(formatter, "{}, byte {offset}: {}", self.file, self.fault),
            None => write!(formatter, "{}: {}", self.file, self.fault),
        }
    }
}

/// The part of a log that a salvage reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reach {
    /// The part that sled would read: up to the first incomplete message at the end of the log.
    Recovered,
    /// All readable messages, except for a batch whose end was never written.
    Everything,
}

/// An entry of a tree that a salvage found.
#[derive(Debug)]
pub(super) struct SalvagedEntry<'a> {
    /// The name of the tree. `None` if the pages above the entry's page are lost.
    pub tree: Option<&'a [u8]>,
    pub key: &'a [u8],
    pub value: &'a [u8],
    /// Whether the page is known to be in its newest state. Otherwise the value can be older, and
    /// the entry can have been removed since.
    pub page_complete: bool,
}

/// The numbers of a salvage.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SalvageReport {
    /// Segments that were read.
    pub segments: u64,
    /// Slots whose header is damaged and that hold no readable message.
    pub segments_unreadable: u64,
    /// Valid messages.
    pub messages: u64,
    /// Damaged locations in segments. One location can hide several messages.
    pub messages_damaged: u64,
    /// Pages that were read.
    pub pages: u64,
    /// Pages that were read, but that no tree refers to.
    pub pages_unreachable: u64,
    /// Pages that other pages refer to, but that cannot be read.
    pub pages_lost: u64,
    /// Entries that were returned.
    pub entries: u64,
}
