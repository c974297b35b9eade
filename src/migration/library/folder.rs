//! A project as eNMS writes it: a folder with one document for each kind.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{
    error::{FileProblem, LibraryError},
    file::{FileType, file_name, file_type, is_yaml, open_file},
};
use crate::{
    codec::bundle::{
        BundleError, EntryProblem, Limits, MANIFEST_NAME, METADATA_NAME, Metadata, PARTS_FOLDER,
        SimilarDocument, document_name, limits::METADATA_BYTES_MAX,
    },
    model::{Kind, PerKind},
};

/// The largest number of ignored files that are listed.
const IGNORED_MAX: usize = 64;

/// The largest number of files of a folder in the project's folder that are examined.
const FOLDER_FILES_MAX: usize = 1_000;

/// The files of a folder that are not read.
#[derive(Debug, Default)]
struct IgnoredFiles {
    /// The names: first the YAML files, which are probably documents.
    names: Vec<String>,
    /// The names of other files, until they are sorted.
    others: Vec<String>,
    /// The number of files beyond [`IGNORED_MAX`].
    further: u64,
}

/// An opened folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Device and inode of the opened folder: another folder can get its name.
    identity: (u64, u64),
    metadata: Metadata,
    documents: PerKind<Option<u64>>,
    ignored: IgnoredFiles,
}

impl Folder {
    /// Lists the documents of the folder and reads its metadata.
    pub(super) fn open(path: &Path, limits: Limits) -> Result<Self, LibraryError> {
        let identity = identity(path)?;
        let mut documents = PerKind::default();
        let mut metadata = None;
        let mut ignored = IgnoredFiles::default();
        for entry in fs::read_dir(path).map_err(LibraryError::at(path))? {
            let name = entry.map_err(LibraryError::at(path))?.file_name();
            let kind = Kind::ALL.into_iter().find(|kind| *document_name(*kind) == *name);
            match kind {
                Some(kind) => {
                    let path = path.join(&name);
                    let metadata = open_file(&path)?.metadata().map_err(LibraryError::at(&path))?;
                    documents[kind] = Some(metadata.len());
                }
                None if name == METADATA_NAME => {
                    metadata = Some(read_metadata(&path.join(&name))?);
                }
                // The parts of an unpacked backup, which are not documents.
                None if is_parts_folder(path, &name) => {}
                None => ignored.add(path, &name.to_string_lossy()),
            }
        }
        ignored.sort();
        let folder = Self {
            path: path.to_owned(),
            identity,
            metadata: metadata.clone().unwrap_or_default(),
            documents,
            ignored,
        };
        let bytes = folder.bytes();
        match (metadata, bytes) {
            (None, None) => {
                let similar = folder.ignored().iter().find_map(|name| SimilarDocument::of(name));
                Err(LibraryError::Bundle(BundleError::MetadataMissing { similar }))
            }
            (_, Some(bytes)) if bytes > limits.project_bytes => {
                let bytes_max = limits.project_bytes;
                Err(LibraryError::Bundle(BundleError::Unpacked { bytes, bytes_max }))
            }
            (Some(_), _) | (None, Some(_)) => Ok(folder),
        }
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    pub(super) fn documents(&self) -> &PerKind<Option<u64>> {
        &self.documents
    }

    pub(super) fn ignored(&self) -> &[String] {
        &self.ignored.names
    }

    /// The number of files that are not read and not listed.
    pub(super) fn further_ignored(&self) -> u64 {
        self.ignored.further
    }

    /// Opens a document.
    pub(super) fn document(&self, kind: Kind) -> Result<Option<FolderDocument>, LibraryError> {
        let Some(bytes) = self.documents[kind] else { return Ok(None) };
        let path = self.path.join(document_name(kind));
        let file = open_file(&path)?;
        let metadata = file.metadata().map_err(LibraryError::at(&path))?;
        if identity(&self.path)? != self.identity || metadata.len() != bytes {
            return Err(changed(&file_name(&path)));
        }
        Ok(Some(FolderDocument { name: file_name(&path), file, rest: bytes }))
    }

    /// Returns the sum of the documents' lengths, or `None` if there are no documents.
    fn bytes(&self) -> Option<u64> {
        let lengths = self.documents.iter().filter_map(|(_, bytes)| *bytes);
        lengths.reduce(u64::saturating_add)
    }
}

/// Returns whether a folder in the project's folder contains the parts of a backup.
fn is_parts_folder(path: &Path, name: &OsStr) -> bool {
    *name == *PARTS_FOLDER.trim_end_matches('/') && path.join(name).join(MANIFEST_NAME).is_file()
}

impl IgnoredFiles {
    /// Adds a file or folder in the folder at `path`. Of a folder, the files are added whose names
    /// resemble those of documents, or else the folder itself.
    fn add(&mut self, path: &Path, name: &str) {
        let inner = path.join(name);
        if !matches!(file_type(&inner), Ok(FileType::Folder)) {
            return self.push(name.to_owned());
        }
        let entries = fs::read_dir(&inner).into_iter().flatten().take(FOLDER_FILES_MAX).flatten();
        let paths = entries.map(|entry| format!("{name}/{}", entry.file_name().to_string_lossy()));
        let documents: Vec<String> =
            paths.filter(|path| SimilarDocument::of(path).is_some()).collect();
        if documents.is_empty() {
            self.push(format!("{name}/"));
        }
        documents.into_iter().for_each(|document| self.push(document));
    }

    fn push(&mut self, name: String) {
        let names = if is_yaml(&name) { &mut self.names } else { &mut self.others };
        if names.len() < IGNORED_MAX {
            names.push(name);
        } else {
            self.further += 1;
        }
    }

    /// Sorts the names, and puts YAML files first.
    fn sort(&mut self) {
        self.names.sort_unstable();
        self.others.sort_unstable();
        self.names.append(&mut self.others);
        self.further += self.names.len().saturating_sub(IGNORED_MAX) as u64;
        self.names.truncate(IGNORED_MAX);
    }
}

/// Reads a document of a folder. It fails if the length differs from the one at the time when the
/// project was opened: a folder that is still being copied must not be imported in part.
#[derive(Debug)]
pub(super) struct FolderDocument {
    name: String,
    file: File,
    rest: u64,
}

impl Read for FolderDocument {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        match self.rest.checked_sub(read as u64) {
            None => Err(changed(&self.name).into()),
            Some(1..) if read == 0 && !buffer.is_empty() => Err(changed(&self.name).into()),
            Some(rest) => {
                self.rest = rest;
                Ok(read)
            }
        }
    }
}

fn changed(file: &str) -> LibraryError {
    LibraryError::File { file: file.to_owned(), problem: FileProblem::Changed }
}

/// Returns device and inode of a folder. A link to a folder is refused.
fn identity(path: &Path) -> Result<(u64, u64), LibraryError> {
    let metadata = fs::symlink_metadata(path).map_err(LibraryError::at(path))?;
    let problem = match FileType::of(&metadata) {
        FileType::Folder => return Ok((metadata.dev(), metadata.ino())),
        FileType::Link => FileProblem::Link,
        FileType::File | FileType::Special => FileProblem::Special,
        FileType::Missing => FileProblem::Changed,
    };
    Err(LibraryError::File { file: file_name(path), problem })
}

fn read_metadata(path: &Path) -> Result<Metadata, LibraryError> {
    let mut text = Vec::new();
    let mut file = open_file(path)?.take(METADATA_BYTES_MAX + 1);
    file.read_to_end(&mut text).map_err(LibraryError::at(path))?;
    if text.len() as u64 > METADATA_BYTES_MAX {
        let entry = METADATA_NAME.to_owned();
        let problem = EntryProblem::MetadataTooLong;
        return Err(LibraryError::Bundle(BundleError::Entry { entry, problem }));
    }
    Metadata::parse(&text).map_err(|error| LibraryError::Bundle(error.into()))
}
