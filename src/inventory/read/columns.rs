//! What several words show of one record, found in one walk over its bytes.

use super::{
    lines::matching_lines,
    property::PropertyRef,
    session::{ReadSession, corrupt},
};
use crate::{
    inventory::InventoryError,
    model::{Kind, Projected, Projection, PropertyPosition, View},
    store::Raw,
};

/// Words of one kind.
pub(in crate::inventory) struct Columns {
    kind: Kind,
    columns: Vec<Column>,
    places: Projection,
}

struct Column {
    word: PropertyRef,
    /// Where it is among the places, if it is in the record's bytes.
    at: Option<usize>,
}

/// What a word shows of a record.
#[derive(Debug)]
pub(in crate::inventory) enum Seen<'a> {
    View(View<'a>),
    /// A tree, which cannot be borrowed from bytes.
    Probed(Projected<'a>),
    Names(Vec<String>),
    Text(String),
}

impl Seen<'_> {
    pub fn view(&self) -> View<'_> {
        match self {
            Seen::View(view) => view.clone(),
            Seen::Probed(probed) => probed.view(),
            Seen::Names(names) => View::Texts(names.iter().map(String::as_str).collect()),
            Seen::Text(text) => View::Text(text),
        }
    }
}

impl Columns {
    pub fn new(kind: Kind, words: Vec<PropertyRef>) -> Self {
        let places = Projection::new(words.iter().filter_map(|word| word.place(kind)).collect());
        let columns = words.into_iter().map(|word| {
            let at = word.place(kind).and_then(|place| places.position(&place));
            Column { word, at }
        });
        Self { kind, columns: columns.collect(), places }
    }

    /// What each word shows of a record, in their order.
    pub fn see<'a>(
        &self,
        session: &ReadSession<'_>,
        name: &'a str,
        raw: &'a Raw,
    ) -> Result<Vec<Seen<'a>>, InventoryError> {
        let mut probed = if self.places.is_empty() {
            Vec::new()
        } else {
            let probed = raw.project(self.kind, &self.places);
            probed.map_err(|error| corrupt(self.kind, name, error))?
        };
        let mut seen = Vec::with_capacity(self.columns.len());
        for (number, column) in self.columns.iter().enumerate() {
            // A column that comes again needs a copy of what was found.
            let again = self.columns[number + 1..].iter().any(|other| other.at == column.at);
            let found =
                column.at.and_then(|at| if again { probed[at].clone() } else { probed[at].take() });
            seen.push(column.word.see(session, self.kind, name, raw, found)?);
        }
        Ok(seen)
    }
}

impl PropertyRef {
    /// Where it stands in a record's bytes, if it does.
    fn place(&self, kind: Kind) -> Option<PropertyPosition> {
        match self {
            PropertyRef::Property { place, .. } | PropertyRef::Custom(place) => Some(place.clone()),
            PropertyRef::Members(side) => Some(PropertyPosition::of(kind, side.list())),
            PropertyRef::MemberCount(side) => Some(PropertyPosition::of(kind, side.list())),
            PropertyRef::Name
            | PropertyRef::Relation(_)
            | PropertyRef::LongText(_)
            | PropertyRef::Lines { .. } => None,
        }
    }

    /// Whether it is read from the record's bytes alone.
    pub fn is_cheap(&self) -> bool {
        match self {
            PropertyRef::Name | PropertyRef::Property { .. } | PropertyRef::Custom(_) => true,
            PropertyRef::Relation(_)
            | PropertyRef::Members(_)
            | PropertyRef::MemberCount(_)
            | PropertyRef::LongText(_)
            | PropertyRef::Lines { .. } => false,
        }
    }

    /// What it shows of a record; `found` is what is in its place.
    fn see<'a>(
        &self,
        session: &ReadSession<'_>,
        kind: Kind,
        name: &'a str,
        raw: &'a Raw,
        found: Option<Projected<'a>>,
    ) -> Result<Seen<'a>, InventoryError> {
        Ok(match self {
            PropertyRef::Name => Seen::View(View::Text(name)),
            PropertyRef::Property { property, .. } => match found {
                Some(Projected::View(view)) => Seen::View(property.shown(Some(view))),
                Some(value @ Projected::Value(_)) => Seen::Probed(value),
                None => Seen::View(property.shown(None)),
            },
            PropertyRef::Custom(_) => found.map_or(Seen::View(View::Null), Seen::Probed),
            PropertyRef::Relation(relation) => {
                Seen::Names(session.related(kind, relation, name, raw)?)
            }
            PropertyRef::Members(side) => match session.computed()?.get(raw.header.ordinal) {
                Some(_) => Seen::Names(session.reading.members(raw.header.ordinal, *side)?),
                None => match found {
                    Some(Projected::View(View::Texts(names))) => Seen::View(View::Texts(names)),
                    Some(Projected::View(_) | Projected::Value(_)) | None => {
                        Seen::Names(Vec::new())
                    }
                },
            },
            PropertyRef::MemberCount(side) => {
                let pool = raw.header.ordinal;
                let count = match (session.computed()?.get(pool), found) {
                    (Some(_), _) => session.reading.member_count(pool, *side)?,
                    (None, Some(Projected::View(View::Texts(names)))) => names.len() as u64,
                    (None, _) => 0,
                };
                Seen::View(View::Int(i64::try_from(count).unwrap_or(i64::MAX)))
            }
            PropertyRef::LongText(text) => match session.reading.text(name, text.as_str())? {
                Some(stored) => Seen::Text(stored.text),
                None => Seen::View(View::Null),
            },
            PropertyRef::Lines { text, comparisons, context_lines } => {
                let stored = session.reading.text(name, text.as_str())?;
                let text = stored.map(|stored| stored.text).unwrap_or_default();
                Seen::Names(matching_lines(&text, comparisons, *context_lines))
            }
        })
    }
}
