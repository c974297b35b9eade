//! The project archive: a project as one file, which says itself whether it is whole.
//!
//! It is a zip archive that unpacks into the folder of an eNMS project: one `KIND.yaml` per kind,
//! and `metadata.yaml`, in which Satchel declares each document's length and SHA-256 (see
//! [`Metadata`]). A zipped eNMS folder, which declares nothing, is read too.
//!
//! ```text
//! write      documents, then the metadata
//! read       an archive that is checked when it is opened, and its documents as they are read
//!   end, directory    where everything lies
//!   contents          which entry is which document
//!   unpack, checked   one document: unpacked, counted, compared with its checksums
//!   source            the bytes of the archive
//! ```
//!
//! How an archive is written, and the numbers of which it is made, stand in `codec::zip`.
//!
//! An archive is untrusted. Everything that it claims is compared with a limit before it is acted
//! upon ([`limits`]), and nothing is ever unpacked to a path that it names.

mod checked;
mod contents;
mod digest;
mod directory;
mod end;
mod error;
pub mod limits;
mod metadata;
mod read;
mod source;
mod unpack;
mod write;

pub use checked::DocumentReader;
pub use digest::{Digest, NoDigest};
pub use error::{ArchiveProblem, BundleError, EntryProblem};
pub use limits::Limits;
pub use metadata::{Declared, DocumentInfo, Metadata, MetadataError, Release, secrets_word};
pub use read::BundleReader;
pub use source::ReadAt;
pub use write::{BundleInfo, BundleWriter, DocumentWriter, FolderWriter, WriteError};

use crate::model::Kind;

/// The newest format of bundles that this Satchel reads, and the one that it writes. It counts
/// what a reader must know: entry names, the meaning of the metadata, the YAML of the documents.
pub const FORMAT: u32 = 1;

/// The name of the entry, or file, that says what the project is.
pub const METADATA_NAME: &str = "metadata.yaml";

/// The name of the entry, or file, that holds the records of a kind.
pub fn document_name(kind: Kind) -> String {
    format!("{kind}.yaml")
}

#[cfg(test)]
mod tests;
