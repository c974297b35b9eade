//! The instances whose properties have given values.

use super::{
    Inventory, InventoryError, Rows,
    look::Look,
    rows::{Answer, Shape},
    selection::{Asked, Selection},
    word::{Use, Word},
};
use crate::model::{Entity, Kind, KindVisitor, Name, PropertyType, Value};

/// The name of the record on which a value is tried.
const TRIED_NAME: &str = "query";

impl Inventory {
    /// Gives the instances that have all of the given values, by name, and says how many they
    /// are.
    ///
    /// Values are converted to the types of their properties, and defaults count where a record
    /// says nothing. Properties without a type, the site's own among them, are compared as
    /// Python's `str` spells them. Of a relation, in either direction, a value is one of the
    /// names; the empty value asks for those that have none. Rows show the instance's own
    /// properties.
    ///
    /// A name, and a name in a relation, are looked up: nothing else is read. For anything else
    /// every record is walked over, and only those that are given are decoded.
    ///
    /// # Errors
    /// [`InventoryError::UnknownProperty`] for a property that neither Satchel nor any record
    /// knows; [`InventoryError::Value`] for a value that the property cannot have.
    pub fn query(
        &self,
        kind: Kind,
        filters: &[(String, String)],
        rows: &mut Rows<'_>,
    ) -> Result<u64, InventoryError> {
        kind.dispatch(Query { inventory: self, filters, rows })
    }
}

struct Query<'a, 'r> {
    inventory: &'a Inventory,
    filters: &'a [(String, String)],
    rows: &'a mut Rows<'r>,
}

impl KindVisitor for Query<'_, '_> {
    type Output = Result<u64, InventoryError>;

    fn visit<E: Entity>(self) -> Self::Output {
        let look = self.inventory.look();
        let checks =
            self.filters.iter().map(|(property, value)| check::<E>(&look, property, value));
        let selection = Selection::new(&look, checks.collect::<Result<_, _>>()?)?;
        let answer =
            Answer::<E> { selection, order: None, start: 0, limit: None, shape: Shape::Own };
        answer.give(&look, self.rows)
    }
}

/// What a filter asks.
fn check<E: Entity>(
    look: &Look<'_>,
    word: &str,
    value: &str,
) -> Result<(Word, Asked), InventoryError> {
    let resolved = Word::resolve::<E>(look, word, Use::Ask)?;
    let typed = |property| typed::<E>(word, property, value);
    let asked = match &resolved {
        Word::Name => typed("name")?,
        Word::MemberCount(side) => typed(side.count())?,
        Word::Property { property, .. } => match property.type_ {
            PropertyType::Name
            | PropertyType::Text
            | PropertyType::Int
            | PropertyType::Bool
            | PropertyType::Float
            | PropertyType::One(_)
            | PropertyType::Secret => typed(property.name)?,
            PropertyType::Many(_) => Asked::Among(value.to_owned()),
            PropertyType::Any => Asked::Spelled(value.to_owned()),
        },
        Word::Relation(_) | Word::Members(_) => Asked::Among(value.to_owned()),
        Word::Custom(_) | Word::LongText(_) | Word::Lines { .. } => {
            Asked::Spelled(value.to_owned())
        }
    };
    Ok((resolved, asked))
}

/// A value in its property's own type, as a record takes it from a text.
fn typed<E: Entity>(word: &str, property: &str, value: &str) -> Result<Asked, InventoryError> {
    let refused = |rule: String| InventoryError::Value {
        kind: E::KIND,
        property: word.to_owned(),
        value: value.to_owned(),
        rule,
    };
    let name = Name::parse(TRIED_NAME.to_owned()).map_err(|(rule, _)| refused(rule.to_string()))?;
    let mut tried = E::named(name);
    tried.set(property, Value::from(value)).map_err(|refusal| refused(refusal.rule.to_string()))?;
    Ok(Asked::Value(tried.view(property).map_or(Value::Null, |view| view.to_value())))
}
