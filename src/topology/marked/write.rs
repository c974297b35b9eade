//! Copies sheets and rows, with the empty rows between them, to a writer that takes one row after
//! the other.

use std::{collections::BTreeSet, fs::File, path::Path};

use super::super::TopologyError;
use crate::codec::workbook::{
    Cell, Format, MarkedCell, SHEET_NAME_UNITS_MAX, WorkbookWriter, is_sheet_name_character,
};

/// An empty row.
const BLANK: [Cell<'static>; 0] = [];

/// Copies sheets to a workbook.
pub(super) struct SheetCopier {
    workbook: WorkbookWriter,
    /// The names of the sheets so far, in lower case.
    sheets: BTreeSet<String>,
    sheet: Option<CurrentSheet>,
}

/// The sheet that is being copied.
enum CurrentSheet {
    /// No row is written yet. The name of the sheet.
    Empty(String),
    /// The number of the next row, from 0.
    NextRow(u32),
}

impl SheetCopier {
    pub(super) fn new(format: Format, scratch: &Path) -> Result<Self, TopologyError> {
        let workbook = WorkbookWriter::new(format, scratch)?;
        Ok(Self { workbook, sheets: BTreeSet::new(), sheet: None })
    }

    /// Begins a sheet with this name, or with a similar one if the name is not valid or not free.
    pub(super) fn begin(&mut self, sheet: &str) -> Result<(), TopologyError> {
        self.end()?;
        let name = self.free_name(sheet);
        self.sheet = Some(CurrentSheet::Empty(name));
        Ok(())
    }

    fn free_name(&mut self, sheet: &str) -> String {
        let replaced = |c: char| if is_sheet_name_character(c) { c } else { '_' };
        let near: String = sheet.chars().map(replaced).collect();
        let near = near.trim_matches('\'');
        let mut name = shortened(near, SHEET_NAME_UNITS_MAX);
        let mut number = 2;
        while name.is_empty() || !self.sheets.insert(name.to_lowercase()) {
            let ending = format!(" {number}");
            name = shortened(near, SHEET_NAME_UNITS_MAX - ending.len()) + &ending;
            number += 1;
        }
        name
    }

    /// Writes the row with this number, from 0, and empty rows before it.
    pub(super) fn row(
        &mut self,
        number: u32,
        cells: Vec<MarkedCell<'_>>,
    ) -> Result<(), TopologyError> {
        let next = match self.sheet.take() {
            Some(CurrentSheet::Empty(name)) if number == 0 => {
                self.workbook.begin_sheet(&name, cells)?;
                self.sheet = Some(CurrentSheet::NextRow(1));
                return Ok(());
            }
            Some(CurrentSheet::Empty(name)) => {
                self.workbook.begin_sheet(&name, BLANK)?;
                1
            }
            Some(CurrentSheet::NextRow(next)) => next,
            None => 0,
        };
        for _ in next..number {
            self.workbook.row(BLANK)?;
        }
        self.workbook.row(cells)?;
        self.sheet = Some(CurrentSheet::NextRow(number.saturating_add(1)));
        Ok(())
    }

    /// Ends the sheet. Writes it also if it has no rows.
    fn end(&mut self) -> Result<(), TopologyError> {
        if let Some(CurrentSheet::Empty(name)) = self.sheet.take() {
            self.workbook.begin_sheet(&name, BLANK)?;
        }
        Ok(())
    }

    /// Ends the workbook, and writes it to an empty file.
    pub(super) fn finish(mut self, to: File) -> Result<File, TopologyError> {
        self.end()?;
        Ok(self.workbook.finish(to)?)
    }
}

/// Shortens a name to this number of UTF-16 units, and removes apostrophes at its end.
fn shortened(name: &str, units_max: usize) -> String {
    let mut units = 0;
    let fits = |c: &char| {
        units += c.len_utf16();
        units <= units_max
    };
    let short: String = name.chars().take_while(fits).collect();
    short.trim_end_matches('\'').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sheet_gets_a_valid_name_of_its_own() {
        let scratch = tempfile::tempdir().unwrap();
        for format in Format::ALL {
            let mut out = SheetCopier::new(format, scratch.path()).unwrap();
            let long = "é".repeat(40);
            for sheet in ["[Shared] x", "_Shared_ x", "", "''", "Device", "device", &long, &long] {
                out.begin(sheet).unwrap();
                out.row(3, vec![MarkedCell::from("R 1%")]).unwrap();
            }
            out.begin("blank").unwrap();
            let names: Vec<_> = out.sheets.iter().cloned().collect();
            assert_eq!(names.len(), 9, "{names:?}");
            out.finish(tempfile::tempfile().unwrap()).unwrap();
        }
    }
}
