//! The reports about backups, as data.

use schemars::JsonSchema;
use serde::Serialize;

use super::Manifest;

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
}
