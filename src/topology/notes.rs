//! Rows below the table that are no records: notes and sums.
//!
//! A row whose only cell is the name, after a blank row or a sum and with nothing but such rows below
//! it, is a note ("as of 12 March", a legend). A row that is named "total" and has nothing but numbers,
//! or a formula that adds up the cells above it, is a sum. Both are left out with a warning: as
//! records they would look like devices. A row with the name of an existing record is always a record:
//! otherwise a replacement would remove a record whose name is in the file.

use super::{
    header::{Header, Meaning},
    notices::Tally,
    words,
};
use crate::{
    codec::workbook::{Cell, Row},
    import::ImportError,
    model::PropertyType,
};

/// The number of rows that can be notes at the end of a sheet. More such rows are records.
const NOTES_MAX: usize = 100;

/// The longest text of a note in a warning, in characters.
const NOTE_CHARACTERS_MAX: usize = 40;

/// The kind of a row of the table.
#[derive(Debug, PartialEq)]
pub(super) enum RowRole<'a> {
    /// The row is a record. The rows before it are records as well.
    Record(Row<'a>),
    /// The row may be a note, and is held back.
    Held,
    /// The row sums up the rows above and is left out.
    Sum,
}

/// Finds the notes and sums of a sheet.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Rows that are notes if only notes follow.
    held: Vec<Row<'static>>,
    /// The number of the last row that is not blank, from 0.
    last_row: Option<u32>,
    sums: Tally,
    /// Whether a sum or a blank row is above, and no record with several values since.
    is_below_table: bool,
    /// Titles inside of the table: cells that are merged across the column of the names.
    titles: Tally,
    /// Rows that look like notes or sums, and have the name of an existing record.
    existing: Tally,
    /// New records that have only a name.
    only_names: Tally,
    /// The number of records that have another value.
    complete: u64,
}

impl Notes {
    /// Starts below the header.
    pub(super) fn below(header_row: u32) -> Self {
        Self { last_row: Some(header_row), ..Self::default() }
    }

    /// Decides what the next row is. `exists` returns whether the inventory has a record of its name.
    ///
    /// # Errors
    /// The error of `exists`.
    pub(super) fn role<'a>(
        &mut self,
        header: &Header,
        row: Row<'a>,
        exists: impl FnOnce(&Row<'a>) -> Result<bool, ImportError>,
    ) -> Result<RowRole<'a>, ImportError> {
        let after_blank = self.last_row.is_none_or(|last| row.row > last + 1);
        self.last_row = Some(row.row);
        let cells = Cells::of(header, &row);
        let is_sum = cells.is_sum();
        let is_only_name = cells.is_only_name() && header.properties().count() > 1;
        if !is_sum && !is_only_name {
            self.complete += 1;
            self.is_below_table = false;
            return Ok(RowRole::Record(row));
        }
        self.is_below_table |= after_blank || is_sum;
        let is_note = is_only_name && self.is_below_table && self.held.len() < NOTES_MAX;
        if exists(&row)? {
            if is_sum || is_note {
                self.existing.add(|| described(&row));
            }
            return Ok(RowRole::Record(row));
        }
        if is_sum {
            self.sums.add(|| described(&row));
            return Ok(RowRole::Sum);
        }
        if is_note {
            let cells = row.cells.into_iter().map(|(column, cell)| (column, cell.into_owned()));
            self.held.push(Row {
                row: row.row,
                cells: cells.collect(),
                sums: Vec::new(),
                shown: row.shown,
            });
            return Ok(RowRole::Held);
        }
        self.only_names.add(|| described(&row));
        Ok(RowRole::Record(row))
    }

    /// Takes a row that is left out. The row below it is not after a blank row.
    pub(super) fn pass(&mut self, row: u32) {
        self.last_row = Some(row);
    }

    /// Takes a row that is a title inside of the table.
    pub(super) fn add_title(&mut self, row: &Row<'_>) {
        self.last_row = Some(row.row);
        self.titles.add(|| described(row));
    }

    /// Returns the rows that were held back, because a record follows.
    pub(super) fn release(&mut self) -> Vec<Row<'static>> {
        let held = std::mem::take(&mut self.held);
        for row in &held {
            self.only_names.add(|| described(row));
        }
        held
    }

    /// The warnings about rows that were left out, at the end of the sheet.
    pub(super) fn warnings(&self, sheet: &str) -> Vec<String> {
        let mut notes = Tally::default();
        for row in &self.held {
            notes.add(|| described(row));
        }
        let mut warnings = Vec::new();
        if notes.count() > 0 {
            warnings.push(format!(
                "sheet '{sheet}': notes below the table were left out: {}. If a row is a record, give it \
                 a second value or remove the blank row above it",
                notes.places()
            ));
        }
        if self.titles.count() > 0 {
            warnings.push(format!(
                "sheet '{sheet}': titles inside of the table were left out, because their cell is \
                 merged across the column of the names: {}",
                self.titles.places()
            ));
        }
        if self.sums.count() > 0 {
            warnings.push(format!("sheet '{sheet}': sums were left out: {}", self.sums.places()));
        }
        if self.existing.count() > 0 {
            warnings.push(format!(
                "sheet '{sheet}': rows that look like notes or sums were imported, because the \
                 inventory has records of these names: {}",
                self.existing.places()
            ));
        }
        warnings
    }

    /// The warning about new records that have only a name, if most rows have more.
    pub(super) fn only_names_warning(&self, sheet: &str) -> Option<String> {
        let is_unusual = self.only_names.count() > 0 && self.only_names.count() < self.complete;
        is_unusual.then(|| {
            format!(
                "sheet '{sheet}': rows that have only a name are read as new records: {}. If a \
                 row is a title, a note or a sum, delete it from the file and the record from the \
                 inventory",
                self.only_names.places()
            )
        })
    }
}

/// The cells of a row that belong to properties.
struct Cells<'r> {
    name: Option<&'r str>,
    others: usize,
    /// Whether all cells but the name are numbers, or add up the cells above.
    are_numbers: bool,
    /// Whether a cell adds up the cells above.
    has_sum: bool,
}

impl<'r> Cells<'r> {
    fn of(header: &Header, row: &'r Row<'_>) -> Self {
        let has_sum = !row.sums.is_empty();
        let mut cells = Self { name: None, others: 0, are_numbers: true, has_sum };
        for (number, cell) in row.cells.iter().filter(|(_, cell)| !cell.is_blank()) {
            let Some(column) = header.column(*number) else { continue };
            match (column.meaning, cell) {
                (Meaning::Ignored(_), _) => {}
                (Meaning::Property(property), Cell::Text(text))
                    if property.type_ == PropertyType::Name =>
                {
                    cells.name = Some(text);
                }
                (Meaning::Property(_) | Meaning::Custom, cell) => {
                    cells.others += 1;
                    let is_sum = row.sums.binary_search(number).is_ok();
                    cells.are_numbers &= match cell {
                        _ if is_sum => true,
                        Cell::Number(_) => true,
                        Cell::Text(text) => text.trim().parse::<f64>().is_ok(),
                        _ => false,
                    };
                }
            }
        }
        cells
    }

    fn is_only_name(&self) -> bool {
        self.name.is_some() && self.others == 0
    }

    fn is_sum(&self) -> bool {
        let has_only_sums = self.has_sum && (self.are_numbers || self.name.is_none());
        has_only_sums || self.are_numbers && self.name.is_some_and(words::is_sum)
    }
}

/// A row for a warning: its number, and its first text.
fn described(row: &Row<'_>) -> String {
    let text = row.cells.iter().find(|(_, cell)| !cell.is_blank()).map(|(_, cell)| cell);
    let text = text.map(ToString::to_string).unwrap_or_default();
    format!("row {} ({})", row.row + 1, shortened(&text))
}

/// The beginning of a text, in quotation marks.
fn shortened(text: &str) -> String {
    let short: String = text.trim().chars().take(NOTE_CHARACTERS_MAX).collect();
    let end = if short.len() < text.trim().len() { "…" } else { "" };
    format!("'{short}{end}'")
}
