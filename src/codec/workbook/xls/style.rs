//! Records of fonts, number formats and cell styles.

use super::super::marked::{Mark, MarkedCell};
use super::super::style::{CellStyle, DATE_PATTERN, FONT_NORMAL, FORMAT_DATE, RowKind};
use super::record::{FONT, FORMAT, RecordBuilder, STYLE, XF};

/// In twentieths of a point.
const FONT_HEIGHT: u16 = 200;
const FONT_NAME: &str = "Arial";
const WEIGHT_NORMAL: u16 = 400;
const WEIGHT_BOLD: u16 = 700;
/// The text colour of the system.
const COLOUR_AUTOMATIC: u16 = 0x7FFF;

/// Rose in Excel's palette, #FF99CC.
const COLOUR_INVALID: u16 = 0x2D;
/// Foreground and background of a cell without a fill.
const COLOUR_NO_FOREGROUND: u16 = 0x40;
const COLOUR_NO_BACKGROUND: u16 = 0x41;
const PATTERN_SOLID: u32 = 1 << 26;

/// Number of XF records before the XF records of cells. Excel relies on it: one is for the style
/// "Normal", the others are for the levels of grouped rows and columns.
const STYLE_RECORDS: u16 = 15;

/// Index of the XF record of a style.
pub(super) fn index(style: CellStyle, mark: Mark) -> u16 {
    STYLE_RECORDS + style.index(mark)
}

/// Index of the XF record of a cell.
pub(super) fn index_of_cell(cell: &MarkedCell<'_>, row: RowKind) -> u16 {
    index(CellStyle::of(&cell.cell, row), cell.mark)
}

/// The FONT, FORMAT, XF and STYLE records.
pub(super) fn records() -> RecordBuilder {
    // Excel expects four fonts. It gives them the indexes 0 to 3 and the next one 5.
    let fonts = [WEIGHT_NORMAL, WEIGHT_BOLD, WEIGHT_NORMAL, WEIGHT_NORMAL];
    let mut records = fonts.into_iter().fold(RecordBuilder::default(), |records, weight| {
        let body =
            RecordBuilder::default().u16(FONT_HEIGHT).u16(0).u16(COLOUR_AUTOMATIC).u16(weight);
        let body = body.u16(0).u8(0).u8(0).u8(0).u8(0).u8(FONT_NAME.len() as u8);
        records.record(FONT, body.characters(FONT_NAME))
    });
    let pattern_units = DATE_PATTERN.len() as u16;
    let format =
        RecordBuilder::default().u16(FORMAT_DATE).u16(pattern_units).characters(DATE_PATTERN);
    records = records.record(FORMAT, format);
    for _ in 0..STYLE_RECORDS {
        records = records.record(XF, xf(CellStyle::General, XfKind::Style, Mark::None));
    }
    for (style, mark) in CellStyle::all_marked() {
        records = records.record(XF, xf(style, XfKind::Cell, mark));
    }
    // The built-in style "Normal" with the first XF record.
    records.record(STYLE, RecordBuilder::default().u16(0x8000).u8(0).u8(0xFF))
}

/// The purpose of an XF record.
#[derive(Clone, Copy, Debug)]
enum XfKind {
    Style,
    Cell,
}

/// The body of an XF record ([MS-XLS], XF).
fn xf(style: CellStyle, kind: XfKind, mark: Mark) -> RecordBuilder {
    /// Locked; a style without a parent.
    const STYLE_FLAGS: u16 = 0xFFF5;
    /// Locked; a cell whose parent is the first record.
    const CELL_FLAGS: u16 = 0x0001;
    /// Bits of the groups of attributes that differ from the parent.
    const OWN_NUMBER_FORMAT: u8 = 0x04;
    const OWN_FONT: u8 = 0x08;
    const OWN_FILL: u8 = 0x40;
    let (font, format) = (style.font(), style.number_format());
    let flag_if = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    let (flags, own) = match kind {
        XfKind::Style => (STYLE_FLAGS, 0),
        XfKind::Cell => (
            CELL_FLAGS,
            flag_if(style != CellStyle::General, OWN_NUMBER_FORMAT)
                | flag_if(font != FONT_NORMAL, OWN_FONT),
        ),
    };
    let (pattern, foreground, own_fill) = match mark {
        Mark::None => (0, COLOUR_NO_FOREGROUND, 0),
        Mark::Invalid => (PATTERN_SOLID, COLOUR_INVALID, OWN_FILL),
    };
    // Aligned to the bottom, not rotated, no borders.
    let body = RecordBuilder::default().u16(font).u16(format).u16(flags).u8(0x20).u8(0).u8(0);
    let body = body.u8(own | own_fill).u32(0).u32(pattern);
    body.u16(foreground | COLOUR_NO_BACKGROUND << 7)
}
