//! Why a bundle cannot be read.

use std::io;

use super::{
    Digest, METADATA_NAME, MetadataError,
    limits::{DIRECTORY_BYTES_MAX, ENTRIES_MAX, METADATA_BYTES_MAX},
};
use crate::wording;

/// Why a bundle cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The medium failed. It says nothing about the bundle.
    #[error("cannot read the bundle")]
    Io(#[source] io::Error),
    #[error(transparent)]
    Archive(#[from] ArchiveProblem),
    #[error("the entry '{entry}' {problem}")]
    Entry {
        /// The entry's name; bytes that are no text are replaced.
        entry: String,
        problem: EntryProblem,
    },
    #[error("the archive has no metadata.yaml, so it is not a project")]
    MetadataMissing,
    #[error("metadata.yaml is invalid")]
    Metadata(#[from] MetadataError),
    #[error("the documents unpack to {bytes} bytes; a project has at most {bytes_max}")]
    Unpacked { bytes: u64, bytes_max: u64 },
}

/// What is wrong with a zip archive as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveProblem {
    #[error(
        "this is not a complete zip archive: the end-of-archive record is missing. The file was \
         probably truncated"
    )]
    NoEnd,
    #[error(
        "the zip archive is damaged: its directory is not where the end-of-archive record declares"
    )]
    DirectoryPlace,
    #[error("the zip archive is damaged: its directory cannot be read")]
    Directory,
    #[error(
        "the zip archive is damaged: its directory declares {} and has {found}",
        wording::counted(*.counted, "entry")
    )]
    Count { counted: u64, found: u64 },
    #[error("the zip archive has {entries} entries; a bundle has at most {ENTRIES_MAX}")]
    Entries { entries: u64 },
    #[error(
        "the directory of the zip archive has {bytes} bytes; that of a bundle has at most \
         {DIRECTORY_BYTES_MAX}"
    )]
    DirectoryLong { bytes: u64 },
    #[error("this is one part of a zip archive in several parts. Join the parts first")]
    Parts,
}

/// What is wrong with one entry. Its message continues after the entry's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryProblem {
    #[error("is not a document of a project")]
    Name,
    #[error(
        "has a forbidden name: absolute, or with '..', a backslash, a drive letter or control \
         characters"
    )]
    Path,
    #[error("is not in the same folder as metadata.yaml")]
    Folder,
    #[error("occurs twice")]
    Twice,
    #[error("is not a regular file (mode {mode:o})")]
    Special { mode: u32 },
    #[error("is encrypted")]
    Encrypted,
    #[error("is compressed with method {method}; supported are stored (0) and deflate (8)")]
    Method { method: u16 },
    #[error("has a header that disagrees with the archive's directory")]
    Header,
    #[error("extends beyond the archive's data")]
    Beyond,
    #[error("overlaps with the entry '{other}'")]
    Overlap { other: String },
    #[error(
        "claims to unpack from {} to {unpacked}, more than any document does. It may be a zip bomb",
        wording::counted(*.packed, "byte")
    )]
    Ratio { packed: u64, unpacked: u64 },
    #[error("has more than {METADATA_BYTES_MAX} bytes")]
    MetadataLong,
    #[error("is not listed in metadata.yaml")]
    Unlisted,
    #[error("is listed in metadata.yaml but missing from the archive")]
    Missing,
    #[error("has damaged compressed data")]
    Packing,
    #[error("has {} instead of the declared {expected}", wording::counted(*.found, "byte"))]
    Short { expected: u64, found: u64 },
    #[error("has more than the declared {}", wording::counted(*.expected, "byte"))]
    Long { expected: u64 },
    #[error("has the CRC-32 {found:08x} instead of the declared {expected:08x}. It is damaged")]
    Crc { expected: u32, found: u32 },
    #[error(
        "has the SHA-256 {found}, but metadata.yaml declares {expected}. It was changed after the \
         export"
    )]
    Checksum { expected: Digest, found: Digest },
}

impl BundleError {
    /// Returns the bundle error that a [`DocumentReader`](super::DocumentReader) wrapped in an
    /// [`io::Error`]. Other errors become [`BundleError::Io`].
    pub fn from_io(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Io)
    }

    /// Returns the stable word for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            BundleError::Io(_) => "io",
            BundleError::Archive(_) => "archive",
            BundleError::Entry { problem, .. } => problem.code(),
            BundleError::MetadataMissing => "metadata-missing",
            BundleError::Metadata(error) => error.code(),
            BundleError::Unpacked { .. } => "unpacked-size",
        }
    }

    /// Returns the name of the entry at fault, if one entry is.
    pub fn entry(&self) -> Option<&str> {
        match self {
            BundleError::Entry { entry, .. } => Some(entry),
            BundleError::MetadataMissing | BundleError::Metadata(_) => Some(METADATA_NAME),
            BundleError::Io(_) | BundleError::Archive(_) | BundleError::Unpacked { .. } => None,
        }
    }
}

impl From<BundleError> for io::Error {
    /// For [`io::Read`], which has no other error type. [`BundleError::from_io`] is the inverse.
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Io(error) => error,
            refused => io::Error::new(io::ErrorKind::InvalidData, refused),
        }
    }
}

impl EntryProblem {
    /// Returns the stable word for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            EntryProblem::Name => "entry-name",
            EntryProblem::Path => "entry-path",
            EntryProblem::Folder => "entry-folder",
            EntryProblem::Twice => "entry-twice",
            EntryProblem::Special { .. } => "entry-special",
            EntryProblem::Encrypted => "entry-encrypted",
            EntryProblem::Method { .. } => "entry-method",
            EntryProblem::Header => "entry-header",
            EntryProblem::Beyond => "entry-beyond",
            EntryProblem::Overlap { .. } => "entry-overlap",
            EntryProblem::Ratio { .. } => "entry-ratio",
            EntryProblem::MetadataLong => "metadata-long",
            EntryProblem::Unlisted => "entry-unlisted",
            EntryProblem::Missing => "entry-missing",
            EntryProblem::Packing => "entry-packing",
            EntryProblem::Short { .. } => "entry-short",
            EntryProblem::Long { .. } => "entry-long",
            EntryProblem::Crc { .. } => "entry-crc",
            EntryProblem::Checksum { .. } => "entry-checksum",
        }
    }
}
