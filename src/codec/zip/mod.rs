//! Writes the zip archives of bundles and workbooks.
//!
//! ```text
//! archive    writes entries, the directory and the end records
//! piece      a part of an entry that is compressed before the entry starts
//! format     the constants and number formats of zip archives
//! ```
//!
//! Bundles are read by the crate `rawzip` (see `codec::bundle`), workbooks by calamine in a child
//! process.

mod archive;
pub mod format;
mod piece;

pub use archive::{Archive, EntryWriter, Width};
pub use piece::{Piece, PieceWriter};

#[cfg(test)]
mod tests;
