//! Rows below the header that repeat it, as page breaks do, or that are the header of another table.

use super::{
    header::{Header, HeadingReader},
    mapping::is_same,
    notices::Tally,
};
use crate::codec::workbook::{Cell, Row};

/// The smallest number of headings in a row of headings. A record can have the name "Name" alone.
const HEADINGS_MIN: usize = 2;

/// A row below the header.
#[derive(Debug, PartialEq)]
pub(super) enum HeaderCheck {
    /// The row is not a header.
    Other,
    /// The row has the same headings in the same columns.
    Repeated,
    /// The row has the heading of the names in the column of the names, and other headings.
    Another { headings: String },
}

/// Finds the rows that repeat the header of a sheet.
#[derive(Debug, Default)]
pub(super) struct RepeatedHeaders(Tally);

impl RepeatedHeaders {
    /// Checks a row. `is_record` returns whether the inventory has a record of its name.
    ///
    /// # Errors
    /// The error of `is_record`.
    pub(super) fn check<E>(
        &mut self,
        header: &Header,
        reader: HeadingReader<'_>,
        row: &Row<'_>,
        is_record: impl FnOnce() -> Result<bool, E>,
    ) -> Result<HeaderCheck, E> {
        if !begins_like_header(header, row) {
            return Ok(HeaderCheck::Other);
        }
        let cells = row.cells.iter().filter(|(_, cell)| !cell.is_blank());
        let cells: Vec<(u32, Option<&str>)> =
            cells.map(|(number, cell)| (*number, text_of(cell))).collect();
        let is_repeated = |(number, text): &(u32, Option<&str>)| {
            let heading = header.column(*number).map(|column| column.heading.as_str());
            heading.zip(*text).is_some_and(|(heading, text)| is_same(heading, text))
        };
        let is_known =
            |(_, text): &(u32, Option<&str>)| text.is_some_and(|text| reader.is_property(text));
        let check = if cells.len() < HEADINGS_MIN {
            HeaderCheck::Other
        } else if cells.iter().all(is_repeated) {
            HeaderCheck::Repeated
        } else if cells.iter().all(is_known) {
            let headings = cells.iter().filter_map(|(_, text)| *text);
            let headings: Vec<String> = headings.map(|text| format!("'{text}'")).collect();
            HeaderCheck::Another { headings: headings.join(", ") }
        } else {
            HeaderCheck::Other
        };
        if check == HeaderCheck::Other || is_record()? {
            return Ok(HeaderCheck::Other);
        }
        if check == HeaderCheck::Repeated {
            self.0.add(|| format!("row {}", row.row + 1));
        }
        Ok(check)
    }

    /// A warning about the rows that were left out.
    pub(super) fn warning(&self, sheet: &str) -> Option<String> {
        (self.0.count() > 0).then(|| {
            format!(
                "sheet '{sheet}': rows that repeat the headings were left out: {}",
                self.0.places()
            )
        })
    }
}

/// Returns whether the name of a row is the heading of the column of names.
fn begins_like_header(header: &Header, row: &Row<'_>) -> bool {
    let column = header.name_column().and_then(|number| header.column(number));
    let Some(column) = column else { return false };
    let name = row.cells.iter().find(|(number, _)| *number == column.number);
    let name = name.and_then(|(_, cell)| text_of(cell));
    // Most names begin with another letter, which is faster to compare.
    let first = |text: &str| text.chars().find(|c| c.is_alphanumeric()).map(char::to_lowercase);
    name.is_some_and(|name| {
        first(&column.heading).into_iter().flatten().eq(first(name).into_iter().flatten())
            && is_same(&column.heading, name)
    })
}

fn text_of<'c>(cell: &'c Cell<'_>) -> Option<&'c str> {
    let Cell::Text(text) = cell else { return None };
    Some(text.trim())
}
