//! What a word of a request means for a kind: in a column, an order, a filter or a criterion.
//!
//! A word is a property, another word for one, a relation of either direction, or a long text. Any
//! other word may be one of the site's own properties, which are known only by the records that
//! hold them. So a word that nobody knows is looked for in the records:
//!
//! - Where it **asks** (a filter, a criterion), some record has to hold it. Nothing could match
//!   otherwise, or everything, and neither is what was meant.
//! - Where it only **shows** (a column, an order), it shows null; a script must not break on the
//!   day on which the last record with a property goes. But where it is near to a known word, and
//!   no record holds it, it is a slip.
//!
//! The search ends at the first record that holds the property, and costs a walk over all records
//! for a slip only.

use super::session::ReadSession;
use crate::{
    inventory::{InventoryError, long_text::LongText},
    model::{
        Comparison, InverseRelation, InverseRelations, Kind, Projection, Property,
        PropertyPosition, PropertyType, Side, aliases, nearest, unaliased,
    },
};

/// What a long text's word ends in, where its matching lines are meant.
const MATCHES: &str = "_matches";

/// What a word means.
#[derive(Clone, Debug)]
pub(in crate::inventory) enum PropertyRef {
    Name,
    Property {
        property: &'static Property,
        place: PropertyPosition,
    },
    /// One of the site's own.
    Custom(PropertyPosition),
    Relation(&'static InverseRelation),
    /// A pool's list of devices or links.
    Members(Side),
    MemberCount(Side),
    LongText(LongText),
    /// The lines of a long text that one of the comparisons holds for.
    Lines {
        text: LongText,
        comparisons: Vec<Comparison>,
        context_lines: usize,
    },
}

/// What a word is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inventory) enum Use {
    Show,
    Ask,
}

impl PropertyRef {
    /// Finds out what a word means for a kind.
    ///
    /// # Errors
    /// [`InventoryError::UnknownProperty`], as the module says.
    pub fn resolve(
        session: &ReadSession<'_>,
        kind: Kind,
        word: &str,
        used: Use,
    ) -> Result<Self, InventoryError> {
        let place = match Self::known(kind, word, used) {
            Known::PropertyRef(word) => return Ok(word),
            Known::Secret => return Err(unknown(kind, word)),
            Known::Not => PropertyPosition::Custom(word.to_owned()),
        };
        let held = match used {
            Use::Ask => is_held(session, kind, &place)?,
            Use::Show => near(kind, word).is_none() || is_held(session, kind, &place)?,
        };
        if held { Ok(PropertyRef::Custom(place)) } else { Err(unknown(kind, word)) }
    }

    fn known(kind: Kind, word: &str, used: Use) -> Known {
        let long_text = |word: &str| LongText::of(kind, word);
        if let Some(text) = long_text(word) {
            return Known::PropertyRef(PropertyRef::LongText(text));
        }
        if let (Use::Show, Some(text)) = (used, word.strip_suffix(MATCHES).and_then(long_text)) {
            let lines = PropertyRef::Lines { text, comparisons: Vec::new(), context_lines: 0 };
            return Known::PropertyRef(lines);
        }
        if let Some(relation) = InverseRelations::of(kind).relation(word) {
            return Known::PropertyRef(PropertyRef::Relation(relation));
        }
        let place = PropertyPosition::of(kind, unaliased(kind, word));
        let PropertyPosition::Typed(position) = place else { return Known::Not };
        let property = &kind.properties()[position];
        let side = [Side::Device, Side::Link].into_iter().filter(|_| kind == Kind::Pool);
        let word = match property.type_ {
            PropertyType::Secret => return Known::Secret,
            PropertyType::Name => PropertyRef::Name,
            PropertyType::Text
            | PropertyType::Int
            | PropertyType::Bool
            | PropertyType::Float
            | PropertyType::Any
            | PropertyType::One(_)
            | PropertyType::Many(_) => {
                let mut sides = side;
                match sides.find(|side| [side.list(), side.count()].contains(&word)) {
                    Some(side) if side.list() == word => PropertyRef::Members(side),
                    Some(side) => PropertyRef::MemberCount(side),
                    None => PropertyRef::Property { property, place },
                }
            }
        };
        Known::PropertyRef(word)
    }
}

/// What is known of a word without looking at records.
enum Known {
    PropertyRef(PropertyRef),
    /// It is neither shown nor compared.
    Secret,
    Not,
}

/// Whether some record has one of the site's own properties.
fn is_held(
    session: &ReadSession<'_>,
    kind: Kind,
    place: &PropertyPosition,
) -> Result<bool, InventoryError> {
    let places = Projection::new(vec![place.clone()]);
    for entry in session.reading.scan_raw(kind) {
        // A damaged record says nothing of its properties. Whoever reads it is told.
        let (_, raw) = match entry {
            Ok(entry) => entry,
            Err(error) if error.is_damage() => continue,
            Err(error) => return Err(error.into()),
        };
        let Ok(found) = raw.project(kind, &places) else { continue };
        if found.iter().any(Option::is_some) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The known word that is near to this one.
fn near(kind: Kind, word: &str) -> Option<String> {
    let properties = kind.properties().iter().filter(|p| p.type_ != PropertyType::Secret);
    let relations = InverseRelations::of(kind).relations.iter().map(|r| r.name.as_str());
    let texts = LongText::of_kind(kind).iter().map(|text| text.as_str());
    let known = properties
        .map(|property| property.name)
        .chain(aliases(kind).iter().map(|(alias, _)| *alias))
        .chain(relations)
        .chain(texts);
    nearest(word, known).map(str::to_owned)
}

fn unknown(kind: Kind, word: &str) -> InventoryError {
    InventoryError::UnknownProperty { kind, property: word.to_owned(), nearest: near(kind, word) }
}
