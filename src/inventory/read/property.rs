//! Resolves the property names of requests for a kind: in a column, an order, a filter or a
//! criterion.
//!
//! A name is a property, an alias of a property, a relation of either direction, or a
//! long text. Any other name can be a custom property, which is known only from the records that
//! have it. So an unknown name is searched in the records:
//!
//! - In a **filter or criterion**, at least one record must have the property. Otherwise no record
//!   or every record would match, which the user did not intend.
//! - In a **column or order**, it shows null: a script must not fail when the last record with the
//!   property is removed. But if the name resembles a known name and no record has it, it is
//!   refused as a typing error.
//!
//! The search ends at the first record that has the property. It reads all records only for an
//! unknown name.

use super::session::ReadSession;
use crate::{
    inventory::{InventoryError, long_text::LongText},
    model::{
        Comparison, InverseRelation, InverseRelations, Kind, Projection, Property, PropertyDefault,
        PropertyPosition, PropertyType, Side, nearest,
    },
};

/// The suffix of a long text's name that asks for its matching lines.
const MATCHES_SUFFIX: &str = "_matches";

/// A resolved property name.
#[derive(Clone, Debug)]
pub(in crate::inventory) enum PropertyRef {
    Name,
    Property {
        property: &'static Property,
        position: PropertyPosition,
    },
    /// A custom property, with the value that is shown if a record lacks it.
    Custom {
        position: PropertyPosition,
        default: Option<PropertyDefault>,
    },
    Relation(&'static InverseRelation),
    /// The list of a pool's devices or links.
    Members(Side),
    /// The number of a pool's devices or links.
    MemberCount(Side),
    LongText(LongText),
    /// The lines of a long text that match one of the comparisons.
    Lines {
        text: LongText,
        comparisons: Vec<Comparison>,
        context_lines: usize,
    },
}

/// The use of a property name in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inventory) enum Purpose {
    /// In a column or an order.
    Display,
    /// In a filter or a criterion.
    Compare,
}

impl PropertyRef {
    /// Resolves a property name for a kind.
    ///
    /// # Errors
    /// [`InventoryError::UnknownProperty`] for secrets, and for unknown names as the module
    /// describes; [`InventoryError::Store`] if the records cannot be searched.
    pub(super) fn resolve(
        session: &ReadSession<'_>,
        kind: Kind,
        name: &str,
        purpose: Purpose,
    ) -> Result<Self, InventoryError> {
        let position = match Self::known(kind, name, purpose) {
            Known::Property(property) => return Ok(property),
            Known::Secret => return Err(unknown(kind, name)),
            Known::Unknown => PropertyPosition::Custom(name.to_owned()),
        };
        if let Some(default) = kind.custom_default(name) {
            return Ok(PropertyRef::Custom { position, default: Some(default) });
        }
        let exists = match purpose {
            Purpose::Compare => has_custom_property(session, kind, &position)?,
            Purpose::Display => {
                nearest_known(kind, name).is_none()
                    || has_custom_property(session, kind, &position)?
            }
        };
        if exists {
            Ok(PropertyRef::Custom { position, default: None })
        } else {
            Err(unknown(kind, name))
        }
    }

    /// Resolves a name without reading records.
    fn known(kind: Kind, name: &str, purpose: Purpose) -> Known {
        let long_text = |name: &str| LongText::of(kind, name);
        if let Some(text) = long_text(name) {
            return Known::Property(PropertyRef::LongText(text));
        }
        if let (Purpose::Display, Some(text)) =
            (purpose, name.strip_suffix(MATCHES_SUFFIX).and_then(long_text))
        {
            let lines = PropertyRef::Lines { text, comparisons: Vec::new(), context_lines: 0 };
            return Known::Property(lines);
        }
        if let Some(relation) = InverseRelations::of(kind).relation(name) {
            return Known::Property(PropertyRef::Relation(relation));
        }
        let position = PropertyPosition::of(kind, kind.unaliased(name));
        let PropertyPosition::Typed(index) = position else { return Known::Unknown };
        let property = &kind.properties()[index];
        let resolved = match property.type_ {
            PropertyType::Secret => return Known::Secret,
            PropertyType::Name => PropertyRef::Name,
            PropertyType::Text
            | PropertyType::Int
            | PropertyType::Bool
            | PropertyType::Float
            | PropertyType::Any
            | PropertyType::One(_)
            | PropertyType::Many(_) => {
                let sides = [Side::Device, Side::Link].into_iter();
                let mut sides = sides.filter(|_| kind == Kind::Pool);
                match sides.find(|side| [side.list(), side.count()].contains(&name)) {
                    Some(side) if side.list() == name => PropertyRef::Members(side),
                    Some(side) => PropertyRef::MemberCount(side),
                    None => PropertyRef::Property { property, position },
                }
            }
        };
        Known::Property(resolved)
    }
}

/// The facts about a property name that are known without reading records.
enum Known {
    Property(PropertyRef),
    /// A secret is neither shown nor compared.
    Secret,
    Unknown,
}

/// Returns whether at least one record that the principal can read has a custom property.
fn has_custom_property(
    session: &ReadSession<'_>,
    kind: Kind,
    position: &PropertyPosition,
) -> Result<bool, InventoryError> {
    let projection = Projection::new(vec![position.clone()]);
    for entry in session.reading.scan_raw(kind) {
        // The properties of a damaged record are unknown. Reading it reports the damage.
        let (_, raw) = match entry {
            Ok(entry) => entry,
            Err(error) if error.is_damage() => continue,
            Err(error) => return Err(error.into()),
        };
        if !session.shows(kind, &raw)? {
            continue;
        }
        let Ok(found) = raw.project(kind, &projection) else { continue };
        if found.iter().any(Option::is_some) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The known name that a name resembles.
fn nearest_known(kind: Kind, name: &str) -> Option<String> {
    let properties = kind.properties().iter().filter(|p| p.type_ != PropertyType::Secret);
    let relations = InverseRelations::of(kind).relations.iter().map(|r| r.name.as_str());
    let texts = LongText::of_kind(kind).map(|text| text.as_str());
    let known = properties
        .map(|property| property.name)
        .chain(kind.aliases().iter().map(|(alias, _)| *alias))
        .chain(relations)
        .chain(texts);
    nearest(name, known).map(str::to_owned)
}

fn unknown(kind: Kind, name: &str) -> InventoryError {
    InventoryError::UnknownProperty {
        kind,
        property: name.to_owned(),
        nearest: nearest_known(kind, name),
    }
}
