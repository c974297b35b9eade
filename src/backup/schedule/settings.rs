//! The settings of scheduled backups.

use super::{command::BackupCommand, retention::KeptBackups, timing::Timing, webhook::Webhook};
use crate::backup::{BackupRequest, HistoryInBackup};

/// The author of scheduled backups in their manifests and jobs. Names of users contain no colon.
const AUTHOR: &str = "schedule:";

/// The settings of scheduled backups.
#[derive(Clone, Debug)]
pub struct ScheduleSettings {
    /// The times.
    pub timing: Timing,
    /// The old backups that stay.
    pub kept: KeptBackups,
    /// The command that gets each good backup.
    pub command: Option<BackupCommand>,
    /// The receiver of a document after each backup.
    pub webhook: Option<Webhook>,
}

impl ScheduleSettings {
    /// The request of each backup.
    pub(super) fn request(&self) -> BackupRequest {
        BackupRequest { history: HistoryInBackup::Included, principal: AUTHOR.to_owned() }
    }
}
