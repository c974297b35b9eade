//! The differences between two states of one record.

use std::{cmp::Ordering, collections::BTreeSet};

use super::problem::{PropertyChange, ShownValue};
use crate::model::{AnyRecord, Record, SecretMut, Secrets, View};

/// The properties that differ, sorted by name. The values of secrets are left out.
pub fn differences(mut before: AnyRecord, mut after: AnyRecord) -> Vec<PropertyChange> {
    let ComparedSecrets { all: secrets, mut changes } =
        ComparedSecrets::of(&mut *before, &mut *after);
    let mut old = before.views(Secrets::LeftOut).into_iter().peekable();
    let mut new = after.views(Secrets::LeftOut).into_iter().peekable();
    let shown = |view: View<'_>| Some(ShownValue::of(&view.to_value()));
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let before = if order.is_le() { old.next() } else { None };
        let after = if order.is_ge() { new.next() } else { None };
        let same = match (&before, &after) {
            (Some((_, before)), Some((_, after))) => before.to_value() == after.to_value(),
            (Some(_) | None, None) | (None, Some(_)) => false,
        };
        let Some(property) = before.as_ref().or(after.as_ref()).map(|(name, _)| *name) else {
            break;
        };
        // A custom property can be a secret in one of the states only.
        if !same && !secrets.contains(property) {
            changes.push(PropertyChange {
                property: property.to_owned(),
                before: before.and_then(|(_, view)| shown(view)),
                after: after.and_then(|(_, view)| shown(view)),
            });
        }
    }
    changes.sort_unstable();
    changes
}

/// The side of a [`PropertyChange`] that has the values of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueSide {
    /// The record was removed.
    Before,
    /// The record was created.
    After,
}

/// The values of a record that a new record does not have, sorted by property. Its name and the values of
/// secrets are left out.
pub fn values(record: AnyRecord, side: ValueSide) -> Vec<PropertyChange> {
    let new = AnyRecord::named(record.kind(), record.name().clone());
    let changes = differences(new, record).into_iter();
    let changes = changes.map(|PropertyChange { property, after, .. }| match side {
        ValueSide::Before => PropertyChange { property, before: after, after: None },
        ValueSide::After => PropertyChange { property, before: None, after },
    });
    changes.collect()
}

/// The secrets of two states of one record.
struct ComparedSecrets {
    /// The names of all properties that are a secret in one of the states.
    all: BTreeSet<String>,
    /// The changes of those that differ, without their values.
    changes: Vec<PropertyChange>,
}

impl ComparedSecrets {
    fn of(before: &mut dyn Record, after: &mut dyn Record) -> Self {
        let (old, new) = (before.secrets(), after.secrets());
        let all = old.iter().chain(&new).map(|(property, _)| (*property).to_owned()).collect();
        let mut compared = Self { all, changes: Vec::new() };
        for property in &compared.all {
            let of = |secrets: &[(&str, SecretMut<'_>)]| {
                secrets.iter().position(|(name, _)| name == property)
            };
            let is_same = match (of(&old), of(&new)) {
                (Some(old_at), Some(new_at)) => old[old_at].1.equals(&new[new_at].1),
                (Some(_) | None, _) => false,
            };
            if !is_same {
                let property = property.clone();
                compared.changes.push(PropertyChange { property, before: None, after: None });
            }
        }
        compared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Credential, Entity, Field, Name, Secret, Value};

    #[test]
    fn changed_properties_are_shown_without_secrets() {
        let mut before = Credential::named(Name::parse("c".to_owned()).unwrap());
        before.password = Field::Set(Secret::from_plain("old"));
        before.username = Field::Set("same".to_owned());
        before.priority = Field::Set(1);
        let mut after = before.clone();
        after.password = Field::Set(Secret::from_plain("new"));
        after.priority = Field::Set(2);
        after.set("rack", Value::from("r")).unwrap();
        let changes = differences(before.clone().into(), after.into());
        let json = serde_json::to_value(&changes).unwrap();
        assert_eq!(
            json,
            serde_json::json!([
                {"property": "password"},
                {"property": "priority", "before": 1, "after": 2},
                {"property": "rack", "after": "r"},
            ])
        );
        assert!(differences(before.clone().into(), before.into()).is_empty());
    }
}
