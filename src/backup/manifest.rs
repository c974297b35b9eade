//! The format of `satchel/manifest.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{codec::bundle::document_name, model::Kind, wording::hex};

/// The format of written backups, and the newest that can be read. It increases when the lines of a part
/// or the meaning of the manifest change. A new part alone does not increase it.
pub const BACKUP_FORMAT: u32 = 1;

/// The longest manifest, in bytes. One has under four thousand.
pub(super) const MANIFEST_BYTES_MAX: u64 = 1 << 20;

/// Whether a backup contains the history and the earlier texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryInBackup {
    /// It contains them.
    Included,
    /// It contains the present records and texts only.
    LeftOut,
}

/// The description of a backup.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[schemars(rename = "BackupManifest")]
pub struct Manifest {
    /// The format of the backup.
    pub format: u32,
    /// The version of Satchel that wrote it.
    pub satchel: String,
    /// The format of the data directory.
    pub directory_format: u32,
    /// The format of stored records.
    pub record_format: u32,
    /// The number of the last change that it contains.
    pub change: u64,
    /// The time of the backup in UTC (RFC 3339).
    pub made: String,
    /// The user who made it.
    pub made_by: String,
    /// Whether passwords and keys are readable in it: always true for a backup that is not encrypted.
    pub secrets: bool,
    /// Whether it contains the history and the earlier texts.
    pub history: bool,
    /// The parts in the order of the archive, without the manifest itself.
    pub parts: Vec<ManifestPart>,
    /// The SHA-256 of the list of all parts, in the form that `sha256sum` prints: for each part a line with
    /// its SHA-256, two spaces and its name.
    pub sha256: String,
}

/// One part of a backup.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct ManifestPart {
    /// The name of the entry in the archive.
    pub name: String,
    /// The number of records, texts or changes. Absent for `metadata.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// The length of the unpacked part, in bytes.
    pub bytes: u64,
    /// The SHA-256 of the unpacked part, in lower-case hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// The number of records that a part declares.
    pub(super) fn records_of(&self, name: &str) -> Option<u64> {
        self.parts.iter().find(|part| part.name == name)?.records
    }

    /// The number of records in the documents.
    pub(super) fn records_of_documents(&self) -> u64 {
        Kind::ALL.into_iter().filter_map(|kind| self.records_of(&document_name(kind))).sum()
    }
}

/// Returns the SHA-256 over all parts: that of the list that `sha256sum` prints.
pub(super) fn sha256_of_parts(parts: &[ManifestPart]) -> String {
    let mut sha256 = Sha256::new();
    for ManifestPart { name, sha256: of_part, .. } in parts {
        sha256.update(format!("{of_part}  {name}\n"));
    }
    hex(&sha256.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_over_all_parts_is_that_of_the_list_of_sha256sum() {
        let part = |name: &str, sha256: &str| ManifestPart {
            name: name.to_owned(),
            records: None,
            bytes: 1,
            sha256: sha256.to_owned(),
        };
        let parts = [part("a.yaml", &"0".repeat(64)), part("satchel/b", &"f".repeat(64))];
        // printf '%s\n' '000…  a.yaml' 'fff…  satchel/b' | sha256sum
        let list = format!("{}  a.yaml\n{}  satchel/b\n", "0".repeat(64), "f".repeat(64));
        assert_eq!(sha256_of_parts(&parts), hex(&Sha256::digest(list)));
        assert_ne!(sha256_of_parts(&parts), sha256_of_parts(&parts[..1]));
    }
}
