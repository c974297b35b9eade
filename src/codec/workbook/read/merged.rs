//! Ranges of merged cells. calamine reads them from `.xls` and `.xlsx`, and not from `.ods` and
//! `.xlsb`. Those of a `.xlsb` are read with the corrections of its cells ([`super::xlsb`]).

use std::io::{self, BufReader, Read};

use calamine::Dimensions;
use memchr::memmem::Finder;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::super::frame::MergedRange;
use super::super::limits::{MERGED_RANGES_MAX, READ_COLUMNS_MAX, READ_ROWS_MAX};
use super::parts::Parts;

/// The element with the merged cells of a `.xlsx` sheet.
const MERGE_CELLS: &[u8] = b"mergeCell";

/// The folder of the sheets in a `.xlsx`.
const SHEETS_FOLDER: &str = "xl/worksheets/";

/// Length of the pieces in which a part is searched, in bytes.
const PIECE_BYTES: usize = 64 << 10;

/// Returns whether a sheet of a `.xlsx` can have merged cells. calamine parses a whole sheet to
/// find them, and this search takes a fraction of that.
pub(super) fn may_be_in(parts: &Parts<'_>) -> bool {
    let is_sheet = |name: &str| name.to_ascii_lowercase().starts_with(SHEETS_FOLDER);
    parts.iter().filter(|part| is_sheet(&part.name)).any(|part| {
        // calamine reports the error with a damaged part.
        parts.reader(part).and_then(|reader| contains(reader, MERGE_CELLS)).unwrap_or(true)
    })
}

/// Returns whether a text contains a word.
fn contains(mut from: impl Read, word: &[u8]) -> io::Result<bool> {
    let finder = Finder::new(word);
    let mut piece = Vec::with_capacity(PIECE_BYTES + word.len());
    loop {
        let read = from.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
        if finder.find(&piece).is_some() {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        // The word may begin at the end of a piece.
        piece.drain(..piece.len().saturating_sub(word.len()));
    }
}

/// A range as calamine returns it.
pub(super) fn range_of(dimensions: Dimensions) -> MergedRange {
    let Dimensions { start, end } = dimensions;
    MergedRange { rows: (start.0, end.0), columns: (start.1, end.1) }
}

/// Returns the merged cells of each sheet of a `.ods` with its name, from its content
/// (OpenDocument 1.2, part 1, 9.1.4). A damaged content has those before the damage: calamine says
/// what is wrong.
pub(super) fn of_open_document(content: impl Read) -> Vec<(String, Vec<MergedRange>)> {
    let mut reader = Reader::from_reader(BufReader::new(content));
    reader.config_mut().check_end_names = false;
    let mut sheets = OdsSheets::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(element)) => sheets.begin(&element, false),
            Ok(Event::Empty(element)) => sheets.begin(&element, true),
            Ok(Event::End(element)) => sheets.end(element.name().as_ref()),
            Ok(Event::Eof) | Err(_) => return sheets.found,
            Ok(_) => {}
        }
    }
}

const TABLE: &str = "table:table";
const ROW: &str = "table:table-row";

/// The position in the content of a `.ods`, and the ranges so far.
#[derive(Default)]
struct OdsSheets {
    found: Vec<(String, Vec<MergedRange>)>,
    /// The number of open tables.
    depth: usize,
    row: u32,
    /// The number of equal rows that the current row represents.
    row_repeats: u32,
    column: u32,
    ranges: usize,
}

impl OdsSheets {
    fn begin(&mut self, element: &BytesStart<'_>, is_empty: bool) {
        let name = element.name();
        let name = name.as_ref();
        if name == TABLE {
            // A table in a cell is none of the sheets.
            if self.depth == 0 {
                let name = attribute(element, "table:name").unwrap_or_default();
                self.found.push((name, Vec::new()));
                self.row = 0;
            }
            if !is_empty {
                self.depth += 1;
            }
        } else if self.depth != 1 {
        } else if name == ROW {
            self.row_repeats = count(element, "table:number-rows-repeated");
            self.column = 0;
            if is_empty {
                self.end(ROW);
            }
        } else if name == "table:table-cell" || name == "table:covered-table-cell" {
            let rows = count(element, "table:number-rows-spanned");
            let columns = count(element, "table:number-columns-spanned");
            if (rows > 1 || columns > 1)
                && self.ranges <= MERGED_RANGES_MAX
                && let Some((_, ranges)) = self.found.last_mut()
            {
                self.ranges += 1;
                ranges.push(MergedRange {
                    rows: (self.row, self.row.saturating_add(rows - 1)),
                    columns: (self.column, self.column.saturating_add(columns - 1)),
                });
            }
            let repeats = count(element, "table:number-columns-repeated");
            self.column = self.column.saturating_add(repeats).min(READ_COLUMNS_MAX);
        }
    }

    fn end(&mut self, name: &str) {
        if name == TABLE {
            self.depth = self.depth.saturating_sub(1);
        } else if name == ROW && self.depth == 1 {
            self.row = self.row.saturating_add(self.row_repeats).min(READ_ROWS_MAX);
        }
    }
}

/// Returns the value of an attribute that is a number from 1. It is 1 without the attribute.
fn count(element: &BytesStart<'_>, name: &str) -> u32 {
    attribute(element, name).and_then(|text| text.parse().ok()).unwrap_or(1).max(1)
}

/// Returns the value of an attribute of an element.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    quick_xml::escape::unescape(&attribute.value).ok().map(|value| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_cells_of_open_document_are_found_behind_repeated_rows_and_cells() {
        let content = r#"<office:document-content><table:table table:name="R 1% é&gt;b">
            <table:table-row table:number-rows-repeated="3"><table:table-cell/></table:table-row>
            <table:table-header-rows><table:table-row>
              <table:table-cell table:number-columns-repeated="2"/>
              <table:table-cell table:number-rows-spanned="4"><text:p>x</text:p></table:table-cell>
              <table:table-cell table:number-columns-spanned="2" table:number-rows-spanned="1">
                <table:table><table:table-row/></table:table></table:table-cell>
              <table:covered-table-cell/>
            </table:table-row></table:table-header-rows>
            </table:table><table:table table:name="b"/></office:document-content>"#;
        let found = of_open_document(content.as_bytes());
        let ranges = vec![
            MergedRange { rows: (3, 6), columns: (2, 2) },
            MergedRange { rows: (3, 3), columns: (3, 4) },
        ];
        assert_eq!(found, [("R 1% é>b".to_owned(), ranges), ("b".to_owned(), vec![])]);
        assert_eq!(of_open_document(&b"<table:table table:name=\"x\"><a"[..]).len(), 1);
    }

    #[test]
    fn a_word_is_found_across_pieces() {
        let mut text = vec![b'x'; PIECE_BYTES - 3];
        text.extend_from_slice(b"<mergeCells>");
        assert!(contains(text.as_slice(), MERGE_CELLS).unwrap());
        assert!(!contains(&text[..PIECE_BYTES], MERGE_CELLS).unwrap());
    }
}
