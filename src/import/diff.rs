//! What differs between two states of one record.

use std::cmp::Ordering;

use super::problem::{PropertyChange, ShownValue};
use crate::model::{AnyRecord, Record, Secret, Secrets, View};

/// The properties that differ, by name. Of a secret is only said that it does.
pub(super) fn differences(mut before: AnyRecord, mut after: AnyRecord) -> Vec<PropertyChange> {
    let mut changes = Vec::new();
    let secrets = |record: &mut dyn Record| -> Vec<(&'static str, Secret)> {
        record.secrets().into_iter().map(|(property, secret)| (property, secret.clone())).collect()
    };
    let (old, new) = (secrets(&mut *before), secrets(&mut *after));
    for (property, _) in
        before.kind().properties().iter().map(|p| (p.name, p.type_)).filter(|(property, _)| {
            let of = |list: &[(&'static str, Secret)]| {
                list.iter().find(|(name, _)| name == property).map(|(_, secret)| secret.clone())
            };
            of(&old) != of(&new)
        })
    {
        let property = property.to_owned();
        changes.push(PropertyChange { property, before: None, after: None });
    }

    let (old, new) = (before.views(Secrets::LeftOut), after.views(Secrets::LeftOut));
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
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
            (Some(_), None) | (None, Some(_)) | (None, None) => false,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Credential, Entity, Field, Name, Value};

    #[test]
    fn what_differs_is_shown_and_secrets_are_not() {
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
