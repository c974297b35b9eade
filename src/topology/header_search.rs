//! The search for the header among the first rows of a sheet.
//!
//! Users write a title, a date or contacts above their table. The header is the row with the most
//! known headings among the first rows with a column of names, or the row in the request.

use std::collections::BTreeSet;

use super::{
    ProposedMapping,
    header::{HEADINGS_LISTED_MAX, HeadingReader},
};
use crate::{
    codec::workbook::{Cell, Row},
    import::{DocumentLocation, ImportError, Intake, Problem},
};

/// The number of rows at the beginning of a sheet in which the header is sought, blank rows included.
/// Titles, logos and contacts take fewer; a later row is more probably a record with the text "name".
pub(super) const HEADER_ROWS_MAX: u32 = 20;

/// The rows that are kept until the header is found, in bytes of their texts. Longer rows are
/// records, so the search ends.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// A row without a column of names is more like the header than a row with one if it has this number
/// of known headings, and more than twice as many. Fewer words can be values of a record.
const KNOWN_MIN: usize = 3;

/// The separators of tables that are not recognised, because texts contain them too.
const RARE_SEPARATORS: [char; 3] = ['|', '^', '~'];

/// Searches the header of a sheet.
#[derive(Debug)]
pub(super) struct HeaderSearch<'m> {
    reader: HeadingReader<'m>,
    /// The row in the request, from 1.
    wanted: Option<u32>,
    /// The rows that can be the header, in their order.
    candidates: Vec<Candidate>,
    /// The rows that are read again when the header is found, without the values of merged cells.
    kept: Vec<Row<'static>>,
    kept_bytes: usize,
    /// The last row that was searched, from 1.
    last: Option<u32>,
    /// The number of rows above the wanted one that are not blank.
    rows_above: u64,
}

/// A row that can be the header.
#[derive(Clone, Debug)]
struct Candidate {
    /// The row, from 1.
    line: u32,
    headings: Vec<String>,
    /// The number of different properties that its headings mean.
    known: usize,
    /// Whether it has a column of names.
    is_header: bool,
}

/// The result of a search.
#[derive(Debug)]
pub(super) struct FoundHeader {
    /// The rows that were kept, in their order.
    pub rows: Vec<Row<'static>>,
    /// The header, from 1.
    pub line: u32,
    /// The number of rows above the header that are not blank.
    pub rows_above: u64,
    /// A sentence about other rows that look like a header.
    pub notice: Option<String>,
}

impl<'m> HeaderSearch<'m> {
    pub(super) fn new(reader: HeadingReader<'m>, wanted: Option<u32>) -> Self {
        Self {
            reader,
            wanted,
            candidates: Vec::new(),
            kept: Vec::new(),
            kept_bytes: 0,
            last: None,
            rows_above: 0,
        }
    }

    /// Returns whether the search includes the next row, which is not blank. Otherwise it ends.
    pub(super) fn includes(&self, row: &Row<'_>) -> bool {
        let line = row.row + 1;
        match self.wanted {
            Some(wanted) => line <= wanted,
            None => line <= HEADER_ROWS_MAX && self.kept_bytes <= KEPT_BYTES_MAX,
        }
    }

    /// Returns whether a row was found that is not blank.
    pub(super) fn has_rows(&self) -> bool {
        self.rows_above > 0 || !self.candidates.is_empty()
    }

    /// Adds the next row. `filled` is the row with the values of merged cells.
    pub(super) fn add(&mut self, row: Row<'_>, filled: &Row<'_>) {
        let line = row.row + 1;
        if self.wanted.is_some_and(|wanted| line < wanted) {
            self.rows_above += 1;
            return;
        }
        self.last = Some(line);
        self.candidates.push(self.candidate(line, filled));
        let kept = if self.wanted.is_some() { filled.clone() } else { row };
        let cells = kept.cells.into_iter().map(|(column, cell)| (column, cell.into_owned()));
        let kept =
            Row { row: kept.row, cells: cells.collect(), sums: kept.sums, shown: kept.shown };
        self.kept_bytes += kept.cells.iter().map(|(_, cell)| text_bytes(cell)).sum::<usize>();
        self.kept.push(kept);
    }

    fn candidate(&self, line: u32, row: &Row<'_>) -> Candidate {
        let headings: Vec<String> = row
            .cells
            .iter()
            .filter_map(|(_, cell)| match cell {
                Cell::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
                _ => None,
            })
            .collect();
        let known: BTreeSet<String> =
            headings.iter().filter_map(|heading| self.reader.known(heading)).collect();
        Candidate { line, headings, known: known.len(), is_header: self.reader.is_header(row) }
    }

    /// Ends the search.
    ///
    /// # Errors
    /// The search itself, if there is no header.
    pub(super) fn finish(self) -> Result<FoundHeader, Self> {
        // The first of equally good rows.
        let with_names = self.candidates.iter().rev().filter(|candidate| candidate.is_header);
        let Some(header) = with_names.max_by_key(|candidate| candidate.known).cloned() else {
            return Err(self);
        };
        if self.candidates.iter().any(|other| self.displaces(other, &header)) {
            return Err(self);
        }
        let line = header.line;
        let others: Vec<String> = self
            .candidates
            .iter()
            .filter(|other| other.line != line && other.headings != header.headings)
            .filter(|other| is_similar(other, &header))
            .map(|other| format!("row {} ({})", other.line, listed(Some(other))))
            .collect();
        let notice = (!others.is_empty()).then(|| {
            format!(
                "the headings are in row {line}, which has the most known ones. Other rows look like \
                 headings too: {}. If one of them contains the headings, pass its number as \
                 `header_row` (--header-row)",
                others.join(", ")
            )
        });
        let above = self.candidates.iter().filter(|other| other.line < line).count() as u64;
        Ok(FoundHeader { rows_above: self.rows_above + above, rows: self.kept, line, notice })
    }

    /// Returns whether a row without a column of names is more like the header than the best row with
    /// one: its name has another word, and the other row is the contact "Name: Eva".
    fn displaces(&self, other: &Candidate, header: &Candidate) -> bool {
        let names_differ =
            || other.headings.iter().any(|heading| self.reader.is_word_for_name(heading));
        !other.is_header
            && other.known >= KNOWN_MIN
            && other.known > 2 * header.known
            && names_differ()
    }

    /// The row that is most like a header.
    fn likely(&self) -> Option<&Candidate> {
        let quality = |candidate: &Candidate| (candidate.known, candidate.headings.len().min(2));
        self.candidates.iter().rev().max_by_key(|candidate| quality(candidate))
    }

    /// The headings of the row that is most like a header.
    pub(super) fn likely_headings(&self) -> Vec<String> {
        self.likely().map(|likely| likely.headings.clone()).unwrap_or_default()
    }

    /// Reports that no header was found. `has_later_rows` tells whether the sheet has rows below the
    /// searched ones. Returns the mapping that would give the most likely header its properties.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if the problem cannot be stored.
    pub(super) fn report_missing(
        &self,
        intake: &Intake<'_>,
        has_later_rows: bool,
    ) -> Result<ProposedMapping, ImportError> {
        let log = intake.log();
        let sheet = log.sheet_name(self.reader.kind);
        let likely = self.likely();
        let reason = self.reason(has_later_rows);
        let row = likely.map(|likely| likely.line).or(self.wanted).map(u64::from);
        let problem = Problem::of(
            log.document(self.reader.kind),
            Some("name"),
            "no-name-column",
            format!("Sheet '{sheet}': {reason}"),
        );
        log.unreadable(&problem, DocumentLocation { row, ..DocumentLocation::default() })?;
        let headings = likely.map_or(&[][..], |likely| &likely.headings);
        if separator_of(headings).is_some() {
            return Ok(ProposedMapping::default());
        }
        let headings = headings.iter().map(String::as_str);
        Ok(self.reader.propose(headings, std::iter::empty()))
    }

    /// The reason why there is no header, and what to do.
    fn reason(&self, has_later_rows: bool) -> String {
        let advice = "Map a heading to 'name' with `map` (--map 'HEADING=name'), or pass the row of \
                      the headings as `header_row` (--header-row)";
        let likely = self.likely();
        if let Some(wanted) = self.wanted {
            return if self.last.is_some() {
                format!("no 'name' column in row {wanted} (found: {}). {advice}", listed(likely))
            } else {
                format!("row {wanted}, which should contain the headings, is blank")
            };
        }
        let last = match (has_later_rows && self.kept_bytes <= KEPT_BYTES_MAX, self.last) {
            (true, _) => HEADER_ROWS_MAX,
            (false, Some(last)) => last,
            (false, None) => return "no cell has a value, so there are no headings".to_owned(),
        };
        let Some(likely) = likely else {
            return format!(
                "no headings in rows 1 to {last}, which are blank. Delete blank rows above the \
                 headings, or pass the row of the headings as `header_row` (--header-row)"
            );
        };
        let rows = if last == 1 { "row 1".to_owned() } else { format!("rows 1 to {last}") };
        if let Some(separator) = separator_of(&likely.headings) {
            return format!(
                "no 'name' column in {rows}. Row {} is one cell (found: {}). If '{separator}' separates \
                 the cells, write 'sep={separator}' into the first line of the table",
                likely.line,
                listed(Some(likely))
            );
        }
        let best = self.candidates.iter().find(|candidate| candidate.is_header);
        if let Some(named) = best {
            return format!(
                "row {} has a heading 'name', but row {} is more like a header (found: {}). {advice}",
                named.line,
                likely.line,
                listed(Some(likely))
            );
        }
        if last == 1 {
            return format!(
                "no 'name' column in {rows} (found: {}). {advice}",
                listed(Some(likely))
            );
        }
        format!(
            "no 'name' column in {rows}. Row {} is most like a header (found: {}). {advice}",
            likely.line,
            listed(Some(likely))
        )
    }
}

/// Returns whether another row looks like a header beside the header: above it with a column of names,
/// or with several known headings. A row without a column of names needs more, as in
/// [`HeaderSearch::displaces`].
fn is_similar(other: &Candidate, header: &Candidate) -> bool {
    if other.is_header {
        other.line < header.line || other.known > 1
    } else {
        other.known >= KNOWN_MIN && other.known > header.known
    }
}

/// The separator in a row that is a single cell. `None` if the row has more cells.
fn separator_of(headings: &[String]) -> Option<char> {
    let [only] = headings else { return None };
    RARE_SEPARATORS.into_iter().find(|separator| only.contains(*separator))
}

/// The size of the text of a cell, in bytes.
fn text_bytes(cell: &Cell<'_>) -> usize {
    match cell {
        Cell::Text(text) | Cell::Formula(text) => text.len(),
        Cell::Empty
        | Cell::Number(_)
        | Cell::Bool(_)
        | Cell::Error(_)
        | Cell::Date(_)
        | Cell::Duration(_) => 0,
    }
}

/// Lists headings for a message.
fn listed(likely: Option<&Candidate>) -> String {
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
