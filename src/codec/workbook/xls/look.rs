//! Fonts, formats and the looks of cells.

use super::super::look::{CellLook, DATE_PATTERN, FONT_NORMAL, FORMAT_DATE};
use super::super::write::{Mark, Marked, Style};
use super::record::{Bytes, FONT, FORMAT, STYLE, XF};

/// A twentieth of a point.
const FONT_HEIGHT: u16 = 200;
const FONT_NAME: &str = "Arial";
const WEIGHT_NORMAL: u16 = 400;
const WEIGHT_BOLD: u16 = 700;
/// The colour of a window's text.
const COLOUR_AUTOMATIC: u16 = 0x7FFF;

/// Rose in Excel's palette, #FF99CC, and the colours that mean none.
const COLOUR_WRONG: u16 = 0x2D;
const COLOUR_NONE: u16 = 0x40;
const COLOUR_NONE_BEHIND: u16 = 0x41;
const PATTERN_SOLID: u32 = 1 << 26;

/// So many looks stand before those of cells, and Excel relies on it: that of the style "Normal",
/// and one for each level of grouped rows and columns.
const STYLE_LOOKS: u16 = 15;

/// The number by which cells say their look.
pub(super) fn number(look: CellLook, mark: Mark) -> u16 {
    STYLE_LOOKS + look.place(mark)
}

/// The number of the look of a cell.
pub(super) fn look_number(marked: &Marked<'_>, style: Style) -> u16 {
    number(CellLook::of(&marked.cell, style), marked.mark)
}

/// The records of all fonts, formats, looks and the one style.
pub(super) fn records() -> Bytes {
    // Excel counts from 0 and leaves 4 out, and wants the first four to be there.
    let fonts = [WEIGHT_NORMAL, WEIGHT_BOLD, WEIGHT_NORMAL, WEIGHT_NORMAL];
    let mut records = fonts.into_iter().fold(Bytes::default(), |records, weight| {
        let body = Bytes::default().u16(FONT_HEIGHT).u16(0).u16(COLOUR_AUTOMATIC).u16(weight);
        let body = body.u16(0).u8(0).u8(0).u8(0).u8(0).u8(FONT_NAME.len() as u8);
        records.record(FONT, body.characters(FONT_NAME))
    });
    let pattern_units = DATE_PATTERN.len() as u16;
    let format = Bytes::default().u16(FORMAT_DATE).u16(pattern_units).characters(DATE_PATTERN);
    records = records.record(FORMAT, format);
    for _ in 0..STYLE_LOOKS {
        records = records.record(XF, record(CellLook::General, Of::Style, Mark::None));
    }
    for (look, mark) in CellLook::all() {
        records = records.record(XF, record(look, Of::Cell, mark));
    }
    // "Normal", which is built in and has the first look.
    records.record(STYLE, Bytes::default().u16(0x8000).u8(0).u8(0xFF))
}

/// What a look is for.
#[derive(Clone, Copy, Debug)]
enum Of {
    Style,
    Cell,
}

fn record(look: CellLook, of: Of, mark: Mark) -> Bytes {
    let (font, format) = (look.font(), look.format());
    // What a cell's look decides; the rest is as its parent, "Normal", has it.
    let decides = |bit: u8, is_decided: bool| if is_decided { bit } else { 0 };
    let (kind, decided) = match of {
        // A style's, locked.
        Of::Style => (0xFFF5, 0),
        // A cell's, locked.
        Of::Cell => {
            let font = decides(0x08, font != FONT_NORMAL);
            (0x0001, decides(0x04, look != CellLook::General) | font)
        }
    };
    let (pattern, front, filled) = match mark {
        Mark::None => (0, COLOUR_NONE, 0),
        Mark::Wrong => (PATTERN_SOLID, COLOUR_WRONG, 0x40),
    };
    // Standing on the bottom line, not turned, no borders.
    let body = Bytes::default().u16(font).u16(format).u16(kind).u8(0x20).u8(0).u8(0);
    let body = body.u8(decided | filled).u32(0).u32(pattern);
    body.u16(front | COLOUR_NONE_BEHIND << 7)
}
