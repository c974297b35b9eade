//! The report of a restore, as data.

use schemars::JsonSchema;
use serde::Serialize;

use crate::import;

/// The report of a restore, or of its dry run.
pub type RestoreReport = import::ImportReport<Restored>;

/// The restored file, and the parts of its report that an import does not have.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "Restore")]
pub struct Restored {
    /// The name of the stored backup, or of the uploaded file if it has one.
    pub backup: Option<String>,
    /// The number of the last change that the backup contains; null for a bundle.
    pub change: Option<u64>,
    /// The time of the backup in UTC (RFC 3339); null for a bundle.
    pub made: Option<String>,
    /// The user who made the backup; null for a bundle.
    pub made_by: Option<String>,
    /// The plan: a restore that sends it makes the reported changes, or none. It is a SHA-256 over the
    /// checksums of the backup, the number of the last change of the inventory, and the options.
    pub plan: String,
    /// The changes of long texts, such as configurations.
    pub texts: TextCounts,
    /// The backup of the inventory that was made before the restore; null for a dry run, if
    /// nothing changed, and if the inventory was new.
    pub safety_backup: Option<String>,
}

/// The numbers of changed long texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct TextCounts {
    /// Texts that are new.
    pub added: u64,
    /// Texts that existed and get other contents.
    pub changed: u64,
    /// Texts that are equal to the existing ones.
    pub unchanged: u64,
    /// Texts that are removed.
    pub removed: u64,
}

impl TextCounts {
    /// Returns whether a text changes.
    pub(super) fn has_changes(self) -> bool {
        self.added + self.changed + self.removed > 0
    }
}
