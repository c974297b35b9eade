//! The problems of an import as its kept report lists them, in the order of the rows.

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

use super::super::import::kind_of;
use crate::{
    disk::{Sorted, SortedReader, Sorter},
    model::{Kind, PerKind},
};

/// What problems may take in memory before they are set aside on the disk, in bytes.
const PROBLEMS_BYTES: usize = 16 << 20;

/// How much is said of one row, in bytes: a cell holds four times as much, and nobody reads it.
const ROW_TEXT_BYTES_MAX: usize = 8_000;

/// The column of a problem that concerns no cell: behind all others of its row.
const NO_COLUMN: u32 = u32::MAX;

/// What a report says that is needed to mark its workbook.
pub(super) struct Problems {
    /// What the file was called where it came from.
    pub workbook: Option<String>,
    /// The kinds whose sheets were read.
    pub kinds: Vec<Kind>,
    /// A key is a kind, a row and a column, the latter two from 0; a value is a sentence.
    sorted: Sorted,
    counts: PerKind<u64>,
}

/// What is wrong with a row.
#[derive(Debug, Default, PartialEq)]
pub(super) struct WrongRow {
    /// From 0.
    pub columns: Vec<u32>,
    /// Sentences, or nothing.
    pub text: String,
}

/// A problem as a report lists it.
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
}

impl Problems {
    /// Reads a whole report.
    pub fn read(report: File, scratch: &Path) -> io::Result<Self> {
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
                let kinds = head.sheets.iter().filter_map(|sheet| kind_of(&sheet.sheet)).collect();
                Ok(Self { workbook: head.workbook, kinds, sorted: sorter.finish()?, counts })
            }
        }
    }

    /// Whether something is wrong with the sheet of a kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.counts[kind] > 0
    }

    /// The problems of a kind's sheet.
    pub fn of(&self, kind: Kind) -> io::Result<Walk<'_>> {
        let mut walk = Walk { reader: self.sorted.read(), kind, next: None };
        loop {
            walk.advance()?;
            if walk.next.as_ref().is_none_or(|next| next.kind >= kind.index()) {
                return Ok(walk);
            }
        }
    }
}

/// Walks over the problems of one sheet, row by row.
pub(super) struct Walk<'a> {
    reader: SortedReader<'a>,
    kind: Kind,
    next: Option<Wrong>,
}

struct Wrong {
    kind: usize,
    row: u32,
    column: u32,
    text: String,
}

impl Walk<'_> {
    /// What is wrong with a row; rows are asked for in their order.
    pub fn at(&mut self, row: u32) -> io::Result<WrongRow> {
        self.take(|next| next == row, |next| next < row)
    }

    /// The same, and what is wrong with rows before it that nobody asked for.
    pub fn up_to(&mut self, row: u32) -> io::Result<WrongRow> {
        self.take(|next| next <= row, |_| false)
    }

    fn take(
        &mut self,
        taken: impl Fn(u32) -> bool,
        skipped: impl Fn(u32) -> bool,
    ) -> io::Result<WrongRow> {
        let mut wrong = WrongRow::default();
        loop {
            match &self.next {
                Some(next) if next.kind == self.kind.index() && taken(next.row) => wrong.add(next),
                Some(next) if next.kind == self.kind.index() && skipped(next.row) => {}
                Some(_) | None => return Ok(wrong),
            }
            self.advance()?;
        }
    }

    fn advance(&mut self) -> io::Result<()> {
        let number = |bytes: &[u8]| bytes.try_into().map_or(u32::MAX, u32::from_be_bytes);
        self.next = match self.reader.next()? {
            Some(([kind, rest @ ..], text)) => {
                let (row, column) = rest.split_at(rest.len().min(size_of::<u32>()));
                Some(Wrong {
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

impl WrongRow {
    fn add(&mut self, wrong: &Wrong) {
        if wrong.column != NO_COLUMN && self.columns.last() != Some(&wrong.column) {
            self.columns.push(wrong.column);
        }
        if self.text.len() > ROW_TEXT_BYTES_MAX {
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str("; ");
        }
        self.text.push_str(&wrong.text);
        if self.text.len() > ROW_TEXT_BYTES_MAX {
            self.text.truncate(self.text.floor_char_boundary(ROW_TEXT_BYTES_MAX));
            self.text.push_str(" and so on");
        }
    }
}

/// A report that is being read.
struct Reading {
    head: Head,
    sorter: Sorter,
    counts: PerKind<u64>,
    /// Why nothing more can be set aside.
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

/// The list of problems.
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
        let row = listed.row.map_or(0, |row| u32::try_from(row.saturating_sub(1)).unwrap_or(0));
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

/// The number of the column that a place begins with, from 0: 2 of `C17`.
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
    fn problems_come_by_their_rows() {
        let folder = tempfile::tempdir().unwrap();
        let mut report = tempfile::tempfile().unwrap();
        let text = r#"{"report":{"workbook":"a.xls","sheets":[{"sheet":"link"}],"more":[1]},
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
        assert_eq!(problems.kinds, [Kind::Link]);
        assert!(problems.has(Kind::Device) && !problems.has(Kind::User));
        let mut walk = problems.of(Kind::Link).unwrap();
        assert_eq!(walk.up_to(0).unwrap().text, "whole");
        assert_eq!(walk.at(1).unwrap(), WrongRow::default());
        let wrong = walk.at(2).unwrap();
        assert_eq!(wrong.columns, [0, 2]);
        assert_eq!(wrong.text, "A3: first; C3: second; row");
        assert_eq!(walk.at(8).unwrap().text, "p (B9): late");
        assert_eq!(walk.at(9).unwrap(), WrongRow::default());
    }
}
