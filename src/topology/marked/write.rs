//! Sheets and rows as they were read, with their gaps, into a workbook that takes row after row.

use std::{collections::BTreeSet, fs::File, path::Path};

use super::super::TopologyError;
use crate::codec::workbook::{Cell, Format, Marked, WorkbookWriter};

/// The longest name of a sheet, in UTF-16 units, and what cannot stand in one: some formats allow
/// more than `.xls` and `.xlsx` do.
const SHEET_NAME_UNITS_MAX: usize = 31;
const SHEET_NAME_FORBIDDEN: [char; 7] = ['[', ']', ':', '*', '?', '/', '\\'];

/// A row without anything.
const BLANK: [Cell<'static>; 0] = [];

/// The workbook that is written.
pub(super) struct Out {
    workbook: WorkbookWriter,
    /// The names of sheets in small letters.
    sheets: BTreeSet<String>,
    sheet: Option<Begun>,
}

/// A sheet that is being written.
enum Begun {
    /// It has no row yet.
    Named(String),
    /// The number of its next row.
    Next(u32),
}

impl Out {
    pub fn new(format: Format, scratch: &Path) -> Result<Self, TopologyError> {
        let workbook = WorkbookWriter::new(format, scratch)?;
        Ok(Self { workbook, sheets: BTreeSet::new(), sheet: None })
    }

    /// Begins a sheet with this name, or with one near to it that can be written and is not taken.
    pub fn begin(&mut self, sheet: &str) -> Result<(), TopologyError> {
        self.end()?;
        let name = self.free_name(sheet);
        self.sheet = Some(Begun::Named(name));
        Ok(())
    }

    fn free_name(&mut self, sheet: &str) -> String {
        let allowed = |c: char| !c.is_control() && !SHEET_NAME_FORBIDDEN.contains(&c);
        let near: String = sheet.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
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

    /// Writes a row by its number, from 0, and before it those without anything.
    pub fn row(&mut self, number: u32, cells: Vec<Marked<'_>>) -> Result<(), TopologyError> {
        let next = match self.sheet.take() {
            Some(Begun::Named(name)) if number == 0 => {
                self.workbook.begin_sheet(&name, cells)?;
                self.sheet = Some(Begun::Next(1));
                return Ok(());
            }
            Some(Begun::Named(name)) => {
                self.workbook.begin_sheet(&name, BLANK)?;
                1
            }
            Some(Begun::Next(next)) => next,
            None => 0,
        };
        for _ in next..number {
            self.workbook.row(BLANK)?;
        }
        self.workbook.row(cells)?;
        self.sheet = Some(Begun::Next(number.saturating_add(1)));
        Ok(())
    }

    /// Ends a sheet: one without rows is a sheet all the same.
    fn end(&mut self) -> Result<(), TopologyError> {
        if let Some(Begun::Named(name)) = self.sheet.take() {
            self.workbook.begin_sheet(&name, BLANK)?;
        }
        Ok(())
    }

    /// Writes everything into an empty file.
    pub fn finish(mut self, to: File) -> Result<File, TopologyError> {
        self.end()?;
        Ok(self.workbook.finish(to)?)
    }
}

/// The beginning of a name that ends with no apostrophe.
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
    fn every_sheet_gets_a_name_that_can_be_written() {
        let scratch = tempfile::tempdir().unwrap();
        for format in Format::ALL {
            let mut out = Out::new(format, scratch.path()).unwrap();
            let long = "é".repeat(40);
            for sheet in ["[Shared] x", "_Shared_ x", "", "''", "Device", "device", &long, &long] {
                out.begin(sheet).unwrap();
                out.row(3, vec![Marked::from("R 1%")]).unwrap();
            }
            out.begin("blank").unwrap();
            let names: Vec<_> = out.sheets.iter().cloned().collect();
            assert_eq!(names.len(), 9, "{names:?}");
            out.finish(tempfile::tempfile().unwrap()).unwrap();
        }
    }
}
