//! What can go wrong in the store.

use std::{io, path::PathBuf};

use super::{DirectoryError, InventoryDamage, KeyError};
use crate::{
    job::Cancelled,
    model::{
        Kind, OverLimit,
        limits::{LONG_TEXT_BYTES_MAX, RECORD_BYTES_MAX as WEIGHT_MAX},
    },
};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the {kind} '{name}' cannot be read: what is stored of it is damaged ({detail})")]
    Corrupt { kind: Kind, name: String, detail: String },
    #[error("the part '{part}' of the store is damaged: {detail}")]
    Damaged { part: &'static str, detail: String },
    #[error("{0}")]
    InventoryDamaged(Box<InventoryDamage>),
    /// In a box: it holds several paths, and the others are small.
    #[error(transparent)]
    Directory(Box<DirectoryError>),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("a secret of the {kind} '{name}' cannot be opened with the key of this data directory")]
    Unsealable { kind: Kind, name: String },
    #[error("another change is being applied; try again in a moment")]
    Busy,
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("there is no inventory in {}", .directory.display())]
    NoInventory { directory: PathBuf },
    #[error("there is nothing to undo: nothing was imported yet")]
    NothingToUndo,
    #[error("disk full: the change was not saved")]
    DiskFull,
    #[error(
        "the change was not saved: a file would grow beyond the size that the operating system \
         allows this process (`ulimit -f`, or `LimitFSIZE=` of its service)"
    )]
    FileSizeLimit,
    /// A read that could not be served from a database in which a write failed.
    #[error(
        "this cannot be read at the moment: the database is opened again after a write failed; \
         try again in a few seconds"
    )]
    Reopening,
    #[error("the store has become read-only, because a write failed: {reason}")]
    ReadOnly { reason: String },
    #[error("a {kind} of {bytes} bytes is more than the {RECORD_BYTES_MAX} that a record may have")]
    RecordLarge { kind: Kind, bytes: usize },
    #[error("the {kind} '{name}' is over a limit: {over}")]
    OverLimit { kind: Kind, name: String, over: OverLimit },
    #[error("a text of {bytes} bytes is more than the {LONG_TEXT_BYTES_MAX} that one may have")]
    TextLarge { bytes: usize },
    #[error(
        "this changes {records} entries at once, which is more than fits into memory: make it in \
         parts, or export the inventory, change the documents and import them"
    )]
    ChangeLarge { records: usize },
    #[error("{what}")]
    Io { what: String, source: io::Error },
    #[error("the database")]
    Database(#[source] sled::Error),
}

/// The most bytes that the store keeps of one record, and the most memory that decoding it may
/// take. This is above [what a record may weigh](WEIGHT_MAX), because records were stored before
/// that was checked, and have to stay readable.
pub const RECORD_BYTES_MAX: usize = 256 * 1024 * 1024;

const _: () = assert!(RECORD_BYTES_MAX as u64 >= 2 * WEIGHT_MAX);

/// What is damaged in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The part of the store: a type of record, or one of the store's own trees. There are few of
    /// them.
    pub part: &'static str,
    pub kind: Option<Kind>,
    /// The record, if only one is damaged.
    pub name: Option<String>,
    pub detail: String,
}

impl StoreError {
    /// What is damaged. `None` for an error that is no damage.
    pub fn damage(&self) -> Option<Damage> {
        match self {
            StoreError::Corrupt { kind, name, detail } => Some(Damage {
                part: kind.as_str(),
                kind: Some(*kind),
                name: Some(name.clone()),
                detail: detail.clone(),
            }),
            StoreError::Damaged { part, detail } => {
                Some(Damage { part, kind: None, name: None, detail: detail.clone() })
            }
            StoreError::Unsealable { kind, name } => Some(Damage {
                part: "secret",
                kind: Some(*kind),
                name: Some(name.clone()),
                detail: "its secret cannot be opened with the key of the data directory".to_owned(),
            }),
            _ => None,
        }
    }

    /// Whether a record or a page is damaged, so that others can still be read.
    pub fn is_damage(&self) -> bool {
        matches!(self, StoreError::Corrupt { .. } | StoreError::Damaged { .. })
    }

    /// An error of the file system, with what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        |source| no_room(&source).unwrap_or_else(|| StoreError::Io { what: what.into(), source })
    }

    /// Whether the system refused for want of a permission.
    pub fn is_permission_denied(&self) -> bool {
        match self {
            StoreError::Io { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            StoreError::Database(sled::Error::Io(error)) => {
                error.kind() == io::ErrorKind::PermissionDenied
            }
            _ => false,
        }
    }

    /// Whether a database could not be opened because it is open already, about which sled says
    /// nothing but this.
    pub(super) fn is_locked(&self) -> bool {
        match self {
            StoreError::Database(sled::Error::Io(error)) => {
                error.to_string().contains("could not acquire lock")
            }
            _ => false,
        }
    }
}

/// The error of a write that found no room. `None` for any other error.
fn no_room(error: &io::Error) -> Option<StoreError> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(StoreError::DiskFull),
        io::ErrorKind::FileTooLarge => Some(StoreError::FileSizeLimit),
        _ => None,
    }
}

impl From<DirectoryError> for StoreError {
    fn from(error: DirectoryError) -> Self {
        StoreError::Directory(Box::new(error))
    }
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        let full = match &error {
            sled::Error::Io(io) => no_room(io),
            _ => None,
        };
        full.unwrap_or(StoreError::Database(error))
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        StoreError::io("the data directory")(error)
    }
}
