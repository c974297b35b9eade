//! Export of devices and links: the records of a snapshot become rows.

use std::{
    collections::{BTreeSet, HashMap},
    ops::ControlFlow,
    path::Path,
    time::Instant,
};

use super::{
    ExportReport, ExportRequest, KINDS, SheetReport, TopologyError,
    first_columns::first_columns,
    folder::Folder,
    header::{self, Meaning},
    report::Ignored,
    template::EXAMPLE_NAME,
};
use crate::{
    codec::workbook::{Cell, Format, WorkbookWriter, WriteError, format_cell},
    job::{Progress, Step},
    model::{Kind, Property, PropertyDefault, PropertyType, Secrets, View},
    store::{Snapshot, Store, decode_record},
};

/// Exports a workbook to the folder.
pub(super) fn export(
    store: &Store,
    folder: &Folder,
    request: &ExportRequest,
    progress: &Progress,
) -> Result<ExportReport, TopologyError> {
    let begun = Instant::now();
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
    // Each record is read twice: for the columns and for its row.
    let records = KINDS.map(|kind| snapshot.summary().kind(kind).count).iter().sum::<u64>();
    progress.step(Step::Exporting, Some(2 * records))?;
    let mut sheets = Vec::new();
    for kind in KINDS {
        sheets.push(out.sheet(kind)?);
    }
    let SheetExporter { workbook, mut warnings, .. } = out;
    drop(snapshot);
    progress.step(Step::Packing, None)?;
    let mut temporary = folder.create(&request.name)?;
    workbook.finish(&mut temporary.file)?;
    let bytes = temporary.file.metadata().map_err(TopologyError::of_io)?.len();
    progress.close()?;
    folder.persist(temporary, &request.name)?;
    warnings.sort_unstable();
    Ok(ExportReport {
        workbook: request.name.to_string(),
        format: format.extension(),
        sheets,
        bytes,
        warnings,
        milliseconds: begun.elapsed().as_millis() as u64,
    })
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

/// A column of the workbook.
struct Column {
    property: String,
    heading: String,
    type_: PropertyType,
    default: PropertyDefault,
}

impl SheetExporter<'_> {
    /// Writes the sheet of a kind.
    fn sheet(&mut self, kind: Kind) -> Result<SheetReport, TopologyError> {
        let columns = self.columns(kind)?;
        let sheet = kind.to_string();
        self.workbook.begin_sheet(&sheet, columns.iter().map(|column| column.heading.as_str()))?;
        let at: HashMap<&str, usize> =
            columns.iter().enumerate().map(|(at, column)| (column.property.as_str(), at)).collect();
        let mut rows = 0;
        let Self { workbook, snapshot, scratch, progress, warnings, .. } = self;
        snapshot.each_in_order(kind, scratch, |name, _, body| -> Result<_, TopologyError> {
            progress.advance(1)?;
            let record = decode_record(kind, name, body)?;
            if record.name().as_str() == EXAMPLE_NAME {
                warnings.push(warning_of_example(kind));
            }
            let mut cells = vec![Cell::Empty; columns.len()];
            for (property, view) in record.views(Secrets::LeftOut) {
                if let Some(at) = at.get(property) {
                    let Column { type_, default, .. } = columns[*at];
                    cells[*at] = format_cell(type_, default, &view);
                }
            }
            workbook.row(cells).map_err(|error| match error {
                WriteError::Text { column, units, .. } => TopologyError::CellLong {
                    kind,
                    record: record.name().as_str().to_owned(),
                    property: columns
                        .get(column as usize)
                        .map_or_else(String::new, |column| column.property.clone()),
                    units,
                },
                other => other.into(),
            })?;
            rows += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        let columns = columns.len() as u64;
        Ok(SheetReport { sheet: kind, name: None, header_row: None, rows, columns })
    }

    /// Returns the columns of a kind's sheet: the properties that have a cell in at least one record,
    /// except secrets. Adds warnings about custom properties that an import will not read back.
    fn columns(&mut self, kind: Kind) -> Result<Vec<Column>, TopologyError> {
        let properties = kind.properties();
        let mut typed = vec![false; properties.len()];
        let mut custom = BTreeSet::new();
        let columns_max = self.format.columns_max() as usize;
        // The order does not matter.
        for entry in self.snapshot.scan_raw(kind) {
            let (name, raw) = entry?;
            self.progress.advance(1)?;
            let record = raw.record(kind, &name)?;
            for (property, view) in record.views(Secrets::LeftOut) {
                match properties.binary_search_by(|known| known.name.cmp(property)) {
                    Ok(at) => typed[at] |= has_cell(&properties[at], &view),
                    Err(_) if !custom.contains(property) => {
                        custom.insert(property.to_owned());
                        if custom.len() > columns_max {
                            let sheet = kind.to_string();
                            return Err(WriteError::Columns { sheet, format: self.format }.into());
                        }
                    }
                    Err(_) => {}
                }
            }
        }
        let known = properties.iter().zip(typed);
        let is_name = |property: &Property| property.type_ == PropertyType::Name;
        // A sheet without records still has the column of names.
        let mut known: Vec<&'static Property> = known
            .filter_map(|(property, has_cells)| {
                (has_cells || is_name(property)).then_some(property)
            })
            .collect();
        let first = first_columns(kind);
        let position = |property: &Property| first.iter().position(|name| *name == property.name);
        known.sort_by_key(|property| position(property).unwrap_or(first.len()));
        let mut columns: Vec<Column> = known
            .into_iter()
            .map(|property| Column {
                property: property.name.to_owned(),
                heading: header::heading_of(kind, property.name).to_owned(),
                type_: property.type_,
                default: property.default,
            })
            .collect();
        for property in custom {
            if self.check_custom_property(kind, &property) {
                columns.push(Column {
                    heading: property.clone(),
                    property,
                    type_: PropertyType::Any,
                    default: PropertyDefault::None,
                });
            }
        }
        Ok(columns)
    }

    /// Returns whether a custom property gets a column. Adds a warning if an import will not read
    /// it back.
    fn check_custom_property(&mut self, kind: Kind, property: &str) -> bool {
        let warning = match header::meaning(kind, property.trim()) {
            Meaning::Ignored(Ignored::Secret) => {
                self.warnings.push(format!(
                    "property '{property}' of {kind}s was not exported: properties with this name can \
                     contain secrets"
                ));
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

/// The warning about a record that an import would take for the example of a template.
fn warning_of_example(kind: Kind) -> String {
    format!(
        "the {kind} '{EXAMPLE_NAME}' has the name of the example row of templates: an import leaves \
         out its row. Rename the {kind}"
    )
}

/// Returns whether a value of a property gets a cell that is not empty.
fn has_cell(property: &Property, view: &View<'_>) -> bool {
    match view {
        // Only a text can become an empty cell.
        View::Text(_) => {
            !matches!(format_cell(property.type_, property.default, view), Cell::Empty)
        }
        View::Null
        | View::Bool(_)
        | View::Int(_)
        | View::Float(_)
        | View::Texts(_)
        | View::Value(_) => true,
    }
}
