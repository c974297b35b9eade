//! Reads and writes the YAML of project documents as PyYAML does, without tags that execute code.
//!
//! eNMS writes its documents with `yaml.dump(records, default_style='"')` and reads them with
//! PyYAML's loader. So PyYAML 6 is the standard here, not the YAML specification: `yes` is true,
//! `012` is ten, `1:30` is ninety. The scanner is a port of PyYAML's, function by function. A
//! library for YAML 1.2 would read some documents differently than the system that wrote them.
//!
//! ```text
//! source     the bytes of a reader: validates characters, counts lines and columns
//! scanner    bytes → tokens: indentation and simple keys;  scalar  the text of one scalar
//! build      tokens → values: limits, tags (resolve), keys (mapping), anchors (anchor)
//! canonical  the fast path: one record as eNMS writes it, without tokens
//! records    a document as a stream of records; uses the fast path where it can
//! emit       values → the bytes that PyYAML writes;  quote  one double-quoted scalar
//! metadata   writes `metadata.yaml`
//! ```
//!
//! Documents are untrusted. Memory is bounded by the size of one record ([`RECORD_BYTES_MAX`]) and
//! of the anchors to which later records can refer ([`ANCHOR_BYTES_MAX`]), not by the size of the
//! document.

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

pub use build::Respelled;
pub use emit::RecordWriter;
pub use error::{ReadError, Rule};
pub use metadata::value_text;
pub use records::{Item, read_records, read_records_generally, read_value};

use crate::model::VALUE_DEPTH_MAX;

/// The limits of a record, of its texts, integers and anchors. Every record that
/// [`limits`](crate::model::limits) allows in the inventory can be read.
pub use crate::model::limits::{
    INT_DIGITS_MAX, NODE_BYTES, RECORD_BYTES_MAX, SHARED_BYTES_MAX as ANCHOR_BYTES_MAX,
    SHARED_MAX as ANCHORS_MAX, TEXT_BYTES_MAX,
};

/// The size in bytes from which a record is read by one thread of the process at a time, so that
/// documents that are decoded in parallel do not each hold a large record. It is also the largest
/// window of the fast path.
pub const LARGE_RECORD_BYTES: u64 = 64 << 20;

/// The longest name of an anchor or a tag, in bytes.
pub const NAME_BYTES_MAX: usize = 1024;

/// The largest number of bytes to which aliases to earlier records can expand, for each byte of the
/// document beyond the first [`LARGE_RECORD_BYTES`]. No export writes such aliases.
pub const ALIAS_BYTES_PER_BYTE_MAX: u64 = 32;

/// The largest number of bytes to which aliases within the same record can expand in a document:
/// the size limit of the documents of a project. Within one record, [`RECORD_BYTES_MAX`] is the
/// limit.
pub const ALIAS_BYTES_MAX: u64 = 16 << 30;

/// The longest document that [`read_value`] accepts, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// The largest number of nested collections in a record: the record itself, and the limit of a
/// property.
const RECORD_LEVELS_MAX: usize = VALUE_DEPTH_MAX + 1;
