//! A relation that an object sets from its other side, parsed.

use std::collections::HashSet;

use crate::model::{InverseRelation, PropertyType, Rule, Target, Value};

/// A relation that an object sets from its other side.
#[derive(Clone, Debug)]
pub(in crate::inventory) struct SentRelation {
    pub(super) relation: &'static InverseRelation,
    pub(super) names: Vec<String>,
}

impl SentRelation {
    /// Parses the value of a relation. Null is an empty list.
    ///
    /// # Errors
    /// The rule that the value breaks.
    pub(super) fn parse(relation: &'static InverseRelation, value: Value) -> Result<Self, Rule> {
        let items = match value {
            Value::Null => Vec::new(),
            Value::List(items) => items,
            other => {
                let target = Target::Kind(relation.holder_kind());
                let expected = PropertyType::Many(target);
                return Err(Rule::Type { expected, found: other.type_name() });
            }
        };
        let mut seen = HashSet::with_capacity(items.len());
        let mut names = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Value::Text(name) if name.is_empty() => {
                    return Err(Rule::ListItem { found: "empty" });
                }
                // NUL ends a name in the store's index of references.
                Value::Text(name) if name.contains('\0') => {
                    return Err(Rule::NameCharacter { character: '\0' });
                }
                Value::Text(name) => {
                    if seen.insert(name.clone()) {
                        names.push(name);
                    }
                }
                other => return Err(Rule::ListItem { found: other.type_name() }),
            }
        }
        Ok(Self { relation, names })
    }

    /// The name under which the object sets the relation.
    pub(super) fn word(&self) -> &'static str {
        self.relation.name.as_str()
    }
}
