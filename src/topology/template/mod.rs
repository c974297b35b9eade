//! Templates: workbooks without records that a person fills in.
//!
//! Each sheet has every column of its kind, also the custom properties of the inventory. Headings
//! have notes, columns have the formats and lists of their types, and one row is an example, which
//! an import leaves out.
//!
//! ```text
//! columns   the meaning, the example and the known values of each property
//! example   the example row, and how an import recognises it
//! ```

mod columns;
mod example;

use std::collections::BTreeSet;

pub(super) use example::{EXAMPLE_NAME, ExampleCheck, Examples};

use super::{
    ExportRequest, KINDS, SheetReport, TopologyError,
    first_columns::first_columns,
    header::{self, Meaning},
    written::{WrittenWorkbook, exported_records},
};
use crate::{
    codec::workbook::{AcceptedValues, Cell, ColumnGuide, Format, WorkbookWriter, WriteError},
    job::{Progress, Step},
    model::{Kind, Property, PropertyType, Secrets, text_of},
    store::{Snapshot, Store},
};

/// Writes the sheets of a template.
///
/// # Errors
/// [`TopologyError::Write`] if the format cannot hold the template, [`TopologyError::Store`].
pub(super) fn write(
    store: &Store,
    request: &ExportRequest,
    progress: &Progress,
) -> Result<WrittenWorkbook, TopologyError> {
    let format = request.name.format();
    let snapshot = store.snapshot()?;
    let mut workbook = WorkbookWriter::new(format, &store.directory().scratch())?;
    progress.step(Step::Exporting, Some(exported_records(&snapshot)))?;
    let mut sheets = Vec::new();
    for kind in KINDS {
        let columns = Column::all(kind, &snapshot, format.columns_max() as usize, progress)?;
        workbook
            .begin_sheet(kind.as_str(), columns.iter().map(|column| column.heading.as_str()))?;
        let guides: Vec<_> = columns.iter().map(|column| column.guide(kind)).collect();
        workbook.guide_columns(&guides)?;
        workbook.row(columns.iter().map(|column| column.example(kind)))?;
        let columns = columns.len() as u64;
        sheets.push(SheetReport { sheet: kind, name: None, header_row: None, rows: 1, columns });
    }
    Ok(WrittenWorkbook { workbook, sheets, warnings: Vec::new() })
}

/// A column of a template.
struct Column {
    heading: String,
    /// `None` for a custom property.
    property: Option<&'static Property>,
}

impl Column {
    /// Returns the columns of a kind's sheet: the properties in the order of an export, then the custom
    /// properties of the inventory.
    ///
    /// # Errors
    /// - [`TopologyError::Write`] with [`WriteError::Columns`] if there are more than `columns_max`.
    /// - [`TopologyError::Store`] if the inventory cannot be read or the export was cancelled.
    fn all(
        kind: Kind,
        snapshot: &Snapshot,
        columns_max: usize,
        progress: &Progress,
    ) -> Result<Vec<Self>, TopologyError> {
        let first = first_columns(kind);
        let position = |property: &Property| first.iter().position(|name| *name == property.name);
        let shown = kind.properties().iter().filter(|property| !property.type_.is_secret());
        let mut known: Vec<&'static Property> = shown.collect();
        known.sort_by_key(|property| position(property).unwrap_or(first.len()));
        let mut columns: Vec<Self> = known
            .into_iter()
            .map(|property| Self {
                heading: header::heading_of(kind, property.name).to_owned(),
                property: Some(property),
            })
            .collect();
        let mut custom = BTreeSet::new();
        for entry in snapshot.scan_raw(kind) {
            let (name, raw) = entry?;
            progress.advance(1)?;
            for (property, _) in raw.record(kind, &name)?.views(Secrets::LeftOut) {
                let is_column = property.trim() == property
                    && header::fits(property)
                    && header::meaning(kind, property) == Meaning::Custom;
                if is_column && !custom.contains(property) {
                    custom.insert(property.to_owned());
                }
            }
            if columns.len() + custom.len() > columns_max {
                let format = Format::Xlsx;
                return Err(WriteError::Columns { sheet: kind.to_string(), format }.into());
            }
        }
        columns.extend(custom.into_iter().map(|heading| Self { heading, property: None }));
        Ok(columns)
    }

    /// The note of the heading, and the values that the column accepts.
    fn guide(&self, kind: Kind) -> ColumnGuide {
        let Some(property) = self.property else {
            let note = "A custom property of this inventory. Texts, numbers, TRUE and FALSE keep \
                        their type. Every user who can see the record sees the value.";
            return ColumnGuide { note: note.to_owned(), values: AcceptedValues::Anything };
        };
        let known = columns::of(kind, property.name);
        let mut note = known.map_or_else(String::new, |known| known.meaning.to_owned());
        note += &format!("\nType: {}.", property.type_);
        match property.type_ {
            PropertyType::Name => {
                note += &format!(
                    "\nThe row with the name '{EXAMPLE_NAME}' is an example. An import leaves it out. \
                     Type over the whole row, or delete it."
                );
            }
            PropertyType::Many(_) => note += " Write ['one', 'two'], or [] for an empty list.",
            PropertyType::Bool => note += " Write TRUE or FALSE.",
            PropertyType::Text
            | PropertyType::Int
            | PropertyType::Float
            | PropertyType::Any
            | PropertyType::One(_)
            | PropertyType::Secret => {}
        }
        match property.default.view().map(|view| text_of(&view)) {
            Some(default) if !default.is_empty() => {
                note += &format!("\nIn a new record, an empty cell means {default}.");
            }
            Some(_) | None => {}
        }
        let values = match (property.type_, known.map_or(&[][..], |known| known.known_values)) {
            (PropertyType::Int, _) => AcceptedValues::Integers,
            (PropertyType::Bool, _) => AcceptedValues::Booleans,
            (PropertyType::Float, _) => AcceptedValues::Anything,
            (_, []) => AcceptedValues::Texts,
            (_, values) => AcceptedValues::Listed(values),
        };
        ColumnGuide { note, values }
    }

    /// The cell of the example row.
    fn example(&self, kind: Kind) -> Cell<'static> {
        let Some(property) = self.property else { return Cell::Empty };
        let text = columns::of(kind, property.name).map_or("", |known| known.example.text());
        match property.type_ {
            PropertyType::Name => Cell::from(EXAMPLE_NAME),
            PropertyType::Int | PropertyType::Float => {
                text.parse().map_or_else(|_| Cell::from(text), Cell::Number)
            }
            PropertyType::Bool if !text.is_empty() => Cell::Bool(text == "True"),
            PropertyType::Bool
            | PropertyType::Text
            | PropertyType::Any
            | PropertyType::One(_)
            | PropertyType::Many(_)
            | PropertyType::Secret => Cell::from(text),
        }
    }
}
