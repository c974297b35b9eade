//! The layout of a sheet: the number of columns of its header, and the width of each column.

use super::cell::Cell;
use super::style::RowKind;

/// The narrowest column, and the width of an empty one, in characters: Excel's default.
const COLUMN_CHARACTERS_MIN: usize = 9;
/// The widest column, in characters. Excel shows a longer text when its cell is selected.
const COLUMN_CHARACTERS_MAX: usize = 50;
/// The space beside a heading for the button of the filter, in characters.
const BUTTON_CHARACTERS: usize = 3;
/// The space beside a text, in characters.
const TEXT_MARGIN_CHARACTERS: usize = 1;

/// The layout of a sheet. It is complete when the last row of the sheet is written.
#[derive(Debug, Default)]
pub(super) struct SheetLayout {
    /// The number of columns of the header. The filter of the sheet covers them.
    pub(super) header_columns: u32,
    /// The width of each column, in characters.
    pub(super) column_widths: Vec<usize>,
}

impl SheetLayout {
    /// Makes a column wide enough for this cell, up to [`COLUMN_CHARACTERS_MAX`].
    pub(super) fn make_room(&mut self, column: usize, cell: &Cell<'_>, row: RowKind) {
        if self.column_widths.len() <= column {
            self.column_widths.resize(column + 1, COLUMN_CHARACTERS_MIN);
        }
        let width = &mut self.column_widths[column];
        let text = match cell {
            // Counting characters takes time. Most texts fit already by their bytes.
            Cell::Text(text) | Cell::Formula(text) if text.len() < *width => return,
            Cell::Text(text) | Cell::Formula(text) => text,
            Cell::Date(_) => "2024-01-31 12:30:00",
            Cell::Empty | Cell::Number(_) | Cell::Bool(_) | Cell::Error(_) | Cell::Duration(_) => {
                return;
            }
        };
        let margin = match row {
            RowKind::Header => BUTTON_CHARACTERS,
            RowKind::Body => TEXT_MARGIN_CHARACTERS,
        };
        let wanted = text.chars().take(COLUMN_CHARACTERS_MAX).count() + margin;
        *width = wanted.clamp(*width, COLUMN_CHARACTERS_MAX);
    }
}
