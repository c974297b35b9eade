//! The errors of the store.

use std::{io, path::PathBuf};

use super::{DirectoryError, InventoryDamage, KeyError};
use crate::{
    job::Cancelled,
    model::{
        Kind, OverLimit,
        limits::{LONG_TEXT_BYTES_MAX, RECORD_BYTES_MAX as WEIGHT_MAX},
    },
};

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the {kind} '{name}' cannot be read: its stored data is damaged ({detail})")]
    Corrupt { kind: Kind, name: String, detail: String },
    #[error("the part '{part}' of the store is damaged: {detail}")]
    Damaged { part: &'static str, detail: String },
    #[error("{0}")]
    InventoryDamaged(Box<InventoryDamage>),
    /// Boxed: it holds several paths, and the other variants are small.
    #[error(transparent)]
    Directory(Box<DirectoryError>),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(
        "a secret of the {kind} '{name}' cannot be decrypted with the key of this data directory"
    )]
    Unsealable { kind: Kind, name: String },
    #[error("another change is in progress; try again in a moment")]
    Busy,
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("there is no inventory in {}", .directory.display())]
    NoInventory { directory: PathBuf },
    #[error("there is nothing to undo: there was no import yet")]
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
        "the inventory cannot be read at the moment: the database is being reopened after a failed \
         write; try again in a few seconds"
    )]
    Reopening,
    #[error("the store is read-only because a write failed: {reason}")]
    ReadOnly { reason: String },
    #[error("the {kind} has {bytes} bytes; the limit is {RECORD_BYTES_MAX}")]
    RecordLarge { kind: Kind, bytes: usize },
    #[error("the {kind} '{name}' exceeds a limit: {over}")]
    OverLimit { kind: Kind, name: String, over: OverLimit },
    #[error("the text has {bytes} bytes; the limit is {LONG_TEXT_BYTES_MAX}")]
    TextLarge { bytes: usize },
    #[error(
        "the change is too large for memory ({records} entries): split it, or export the inventory, \
         edit the documents and import them"
    )]
    ChangeLarge { records: usize },
    /// Any other error of the file system. `what` is a gerund phrase, such as "reading the log".
    #[error("{what} failed")]
    Io { what: String, source: io::Error },
    #[error("the database failed")]
    Database(#[source] sled::Error),
}

/// The largest stored record and the memory limit of decoding one, in bytes. It is above the
/// [limit on a record's weight](WEIGHT_MAX): older versions did not check that limit, and their
/// records must stay readable.
pub const RECORD_BYTES_MAX: usize = 256 * 1024 * 1024;

const _: () = assert!(RECORD_BYTES_MAX as u64 >= 2 * WEIGHT_MAX);

/// A damaged part of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The part of the store: a kind of record, or one of the store's own trees. The number of
    /// different values is small.
    pub part: &'static str,
    pub kind: Option<Kind>,
    /// The record, if only one is damaged.
    pub name: Option<String>,
    pub detail: String,
}

impl StoreError {
    /// Returns the damaged part. `None` for an error that is not damage.
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
                detail: "its secret cannot be decrypted with the key of the data directory"
                    .to_owned(),
            }),
            _ => None,
        }
    }

    /// Whether a record or a page is damaged, so that others can still be read.
    pub fn is_damage(&self) -> bool {
        matches!(self, StoreError::Corrupt { .. } | StoreError::Damaged { .. })
    }

    /// Returns a converter for errors of the file system. `what` is a gerund phrase, such as "reading
    /// the log".
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        |source| full_disk(&source).unwrap_or_else(|| StoreError::Io { what: what.into(), source })
    }

    /// Whether the system denied a permission.
    pub fn is_permission_denied(&self) -> bool {
        match self {
            StoreError::Io { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            StoreError::Database(sled::Error::Io(error)) => {
                error.kind() == io::ErrorKind::PermissionDenied
            }
            _ => false,
        }
    }

    /// Whether a database is already open. sled reports this only by the text of the error.
    pub(super) fn is_locked(&self) -> bool {
        match self {
            StoreError::Database(sled::Error::Io(error)) => {
                error.to_string().contains("could not acquire lock")
            }
            _ => false,
        }
    }
}

/// The error of a record whose stored bytes are damaged. `name` is its key.
pub(super) fn corrupt(kind: Kind, name: &[u8], detail: impl Into<String>) -> StoreError {
    let name = String::from_utf8_lossy(name).into_owned();
    StoreError::Corrupt { kind, name, detail: detail.into() }
}

/// Returns the error of a write on a full disk or beyond a size limit. `None` for any other error.
fn full_disk(error: &io::Error) -> Option<StoreError> {
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
            sled::Error::Io(io) => full_disk(io),
            _ => None,
        };
        full.unwrap_or(StoreError::Database(error))
    }
}
