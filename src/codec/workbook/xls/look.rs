//! Fonts, formats and the looks of cells.

use super::super::cell::Cell;
use super::super::write::{Mark, Marked, Style};
use super::record::{Bytes, FONT, FORMAT, STYLE, XF};

/// A twentieth of a point.
const FONT_HEIGHT: u16 = 200;
const FONT_NAME: &str = "Arial";
const WEIGHT_NORMAL: u16 = 400;
const WEIGHT_BOLD: u16 = 700;
/// The colour of a window's text.
const COLOUR_AUTOMATIC: u16 = 0x7FFF;

/// By place among the fonts.
const FONT_NORMAL: u16 = 0;
const FONT_BOLD: u16 = 1;

/// Formats that Excel knows by number.
const FORMAT_GENERAL: u16 = 0;
const FORMAT_DURATION: u16 = 46;
const FORMAT_TEXT: u16 = 49;
/// The first that a workbook can define.
const FORMAT_DATE: u16 = 164;
/// Says the same in every country.
pub(in super::super) const DATE_PATTERN: &str = "yyyy\\-mm\\-dd\\ hh:mm:ss";

/// Rose in Excel's palette, #FF99CC, and the colours that mean none.
const COLOUR_WRONG: u16 = 0x2D;
const COLOUR_NONE: u16 = 0x40;
const COLOUR_NONE_BEHIND: u16 = 0x41;
const PATTERN_SOLID: u32 = 1 << 26;

/// So many looks stand before those of cells, and Excel relies on it: that of the style "Normal",
/// and one for each level of grouped rows and columns.
const STYLE_LOOKS: u16 = 15;

/// What a cell looks like, unmarked; marked ones stand behind them in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    General,
    Text,
    Header,
    Date,
    Duration,
}

impl Look {
    const ALL: [Self; 5] = [Self::General, Self::Text, Self::Header, Self::Date, Self::Duration];

    /// The look of a cell.
    pub(super) fn of(cell: &Cell<'_>, style: Style) -> Self {
        match (style, cell) {
            (Style::Header, _) => Self::Header,
            (Style::Body, Cell::Text(_) | Cell::Formula(_) | Cell::Empty) => Self::Text,
            (Style::Body, Cell::Number(_) | Cell::Bool(_) | Cell::Error(_)) => Self::General,
            (Style::Body, Cell::Date(_)) => Self::Date,
            (Style::Body, Cell::Duration(_)) => Self::Duration,
        }
    }

    /// The number by which cells say it.
    pub(super) fn number(self, mark: Mark) -> u16 {
        let marked = match mark {
            Mark::None => 0,
            Mark::Wrong => Self::ALL.len() as u16,
        };
        STYLE_LOOKS + marked + self as u16
    }

    fn font(self) -> u16 {
        match self {
            Self::Header => FONT_BOLD,
            Self::General | Self::Text | Self::Date | Self::Duration => FONT_NORMAL,
        }
    }

    fn format(self) -> u16 {
        match self {
            Self::General => FORMAT_GENERAL,
            Self::Text | Self::Header => FORMAT_TEXT,
            Self::Date => FORMAT_DATE,
            Self::Duration => FORMAT_DURATION,
        }
    }
}

/// The number of the look of a cell.
pub(super) fn look_number(marked: &Marked<'_>, style: Style) -> u16 {
    Look::of(&marked.cell, style).number(marked.mark)
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
        records = records.record(XF, look(FONT_NORMAL, FORMAT_GENERAL, Of::Style, Mark::None));
    }
    for mark in [Mark::None, Mark::Wrong] {
        for kind in Look::ALL {
            records = records.record(XF, look(kind.font(), kind.format(), Of::Cell, mark));
        }
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

fn look(font: u16, format: u16, of: Of, mark: Mark) -> Bytes {
    // What a cell's look decides; the rest is as its parent, "Normal", has it.
    let decides = |bit: u8, is_decided: bool| if is_decided { bit } else { 0 };
    let (kind, decided) = match of {
        // A style's, locked.
        Of::Style => (0xFFF5, 0),
        // A cell's, locked.
        Of::Cell => {
            let font = decides(0x08, font != FONT_NORMAL);
            (0x0001, decides(0x04, format != FORMAT_GENERAL) | font)
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
