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
    /// The stored bytes of one record or of its chunks cannot be decoded.
    #[error("the {kind} '{name}' cannot be read: its stored data is damaged ({detail})")]
    Corrupt {
        /// The kind of the record.
        kind: Kind,
        /// The key of the record. Bytes that are not UTF-8 are replaced.
        name: String,
        /// The fault in the bytes, for a technician.
        detail: String,
    },
    /// Damaged data outside of records, such as an index or a page of the database.
    #[error("the part '{part}' of the store is damaged: {detail}")]
    Damaged {
        /// The part of the store, as in [`Damage::part`].
        part: &'static str,
        /// The fault in the part, for a technician.
        detail: String,
    },
    /// The inventory was damaged when it was opened, so it was refused and left unchanged.
    #[error("{0}")]
    InventoryDamaged(Box<InventoryDamage>),
    /// The data directory cannot be used. Boxed: the error holds several paths, and the other
    /// variants are small.
    #[error(transparent)]
    Directory(Box<DirectoryError>),
    /// The key file is missing, or it is not the key of the data directory.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A secret was encrypted with another key, or its stored bytes are damaged.
    #[error(
        "a secret of the {kind} '{name}' cannot be decrypted with the key of this data directory"
    )]
    UndecryptableSecret {
        /// The kind of the record that has the secret.
        kind: Kind,
        /// The name of that record.
        name: String,
    },
    /// A lock was not free within its time limit: the write lock, or a generation that is still
    /// being read.
    #[error("another change is in progress; try again in a moment")]
    Busy,
    /// The job was cancelled before its change took effect.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// A recovery found no generation in the data directory.
    #[error("there is no inventory in {}", .directory.display())]
    NoInventory {
        /// The path of the data directory.
        directory: PathBuf,
    },
    /// There is no change in the history, or no earlier generation for a recovery.
    #[error("there is nothing to undo")]
    NothingToUndo,
    /// A write failed because the file system has no space, or the user's quota is used up.
    #[error("disk full: the change was not saved")]
    DiskFull,
    /// A write failed because a file would exceed the size limit of this process (`RLIMIT_FSIZE`).
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
    /// An earlier write failed, and it is unknown whether it reached the disk. Changes are refused
    /// until Satchel is restarted.
    #[error("the store is read-only because a write failed: {reason}")]
    ReadOnly {
        /// The message of the failed write.
        reason: String,
    },
    /// The file of the database was removed, moved or replaced while it was open: a write would be lost.
    #[error(
        "the change was not saved: the database '{}' was removed or replaced while Satchel used it. Make \
         a backup with `satchel backup FILE` before you stop the server: it can still read the records", .path.display()
    )]
    DatabaseRemoved {
        /// The path at which the database was opened.
        path: PathBuf,
    },
    /// A record is larger than [`RECORD_BYTES_MAX`] when it is encoded.
    #[error("the {kind} has {bytes} bytes; the limit is {RECORD_BYTES_MAX}")]
    RecordLarge {
        /// The kind of the record.
        kind: Kind,
        /// The size of the encoded record, in bytes.
        bytes: usize,
    },
    /// A change would make a record exceed one of the limits in [`crate::model::limits`].
    #[error("the {kind} '{name}' exceeds a limit: {over}")]
    OverLimit {
        /// The kind of the record.
        kind: Kind,
        /// The name of the record after the change.
        name: String,
        /// The limit, and by how much it is exceeded.
        over: OverLimit,
    },
    /// A long text of a device is larger than [`LONG_TEXT_BYTES_MAX`].
    #[error("the text has {bytes} bytes; the limit is {LONG_TEXT_BYTES_MAX}")]
    TextLarge {
        /// The size of the text, in bytes of UTF-8.
        bytes: usize,
    },
    /// One change writes more data than is kept in memory.
    #[error(
        "the change is too large for memory ({records} entries): split it, or export the inventory, \
         edit the documents and import them"
    )]
    ChangeLarge {
        /// The number of database entries that the change writes or removes.
        records: usize,
    },
    /// Any other error of the file system.
    #[error("{what} failed")]
    Io {
        /// The failed operation as a gerund phrase, such as "reading the log".
        what: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Any other error of sled.
    #[error("database error")]
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
    /// The kind of the damaged record. `None` if the damage is not in a record.
    pub kind: Option<Kind>,
    /// The record, if only one is damaged.
    pub name: Option<String>,
    /// The fault, for a technician.
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
            StoreError::UndecryptableSecret { kind, name } => Some(Damage {
                part: "secret",
                kind: Some(*kind),
                name: Some(name.clone()),
                detail: "its secret cannot be decrypted with the key of the data directory"
                    .to_owned(),
            }),
            _ => None,
        }
    }

    /// Returns whether only a record or a page is damaged. Other records can still be read.
    pub fn is_damage(&self) -> bool {
        matches!(self, StoreError::Corrupt { .. } | StoreError::Damaged { .. })
    }

    /// Returns a converter for errors of the file system. `what` is a gerund phrase, such as "reading
    /// the log".
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        |source| full_disk(&source).unwrap_or_else(|| StoreError::Io { what: what.into(), source })
    }

    /// Returns whether the system denied a permission.
    pub fn is_permission_denied(&self) -> bool {
        match self {
            StoreError::Io { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            StoreError::Database(sled::Error::Io(error)) => {
                error.kind() == io::ErrorKind::PermissionDenied
            }
            _ => false,
        }
    }

    /// Returns whether a database is already open. sled reports this only by the text of the error.
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
