//! The columns of an export: which properties have one, and in which sheet.

use std::collections::BTreeMap;

use super::{
    first_columns::first_columns,
    header::{self, Meaning, heading_of},
    relations::ABSENT,
    report::Ignored,
};
use crate::{
    codec::workbook::{Cell, format_cell},
    model::{Kind, Property, PropertyDefault, PropertyType, Record, Secrets, Value, View},
};

/// Attributes of eNMS's devices and links that are not properties in Satchel: a text in a cell with
/// this heading makes eNMS refuse the row.
const ATTRIBUTES_OF_ENMS: [&str; 6] =
    ["destination", "destination_id", "runs", "sessions", "source", "source_id"];

/// The property by which eNMS chooses the table of an object. With another type than the one of the
/// sheet, eNMS 4.6 writes only a part of the object.
const TYPE: &str = "type";

/// The columns of the sheets of a kind.
pub(super) struct Layout {
    /// The columns of the sheet of the kind.
    pub columns: Vec<Column>,
    /// The columns of the sheet of relations, after the name.
    pub beside: Vec<Column>,
    /// The positions in `columns` of properties with a value that the sheet of the kind cannot hold.
    pub hidden: Vec<usize>,
    /// Returns whether a record lacks a property whose default is written into its row.
    pub has_absent: bool,
}

impl Layout {
    pub(super) fn has_relation_sheet(&self) -> bool {
        !self.beside.is_empty() || !self.hidden.is_empty() || self.has_absent
    }

    /// The headings of the sheet of relations.
    pub(super) fn relation_headings(&self) -> Vec<&str> {
        let mut headings = vec!["name"];
        headings.extend(self.beside.iter().map(|column| column.heading.as_str()));
        headings.extend(self.hidden.iter().map(|at| self.columns[*at].heading.as_str()));
        headings.extend(self.has_absent.then_some(ABSENT));
        headings
    }

    /// The cells of a record in the sheet of relations. `None` if the sheet of the kind says
    /// everything.
    pub(super) fn relation_cells<'a>(&self, record: &'a dyn Record) -> Option<Vec<Cell<'a>>> {
        let name = View::Text(record.name().as_str());
        let mut cells = vec![format_cell(PropertyType::Name, PropertyDefault::None, &name)];
        let value = |column: &Column| record.view(&column.property);
        cells.extend(
            self.beside
                .iter()
                .map(|column| value(column).map_or(Cell::Empty, |view| column.exact_cell(&view))),
        );
        cells.extend(self.hidden.iter().map(|at| {
            let column = &self.columns[*at];
            let hidden = value(column).filter(|view| !column.holds(view));
            hidden.map_or(Cell::Empty, |view| column.exact_cell(&view))
        }));
        if self.has_absent {
            let absent = self
                .columns
                .iter()
                .filter(|column| column.default_cell() != Cell::Empty && value(column).is_none());
            let absent: Vec<Value> =
                absent.map(|column| Value::from(column.property.as_str())).collect();
            cells.push(if absent.is_empty() {
                Cell::Empty
            } else {
                let absent = Value::List(absent);
                let cell =
                    format_cell(PropertyType::Any, PropertyDefault::None, &View::Value(&absent));
                Cell::from(cell.to_string())
            });
        }
        cells[1..].iter().any(|cell| *cell != Cell::Empty).then_some(cells)
    }
}

/// A column of the workbook.
pub(super) struct Column {
    pub property: String,
    pub heading: String,
    type_: PropertyType,
    default: PropertyDefault,
}

impl Column {
    fn known(kind: Kind, property: &'static Property) -> Self {
        Self {
            property: property.name.to_owned(),
            heading: heading_of(kind, property.name).to_owned(),
            type_: property.type_,
            default: property.default,
        }
    }

    fn custom(property: String) -> Self {
        Self {
            heading: property.clone(),
            property,
            type_: PropertyType::Any,
            default: PropertyDefault::None,
        }
    }

    /// The cell that an import reads as this value.
    fn exact_cell<'a>(&self, view: &View<'a>) -> Cell<'a> {
        format_cell(self.type_, self.default, view)
    }

    /// The cell of a record that lacks the property: the default of eNMS, which fails on an empty
    /// cell of a number and takes an empty cell for an empty text.
    pub(super) fn default_cell(&self) -> Cell<'static> {
        match self.default.view() {
            Some(View::Text("")) | None => Cell::Empty,
            Some(view) => format_cell(self.type_, self.default, &view),
        }
    }

    /// The cell of a value in the sheet of the kind, which eNMS can read.
    pub(super) fn cell<'a>(&self, view: &View<'a>) -> Cell<'a> {
        match Special::of(view) {
            Some(Special::Null) => self.default_cell(),
            Some(Special::EmptyText) => Cell::Empty,
            None => self.exact_cell(view),
        }
    }

    /// Returns whether the sheet of the kind holds a value, so that an import reads it back.
    fn holds(&self, view: &View<'_>) -> bool {
        match Special::of(view) {
            Some(Special::Null) => false,
            Some(Special::EmptyText) => self.exact_cell(view) == Cell::Empty,
            None => true,
        }
    }
}

/// A value that eNMS cannot read from a cell, but that has a substitute.
enum Special {
    Null,
    EmptyText,
}

impl Special {
    fn of(view: &View<'_>) -> Option<Self> {
        match view {
            View::Null => Some(Self::Null),
            View::Text("") => Some(Self::EmptyText),
            View::Value(value) => match value.plain() {
                Value::Null => Some(Self::Null),
                Value::Text(text) if text.is_empty() => Some(Self::EmptyText),
                _ => None,
            },
            View::Text(_) | View::Bool(_) | View::Int(_) | View::Float(_) | View::Texts(_) => None,
        }
    }
}

/// The values of a property, for the column that they get.
#[derive(Clone, Copy, Debug, Default)]
struct Values {
    /// The number of records that have the property.
    count: u64,
    /// Returns whether a value has a cell.
    has_cell: bool,
    /// Returns whether the sheet of the kind cannot hold a value.
    is_hidden: bool,
}

/// The type of the cells of a custom property.
#[derive(Clone, Copy, Debug, PartialEq)]
enum CustomCells {
    Texts,
    Numbers,
    Booleans,
    /// Cells of several types, or cells that eNMS cannot read: lists, maps, null, times.
    Others,
}

impl CustomCells {
    fn of(view: &View<'_>) -> Self {
        let value = match view {
            View::Value(value) => value.plain(),
            _ => return Self::Others,
        };
        let cell = format_cell(PropertyType::Any, PropertyDefault::None, view);
        match (value, cell) {
            (Value::Text(_), Cell::Text(_)) => Self::Texts,
            (Value::Int(_) | Value::Float(_), Cell::Number(_)) => Self::Numbers,
            (Value::Bool(_), Cell::Bool(_)) => Self::Booleans,
            _ => Self::Others,
        }
    }
}

/// The values of a custom property, for the column that it gets.
#[derive(Clone, Copy, Debug, Default)]
struct CustomValues {
    /// The number of records that have a value other than null and the empty text.
    count: u64,
    /// The type of the cells of these values.
    cells: Option<CustomCells>,
    /// Returns whether a record has null or the empty text.
    is_hidden: bool,
}

impl CustomValues {
    fn add(&mut self, view: &View<'_>) {
        if Special::of(view).is_some() {
            self.is_hidden = true;
            return;
        }
        self.count += 1;
        let cells = CustomCells::of(view);
        self.cells = match self.cells {
            Some(known) if known != cells => Some(CustomCells::Others),
            Some(_) | None => Some(cells),
        };
    }

    /// Returns whether eNMS can read the column in the sheet of the kind. eNMS converts each cell to the type
    /// that its site gives to the property. One cell that it cannot convert, such as an empty one
    /// for a number, ends its import.
    fn is_readable(&self, records: u64) -> bool {
        match self.cells {
            Some(CustomCells::Texts) => true,
            Some(CustomCells::Numbers | CustomCells::Booleans) => self.count == records,
            Some(CustomCells::Others) | None => false,
        }
    }
}

/// The values of all records of a kind, for the columns of their sheets.
pub(super) struct Survey {
    kind: Kind,
    records: u64,
    /// By position of the property.
    known: Vec<Values>,
    custom: BTreeMap<String, CustomValues>,
}

impl Survey {
    pub(super) fn new(kind: Kind) -> Self {
        let known = vec![Values::default(); kind.properties().len()];
        Self { kind, records: 0, known, custom: BTreeMap::new() }
    }

    /// The number of custom properties so far.
    pub(super) fn custom_count(&self) -> usize {
        self.custom.len()
    }

    /// Adds a record.
    pub(super) fn add(&mut self, record: &dyn Record) {
        self.records += 1;
        for (property, view) in record.views(Secrets::LeftOut) {
            match self.kind.position(property) {
                Some(at) => {
                    let column = Column::known(self.kind, &self.kind.properties()[at]);
                    let values = &mut self.known[at];
                    values.count += 1;
                    // Only a text can become an empty cell.
                    values.has_cell |=
                        !matches!(view, View::Text("")) || column.exact_cell(&view) != Cell::Empty;
                    values.is_hidden |= !column.holds(&view);
                }
                None => match self.custom.get_mut(property) {
                    Some(values) => values.add(&view),
                    None => {
                        self.custom.entry(property.to_owned()).or_default().add(&view);
                    }
                },
            }
        }
    }

    /// The columns. `is_exported` decides about each custom property.
    pub(super) fn layout(self, mut is_exported: impl FnMut(&str) -> bool) -> Layout {
        let Self { kind, records, known, custom } = self;
        let first = first_columns(kind);
        let mut properties: Vec<(&'static Property, Values)> = kind
            .properties()
            .iter()
            .zip(known)
            // A sheet without records still has the column of names.
            .filter(|(property, values)| values.has_cell || property.type_ == PropertyType::Name)
            .collect();
        let position = |property: &Property| first.iter().position(|name| *name == property.name);
        properties.sort_by_key(|(property, _)| position(property).unwrap_or(first.len()));
        let (mut columns, mut beside) = (Vec::new(), Vec::new());
        let mut hidden = Vec::new();
        let mut has_absent = false;
        for (property, values) in properties {
            let column = Column::known(kind, property);
            let is_tree = matches!(property.type_, PropertyType::Many(_) | PropertyType::Any);
            if is_tree || property.name == TYPE {
                beside.push(column);
                continue;
            }
            if values.is_hidden {
                hidden.push(columns.len());
            }
            has_absent |= values.count < records && column.default_cell() != Cell::Empty;
            columns.push(column);
        }
        for (property, values) in custom {
            if !is_exported(&property) {
                continue;
            }
            // The sheet of relations has a column with the heading ABSENT.
            let is_beside = property != ABSENT
                && (!values.is_readable(records) || is_attribute_of_enms(kind, &property));
            if is_beside {
                beside.push(Column::custom(property));
            } else {
                hidden.extend(values.is_hidden.then_some(columns.len()));
                columns.push(Column::custom(property));
            }
        }
        Layout { columns, beside, hidden, has_absent }
    }
}

/// Returns whether eNMS has an attribute of this name that is not a property in Satchel.
fn is_attribute_of_enms(kind: Kind, property: &str) -> bool {
    ATTRIBUTES_OF_ENMS.contains(&property)
        || header::meaning(kind, property) == Meaning::Ignored(Ignored::Computed)
}
