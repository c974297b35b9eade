//! Ways in for the fuzz targets (`tests/fuzz`) to what the library does not export. Compiled by
//! `cargo fuzz` only.

use super::frame::{FrameReader, FrameWriter, Item};

/// Reads frames as the server reads those of a child. What is read must be in order, and must be
/// what a [`FrameWriter`] hands over.
///
/// # Panics
/// The items break the protocol's rules.
pub fn read_frames(frames: &[u8]) {
    let mut reader = FrameReader::new(frames);
    let mut writer = FrameWriter::new(Vec::new());
    while let Ok(Some(item)) = reader.next_item() {
        let written = match item {
            Item::Sheet(name) => writer.sheet(name),
            Item::Row(row) => {
                row.cells.iter().try_for_each(|(column, cell)| writer.cell(row.row, *column, cell))
            }
        };
        assert!(written.is_ok(), "an intact child cannot write this: {written:?}");
    }
}
