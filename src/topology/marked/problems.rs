//! The problems of an import, read from its report and sorted by rows.

use std::{
    fmt,
    fs::File,
    io::{self, BufReader},
    path::Path,
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::super::selection::kind_of;
use crate::{
    disk::{Sorted, SortedReader, Sorter},
    model::{Kind, PerKind},
};

/// Memory for sorting problems before they go to the disk, in bytes.
const PROBLEMS_BYTES: usize = 16 << 20;

/// The longest text about the problems of a row, in bytes: a quarter of the capacity of a cell.
const ROW_TEXT_BYTES_MAX: usize = 8_000;

/// The column of a problem that is not about a cell. It sorts after the others of its row.
const NO_COLUMN: u32 = u32::MAX;

/// The part of a report that is needed for the marked workbook.
pub(super) struct Problems {
    /// The file name of the upload.
    pub workbook: Option<String>,
    /// The sheets that were read.
    pub sheets: Vec<ReadSheet>,
    /// A key is a kind, a row and a column, both from 0. A value is a message.
    sorted: Sorted,
    counts: PerKind<u64>,
}

/// A sheet that the import read.
#[derive(Debug, PartialEq)]
pub(super) struct ReadSheet {
    pub kind: Kind,
    /// The name of the sheet. `None` if it is the word of the kind, or the sheet of a table.
    pub name: Option<String>,
    /// The row of the headings, from 0, if the import found it.
    pub header_row: Option<u32>,
}

/// The problems of a row.
#[derive(Debug, Default, PartialEq)]
pub(super) struct RowProblems {
    /// The columns of invalid cells, from 0.
    pub columns: Vec<u32>,
    /// The messages; empty if there are none.
    pub text: String,
}

/// A problem in the JSON of a report.
#[derive(Deserialize)]
struct Listed {
    sheet: String,
    detail: String,
    #[serde(default)]
    property: Option<String>,
    #[serde(default)]
    row: Option<u64>,
    #[serde(default)]
    cell: Option<String>,
}

/// The beginning of a report.
#[derive(Default, Deserialize)]
struct Head {
    #[serde(default)]
    workbook: Option<String>,
    #[serde(default)]
    sheets: Vec<SheetHead>,
}

#[derive(Deserialize)]
struct SheetHead {
    sheet: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    header_row: Option<u64>,
}

impl SheetHead {
    fn into_sheet(self) -> Option<ReadSheet> {
        Some(ReadSheet {
            kind: kind_of(&self.sheet)?,
            name: self.name,
            header_row: self.header_row.and_then(row_of),
        })
    }
}

/// Returns the number of a row from 0, from its number from 1.
fn row_of(row: u64) -> Option<u32> {
    row.checked_sub(1)?.try_into().ok()
}

impl Problems {
    /// Reads a whole report.
    pub(super) fn read(report: File, scratch: &Path) -> io::Result<Self> {
        let sorter = Sorter::new(scratch, PROBLEMS_BYTES);
        let mut reading =
            Reading { head: Head::default(), sorter, counts: PerKind::default(), failed: None };
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(report));
        let read = json.deserialize_map(&mut reading);
        let Reading { head, sorter, counts, failed } = reading;
        match failed {
            Some(error) => Err(error),
            None => {
                read?;
                let sheets = head.sheets.into_iter().filter_map(SheetHead::into_sheet).collect();
                Ok(Self { workbook: head.workbook, sheets, sorted: sorter.finish()?, counts })
            }
        }
    }

    /// Returns whether the sheet of a kind has problems.
    pub(super) fn has(&self, kind: Kind) -> bool {
        self.counts[kind] > 0
    }

    /// Returns the problems of the sheet of a kind, row by row.
    pub(super) fn of(&self, kind: Kind) -> io::Result<ProblemsByRow<'_>> {
        let mut walk = ProblemsByRow { reader: self.sorted.read(), kind, next: None };
        loop {
            walk.advance()?;
            if walk.next.as_ref().is_none_or(|next| next.kind >= kind.index()) {
                return Ok(walk);
            }
        }
    }
}

/// Reads the problems of one sheet, row by row.
pub(super) struct ProblemsByRow<'a> {
    reader: SortedReader<'a>,
    kind: Kind,
    next: Option<SortedProblem>,
}

/// A problem in the order of the sheet.
struct SortedProblem {
    kind: usize,
    row: u32,
    column: u32,
    text: String,
}

impl ProblemsByRow<'_> {
    /// Returns the problems of a row. Rows must be requested in ascending order.
    pub(super) fn at(&mut self, row: u32) -> io::Result<RowProblems> {
        self.take(|next| next == row, |next| next < row)
    }

    /// Returns the problems of a row, with the problems of earlier rows that were not requested.
    pub(super) fn up_to(&mut self, row: u32) -> io::Result<RowProblems> {
        self.take(|next| next <= row, |_| false)
    }

    fn take(
        &mut self,
        taken: impl Fn(u32) -> bool,
        skipped: impl Fn(u32) -> bool,
    ) -> io::Result<RowProblems> {
        let mut problems = RowProblems::default();
        loop {
            match &self.next {
                Some(next) if next.kind == self.kind.index() && taken(next.row) => {
                    problems.add(next);
                }
                Some(next) if next.kind == self.kind.index() && skipped(next.row) => {}
                Some(_) | None => return Ok(problems),
            }
            self.advance()?;
        }
    }

    fn advance(&mut self) -> io::Result<()> {
        let number = |bytes: &[u8]| bytes.try_into().map_or(u32::MAX, u32::from_be_bytes);
        self.next = match self.reader.next()? {
            Some(([kind, rest @ ..], text)) => {
                let (row, column) = rest.split_at(rest.len().min(size_of::<u32>()));
                Some(SortedProblem {
                    kind: usize::from(*kind),
                    row: number(row),
                    column: number(column),
                    text: String::from_utf8_lossy(text).into_owned(),
                })
            }
            Some(([], _)) | None => None,
        };
        Ok(())
    }
}

impl RowProblems {
    fn add(&mut self, problem: &SortedProblem) {
        if problem.column != NO_COLUMN && self.columns.last() != Some(&problem.column) {
            self.columns.push(problem.column);
        }
        if self.text.len() > ROW_TEXT_BYTES_MAX {
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str("; ");
        }
        self.text.push_str(&problem.text);
        if self.text.len() > ROW_TEXT_BYTES_MAX {
            self.text.truncate(self.text.floor_char_boundary(ROW_TEXT_BYTES_MAX));
            self.text.push_str(" …");
        }
    }
}

/// A report that is being read.
struct Reading {
    head: Head,
    sorter: Sorter,
    counts: PerKind<u64>,
    /// The error of storing problems.
    failed: Option<io::Error>,
}

impl<'de> Visitor<'de> for &mut Reading {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "report" => self.head = map.next_value()?,
                "problems" => map.next_value_seed(List(self))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The list of problems of a report.
struct List<'a>(&'a mut Reading);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, list: D) -> Result<(), D::Error> {
        list.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of problems")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(listed) = list.next_element::<Listed>()? {
            if let Err(error) = self.0.push(&listed) {
                let text = error.to_string();
                self.0.failed = Some(error);
                return Err(serde::de::Error::custom(text));
            }
        }
        Ok(())
    }
}

impl Reading {
    fn push(&mut self, listed: &Listed) -> io::Result<()> {
        let Some(kind) = kind_of(&listed.sheet) else { return Ok(()) };
        self.counts[kind] += 1;
        let row = listed.row.and_then(row_of).unwrap_or(0);
        let place = listed.cell.as_deref().and_then(|cell| cell.rsplit_once('!'));
        let place = place.map(|(_, place)| place);
        let column = place.and_then(column_of).unwrap_or(NO_COLUMN);
        let mut key = vec![kind.index() as u8];
        key.extend_from_slice(&row.to_be_bytes());
        key.extend_from_slice(&column.to_be_bytes());
        let text = match (&listed.property, place) {
            (Some(property), Some(place)) => format!("{property} ({place}): {}", listed.detail),
            (None, Some(place)) => format!("{place}: {}", listed.detail),
            (Some(property), None) => format!("{property}: {}", listed.detail),
            (None, None) => listed.detail.clone(),
        };
        self.sorter.push(&key, text.as_bytes())
    }
}

/// Returns the number of the column of a cell address, from 0: 2 for `C17`.
fn column_of(place: &str) -> Option<u32> {
    let mut letters = place.bytes().take_while(u8::is_ascii_uppercase);
    let number = letters.try_fold(0_u32, |number, letter| {
        number.checked_mul(26)?.checked_add(u32::from(letter - b'A') + 1)
    })?;
    number.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;
    use crate::codec::workbook::cell_name;

    #[test]
    fn a_column_is_found_by_its_letters() {
        for column in [0, 1, 25, 26, 27, 701, 702, 16_383] {
            assert_eq!(column_of(&cell_name(16, column)), Some(column));
        }
        for place in ["", "17", "ZZZZZZZZZZ1"] {
            assert_eq!(column_of(place), None);
        }
    }

    #[test]
    fn problems_are_sorted_by_their_rows() {
        let folder = tempfile::tempdir().unwrap();
        let mut report = tempfile::tempfile().unwrap();
        let text = r#"{"report":{"workbook":"a.xls","sheets":[{"sheet":"link","name":"Kabel","header_row":4}],"more":[1]},
            "problems":[
            {"sheet":"link","rule":"x","detail":"late","row":9,"cell":"link!B9","property":"p"},
            {"sheet":"device","detail":"other","row":2},
            {"sheet":"link","detail":"second","row":3,"cell":"link!C3"},
            {"sheet":"link","detail":"first","row":3,"cell":"link!A3"},
            {"sheet":"link","detail":"whole"},
            {"sheet":"link","detail":"row","row":3}],
            "dangling":[{}]}"#;
        report.write_all(text.as_bytes()).unwrap();
        report.rewind().unwrap();
        let problems = Problems::read(report, folder.path()).unwrap();
        assert_eq!(problems.workbook.as_deref(), Some("a.xls"));
        let link =
            ReadSheet { kind: Kind::Link, name: Some("Kabel".to_owned()), header_row: Some(3) };
        assert_eq!(problems.sheets, [link]);
        assert!(problems.has(Kind::Device) && !problems.has(Kind::User));
        let mut walk = problems.of(Kind::Link).unwrap();
        assert_eq!(walk.up_to(0).unwrap().text, "whole");
        assert_eq!(walk.at(1).unwrap(), RowProblems::default());
        let problems_of_row = walk.at(2).unwrap();
        assert_eq!(problems_of_row.columns, [0, 2]);
        assert_eq!(problems_of_row.text, "A3: first; C3: second; row");
        assert_eq!(walk.at(8).unwrap().text, "p (B9): late");
        assert_eq!(walk.at(9).unwrap(), RowProblems::default());
    }
}
