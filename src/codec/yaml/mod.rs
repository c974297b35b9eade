//! The YAML of project documents: what PyYAML writes and reads, and nothing that executes.
//!
//! eNMS writes its documents with `yaml.dump(records, default_style='"')` and reads them with
//! PyYAML's loader, so PyYAML 6 is the standard here, not the YAML specification: `yes` is true,
//! `012` is ten, `1:30` is ninety. The scanner is a port of PyYAML's own, function by function;
//! a library that reads YAML 1.2 would read some documents otherwise than the system that they
//! come from.
//!
//! ```text
//! source     bytes of a reader, checked and counted in lines and columns
//! scanner    tokens: indentation and simple keys;  scalar  the text of one scalar
//! build      tokens → Value: limits, tags (resolve), keys (mapping), anchors (anchor)
//! canonical  the short way: one record as eNMS writes it, straight from the bytes
//! records    a document as a stream of records, by the short way wherever it holds
//! emit       Value → the bytes that PyYAML would write;  quote  one double-quoted scalar
//! metadata   the look of `metadata.yaml`
//! ```
//!
//! Nothing that is read is trusted. Memory is bounded by the size of one record
//! ([`RECORD_BYTES_MAX`]) and of the anchors that later records may refer to
//! ([`ANCHOR_BYTES_MAX`]), not by the size of the document.

mod anchor;
mod build;
mod canonical;
mod emit;
mod error;
mod mapping;
mod metadata;
mod number;
mod order;
mod printable;
mod quote;
mod records;
mod resolve;
mod scalar;
mod scanner;
mod source;
mod timestamp;
mod token;

#[cfg(test)]
mod tests;

pub use emit::RecordWriter;
pub use error::{ReadError, Rule};
pub use metadata::value_text;
pub use records::{Item, read_records, read_records_generally, read_value};

/// What a record may weigh once its aliases are expanded, and what its texts, whole numbers and
/// anchors may take: whatever [`limits`](crate::model::limits) lets into the inventory is read.
pub use crate::model::limits::{
    INT_DIGITS_MAX, NODE_BYTES, RECORD_BYTES_MAX, SHARED_BYTES_MAX as ANCHOR_BYTES_MAX,
    SHARED_MAX as ANCHORS_MAX, TEXT_BYTES_MAX,
};

/// A record that weighs more is read by one thread of the process at a time, so that many documents
/// that are decoded side by side do not each hold one, in bytes. It is also as much of a record as
/// the short way takes into its window.
pub const LARGE_RECORD_BYTES: u64 = 64 << 20;

/// The longest name of an anchor or a tag.
pub const NAME_BYTES_MAX: usize = 1024;

/// What the aliases of a document to anchors of earlier records may expand to for each byte of the
/// document, beyond the first [`LARGE_RECORD_BYTES`]. No export writes such aliases.
pub const ALIAS_BYTES_PER_BYTE_MAX: u64 = 32;

/// What the aliases of a document to anchors of their own records may expand to, in bytes: as much
/// as the documents of a project may hold. One record's are bounded by [`RECORD_BYTES_MAX`].
pub const ALIAS_BYTES_MAX: u64 = 16 << 30;

/// The longest document that [`read_value`] takes.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;
