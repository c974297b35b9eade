//! The messages in a segment.

use super::SEGMENT_BYTES;

/// No message begins in the last bytes of a segment: the longest header must fit.
pub(super) const MESSAGE_HEADER_MAX: usize = 32;

/// Single damaged bytes are looked for in messages up to this length, in bytes. sled stores longer
/// ones outside of the log.
const REPAIR_BYTES_MAX: usize = SEGMENT_BYTES / 4;

/// Up to this length, in bytes, a repair of a single damaged byte is considered certain. Other
/// damage is mistaken for a single damaged byte in at most 1 of 16,000 cases.
const CERTAIN_BYTES_MAX: usize = 1024;

/// The kind of a message. The numbers in [`MessageKind::read`] are those of sled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum MessageKind {
    /// A cancelled reservation.
    Canceled,
    /// The rest of the segment is unused.
    Cap,
    /// The LSN of the last message of a batch follows.
    BatchManifest,
    /// The page is free.
    Free,
    /// The page of the counter.
    Counter,
    /// The page with the names of the trees.
    Meta,
    /// A page in a tree.
    Node,
    /// A change of a page.
    Link,
    /// A page whose content is in a blob file.
    Blob,
}

impl MessageKind {
    fn read(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => MessageKind::Canceled,
            2 => MessageKind::Cap,
            3 => MessageKind::BatchManifest,
            4 => MessageKind::Free,
            5 => MessageKind::Counter,
            6 => MessageKind::Meta,
            8 => MessageKind::Node,
            10 => MessageKind::Link,
            7 | 9 | 11 => MessageKind::Blob,
            _ => return None,
        })
    }
}

/// The header of a message, and the offsets of the message in its segment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Message {
    pub kind: MessageKind,
    pub page: u64,
    pub segment: u64,
    /// The offset of the header in the segment.
    pub at: usize,
    /// The offset of the body.
    pub body: usize,
    /// The offset of the next message.
    pub end: usize,
}

/// A message with one damaged byte.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Repaired {
    pub message: Message,
    /// The offset of the damaged byte in the segment.
    pub byte: usize,
    /// The value to XOR the damaged byte with.
    pub flipped: u8,
}

impl Repaired {
    /// Returns whether the damage is certainly a single byte. A header is too short for a
    /// coincidence. Other damage of the longest message is mistaken for a single damaged bit in 1
    /// of 2,000 cases.
    pub(super) fn is_certain(&self) -> bool {
        self.byte < self.message.body
            || self.flipped.is_power_of_two()
            || self.message.end - self.message.at <= CERTAIN_BYTES_MAX
    }
}

impl Message {
    /// Reads the header at `at`. `None` if no message can begin there.
    pub(super) fn parse(segment: &[u8], at: usize) -> Option<Self> {
        if at > SEGMENT_BYTES - MESSAGE_HEADER_MAX {
            return None;
        }
        let mut rest = segment.get(at + 4..)?;
        let (kind, after) = rest.split_first()?;
        let kind = MessageKind::read(*kind)?;
        rest = after;
        let length = usize::try_from(varint(&mut rest)?).ok()?;
        let number = varint(&mut rest)?;
        let page = varint(&mut rest)?;
        let body = segment.len() - rest.len();
        let end = body.checked_add(length).filter(|end| *end <= segment.len())?;
        Some(Self { kind, page, segment: number, at, body, end })
    }

    /// Returns whether the checksum matches the header and the body.
    pub(super) fn is_valid(&self, segment: &[u8]) -> bool {
        let Some(stored) = segment.get(self.at..).and_then(|bytes| bytes.first_chunk::<4>()) else {
            return false;
        };
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&segment[self.body..self.end]);
        checksum.update(&segment[self.at + 4..self.body]);
        checksum.finalize() ^ u32::MAX == u32::from_le_bytes(*stored)
    }

    /// Reads the message at `at` of the segment with this number. `None` if it is damaged.
    pub(super) fn read(segment: &[u8], at: usize, number: u64) -> Option<Self> {
        let message = Self::parse(segment, at)?;
        (message.segment == number && message.is_valid(segment)).then_some(message)
    }

    /// Reads the message at `at` of which exactly one byte is damaged. `next` is the offset of the
    /// next message.
    ///
    /// A CRC-32 reveals the position of such an error: the difference of the checksums is the
    /// contribution of the byte at that position. A disk that loses a sector never changes a single byte.
    pub(super) fn repair(segment: &[u8], at: usize, number: u64, next: usize) -> Option<Repaired> {
        if next > segment.len() || next.checked_sub(at)? > REPAIR_BYTES_MAX {
            return None;
        }
        let stored = u32::from_le_bytes(*segment.get(at..)?.first_chunk::<4>()?);
        let header = |byte: usize, flipped: u8| {
            let mut header = segment.get(at..next.min(at + MESSAGE_HEADER_MAX))?.to_vec();
            *header.get_mut(byte)? ^= flipped;
            let mut rest = header.get(5..)?;
            let kind = MessageKind::read(header[4])?;
            let length = usize::try_from(varint(&mut rest)?).ok()?;
            let (found, page) = (varint(&mut rest)?, varint(&mut rest)?);
            let body = at + header.len() - rest.len();
            let message = Self { kind, page, segment: found, at, body, end: next };
            (found == number && body + length == next).then_some((message, header))
        };
        let checksum = |message: &Self, header: &[u8]| {
            let mut checksum = crc32fast::Hasher::new();
            checksum.update(&segment[message.body..message.end]);
            checksum.update(&header[4..message.body - at]);
            checksum.finalize() ^ u32::MAX
        };
        if let Some((message, bytes)) = header(0, 0) {
            let difference = checksum(&message, &bytes) ^ stored;
            let differing = difference.to_le_bytes().map(|byte| byte != 0);
            if differing.iter().filter(|differs| **differs).count() == 1 {
                let byte = differing.iter().position(|differs| *differs)?;
                let flipped = difference.to_le_bytes()[byte];
                return Some(Repaired { message, byte: at + byte, flipped });
            }
            let header_length = message.body - at - 4;
            if let Some((bytes_from_end, flipped)) = single_error(difference, next - at - 4) {
                // The checksum covers the body first and then the header, so the count starts at the end of
                // the header.
                let offset = if bytes_from_end < header_length {
                    message.body - 1 - bytes_from_end
                } else {
                    message.end - 1 - (bytes_from_end - header_length)
                };
                let in_header = offset < message.body;
                let repaired = if in_header { header(offset - at, flipped)?.0 } else { message };
                return Some(Repaired { message: repaired, byte: offset, flipped });
            }
            return None;
        }
        // The damaged byte is in the length or in the kind of the message.
        for byte in 4..MESSAGE_HEADER_MAX {
            for flipped in 1..=u8::MAX {
                if let Some((message, bytes)) = header(byte, flipped)
                    && checksum(&message, &bytes) == stored
                {
                    return Some(Repaired { message, byte: at + byte, flipped });
                }
            }
        }
        None
    }

    /// Reads the message at `at` with one damaged byte in its header, which hides the message's length.
    pub(super) fn repair_header(segment: &[u8], at: usize, number: u64) -> Option<Repaired> {
        let mut bytes = segment.get(at..)?.to_vec();
        for byte in 4..MESSAGE_HEADER_MAX {
            for flipped in 1..=u8::MAX {
                *bytes.get_mut(byte)? ^= flipped;
                let repaired = Self::parse(&bytes, 0)
                    .filter(|found| found.segment == number && found.end <= REPAIR_BYTES_MAX)
                    .filter(|found| byte < found.body && found.is_valid(&bytes));
                bytes[byte] ^= flipped;
                if let Some(found) = repaired {
                    let (body, end) = (at + found.body, at + found.end);
                    let message = Self { at, body, end, ..found };
                    return Some(Repaired { message, byte: at + byte, flipped });
                }
            }
        }
        None
    }

    /// Reads the message at `at` with one damaged byte anywhere.
    pub(super) fn repair_any(segment: &[u8], at: usize, number: u64) -> Option<Repaired> {
        let begun = Self::parse(segment, at).filter(|begun| begun.segment == number);
        let next = Self::find_after(segment, at, number).map(|next| next.at);
        next.or(begun.map(|begun| begun.end))
            .and_then(|next| Self::repair(segment, at, number, next))
            .or_else(|| Self::repair_header(segment, at, number))
    }

    /// Returns the next valid message at or after `from` whose segment number satisfies `is_number`.
    pub(super) fn find(
        segment: &[u8],
        from: usize,
        is_number: impl Fn(u64) -> bool,
    ) -> Option<Self> {
        (from..=SEGMENT_BYTES - MESSAGE_HEADER_MAX).find_map(|at| {
            let message = Self::parse(segment, at)?;
            (is_number(message.segment) && message.is_valid(segment)).then_some(message)
        })
    }

    /// Returns the next valid message after the damaged one at `at`. The damaged header's own length is
    /// tried first: the content of a record can look like a message.
    pub(super) fn find_after(segment: &[u8], at: usize, number: u64) -> Option<Self> {
        let skipped = Self::parse(segment, at).filter(|damaged| damaged.segment == number);
        skipped
            .and_then(|damaged| Self::read(segment, damaged.end, number))
            .or_else(|| Self::find(segment, at + 1, |found| found == number))
    }
}

/// The reason why reading a segment ended, with the offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SegmentEnd {
    /// A cap, or too little space for another message.
    Full(usize),
    /// Bytes that are not a message of this segment.
    Broken(usize),
    /// The visitor asked to stop before the message at this offset.
    Stopped(usize),
}

/// Visits the messages of a segment in order until one is damaged or `visit` returns `false`.
pub(super) fn visit(
    segment: &[u8],
    from: usize,
    number: u64,
    mut visit: impl FnMut(&Message) -> bool,
) -> SegmentEnd {
    let mut at = from;
    loop {
        if at > SEGMENT_BYTES - MESSAGE_HEADER_MAX {
            return SegmentEnd::Full(at);
        }
        let Some(message) = Message::read(segment, at, number) else {
            return SegmentEnd::Broken(at);
        };
        if message.kind == MessageKind::Cap {
            return SegmentEnd::Full(at);
        }
        if !visit(&message) {
            return SegmentEnd::Stopped(at);
        }
        at = message.end;
    }
}

/// Reads a variable-length number and advances `bytes` past it.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let (first, rest) = bytes.split_first()?;
    let first_value = u64::from(*first);
    let (value, length) = match first {
        0..=240 => (first_value, 0),
        241..=248 => (240 + 256 * (first_value - 241) + u64::from(*rest.first()?), 1),
        249 => (2288 + 256 * u64::from(*rest.first()?) + u64::from(*rest.get(1)?), 2),
        250..=255 => {
            let length = usize::from(*first) - 247;
            let bytes = rest.get(..length)?;
            (bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)), length)
        }
    };
    *bytes = rest.get(length..)?;
    Some(value)
}

/// Reads an LSN and advances `bytes` past it.
pub(super) fn fixed(bytes: &mut &[u8]) -> Option<i64> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(i64::from_le_bytes(*number))
}

/// Reads a length and as many bytes, and advances `bytes` past them.
pub(super) fn sized<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(bytes)?).ok()?;
    let (content, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(content)
}

/// Finds the single damaged byte that changes the CRC-32 of `length` bytes by `difference`. Returns the
/// number of bytes after it, and the value to XOR it with.
fn single_error(mut difference: u32, length: usize) -> Option<(usize, u8)> {
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    // One zero byte forwards and backwards.
    let forward =
        |byte: u8| {
            (0..8).fold(u32::from(byte), |rest, _| {
                if rest & 1 == 1 { rest >> 1 ^ POLYNOMIAL } else { rest >> 1 }
            })
        };
    let table: Vec<_> = (0..=u8::MAX).map(forward).collect();
    let mut by_top = [0_u8; 256];
    for (byte, entry) in (0..=u8::MAX).zip(&table) {
        by_top[usize::from(entry.to_be_bytes()[0])] = byte;
    }
    for back in 0..length {
        let byte = by_top[usize::from(difference.to_be_bytes()[0])];
        let entry = table[usize::from(byte)];
        if difference == entry {
            return (byte != 0).then_some((back, byte));
        }
        difference = (difference ^ entry) << 8 | u32::from(byte);
    }
    None
}
