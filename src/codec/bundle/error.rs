//! The reasons why a bundle cannot be read.

use std::io;

use super::{
    Digest, METADATA_NAME, MetadataError, SimilarDocument,
    limits::{DIRECTORY_BYTES_MAX, ENTRIES_MAX, METADATA_BYTES_MAX},
};
use crate::wording;

/// The reason why a bundle cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file cannot be read (an I/O error). The bundle itself can be intact.
    #[error("cannot read the bundle")]
    Io(#[source] io::Error),
    /// The archive as a whole is damaged, incomplete or over a limit.
    #[error(transparent)]
    Archive(#[from] ArchiveProblem),
    /// One entry of the archive is refused.
    #[error("the entry '{entry}' {problem}")]
    Entry {
        /// The entry's name; invalid UTF-8 is replaced.
        entry: String,
        /// The reason. Its message continues after the entry's name.
        problem: EntryProblem,
    },
    /// No entry is `metadata.yaml` or a document, so the archive is not a project.
    #[error(
        "this is not a project: it has neither metadata.yaml nor a document such as device.yaml{}",
        .similar.as_ref().map(ToString::to_string).unwrap_or_default()
    )]
    MetadataMissing {
        /// A file whose name resembles that of a document.
        similar: Option<SimilarDocument>,
    },
    /// The archive contains other archives instead of documents.
    #[error(
        "this is not a project, but an archive of other archives, for example '{entry}'. Unpack it, and \
         send each project as a file of its own"
    )]
    Nested {
        /// The name of the first archive in the archive.
        entry: String,
    },
    /// `metadata.yaml` has wrong content.
    #[error("metadata.yaml is invalid")]
    Metadata(#[from] MetadataError),
    /// The entries together are larger than [`Limits::project_bytes`](super::Limits).
    #[error("the documents unpack to {bytes} bytes; a project has at most {bytes_max}")]
    Unpacked {
        /// The sum of the unpacked sizes that the archive declares, in bytes.
        bytes: u64,
        /// The limit, in bytes.
        bytes_max: u64,
    },
}

/// A defect of the zip archive as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveProblem {
    /// No end-of-archive record reaches exactly to the end of the file: the file is truncated, is
    /// not a zip archive, or has data after the archive.
    #[error(
        "this is not a complete zip archive: the end-of-archive record is missing. The file was \
         probably truncated"
    )]
    NoEnd,
    /// The end-of-archive record declares an offset or a length with which the directory does not
    /// end where the end records begin.
    #[error(
        "the zip archive is damaged: its directory is not where the end-of-archive record declares"
    )]
    DirectoryOffset,
    /// The file has data before the archive, for example another archive.
    #[error(
        "{} {} before the zip archive in this file, for example another archive. Send each archive as a \
         file of its own",
        wording::counted(*.bytes, "byte"),
        if *.bytes == 1 { "stands" } else { "stand" }
    )]
    DataBefore {
        /// The number of bytes before the archive.
        bytes: u64,
    },
    /// A record of the directory is damaged, or the two end records of a ZIP64 archive disagree.
    #[error("the zip archive is damaged: its directory cannot be read")]
    Directory,
    /// The directory has more or fewer records than the end-of-archive record declares.
    #[error(
        "the zip archive is damaged: its directory declares {} and has {found}",
        wording::counted(*.counted, "entry")
    )]
    Count {
        /// The number of entries that the end-of-archive record declares.
        counted: u64,
        /// The number of records in the directory.
        found: u64,
    },
    /// The archive has more than [`ENTRIES_MAX`] entries.
    #[error("the zip archive has {entries} entries; a bundle has at most {ENTRIES_MAX}")]
    Entries {
        /// The declared number of entries, or the number at which reading stopped.
        entries: u64,
    },
    /// The directory is longer than [`DIRECTORY_BYTES_MAX`].
    #[error(
        "the directory of the zip archive has {bytes} bytes. The limit is \
         {DIRECTORY_BYTES_MAX}"
    )]
    DirectoryTooLong {
        /// The declared length of the directory, in bytes.
        bytes: u64,
    },
    /// The end records name several disks: the archive was split into several files.
    #[error("this is one part of a zip archive in several parts. Join the parts first")]
    MultiPart,
}

/// A defect of one entry of the archive. Its message continues after the entry's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryProblem {
    /// The name is longer than file systems allow, or that of a folder with data.
    #[error("is not a document of a project")]
    Name,
    /// The name is a path that could lead out of the target folder when the archive is unpacked.
    #[error("has a forbidden name: absolute, or with '..', a drive letter or control characters")]
    Path,
    /// A document is not in the folder of the project.
    #[error(
        "is in another folder than '{first}'. An archive contains one project, and all documents are in \
         one folder. Send each project as an archive of its own"
    )]
    Folder {
        /// The name of the metadata, or of the first document.
        first: String,
    },
    /// The documents are in a folder of a folder.
    #[error(
        "is in a folder of a folder. The documents of a project must be in one folder or in none. Pack \
         the inner folder"
    )]
    Depth,
    /// An earlier entry has the same name.
    #[error("occurs twice")]
    Duplicate,
    /// The mode is that of a link, device, pipe or socket, or contradicts the name: only names of
    /// folders end with a slash.
    #[error("is not a regular file (mode {mode:o})")]
    Special {
        /// The Unix file type and permissions.
        mode: u32,
    },
    /// The data is encrypted. Satchel reads no encrypted entries.
    #[error("is encrypted")]
    Encrypted,
    /// The data is compressed with a method that Satchel does not support.
    #[error("is compressed with method {method}; supported are stored (0) and deflate (8)")]
    Method {
        /// The number of the method in PKWARE's APPNOTE.TXT, section 4.4.5.
        method: u16,
    },
    /// The entry's own header is invalid, or has another name, size, CRC, method or flags than its
    /// record in the directory.
    #[error("has a header that disagrees with the archive's directory")]
    Header,
    /// The header or the data does not end before the archive's directory.
    #[error("extends beyond the archive's data")]
    OutsideArchive,
    /// The entry shares bytes with another one, as in a zip bomb.
    #[error("overlaps with the entry '{other}'")]
    Overlap {
        /// The name of the entry that begins earlier in the archive.
        other: String,
    },
    /// The declared sizes exceed the highest ratio that deflate reaches,
    /// [`RATIO_MAX`](super::limits::RATIO_MAX).
    #[error(
        "claims to unpack from {} to {unpacked}, more than any document does. It may be a zip bomb",
        wording::counted(*.packed, "byte")
    )]
    Ratio {
        /// The declared length of the compressed data, in bytes.
        packed: u64,
        /// The declared length of the unpacked data, in bytes.
        unpacked: u64,
    },
    /// `metadata.yaml` is longer than [`METADATA_BYTES_MAX`] when unpacked.
    #[error("has more than {METADATA_BYTES_MAX} bytes")]
    MetadataTooLong,
    /// The archive has a document of a kind that its metadata does not declare.
    #[error("is not listed in metadata.yaml")]
    Unlisted,
    /// The metadata declares a document that the archive does not have.
    #[error("is listed in metadata.yaml but missing from the archive")]
    Missing,
    /// The deflate stream is invalid or truncated, or data follows its end.
    #[error("has damaged compressed data")]
    CompressedData,
    /// The unpacked data ends early, or the metadata declares a longer document than the archive
    /// does.
    #[error("has {} instead of the declared {expected}", wording::counted(*.found, "byte"))]
    ShorterThanDeclared {
        /// The declared length, in bytes.
        expected: u64,
        /// The length of the unpacked data, in bytes, or the length that the archive declares.
        found: u64,
    },
    /// The unpacked data continues after its declared end, or the metadata declares a shorter
    /// document than the archive does.
    #[error("has more than the declared {}", wording::counted(*.expected, "byte"))]
    LongerThanDeclared {
        /// The declared length, in bytes.
        expected: u64,
    },
    /// The unpacked data differs from the data that the archive was made of.
    #[error("has the CRC-32 {found:08x} instead of the declared {expected:08x}. It is damaged")]
    Crc {
        /// The CRC-32 in the archive's directory.
        expected: u32,
        /// The CRC-32 of the unpacked data.
        found: u32,
    },
    /// The CRC-32 is right, but the SHA-256 differs from the metadata. The document was edited and
    /// packed again.
    #[error(
        "has the SHA-256 {found}, but metadata.yaml declares {expected}. It was changed after the \
         export"
    )]
    Checksum {
        /// The SHA-256 in `metadata.yaml`.
        expected: Digest,
        /// The SHA-256 of the unpacked data.
        found: Digest,
    },
}

impl BundleError {
    /// Returns the bundle error that a [`DocumentReader`](super::DocumentReader) wrapped in an
    /// [`io::Error`]. Other errors become [`BundleError::Io`].
    pub fn from_io(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Io)
    }

    /// Returns the stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            BundleError::Io(_) => "io",
            BundleError::Archive(_) => "archive",
            BundleError::Entry { problem, .. } => problem.code(),
            BundleError::MetadataMissing { .. } => "metadata-missing",
            BundleError::Nested { .. } => "archive-of-archives",
            BundleError::Metadata(error) => error.code(),
            BundleError::Unpacked { .. } => "unpacked-size",
        }
    }

    /// Returns the name of the faulty entry, if the error concerns one entry.
    pub fn entry(&self) -> Option<&str> {
        match self {
            BundleError::Entry { entry, .. } | BundleError::Nested { entry } => Some(entry),
            BundleError::MetadataMissing { .. } | BundleError::Metadata(_) => Some(METADATA_NAME),
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
    /// Returns the stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            EntryProblem::Name => "entry-name",
            EntryProblem::Path => "entry-path",
            EntryProblem::Folder { .. } | EntryProblem::Depth => "entry-folder",
            EntryProblem::Duplicate => "entry-twice",
            EntryProblem::Special { .. } => "entry-special",
            EntryProblem::Encrypted => "entry-encrypted",
            EntryProblem::Method { .. } => "entry-method",
            EntryProblem::Header => "entry-header",
            EntryProblem::OutsideArchive => "entry-beyond",
            EntryProblem::Overlap { .. } => "entry-overlap",
            EntryProblem::Ratio { .. } => "entry-ratio",
            EntryProblem::MetadataTooLong => "metadata-long",
            EntryProblem::Unlisted => "entry-unlisted",
            EntryProblem::Missing => "entry-missing",
            EntryProblem::CompressedData => "entry-packing",
            EntryProblem::ShorterThanDeclared { .. } => "entry-short",
            EntryProblem::LongerThanDeclared { .. } => "entry-long",
            EntryProblem::Crc { .. } => "entry-crc",
            EntryProblem::Checksum { .. } => "entry-checksum",
        }
    }
}
