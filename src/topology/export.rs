//! Export of devices and links: the records of a snapshot become rows.
//!
//! The sheets of the kinds hold what eNMS can import. It fails on an empty cell of a number, takes an
//! empty cell for an empty text, and cannot read lists (`topology_import` in `eNMS/controller.py`,
//! version 4.6). So these sheets contain defaults, and the sheets of relations contain the rest.

use std::{
    collections::{BTreeSet, HashMap},
    ops::ControlFlow,
    path::Path,
};

use super::{
    ExportRequest, KINDS, SheetReport, TopologyError,
    header::{self, Meaning},
    layout::{Column, Layout, Survey},
    relations,
    report::Ignored,
    template::EXAMPLE_NAME,
    written::{WrittenWorkbook, exported_records},
};
use crate::{
    codec::workbook::{Cell, Format, WorkbookWriter, WriteError},
    job::{Progress, Step},
    model::{Kind, Record, Secrets},
    store::{Snapshot, Store, decode_record},
};

/// The largest number of secret custom properties that the warnings name. Each record can have others.
const SECRETS_NAMED_MAX: usize = 100;

/// Writes the sheets of an export.
///
/// # Errors
/// [`TopologyError::Write`], [`TopologyError::CellLong`] or [`TopologyError::Store`].
pub(super) fn write(
    store: &Store,
    request: &ExportRequest,
    progress: &Progress,
) -> Result<WrittenWorkbook, TopologyError> {
    let format = request.name.format();
    let snapshot = store.snapshot()?;
    let scratch = store.directory().scratch();
    let mut out = SheetExporter {
        workbook: WorkbookWriter::new(format, &scratch)?,
        format,
        snapshot: &snapshot,
        scratch: &scratch,
        progress,
        warnings: Vec::new(),
    };
    // Fail before anything is written if there are too many records.
    for kind in KINDS {
        if snapshot.summary().kind(kind).count >= u64::from(format.rows_max()) {
            return Err(WriteError::Rows { sheet: kind.to_string(), format }.into());
        }
    }
    // Each record is read three times: for the columns, for its row, and for its relations.
    progress.step(Step::Exporting, Some(3 * exported_records(&snapshot)))?;
    let mut sheets = Vec::new();
    let mut layouts = Vec::new();
    for kind in KINDS {
        let layout = out.layout(kind)?;
        sheets.push(out.sheet(kind, &layout)?);
        layouts.push(layout);
    }
    for (kind, layout) in KINDS.into_iter().zip(&layouts) {
        if layout.has_relation_sheet() {
            sheets.push(out.relation_sheet(kind, layout)?);
        } else {
            progress.advance(snapshot.summary().kind(kind).count)?;
        }
    }
    let SheetExporter { workbook, warnings, .. } = out;
    Ok(WrittenWorkbook { workbook, sheets, warnings })
}

/// Writes the sheets of a workbook.
struct SheetExporter<'a> {
    workbook: WorkbookWriter,
    format: Format,
    snapshot: &'a Snapshot,
    scratch: &'a Path,
    progress: &'a Progress,
    warnings: Vec<String>,
}

impl SheetExporter<'_> {
    /// Writes the sheet of a kind.
    fn sheet(&mut self, kind: Kind, layout: &Layout) -> Result<SheetReport, TopologyError> {
        let headings: Vec<&str> =
            layout.columns.iter().map(|column| column.heading.as_str()).collect();
        let defaults: Vec<Cell<'static>> =
            layout.columns.iter().map(Column::default_cell).collect();
        let at: HashMap<&str, usize> = layout
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| (column.property.as_str(), at))
            .collect();
        let rows = self.rows(kind, kind.as_str(), &headings, |record| {
            let mut cells: Vec<Cell<'_>> = defaults.clone();
            for (property, view) in record.views(Secrets::LeftOut) {
                if let Some(at) = at.get(property) {
                    cells[*at] = layout.columns[*at].cell(&view);
                }
            }
            Some(cells)
        })?;
        let columns = headings.len() as u64;
        Ok(SheetReport { sheet: kind, name: None, header_row: None, rows, columns })
    }

    /// Writes the sheet of a kind's relations. Records without any have no row.
    fn relation_sheet(
        &mut self,
        kind: Kind,
        layout: &Layout,
    ) -> Result<SheetReport, TopologyError> {
        let name = relations::sheet_name(kind);
        let headings = layout.relation_headings();
        let rows = self.rows(kind, &name, &headings, |record| layout.relation_cells(record))?;
        let columns = headings.len() as u64;
        Ok(SheetReport { sheet: kind, name: Some(name), header_row: None, rows, columns })
    }

    /// Writes a sheet with a row for each record for which `cells` returns one. Returns the number of
    /// rows.
    fn rows(
        &mut self,
        kind: Kind,
        sheet: &str,
        headings: &[&str],
        cells: impl for<'r> Fn(&'r dyn Record) -> Option<Vec<Cell<'r>>>,
    ) -> Result<u64, TopologyError> {
        let Self { workbook, snapshot, scratch, progress, .. } = self;
        workbook.begin_sheet(sheet, headings.iter().copied())?;
        let mut rows = 0;
        snapshot.each_in_order(kind, scratch, |name, _, body| -> Result<_, TopologyError> {
            progress.advance(1)?;
            let record = decode_record(kind, name, body)?;
            let Some(cells) = cells(&*record) else { return Ok(ControlFlow::Continue(())) };
            workbook.row(cells).map_err(|error| match error {
                WriteError::Text { column, units, .. } => TopologyError::CellLong {
                    kind,
                    record: record.name().as_str().to_owned(),
                    property: headings.get(column as usize).copied().unwrap_or_default().to_owned(),
                    units,
                },
                other => other.into(),
            })?;
            rows += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }

    /// Returns the columns of a kind's sheets: the properties that have a cell in at least one record,
    /// except secrets. Adds warnings about custom properties that an import will not read back.
    fn layout(&mut self, kind: Kind) -> Result<Layout, TopologyError> {
        let mut survey = Survey::new(kind);
        let mut secrets = BTreeSet::new();
        // The order does not matter.
        for entry in self.snapshot.scan_raw(kind) {
            let (name, raw) = entry?;
            self.progress.advance(1)?;
            let record = raw.record(kind, &name)?;
            if record.name().as_str() == EXAMPLE_NAME {
                self.warnings.push(warning_of_example(kind));
            }
            survey.add(&*record);
            for (property, value) in record.custom() {
                if value.is_secret() && secrets.len() < SECRETS_NAMED_MAX {
                    secrets.insert(property.clone());
                }
            }
            if survey.custom_count() > self.format.columns_max() as usize {
                let sheet = kind.to_string();
                return Err(WriteError::Columns { sheet, format: self.format }.into());
            }
        }
        let layout = survey.layout(|property| self.check_custom_property(kind, property));
        for property in secrets {
            let warning = warning_of_secret(kind, &property);
            // Another record can have a value with this name that is not a secret, such as a boolean.
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        Ok(layout)
    }

    /// Returns whether a custom property gets a column. Adds a warning if an import will not read
    /// it back.
    fn check_custom_property(&mut self, kind: Kind, property: &str) -> bool {
        let warning = match header::meaning(kind, property.trim()) {
            Meaning::Ignored(Ignored::Secret) => {
                self.warnings.push(warning_of_secret(kind, property));
                return false;
            }
            _ if property.trim().is_empty() => {
                format!("a property of {kind}s has a blank name: an import ignores its column")
            }
            Meaning::Custom if property.trim() == property && header::fits(property) => {
                return true;
            }
            Meaning::Custom => format!(
                "property '{property}' of {kind}s has a name that a column cannot have: an import \
                 reads it as another property or rejects it"
            ),
            Meaning::Property(known) => format!(
                "property '{property}' of {kind}s is a custom property, but an import reads its \
                 column as the property '{}'",
                known.name
            ),
            Meaning::Ignored(ignored) => format!(
                "property '{property}' of {kind}s is a custom property, but an import ignores its \
                 column: {}",
                ignored.why()
            ),
        };
        self.warnings.push(warning);
        true
    }
}

/// The warning about a custom property without a column, whose values are secrets or can be.
fn warning_of_secret(kind: Kind, property: &str) -> String {
    format!(
        "property '{property}' of {kind}s was not exported: properties with this name can contain secrets"
    )
}

/// The warning about a record that an import would take for the example of a template.
fn warning_of_example(kind: Kind) -> String {
    format!(
        "the {kind} '{EXAMPLE_NAME}' has the name of the example row of templates: an import leaves \
         out its row. Rename the {kind}"
    )
}
