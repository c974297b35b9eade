//! What can go wrong in the store.

use std::{io, path::PathBuf};

use crate::model::{
    Kind, OverLimit,
    limits::{LONG_TEXT_BYTES_MAX, RECORD_BYTES_MAX as WEIGHT_MAX},
};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the {kind} '{name}' cannot be read: what is stored of it is damaged ({detail})")]
    Corrupt { kind: Kind, name: String, detail: String },
    #[error("the store's own '{part}' cannot be read: {detail}")]
    Damaged { part: &'static str, detail: String },
    #[error("the data directory {} is in use by another process", .directory.display())]
    InUse { directory: PathBuf },
    #[error(
        "the key {} is missing, without which the secrets of this data directory cannot be read; \
         put it back, or start with an empty data directory",
        .path.display()
    )]
    KeyMissing { path: PathBuf },
    #[error("the key {} is not 32 bytes long", .path.display())]
    KeyBroken { path: PathBuf },
    #[error("a secret of the {kind} '{name}' cannot be opened with the key of this data directory")]
    Unsealable { kind: Kind, name: String },
    #[error(
        "the data directory was written in format {found}, and this Satchel reads format {known}: {}",
        if found > known {
            "use a newer one"
        } else {
            "export everything with the Satchel that wrote it, and import that here"
        }
    )]
    OtherFormat { found: u32, known: u32 },
    #[error("another change is being applied; try again in a moment")]
    Busy,
    #[error("there is nothing to undo: nothing was imported yet")]
    NothingToUndo,
    #[error("the disk is full, and the change is not acknowledged")]
    DiskFull,
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
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    #[error("the database: {0}")]
    Database(#[source] sled::Error),
}

/// The most bytes that the store keeps of one record, and the most memory that decoding it may
/// take. This is above [what a record may weigh](WEIGHT_MAX), because records were stored before
/// that was checked, and have to stay readable.
pub const RECORD_BYTES_MAX: usize = 256 * 1024 * 1024;

const _: () = assert!(RECORD_BYTES_MAX as u64 >= 2 * WEIGHT_MAX);

impl StoreError {
    /// An error of the file system, with what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        |source| match is_full(&source) {
            true => StoreError::DiskFull,
            false => StoreError::Io { what: what.into(), source },
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

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        match &error {
            sled::Error::Io(io) if is_full(io) => StoreError::DiskFull,
            _ => StoreError::Database(error),
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        StoreError::io("the data directory")(error)
    }
}
