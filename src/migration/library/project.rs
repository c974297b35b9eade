//! A project that was opened, whatever its layout.

use std::{
    fs::{File, OpenOptions},
    io::Read,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::{
    DocumentSummary, FileProblem, Layout, LibraryError, ProjectSummary, Sort, folder::Folder,
};
use crate::{
    codec::bundle::{BundleReader, Limits, Metadata},
    model::{Kind, PerKind},
};

/// An opened project. Its documents can be read several at a time.
#[derive(Debug)]
pub struct Project {
    /// As the file or folder is named, without the ending.
    name: String,
    contents: Contents,
    hides_folder: bool,
}

#[derive(Debug)]
enum Contents {
    Bundle { reader: Box<BundleReader<File>>, bytes: u64 },
    Folder(Box<Folder>),
}

impl Project {
    pub fn open_bundle(path: &Path, limits: Limits) -> Result<Self, LibraryError> {
        Self::from_bundle(open_file(path)?, path, limits)
    }

    /// Takes an open file for the bundle that is, or will be, at `path`.
    pub(super) fn from_bundle(
        file: File,
        path: &Path,
        limits: Limits,
    ) -> Result<Self, LibraryError> {
        let bytes = file.metadata()?.len();
        let reader = Box::new(BundleReader::open(file, limits)?);
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, contents: Contents::Bundle { reader, bytes }, hides_folder: false })
    }

    pub fn open_folder(path: &Path, limits: Limits) -> Result<Self, LibraryError> {
        let folder = Box::new(Folder::open(path, limits)?);
        Ok(Self { name: file_name(path), contents: Contents::Folder(folder), hides_folder: false })
    }

    pub(super) fn set_hides_folder(&mut self, hides_folder: bool) {
        self.hides_folder = hides_folder;
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn layout(&self) -> Layout {
        match &self.contents {
            Contents::Bundle { .. } => Layout::Bundle,
            Contents::Folder(_) => Layout::Folder,
        }
    }

    /// Whether a folder of the same name stands beside this bundle, and is not read.
    pub fn hides_folder(&self) -> bool {
        self.hides_folder
    }

    /// What the project says about itself; nothing at all where a folder has no `metadata.yaml`.
    pub fn metadata(&self) -> &Metadata {
        match &self.contents {
            Contents::Bundle { reader, .. } => reader.metadata(),
            Contents::Folder(folder) => folder.metadata(),
        }
    }

    /// The kinds of which there is a document, with its length in bytes.
    pub fn documents(&self) -> PerKind<Option<u64>> {
        match &self.contents {
            Contents::Bundle { reader, .. } => {
                let mut documents = PerKind::default();
                for (kind, bytes) in reader.documents() {
                    documents[kind] = Some(bytes);
                }
                documents
            }
            Contents::Folder(folder) => folder.documents().clone(),
        }
    }

    /// What is there beside the documents and is not read, by name.
    pub fn ignored(&self) -> &[String] {
        match &self.contents {
            Contents::Bundle { reader, .. } => reader.ignored(),
            Contents::Folder(folder) => folder.ignored(),
        }
    }

    /// Begins to read the document of a kind; nothing where there is none.
    ///
    /// A bundle's document is compared with its checksums before its last byte is given, and a
    /// folder's with the length that it had when the project was opened, before its end is.
    /// [`LibraryError::from`] tells what an error of the reader means. A folder's checksums, where
    /// its metadata has any, are not compared: folders are there to be edited.
    ///
    /// # Errors
    /// A folder's document is no longer there, or no longer a file.
    pub fn document(&self, kind: Kind) -> Result<Option<Box<dyn Read + Send>>, LibraryError> {
        Ok(match &self.contents {
            Contents::Bundle { reader, .. } => {
                reader.document(kind).map(|document| -> Box<dyn Read + Send> { Box::new(document) })
            }
            Contents::Folder(folder) => folder
                .document(kind)?
                .map(|document| -> Box<dyn Read + Send> { Box::new(document) }),
        })
    }

    /// Reads all that a bundle's checksums say something about.
    pub(super) fn verify(&self) -> Result<(), LibraryError> {
        match &self.contents {
            Contents::Bundle { reader, .. } => Ok(reader.verify()?),
            Contents::Folder(_) => Ok(()),
        }
    }

    /// The project in a list.
    pub fn summary(&self) -> ProjectSummary {
        let (metadata, layout) = (self.metadata(), self.layout());
        let documents = self.documents();
        let total = documents.iter().filter_map(|(_, bytes)| *bytes).sum();
        ProjectSummary {
            name: self.name.clone(),
            layout,
            release: metadata.release.clone(),
            export_time: metadata.export_time.clone(),
            secrets: metadata.secrets(),
            documents: documents.map(|kind, bytes| {
                let records = match layout {
                    Layout::Bundle => metadata.document(kind).map(|info| info.records),
                    // Its documents may be others than those that were counted.
                    Layout::Folder => None,
                };
                bytes.map(|bytes| DocumentSummary { records, bytes })
            }),
            ignored: self.ignored().to_vec(),
            bytes: match &self.contents {
                Contents::Bundle { bytes, .. } => *bytes,
                Contents::Folder(_) => total,
            },
            problem: None,
        }
    }
}

/// The last part of a path, as text.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Opens a regular file for reading, and nothing else: a link is not followed, a pipe not waited
/// for.
pub(super) fn open_file(path: &Path) -> Result<File, LibraryError> {
    let refused = |problem| LibraryError::File { file: file_name(path), problem };
    let judged = |sort| match sort {
        Sort::File => Ok(()),
        Sort::Folder => Err(refused(FileProblem::Folder)),
        Sort::Link => Err(refused(FileProblem::Link)),
        Sort::Special => Err(refused(FileProblem::Special)),
        Sort::Missing => Err(refused(FileProblem::Changed)),
    };
    judged(super::sort(path)?)?;
    // It may have been replaced meanwhile, so the open file is judged once more.
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    judged(Sort::of(&file.metadata()?))?;
    Ok(file)
}
