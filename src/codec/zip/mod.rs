//! Zip archives, as far as bundles and workbooks both write them.
//!
//! ```text
//! archive    entries, their directory, the end
//! piece      a stretch of an entry's data that is packed before the entry is begun
//! format     the numbers of which archives are made
//! ```
//!
//! Reading is the bundle's own: what it refuses is a matter of what a bundle is. Workbooks are
//! read by calamine, in a child.

mod archive;
pub mod format;
mod piece;

pub use archive::{Archive, EntryWriter, Width};
pub use piece::{Piece, PieceWriter};

#[cfg(test)]
mod tests;
