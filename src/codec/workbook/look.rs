//! What cells look like. Both formats say it by the same numbers.

use super::cell::Cell;
use super::write::{Mark, Style};

/// Formats of numbers that Excel knows by number.
const FORMAT_GENERAL: u16 = 0;
const FORMAT_DURATION: u16 = 46;
const FORMAT_TEXT: u16 = 49;
/// The first that a workbook can define: [`DATE_PATTERN`].
pub(super) const FORMAT_DATE: u16 = 164;

/// Says the same in every country.
pub(super) const DATE_PATTERN: &str = "yyyy\\-mm\\-dd\\ hh:mm:ss";

/// By place among the fonts.
pub(super) const FONT_NORMAL: u16 = 0;
const FONT_BOLD: u16 = 1;

/// What a cell looks like, unmarked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellLook {
    General,
    Text,
    Header,
    Date,
    Duration,
}

impl CellLook {
    pub(super) const ALL: [Self; 5] =
        [Self::General, Self::Text, Self::Header, Self::Date, Self::Duration];

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

    /// Every look, by its [place](Self::place).
    pub(super) fn all() -> impl Iterator<Item = (Self, Mark)> {
        let marks = [Mark::None, Mark::Wrong].into_iter();
        marks.flat_map(|mark| Self::ALL.into_iter().map(move |look| (look, mark)))
    }

    /// Its place among all looks: marked ones stand behind the unmarked, in the same order.
    pub(super) fn place(self, mark: Mark) -> u16 {
        let marked = match mark {
            Mark::None => 0,
            Mark::Wrong => Self::ALL.len() as u16,
        };
        marked + self as u16
    }

    /// The place of its font: a normal one, or the same in bold.
    pub(super) fn font(self) -> u16 {
        match self {
            Self::Header => FONT_BOLD,
            Self::General | Self::Text | Self::Date | Self::Duration => FONT_NORMAL,
        }
    }

    /// The number of its format of numbers.
    pub(super) fn format(self) -> u16 {
        match self {
            Self::General => FORMAT_GENERAL,
            Self::Text | Self::Header => FORMAT_TEXT,
            Self::Date => FORMAT_DATE,
            Self::Duration => FORMAT_DURATION,
        }
    }
}
