//! What several words show of one record, found in one walk over its bytes.

use super::{
    InventoryError,
    lines::matching_lines,
    look::{Look, corrupt},
    word::Word,
};
use crate::{
    model::{Kind, Place, Places, Probed, View},
    store::Raw,
};

/// Words of one kind.
pub(super) struct Columns {
    kind: Kind,
    columns: Vec<Column>,
    places: Places,
}

struct Column {
    word: Word,
    /// Where it is among the places, if it is in the record's bytes.
    at: Option<usize>,
}

/// What a word shows of a record.
#[derive(Debug)]
pub(super) enum Seen<'a> {
    View(View<'a>),
    /// A tree, which cannot be borrowed from bytes.
    Probed(Probed<'a>),
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
    pub fn new(kind: Kind, words: Vec<Word>) -> Self {
        let places = Places::new(words.iter().filter_map(|word| word.place(kind)).collect());
        let columns = words.into_iter().map(|word| {
            let at = word.place(kind).and_then(|place| places.position(&place));
            Column { word, at }
        });
        Self { kind, columns: columns.collect(), places }
    }

    /// What each word shows of a record, in their order.
    pub fn see<'a>(
        &self,
        look: &Look<'_>,
        name: &'a str,
        raw: &'a Raw,
    ) -> Result<Vec<Seen<'a>>, InventoryError> {
        let mut probed = if self.places.is_empty() {
            Vec::new()
        } else {
            let probed = raw.probe(self.kind, &self.places);
            probed.map_err(|error| corrupt(self.kind, name, error))?
        };
        let mut seen = Vec::with_capacity(self.columns.len());
        for (number, column) in self.columns.iter().enumerate() {
            // A column that comes again needs a copy of what was found.
            let again = self.columns[number + 1..].iter().any(|other| other.at == column.at);
            let found =
                column.at.and_then(|at| if again { probed[at].clone() } else { probed[at].take() });
            seen.push(column.word.see(look, self.kind, name, raw, found)?);
        }
        Ok(seen)
    }
}

impl Word {
    /// Where it stands in a record's bytes, if it does.
    fn place(&self, kind: Kind) -> Option<Place> {
        match self {
            Word::Property { place, .. } | Word::Custom(place) => Some(place.clone()),
            Word::Members(side) => Some(Place::of(kind, side.list())),
            Word::MemberCount(side) => Some(Place::of(kind, side.list())),
            Word::Name | Word::Relation(_) | Word::LongText(_) | Word::Lines { .. } => None,
        }
    }

    /// Whether it is read from the record's bytes alone.
    pub fn is_cheap(&self) -> bool {
        match self {
            Word::Name | Word::Property { .. } | Word::Custom(_) => true,
            Word::Relation(_)
            | Word::Members(_)
            | Word::MemberCount(_)
            | Word::LongText(_)
            | Word::Lines { .. } => false,
        }
    }

    /// What it shows of a record; `found` is what is in its place.
    fn see<'a>(
        &self,
        look: &Look<'_>,
        kind: Kind,
        name: &'a str,
        raw: &'a Raw,
        found: Option<Probed<'a>>,
    ) -> Result<Seen<'a>, InventoryError> {
        Ok(match self {
            Word::Name => Seen::View(View::Text(name)),
            Word::Property { property, .. } => match found {
                Some(Probed::View(view)) => Seen::View(property.shown(Some(view))),
                Some(value @ Probed::Value(_)) => Seen::Probed(value),
                None => Seen::View(property.shown(None)),
            },
            Word::Custom(_) => found.map_or(Seen::View(View::Null), Seen::Probed),
            Word::Relation(relation) => Seen::Names(look.related(kind, relation, name, raw)?),
            Word::Members(side) => match look.computed()?.get(raw.header.ordinal) {
                Some(_) => Seen::Names(look.reading.members(raw.header.ordinal, *side)?),
                None => match found {
                    Some(Probed::View(View::Texts(names))) => Seen::View(View::Texts(names)),
                    Some(Probed::View(_) | Probed::Value(_)) | None => Seen::Names(Vec::new()),
                },
            },
            Word::MemberCount(side) => {
                let pool = raw.header.ordinal;
                let count = match (look.computed()?.get(pool), found) {
                    (Some(_), _) => look.reading.member_count(pool, *side)?,
                    (None, Some(Probed::View(View::Texts(names)))) => names.len() as u64,
                    (None, _) => 0,
                };
                Seen::View(View::Int(i64::try_from(count).unwrap_or(i64::MAX)))
            }
            Word::LongText(text) => match look.reading.text(name, text.as_str())? {
                Some(stored) => Seen::Text(stored.text),
                None => Seen::View(View::Null),
            },
            Word::Lines { text, comparisons, context_lines } => {
                let stored = look.reading.text(name, text.as_str())?;
                let text = stored.map(|stored| stored.text).unwrap_or_default();
                Seen::Names(matching_lines(&text, comparisons, *context_lines))
            }
        })
    }
}
