//! The workbook that is handed back: the upload of an import that had problems, every sheet and
//! cell as it came, with a column that says per row what is wrong, and the wrong cells marked.
//!
//! The upload is decoded twice, by a child as for the import: once to see where there is room for
//! the column, and once to be written. What is wrong is taken from the report that is kept, sorted
//! on the disk, and walks beside the rows. Formulas have become their values.

mod problems;
mod write;

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Seek},
    path::Path,
};

use problems::{Problems, WrongRow};
use write::Out;

use super::{
    SourceFormat, TopologyError, WorkbookFile, WorkbookName,
    header::{PROBLEM_COLUMN, is_problem_column},
    import::kind_of,
    sheet::is_blank,
    upload,
};
use crate::{
    codec::workbook::{
        Cell, CellError, DecodeLimits, Decoding, Format, Item, Mark, Marked, Row, SourceKind,
        WriteError,
    },
    import::{ImportError, Reports},
    model::{Kind, PerKind},
};

/// How many cells a workbook may have that is handed back, those counted that are empty before
/// the last of their row: a million devices of a hundred properties.
const CELLS_MAX: u64 = 100_000_000;

/// Writes the workbook of an import with its problems into a file without a name.
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
    let problems = Problems::read(report, scratch)?;
    let format = upload::format(&kept)?;
    let table = match format {
        SourceFormat::Csv => problems.kinds.first().copied(),
        SourceFormat::Xls | SourceFormat::Xlsx => None,
    };
    let marking = Marking { kept, decoder, scratch, table, problems: &problems };
    let layouts = marking.layouts()?;
    let (file, format) = match marking.write(format.handed_back(), &layouts) {
        // There was no column left in a full sheet.
        Err(TopologyError::Write(WriteError::Columns { format: Format::Xls, .. })) => {
            (marking.write(Format::Xlsx, &layouts)?, Format::Xlsx)
        }
        written => (written?, format.handed_back()),
    };
    let name = name(problems.workbook.as_deref(), format)?;
    Ok(WorkbookFile::of(file, &name)?)
}

/// What the workbook is called when it is saved.
fn name(workbook: Option<&str>, format: Format) -> Result<WorkbookName, TopologyError> {
    let stem = workbook.map(|name| name.rsplit_once('.').map_or(name, |(stem, _)| stem));
    let named = stem.and_then(|stem| WorkbookName::near(&format!("{stem} problems{format}")));
    let plain = || format!("problems{format}").parse().map_err(io::Error::other);
    Ok(named.map_or_else(plain, Ok)?)
}

/// What is marked.
struct Marking<'a> {
    kept: File,
    decoder: &'a Path,
    scratch: &'a Path,
    /// What the rows of the one sheet of a table are.
    table: Option<Kind>,
    problems: &'a Problems,
}

/// Where the problems of a sheet are written.
#[derive(Clone, Copy, Debug, Default)]
struct Layout {
    /// The row that is the header, from 0.
    header: Option<u32>,
    /// The column of problems, from 0: one that is there from the last time, or behind all others.
    column: u32,
    is_there: bool,
}

impl Marking<'_> {
    fn decoding(&self) -> Result<Decoding, TopologyError> {
        let kind = match self.table {
            Some(_) => SourceKind::WorkbookOrTable,
            None => SourceKind::Workbook,
        };
        let limits = DecodeLimits::default();
        Ok(Decoding::start(self.decoder, self.kept.try_clone()?, kind, limits)?)
    }

    /// The kind of a sheet that is marked: the first one of its name.
    fn kind(&self, sheet: &str, seen: &mut BTreeSet<Kind>) -> Option<Kind> {
        self.table.or_else(|| kind_of(sheet)).filter(|kind| seen.insert(*kind))
    }

    /// Looks through the sheets for room.
    fn layouts(&self) -> Result<PerKind<Layout>, TopologyError> {
        let mut decoding = self.decoding()?;
        let mut layouts = PerKind::<Layout>::default();
        let mut seen = BTreeSet::new();
        let mut kind = None;
        let mut cells = 0;
        while let Some(item) = decoding.next_item()? {
            match item {
                Item::Sheet(sheet) => kind = self.kind(sheet, &mut seen),
                Item::Row(row) => {
                    cells += row.cells.last().map_or(0, |(last, _)| u64::from(*last) + 2);
                    if cells > CELLS_MAX {
                        return Err(TopologyError::MarkedLarge);
                    }
                    if let Some(kind) = kind {
                        layouts[kind].see(&row);
                    }
                }
            }
        }
        Ok(layouts)
    }

    /// Writes everything.
    fn write(&self, format: Format, layouts: &PerKind<Layout>) -> Result<File, TopologyError> {
        let mut decoding = self.decoding()?;
        let mut out = Out::new(format, self.scratch)?;
        let mut seen = BTreeSet::new();
        let mut marks = None;
        while let Some(item) = decoding.next_item()? {
            match item {
                Item::Sheet(sheet) => {
                    let kind = self.kind(sheet, &mut seen);
                    let name = self.table.map_or_else(|| sheet.to_owned(), |kind| kind.to_string());
                    out.begin(&name)?;
                    marks = match kind.filter(|kind| self.problems.has(*kind)) {
                        Some(kind) => Some((layouts[kind], self.problems.of(kind)?)),
                        None => None,
                    };
                }
                Item::Row(row) => {
                    let mut cells = Vec::new();
                    for (column, cell) in row.cells {
                        cells.resize_with(column as usize, || Marked::from(Cell::Empty));
                        cells.push(Marked::from(cell));
                    }
                    if let Some((layout, problems)) = &mut marks {
                        let is_header = layout.header == Some(row.row);
                        let wrong = if is_header {
                            problems.up_to(row.row)?
                        } else {
                            problems.at(row.row)?
                        };
                        mark(&mut cells, layout, is_header, &wrong);
                    }
                    out.row(row.row, cells)?;
                }
            }
        }
        let mut file = out.finish(tempfile::tempfile_in(self.scratch)?)?;
        file.rewind()?;
        Ok(file)
    }
}

/// Writes what is wrong with a row behind it, and marks the wrong cells.
fn mark(cells: &mut Vec<Marked<'_>>, layout: &Layout, is_header: bool, wrong: &WrongRow) {
    let column = layout.column as usize;
    let wrong_columns = || wrong.columns.iter().map(|column| *column as usize);
    let last = wrong_columns().fold(column, usize::max);
    if cells.len() <= last && (is_header || !wrong.text.is_empty()) {
        cells.resize_with(last + 1, || Marked::from(Cell::Empty));
    }
    for column in wrong_columns() {
        if let Some(cell) = cells.get_mut(column) {
            cell.mark = Mark::Wrong;
            // As a text it would be taken for the value the next time; the row says what it was.
            if let Cell::Formula(_) = cell.cell {
                cell.cell = Cell::Error(CellError::Value);
            }
        }
    }
    let text = match (is_header, wrong.text.as_str()) {
        (true, "") => PROBLEM_COLUMN.to_owned(),
        (true, text) => format!("{PROBLEM_COLUMN}: {text}"),
        (false, text) => text.to_owned(),
    };
    // What an earlier import said of a row that is mended now goes.
    if let Some(cell) = cells.get_mut(column) {
        *cell = Marked::from(Cell::from(text));
    }
}

impl Layout {
    fn see(&mut self, row: &Row<'_>) {
        if self.header.is_none() && !row.cells.iter().all(|(_, cell)| is_blank(cell)) {
            self.header = Some(row.row);
            let is_there = |(_, cell): &&(u32, Cell<'_>)| match cell {
                Cell::Text(text) => is_problem_column(text),
                _ => false,
            };
            if let Some((column, _)) = row.cells.iter().find(is_there) {
                *self = Self { column: *column, is_there: true, ..*self };
            }
        }
        if let Some((last, _)) = row.cells.last()
            && !self.is_there
        {
            self.column = self.column.max(last + 1);
        }
    }
}
