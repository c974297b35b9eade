//! Builds zip archives byte by byte, with errors that no library would write.

use std::io::Write;

use flate2::{Compression, Crc, write::DeflateEncoder};

use crate::codec::zip::format::RecordBytes;

/// An entry: its data, and the fields of its header and of its record in the directory.
#[derive(Clone)]
pub(super) struct RawEntry {
    pub(super) name: Vec<u8>,
    /// The name in the header, if it differs.
    pub(super) header_name: Option<Vec<u8>>,
    pub(super) data: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc32: u32,
    pub(super) packed: u32,
    pub(super) unpacked: u32,
    pub(super) mode: u32,
    pub(super) extra: Vec<u8>,
    /// The offset of the header in the directory, if it is wrong.
    pub(super) header_at: Option<u32>,
}

impl RawEntry {
    pub(super) fn stored(name: &str, text: &[u8]) -> Self {
        let mut crc = Crc::new();
        crc.update(text);
        Self {
            name: name.into(),
            header_name: None,
            data: text.to_vec(),
            flags: 0,
            method: 0,
            crc32: crc.sum(),
            packed: text.len() as u32,
            unpacked: text.len() as u32,
            mode: 0o100_644,
            extra: Vec::new(),
            header_at: None,
        }
    }

    pub(super) fn deflated(name: &str, text: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        let data = encoder.finish().unwrap();
        Self { packed: data.len() as u32, data, method: 8, ..Self::stored(name, text) }
    }
}

/// The metadata of an eNMS project.
pub(super) fn metadata() -> RawEntry {
    RawEntry::stored("metadata.yaml", b"{export_time: 2023-05-23 17:11:12.171765, version: 4.5}\n")
}

/// The fields of the end record, and the bytes before and after it.
#[derive(Clone, Default)]
pub(super) struct RawEnd {
    pub(super) entries: Option<u16>,
    pub(super) directory_bytes: Option<u32>,
    pub(super) directory: Option<u32>,
    pub(super) disk: u16,
    /// Between the directory and the end record.
    pub(super) between: Vec<u8>,
    pub(super) comment: Vec<u8>,
}

pub(super) fn archive(entries: &[RawEntry]) -> Vec<u8> {
    archive_ending(entries, &RawEnd::default())
}

pub(super) fn archive_ending(entries: &[RawEntry], end: &RawEnd) -> Vec<u8> {
    let (mut out, mut directory) = (RecordBytes::default(), RecordBytes::default());
    for entry in entries {
        let at = entry.header_at.unwrap_or(out.0.len() as u32);
        let header_name = entry.header_name.as_ref().unwrap_or(&entry.name);
        let described = |out: RecordBytes, name: &[u8]| {
            out.u16(entry.flags)
                .u16(entry.method)
                .u32(0)
                .u32(entry.crc32)
                .u32(entry.packed)
                .u32(entry.unpacked)
                .u16(name.len() as u16)
        };
        out = described(out.u32(0x0403_4b50).u16(20), header_name);
        out = out.u16(0).bytes(header_name).bytes(&entry.data);
        directory = described(directory.u32(0x0201_4b50).u16(0x0314).u16(20), &entry.name);
        directory = directory.u16(entry.extra.len() as u16).u16(0).u16(0).u16(0);
        directory = directory.u32(entry.mode << 16).u32(at);
        directory = directory.bytes(&entry.name).bytes(&entry.extra);
    }
    let count = end.entries.unwrap_or(entries.len() as u16);
    let (directory_at, directory_bytes) = (out.0.len() as u32, directory.0.len() as u32);
    out.bytes(&directory.0)
        .bytes(&end.between)
        .u32(0x0605_4b50)
        .u16(end.disk)
        .u16(end.disk)
        .u16(count)
        .u16(count)
        .u32(end.directory_bytes.unwrap_or(directory_bytes))
        .u32(end.directory.unwrap_or(directory_at))
        .u16(end.comment.len() as u16)
        .bytes(&end.comment)
        .0
}

/// ZIP64's end record and its locator, for an archive whose directory ends at `at`.
pub(super) fn end64(at: u64, entries: u64, directory_bytes: u64, directory: u64) -> Vec<u8> {
    RecordBytes::default()
        .u32(0x0606_4b50)
        .u64(44)
        .u16(45)
        .u16(45)
        .u32(0)
        .u32(0)
        .u64(entries)
        .u64(entries)
        .u64(directory_bytes)
        .u64(directory)
        .u32(0x0706_4b50)
        .u32(0)
        .u64(at)
        .u32(1)
        .0
}
