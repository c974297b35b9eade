//! The rows of a result, from a selection of records.

use super::{
    Direction, Flow, InstanceRow, Order, RowSink, RowState,
    columns::Columns,
    instance::{OwnProperties, POOLS_INCOMPLETE},
    order::{RowSorter, key},
    property::{PropertyRef, Purpose},
    selection::{Candidate, Selection},
    session::ReadSession,
};
use crate::{
    inventory::InventoryError,
    model::{Kind, View},
    store::{Raw, StoreError, Stored},
};

/// The property that marks the row of a damaged record.
const DAMAGED: &str = "damaged";

/// A page of rows: its records, order and columns.
pub(in crate::inventory) struct RowQuery {
    pub selection: Selection,
    /// `None` to sort by name.
    pub order: Option<RowOrder>,
    /// The number of rows to skip.
    pub start: u64,
    /// The largest number of rows; `None` for all.
    pub limit: Option<u64>,
    pub shape: RowShape,
}

/// The order of rows.
pub(in crate::inventory) struct RowOrder {
    column: Columns,
    direction: Direction,
}

impl RowOrder {
    /// Resolves an order. Returns `None` for the order by name, in which records are stored.
    ///
    /// # Errors
    /// As [`PropertyRef::resolve`].
    pub(super) fn resolve(
        session: &ReadSession<'_>,
        kind: Kind,
        order: Option<&Order>,
    ) -> Result<Option<Self>, InventoryError> {
        let Some(Order { property, direction }) = order else { return Ok(None) };
        let property = PropertyRef::resolve(session, kind, property, Purpose::Display)?;
        Ok(match (&property, direction) {
            (PropertyRef::Name, Direction::Ascending) => None,
            _ => Some(Self { column: Columns::new(kind, vec![property]), direction: *direction }),
        })
    }
}

/// The columns of a row.
pub(in crate::inventory) enum RowShape {
    /// The record's own properties, without its referrers.
    Own,
    Columns {
        names: Vec<String>,
        columns: Columns,
    },
}

impl RowShape {
    /// Resolves column names, without duplicates. Without names, the columns are the record's own
    /// properties.
    ///
    /// # Errors
    /// As [`PropertyRef::resolve`].
    pub(super) fn resolve(
        session: &ReadSession<'_>,
        kind: Kind,
        names: &[String],
        adjust: impl Fn(PropertyRef) -> PropertyRef,
    ) -> Result<Self, InventoryError> {
        let mut known: Vec<String> = Vec::new();
        let mut properties = Vec::new();
        for name in names {
            if !known.contains(name) {
                properties.push(adjust(PropertyRef::resolve(
                    session,
                    kind,
                    name,
                    Purpose::Display,
                )?));
                known.push(name.clone());
            }
        }
        Ok(if known.is_empty() {
            RowShape::Own
        } else {
            RowShape::Columns { names: known, columns: Columns::new(kind, properties) }
        })
    }

    /// Sends the row of a record. A damaged record has a row with the damage, so that the user
    /// notices it and still gets the other records.
    fn send(
        &self,
        session: &ReadSession<'_>,
        kind: Kind,
        found: Candidate<'_>,
        rows: &mut RowSink<'_>,
    ) -> Result<Flow, InventoryError> {
        match found {
            Candidate::Record(name, raw) => {
                match self.send_record(session, kind, name, raw, rows) {
                    Err(InventoryError::Store(error)) if error.is_damage() => {
                        send_damaged(session, Some(name), error, rows)
                    }
                    given => given,
                }
            }
            Candidate::Damaged(name, error) => send_damaged(session, name, error, rows),
        }
    }

    fn send_record(
        &self,
        session: &ReadSession<'_>,
        kind: Kind,
        name: &str,
        raw: &Raw,
        rows: &mut RowSink<'_>,
    ) -> Result<Flow, InventoryError> {
        let version = raw.header.version;
        let ordinal = raw.header.ordinal;
        let state = RowState::Read;
        Ok(match self {
            RowShape::Own => {
                let record = raw.record(kind, name.as_bytes())?;
                let stored = Stored { record, ordinal, version };
                let own = OwnProperties::read(session, &stored)?;
                let mut properties = own.properties(&*stored.record);
                session.filter_properties(kind, &mut properties)?;
                rows(&InstanceRow { version, ordinal, state, properties: &properties })
            }
            RowShape::Columns { names, columns } => {
                let values = columns.values(session, name, raw)?;
                let mut properties: Vec<(&str, View<'_>)> = names
                    .iter()
                    .zip(&values)
                    .map(|(name, value)| (&**name, value.view()))
                    .collect();
                if columns.show_pools() && session.pools_are_incomplete()? {
                    properties.push((POOLS_INCOMPLETE, View::Bool(true)));
                }
                rows(&InstanceRow { version, ordinal, state, properties: &properties })
            }
        })
    }
}

/// Sends the row of a damaged record: its name, if it is known, and the damage.
fn send_damaged(
    session: &ReadSession<'_>,
    name: Option<&str>,
    error: StoreError,
    rows: &mut RowSink<'_>,
) -> Result<Flow, InventoryError> {
    let sentence = error.to_string();
    let named = error.damage().and_then(|damage| damage.name);
    let name = name.or(named.as_deref()).map_or(View::Null, View::Text);
    session.note_damage(error)?;
    let properties = [("name", name), (DAMAGED, View::Text(&sentence))];
    let state = RowState::Damaged;
    Ok(rows(&InstanceRow { version: 0, ordinal: 0, state, properties: &properties }))
}

/// Sends the rows of queries of several kinds one after the other, as one page, and returns the number
/// of selected records. The parts have the same start and limit.
///
/// # Errors
/// [`InventoryError::Store`] if the inventory cannot be read.
pub(in crate::inventory) fn send_parts(
    parts: Vec<RowQuery>,
    session: &ReadSession<'_>,
    rows: &mut RowSink<'_>,
) -> Result<u64, InventoryError> {
    let mut flow = Flow::Continue;
    let mut sent: u64 = 0;
    let mut selected: u64 = 0;
    for mut part in parts {
        if flow == Flow::Stop {
            break;
        }
        part.start = part.start.saturating_sub(selected);
        part.limit = part.limit.map(|limit| limit.saturating_sub(sent));
        selected += part.send(session, &mut |row| {
            sent += 1;
            flow = rows(row);
            flow
        })?;
    }
    Ok(selected)
}

impl RowQuery {
    /// Sends the rows one after the other, and returns the number of selected records. Counting ends
    /// when the receiver wants no more rows.
    ///
    /// # Errors
    /// [`InventoryError::Store`] if the inventory cannot be read.
    pub(super) fn send(
        self,
        session: &ReadSession<'_>,
        rows: &mut RowSink<'_>,
    ) -> Result<u64, InventoryError> {
        match &self.order {
            None if self.selection.is_everything() && session.shows_everything() => {
                self.send_everything(session, rows)
            }
            None => self.send_by_name(session, rows),
            Some(order) => self.send_in_order(order, session, rows),
        }
    }

    /// Sends a page of all records. Only the rows of the page are decoded.
    fn send_everything(
        &self,
        session: &ReadSession<'_>,
        rows: &mut RowSink<'_>,
    ) -> Result<u64, InventoryError> {
        let kind = self.selection.kind;
        let total = session.reading.summary()?.kind(kind).count;
        let mut left = self.limit;
        if left != Some(0) && self.start < total {
            self.selection.each(session, self.start, |found| {
                let flow = self.shape.send(session, kind, found, rows)?;
                left = left.map(|left| left - 1);
                Ok(if left == Some(0) { Flow::Stop } else { flow })
            })?;
        }
        Ok(total)
    }

    /// Sends a page of the selected records, sorted by name.
    fn send_by_name(
        &self,
        session: &ReadSession<'_>,
        rows: &mut RowSink<'_>,
    ) -> Result<u64, InventoryError> {
        let kind = self.selection.kind;
        let end = self.limit.map_or(u64::MAX, |limit| self.start.saturating_add(limit));
        let mut selected = 0;
        self.selection.each(session, 0, |found| {
            selected += 1;
            if selected > self.start && selected <= end {
                self.shape.send(session, kind, found, rows)
            } else {
                Ok(Flow::Continue)
            }
        })?;
        Ok(selected)
    }

    /// Sends a page of the selected records in another order.
    fn send_in_order(
        &self,
        order: &RowOrder,
        session: &ReadSession<'_>,
        rows: &mut RowSink<'_>,
    ) -> Result<u64, InventoryError> {
        let kind = self.selection.kind;
        let wanted = self.limit.map(|limit| self.start.saturating_add(limit));
        let mut sorting = RowSorter::new(wanted, &session.store().directory().scratch());
        let mut selected = 0;
        self.selection.each(session, 0, |found| {
            selected += 1;
            match found {
                Candidate::Record(name, raw) => match order.column.values(session, name, raw) {
                    Ok(values) => {
                        let key = values.first().map(|value| key(&value.view(), order.direction));
                        sorting.push(key.unwrap_or_default(), name)?;
                        Ok(Flow::Continue)
                    }
                    Err(InventoryError::Store(error)) if error.is_damage() => {
                        send_damaged(session, Some(name), error, rows)
                    }
                    Err(error) => Err(error),
                },
                // Its position in the order is unknown, so it is the first row of every page.
                Candidate::Damaged(name, error) => send_damaged(session, name, error, rows),
            }
        })?;
        sorting.finish(self.start, self.limit, |name| {
            // It might have been removed since it was found.
            match session.reading.get_raw(kind, name) {
                Ok(Some(raw)) => {
                    self.shape.send(session, kind, Candidate::Record(name, &raw), rows)
                }
                Ok(None) => Ok(Flow::Continue),
                Err(error) if error.is_damage() => send_damaged(session, Some(name), error, rows),
                Err(error) => Err(error.into()),
            }
        })?;
        Ok(selected)
    }
}
