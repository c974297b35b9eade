//! Takes the differences that a change made back from the present state of a record, property by
//! property.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::ConflictReason;
use crate::{
    inventory::change::STAMPS,
    model::{AnyRecord, CustomValue, Kind, Secrets, Side, Value},
};

/// A record from which a change is taken back.
pub(super) struct MergedBack {
    /// The record afterwards.
    pub record: AnyRecord,
    /// Whether it differs from the present one.
    pub is_changed: bool,
    /// The properties that keep their present values, each with the reason.
    pub conflicts: Vec<(String, ConflictReason)>,
}

/// Tells whether an undo sets passwords of users back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passwords {
    /// They come back, like all other properties: an import has replaced them.
    SetBack,
    /// They stay: somebody has set a new one on purpose, perhaps because others knew the old one.
    Kept,
}

/// Sets each property back that has the value `after` the change to its value `before` it. The names in
/// a list are taken back one by one. A property with any other value is a conflict, unless it already has
/// the value before the change. Secrets must not be encrypted.
pub(super) fn merge_back(
    before: &AnyRecord,
    after: &AnyRecord,
    present: &AnyRecord,
    passwords: Passwords,
) -> MergedBack {
    let kind = present.kind();
    let mut record = present.clone();
    let old_custom = before.custom();
    let (mut is_changed, mut conflicts) = (false, Vec::new());
    let [mut before, mut after, mut present] = [before, after, present].map(values);
    // The name is not taken back here: a rename also changes the references to the record.
    for values in [&mut before, &mut after] {
        values.remove("name");
    }
    for property in names(&before, &after) {
        let (old, new) = (before.remove(&property), after.remove(&property));
        if old == new {
            continue;
        }
        let now = present.remove(&property);
        let result = if now == old {
            continue;
        } else if passwords == Passwords::Kept
            && kind.password_hashes().contains(&property.as_str())
        {
            conflicts.push((property, ConflictReason::PasswordKept));
            continue;
        } else if now == new {
            old
        } else if let Some(list) = merged_list(kind, &property, [&old, &new, &now]) {
            Some(list)
        } else {
            conflicts.push((property, ConflictReason::ChangedSince));
            continue;
        };
        if result == now {
            continue;
        }
        is_changed = true;
        match result {
            // The property has had this value before, so it is valid.
            Some(value) => {
                drop(record.set(&property, value));
                if old_custom.get(&property).is_some_and(CustomValue::is_secret) {
                    // Also if the setting does not count its name among the secrets any more.
                    record.hide_custom(&|name| name == property);
                }
            }
            None => record.remove(&property),
        }
    }
    MergedBack { record, is_changed, conflicts }
}

/// Returns whether two states of a record differ at most in who changed it last, and when. Secrets must
/// not be encrypted.
pub(super) fn is_same(one: &AnyRecord, other: &AnyRecord) -> bool {
    values(one) == values(other)
}

/// The values of a record by property, without the time and the author of its last change. The numbers of a
/// pool's members follow from its lists. A relation without names equals an absent one.
fn values(record: &AnyRecord) -> BTreeMap<String, Value> {
    let is_pool = record.kind() == Kind::Pool;
    let is_count =
        |name: &str| is_pool && [Side::Device, Side::Link].map(Side::count).contains(&name);
    let views = record.views(Secrets::Included).into_iter();
    let lasting = views.filter(|(name, _)| !STAMPS.contains(name) && !is_count(name));
    let values = lasting.map(|(name, view)| (name.to_owned(), view.to_value()));
    values.filter(|(name, value)| !is_without_names(record.kind(), name, value)).collect()
}

/// Returns whether a value is a relation without names.
fn is_without_names(kind: Kind, property: &str, value: &Value) -> bool {
    let is_relation = kind.property(property).is_some_and(|it| it.type_.relation().is_some());
    is_relation
        && match value {
            Value::List(names) => names.is_empty(),
            Value::Text(name) => name.is_empty(),
            _ => false,
        }
}

/// The names of the properties that one of the states has.
fn names(one: &BTreeMap<String, Value>, other: &BTreeMap<String, Value>) -> BTreeSet<String> {
    one.keys().chain(other.keys()).cloned().collect()
}

/// The present list of a relation without the names that the change added, and with those that it removed.
/// `None` if the property is not a list of names.
fn merged_list(kind: Kind, property: &str, values: [&Option<Value>; 3]) -> Option<Value> {
    kind.property(property)?.type_.relation()?;
    let [old, new, now] = values.map(|value| match value {
        None => Some(Vec::new()),
        Some(Value::List(items)) => {
            items.iter().map(|item| item.as_text().map(str::to_owned)).collect()
        }
        Some(_) => None,
    });
    let (old, new, now): (Vec<String>, Vec<String>, Vec<String>) = (old?, new?, now?);
    let (was, became): (HashSet<_>, HashSet<_>) = (old.iter().collect(), new.iter().collect());
    let kept = now.iter().filter(|name| !became.contains(name) || was.contains(name));
    let present: HashSet<_> = now.iter().collect();
    let back = old.iter().filter(|name| !became.contains(name) && !present.contains(name));
    Some(Value::List(kept.chain(back).cloned().map(Value::from).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Credential, Device, Entity, Field, Name, Pool, Record, Secret, User};

    fn device(properties: &[(&str, Value)]) -> AnyRecord {
        let mut device = Device::named(Name::parse("é>b 100%".to_owned()).unwrap());
        for (name, value) in properties {
            Record::set(&mut device, name, value.clone()).unwrap();
        }
        device.into()
    }

    fn merge(before: &AnyRecord, after: &AnyRecord, present: &AnyRecord) -> MergedBack {
        merge_back(before, after, present, Passwords::SetBack)
    }

    #[test]
    fn a_property_goes_back_if_it_still_has_the_value_of_the_change() {
        let before = device(&[("vendor", "a".into()), ("port", Value::Int(1)), ("x", "1".into())]);
        let after = device(&[("vendor", "b".into()), ("port", Value::Int(2)), ("y", "2".into())]);
        let present = device(&[
            ("vendor", "b".into()),
            ("port", Value::Int(3)),
            ("y", "2".into()),
            ("model", "new".into()),
            ("last_modified", "later".into()),
        ]);
        let merged = merge(&before, &after, &present);
        let port = || [("port".to_owned(), ConflictReason::ChangedSince)];
        assert_eq!(merged.conflicts, port());
        assert!(merged.is_changed);
        let expected = device(&[
            ("vendor", "a".into()),
            ("port", Value::Int(3)),
            ("x", "1".into()),
            ("model", "new".into()),
            ("last_modified", "later".into()),
        ]);
        assert!(merged.record.eq_dyn(&*expected), "{:?}", merged.record);
        // A second time there is nothing left to take back but the conflict.
        let again = merge(&before, &after, &merged.record);
        assert_eq!((again.is_changed, again.conflicts.as_slice()), (false, &port()[..]));
    }

    #[test]
    fn names_in_a_list_go_back_one_by_one() {
        let pool = |names: &[&str]| {
            let mut pool = Pool::named(Name::parse("p".to_owned()).unwrap());
            let names = names.iter().map(|name| Value::from(*name)).collect();
            Record::set(&mut pool, "devices", Value::List(names)).unwrap();
            AnyRecord::from(pool)
        };
        let merged = merge(&pool(&["a", "b"]), &pool(&["b", "c"]), &pool(&["b", "c", "d"]));
        assert!(merged.conflicts.is_empty());
        assert!(merged.record.eq_dyn(&*pool(&["b", "d", "a"])), "{:?}", merged.record);
    }

    #[test]
    fn an_emptied_list_of_names_equals_an_absent_one() {
        let emptied = device(&[("rbac_read", Value::List(Vec::new()))]);
        assert!(is_same(&device(&[]), &emptied));
    }

    #[test]
    fn a_secret_goes_back() {
        let credential = |password: &str| {
            let mut credential = Credential::named(Name::parse("c".to_owned()).unwrap());
            credential.password = Field::Set(Secret::from_plain(password));
            AnyRecord::from(credential)
        };
        let merged = merge(&credential("old"), &credential("new"), &credential("new"));
        assert!(merged.record.eq_dyn(&*credential("old")));
        let conflict = merge(&credential("old"), &credential("new"), &credential("newer"));
        assert_eq!(conflict.conflicts, [("password".to_owned(), ConflictReason::ChangedSince)]);
    }

    #[test]
    fn the_password_of_a_user_goes_back_only_with_an_import() {
        let user = |password: &str, email: &str| {
            let mut user = User::named(Name::parse("é>b".to_owned()).unwrap());
            user.password = Field::Set(Secret::from_plain(password));
            user.email = Field::Set(email.to_owned());
            AnyRecord::from(user)
        };
        let [old, new] = [user("old", "a"), user("new", "b")];
        let kept = merge_back(&old, &new, &new, Passwords::Kept);
        assert_eq!(kept.conflicts, [("password".to_owned(), ConflictReason::PasswordKept)]);
        assert!(kept.record.eq_dyn(&*user("new", "a")), "{:?}", kept.record);
        let back = merge_back(&old, &new, &new, Passwords::SetBack);
        assert!(back.conflicts.is_empty() && back.record.eq_dyn(&*old));
    }
}
