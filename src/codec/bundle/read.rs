//! Opens a bundle and reads its documents.

use std::{
    io::{self, Read},
    sync::Arc,
};

use super::{
    BundleError, EntryProblem, METADATA_NAME, Metadata,
    contents::{self, Contents, Document},
    directory::{self, Entry, shown},
    document_reader::{DocumentReader, Expected},
    limits::{Limits, METADATA_BYTES_MAX},
    source::ByteSource,
    unpack::{Method, Unpack},
};
use crate::model::Kind;

/// An opened bundle. Its directory has been checked; its documents are checked as they are read.
///
/// It needs less than 2 MB of memory for any archive, and about 100 KB for each document that is
/// being read.
#[derive(Debug)]
pub struct BundleReader<S> {
    source: Arc<S>,
    metadata: Metadata,
    contents: Contents,
}

impl<S: ByteSource> BundleReader<S> {
    /// Opens a bundle, or the zipped folder of an eNMS project, which might have no metadata. The
    /// documents are at the root of the archive, or all in one folder there.
    ///
    /// # Errors
    /// [`BundleError`] if the archive or one of its entries is refused.
    pub fn open(source: S, limits: Limits) -> Result<Self, BundleError> {
        let source = Arc::new(source);
        let entries = directory::read(&source)?;
        let metadata_entry = contents::metadata(&entries, limits)?;
        let metadata = metadata_entry.map(|entry| read_metadata(&source, entry)).transpose()?;
        let metadata = metadata.unwrap_or_default();
        let contents = contents::documents(&entries, metadata_entry, &metadata)?;
        Ok(Self { source, metadata, contents })
    }

    /// Returns the content of `metadata.yaml`. It is empty if the archive has none.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns the kinds that have a document, with its unpacked length in bytes.
    pub fn documents(&self) -> impl Iterator<Item = (Kind, u64)> {
        let documents = self.contents.documents.iter();
        documents.filter_map(|(kind, document)| Some((kind, document.as_ref()?.entry.unpacked)))
    }

    /// Returns the names of entries that are not read: documents whose kind Satchel does not know, which
    /// only projects that eNMS wrote have, and files that an operating system added ([`is_junk`](super::is_junk)).
    pub fn ignored(&self) -> &[String] {
        &self.contents.ignored
    }

    /// Returns a reader of the document of a kind, if there is one. Several documents can be read at
    /// the same time.
    pub fn document(&self, kind: Kind) -> Option<DocumentReader<S>> {
        let Document { entry, method } = self.contents.documents[kind].as_ref()?;
        let info = self.metadata.document(kind);
        let expected = Expected {
            bytes: entry.unpacked,
            crc32: entry.crc32,
            sha256: info.map(|info| info.sha256),
        };
        let data = Unpack::new(&self.source, entry, *method);
        Some(DocumentReader::new(shown(&entry.name), data, expected))
    }

    /// Returns a reader of `metadata.yaml` as a document, if there is one.
    pub fn metadata_document(&self) -> Option<DocumentReader<S>> {
        let Document { entry, method } = self.contents.metadata.as_ref()?;
        let expected = Expected { bytes: entry.unpacked, crc32: entry.crc32, sha256: None };
        let data = Unpack::new(&self.source, entry, *method);
        Some(DocumentReader::new(METADATA_NAME.to_owned(), data, expected))
    }

    /// Returns the names of the parts of a backup, in the folder [`PARTS_FOLDER`](super::PARTS_FOLDER),
    /// with their unpacked lengths in bytes. A project has none.
    pub fn parts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.contents.parts.iter().map(|(name, part)| (name.as_str(), part.entry.unpacked))
    }

    /// Returns a reader of a part of a backup, if there is one of this name. It compares the length and
    /// the checksum of the archive.
    pub fn part(&self, name: &str) -> Option<DocumentReader<S>> {
        let Document { entry, method } = self.contents.parts.get(name)?;
        let expected = Expected { bytes: entry.unpacked, crc32: entry.crc32, sha256: None };
        let data = Unpack::new(&self.source, entry, *method);
        Some(DocumentReader::new(shown(&entry.name), data, expected))
    }

    /// Reads every document to its end, which compares all checksums. Records are not parsed.
    ///
    /// # Errors
    /// [`BundleError::Entry`] for the first document that differs from its declaration.
    pub fn verify(&self) -> Result<(), BundleError> {
        for mut document in Kind::ALL.into_iter().filter_map(|kind| self.document(kind)) {
            io::copy(&mut document, &mut io::sink()).map_err(BundleError::from_io)?;
        }
        Ok(())
    }
}

/// Reads and parses the metadata.
fn read_metadata<S: ByteSource>(source: &Arc<S>, entry: &Entry) -> Result<Metadata, BundleError> {
    if entry.unpacked > METADATA_BYTES_MAX {
        return Err(entry.refused(EntryProblem::MetadataTooLong));
    }
    let method = Method::of(entry)?;
    let expected = Expected { bytes: entry.unpacked, crc32: entry.crc32, sha256: None };
    let data = Unpack::new(source, entry, method);
    let mut text = Vec::new();
    DocumentReader::new(METADATA_NAME.to_owned(), data, expected)
        .read_to_end(&mut text)
        .map_err(BundleError::from_io)?;
    Ok(Metadata::parse(&text)?)
}
