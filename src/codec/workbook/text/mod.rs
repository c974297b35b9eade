//! Converts cells to values and values to cells, by the type of the property.
//!
//! ```text
//! spelling  parses and writes a cell by the property's type
//!   literal   lists and maps in one cell, as Python literals
//! ```

mod literal;
mod spelling;

pub use spelling::{CellFault, parse_cell, spell_cell};
