//! From a selection to the rows of an answer.

use super::{
    Direction, Flow, InstanceRow, Order, RowSink,
    columns::Columns,
    instance::Own,
    order::{Sorting, key},
    property::{PropertyRef, Use},
    selection::{Found, Selection},
    session::ReadSession,
};
use crate::{
    inventory::InventoryError,
    model::{Kind, View},
    store::{Raw, StoreError, Stored},
};

/// The property of a row that stands for a damaged record.
const DAMAGED: &str = "damaged";

/// What an answer is made of.
pub(in crate::inventory) struct Answer {
    pub selection: Selection,
    /// None: by name.
    pub order: Option<Ordering>,
    pub start: u64,
    /// None: all.
    pub limit: Option<u64>,
    pub shape: Shape,
}

/// How rows are sorted.
pub(in crate::inventory) struct Ordering {
    column: Columns,
    direction: Direction,
}

impl Ordering {
    /// None, where it is the order in which records come: by name.
    pub fn resolve(
        session: &ReadSession<'_>,
        kind: Kind,
        order: Option<&Order>,
    ) -> Result<Option<Self>, InventoryError> {
        let Some(Order { property, direction }) = order else { return Ok(None) };
        let word = PropertyRef::resolve(session, kind, property, Use::Show)?;
        Ok(match (&word, direction) {
            (PropertyRef::Name, Direction::Ascending) => None,
            _ => Some(Self { column: Columns::new(kind, vec![word]), direction: *direction }),
        })
    }
}

/// What a row shows.
pub(in crate::inventory) enum Shape {
    /// The record's own properties.
    Own,
    Columns {
        names: Vec<String>,
        columns: Columns,
    },
}

impl Shape {
    /// The columns of these names, none of them twice; without any, the record's own properties.
    pub fn resolve(
        session: &ReadSession<'_>,
        kind: Kind,
        names: &[String],
        adjust: impl Fn(PropertyRef) -> PropertyRef,
    ) -> Result<Self, InventoryError> {
        let mut known: Vec<String> = Vec::new();
        let mut words = Vec::new();
        for name in names {
            if !known.contains(name) {
                words.push(adjust(PropertyRef::resolve(session, kind, name, Use::Show)?));
                known.push(name.clone());
            }
        }
        Ok(if known.is_empty() {
            Shape::Own
        } else {
            Shape::Columns { names: known, columns: Columns::new(kind, words) }
        })
    }

    /// Gives the row of what was found. A damaged record has a row too, which says so: it must
    /// not be missing from the answer without a word, and must not keep the others from it.
    fn give(
        &self,
        session: &ReadSession<'_>,
        kind: Kind,
        found: Found<'_>,
        rows: &mut RowSink<'_>,
    ) -> Result<Flow, InventoryError> {
        match found {
            Found::Record(name, raw) => match self.give_record(session, kind, name, raw, rows) {
                Err(InventoryError::Store(error)) if error.is_damage() => {
                    give_damaged(session, Some(name), error, rows)
                }
                given => given,
            },
            Found::Damaged(name, error) => give_damaged(session, name, error, rows),
        }
    }

    fn give_record(
        &self,
        session: &ReadSession<'_>,
        kind: Kind,
        name: &str,
        raw: &Raw,
        rows: &mut RowSink<'_>,
    ) -> Result<Flow, InventoryError> {
        let version = raw.header.version;
        Ok(match self {
            Shape::Own => {
                let record = raw.record(kind, name.as_bytes())?;
                let stored = Stored { record, ordinal: raw.header.ordinal, version };
                let own = Own::read(session, &stored)?;
                rows(&InstanceRow { version, properties: &own.properties(&*stored.record) })
            }
            Shape::Columns { names, columns } => {
                let seen = columns.see(session, name, raw)?;
                let properties: Vec<(&str, View<'_>)> =
                    names.iter().zip(&seen).map(|(name, seen)| (&**name, seen.view())).collect();
                rows(&InstanceRow { version, properties: &properties })
            }
        })
    }
}

/// Gives the row of a damaged record: its name, if it is known, and what is wrong.
fn give_damaged(
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
    Ok(rows(&InstanceRow { version: 0, properties: &properties }))
}

impl Answer {
    /// Gives the rows one after the other, and says how many records are selected in all. Where
    /// the one who asked leaves, they are no longer counted.
    pub fn give(
        self,
        session: &ReadSession<'_>,
        rows: &mut RowSink<'_>,
    ) -> Result<u64, InventoryError> {
        match &self.order {
            None if self.selection.is_everything() => self.give_everything(session, rows),
            None => self.give_by_name(session, rows),
            Some(order) => self.give_in_order(order, session, rows),
        }
    }

    /// A page of all records: nothing is decoded but its rows.
    fn give_everything(
        &self,
        session: &ReadSession<'_>,
        rows: &mut RowSink<'_>,
    ) -> Result<u64, InventoryError> {
        let kind = self.selection.kind;
        let total = session.reading.summary()?.kind(kind).count;
        let mut left = self.limit;
        if left != Some(0) && self.start < total {
            self.selection.each(session, self.start, |found| {
                let flow = self.shape.give(session, kind, found, rows)?;
                left = left.map(|left| left - 1);
                Ok(if left == Some(0) { Flow::Stop } else { flow })
            })?;
        }
        Ok(total)
    }

    fn give_by_name(
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
                self.shape.give(session, kind, found, rows)
            } else {
                Ok(Flow::Continue)
            }
        })?;
        Ok(selected)
    }

    fn give_in_order(
        &self,
        order: &Ordering,
        session: &ReadSession<'_>,
        rows: &mut RowSink<'_>,
    ) -> Result<u64, InventoryError> {
        let kind = self.selection.kind;
        let wanted = self.limit.map(|limit| self.start.saturating_add(limit));
        let mut sorting = Sorting::new(wanted, &session.store().directory().scratch());
        let mut selected = 0;
        self.selection.each(session, 0, |found| {
            selected += 1;
            match found {
                Found::Record(name, raw) => match order.column.see(session, name, raw) {
                    Ok(seen) => {
                        let key = seen.first().map(|seen| key(&seen.view(), order.direction));
                        sorting.push(key.unwrap_or_default(), name)?;
                        Ok(Flow::Continue)
                    }
                    Err(InventoryError::Store(error)) if error.is_damage() => {
                        give_damaged(session, Some(name), error, rows)
                    }
                    Err(error) => Err(error),
                },
                // It has no place in the order: it comes first, on every page.
                Found::Damaged(name, error) => give_damaged(session, name, error, rows),
            }
        })?;
        sorting.finish(self.start, self.limit, |name| {
            // It may have gone since it was found.
            match session.reading.get_raw(kind, name) {
                Ok(Some(raw)) => self.shape.give(session, kind, Found::Record(name, &raw), rows),
                Ok(None) => Ok(Flow::Continue),
                Err(error) if error.is_damage() => give_damaged(session, Some(name), error, rows),
                Err(error) => Err(error.into()),
            }
        })?;
        Ok(selected)
    }
}
