//! The bundle: a project as one file that can be verified without an inventory.
//!
//! It is a zip archive that unpacks into the folder of an eNMS project: one `KIND.yaml` per kind,
//! and `metadata.yaml`, in which Satchel declares each document's length and SHA-256 (see
//! [`Metadata`]). A zipped eNMS folder, which has no such declarations, is read too.
//!
//! ```text
//! write      writes documents, the metadata, then the parts of a backup
//! read       opens a bundle and reads its documents
//!   directory, end    the entries of the archive; refuses ambiguous archives
//!   contents          finds the documents among the entries
//!   junk              files that operating systems add
//!   similar           files whose names resemble those of documents
//!   unpack            unpacks one document, up to its limit
//!   document_reader   reads one document, and compares its length and checksums
//!   source            the bytes of the archive
//! metadata   the content of `metadata.yaml`
//! ```
//!
//! Archives are written by `codec::zip` and read by the crate `rawzip`.
//!
//! An archive is untrusted. Every number in it is compared with a limit before it is used
//! ([`limits`]), and no file is unpacked to a path from the archive.

mod contents;
mod digest;
mod directory;
mod document_reader;
mod end;
mod error;
mod junk;
pub mod limits;
mod metadata;
mod read;
mod similar;
mod source;
mod unpack;
mod write;

pub use digest::{Digest, DigestSyntaxError};
pub use document_reader::DocumentReader;
pub use error::{ArchiveProblem, BundleError, EntryProblem};
pub use junk::is_junk;
pub use limits::Limits;
pub use metadata::{Declared, DocumentInfo, Metadata, MetadataError, Release, secrets_word};
pub use read::BundleReader;
pub use similar::SimilarDocument;
pub use source::ByteSource;
pub use write::{
    BundleInfo, BundleWriter, DocumentWriter, FolderWriter, HashedEntry, PartInfo, PartsWriter,
    WriteError, WrittenMetadata,
};

pub use crate::codec::zip::{ArchiveOutput, StreamOutput};
use crate::model::Kind;

/// The format version of bundles that are written, and the newest that is read. It increases when
/// the names of entries, the meaning of the metadata or the YAML of the documents change.
pub const FORMAT: u32 = 1;

/// The name of the entry or file with the metadata of a project.
pub const METADATA_NAME: &str = "metadata.yaml";

/// The folder of a bundle with the parts of a backup, which are not documents of a project. An import of
/// a project does not read them.
pub const PARTS_FOLDER: &str = "satchel/";

/// The name of the part that describes a backup.
pub const MANIFEST_NAME: &str = "manifest.json";

/// Returns the name of the entry or file with the records of a kind.
pub fn document_name(kind: Kind) -> String {
    format!("{kind}.yaml")
}

#[cfg(test)]
mod tests;
