//! The styles of cells: their number format, their font, and the fill of marked cells.
//!
//! Both formats number their cell styles and their fonts in this order.

use super::cell::Cell;
use super::marked::Mark;

/// Numbers of Excel's built-in number formats (ECMA-376 part 1, 18.8.30).
const FORMAT_GENERAL: u16 = 0;
const FORMAT_DURATION: u16 = 46;
const FORMAT_TEXT: u16 = 49;
/// Number of the first number format that a workbook can define itself: [`DATE_PATTERN`].
pub(super) const FORMAT_DATE: u16 = 164;

/// Pattern of [`FORMAT_DATE`]. It is unambiguous in every country.
pub(super) const DATE_PATTERN: &str = "yyyy\\-mm\\-dd\\ hh:mm:ss";

/// Index of the font of cells that are not in the header.
pub(super) const FONT_NORMAL: u16 = 0;
/// Index of the font of header cells.
const FONT_BOLD: u16 = 1;

/// Tells whether a row is the header of its sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    Header,
    Body,
}

/// Number format and font of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellStyle {
    General,
    Text,
    Header,
    Date,
    Duration,
}

impl CellStyle {
    pub(super) const ALL: [Self; 5] =
        [Self::General, Self::Text, Self::Header, Self::Date, Self::Duration];

    /// Returns the style of a cell in a row of this kind.
    pub(super) fn of(cell: &Cell<'_>, row: RowKind) -> Self {
        match (row, cell) {
            (RowKind::Header, _) => Self::Header,
            (RowKind::Body, Cell::Text(_) | Cell::Formula(_) | Cell::Empty) => Self::Text,
            (RowKind::Body, Cell::Number(_) | Cell::Bool(_) | Cell::Error(_)) => Self::General,
            (RowKind::Body, Cell::Date(_)) => Self::Date,
            (RowKind::Body, Cell::Duration(_)) => Self::Duration,
        }
    }

    /// Every style with and without a mark, in the order of [`index`](Self::index).
    pub(super) fn all_marked() -> impl Iterator<Item = (Self, Mark)> {
        let marks = [Mark::None, Mark::Invalid].into_iter();
        marks.flat_map(|mark| Self::ALL.into_iter().map(move |style| (style, mark)))
    }

    /// Index of the style with this mark: first the unmarked styles, then the marked ones.
    pub(super) fn index(self, mark: Mark) -> u16 {
        let first = match mark {
            Mark::None => 0,
            Mark::Invalid => Self::ALL.len() as u16,
        };
        first + self as u16
    }

    /// Index of the font: normal or bold.
    pub(super) fn font(self) -> u16 {
        match self {
            Self::Header => FONT_BOLD,
            Self::General | Self::Text | Self::Date | Self::Duration => FONT_NORMAL,
        }
    }

    /// Number of the number format.
    pub(super) fn number_format(self) -> u16 {
        match self {
            Self::General => FORMAT_GENERAL,
            Self::Text | Self::Header => FORMAT_TEXT,
            Self::Date => FORMAT_DATE,
            Self::Duration => FORMAT_DURATION,
        }
    }
}
