//! The search for the header among the first rows of a sheet.
//!
//! Users write a title, a date or contacts above their table. The header is the first row in which
//! a column of names is recognised, or the row in the request.

use super::{
    ProposedMapping,
    header::{HEADINGS_LISTED_MAX, HeadingReader},
};
use crate::{
    codec::workbook::{Cell, Row},
    import::{DocumentLocation, ImportError, Intake, Problem},
};

/// The number of rows at the beginning of a sheet in which the header is sought. Titles, logos and
/// contacts take fewer; a later row is more probably a record with the text "name".
pub(super) const HEADER_ROWS_MAX: u32 = 20;

/// Searches the header of a sheet.
#[derive(Debug)]
pub(super) struct HeaderSearch<'m> {
    reader: HeadingReader<'m>,
    /// The row in the request, from 1.
    wanted: Option<u32>,
    /// The row so far that is most like a header.
    likely: Option<LikelyHeader>,
    /// The last row that was searched, from 1.
    last: Option<u32>,
    /// Rows that are not blank.
    rows: u64,
}

/// A row that might be the header.
#[derive(Debug)]
struct LikelyHeader {
    /// The row, from 1.
    line: u32,
    headings: Vec<String>,
    /// The number of known headings.
    known: usize,
}

/// Tells whether a row is the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The row is the header.
    Header,
    /// The row is above the header.
    Above,
    /// The sheet has no header that can be found.
    NotFound,
}

impl<'m> HeaderSearch<'m> {
    pub(super) fn new(reader: HeadingReader<'m>, wanted: Option<u32>) -> Self {
        Self { reader, wanted, likely: None, last: None, rows: 0 }
    }

    /// The number of rows above the header that are not blank.
    pub(super) fn rows_above(&self) -> u64 {
        self.rows
    }

    /// Examines the next row, which is not blank.
    pub(super) fn offer(&mut self, row: &Row<'_>) -> Verdict {
        let line = row.row + 1;
        match self.wanted {
            Some(wanted) if line < wanted => {
                self.rows += 1;
                Verdict::Above
            }
            Some(wanted) if line == wanted => {
                self.last = Some(line);
                self.consider(line, row);
                if self.reader.is_header(row) { Verdict::Header } else { Verdict::NotFound }
            }
            Some(_) => Verdict::NotFound,
            None if line > HEADER_ROWS_MAX => Verdict::NotFound,
            None if self.reader.is_header(row) => Verdict::Header,
            None => {
                self.last = Some(line);
                self.rows += 1;
                self.consider(line, row);
                Verdict::Above
            }
        }
    }

    /// Keeps the row if it is more like a header than the earlier ones.
    fn consider(&mut self, line: u32, row: &Row<'_>) {
        let headings: Vec<String> = row
            .cells
            .iter()
            .filter_map(|(_, cell)| match cell {
                Cell::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
                _ => None,
            })
            .collect();
        let known = headings.iter().filter(|heading| self.reader.knows(heading)).count();
        let better = match &self.likely {
            None => true,
            Some(likely) => {
                (known, headings.len().min(2)) > (likely.known, likely.headings.len().min(2))
            }
        };
        if better {
            self.likely = Some(LikelyHeader { line, headings, known });
        }
    }

    /// Reports that no header was found, unless the sheet is empty. Returns the mapping that would
    /// give the most likely header its properties.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if the problem cannot be stored.
    pub(super) fn report_missing(
        &self,
        intake: &Intake<'_>,
    ) -> Result<ProposedMapping, ImportError> {
        let log = intake.log();
        let sheet = log.sheet_name(self.reader.kind);
        let advice = "Map a heading to 'name' with `map` (--map 'HEADING=name'), or pass the row of \
                      the headings as `header_row` (--header-row)";
        let likely = self.likely.as_ref();
        let detail = match (self.wanted, self.last, likely) {
            (Some(wanted), None, _) => {
                format!(
                    "Sheet '{sheet}': row {wanted}, which should contain the headings, is blank"
                )
            }
            (Some(wanted), Some(_), likely) => format!(
                "Sheet '{sheet}': no 'name' column in row {wanted} (found: {}). {advice}",
                listed(likely)
            ),
            (None, None, _) | (None, _, None) => return Ok(ProposedMapping::default()),
            (None, Some(1), likely) => {
                let found = listed(likely);
                format!("Sheet '{sheet}': no 'name' column in row 1 (found: {found}). {advice}")
            }
            (None, Some(last), Some(likely)) => format!(
                "Sheet '{sheet}': no 'name' column in rows 1 to {last}. Row {} is most like a header \
                 (found: {}). {advice}",
                likely.line,
                listed(Some(likely))
            ),
        };
        let row = likely.map(|likely| likely.line).or(self.wanted).map(u64::from);
        let problem =
            Problem::of(log.document(self.reader.kind), Some("name"), "no-name-column", detail);
        log.unreadable(&problem, DocumentLocation { row, ..DocumentLocation::default() })?;
        let headings = likely.map_or(&[][..], |likely| &likely.headings);
        let headings = headings.iter().map(String::as_str);
        Ok(self.reader.propose(headings, std::iter::empty()))
    }
}

/// Lists headings for a message.
fn listed(likely: Option<&LikelyHeader>) -> String {
    let headings = likely.map_or(&[][..], |likely| &likely.headings);
    if headings.is_empty() {
        return "none".to_owned();
    }
    let shown = headings.iter().take(HEADINGS_LISTED_MAX);
    let mut listed: Vec<String> = shown.map(|heading| format!("'{heading}'")).collect();
    if headings.len() > HEADINGS_LISTED_MAX {
        listed.push(format!("{} more", headings.len() - HEADINGS_LISTED_MAX));
    }
    listed.join(", ")
}
