//! Why a bundle is not taken.

use std::io;

use super::{
    Digest, METADATA_NAME, MetadataError,
    limits::{DIRECTORY_BYTES_MAX, ENTRIES_MAX, METADATA_BYTES_MAX},
};
use crate::wording;

/// Why a bundle can not be read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The bytes could not be had. It says nothing about the bundle.
    #[error("cannot read the bundle")]
    Io(#[source] io::Error),
    #[error("this is not a whole zip archive")]
    Archive(#[from] ArchiveProblem),
    #[error("the entry '{entry}' {problem}")]
    Entry {
        /// The entry's name as the archive spells it, and where it is no text, nearly so.
        entry: String,
        problem: EntryProblem,
    },
    #[error("there is no metadata.yaml among its entries: this is no project")]
    MetadataMissing,
    #[error("metadata.yaml")]
    Metadata(#[from] MetadataError),
    #[error("its documents unpack to {bytes} bytes, and a project has at most {bytes_max}")]
    Unpacked { bytes: u64, bytes_max: u64 },
}

/// What is wrong with an archive as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveProblem {
    #[error("it does not end as one does; was it cut off?")]
    NoEnd,
    #[error("its directory is not where its end says")]
    DirectoryPlace,
    #[error("its directory is damaged")]
    Directory,
    #[error("its directory counts {} and holds {found}", wording::counted(*.counted, "entry"))]
    Count { counted: u64, found: u64 },
    #[error("it has {entries} entries, and a bundle has at most {ENTRIES_MAX}")]
    Entries { entries: u64 },
    #[error("its directory has {bytes} bytes, and a bundle's has at most {DIRECTORY_BYTES_MAX}")]
    DirectoryLong { bytes: u64 },
    #[error("it is one part of several")]
    Parts,
}

/// What is wrong with one entry. Displayed, it goes on after the entry's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryProblem {
    #[error("is no document of a project")]
    Name,
    #[error(
        "has a name that leads out of a folder or is no file's: absolute, or with '..', a \
         backslash, a drive or control characters"
    )]
    Path,
    #[error("stands elsewhere than metadata.yaml does")]
    Folder,
    #[error("is there twice")]
    Twice,
    #[error("is no regular file (mode {mode:o})")]
    Special { mode: u32 },
    #[error("is encrypted")]
    Encrypted,
    #[error("is packed with method {method}; only stored (0) and deflate (8) are read")]
    Method { method: u16 },
    #[error("is described otherwise where its data begins than in the archive's directory")]
    Header,
    #[error("reaches beyond the archive's data")]
    Beyond,
    #[error("overlaps with '{other}'")]
    Overlap { other: String },
    #[error(
        "claims to unpack from {} to {unpacked}, more than any document does: it looks like a bomb",
        wording::counted(*.packed, "byte")
    )]
    Ratio { packed: u64, unpacked: u64 },
    #[error("has more than {METADATA_BYTES_MAX} bytes")]
    MetadataLong,
    #[error("is not listed in metadata.yaml")]
    Unlisted,
    #[error("is listed in metadata.yaml and missing")]
    Missing,
    #[error("has data that can not be unpacked")]
    Packing,
    #[error("has {} and not the declared {expected}", wording::counted(*.found, "byte"))]
    Short { expected: u64, found: u64 },
    #[error("has more than the declared {}", wording::counted(*.expected, "byte"))]
    Long { expected: u64 },
    #[error("has the CRC-32 {found:08x}, and the archive declares {expected:08x}: it is damaged")]
    Crc { expected: u32, found: u32 },
    #[error(
        "has the SHA-256 {found}, and metadata.yaml declares {expected}: it is not what was \
         exported"
    )]
    Checksum { expected: Digest, found: Digest },
}

impl BundleError {
    /// Finds the error of a bundle in an error of reading one of its documents; what is none
    /// becomes [`BundleError::Io`].
    pub fn from_io(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Io)
    }

    /// A short word for scripts.
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

    /// The entry that is at fault, where it is one.
    pub fn entry(&self) -> Option<&str> {
        match self {
            BundleError::Entry { entry, .. } => Some(entry),
            BundleError::MetadataMissing | BundleError::Metadata(_) => Some(METADATA_NAME),
            BundleError::Io(_) | BundleError::Archive(_) | BundleError::Unpacked { .. } => None,
        }
    }
}

impl From<BundleError> for io::Error {
    /// For readers, which can fail with nothing else; [`BundleError::from_io`] is the way back.
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Io(error) => error,
            refused => io::Error::new(io::ErrorKind::InvalidData, refused),
        }
    }
}

impl EntryProblem {
    /// A short word for scripts.
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
