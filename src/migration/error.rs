//! Why an export or an import did not happen.

use std::io;

use super::{NameError, ShelfError};
use crate::{codec::yaml, model::Kind, store::StoreError};

/// Why a project could not be imported at all. What is wrong *in* a project is in the report.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a file that was set aside for the import: {0}")]
    Scratch(io::Error),
    #[error("the document {kind}.yaml: {source}")]
    Read { kind: Kind, source: io::Error },
    #[error("a {kind} has a name that is no text")]
    NameBytes { kind: Kind },
    #[error("there are too many pools")]
    Pools,
    #[error(
        "after this import no administrator could log in: the project brings no user with \
         is_admin and a password, and none would be left. Nothing was changed"
    )]
    NoAdministrator,
    #[error("the disk is full; nothing was changed")]
    DiskFull,
    #[error("there is no report '{id}'")]
    NoReport { id: String },
    #[error(transparent)]
    Name(#[from] NameError),
}
