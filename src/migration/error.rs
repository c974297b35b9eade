//! Why an export or an import did not happen.

use std::io;

use super::LibraryError;
use crate::{
    codec::{bundle::WriteError, yaml},
    import::ImportError,
    job::Cancelled,
    model::Kind,
    store::StoreError,
};

/// Why a project could not be moved at all. What is wrong *in* a project is in the report.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    #[error(transparent)]
    Library(#[from] LibraryError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file that is needed on the way.
    #[error("a file that was set aside")]
    Scratch(#[from] io::Error),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("the document {kind}.yaml cannot be read")]
    Read { kind: Kind, source: io::Error },
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error("a thread of the operation ended early")]
    Panicked,
}

impl From<Cancelled> for MigrationError {
    fn from(cancelled: Cancelled) -> Self {
        StoreError::from(cancelled).into()
    }
}

impl MigrationError {
    /// A document that cannot be read, for the bytes' sake: the disk's fault, or a bundle's that is
    /// not what it declares.
    pub(super) fn of_read(kind: Kind, error: yaml::ReadError) -> Self {
        use crate::codec::bundle::BundleError;
        match error {
            yaml::ReadError::Io(error) => match BundleError::from_io(error) {
                BundleError::Io(source) => Self::Read { kind, source },
                refused => Self::Library(refused.into()),
            },
            refused @ yaml::ReadError::Refused { .. } => {
                Self::Read { kind, source: io::Error::other(refused) }
            }
        }
    }
}
