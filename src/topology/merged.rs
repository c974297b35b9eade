//! Merged cells: their value is given to every row and column that they cover.
//!
//! A site that is written once beside its ten switches is merged over ten rows. A file holds the value
//! in the first cell only.

use std::collections::BTreeMap;

use super::notices::Tally;
use crate::{
    codec::workbook::{Cell, MergedRange, Row, cell_name},
    wording::counted,
};

/// The most bytes that merged cells give to one row: as many as a row can have itself.
const ROW_BYTES_MAX: usize = 8 << 20;

/// The most bytes that merged cells give to all rows of a sheet. A million rows that get a site and a
/// building take a tenth of it.
const SHEET_BYTES_MAX: usize = 1 << 30;

/// The size that is counted for a cell without text, in bytes.
const CELL_BYTES: usize = 16;

/// The position of a row in its sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowPlace {
    /// Above the header, or the header itself: a heading that is merged over several rows belongs to
    /// each, but not to several columns.
    UpToHeader,
    /// Below the header.
    Table {
        /// The column of the names. A cell that is merged across it is a title inside of the table.
        name_column: Option<u32>,
    },
}

/// The merged cells of a sheet.
#[derive(Debug, Default)]
pub(super) struct Merges {
    /// The ranges that begin in later rows, the first one last.
    later: Vec<MergedRange>,
    /// The ranges that cover the current row, by their first column. They do not overlap.
    open: BTreeMap<u32, OpenRange>,
    /// The ranges whose value was given to other cells.
    given: Tally,
    cells: u64,
    bytes: usize,
    is_over_limit: bool,
}

/// A range that covers the current row, and the value of its first cell.
#[derive(Debug)]
struct OpenRange {
    range: MergedRange,
    value: Cell<'static>,
    is_given: bool,
}

impl Merges {
    pub(super) fn new(mut ranges: Vec<MergedRange>) -> Self {
        ranges.sort_unstable_by(|a, b| b.cmp(a));
        Self { later: ranges, ..Self::default() }
    }

    /// Returns whether the values did not fit into [`ROW_BYTES_MAX`] or [`SHEET_BYTES_MAX`].
    pub(super) fn is_over_limit(&self) -> bool {
        self.is_over_limit
    }

    /// Forgets the ranges that begin at the current row or above: those of the header.
    pub(super) fn end_header(&mut self) {
        self.open.clear();
    }

    /// Gives values to the empty cells of the next row that merged cells cover.
    pub(super) fn fill(&mut self, row: &mut Row<'_>, place: RowPlace) {
        self.open.retain(|_, open| open.range.rows.1 >= row.row);
        while let Some(range) = self.later.pop_if(|range| range.rows.0 <= row.row) {
            if range.rows.0 == row.row && range.rows.1 >= row.row {
                self.open(range, row);
            }
        }
        if self.open.is_empty() || self.is_over_limit {
            return;
        }
        let filled = self.filled(row, place);
        if !filled.is_empty() {
            row.cells.extend(filled);
            row.cells.sort_by_key(|(column, _)| *column);
        }
    }

    /// Opens a range that begins in this row, unless it overlaps another one or has no value.
    fn open(&mut self, range: MergedRange, row: &Row<'_>) {
        let (first, last) = range.columns;
        let before = self.open.range(..=last).next_back();
        let overlaps = before.is_some_and(|(_, open)| open.range.columns.1 >= first);
        let Ok(at) = row.cells.binary_search_by_key(&first, |(column, _)| *column) else { return };
        if !overlaps {
            let value = row.cells[at].1.clone().into_owned();
            self.open.insert(first, OpenRange { range, value, is_given: false });
        }
    }

    /// The cells of the row that get a value.
    fn filled(&mut self, row: &Row<'_>, place: RowPlace) -> Vec<(u32, Cell<'static>)> {
        let mut filled = Vec::new();
        let mut row_bytes = 0;
        for open in self.open.values_mut() {
            let (first, last) = open.range.columns;
            let last = match place {
                RowPlace::UpToHeader => first,
                RowPlace::Table { name_column: Some(name) } if (first..=last).contains(&name) => {
                    first
                }
                RowPlace::Table { .. } => last,
            };
            for column in first..=last {
                if row.cells.binary_search_by_key(&column, |(column, _)| *column).is_ok() {
                    continue;
                }
                row_bytes += bytes_of(&open.value);
                if row_bytes > ROW_BYTES_MAX || self.bytes + row_bytes > SHEET_BYTES_MAX {
                    self.is_over_limit = true;
                    return Vec::new();
                }
                if !open.is_given && place != RowPlace::UpToHeader {
                    open.is_given = true;
                    let MergedRange { rows, columns } = open.range;
                    let first = cell_name(rows.0, columns.0);
                    self.given.add(|| format!("{first}:{}", cell_name(rows.1, columns.1)));
                }
                if place != RowPlace::UpToHeader {
                    self.cells += 1;
                }
                filled.push((column, open.value.clone()));
            }
        }
        self.bytes += row_bytes;
        filled
    }

    /// Returns whether a row is a title inside of the table: its only cell, in `only_column`, is
    /// merged across the column of the names and others.
    pub(super) fn is_title(
        &self,
        row: u32,
        only_column: Option<u32>,
        name_column: Option<u32>,
    ) -> bool {
        let (Some(column), Some(name_column)) = (only_column, name_column) else { return false };
        self.open.get(&column).is_some_and(|open| {
            let (first, last) = open.range.columns;
            open.range.rows.0 == row && first < last && (first..=last).contains(&name_column)
        })
    }

    /// The warning that merged cells gave their values to other cells. `None` if none did.
    pub(super) fn warning(&self, sheet: &str) -> Option<String> {
        let ranges = self.given.count();
        (ranges > 0).then(|| {
            format!(
                "sheet '{sheet}': {} gave {} to {} ({})",
                if ranges == 1 {
                    "a range of merged cells".to_owned()
                } else {
                    format!("{ranges} ranges of merged cells")
                },
                if ranges == 1 { "its value" } else { "their values" },
                counted(self.cells, "empty cell"),
                self.given.places()
            )
        })
    }
}

fn bytes_of(cell: &Cell<'_>) -> usize {
    match cell {
        Cell::Text(text) | Cell::Formula(text) => CELL_BYTES + text.len(),
        Cell::Empty
        | Cell::Number(_)
        | Cell::Bool(_)
        | Cell::Error(_)
        | Cell::Date(_)
        | Cell::Duration(_) => CELL_BYTES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: RowPlace = RowPlace::Table { name_column: Some(0) };

    fn range(rows: (u32, u32), columns: (u32, u32)) -> MergedRange {
        MergedRange { rows, columns }
    }

    fn row(row: u32, cells: &[(u32, &'static str)]) -> Row<'static> {
        let cells = cells.iter().map(|(column, text)| (*column, Cell::text(*text))).collect();
        Row { row, cells, sums: Vec::new(), shown: Vec::new() }
    }

    fn filled(merges: &mut Merges, mut of: Row<'static>, place: RowPlace) -> String {
        merges.fill(&mut of, place);
        let cells = of.cells.iter().map(|(column, cell)| format!("{column}{cell}"));
        cells.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_merged_cell_gives_its_value_to_every_row_and_column() {
        let ranges = vec![range((1, 3), (1, 1)), range((2, 2), (2, 3)), range((5, 6), (0, 3))];
        let mut merges = Merges::new(ranges);
        assert_eq!(filled(&mut merges, row(1, &[(0, "a"), (1, "x")]), TABLE), "0a 1x");
        assert_eq!(filled(&mut merges, row(2, &[(0, "b"), (2, "y")]), TABLE), "0b 1x 2y 3y");
        // A blank row is not there. A cell with a value of its own keeps it.
        assert_eq!(filled(&mut merges, row(3, &[(0, "c"), (1, "own")]), TABLE), "0c 1own");
        assert_eq!(filled(&mut merges, row(4, &[(0, "d")]), TABLE), "0d");
        // Across the column of the names: a title.
        assert_eq!(filled(&mut merges, row(5, &[(0, "title")]), TABLE), "0title");
        assert!(merges.is_title(5, Some(0), Some(0)) && !merges.is_title(5, Some(0), Some(7)));
        assert_eq!(
            merges.warning("R 1%").unwrap(),
            "sheet 'R 1%': 2 ranges of merged cells gave their values to 2 empty cells (B2:B4, C3:D3)"
        );
    }

    #[test]
    fn merged_headings_belong_to_the_rows_up_to_the_header_only() {
        let mut merges = Merges::new(vec![range((0, 2), (0, 0)), range((0, 0), (1, 2))]);
        let first = row(0, &[(0, "name"), (1, "address")]);
        assert_eq!(filled(&mut merges, first, RowPlace::UpToHeader), "0name 1address");
        let second = row(1, &[(1, "ip"), (2, "mask")]);
        assert_eq!(filled(&mut merges, second, RowPlace::UpToHeader), "0name 1ip 2mask");
        merges.end_header();
        assert_eq!(filled(&mut merges, row(2, &[(1, "x")]), TABLE), "1x");
        assert_eq!(merges.warning("x"), None);
    }

    #[test]
    fn overlapping_ranges_and_long_values_are_limited() {
        let overlapping = vec![range((0, 9), (0, 3)), range((0, 9), (2, 5)), range((1, 9), (3, 3))];
        let mut merges = Merges::new(overlapping);
        let place = RowPlace::Table { name_column: None };
        assert_eq!(filled(&mut merges, row(0, &[(0, "a"), (2, "b")]), place), "0a 1a 2b 3a");
        assert_eq!(filled(&mut merges, row(1, &[(9, "z")]), place), "0a 1a 2a 3a 9z");
        let long: &'static str = String::leak("x".repeat(ROW_BYTES_MAX / 2));
        let mut merges = Merges::new(vec![range((0, 1), (0, 9))]);
        assert_eq!(filled(&mut merges, row(0, &[(0, long)]), place).len(), long.len() + 1);
        assert!(merges.is_over_limit());
    }
}
