//! The reasons why a scheduled backup fails.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{command::CommandError, timing::RunOutcome};
use crate::{
    backup::{BackupError, BackupName},
    store::StoreError,
    wording::counted,
};

/// The reason why a scheduled backup failed.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleFailure {
    /// The folder of backups has less room than the last backup took. Nothing was written.
    #[error(
        "the folder of backups has {} left, and the last backup has {}. Remove files, or keep fewer backups",
        counted(*.free_bytes, "byte"),
        counted(*.needed_bytes, "byte")
    )]
    NoRoom {
        /// The free space of its file system, in bytes.
        free_bytes: u64,
        /// The size of the last scheduled backup, in bytes.
        needed_bytes: u64,
    },
    /// No backup was made.
    #[error("cannot make the backup")]
    NotMade(#[source] BackupError),
    /// The backup cannot be verified.
    #[error("the backup “{name}” cannot be verified")]
    NotVerified {
        /// The backup.
        name: BackupName,
        /// The reason.
        source: Box<BackupError>,
    },
    /// The backup restores to another inventory.
    #[error("the verification of the backup “{name}” has findings: {summary}")]
    Findings {
        /// The backup.
        name: BackupName,
        /// The result of the verification, as a sentence.
        summary: String,
    },
    /// The command failed.
    #[error("the backup “{name}” is good, but the command failed")]
    Command {
        /// The backup.
        name: BackupName,
        /// The reason.
        source: Box<CommandError>,
    },
    /// Old backups cannot be removed.
    #[error("the backup is good, but old backups cannot be removed")]
    NotRemoved(#[source] BackupError),
    /// An administrator cancelled the job.
    #[error("the job was cancelled")]
    Cancelled,
    /// The server ended while the backup was made, without stopping it.
    #[error("the server was killed while the backup was made")]
    Interrupted,
    /// A bug.
    #[error("the backup ended in a panic: {message}")]
    Panicked {
        /// The message of the panic.
        message: String,
    },
}

/// The cause of a failure, as in the metrics.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "BackupFailureCause")]
pub enum FailureCause {
    /// A disk is full, or has less room than the last backup took.
    NoRoom,
    /// No backup could be made for another reason.
    NotMade,
    /// The backup could not be verified, or the verification had findings.
    NotVerified,
    /// The command failed, took too long or could not be run.
    Command,
    /// Old backups could not be removed.
    NotRemoved,
    /// An administrator cancelled the backup.
    Cancelled,
    /// The server was killed while the backup was made.
    Interrupted,
    /// No good backup was written for twice the interval.
    Overdue,
}

impl FailureCause {
    /// All causes.
    pub const ALL: [Self; 8] = [
        Self::NoRoom,
        Self::NotMade,
        Self::NotVerified,
        Self::Command,
        Self::NotRemoved,
        Self::Cancelled,
        Self::Interrupted,
        Self::Overdue,
    ];

    /// The word in metrics and responses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoRoom => "no_room",
            Self::NotMade => "not_made",
            Self::NotVerified => "not_verified",
            Self::Command => "command",
            Self::NotRemoved => "not_removed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::Overdue => "overdue",
        }
    }

    /// The cause as the end of a sentence, without names.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoRoom => "there was no room",
            Self::NotMade => "no backup could be made",
            Self::NotVerified => "the backup could not be verified",
            Self::Command => "the command failed",
            Self::NotRemoved => "old backups could not be removed",
            Self::Cancelled => "an administrator cancelled it",
            Self::Interrupted => "the server was killed meanwhile",
            Self::Overdue => "nothing was written for twice the interval",
        }
    }
}

impl ScheduleFailure {
    /// The cause in metrics.
    pub fn cause(&self) -> FailureCause {
        match self {
            Self::NoRoom { .. } => FailureCause::NoRoom,
            Self::NotMade(error) if is_full(error) => FailureCause::NoRoom,
            Self::NotVerified { source, .. } if is_full(source) => FailureCause::NoRoom,
            Self::NotMade(_) | Self::Panicked { .. } => FailureCause::NotMade,
            Self::NotVerified { .. } | Self::Findings { .. } => FailureCause::NotVerified,
            Self::Command { .. } => FailureCause::Command,
            Self::NotRemoved(_) => FailureCause::NotRemoved,
            Self::Cancelled => FailureCause::Cancelled,
            Self::Interrupted => FailureCause::Interrupted,
        }
    }

    /// Returns how soon the next run is due.
    pub(super) fn outcome(&self) -> RunOutcome {
        match self {
            Self::Command { .. } | Self::NotRemoved(_) | Self::Cancelled => RunOutcome::Done,
            Self::NoRoom { .. }
            | Self::NotMade(_)
            | Self::NotVerified { .. }
            | Self::Findings { .. }
            | Self::Interrupted
            | Self::Panicked { .. } => RunOutcome::NoBackup,
        }
    }
}

/// Returns whether an error is that of a full disk.
fn is_full(error: &BackupError) -> bool {
    matches!(
        error,
        BackupError::DiskFull
            | BackupError::FileSizeLimit
            | BackupError::Store(StoreError::DiskFull)
    )
}
