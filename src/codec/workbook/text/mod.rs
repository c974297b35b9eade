//! Converts cells to values and values to cells, by the type of the property.
//!
//! ```text
//! spelling  the rules, by the property's type
//!   literal   lists and maps in one cell, as Python spells them
//! ```

mod literal;
mod spelling;

pub use spelling::{CellFault, parse_cell, spell_cell};
