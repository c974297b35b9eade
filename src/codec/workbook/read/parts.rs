//! The parts of a zipped workbook.

use std::io::{self, Cursor, ErrorKind, Read, Write};

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder, ZipSliceArchive};

use crate::codec::zip::Archive;

/// A workbook in memory.
pub(super) struct Parts<'a> {
    archive: ZipSliceArchive<&'a [u8]>,
    parts: Vec<Part>,
}

/// A part of a workbook.
pub(super) struct Part {
    pub name: String,
    method: CompressionMethod,
    at: ZipArchiveEntryWayfinder,
}

/// A writer of a new workbook.
pub(super) type NewWorkbook = Archive<Cursor<Vec<u8>>>;

impl<'a> Parts<'a> {
    /// Reads the directory of an archive.
    ///
    /// # Errors
    /// `rawzip`'s error if the archive is cut off or damaged.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, rawzip::Error> {
        let archive = ZipArchive::from_slice(bytes)?;
        let mut parts = Vec::new();
        let mut entries = archive.entries();
        while let Some(entry) = entries.next_entry()? {
            parts.push(Part {
                name: String::from_utf8_lossy(entry.file_path().as_ref()).into_owned(),
                method: entry.compression_method(),
                at: entry.wayfinder(),
            });
        }
        Ok(Self { archive, parts })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter()
    }

    /// Finds a part. Names are compared in upper or lower case, and with either slash, as calamine does.
    pub(super) fn find(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name.replace('\\', "/").eq_ignore_ascii_case(name))
    }

    /// Returns the unpacked data of a part.
    pub(super) fn reader(&self, part: &Part) -> io::Result<Box<dyn Read + 'a>> {
        let entry = self.archive.get_entry(part.at).map_err(io::Error::other)?;
        let (start, end) = entry.compressed_data_range();
        let bytes: &'a [u8] = self.archive.get_ref();
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let data = range.and_then(|(start, end)| bytes.get(start..end));
        let data = data.ok_or(ErrorKind::UnexpectedEof)?;
        match part.method {
            CompressionMethod::STORE => Ok(Box::new(data)),
            CompressionMethod::DEFLATE => Ok(Box::new(DeflateDecoder::new(data))),
            _ => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// Copies a part to a new workbook.
    pub(super) fn copy(&self, part: &Part, to: &mut NewWorkbook) -> io::Result<()> {
        self.change(part, to, |from, mut to| io::copy(from, &mut to).map(drop))
    }

    /// Writes a part to a new workbook, changed by `change`.
    pub(super) fn change(
        &self,
        part: &Part,
        to: &mut NewWorkbook,
        change: impl FnOnce(&mut dyn Read, &mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut reader = self.reader(part)?;
        let mut entry = to.entry(part.name.clone())?;
        change(&mut reader, &mut entry)?;
        entry.finish()
    }
}
