//! Writing a bundle.

use std::io::{self, Seek, Write};

use sha2::{Digest as _, Sha256};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::{
    Declared, Digest, DocumentInfo, FORMAT, METADATA_NAME, Metadata, Release, document_name,
};
use crate::model::{Kind, PerKind, Secrets};

/// Deflate's effort, from 1 to 9. The least packs real documents to an eighth at 600 MB/s; 6 packs
/// them to a fourteenth at 135 MB/s, and an export would wait for it.
const DEFLATE_LEVEL: i64 = 1;

/// Unix permissions of an entry that is unpacked.
const ENTRY_MODE: u32 = 0o644;

/// A bundle that is being written: document by document, and the metadata at the end.
///
/// Equal documents make equal entries: times are fixed, and the order is the writer's.
pub struct BundleWriter<W: Write + Seek> {
    archive: ZipWriter<W>,
    documents: PerKind<Option<DocumentInfo>>,
    /// The document that is being written, or was given up.
    open: Option<Kind>,
}

/// Why a bundle can not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("cannot write the bundle: {0}")]
    Io(#[from] io::Error),
    #[error("the document of kind '{0}' was written already")]
    Twice(Kind),
    #[error("the document of kind '{0}' was begun and not finished")]
    Unfinished(Kind),
}

/// What the metadata says beside the documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Colophon {
    /// As eNMS spells it: see [`Metadata::export_time`].
    pub export_time: String,
    pub release: Release,
    pub secrets: Secrets,
}

impl<W: Write + Seek> BundleWriter<W> {
    /// Begins a bundle where `out` stands, which should be the beginning of an empty file.
    pub fn new(out: W) -> Self {
        Self { archive: ZipWriter::new(out), documents: PerKind::default(), open: None }
    }

    /// Begins the document of a kind. It must be finished before the next one begins.
    ///
    /// # Errors
    /// The kind was written already, another document was given up, or the disk's.
    pub fn document(&mut self, kind: Kind) -> Result<DocumentWriter<'_, W>, WriteError> {
        if let Some(open) = self.open {
            return Err(WriteError::Unfinished(open));
        }
        if self.documents[kind].is_some() {
            return Err(WriteError::Twice(kind));
        }
        self.open = Some(kind);
        // How long it becomes is not known: the header keeps room for 64-bit sizes.
        let options = entry_options().large_file(true);
        self.archive.start_file(document_name(kind), options).map_err(io_error)?;
        Ok(DocumentWriter { bundle: self, kind, bytes: 0, sha256: Sha256::new() })
    }

    /// Writes the metadata and the archive's directory, and gives back what was written to. It is
    /// neither flushed nor synced.
    ///
    /// # Errors
    /// A document was given up, or the disk's.
    pub fn finish(mut self, colophon: Colophon) -> Result<(W, Metadata), WriteError> {
        if let Some(open) = self.open {
            return Err(WriteError::Unfinished(open));
        }
        let Colophon { export_time, release, secrets } = colophon;
        let metadata = Metadata {
            export_time: Some(export_time),
            release: Some(release),
            declared: Some(Declared { format: FORMAT, secrets, documents: self.documents }),
        };
        self.archive.start_file(METADATA_NAME, entry_options()).map_err(io_error)?;
        self.archive.write_all(metadata.render().as_bytes())?;
        Ok((self.archive.finish().map_err(io_error)?, metadata))
    }
}

/// A document that is being written into a bundle: counted, and its checksum taken. A document
/// that is dropped without [`DocumentWriter::finish`] is given up, and its bundle with it.
pub struct DocumentWriter<'a, W: Write + Seek> {
    bundle: &'a mut BundleWriter<W>,
    kind: Kind,
    bytes: u64,
    sha256: Sha256,
}

impl<W: Write + Seek> DocumentWriter<'_, W> {
    /// Ends the document, which holds so many records.
    pub fn finish(self, records: u64) -> DocumentInfo {
        let sha256 = Digest::from(<[u8; 32]>::from(self.sha256.finalize()));
        let info = DocumentInfo { records, bytes: self.bytes, sha256 };
        self.bundle.documents[self.kind] = Some(info);
        self.bundle.open = None;
        info
    }
}

impl<W: Write + Seek> Write for DocumentWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.bundle.archive.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        self.bytes = self.bytes.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.bundle.archive.flush()
    }
}

/// Options of every entry: nothing in them depends on when, where or by whom it is written.
fn entry_options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(DEFLATE_LEVEL))
        .last_modified_time(DateTime::default())
        .unix_permissions(ENTRY_MODE)
}

/// The writer's errors are the disk's, or say that this module misuses it.
fn io_error(error: zip::result::ZipError) -> io::Error {
    match error {
        zip::result::ZipError::Io(error) => error,
        other => io::Error::other(other),
    }
}
