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

/// The most that one record may hold once its aliases are expanded, in bytes of text and
/// [`NODE_BYTES`] for each of its nodes.
pub const RECORD_BYTES_MAX: u64 = 64 << 20;

/// What a node counts beside its text: about what a [`Value`](crate::model::Value) takes in
/// memory, so that a million empty lists are not free.
pub const NODE_BYTES: u64 = 32;

/// The longest single text.
pub const TEXT_BYTES_MAX: usize = 32 << 20;

/// The longest name of an anchor or a tag.
pub const NAME_BYTES_MAX: usize = 1024;

/// How many anchors of a document are remembered; the oldest is forgotten first.
pub const ANCHORS_MAX: usize = 65_536;

/// What all remembered anchors may hold together, counted as in [`RECORD_BYTES_MAX`].
pub const ANCHOR_BYTES_MAX: u64 = 64 << 20;

/// What the aliases of a document may expand to for each byte of the document, beyond the first
/// [`RECORD_BYTES_MAX`].
pub const ALIAS_BYTES_PER_BYTE_MAX: u64 = 32;

/// The longest document that [`read_value`] takes.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// The longest whole number: CPython's own limit for turning text into one.
pub const INT_DIGITS_MAX: usize = 4300;
