//! Writing a bundle.

use std::io::{self, Read, Seek, Write};

use sha2::{Digest as _, Sha256};

use super::{
    Declared, Digest, DocumentInfo, FORMAT, METADATA_NAME, Metadata, Release, document_name,
};
use crate::codec::zip::{Archive, EntryWriter, Width};
use crate::model::{Kind, PerKind, Secrets};

/// A bundle that is being written: document by document, and the metadata at the end.
///
/// Equal documents in the same order make equal bytes.
#[derive(Debug)]
pub struct BundleWriter<W> {
    archive: Archive<W>,
    documents: PerKind<Option<DocumentInfo>>,
    progress: Progress,
}

/// Where the writing of a bundle stands.
#[derive(Clone, Copy, Debug)]
enum Progress {
    BetweenDocuments,
    /// In this document, or it was given up.
    In(Kind),
}

/// Why a bundle can not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("cannot write the bundle")]
    Io(#[from] io::Error),
    #[error("the document of kind '{0}' was written already")]
    Twice(Kind),
    #[error("the document of kind '{0}' was begun and not finished")]
    Unfinished(Kind),
}

/// What the metadata says beside the documents.
#[derive(Clone, Debug, PartialEq)]
pub struct BundleInfo {
    /// As eNMS spells it: see [`Metadata::export_time`].
    pub export_time: String,
    pub release: Release,
    pub secrets: Secrets,
}

impl<W: Write + Seek> BundleWriter<W> {
    /// Begins a bundle in an empty file.
    pub fn new(out: W) -> Self {
        let progress = Progress::BetweenDocuments;
        Self { archive: Archive::new(out, Width::Bits64), documents: PerKind::default(), progress }
    }

    /// Begins the document of a kind. It must be finished before the next one begins.
    ///
    /// # Errors
    /// The kind was written already, another document was given up, or the disk's.
    pub fn document(&mut self, kind: Kind) -> Result<DocumentWriter<'_, W>, WriteError> {
        self.between_documents()?;
        if self.documents[kind].is_some() {
            return Err(WriteError::Twice(kind));
        }
        self.progress = Progress::In(kind);
        Ok(DocumentWriter {
            entry: self.archive.entry(document_name(kind))?,
            info: &mut self.documents[kind],
            progress: &mut self.progress,
            bytes: 0,
            sha256: Sha256::new(),
        })
    }

    /// Writes the metadata and the archive's directory, and gives back what was written to. It is
    /// neither flushed nor synced.
    ///
    /// # Errors
    /// A document was given up, or the disk's.
    pub fn finish(mut self, info: BundleInfo) -> Result<(W, Metadata), WriteError> {
        self.between_documents()?;
        let BundleInfo { export_time, release, secrets } = info;
        let metadata = Metadata {
            export_time: Some(export_time),
            release: Some(release),
            declared: Some(Declared { format: FORMAT, secrets, documents: self.documents }),
        };
        let mut entry = self.archive.entry(METADATA_NAME.to_owned())?;
        entry.write_all(metadata.render().as_bytes())?;
        entry.finish()?;
        Ok((self.archive.finish()?, metadata))
    }

    fn between_documents(&self) -> Result<(), WriteError> {
        match self.progress {
            Progress::BetweenDocuments => Ok(()),
            Progress::In(kind) => Err(WriteError::Unfinished(kind)),
        }
    }
}

/// The zipped folder of a project that is being written: documents as they are, of which the
/// metadata declares nothing.
#[derive(Debug)]
pub struct FolderWriter<W> {
    archive: Archive<W>,
}

impl<W: Write + Seek> FolderWriter<W> {
    /// Begins an archive in an empty file.
    pub fn new(out: W) -> Self {
        Self { archive: Archive::new(out, Width::Bits64) }
    }

    /// Packs the document of a kind. Each kind has one.
    ///
    /// # Errors
    /// The document's, or the disk's.
    pub fn document(&mut self, kind: Kind, mut text: impl Read) -> io::Result<()> {
        let mut entry = self.archive.entry(document_name(kind))?;
        io::copy(&mut text, &mut entry)?;
        entry.finish()
    }

    /// Writes the metadata, without what it declares of documents, and the archive's directory.
    ///
    /// # Errors
    /// The disk's.
    pub fn finish(mut self, metadata: &Metadata) -> io::Result<W> {
        let metadata = Metadata { declared: None, ..metadata.clone() };
        let mut entry = self.archive.entry(METADATA_NAME.to_owned())?;
        entry.write_all(metadata.render().as_bytes())?;
        entry.finish()?;
        self.archive.finish()
    }
}

/// A document that is being written into a bundle: counted, and its checksum taken. One that is
/// dropped, or fails to finish, is given up, and its bundle with it.
///
/// Each write costs a call of the packer: many small ones should come through a
/// [`BufWriter`](std::io::BufWriter).
#[derive(Debug)]
pub struct DocumentWriter<'a, W: Write + Seek> {
    entry: EntryWriter<'a, W>,
    info: &'a mut Option<DocumentInfo>,
    progress: &'a mut Progress,
    bytes: u64,
    sha256: Sha256,
}

impl<W: Write + Seek> DocumentWriter<'_, W> {
    /// Ends the document, which holds so many records.
    ///
    /// # Errors
    /// The disk's.
    pub fn finish(self, records: u64) -> io::Result<DocumentInfo> {
        self.entry.finish()?;
        let sha256 = Digest::from(<[u8; 32]>::from(self.sha256.finalize()));
        let info = DocumentInfo { records, bytes: self.bytes, sha256 };
        *self.info = Some(info);
        *self.progress = Progress::BetweenDocuments;
        Ok(info)
    }
}

impl<W: Write + Seek> Write for DocumentWriter<'_, W> {
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
