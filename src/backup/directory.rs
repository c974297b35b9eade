//! The entries of a data directory: what a backup contains of each, and what it leaves out.
//!
//! A test compares this list with data directories, and the page `backups.md` with this list.

/// An entry of a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The name of the file or folder. A name that ends in `-` is the beginning of several names.
    pub name: &'static str,
    /// The part of it that a backup contains.
    pub rule: EntryRule,
}

/// The part of an entry that a backup contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryRule {
    /// Its contents. The text names the parts of the backup.
    Included(&'static str),
    /// Nothing. The text has the reason.
    LeftOut(&'static str),
}

impl DirectoryEntry {
    /// The entries of every data directory.
    pub const ALL: [Self; 35] = [
        Self::included(
            "inventory-",
            "the current generation: records in `KIND.yaml`, long texts in \
             `satchel/configurations.ndjson`, the history in `satchel/history.ndjson`. Kept earlier \
             generations are left out: a backup is of one moment",
        ),
        Self::included(
            "history",
            "changes in `satchel/history.ndjson`, earlier texts in `satchel/configurations.ndjson`",
        ),
        Self::left_out("key", "a backup needs no key: its secrets are readable"),
        Self::left_out("tokens", "tokens are bound to the key; make new ones after a restore"),
        Self::left_out(
            "secret_properties",
            "the names of secret custom properties; a restore encrypts those of its own data directory or server",
        ),
        Self::left_out("tls", "a certificate belongs to one machine; a new one is made"),
        Self::left_out("migrations", "stored projects: download them, or copy the folder"),
        Self::left_out("spreadsheets", "exported workbooks: download them, or copy the folder"),
        Self::left_out("backups", "a backup does not contain other backups"),
        Self::left_out(
            "audit",
            "the audit log of this machine; send it to a collector, or copy the folder",
        ),
        Self::left_out("AUDIT", "detects missing entries of the audit log"),
        Self::left_out("MARK.audit", "detects the loss of the audit log"),
        Self::left_out("SCHEDULE", "the last scheduled backup of this machine"),
        Self::left_out("SCHEDULE.new", "the same, while it is being written"),
        Self::left_out("reports", "reports of imports, which are not restored"),
        Self::left_out("jobs", "the last jobs, which are not restored"),
        Self::left_out("CURRENT", "the pointer to the current generation; a restore writes it"),
        Self::left_out("CURRENT.new", "a pointer that is being written"),
        Self::left_out("MARK", "detects damage of this directory"),
        Self::left_out("ARCHIVE", "detects the loss of the folder `history`"),
        Self::left_out("LOCK", "names the process that uses the directory"),
        Self::left_out("RESERVE", "reserved space"),
        Self::left_out("RECOVERING", "exists while a recovery is incomplete"),
        Self::left_out("scratch", "temporary files"),
        Self::left_out("damaged-history-", "a damaged history, moved aside"),
        Self::left_out("missing-history-", "a note about a lost history"),
        Self::left_out("damaged-", "a damaged generation, moved aside"),
        Self::left_out("key.new", "a key that is being written"),
        Self::left_out("key.check", "tells whether the key belongs to the inventory"),
        Self::left_out("AUDIT.new", "the last entry of the audit log, while it is being written"),
        Self::left_out("rekey", "an incomplete replacement of the key"),
        Self::left_out("REKEY", "a replacement of the key that is being completed"),
        Self::left_out("REKEY.new", "a replacement of the key that is being decided"),
        Self::left_out("key.old-", "a replaced key"),
        Self::left_out("key.check.old-", "a replaced `key.check`"),
    ];

    const fn included(name: &'static str, parts: &'static str) -> Self {
        Self { name, rule: EntryRule::Included(parts) }
    }

    const fn left_out(name: &'static str, reason: &'static str) -> Self {
        Self { name, rule: EntryRule::LeftOut(reason) }
    }

    /// Returns the entry of a file or folder. `None` if the list does not have it.
    pub fn of(name: &str) -> Option<Self> {
        let mut entries = Self::ALL.into_iter();
        entries.find(|entry| {
            entry.name == name || (entry.name.ends_with('-') && name.starts_with(entry.name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_by_its_name() {
        for entry in DirectoryEntry::ALL {
            assert_eq!(DirectoryEntry::of(entry.name), Some(entry));
        }
        assert_eq!(DirectoryEntry::of("inventory-17").unwrap().name, "inventory-");
        assert_eq!(DirectoryEntry::of("damaged-history-7").unwrap().name, "damaged-history-");
        for unknown in ["inventory", "keys", "", "tokens.new"] {
            assert_eq!(DirectoryEntry::of(unknown), None, "{unknown}");
        }
    }
}
