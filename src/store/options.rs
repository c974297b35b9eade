//! The options of opening a store.

use std::path::Path;

use super::{
    CreateDirectory,
    generation_limits::{GenerationLimits, KeptGenerations},
};
use crate::model::SecretNames;

/// The default size of sled's page cache, in bytes.
const CACHE_BYTES: u64 = 128 * 1024 * 1024;

/// The default size, in bytes, up to which a database is read completely when it is opened. Reading
/// this much takes about 0.1 s. Lost and changed entries of a larger database are found when they are
/// read, by `verify` and by each export.
const CHECKED_AT_OPEN_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The default command in `LOCK`.
const COMMAND: &str = "satchel";

/// Tells whether to open an inventory whose recovery was interrupted before its pools were
/// computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InterruptedRecovery {
    /// Refuses it as damaged.
    #[default]
    Refuse,
    /// Opens it to complete the recovery.
    Open,
}

/// Tells whether changes are written to the history.
///
/// Every command and the server write it. No setting reaches this option: it exists so that benchmarks
/// can measure what the history costs. A store without history cannot undo single changes and cannot
/// show earlier values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryWriting {
    /// Each change is written to the history, in its own transaction.
    #[default]
    Written,
    /// Nothing is written to the history. Only for benchmarks.
    LeftOut,
}

/// The options of opening a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The size of sled's page cache of one generation, in bytes. In a larger inventory, reading a
    /// record can access the disk or the kernel's page cache. A bulk load has two open generations,
    /// and so two caches.
    pub cache_bytes: u64,
    /// The size of a database, in bytes, up to which its content hashes are checked when it is opened.
    pub checked_at_open_bytes_max: u64,
    /// How many generations before the current one are kept.
    pub generations: KeptGenerations,
    /// Whether to create a missing data directory.
    pub create: CreateDirectory,
    /// Whether to open an inventory whose recovery was interrupted.
    pub interrupted: InterruptedRecovery,
    /// Whether changes are written to the history. Only benchmarks leave it out.
    pub history: HistoryWriting,
    /// The file with the key, outside of the data directory. `None` means the file `key` in it. It is a setting
    /// of the process, so it lives as long as that.
    pub key_file: Option<&'static Path>,
    /// The names of custom properties that are secrets. `None` means those of the data directory, which are the
    /// usual ones if it was never opened with others. It is a setting of the process, as the key file.
    pub secret_names: Option<&'static SecretNames>,
    /// The subcommand that opens the store. `LOCK` names it to other processes.
    pub command: &'static str,
}

/// Returns the path of a key file as [`Options::key_file`] holds it.
pub fn key_file(path: Option<&Path>) -> Option<&'static Path> {
    // One for the process, so nothing is lost by never freeing it.
    path.map(|path| &*Box::leak(path.to_owned().into_boxed_path()))
}

/// Returns names of secret custom properties as [`Options::secret_names`] holds them.
pub fn secret_names(names: SecretNames) -> Option<&'static SecretNames> {
    Some(&*Box::leak(Box::new(names)))
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: CACHE_BYTES,
            checked_at_open_bytes_max: CHECKED_AT_OPEN_BYTES_MAX,
            generations: KeptGenerations::UpTo(GenerationLimits::DEFAULT),
            create: CreateDirectory::default(),
            interrupted: InterruptedRecovery::default(),
            history: HistoryWriting::default(),
            key_file: None,
            secret_names: None,
            command: COMMAND,
        }
    }
}
