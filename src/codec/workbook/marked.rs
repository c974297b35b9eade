//! Cells to be written. A mark shows whether the value of a cell is invalid.

use super::cell::Cell;

/// Tells whether a cell is shown as invalid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// The cell has the usual style of its sheet.
    #[default]
    None,
    /// Filled with a light red.
    Invalid,
}

/// A cell to be written, and its mark.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkedCell<'a> {
    /// The value.
    pub cell: Cell<'a>,
    /// Whether the value is invalid.
    pub mark: Mark,
}

impl<'a, C: Into<Cell<'a>>> From<C> for MarkedCell<'a> {
    /// Makes a cell without a mark.
    fn from(cell: C) -> Self {
        Self { cell: cell.into(), mark: Mark::None }
    }
}
