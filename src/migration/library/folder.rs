//! A project as eNMS writes it: a folder with a document per kind.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{
    FileProblem, LibraryError, Sort,
    project::{file_name, open_file},
};
use crate::{
    codec::bundle::{
        BundleError, EntryProblem, Limits, METADATA_NAME, Metadata, document_name,
        limits::METADATA_BYTES_MAX,
    },
    model::{Kind, PerKind},
};

/// How many files that are not read are named.
const IGNORED_MAX: usize = 64;

/// An opened folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Device and number of the folder that was opened: another may take its name.
    identity: (u64, u64),
    metadata: Metadata,
    documents: PerKind<Option<u64>>,
    ignored: Vec<String>,
}

impl Folder {
    /// Looks at the folder, and reads its metadata.
    pub(super) fn open(path: &Path, limits: Limits) -> Result<Self, LibraryError> {
        let identity = identity(path)?;
        let mut documents = PerKind::default();
        let mut metadata = None;
        let mut ignored = Vec::new();
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name();
            let kind = Kind::ALL.into_iter().find(|kind| *document_name(*kind) == *name);
            match kind {
                Some(kind) => {
                    let file = open_file(&path.join(&name))?;
                    documents[kind] = Some(file.metadata()?.len());
                }
                None if name == METADATA_NAME => {
                    metadata = Some(read_metadata(&path.join(&name))?);
                }
                None if ignored.len() < IGNORED_MAX => {
                    ignored.push(name.to_string_lossy().into_owned());
                }
                None => {}
            }
        }
        ignored.sort_unstable();
        let folder = Self {
            path: path.to_owned(),
            identity,
            metadata: metadata.clone().unwrap_or_default(),
            documents,
            ignored,
        };
        let bytes = folder.bytes();
        match (metadata, bytes) {
            (None, None) => Err(BundleError::MetadataMissing.into()),
            (_, Some(bytes)) if bytes > limits.project_bytes => {
                Err(BundleError::Unpacked { bytes, bytes_max: limits.project_bytes }.into())
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
        &self.ignored
    }

    /// Begins to read a document.
    pub(super) fn document(&self, kind: Kind) -> Result<Option<FolderDocument>, LibraryError> {
        let Some(bytes) = self.documents[kind] else { return Ok(None) };
        let path = self.path.join(document_name(kind));
        let file = open_file(&path)?;
        if identity(&self.path)? != self.identity || file.metadata()?.len() != bytes {
            return Err(changed(&file_name(&path)));
        }
        Ok(Some(FolderDocument { name: file_name(&path), file, rest: bytes }))
    }

    /// The length of all documents together, if there are any.
    fn bytes(&self) -> Option<u64> {
        let lengths = self.documents.iter().filter_map(|(_, bytes)| *bytes);
        lengths.reduce(u64::saturating_add)
    }
}

/// A document of a folder. It is as long as it was when the project was opened, or an error: a
/// folder that is still being copied is not taken for whole.
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

/// Device and number of a folder, which must be one itself, not a link to one.
fn identity(path: &Path) -> Result<(u64, u64), LibraryError> {
    let metadata = fs::symlink_metadata(path)?;
    let problem = match Sort::of(&metadata) {
        Sort::Folder => return Ok((metadata.dev(), metadata.ino())),
        Sort::Link => FileProblem::Link,
        Sort::File | Sort::Special => FileProblem::Special,
        Sort::Missing => FileProblem::Changed,
    };
    Err(LibraryError::File { file: file_name(path), problem })
}

fn read_metadata(path: &Path) -> Result<Metadata, LibraryError> {
    let mut text = Vec::new();
    open_file(path)?.take(METADATA_BYTES_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > METADATA_BYTES_MAX {
        let entry = METADATA_NAME.to_owned();
        return Err(BundleError::Entry { entry, problem: EntryProblem::MetadataLong }.into());
    }
    Ok(Metadata::parse(&text).map_err(BundleError::from)?)
}
