//! What goes wrong with projects as files.

use std::io;

use super::{super::ProjectName, BUNDLE_BYTES_MAX};
use crate::codec::bundle::BundleError;

/// Why a project can not be had, or not be put down.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    #[error("there is no project named '{name}'")]
    NotFound { name: ProjectName },
    /// What is wrong with the bundle, or with the metadata or size of a folder.
    #[error(transparent)]
    Bundle(BundleError),
    #[error("'{file}' {problem}")]
    File { file: String, problem: FileProblem },
    #[error(
        "the project '{name}' is a folder, which has no file to be sent; import it, and export it \
         as a bundle"
    )]
    FolderHasNoFile { name: ProjectName },
    #[error("a folder named '{file}' stands where the bundle belongs; rename or remove it")]
    InTheWay { file: String },
    #[error("a bundle has at most {BUNDLE_BYTES_MAX} bytes")]
    Long,
    #[error("the disk of the appliance is full; nothing was changed")]
    NoSpace,
    #[error(
        "the file would grow beyond the size that the operating system allows this process \
         (`ulimit -f`, or `LimitFSIZE=` of its service); nothing was changed"
    )]
    FileSizeLimit,
    #[error("cannot read or write the folder of projects")]
    Io(#[source] io::Error),
}

/// What is wrong with a file that is, or is in, a project. Displayed, it goes on after its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    #[error("is a link; projects are files and folders in their own place")]
    Link,
    #[error("is neither a file nor a folder")]
    Special,
    #[error("is a folder where a document is expected")]
    Folder,
    #[error("was changed or replaced while it was read; is it still being copied?")]
    Changed,
}

impl LibraryError {
    /// A short word for scripts.
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
            LibraryError::NoSpace => "no-space",
            LibraryError::FileSizeLimit => "file-size-limit",
            LibraryError::Io(_) => "io",
        }
    }
}

impl From<BundleError> for LibraryError {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Io(error) => error.into(),
            refused => LibraryError::Bundle(refused),
        }
    }
}

/// Finds what readers and writers could only say as an [`io::Error`]: a [`LibraryError`], a
/// [`BundleError`], a full disk; the rest is [`LibraryError::Io`].
impl From<io::Error> for LibraryError {
    fn from(error: io::Error) -> Self {
        let error = match error.downcast::<LibraryError>() {
            Ok(found) => return found,
            Err(error) => error,
        };
        match BundleError::from_io(error) {
            BundleError::Io(error) => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => LibraryError::NoSpace,
                io::ErrorKind::FileTooLarge => LibraryError::FileSizeLimit,
                _ => LibraryError::Io(error),
            },
            refused => LibraryError::Bundle(refused),
        }
    }
}

impl From<LibraryError> for io::Error {
    /// For readers and writers, which can fail with nothing else.
    fn from(error: LibraryError) -> Self {
        match error {
            LibraryError::Io(error) => error,
            LibraryError::NoSpace => io::ErrorKind::StorageFull.into(),
            LibraryError::FileSizeLimit => io::ErrorKind::FileTooLarge.into(),
            LibraryError::Long => io::Error::new(io::ErrorKind::FileTooLarge, error),
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        }
    }
}
