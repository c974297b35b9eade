//! What can be chosen of a store when it is opened.

use super::CreateDirectory;

/// What sled keeps in memory of one generation where nothing else is chosen, in bytes.
const CACHE_BYTES: u64 = 128 * 1024 * 1024;

/// The size of a database up to which every entry is read when it is opened, in bytes. Reading this
/// much takes about 0.1 s. Lost and changed entries of a larger database are found where they are
/// read, by `verify` and by each export.
const CHECKED_AT_OPEN_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The command that is written into `LOCK` where none is named.
const COMMAND: &str = "satchel";

/// What becomes of an inventory whose recovery was interrupted before its pools were computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InterruptedRecovery {
    /// It is refused as a damaged one.
    #[default]
    Refused,
    /// It is opened, to be completed.
    Opened,
}

/// What can be chosen of a store when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What sled may keep in memory of the pages of one generation, in bytes. Reading one record
    /// of an inventory that is larger than this goes to the disk, or to the kernel's cache of it.
    /// While a bulk change writes a new generation there are two of them.
    pub cache_bytes: u64,
    /// The size of a database up to which its content hashes are checked when it is opened, in
    /// bytes.
    pub checked_at_open_bytes_max: u64,
    /// What becomes of a data directory that is not there.
    pub create: CreateDirectory,
    /// What becomes of an inventory whose recovery was interrupted.
    pub interrupted: InterruptedRecovery,
    /// The command that opens the store. Whoever finds the directory in use is told.
    pub command: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: CACHE_BYTES,
            checked_at_open_bytes_max: CHECKED_AT_OPEN_BYTES_MAX,
            create: CreateDirectory::default(),
            interrupted: InterruptedRecovery::default(),
            command: COMMAND,
        }
    }
}
