//! Headings that differ only in case from a custom property of existing records.

use std::collections::BTreeMap;

use super::header::Header;
use crate::model::Record;

/// The number of rows whose existing record is compared with the headings. Each record is read for it,
/// and the first ones have the properties of the others most of the time.
const ROWS_COMPARED_MAX: u64 = 100;

/// Compares the custom columns of a sheet with the existing records.
#[derive(Debug, Default)]
pub(super) struct CustomCase {
    rows: u64,
    /// The properties of existing records, by the heading.
    found: BTreeMap<String, String>,
}

impl CustomCase {
    /// Returns whether the record of the next row is compared, and counts the row.
    pub(super) fn compares_next(&mut self, header: &Header) -> bool {
        self.rows += 1;
        self.rows <= ROWS_COMPARED_MAX && header.custom_columns().next().is_some()
    }

    /// Compares the headings with the properties of the record of a row.
    pub(super) fn compare(&mut self, header: &Header, existing: &dyn Record) {
        for column in header.custom_columns() {
            let property = column.property();
            let custom = existing.custom();
            if custom.is_empty() || custom.contains_key(property) {
                continue;
            }
            let folded = property.to_lowercase();
            if let Some(known) = custom.keys().find(|known| known.to_lowercase() == folded) {
                self.found.entry(property.to_owned()).or_insert_with(|| known.clone());
            }
        }
    }

    /// A warning for each heading of the sheet with this name.
    pub(super) fn warnings(&self, sheet: &str) -> impl Iterator<Item = String> {
        self.found.iter().map(move |(property, known)| {
            format!(
                "sheet '{sheet}': the heading '{property}' makes another custom property than '{known}', \
                 which existing records have. If they mean one, correct the heading"
            )
        })
    }
}
