//! The sheets `device relations` and `link relations`, beside the sheets `device` and `link`.
//!
//! eNMS reads the sheets of the kinds only, and cannot read lists in them. An export writes into
//! sheets of their own what eNMS cannot read, and the properties whose cell in the sheet of the kind
//! is only a default. An import reads these sheets first, and adds their rows to the rows of the same
//! names.

use std::collections::{BTreeMap, HashMap};

use super::{
    KINDS,
    header::{Meaning, meaning},
};
use crate::{
    codec::workbook::{Cell, RELATIONS_SUFFIX, Row, column_name, parse_cell},
    import::{DocumentLocation, ImportError, Log, Problem, ShownValue},
    model::{Fit, Kind, PropertyType, Value},
    wording::counted,
};

/// The heading of the column that lists the properties that a record does not have. Their cells in
/// the sheet of the kind contain the default.
pub(super) const ABSENT: &str = "absent properties";

/// The heading of the column of names.
const NAME: &str = "name";

/// Memory for the rows of a sheet of relations, in bytes. A million devices with a type and twelve
/// absent properties take about 300 MB.
const ROWS_BYTES_MAX: usize = 512 << 20;

/// The memory of a row beside its texts, in bytes.
const ROW_BYTES: usize = 96;

/// The memory of a value in relation to its text: a list has a slot for each of its items.
const VALUE_FACTOR: usize = 4;

/// The most names in a warning.
const NAMES_SHOWN_MAX: usize = 10;

/// Returns the name of the sheet of a kind's relations.
pub(super) fn sheet_name(kind: Kind) -> String {
    format!("{kind}{RELATIONS_SUFFIX}")
}

/// Returns the kind whose relations a sheet holds, by its name.
pub(super) fn kind_of(sheet: &str) -> Option<Kind> {
    let sheet = sheet.trim().to_lowercase();
    let word = sheet.strip_suffix(RELATIONS_SUFFIX)?;
    KINDS.into_iter().find(|kind| kind.as_str() == word)
}

/// The rows of a sheet of relations.
#[derive(Debug)]
pub(super) struct RelationSheet {
    pub kind: Kind,
    /// The columns by number, once the header is read.
    columns: Option<BTreeMap<u32, Column>>,
    rows: HashMap<String, Vec<RelationCell>>,
    /// The memory of the rows, in bytes.
    bytes: usize,
    ignored: Vec<String>,
}

/// The meaning of a column.
#[derive(Clone, Debug, PartialEq)]
enum Column {
    Name,
    Property { name: String, type_: PropertyType },
    Absent,
}

/// The content of a cell that is not empty.
#[derive(Debug)]
enum RelationCell {
    /// A value, and the number of its column.
    Value { column: u32, value: Value, fit: Fit },
    /// The positions of the properties that the record does not have.
    Absent(Box<[usize]>),
}

impl RelationSheet {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, columns: None, rows: HashMap::new(), bytes: 0, ignored: Vec::new() }
    }

    /// Reads the next row. Its problems go to the log of the import.
    ///
    /// # Errors
    /// [`ImportError`] if the log cannot be written.
    pub(super) fn row(&mut self, log: &Log, row: &Row<'_>) -> Result<(), ImportError> {
        if row.cells.iter().all(|(_, cell)| cell.is_blank()) {
            return Ok(());
        }
        let line = u64::from(row.row) + 1;
        let Some(columns) = &self.columns else {
            return self.header(log, row, line);
        };
        let mut name = None;
        let mut cells = Vec::new();
        let mut bytes = ROW_BYTES;
        let mut has_name_problem = false;
        for (number, cell) in &row.cells {
            let Some(column) = columns.get(number) else { continue };
            let type_ = match column {
                Column::Name => PropertyType::Name,
                Column::Property { type_, .. } => *type_,
                Column::Absent => PropertyType::Any,
            };
            match (parse_cell(type_, cell), column) {
                (Ok(None), _) => {}
                (Ok(Some((value, _))), Column::Name) => {
                    name = value.as_text().map(str::to_owned);
                }
                (Ok(Some((value, fit))), Column::Property { .. }) => {
                    if let Cell::Text(text) = cell {
                        bytes += VALUE_FACTOR * text.len();
                    }
                    cells.push(RelationCell::Value { column: *number, value, fit });
                }
                (Ok(Some((value, _))), Column::Absent) => {
                    let positions = positions(self.kind, &value);
                    bytes += size_of_val(&*positions);
                    cells.push(RelationCell::Absent(positions));
                }
                (Err(fault), column) => {
                    has_name_problem |= *column == Column::Name;
                    let problem = Problem {
                        value: Some(ShownValue::of(&Value::from(cell.to_string()))),
                        ..Problem::of(log.document(self.kind), None, fault.rule, fault.detail)
                    };
                    log.unreadable(&problem, self.location(*number, line))?;
                }
            }
        }
        bytes += cells.len() * size_of::<RelationCell>();
        self.bytes = self.bytes.saturating_add(bytes);
        if has_name_problem { Ok(()) } else { self.add(log, name, cells, line) }
    }

    /// Adds a row to those of the sheet.
    fn add(
        &mut self,
        log: &Log,
        name: Option<String>,
        cells: Vec<RelationCell>,
        line: u64,
    ) -> Result<(), ImportError> {
        let (rule, detail) = match name {
            None => ("name-missing", "the row has no name".to_owned()),
            Some(name) if self.rows.contains_key(&name) => {
                ("duplicate-row", format!("another row of the sheet has the name '{name}'"))
            }
            // One problem is enough: the import is rejected.
            Some(_) if self.bytes > ROWS_BYTES_MAX && self.rows.is_empty() => return Ok(()),
            Some(_) if self.bytes > ROWS_BYTES_MAX => {
                self.rows = HashMap::new();
                let detail = format!(
                    "the rows of the sheet '{}' need more than {} MiB of memory. Import a project \
                     instead of a workbook",
                    sheet_name(self.kind),
                    ROWS_BYTES_MAX >> 20
                );
                ("relations-large", detail)
            }
            Some(name) => {
                self.rows.insert(name, cells);
                return Ok(());
            }
        };
        let problem = Problem::of(log.document(self.kind), Some(NAME), rule, detail);
        log.unreadable(&problem, self.location(0, line))
    }

    /// Reads the header.
    fn header(&mut self, log: &Log, row: &Row<'_>, line: u64) -> Result<(), ImportError> {
        let mut columns = BTreeMap::new();
        for (number, cell) in &row.cells {
            let Cell::Text(heading) = cell else { continue };
            let heading = heading.trim();
            let column = match (heading, meaning(self.kind, heading)) {
                ("", _) => continue,
                (ABSENT, _) => Column::Absent,
                (_, Meaning::Property(property)) => match property.type_ {
                    PropertyType::Name => Column::Name,
                    type_ => Column::Property { name: property.name.to_owned(), type_ },
                },
                (_, Meaning::Custom) => {
                    Column::Property { name: heading.to_owned(), type_: PropertyType::Any }
                }
                (_, Meaning::Ignored(_)) => {
                    self.ignored.push(heading.to_owned());
                    continue;
                }
            };
            columns.insert(*number, column);
        }
        if !columns.values().any(|column| *column == Column::Name) {
            let detail = format!("sheet '{}' has no column '{NAME}'", sheet_name(self.kind));
            let problem =
                Problem::of(log.document(self.kind), Some(NAME), "no-name-column", detail);
            log.unreadable(&problem, self.location(0, line))?;
            // One problem is enough for all rows.
            columns.clear();
        }
        self.columns = Some(columns);
        Ok(())
    }

    /// The location of a cell. It has no row: the marked workbook would mark that row in the sheet of
    /// the kind.
    fn location(&self, column: u32, line: u64) -> DocumentLocation {
        DocumentLocation {
            cell: Some(format!("{}!{}{line}", sheet_name(self.kind), column_name(column))),
            ..DocumentLocation::default()
        }
    }

    /// Adds the row of this name to the values of the row of the same name in the sheet of the kind.
    /// A value that the user has typed over a default counts.
    ///
    /// # Errors
    /// The property that has another value in the sheet of the kind.
    pub(super) fn add_to(
        &mut self,
        name: &str,
        values: &mut Vec<(String, Value, Fit)>,
    ) -> Result<(), String> {
        let kind = self.kind;
        let columns = self.columns.as_ref();
        for cell in self.rows.remove(name).unwrap_or_default() {
            match cell {
                RelationCell::Absent(properties) => {
                    for property in properties.iter().map(|at| kind.properties()[*at].name) {
                        values.retain(|(known, value, _)| {
                            known != property || !is_default(kind, property, value)
                        });
                    }
                }
                RelationCell::Value { column, value, fit } => {
                    if let Some(Column::Property { name, .. }) =
                        columns.and_then(|columns| columns.get(&column))
                    {
                        add_value(kind, values, name, value, fit)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Warns of columns and rows that were not used.
    pub(super) fn warn_of_unused(&self, log: &Log) {
        let sheet = sheet_name(self.kind);
        for heading in self.ignored.iter().take(NAMES_SHOWN_MAX) {
            log.warn(format!(
                "column '{heading}' of sheet '{sheet}' was ignored: it is a secret or a computed \
                 property"
            ));
        }
        if self.rows.is_empty() {
            return;
        }
        let mut unused: Vec<&str> = self.rows.keys().map(String::as_str).collect();
        unused.sort_unstable();
        let shown: Vec<String> =
            unused.iter().take(NAMES_SHOWN_MAX).map(|name| format!("'{name}'")).collect();
        let more = if unused.len() > NAMES_SHOWN_MAX { ", …" } else { "" };
        log.warn(format!(
            "sheet '{sheet}': {} not read, because sheet '{}' has no row of the same name: {}{more}",
            counted(unused.len() as u64, "row"),
            self.kind,
            shown.join(", ")
        ));
    }
}

/// Adds a value of a sheet of relations. Null and the empty text stand behind the default or an empty
/// cell in the sheet of the kind, so another value there is newer.
fn add_value(
    kind: Kind,
    values: &mut Vec<(String, Value, Fit)>,
    property: &str,
    value: Value,
    fit: Fit,
) -> Result<(), String> {
    let is_hidden = value == Value::Null || value.as_text() == Some("");
    match values.iter_mut().find(|(known, ..)| known == property) {
        None => values.push((property.to_owned(), value, fit)),
        Some((_, other, _)) if *other == value => {}
        Some(default) if is_hidden && is_default(kind, property, &default.1) => {
            *default = (property.to_owned(), value, fit);
        }
        Some(_) if is_hidden => {}
        Some(_) => return Err(property.to_owned()),
    }
    Ok(())
}

/// The positions of the properties in a list of names.
fn positions(kind: Kind, value: &Value) -> Box<[usize]> {
    match value {
        Value::List(names) => {
            let names = names.iter().filter_map(Value::as_text);
            names.filter_map(|name| kind.position(name)).collect()
        }
        _ => Box::default(),
    }
}

/// Returns whether a value is the default of a property.
fn is_default(kind: Kind, property: &str, value: &Value) -> bool {
    let default = kind.property(property).and_then(|property| property.default.view());
    default.is_some_and(|default| default.to_value() == *value)
}
