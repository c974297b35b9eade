//! The reasons why a backup cannot be made or read.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{BackupName, manifest::BACKUP_FORMAT};
use crate::{
    codec::bundle::{BundleError, WriteError},
    import::ImportError,
    inventory::InventoryError,
    job::Cancelled,
    migration::MigrationError,
    model::{Kind, limits::LONG_TEXT_BYTES_MAX},
    store::StoreError,
};

/// The reason why a backup cannot be made, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The folder has no backup of this name.
    #[error("there is no backup named '{name}'")]
    NotFound {
        /// The requested name.
        name: BackupName,
    },
    /// The folder has a backup of this name, which is not replaced.
    #[error("there is a backup named '{name}' already. Use another name, or delete it first")]
    Exists {
        /// The requested name.
        name: BackupName,
    },
    /// The name belongs to scheduled backups.
    #[error(
        "the names of scheduled backups begin with “scheduled-”, and the schedule removes old ones. Use \
         another name than '{name}'"
    )]
    Reserved {
        /// The requested name.
        name: BackupName,
    },
    /// A job cannot be started.
    #[error("cannot start a job")]
    Job(#[source] io::Error),
    /// The folder of backups is missing, and is not created.
    #[error(
        "there is no folder '{}', in which the setting backup_dir stores backups. It is not created, \
         because its disk might not be mounted",
        .path.display()
    )]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The folder of backups is in the data directory.
    #[error(
        "the folder '{}' of the setting backup_dir is in the data directory. Use another folder, or remove \
         the setting to store backups in the folder `backups` there",
        .path.display()
    )]
    FolderInData {
        /// The folder.
        path: PathBuf,
    },
    /// Too many backups are being sent to clients.
    #[error("too many backups are being downloaded while they are made. Try again later")]
    TooMany,
    /// A file is not a backup, or not an undamaged one.
    #[error(transparent)]
    Refused(#[from] RefusedBackup),
    /// The documents cannot be written, or a record cannot be read.
    #[error(transparent)]
    Documents(#[from] MigrationError),
    /// The inventory or its history cannot be read, or the operation was cancelled.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file has no document of a requested kind.
    #[error("the backup has no document {kind}.yaml, so this type cannot be restored from it")]
    NoKind {
        /// The kind.
        kind: Kind,
    },
    /// The file has no record of the requested name.
    #[error("the backup has no record named '{name}' of the requested types")]
    NoRecord {
        /// The requested name.
        name: String,
    },
    /// The plan of a restore is not the one that the caller has seen.
    #[error(
        "the inventory, the backup or the options are not those of this plan. Nothing was restored. Look at \
         the changes again with a dry run, and send the plan of its response"
    )]
    PlanChanged,
    /// The backup that is made before a restore cannot be made.
    #[error("cannot back up the present inventory first, so nothing was restored")]
    Safety(#[source] Box<BackupError>),
    /// The records cannot be restored.
    #[error(transparent)]
    Import(ImportError),
    /// The restored inventory cannot be verified.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The file system has no space, or a quota is used up.
    #[error("the disk is full; no backup was made")]
    DiskFull,
    /// The file would exceed the file size limit of the process.
    #[error(
        "the backup would exceed the size that the operating system allows this process (`ulimit -f`, \
         or `LimitFSIZE=` of its service); no backup was made"
    )]
    FileSizeLimit,
    /// A part cannot be written to its output.
    #[error("cannot write the backup")]
    Write(#[source] io::Error),
    /// The time of the backup has no text.
    #[error("the time of the backup cannot be formatted")]
    Time(#[from] time::error::Format),
    /// Any other error of the file system.
    #[error("cannot access '{}' in the folder of backups", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// The reason why a file is refused as a backup.
#[derive(Debug, thiserror::Error)]
pub enum RefusedBackup {
    /// The file is a symbolic link, a folder or a device.
    #[error("it is not a regular file")]
    Special,
    /// The zip archive or one of its entries is damaged.
    #[error(transparent)]
    Bundle(BundleError),
    /// The archive is a bundle without the parts of a backup.
    #[error(
        "it is a bundle, not a backup: it has no satchel/manifest.json. Import it with `satchel import`"
    )]
    NotABackup,
    /// The manifest is not JSON of the expected form.
    #[error("satchel/manifest.json cannot be read")]
    Manifest(#[source] serde_json::Error),
    /// The manifest is longer than any manifest.
    #[error("satchel/manifest.json has {bytes} bytes, more than the {bytes_max} allowed")]
    ManifestLong {
        /// Its length in bytes.
        bytes: u64,
        /// The limit, in bytes.
        bytes_max: u64,
    },
    /// A later version of Satchel wrote the backup.
    #[error(
        "it has format {format}, which a later version of Satchel wrote. This version reads format \
         {BACKUP_FORMAT}"
    )]
    Newer {
        /// The format of the backup.
        format: u32,
    },
    /// A part of the manifest is missing in the archive, or has another length.
    #[error("the part '{part}' is missing or has another length than the manifest declares")]
    Part {
        /// The name of the entry.
        part: String,
    },
    /// A part, or the list of all parts, has another checksum than the manifest declares.
    #[error("'{part}' was changed: its SHA-256 is not the one that the manifest declares")]
    Checksum {
        /// The name of the entry.
        part: String,
    },
    /// A line of a part cannot be read.
    #[error("line {line} of '{part}' cannot be read")]
    Line {
        /// The name of the entry.
        part: String,
        /// The number of the line, from 1.
        line: u64,
        /// The reason.
        source: serde_json::Error,
    },
    /// A long text cannot be restored.
    #[error("line {line} of 'satchel/configurations.ndjson': {problem}")]
    Text {
        /// The number of the line, from 1.
        line: u64,
        /// The reason.
        problem: TextProblem,
    },
    /// The archive has a part that the manifest does not list.
    #[error("the part '{part}' is not in the manifest")]
    Unlisted {
        /// The name of the entry.
        part: String,
    },
}

/// The reason why a long text cannot be restored, as a part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextProblem {
    /// Devices have no long text of this name.
    #[error("devices have no text '{property}'")]
    UnknownProperty {
        /// The name of the property.
        property: String,
    },
    /// The backup does not have the device.
    #[error("the backup has no device '{device}'")]
    UnknownDevice {
        /// The name of the device.
        device: String,
    },
    /// The texts are not sorted by device and property, or one occurs twice.
    #[error("it does not come after the line before it")]
    OutOfOrder,
    /// A present text is absent.
    #[error("it has no text")]
    Missing,
    /// The text exceeds the limit.
    #[error("the text has {bytes} bytes, more than the {LONG_TEXT_BYTES_MAX} allowed")]
    Long {
        /// Its length in bytes.
        bytes: usize,
    },
}

impl From<Cancelled> for BackupError {
    fn from(cancelled: Cancelled) -> Self {
        StoreError::from(cancelled).into()
    }
}

impl From<WriteError> for BackupError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Io(error) => Self::of_write(error),
            other => MigrationError::Write(other).into(),
        }
    }
}

/// The error of restoring the records: that of the store without its detour.
impl From<ImportError> for BackupError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Store(error) => Self::Store(error),
            other => Self::Import(other),
        }
    }
}

impl BackupError {
    /// Returns the error of writing a part.
    pub(super) fn of_write(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            io::ErrorKind::FileTooLarge => Self::FileSizeLimit,
            _ => Self::Write(error),
        }
    }

    /// Returns the error of writing an uploaded file.
    pub fn of_upload(error: io::Error) -> Self {
        Self::at(Path::new("the upload"))(error)
    }

    /// Returns the error of the documents: that of the output without its detour.
    pub(super) fn of_documents(error: MigrationError) -> Self {
        match error {
            MigrationError::Write(error) => error.into(),
            MigrationError::Store(error) => Self::Store(error),
            MigrationError::Import(error) => error.into(),
            other => Self::Documents(other),
        }
    }

    /// Adds the path to an [`io::Error`], for `map_err`.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            io::ErrorKind::FileTooLarge => Self::FileSizeLimit,
            _ => Self::Io { path: path.to_owned(), source },
        }
    }
}
