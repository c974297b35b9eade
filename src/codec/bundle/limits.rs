//! What a bundle may ask of the one who reads it.

use crate::model::Kind;

/// What the documents of one project may hold together, unpacked, in bytes: 16 GiB, which is
/// sixteen million records of a kilobyte.
pub const PROJECT_BYTES_MAX: u64 = 16 << 30;

/// The longest `metadata.yaml`, unpacked. Real ones have under two thousand bytes.
pub const METADATA_BYTES_MAX: u64 = 1 << 20;

/// How many entries an archive may have: a document of every kind, the metadata, the folder, and
/// room for documents that eNMS writes and Satchel does not know.
pub const ENTRIES_MAX: u64 = 64;

/// The longest directory of an archive. [`ENTRIES_MAX`] entries with names and extra fields of a
/// sensible length take under twenty thousand bytes.
pub const DIRECTORY_BYTES_MAX: u64 = 1 << 20;

/// How many bytes one packed byte may unpack to. Deflate itself ends at 1032, so an entry that
/// claims more is false. A long text of one character, which is a record like any other, comes
/// close to it; so nothing below is refused, and [`PROJECT_BYTES_MAX`] bounds the whole.
pub const RATIO_MAX: u64 = 1032;

/// What an entry may unpack to whatever its ratio: nobody is harmed by so little.
pub const RATIO_FREE_BYTES: u64 = 64 << 20;

const _: () = assert!(ENTRIES_MAX as usize > 2 * (Kind::ALL.len() + 2));

/// The limits that depend on the site. The others are constants of this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What all entries may unpack to, in bytes. [`PROJECT_BYTES_MAX`] unless said otherwise.
    pub project_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { project_bytes: PROJECT_BYTES_MAX }
    }
}
