//! The constants and number formats of zip archives, from PKWARE's APPNOTE.TXT 6.3.10, sections 4.3
//! and 4.5.3.

use flate2::Compression;

/// The deflate level, from 1 to 9. Level 1 compresses real documents to an eighth at 600 MB/s, and
/// sheets to a seventh. Level 6 compresses documents to a fourteenth at 135 MB/s, and would slow
/// exports down.
pub(crate) const DEFLATE_LEVEL: Compression = Compression::new(1);

/// "PK", 3, 4: the header before an entry's data.
pub(crate) const HEADER: u32 = 0x0403_4b50;
/// The length of the header in bytes, without the name and the extra fields that follow it.
pub(crate) const HEADER_BYTES: usize = 30;
/// "PK", 7, 8: the sizes and the checksum after the data of an entry.
pub(crate) const DESCRIPTOR: u32 = 0x0807_4b50;
/// The flag of an entry whose sizes and checksum follow its data.
pub(crate) const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// "PK", 1, 2: a record of the directory.
pub(crate) const RECORD: u32 = 0x0201_4b50;
/// "PK", 6, 6: ZIP64's end record.
pub(crate) const END64: u32 = 0x0606_4b50;
pub(crate) const END64_BYTES: u64 = 56;
/// The first fields of that record, which its own length does not count.
pub(crate) const END64_UNCOUNTED_BYTES: u64 = 12;
/// "PK", 6, 7: the locator of ZIP64's end record.
pub(crate) const LOCATOR: u32 = 0x0706_4b50;
pub(crate) const LOCATOR_BYTES: u64 = 20;
/// "PK", 5, 6: the end record.
pub(crate) const END: u32 = 0x0605_4b50;
pub(crate) const END_BYTES: u64 = 22;

/// The extra field for numbers that do not fit into 32 bits.
pub(crate) const EXTRA_ZIP64: u16 = 1;

pub(crate) const METHOD_STORED: u16 = 0;
pub(crate) const METHOD_DEFLATED: u16 = 8;

/// Reads the fields of a record one after the other. Returns `None` after its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    pub(crate) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.array()?))
    }

    /// Reads a signature. Returns `None` if it is another one.
    pub(crate) fn signature(&mut self, expected: u32) -> Option<()> {
        (self.u32()? == expected).then_some(())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}

/// Appends the fields of a record one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordBytes(pub Vec<u8>);

impl RecordBytes {
    pub(crate) fn u16(self, number: u16) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    pub(crate) fn u32(self, number: u32) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    pub(crate) fn u64(self, number: u64) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}
