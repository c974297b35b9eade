//! The example row of a template, and how an import recognises it.
//!
//! A row with the name [`EXAMPLE_NAME`] is the example, wherever it is. If its other cells are those
//! of the template or empty, it is left out. If other values were written into it, its name was
//! probably forgotten, and the row is an error: no value is lost.

use super::columns::{self, Example};
use crate::{
    codec::workbook::{Cell, Row, parse_cell},
    model::{Kind, PropertyType},
    topology::{
        header::{Column, Header, Meaning},
        notices::Tally,
    },
};

/// The name of the example row of each sheet.
pub(in crate::topology) const EXAMPLE_NAME: &str = "EXAMPLE (not imported)";

/// Tells whether a row is the example of a template.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::topology) enum ExampleCheck {
    /// The row has another name.
    Other,
    /// The row is the unchanged example, or a part of it.
    Example,
    /// The row has the name of the example, and other values. `column` is the letters of the first
    /// column with such a value.
    Changed {
        /// The letters of the first column with another value.
        column: String,
    },
}

/// The examples of a sheet, and what is left of them in other rows.
#[derive(Debug, Default)]
pub(in crate::topology) struct Examples {
    left_out: Tally,
    /// Cells of a record that still have an invented value of the example.
    leftovers: Vec<String>,
}

impl Examples {
    /// Checks whether a row below the header is the example.
    pub(in crate::topology) fn check(
        &mut self,
        kind: Kind,
        header: &Header,
        row: &Row<'_>,
    ) -> ExampleCheck {
        let name_column = header.name_column();
        let is_name =
            |cell: &Cell<'_>| matches!(cell, Cell::Text(text) if text.trim() == EXAMPLE_NAME);
        if !row.cells.iter().any(|(column, cell)| Some(*column) == name_column && is_name(cell)) {
            // The example of a template is the row below the headings. A user types over it.
            if u64::from(row.row) == header.line {
                self.leftovers = leftovers(kind, header, row);
            }
            return ExampleCheck::Other;
        }
        for (number, cell) in row.cells.iter().filter(|(_, cell)| !cell.is_blank()) {
            let Some(column) = header.column(*number) else { continue };
            if Some(*number) != name_column && !is_of_example(kind, column, cell) {
                return ExampleCheck::Changed { column: column.letters() };
            }
        }
        self.left_out.add(|| format!("row {}", row.row + 1));
        ExampleCheck::Example
    }

    /// The warnings about the examples, at the end of the sheet.
    pub(in crate::topology) fn warnings(&self, sheet: &str) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.left_out.count() > 0 {
            warnings.push(format!(
                "sheet '{sheet}': the example of the template was left out: {}. Its name is \
                 '{EXAMPLE_NAME}'",
                self.left_out.places()
            ));
        }
        if !self.leftovers.is_empty() {
            warnings.push(format!(
                "sheet '{sheet}': cells still have the value of the template's example: {}. Write \
                 your own values, or empty the cells",
                self.leftovers.join(", ")
            ));
        }
        warnings
    }
}

/// Returns the cells of a record that have an invented value of the example.
fn leftovers(kind: Kind, header: &Header, row: &Row<'_>) -> Vec<String> {
    let is_invented = |column: &Column, cell: &Cell<'_>| match (column.meaning, cell) {
        (Meaning::Property(property), Cell::Text(text)) => {
            let example = columns::of(kind, property.name).map(|known| known.example);
            matches!(example, Some(Example::Invented(invented)) if invented == text.trim())
        }
        _ => false,
    };
    let cells = row.cells.iter().filter_map(|(number, cell)| {
        let column = header.column(*number)?;
        is_invented(column, cell).then(|| format!("{}{}", column.letters(), row.row + 1))
    });
    cells.collect()
}

/// Returns whether a cell has the value of the example of its column. A spreadsheet program can have changed
/// the type of the cell, so values are compared.
fn is_of_example(kind: Kind, column: &Column, cell: &Cell<'_>) -> bool {
    let (property, type_) = match column.meaning {
        Meaning::Ignored(_) => return true,
        Meaning::Custom => (column.property(), PropertyType::Any),
        Meaning::Property(property) => (property.name, property.type_),
    };
    let Some(known) = columns::of(kind, property) else { return false };
    let value = |cell: &Cell<'_>| match parse_cell(type_, cell) {
        Ok(Some((value, _))) => Some(value),
        Ok(None) | Err(_) => None,
    };
    let found = value(cell);
    found.is_some() && found == value(&Cell::from(known.example.text()))
}
