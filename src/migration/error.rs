//! The reasons why an export, an import or an inspection of a project failed.

use std::{io, path::PathBuf};

use super::LibraryError;
use crate::{
    codec::{
        bundle::{BundleError, MetadataError, WriteError},
        yaml,
    },
    import::ImportError,
    job::Cancelled,
    model::Kind,
    store::StoreError,
};

/// The reason why a project could not be exported or imported at all. Problems of its records are
/// in the report.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The project is not in the library, is refused, or cannot be read or written.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The inventory cannot be read or changed, or the operation was cancelled.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bundle of an export cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A document fails while it is read.
    #[error("the document {kind}.yaml cannot be read")]
    Read {
        /// The kind of the document.
        kind: Kind,
        /// The error of the disk, or the reason why YAML is refused.
        source: io::Error,
    },
    /// The import as a whole is refused or fails.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The sample project of `serve --demo` cannot be created.
    #[error("the sample project cannot be written to '{}'", .path.display())]
    Sample {
        /// The folder of the sample project.
        path: PathBuf,
        /// The error of the disk.
        source: io::Error,
    },
    /// The metadata of an export cannot be created from the release or the time.
    #[error("the metadata of the export cannot be written")]
    Metadata(#[from] MetadataError),
    /// The time of the export has no text in the format of eNMS.
    #[error("the time of the export cannot be formatted")]
    Time(#[from] time::error::Format),
    /// A thread that reads or writes documents panicked. The panic is in the log.
    #[error("a thread of the operation panicked")]
    Panicked,
}

impl From<Cancelled> for MigrationError {
    fn from(cancelled: Cancelled) -> Self {
        StoreError::from(cancelled).into()
    }
}

impl MigrationError {
    /// Returns the error for a document that cannot be read to its end, because of an I/O error
    /// or because the bundle differs from its declaration.
    pub(super) fn of_read(kind: Kind, error: yaml::ReadError) -> Self {
        match error {
            yaml::ReadError::Io(error) => match BundleError::from_io(error) {
                BundleError::Io(source) => Self::Read { kind, source },
                refused => Self::Library(LibraryError::Bundle(refused)),
            },
            refused @ yaml::ReadError::Refused { .. } => {
                Self::Read { kind, source: io::Error::other(refused) }
            }
        }
    }
}
