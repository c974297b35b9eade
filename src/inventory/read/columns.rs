//! The values of several properties of one record, read in one pass over its bytes.

use super::{
    lines::matching_lines,
    match_time::{end_of_record, too_slow},
    property::PropertyRef,
    session::{ReadSession, corrupt, shows_pools},
};
use crate::{
    inventory::InventoryError,
    model::{Kind, Projected, Projection, PropertyDefault, PropertyPosition, Target, View},
    store::Raw,
};

/// The columns of a result, or the properties that predicates compare.
pub(in crate::inventory) struct Columns {
    kind: Kind,
    columns: Vec<Column>,
    projection: Projection,
}

struct Column {
    property: PropertyRef,
    /// Its index in the projection, if it is stored in the record's bytes.
    at: Option<usize>,
}

/// The value of a column.
#[derive(Debug)]
pub(in crate::inventory) enum ColumnValue<'a> {
    View(View<'a>),
    /// A nested value, which cannot be borrowed from bytes.
    Projected(Projected<'a>),
    Names(Vec<String>),
    Text(String),
}

impl ColumnValue<'_> {
    /// A view of the value.
    pub(super) fn view(&self) -> View<'_> {
        match self {
            ColumnValue::View(view) => view.clone(),
            ColumnValue::Projected(projected) => projected.view(),
            ColumnValue::Names(names) => View::Texts(names.iter().map(String::as_str).collect()),
            ColumnValue::Text(text) => View::Text(text),
        }
    }
}

impl Columns {
    /// Columns for properties of one kind.
    pub(super) fn new(kind: Kind, properties: Vec<PropertyRef>) -> Self {
        let projection = Projection::new(
            properties.iter().filter_map(|property| property.position(kind)).collect(),
        );
        let columns = properties.into_iter().map(|property| {
            let at = property.position(kind).and_then(|position| projection.position(&position));
            Column { property, at }
        });
        Self { kind, columns: columns.collect(), projection }
    }

    /// Returns whether one of the columns shows the pools of a record.
    pub(super) fn show_pools(&self) -> bool {
        self.columns.iter().any(|column| match &column.property {
            PropertyRef::Relation(relation) => shows_pools(relation),
            PropertyRef::Name
            | PropertyRef::Property { .. }
            | PropertyRef::Custom { .. }
            | PropertyRef::Members(_)
            | PropertyRef::MemberCount(_)
            | PropertyRef::LongText(_)
            | PropertyRef::Lines { .. } => false,
        })
    }

    /// The values of the columns for one record, in the order of the columns.
    pub(super) fn values<'a>(
        &self,
        session: &ReadSession<'_>,
        name: &'a str,
        raw: &'a Raw,
    ) -> Result<Vec<ColumnValue<'a>>, InventoryError> {
        let mut projected = if self.projection.is_empty() {
            Vec::new()
        } else {
            let projected = raw.project(self.kind, &self.projection);
            projected.map_err(|error| corrupt(self.kind, name, error))?
        };
        let mut values = Vec::with_capacity(self.columns.len());
        for (number, column) in self.columns.iter().enumerate() {
            // If a later column shows the same value, this one needs a copy.
            let is_needed_again =
                self.columns[number + 1..].iter().any(|other| other.at == column.at);
            let found = column.at.and_then(|at| {
                if is_needed_again { projected[at].clone() } else { projected[at].take() }
            });
            values.push(column.property.value(session, self.kind, name, raw, found)?);
        }
        Ok(values)
    }
}

impl PropertyRef {
    /// The position of the column in a record's bytes, if it is stored there.
    fn position(&self, kind: Kind) -> Option<PropertyPosition> {
        match self {
            PropertyRef::Property { position, .. } | PropertyRef::Custom { position, .. } => {
                Some(position.clone())
            }
            PropertyRef::Members(side) => Some(PropertyPosition::of(kind, side.list())),
            PropertyRef::MemberCount(side) => Some(PropertyPosition::of(kind, side.list())),
            PropertyRef::Name
            | PropertyRef::Relation(_)
            | PropertyRef::LongText(_)
            | PropertyRef::Lines { .. } => None,
        }
    }

    /// Returns whether the column is read from the record's bytes alone, without other records or
    /// texts.
    pub(super) fn is_stored(&self) -> bool {
        match self {
            PropertyRef::Name | PropertyRef::Property { .. } | PropertyRef::Custom { .. } => true,
            PropertyRef::Relation(_)
            | PropertyRef::Members(_)
            | PropertyRef::MemberCount(_)
            | PropertyRef::LongText(_)
            | PropertyRef::Lines { .. } => false,
        }
    }

    /// The value of the column for a record. `found` is the value at its position in the record's
    /// bytes.
    fn value<'a>(
        &self,
        session: &ReadSession<'_>,
        kind: Kind,
        name: &'a str,
        raw: &'a Raw,
        found: Option<Projected<'a>>,
    ) -> Result<ColumnValue<'a>, InventoryError> {
        Ok(match self {
            PropertyRef::Name => ColumnValue::View(View::Text(name)),
            PropertyRef::Property { property, .. } => match found {
                Some(Projected::View(view)) => {
                    let shown = property.shown(Some(view));
                    ColumnValue::View(match property.type_.relation() {
                        Some((_, target)) => session.filter(target, shown)?,
                        None => shown,
                    })
                }
                Some(value @ Projected::Value(_)) => ColumnValue::Projected(value),
                None => ColumnValue::View(property.shown(None)),
            },
            PropertyRef::Custom { default, .. } => match found {
                Some(value) => ColumnValue::Projected(value),
                None => {
                    let default = default.as_ref().and_then(PropertyDefault::view);
                    ColumnValue::View(default.unwrap_or(View::Null))
                }
            },
            PropertyRef::Relation(relation) => {
                ColumnValue::Names(session.related(kind, relation, name, raw)?)
            }
            PropertyRef::Members(side) => {
                let target = Target::Kind(side.kind());
                match (session.computed()?.get(raw.header.ordinal), found) {
                    (Some(_), _) => {
                        let mut names = session.reading.members(raw.header.ordinal, *side)?;
                        session.retain_shown(target, &mut names)?;
                        ColumnValue::Names(names)
                    }
                    (None, Some(Projected::View(View::Texts(names)))) => {
                        ColumnValue::View(session.filter(target, View::Texts(names))?)
                    }
                    (None, _) => ColumnValue::Names(Vec::new()),
                }
            }
            PropertyRef::MemberCount(side) => {
                let pool = raw.header.ordinal;
                let target = Target::Kind(side.kind());
                let count = match (session.computed()?.get(pool), found) {
                    (Some(_), _) if session.shows_everything() => {
                        session.reading.member_count(pool, *side)?
                    }
                    (Some(_), _) => {
                        let mut names = session.reading.members(pool, *side)?;
                        session.retain_shown(target, &mut names)?;
                        names.len() as u64
                    }
                    (None, Some(Projected::View(View::Texts(mut names)))) => {
                        session.retain_shown(target, &mut names)?;
                        names.len() as u64
                    }
                    (None, _) => 0,
                };
                ColumnValue::View(View::Int(i64::try_from(count).unwrap_or(i64::MAX)))
            }
            PropertyRef::LongText(text) => match session.reading.text(name, text.as_str())? {
                Some(stored) => ColumnValue::Text(stored.text),
                None => ColumnValue::View(View::Null),
            },
            PropertyRef::Lines { text, comparisons, context_lines } => {
                let stored = session.reading.text(name, text.as_str())?;
                let text = stored.map(|stored| stored.text).unwrap_or_default();
                let lines = matching_lines(&text, comparisons, *context_lines, end_of_record());
                ColumnValue::Names(lines.map_err(too_slow)?)
            }
        })
    }
}
