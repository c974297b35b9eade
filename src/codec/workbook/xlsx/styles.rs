//! Cell styles as formats of `rust_xlsxwriter`.

use rust_xlsxwriter::{Color, Format};

use super::super::marked::Mark;
use super::super::style::{CellStyle, DATE_PATTERN, FONT_NORMAL};

/// Rose, the same as in `.xls`.
const COLOUR_INVALID: u32 = 0x00FF_99CC;

/// The format of every style, with and without a mark.
pub(super) struct Styles(Vec<Format>);

impl Styles {
    pub(super) fn new() -> Self {
        Self(CellStyle::all_marked().map(|(style, mark)| format(style, mark)).collect())
    }

    /// The format of a style with this mark.
    pub(super) fn get(&self, style: CellStyle, mark: Mark) -> &Format {
        &self.0[usize::from(style.index(mark))]
    }

    /// Returns the format of a style and mark. `None` if it is the format of every column: a cell
    /// without a format has that format, and looking up a format costs more than writing the cell.
    pub(super) fn unless_of_column(&self, style: CellStyle, mark: Mark) -> Option<&Format> {
        ((style, mark) != (CellStyle::Text, Mark::None)).then(|| self.get(style, mark))
    }
}

fn format(style: CellStyle, mark: Mark) -> Format {
    let format = match style {
        // Without its own number format, the cell would have the number format of the column.
        CellStyle::General => Format::new().set_num_format("General"),
        CellStyle::Date => Format::new().set_num_format(DATE_PATTERN),
        CellStyle::Text | CellStyle::Header | CellStyle::Duration => {
            Format::new().set_num_format_index(style.number_format() as u8)
        }
    };
    let format = if style.font() == FONT_NORMAL { format } else { format.set_bold() };
    match mark {
        Mark::None => format,
        Mark::Invalid => format.set_background_color(Color::RGB(COLOUR_INVALID)),
    }
}
