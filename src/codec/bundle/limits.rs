//! Limits of a bundle.

use crate::model::Kind;

/// The largest sum of the unpacked documents of a project, in bytes: 16 GiB, or sixteen million
/// records of a kilobyte.
pub const PROJECT_BYTES_MAX: u64 = 16 << 30;

/// The longest unpacked `metadata.yaml`, in bytes. Real ones have under two thousand.
pub const METADATA_BYTES_MAX: u64 = 1 << 20;

/// The largest number of entries: a document of each kind, the metadata, the folder, and room for
/// documents of kinds that Satchel does not know.
pub const ENTRIES_MAX: u64 = 64;

/// The longest directory of an archive, in bytes. [`ENTRIES_MAX`] entries with names and extra fields of a
/// sensible length take under twenty thousand bytes.
pub const DIRECTORY_BYTES_MAX: u64 = 1 << 20;

/// The maximum compression ratio: unpacked bytes for each packed byte. Deflate cannot exceed 1032, so a larger claim is
/// false. A long text of one repeated character comes close to it, so no smaller ratio is refused;
/// [`PROJECT_BYTES_MAX`] bounds the sum.
pub const RATIO_MAX: u64 = 1032;

/// The unpacked size, in bytes, up to which an entry is exempt from the ratio.
pub const RATIO_FREE_BYTES: u64 = 64 << 20;

const _: () = assert!(ENTRIES_MAX as usize > 2 * (Kind::ALL.len() + 2));

/// The limits that tests change. The others are constants of this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest sum of the unpacked entries, in bytes. The default is [`PROJECT_BYTES_MAX`].
    pub project_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { project_bytes: PROJECT_BYTES_MAX }
    }
}
