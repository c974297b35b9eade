//! The marked workbook: the upload of an import that had problems, with the same sheets and cells, a
//! column with the problems of each row, and a red fill in invalid cells.
//!
//! The upload is decoded twice by a child process, as for the import: first to find a free column,
//! then to write the workbook. The problems come from the report of the import. They are sorted on
//! the disk and read together with the rows. Formulas are replaced by their values.

mod problems;
mod write;

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Seek},
    path::Path,
};

use problems::{Problems, ReadSheet, RowProblems};
use write::SheetCopier;

use super::{
    SourceFormat, TopologyError, WorkbookFile, WorkbookName,
    header::{PROBLEM_COLUMN, is_problem_column},
    merged::{Merges, RowPlace},
    selection::kind_of,
    upload,
};
use crate::{
    codec::workbook::{
        Cell, CellError, DecodeLimits, Decoding, Format, Item, Mark, MarkedCell, Row, SourceKind,
        WriteError,
    },
    import::{ImportError, Reports},
    model::{Kind, PerKind},
};

/// The maximum number of cells of a marked workbook, with the empty ones before the last cell of each
/// row: a million devices with a hundred properties.
const CELLS_MAX: u64 = 100_000_000;

/// Writes the marked workbook of an import to an unnamed file.
pub(super) fn marked(
    reports: &Reports,
    decoder: &Path,
    scratch: &Path,
    id: &str,
) -> Result<WorkbookFile, TopologyError> {
    let none = |error| match error {
        ImportError::NoReport { id } => TopologyError::NoReport { id },
        other => TopologyError::Import(other),
    };
    let kept = reports.attached(id).map_err(none)?;
    let report = reports.open(id).map_err(none)?;
    let problems = Problems::read(report, scratch).map_err(TopologyError::of_io)?;
    let format = upload::format(&kept).map_err(TopologyError::of_io)?;
    let table = match format {
        SourceFormat::Csv => problems.sheets.first().map(|sheet| sheet.kind),
        SourceFormat::Xls | SourceFormat::Xlsx => None,
    };
    let marking = Marking { kept, decoder, scratch, table, problems: &problems };
    let layouts = marking.layouts()?;
    let (file, format) = match marking.write(format.of_marked(), &layouts) {
        // A sheet has the maximum number of columns, so there is none for the problems.
        Err(TopologyError::Write(WriteError::Columns { format: Format::Xls, .. })) => {
            (marking.write(Format::Xlsx, &layouts)?, Format::Xlsx)
        }
        written => (written?, format.of_marked()),
    };
    let name = name(problems.workbook.as_deref(), format)?;
    WorkbookFile::of(file, &name).map_err(TopologyError::of_io)
}

/// Returns the file name of the marked workbook.
fn name(workbook: Option<&str>, format: Format) -> Result<WorkbookName, TopologyError> {
    let stem = workbook.map(|name| name.rsplit_once('.').map_or(name, |(stem, _)| stem));
    let named = stem.and_then(|stem| WorkbookName::near(&format!("{stem} problems{format}")));
    let plain = || format!("problems{format}").parse().map_err(io::Error::other);
    named.map_or_else(plain, Ok).map_err(TopologyError::of_io)
}

/// An upload that is being marked.
struct Marking<'a> {
    kept: File,
    decoder: &'a Path,
    scratch: &'a Path,
    /// The kind of the records of a table, which has one sheet.
    table: Option<Kind>,
    problems: &'a Problems,
}

/// Position of the problems in a sheet.
#[derive(Clone, Copy, Debug, Default)]
struct Layout {
    /// Number of the header row, from 0.
    header: Option<u32>,
    /// Number of the column of problems, from 0: the column of an earlier marked workbook, or the
    /// first column after all others.
    column: u32,
    /// Whether it is the column of an earlier marked workbook.
    exists: bool,
}

impl Marking<'_> {
    fn decoding(&self) -> Result<Decoding, TopologyError> {
        let kind = match self.table {
            Some(_) => SourceKind::WorkbookOrTable,
            None => SourceKind::Workbook,
        };
        let limits = DecodeLimits::default();
        let file = self.kept.try_clone().map_err(TopologyError::of_io)?;
        Ok(Decoding::start(self.decoder, file, kind, limits)?)
    }

    /// Returns the kind of a sheet. `None` if it is not marked: it is not a sheet of devices or
    /// links, or not the first sheet of its kind.
    fn kind(&self, sheet: &str, seen: &mut BTreeSet<Kind>) -> Option<Kind> {
        self.table.or_else(|| self.read_as(sheet)).filter(|kind| seen.insert(*kind))
    }

    /// Returns the kind of the records that the import read from a sheet.
    fn read_as(&self, sheet: &str) -> Option<Kind> {
        let is_read = |read: &&ReadSheet| match &read.name {
            Some(name) => name == sheet,
            None => kind_of(sheet) == Some(read.kind),
        };
        self.problems.sheets.iter().find(is_read).map(|read| read.kind)
    }

    /// Returns the row of the headings of a kind's sheet, from 0, if the import found it.
    fn header_row(&self, kind: Kind) -> Option<u32> {
        self.problems.sheets.iter().find(|sheet| sheet.kind == kind)?.header_row
    }

    /// Finds the header and the column of problems of each sheet.
    fn layouts(&self) -> Result<PerKind<Layout>, TopologyError> {
        let mut decoding = self.decoding()?;
        let mut layouts = PerKind::<Layout>::default();
        let mut seen = BTreeSet::new();
        let mut kind = None;
        let mut cells = 0;
        while let Some(item) = decoding.next_item()? {
            match item {
                Item::Sheet(sheet) => kind = self.kind(sheet, &mut seen),
                Item::Merged(_) => {}
                Item::Row(row) => {
                    cells += row.cells.last().map_or(0, |(last, _)| u64::from(*last) + 2);
                    if cells > CELLS_MAX {
                        return Err(TopologyError::MarkedTooLarge);
                    }
                    if let Some(kind) = kind {
                        layouts[kind].update(&row, self.header_row(kind));
                    }
                }
            }
        }
        Ok(layouts)
    }

    /// Writes the marked workbook.
    fn write(&self, format: Format, layouts: &PerKind<Layout>) -> Result<File, TopologyError> {
        let mut decoding = self.decoding()?;
        let mut out = SheetCopier::new(format, self.scratch)?;
        let mut seen = BTreeSet::new();
        let mut marks = None;
        let mut merges = Merges::default();
        while let Some(item) = decoding.next_item()? {
            match item {
                Item::Sheet(sheet) => {
                    merges = Merges::default();
                    let kind = self.kind(sheet, &mut seen);
                    let name = self.table.map_or_else(|| sheet.to_owned(), |kind| kind.to_string());
                    out.begin(&name)?;
                    marks = match kind.filter(|kind| self.problems.has(*kind)) {
                        Some(kind) => {
                            let problems = self.problems.of(kind).map_err(TopologyError::of_io)?;
                            Some((layouts[kind], problems))
                        }
                        None => None,
                    };
                }
                Item::Merged(ranges) => merges = Merges::new(ranges),
                Item::Row(mut row) => {
                    // The copy has no merged cells. Without their values, its import would read less.
                    let header = marks.as_ref().and_then(|(layout, _): &(Layout, _)| layout.header);
                    match header {
                        Some(header) if row.row > header => {
                            let place = RowPlace::Table { name_column: None };
                            merges.fill(&mut row, place);
                        }
                        Some(header) if row.row == header => {
                            merges.fill(&mut row, RowPlace::UpToHeader);
                            merges.end_header();
                        }
                        Some(_) => merges.fill(&mut row, RowPlace::UpToHeader),
                        None => {}
                    }
                    let mut cells = Vec::new();
                    for (column, cell) in row.cells {
                        cells.resize_with(column as usize, || MarkedCell::from(Cell::Empty));
                        cells.push(MarkedCell::from(cell));
                    }
                    if let Some((layout, problems)) = &mut marks {
                        let is_header = layout.header == Some(row.row);
                        let row_problems =
                            if is_header { problems.up_to(row.row) } else { problems.at(row.row) };
                        let row_problems = row_problems.map_err(TopologyError::of_io)?;
                        mark(&mut cells, layout, is_header, &row_problems);
                    }
                    out.row(row.row, cells)?;
                }
            }
        }
        let file = tempfile::tempfile_in(self.scratch).map_err(TopologyError::of_io)?;
        let mut file = out.finish(file)?;
        file.rewind().map_err(TopologyError::of_io)?;
        Ok(file)
    }
}

/// Adds the problems of a row to its cells, and marks the invalid cells.
fn mark(cells: &mut Vec<MarkedCell<'_>>, layout: &Layout, is_header: bool, problems: &RowProblems) {
    let column = layout.column as usize;
    let invalid_columns = || problems.columns.iter().map(|column| *column as usize);
    let last = invalid_columns().fold(column, usize::max);
    if cells.len() <= last && (is_header || !problems.text.is_empty()) {
        cells.resize_with(last + 1, || MarkedCell::from(Cell::Empty));
    }
    for column in invalid_columns() {
        if let Some(cell) = cells.get_mut(column) {
            cell.mark = Mark::Invalid;
            // A formula would be written as a text, and the next import would read that text as the
            // value. The column of problems contains the formula.
            if let Cell::Formula(_) = cell.cell {
                cell.cell = Cell::Error(CellError::Value);
            }
        }
    }
    let text = if !is_header {
        problems.text.clone()
    } else if problems.text.is_empty() {
        PROBLEM_COLUMN.to_owned()
    } else {
        format!("{PROBLEM_COLUMN}: {}", problems.text)
    };
    // Also overwrites a problem of an earlier import.
    if let Some(cell) = cells.get_mut(column) {
        *cell = MarkedCell::from(Cell::from(text));
    }
}

impl Layout {
    /// Examines a row of the sheet. If the import found no header, the problems are written beside
    /// the first row that is not blank.
    fn update(&mut self, row: &Row<'_>, header_row: Option<u32>) {
        let is_header = match header_row {
            Some(header_row) => row.row == header_row,
            None => self.header.is_none() && !row.cells.iter().all(|(_, cell)| cell.is_blank()),
        };
        if is_header {
            self.header = Some(row.row);
            let is_problem_heading = |(_, cell): &&(u32, Cell<'_>)| match cell {
                Cell::Text(text) => is_problem_column(text),
                _ => false,
            };
            if let Some((column, _)) = row.cells.iter().find(is_problem_heading) {
                *self = Self { column: *column, exists: true, ..*self };
            }
        }
        if let Some((last, _)) = row.cells.last()
            && !self.exists
        {
            self.column = self.column.max(last + 1);
        }
    }
}
