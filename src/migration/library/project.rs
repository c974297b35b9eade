//! An open project, a bundle or a folder.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use super::{
    error::LibraryError,
    file::{file_name, is_yaml, open_file},
    folder::Folder,
    summary::{DocumentSummary, Layout, ProjectSummary},
};
use crate::{
    codec::bundle::{BundleReader, Limits, Metadata, SimilarDocument, is_junk},
    model::{Kind, PerKind},
};

/// An open project. Several documents can be read at the same time.
#[derive(Debug)]
pub(crate) struct Project {
    /// The name of the file or folder without the extension.
    name: String,
    path: PathBuf,
    contents: Contents,
    hides_folder: bool,
}

/// The warning of a file that is not read.
fn ignored_warning(name: &str) -> String {
    let noun = match name {
        name if name.ends_with('/') => "the folder ",
        name if is_yaml(name) => "the document ",
        _ => "",
    };
    let hint = match SimilarDocument::of(name) {
        Some(similar) if name.contains('/') => {
            format!(". '{}' must be in the folder of the project itself", similar.document)
        }
        Some(similar) => format!(". Did you mean '{}'?", similar.document),
        None => String::new(),
    };
    format!("{noun}'{name}' is not a document of a project; it was not read{hint}")
}

#[derive(Debug)]
enum Contents {
    Bundle { reader: Box<BundleReader<File>>, bytes: u64 },
    Folder(Box<Folder>),
}

impl Project {
    /// Opens a bundle.
    ///
    /// # Errors
    /// [`LibraryError::Bundle`] or [`LibraryError::File`] if it is refused, [`LibraryError::Io`] if
    /// it cannot be read.
    pub(crate) fn open_bundle(path: &Path, limits: Limits) -> Result<Self, LibraryError> {
        Self::from_bundle(open_file(path)?, path, limits)
    }

    /// Opens the bundle in `file`. `path` is its current or future path, for messages.
    pub(crate) fn from_bundle(
        file: File,
        path: &Path,
        limits: Limits,
    ) -> Result<Self, LibraryError> {
        let bytes = file.metadata().map_err(LibraryError::at(path))?.len();
        let reader = BundleReader::open(file, limits)
            .map_err(|error| LibraryError::from_bundle(path, error))?;
        Ok(Self {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            path: path.to_owned(),
            contents: Contents::Bundle { reader: Box::new(reader), bytes },
            hides_folder: false,
        })
    }

    /// Opens a folder.
    ///
    /// # Errors
    /// [`LibraryError::Bundle`] or [`LibraryError::File`] if it is refused, [`LibraryError::Io`] if
    /// it cannot be read.
    pub(crate) fn open_folder(path: &Path, limits: Limits) -> Result<Self, LibraryError> {
        Ok(Self {
            name: file_name(path),
            path: path.to_owned(),
            contents: Contents::Folder(Box::new(Folder::open(path, limits)?)),
            hides_folder: false,
        })
    }

    pub(super) fn set_hides_folder(&mut self, hides_folder: bool) {
        self.hides_folder = hides_folder;
    }

    /// The name of the file or folder without the extension.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether the project is a bundle or a folder.
    pub(crate) fn layout(&self) -> Layout {
        match &self.contents {
            Contents::Bundle { .. } => Layout::Bundle,
            Contents::Folder(_) => Layout::Folder,
        }
    }

    /// Returns the metadata. It is empty for a folder without `metadata.yaml`.
    pub(crate) fn metadata(&self) -> &Metadata {
        match &self.contents {
            Contents::Bundle { reader, .. } => reader.metadata(),
            Contents::Folder(folder) => folder.metadata(),
        }
    }

    /// Returns the length in bytes of each document that exists.
    pub(crate) fn documents(&self) -> PerKind<Option<u64>> {
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

    /// Returns the warnings about the files of the project.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if *self.metadata() == Metadata::default() {
            warnings.push(
                "the project has no metadata.yaml with a release. eNMS before 4.5 writes none. Check \
                 the records after the import"
                    .to_owned(),
            );
        }
        if self.hides_folder {
            warnings.push("a folder and a bundle have this name; the bundle was read".to_owned());
        }
        let (junk, others): (Vec<_>, Vec<_>) = self.ignored().iter().partition(|n| is_junk(n));
        warnings.extend(others.into_iter().map(|name| ignored_warning(name)));
        if let Contents::Folder(folder) = &self.contents
            && folder.further_ignored() > 0
        {
            let further = folder.further_ignored();
            warnings.push(format!("further files of the folder that were not read: {further}"));
        }
        if !junk.is_empty() {
            let names: Vec<String> = junk.iter().map(|name| format!("'{name}'")).collect();
            warnings.push(format!(
                "files that an operating system added were not read: {}",
                names.join(", ")
            ));
        }
        warnings
    }

    /// Returns the names of files that are not read.
    pub(crate) fn ignored(&self) -> &[String] {
        match &self.contents {
            Contents::Bundle { reader, .. } => reader.ignored(),
            Contents::Folder(folder) => folder.ignored(),
        }
    }

    /// Returns a reader of the document of a kind, if there is one.
    ///
    /// The reader of a bundle's document compares the checksums before it returns the last byte.
    /// The reader of a folder's document compares the length with the length at opening before it
    /// returns the end. Checksums in a folder's metadata are ignored, because users edit folders.
    /// [`LibraryError::from_io`] returns the error that the reader's [`io::Error`](std::io::Error)
    /// contains.
    ///
    /// # Errors
    /// [`LibraryError::File`] if a folder's document was removed or replaced.
    pub(crate) fn document(
        &self,
        kind: Kind,
    ) -> Result<Option<Box<dyn Read + Send>>, LibraryError> {
        Ok(match &self.contents {
            Contents::Bundle { reader, .. } => {
                reader.document(kind).map(|document| -> Box<dyn Read + Send> { Box::new(document) })
            }
            Contents::Folder(folder) => folder
                .document(kind)?
                .map(|document| -> Box<dyn Read + Send> { Box::new(document) }),
        })
    }

    /// Compares all checksums of a bundle. Checksums of a folder are ignored.
    pub(super) fn verify(&self) -> Result<(), LibraryError> {
        match &self.contents {
            Contents::Bundle { reader, .. } => {
                reader.verify().map_err(|error| LibraryError::from_bundle(&self.path, error))
            }
            Contents::Folder(_) => Ok(()),
        }
    }

    /// Returns the entry for a list of projects.
    pub(crate) fn summary(&self) -> ProjectSummary {
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
                    // The documents can have been edited after they were counted.
                    Layout::Folder => None,
                };
                bytes.map(|bytes| DocumentSummary { records, bytes })
            }),
            ignored: self.ignored().to_vec(),
            warnings: self.warnings(),
            bytes: match &self.contents {
                Contents::Bundle { bytes, .. } => *bytes,
                Contents::Folder(_) => total,
            },
            problem: None,
        }
    }
}
