//! Cells ⇄ values: what a cell means by the type of its property, and how a value is spelled so
//! that it is read back with the same type.
//!
//! ```text
//! spelling  the rules, by the property's type
//!   literal   lists and maps in one cell, as Python spells them
//! ```

mod literal;
mod spelling;

pub use spelling::{CellFault, parse_cell, spell_cell};
