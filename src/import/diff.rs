//! The differences between two states of one record.

use std::cmp::Ordering;

use super::problem::{PropertyChange, ShownValue};
use crate::model::{AnyRecord, Record, Secret, Secrets, View};

/// The properties that differ, sorted by name. The values of secrets are left out.
pub fn differences(mut before: AnyRecord, mut after: AnyRecord) -> Vec<PropertyChange> {
    let mut changes = changed_secrets(&mut before, &mut after);
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
        if !same {
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

/// The secrets that differ.
fn changed_secrets(before: &mut AnyRecord, after: &mut AnyRecord) -> Vec<PropertyChange> {
    let kind = before.kind();
    let (old, new) = (secrets(&mut **before), secrets(&mut **after));
    let changed = kind.properties().iter().map(|property| property.name).filter(|property| {
        let of = |secrets: &[(&'static str, Secret)]| {
            secrets.iter().find(|(name, _)| name == property).map(|(_, secret)| secret.clone())
        };
        of(&old) != of(&new)
    });
    let change = |property: &str| PropertyChange {
        property: property.to_owned(),
        before: None,
        after: None,
    };
    changed.map(change).collect()
}

/// The secrets of a record, by property.
fn secrets(record: &mut dyn Record) -> Vec<(&'static str, Secret)> {
    record.secrets().into_iter().map(|(property, secret)| (property, secret.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Credential, Entity, Field, Name, Value};

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
