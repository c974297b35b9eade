//! Reading a bundle.

use std::{
    io::{self, Read},
    sync::Arc,
};

use super::{
    BundleError, EntryProblem, METADATA_NAME, Metadata,
    checked::{DocumentReader, Expected},
    contents::{self, Contents, Document},
    directory::{self, Entry, shown},
    limits::{Limits, METADATA_BYTES_MAX},
    source::ReadAt,
    unpack::{Method, Unpack},
};
use crate::model::Kind;

/// An opened bundle. Its directory was checked; its documents are checked as they are read.
///
/// It takes under two megabytes of memory whatever the archive claims, and each document that is
/// being read about a hundred kilobytes.
#[derive(Debug)]
pub struct BundleReader<S> {
    source: Arc<S>,
    metadata: Metadata,
    contents: Contents,
}

impl<S: ReadAt> BundleReader<S> {
    /// Opens a bundle of Satchel's, or the zipped folder of an eNMS project: the documents at the
    /// archive's root, or all of them in one folder there.
    ///
    /// # Errors
    /// What is wrong with the archive, and with which of its entries.
    pub fn open(source: S, limits: Limits) -> Result<Self, BundleError> {
        let source = Arc::new(source);
        let entries = directory::read(&*source)?;
        let metadata_entry = contents::metadata(&entries, limits)?;
        let metadata = read_metadata(&source, metadata_entry)?;
        let contents = contents::documents(&entries, metadata_entry, &metadata)?;
        Ok(Self { source, metadata, contents })
    }

    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The kinds of which there is a document, with its length in bytes.
    pub fn documents(&self) -> impl Iterator<Item = (Kind, u64)> {
        let documents = self.contents.documents.iter();
        documents.filter_map(|(kind, document)| Some((kind, document.as_ref()?.entry.unpacked)))
    }

    /// Documents that are there and not read, because Satchel knows no such kind: only in
    /// projects that eNMS wrote.
    pub fn ignored(&self) -> &[String] {
        &self.contents.ignored
    }

    /// Begins to read the document of a kind; nothing where there is none. Several can be read
    /// at a time.
    pub fn document(&self, kind: Kind) -> Option<DocumentReader<S>> {
        let Document { entry, method } = self.contents.documents[kind].as_ref()?;
        let info = self.metadata.document(kind);
        let expected = Expected {
            bytes: entry.unpacked,
            crc32: entry.crc32,
            sha256: info.map(|info| info.sha256),
        };
        let data = Unpack::new(Arc::clone(&self.source), entry, *method);
        Some(DocumentReader::new(shown(&entry.name), data, expected))
    }

    /// Reads every document to its end, and so checks them all; what is in them is not looked at.
    ///
    /// # Errors
    /// The first document that is not what the bundle declares.
    pub fn verify(&self) -> Result<(), BundleError> {
        for mut document in Kind::ALL.into_iter().filter_map(|kind| self.document(kind)) {
            io::copy(&mut document, &mut io::sink()).map_err(BundleError::from_io)?;
        }
        Ok(())
    }
}

/// Reads the metadata of a bundle.
fn read_metadata<S: ReadAt>(source: &Arc<S>, entry: &Entry) -> Result<Metadata, BundleError> {
    if entry.unpacked > METADATA_BYTES_MAX {
        return Err(entry.refused(EntryProblem::MetadataLong));
    }
    let method = Method::of(entry)?;
    let expected = Expected { bytes: entry.unpacked, crc32: entry.crc32, sha256: None };
    let data = Unpack::new(Arc::clone(source), entry, method);
    let mut text = Vec::new();
    DocumentReader::new(METADATA_NAME.to_owned(), data, expected)
        .read_to_end(&mut text)
        .map_err(BundleError::from_io)?;
    Ok(Metadata::parse(&text)?)
}
