//! The records of the inventory, as far as the rows of a sheet depend on them.
//!
//! A row with the name of an existing record is a record, even if it looks like a note or a sum.
//! A cell that an export would write for the stored value changes nothing, even if another inventory
//! would refuse it.

use super::header::{Column, Header, Meaning};
use crate::{
    codec::workbook::{Cell, Row, format_cell, parse_cell},
    import::ImportError,
    model::{AnyRecord, Kind, PropertyDefault, PropertyType, Value},
    store::LiveView,
};

/// The existing records of the kind of a sheet.
pub(super) struct ExistingRecords<'i> {
    kind: Kind,
    view: &'i LiveView,
    /// The record that was looked up last, by its name.
    last: Option<(String, Option<AnyRecord>)>,
}

impl<'i> ExistingRecords<'i> {
    pub(super) fn new(kind: Kind, view: &'i LiveView) -> Self {
        Self { kind, view, last: None }
    }

    /// Returns whether the inventory has a record with the name of a row.
    ///
    /// # Errors
    /// [`ImportError::Store`] if the inventory cannot be read.
    pub(super) fn has(&self, header: &Header, row: &Row<'_>) -> Result<bool, ImportError> {
        match name_of(header, row) {
            Some(name) => Ok(self.view.contains(self.kind, &name)?),
            None => Ok(false),
        }
    }

    /// Returns the record with this name.
    ///
    /// # Errors
    /// [`ImportError::Store`] if the inventory cannot be read.
    pub(super) fn record(&mut self, name: &str) -> Result<Option<&AnyRecord>, ImportError> {
        if self.last.as_ref().is_none_or(|(last, _)| last != name) {
            let stored = self.view.get_any(self.kind, name)?.map(|stored| stored.record);
            self.last = Some((name.to_owned(), stored));
        }
        Ok(self.last.as_ref().and_then(|(_, record)| record.as_ref()))
    }

    /// Returns the stored value of a property if an export would write this cell for it.
    ///
    /// # Errors
    /// [`ImportError::Store`] if the inventory cannot be read.
    pub(super) fn value_of_cell(
        &mut self,
        name: Option<&str>,
        column: &Column,
        cell: &Cell<'_>,
    ) -> Result<Option<Value>, ImportError> {
        let Some(name) = name else { return Ok(None) };
        let Some(record) = self.record(name)? else { return Ok(None) };
        let (type_, default) = match column.meaning {
            Meaning::Property(property) => (property.type_, property.default),
            Meaning::Custom => (PropertyType::Any, PropertyDefault::None),
            Meaning::Ignored(_) => return Ok(None),
        };
        let view = record.view(column.property());
        let same = view.filter(|view| format_cell(type_, default, view) == *cell);
        Ok(same.map(|view| view.to_value()))
    }
}

/// Returns the name in a row, as an import reads it.
pub(super) fn name_of(header: &Header, row: &Row<'_>) -> Option<String> {
    let column = header.name_column()?;
    let at = row.cells.binary_search_by_key(&column, |(number, _)| *number).ok()?;
    match parse_cell(PropertyType::Name, &row.cells[at].1) {
        Ok(Some((Value::Text(name), _))) => Some(name.clone()),
        Ok(_) | Err(_) => None,
    }
}
