//! What can be chosen of a store when it is opened.

use super::Create;

/// What sled keeps in memory of one generation where nothing else is chosen, in bytes.
const CACHE_BYTES: u64 = 128 * 1024 * 1024;

/// The command that is written into `LOCK` where none is named.
const COMMAND: &str = "satchel";

/// What can be chosen of a store when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What sled may keep in memory of the pages of one generation, in bytes. Reading one record
    /// of an inventory that is larger than this goes to the disk, or to the kernel's cache of it.
    /// While a bulk change writes a new generation there are two of them.
    pub cache_bytes: u64,
    /// What becomes of a data directory that is not there.
    pub create: Create,
    /// The command that opens the store. Whoever finds the directory in use is told.
    pub command: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: CACHE_BYTES, create: Create::default(), command: COMMAND }
    }
}
