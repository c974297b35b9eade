//! Why an export, an import or an inspection of a project failed.

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

/// Why a project could not be exported or imported at all. Problems of its records are in the
/// report.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    #[error(transparent)]
    Library(#[from] LibraryError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("the document {kind}.yaml cannot be read")]
    Read { kind: Kind, source: io::Error },
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error("the sample project cannot be written to '{}'", .path.display())]
    Sample { path: PathBuf, source: io::Error },
    /// The metadata of an export cannot be made of the release or of the time.
    #[error("the metadata of the export cannot be written")]
    Metadata(#[from] MetadataError),
    #[error("the time of the export cannot be formatted")]
    Time(#[from] time::error::Format),
    #[error("a thread of the operation panicked")]
    Panicked,
}

impl From<Cancelled> for MigrationError {
    fn from(cancelled: Cancelled) -> Self {
        StoreError::from(cancelled).into()
    }
}

impl MigrationError {
    /// Returns the error for a document that cannot be read to its end: the medium failed, or the
    /// bundle is not what it declares.
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
