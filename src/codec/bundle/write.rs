//! Writes bundles.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

use super::{
    Declared, Digest, DocumentInfo, FORMAT, METADATA_NAME, Metadata, PARTS_FOLDER, Release,
    contents, document_name,
};
use crate::codec::zip::{Archive, ArchiveOutput, EntryWriter};
use crate::model::{Kind, PerKind, Secrets};

/// Writes a bundle: document by document, then the metadata.
///
/// The bytes depend only on the documents, their order and the metadata.
#[derive(Debug)]
pub struct BundleWriter<W> {
    archive: Archive<W>,
    documents: PerKind<Option<DocumentInfo>>,
    state: WriterState,
}

/// The state of the writer: between two documents, or in one.
#[derive(Clone, Copy, Debug)]
enum WriterState {
    BetweenDocuments,
    /// In the document of this kind. The state remains if the document is dropped unfinished.
    InDocument(Kind),
}

/// The reason why a bundle cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The output of the bundle cannot be written.
    #[error("cannot write the bundle")]
    Io(#[source] io::Error),
    /// A document to be packed cannot be read.
    #[error("the document {kind}.yaml cannot be read")]
    Document {
        /// The kind of its records.
        kind: Kind,
        /// The error of reading it.
        source: io::Error,
    },
    /// A second document of this kind was started.
    #[error("the document of type '{0}' has already been written")]
    Twice(Kind),
    /// The document of this kind was dropped before [`DocumentWriter::finish`], so the archive
    /// contains only a part of it.
    #[error("the document of type '{0}' was not finished")]
    Unfinished(Kind),
}

/// The metadata of a bundle except its documents.
#[derive(Clone, Debug, PartialEq)]
pub struct BundleInfo {
    /// The time as eNMS writes it: see [`Metadata::export_time`].
    pub export_time: String,
    /// The version of eNMS that the project is for.
    pub release: Release,
    /// The presence of passwords and keys in the documents.
    pub secrets: Secrets,
}

impl<W: ArchiveOutput> BundleWriter<W> {
    /// Starts a bundle at the start of `out`.
    pub fn new(out: W) -> Self {
        let state = WriterState::BetweenDocuments;
        Self { archive: Archive::new(out), documents: PerKind::default(), state }
    }

    /// Starts the document of a kind. It must be finished before the next one starts.
    ///
    /// # Errors
    /// - [`WriteError::Twice`] if the kind has already been written.
    /// - [`WriteError::Unfinished`] if another document was dropped unfinished.
    /// - [`WriteError::Io`] if the bundle cannot be written.
    pub fn document(&mut self, kind: Kind) -> Result<DocumentWriter<'_, W>, WriteError> {
        self.require_between_documents()?;
        if self.documents[kind].is_some() {
            return Err(WriteError::Twice(kind));
        }
        self.state = WriterState::InDocument(kind);
        Ok(DocumentWriter {
            entry: HashedEntry::begin(&mut self.archive, document_name(kind))?,
            info: &mut self.documents[kind],
            state: &mut self.state,
        })
    }

    /// Writes the metadata and the archive's directory. Returns the output, neither flushed nor
    /// synced, and the metadata.
    ///
    /// # Errors
    /// - [`WriteError::Unfinished`] if a document was dropped unfinished.
    /// - [`WriteError::Io`] if the bundle cannot be written.
    pub fn finish(self, info: BundleInfo) -> Result<(W, Metadata), WriteError> {
        let (parts, written) = self.finish_documents(info)?;
        Ok((parts.finish()?, written.metadata))
    }

    /// Writes the metadata. Further parts of the file can follow, which an import of a project does not
    /// read.
    ///
    /// # Errors
    /// - [`WriteError::Unfinished`] if a document was dropped unfinished.
    /// - [`WriteError::Io`] if the bundle cannot be written.
    pub fn finish_documents(
        mut self,
        info: BundleInfo,
    ) -> Result<(PartsWriter<W>, WrittenMetadata), WriteError> {
        self.require_between_documents()?;
        let BundleInfo { export_time, release, secrets } = info;
        let metadata = Metadata {
            export_time: Some(export_time),
            release: Some(release),
            declared: Some(Declared { format: FORMAT, secrets, documents: self.documents }),
        };
        let info = write_metadata(&mut self.archive, &metadata)?;
        Ok((PartsWriter { archive: self.archive }, WrittenMetadata { metadata, info }))
    }

    fn require_between_documents(&self) -> Result<(), WriteError> {
        match self.state {
            WriterState::BetweenDocuments => Ok(()),
            WriterState::InDocument(kind) => Err(WriteError::Unfinished(kind)),
        }
    }
}

/// The metadata that was written to a bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenMetadata {
    /// The metadata.
    pub metadata: Metadata,
    /// The length and the checksum of its entry.
    pub info: PartInfo,
}

/// Writes the parts of a backup into a bundle, after its metadata: files in the folder [`PARTS_FOLDER`].
#[derive(Debug)]
pub struct PartsWriter<W> {
    archive: Archive<W>,
}

impl<W: ArchiveOutput> PartsWriter<W> {
    /// Starts a part. `name` is its name in the folder. A part that is not finished is not in the bundle.
    ///
    /// # Errors
    /// [`WriteError::Io`] if the bundle cannot be written.
    pub fn part(&mut self, name: &str) -> Result<HashedEntry<'_, W>, WriteError> {
        HashedEntry::begin(&mut self.archive, format!("{PARTS_FOLDER}{name}"))
    }

    /// Writes the archive's directory. Returns the output, neither flushed nor synced.
    ///
    /// # Errors
    /// [`WriteError::Io`] if the bundle cannot be written.
    pub fn finish(self) -> Result<W, WriteError> {
        self.archive.finish().map_err(WriteError::Io)
    }
}

/// Writes the zipped folder of a project: documents as they are, without declarations in the
/// metadata.
#[derive(Debug)]
pub struct FolderWriter<W> {
    archive: Archive<W>,
}

impl<W: ArchiveOutput> FolderWriter<W> {
    /// Starts an archive at the start of `out`.
    pub fn new(out: W) -> Self {
        Self { archive: Archive::new(out) }
    }

    /// Packs the document of a kind. Call it once for each kind.
    ///
    /// # Errors
    /// - [`WriteError::Document`] if `text` cannot be read.
    /// - [`WriteError::Io`] if the archive cannot be written.
    pub fn document(&mut self, kind: Kind, mut text: impl Read) -> Result<(), WriteError> {
        let mut entry = self.archive.entry(document_name(kind)).map_err(WriteError::Io)?;
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let read = text.read(&mut buffer);
            let read = read.map_err(|source| WriteError::Document { kind, source })?;
            if read == 0 {
                return entry.finish().map_err(WriteError::Io);
            }
            entry.write_all(&buffer[..read]).map_err(WriteError::Io)?;
        }
    }

    /// Packs the name of a file that is not read, so that an import can warn of it. Does nothing for
    /// names that an archive cannot have.
    ///
    /// # Errors
    /// [`WriteError::Io`] if the archive cannot be written.
    pub fn ignored(&mut self, name: &str) -> Result<(), WriteError> {
        if !contents::is_ignorable(name) {
            return Ok(());
        }
        let entry = self.archive.entry(name.to_owned()).map_err(WriteError::Io)?;
        entry.finish().map_err(WriteError::Io)
    }

    /// Writes the metadata, without its declarations of documents, and the archive's directory.
    /// Returns the output, neither flushed nor synced.
    ///
    /// # Errors
    /// [`WriteError::Io`] if the archive cannot be written.
    pub fn finish(mut self, metadata: &Metadata) -> Result<W, WriteError> {
        let metadata = Metadata { declared: None, ..metadata.clone() };
        write_metadata(&mut self.archive, &metadata)?;
        self.archive.finish().map_err(WriteError::Io)
    }
}

/// The number of bytes of a document that are copied at once.
const COPY_BYTES: usize = 64 << 10;

/// Writes the metadata.
fn write_metadata<W: ArchiveOutput>(
    archive: &mut Archive<W>,
    metadata: &Metadata,
) -> Result<PartInfo, WriteError> {
    let mut entry = HashedEntry::begin(archive, METADATA_NAME.to_owned())?;
    entry.write_all(metadata.render().as_bytes()).map_err(WriteError::Io)?;
    entry.finish()
}

/// Writes one document into a bundle, and computes its length and checksum. If it is dropped or
/// fails to finish, the bundle cannot be finished either.
///
/// Each write calls the compressor: pass many small writes through a
/// [`BufWriter`](std::io::BufWriter).
#[derive(Debug)]
pub struct DocumentWriter<'a, W: ArchiveOutput> {
    entry: HashedEntry<'a, W>,
    info: &'a mut Option<DocumentInfo>,
    state: &'a mut WriterState,
}

impl<W: ArchiveOutput> DocumentWriter<'_, W> {
    /// Finishes the document. `records` is the number of its records.
    ///
    /// # Errors
    /// [`WriteError::Io`] if the bundle cannot be written.
    pub fn finish(self, records: u64) -> Result<DocumentInfo, WriteError> {
        let PartInfo { bytes, sha256 } = self.entry.finish()?;
        let info = DocumentInfo { records, bytes, sha256 };
        *self.info = Some(info);
        *self.state = WriterState::BetweenDocuments;
        Ok(info)
    }
}

impl<W: ArchiveOutput> Write for DocumentWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.entry.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.entry.flush()
    }
}

/// The length and the checksum of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartInfo {
    /// The length of the unpacked part, in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// Writes one entry of a bundle, and computes its length and checksum.
///
/// Each write calls the compressor: pass many small writes through a
/// [`BufWriter`](std::io::BufWriter).
#[derive(Debug)]
pub struct HashedEntry<'a, W: ArchiveOutput> {
    entry: EntryWriter<'a, W>,
    bytes: u64,
    sha256: Sha256,
}

impl<'a, W: ArchiveOutput> HashedEntry<'a, W> {
    fn begin(archive: &'a mut Archive<W>, name: String) -> Result<Self, WriteError> {
        let entry = archive.entry(name).map_err(WriteError::Io)?;
        Ok(Self { entry, bytes: 0, sha256: Sha256::new() })
    }

    /// Finishes the entry.
    ///
    /// # Errors
    /// [`WriteError::Io`] if the bundle cannot be written.
    pub fn finish(self) -> Result<PartInfo, WriteError> {
        self.entry.finish().map_err(WriteError::Io)?;
        let sha256 = Digest::from(<[u8; 32]>::from(self.sha256.finalize()));
        Ok(PartInfo { bytes: self.bytes, sha256 })
    }
}

impl<W: ArchiveOutput> Write for HashedEntry<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.entry.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.entry.flush()
    }
}
