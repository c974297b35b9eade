//! Writes the zip archives of bundles.
//!
//! ```text
//! archive    writes entries, the directory and the end records
//! output     files and streams
//! format     the constants and number formats of zip archives
//! ```
//!
//! Bundles are read by the crate `rawzip` (see `codec::bundle`), workbooks by calamine in a child
//! process.

mod archive;
pub(super) mod format;
mod output;

pub(super) use archive::{Archive, EntryWriter};
pub use output::{ArchiveOutput, StreamOutput};

#[cfg(test)]
mod tests;
