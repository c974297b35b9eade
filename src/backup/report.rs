//! The reports about backups, as data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Manifest, RefusedBackup};
use crate::wording::chain;

/// The warning about a backup that is not encrypted.
pub const SECRETS_ARE_READABLE: &str =
    "the backup is not encrypted: everyone who can read the file can read its passwords and keys";

/// The report of a backup that was made.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct BackupReport {
    /// The name of the backup in the folder of backups.
    pub backup: String,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The description of the backup, as in `satchel/manifest.json`.
    pub manifest: Manifest,
    /// Sentences about secrets, and about records that an import would reject or compute again.
    pub warnings: Vec<String>,
    /// The duration in milliseconds.
    pub milliseconds: u64,
}

/// The entry of a backup in a list.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "Backup")]
pub struct BackupSummary {
    /// The name of the file without the extension.
    pub name: String,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The description of the backup; null if it cannot be read.
    pub manifest: Option<Manifest>,
    /// The reason why the backup cannot be restored; null if no problem is known. The list does not read
    /// the parts.
    pub problem: Option<String>,
    /// The last verification of this file; null if it was not verified.
    pub verified: Option<LastVerification>,
}

/// The largest number of findings in a report. All findings are counted.
const FINDINGS_SHOWN_MAX: usize = 100;

/// The report of a verification: the backup was restored into a scratch inventory.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct BackupVerification {
    /// Whether there are no findings: the restored inventory is the same as that of the backup.
    pub whole: bool,
    /// A sentence for a person.
    pub summary: String,
    /// The time of the verification in UTC (RFC 3339).
    pub time: String,
    /// The number of the last change that the backup contains.
    pub change: u64,
    /// The number of restored records of all types.
    pub records: u64,
    /// The number of long texts of devices, also of earlier ones.
    pub texts: u64,
    /// The number of changes in the history.
    pub changes: u64,
    /// The differences that were found.
    pub findings: BackupFindings,
    /// The duration in milliseconds.
    pub milliseconds: u64,
}

/// The findings of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct BackupFindings {
    /// The number of all findings, also of those that are not shown.
    pub total: u64,
    /// The first findings as sentences, at most 100.
    pub shown: Vec<String>,
}

/// The last verification of a stored backup.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct LastVerification {
    /// The time of the verification in UTC (RFC 3339).
    pub time: String,
    /// Whether the backup was restored without findings.
    pub whole: bool,
    /// The result as a sentence.
    pub summary: String,
}

impl LastVerification {
    pub(super) fn of(verification: &BackupVerification) -> Self {
        let BackupVerification { time, whole, summary, .. } = verification.clone();
        Self { time, whole, summary }
    }

    /// The verification of a file that was refused now.
    pub(super) fn refused(refused: &RefusedBackup) -> Result<Self, time::error::Format> {
        let time = OffsetDateTime::now_utc().truncate_to_millisecond().format(&Rfc3339)?;
        Ok(Self { time, whole: false, summary: chain(refused) })
    }
}

impl BackupFindings {
    /// Adds a finding.
    pub(super) fn add(&mut self, finding: String) {
        self.add_many(1, || finding);
    }

    /// Adds a finding that occurs several times.
    pub(super) fn add_many(&mut self, count: u64, finding: impl FnOnce() -> String) {
        self.total += count;
        if self.shown.len() < FINDINGS_SHOWN_MAX {
            self.shown.push(finding());
        }
    }
}
