//! The reasons why an operation on the project library failed.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{super::ProjectName, BUNDLE_BYTES_MAX};
use crate::codec::bundle::BundleError;

/// The reason why a project cannot be read from the project library, or written to it.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The library has no project of this name.
    #[error("there is no project named '{name}'")]
    NotFound {
        /// The requested name.
        name: ProjectName,
    },
    /// The bundle, or the metadata or size of a folder, is refused. Never [`BundleError::Io`].
    #[error(transparent)]
    Bundle(BundleError),
    /// A file of the project is refused.
    #[error("'{file}' {problem}")]
    File {
        /// The name of the file, without its folder.
        file: String,
        /// The reason.
        problem: FileProblem,
    },
    /// A download was requested, but the project is a folder.
    #[error(
        "the project '{name}' is a folder and has no file to download. Import it, then export it \
         as a bundle"
    )]
    FolderHasNoFile {
        /// The name of the project.
        name: ProjectName,
    },
    /// A bundle cannot be stored, because a folder has the name of its file.
    #[error("a folder has the file name '{file}' of the bundle. Rename or remove it")]
    InTheWay {
        /// The name of the folder, such as `site.zip`.
        file: String,
    },
    /// A bundle exceeds [`BUNDLE_BYTES_MAX`].
    #[error("the bundle is larger than the limit of {BUNDLE_BYTES_MAX} bytes")]
    Long,
    /// The file system has no space, or a quota is used up.
    #[error("the disk is full; nothing was changed")]
    DiskFull,
    /// A file would exceed the file size limit of the process.
    #[error(
        "the file would exceed the size that the operating system allows this process (`ulimit \
         -f`, or `LimitFSIZE=` of its service); nothing was changed"
    )]
    FileSizeLimit,
    /// Any other error of the disk.
    #[error("cannot access '{}' in the project library", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// The problem of a file or folder of a project. Its message continues after the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    /// A symbolic link, which could point outside of the library.
    #[error("is a symbolic link; links are not followed in the project library")]
    Link,
    /// A pipe, socket or device.
    #[error("is neither a file nor a folder")]
    Special,
    /// A folder that has the name of a document.
    #[error("is a folder where a document is expected")]
    Folder,
    /// The file differs from the one that was opened, or was removed.
    #[error(
        "was changed or replaced while it was read. Wait until the copy is complete, then try again"
    )]
    Changed,
}

impl LibraryError {
    /// Returns the error that a reader or writer of the file at `path` wrapped in an
    /// [`io::Error`]: a [`LibraryError`], a [`BundleError`], a full disk. Others become
    /// [`LibraryError::Io`].
    pub(in crate::migration) fn from_io(path: &Path, error: io::Error) -> Self {
        let error = match error.downcast::<LibraryError>() {
            Ok(found) => return found,
            Err(error) => error,
        };
        Self::from_bundle(path, BundleError::from_io(error))
    }

    /// Returns the error of the bundle at `path`.
    pub(super) fn from_bundle(path: &Path, error: BundleError) -> Self {
        let source = match error {
            BundleError::Io(source) => source,
            refused => return Self::Bundle(refused),
        };
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            io::ErrorKind::FileTooLarge => Self::FileSizeLimit,
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    /// Adds the path to an [`io::Error`], for `map_err`.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |error| Self::from_io(path, error)
    }

    /// Returns the error that writing to an [`Upload`](super::Upload) wrapped in an [`io::Error`].
    pub fn of_upload(error: io::Error) -> Self {
        Self::from_io(Path::new("the upload"), error)
    }

    /// Returns the stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            LibraryError::NotFound { .. } => "no-project",
            LibraryError::Bundle(error) => error.code(),
            LibraryError::File { problem, .. } => match problem {
                FileProblem::Link => "file-link",
                FileProblem::Special => "file-special",
                FileProblem::Folder => "file-folder",
                FileProblem::Changed => "file-changed",
            },
            LibraryError::FolderHasNoFile { .. } => "folder-has-no-file",
            LibraryError::InTheWay { .. } => "in-the-way",
            LibraryError::Long => "bundle-long",
            LibraryError::DiskFull => "no-space",
            LibraryError::FileSizeLimit => "file-size-limit",
            LibraryError::Io { .. } => "io",
        }
    }
}

impl From<LibraryError> for io::Error {
    /// For [`io::Read`] and [`io::Write`], which have no other error type.
    /// `LibraryError::from_io` is the inverse.
    fn from(error: LibraryError) -> Self {
        match error {
            LibraryError::Io { ref source, .. } => io::Error::new(source.kind(), error),
            LibraryError::DiskFull => io::ErrorKind::StorageFull.into(),
            LibraryError::FileSizeLimit => io::ErrorKind::FileTooLarge.into(),
            LibraryError::Long => io::Error::new(io::ErrorKind::FileTooLarge, error),
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        }
    }
}
