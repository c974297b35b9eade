//! Entry points for the fuzz targets (`tests/fuzz`) to private functions. Compiled by `cargo fuzz`
//! only.

use super::frame::{FrameReader, FrameWriter, Item};

/// Reads frames like the server reads the frames of a child process. The items must be in order, and
/// a [`FrameWriter`] must accept them.
///
/// # Panics
/// The items break the protocol's rules.
pub fn read_frames(frames: &[u8]) {
    let mut reader = FrameReader::new(frames);
    let mut writer = FrameWriter::new(Vec::new());
    while let Ok(Some(item)) = reader.next_item() {
        let written = match item {
            Item::Sheet(name) => writer.sheet(name),
            Item::Merged(ranges) => writer.merged(ranges),
            Item::Row(row) => row.cells.iter().try_for_each(|(column, cell)| {
                if row.sums.contains(column) {
                    writer.sum(row.row, *column, cell)
                } else if row.shown.contains(column) {
                    writer.shown(row.row, *column, cell)
                } else {
                    writer.cell(row.row, *column, cell)
                }
            }),
        };
        assert!(written.is_ok(), "an intact child cannot write this: {written:?}");
    }
}
