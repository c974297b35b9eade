//! Converts cells to values and values to cells, by the type of the property. A formatted cell is parsed
//! to the same value and type.
//!
//! ```text
//! parse      parses a cell by the property's type
//! format     writes a value as a cell
//!   literal    lists and maps in one cell, as Python literals
//! ```
//!
//! # The rules
//!
//! | property | cell |
//! |---|---|
//! | any | empty: the property is absent; the text `None`: null, except in a name |
//! | text, name, end of a link | the text as it is, without the white space around a name; a number as its digits (22, not 22.0) |
//! | integer | a number without a fraction, or the text of one (`22`, `22.0`) |
//! | boolean | a boolean; 1 and 0; `true` and `false` in any case |
//! | list of names | `['a', 'b']` |
//! | custom | a number, a boolean or a date; a text, with the exceptions below |
//!
//! In a custom property, a text that is the literal of a list, map, tuple, `b'…'`, `float(…)`,
//! `int(…)` or `datetime(…)` (see `literal`) is that value. A **quoted** text (`"None"`,
//! `"1.2E+10"`, `""`, `"[1, 2]"`) is the text between the quotes, if that text without quotes would
//! be another value. Any other text in quotes keeps its quotes.
//!
//! A value that Excel changed is an error, because the typed text is lost: `1.2E+10`, an integer
//! of more than 15 digits, a date in a text property. A cell with an error, a formula without a value
//! and a duration are errors too.
//!
//! A cell cannot represent two things:
//!
//! - An empty text whose property would show the same when absent becomes an empty cell, and is read
//!   as absent.
//! - Two properties that share one object (YAML anchors) become two objects.

mod format;
mod literal;
mod parse;
#[cfg(test)]
mod tests;

pub use format::format_cell;
pub use parse::{CellFault, parse_cell};
