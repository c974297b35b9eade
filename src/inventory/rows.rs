//! From a selection to the rows of an answer.

use super::{
    Direction, Flow, InventoryError, Order, Rows, Shown,
    columns::Columns,
    look::Look,
    order::{Sorting, key},
    selection::{Found, Selection},
    shown::Own,
    word::{Use, Word},
};
use crate::{
    model::{Kind, View},
    store::{Raw, StoreError, Stored},
};

/// The property of a row that stands for a damaged record.
const DAMAGED: &str = "damaged";

/// What an answer is made of.
pub(super) struct Answer {
    pub selection: Selection,
    /// None: by name.
    pub order: Option<Ordering>,
    pub start: u64,
    /// None: all.
    pub limit: Option<u64>,
    pub shape: Shape,
}

/// How rows are sorted.
pub(super) struct Ordering {
    column: Columns,
    direction: Direction,
}

impl Ordering {
    /// None, where it is the order in which records come: by name.
    pub fn resolve(
        look: &Look<'_>,
        kind: Kind,
        order: Option<&Order>,
    ) -> Result<Option<Self>, InventoryError> {
        let Some(Order { property, direction }) = order else { return Ok(None) };
        let word = Word::resolve(look, kind, property, Use::Show)?;
        Ok(match (&word, direction) {
            (Word::Name, Direction::Ascending) => None,
            _ => Some(Self { column: Columns::new(kind, vec![word]), direction: *direction }),
        })
    }
}

/// What a row shows.
pub(super) enum Shape {
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
        look: &Look<'_>,
        kind: Kind,
        names: &[String],
        adjust: impl Fn(Word) -> Word,
    ) -> Result<Self, InventoryError> {
        let mut known: Vec<String> = Vec::new();
        let mut words = Vec::new();
        for name in names {
            if !known.contains(name) {
                words.push(adjust(Word::resolve(look, kind, name, Use::Show)?));
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
        look: &Look<'_>,
        kind: Kind,
        found: Found<'_>,
        rows: &mut Rows<'_>,
    ) -> Result<Flow, InventoryError> {
        match found {
            Found::Record(name, raw) => match self.give_record(look, kind, name, raw, rows) {
                Err(InventoryError::Store(error)) if error.is_damage() => {
                    give_damaged(look, Some(name), error, rows)
                }
                given => given,
            },
            Found::Damaged(name, error) => give_damaged(look, name, error, rows),
        }
    }

    fn give_record(
        &self,
        look: &Look<'_>,
        kind: Kind,
        name: &str,
        raw: &Raw,
        rows: &mut Rows<'_>,
    ) -> Result<Flow, InventoryError> {
        let version = raw.header.version;
        Ok(match self {
            Shape::Own => {
                let record = raw.record(kind, name.as_bytes())?;
                let stored = Stored { record, ordinal: raw.header.ordinal, version };
                let own = Own::read(look, &stored)?;
                rows(&Shown { version, properties: &own.properties(&*stored.record) })
            }
            Shape::Columns { names, columns } => {
                let seen = columns.see(look, name, raw)?;
                let properties: Vec<(&str, View<'_>)> =
                    names.iter().zip(&seen).map(|(name, seen)| (&**name, seen.view())).collect();
                rows(&Shown { version, properties: &properties })
            }
        })
    }
}

/// Gives the row of a damaged record: its name, if it is known, and what is wrong.
fn give_damaged(
    look: &Look<'_>,
    name: Option<&str>,
    error: StoreError,
    rows: &mut Rows<'_>,
) -> Result<Flow, InventoryError> {
    let sentence = error.to_string();
    let named = error.damage().and_then(|damage| damage.name);
    let name = name.or(named.as_deref()).map_or(View::Null, View::Text);
    look.note_damage(error)?;
    let properties = [("name", name), (DAMAGED, View::Text(&sentence))];
    Ok(rows(&Shown { version: 0, properties: &properties }))
}

impl Answer {
    /// Gives the rows one after the other, and says how many records are selected in all. Where
    /// the one who asked leaves, they are no longer counted.
    pub fn give(self, look: &Look<'_>, rows: &mut Rows<'_>) -> Result<u64, InventoryError> {
        match &self.order {
            None if self.selection.is_everything() => self.give_everything(look, rows),
            None => self.give_by_name(look, rows),
            Some(order) => self.give_in_order(order, look, rows),
        }
    }

    /// A page of all records: nothing is decoded but its rows.
    fn give_everything(&self, look: &Look<'_>, rows: &mut Rows<'_>) -> Result<u64, InventoryError> {
        let kind = self.selection.kind;
        let total = look.reading.summary()?.kind(kind).count;
        let mut left = self.limit;
        if left != Some(0) && self.start < total {
            self.selection.each(look, self.start, |found| {
                let flow = self.shape.give(look, kind, found, rows)?;
                left = left.map(|left| left - 1);
                Ok(if left == Some(0) { Flow::Stop } else { flow })
            })?;
        }
        Ok(total)
    }

    fn give_by_name(&self, look: &Look<'_>, rows: &mut Rows<'_>) -> Result<u64, InventoryError> {
        let kind = self.selection.kind;
        let end = self.limit.map_or(u64::MAX, |limit| self.start.saturating_add(limit));
        let mut selected = 0;
        self.selection.each(look, 0, |found| {
            selected += 1;
            if selected > self.start && selected <= end {
                self.shape.give(look, kind, found, rows)
            } else {
                Ok(Flow::Go)
            }
        })?;
        Ok(selected)
    }

    fn give_in_order(
        &self,
        order: &Ordering,
        look: &Look<'_>,
        rows: &mut Rows<'_>,
    ) -> Result<u64, InventoryError> {
        let kind = self.selection.kind;
        let wanted = self.limit.map(|limit| self.start.saturating_add(limit));
        let mut sorting = Sorting::new(wanted, &look.store().directory().scratch());
        let mut selected = 0;
        self.selection.each(look, 0, |found| {
            selected += 1;
            match found {
                Found::Record(name, raw) => match order.column.see(look, name, raw) {
                    Ok(seen) => {
                        let key = seen.first().map(|seen| key(&seen.view(), order.direction));
                        sorting.push(key.unwrap_or_default(), name)?;
                        Ok(Flow::Go)
                    }
                    Err(InventoryError::Store(error)) if error.is_damage() => {
                        give_damaged(look, Some(name), error, rows)
                    }
                    Err(error) => Err(error),
                },
                // It has no place in the order: it comes first, on every page.
                Found::Damaged(name, error) => give_damaged(look, name, error, rows),
            }
        })?;
        sorting.finish(self.start, self.limit, |name| {
            // It may have gone since it was found.
            match look.reading.get_raw(kind, name) {
                Ok(Some(raw)) => self.shape.give(look, kind, Found::Record(name, &raw), rows),
                Ok(None) => Ok(Flow::Go),
                Err(error) if error.is_damage() => give_damaged(look, Some(name), error, rows),
                Err(error) => Err(error.into()),
            }
        })?;
        Ok(selected)
    }
}
