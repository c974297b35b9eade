//! Keeps the members of computed pools up to date with every change.
//!
//! A changed device or link is compared with the criteria of the pools that use a changed property;
//! no records are scanned. A pool whose criteria change is recomputed: see [`super::refill`].

use std::collections::HashSet;

use super::computed::ComputedPools;
use crate::model::{Record, Secrets, Side, View};

/// The membership of a changed record in one pool.
pub(in crate::inventory) struct MembershipChange {
    /// The ordinal of the pool's record.
    pub pool: u64,
    /// Whether the record was a member before.
    pub was_member: bool,
    /// Whether the record is a member now.
    pub is_member: bool,
}

/// Returns the pools that a record joins, leaves, or stays in under a new name. With `changed`,
/// pools whose criteria use none of these properties are skipped. If the name changes, no pool is
/// skipped, because pools store their members by name.
pub(in crate::inventory) fn membership_changes(
    pools: &ComputedPools,
    side: Side,
    before: Option<&dyn Record>,
    after: Option<&dyn Record>,
    changed: Option<&HashSet<&str>>,
) -> Vec<MembershipChange> {
    let renamed = changed.is_some_and(|changed| changed.contains("name"));
    let mut changes = Vec::new();
    for (pool, computed) in pools.iter() {
        let criteria = computed.criteria(side);
        let is_concerned = match changed {
            Some(changed) => {
                renamed || criteria.properties().any(|property| changed.contains(property))
            }
            None => true,
        };
        if !is_concerned || criteria.is_empty() {
            continue;
        }
        let was_member = before.is_some_and(|before| criteria.matches(before));
        let is_member = after.is_some_and(|after| criteria.matches(after));
        if was_member != is_member || (was_member && renamed) {
            changes.push(MembershipChange { pool, was_member, is_member });
        }
    }
    changes
}

/// The names of the properties that differ between two states of a record, without secrets.
pub(in crate::inventory) fn changed_properties<'a>(
    before: &'a dyn Record,
    after: &'a dyn Record,
) -> HashSet<&'a str> {
    let mut old = before.views(Secrets::LeftOut).into_iter().peekable();
    let mut new = after.views(Secrets::LeftOut).into_iter().peekable();
    let mut changed = HashSet::new();
    loop {
        let (property, same) = match (old.peek(), new.peek()) {
            (None, None) => return changed,
            (Some((property, _)), None) => (*property, false),
            (None, Some((property, _))) => (*property, false),
            (Some((a, before)), Some((b, after))) if a == b => (*a, before == after),
            (Some((a, _)), Some((b, _))) => (*a.min(b), false),
        };
        if !same {
            changed.insert(property);
        }
        let here = |next: &(&str, View<'_>)| next.0 == property;
        old.next_if(here);
        new.next_if(here);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Device, Entity, Name, Pool, Value};

    fn device(properties: &[(&str, Value)]) -> Device {
        let mut device = Device::named(Name::parse("R 1%".to_owned()).unwrap());
        for (property, value) in properties {
            device.set(property, value.clone()).unwrap();
        }
        device
    }

    fn pools(criteria: &[(&str, &str)]) -> ComputedPools {
        let mut pools = ComputedPools::default();
        for (ordinal, (key, value)) in (0..).zip(criteria) {
            let mut pool = Pool::named(Name::parse("[Shared] x".to_owned()).unwrap());
            pool.set(key, Value::from(*value)).unwrap();
            pools.put(ordinal, pool.name(), pool.membership());
        }
        pools
    }

    fn changed_memberships(
        before: Option<&Device>,
        after: Option<&Device>,
    ) -> Vec<(u64, bool, bool)> {
        let pools = pools(&[
            ("device_vendor", "cisco"),
            ("device_port", "22"),
            ("device_name", "r"),
            ("link_vendor", "cisco"),
            ("device_vendor", ""),
        ]);
        let before = before.map(|before| before as &dyn Record);
        let after = after.map(|after| after as &dyn Record);
        let changed = before.zip(after).map(|(before, after)| changed_properties(before, after));
        let changes = membership_changes(&pools, Side::Device, before, after, changed.as_ref());
        changes.into_iter().map(|c| (c.pool, c.was_member, c.is_member)).collect()
    }

    #[test]
    fn changed_properties_are_found_by_name() {
        let before = device(&[("vendor", "a".into()), ("zz", Value::Int(1)), ("a", Value::Null)]);
        let after =
            device(&[("vendor", "b".into()), ("zz", Value::Int(1)), ("port", Value::Int(2))]);
        let changed = changed_properties(&before, &after);
        assert_eq!(changed, HashSet::from(["vendor", "a", "port"]));
        assert!(changed_properties(&before, &before.clone()).is_empty());
    }

    #[test]
    fn only_pools_that_use_a_changed_property_are_affected() {
        let cisco = device(&[("vendor", "Cisco".into())]);
        let other = device(&[("vendor", "other".into())]);
        assert_eq!(
            changed_memberships(None, Some(&cisco)),
            [(0, false, true), (1, false, true), (2, false, true)]
        );
        assert_eq!(changed_memberships(Some(&cisco), Some(&other)), [(0, true, false)]);
        assert_eq!(changed_memberships(Some(&other), None), [(1, true, false), (2, true, false)]);
        assert_eq!(changed_memberships(Some(&cisco), Some(&cisco)), []);
    }

    #[test]
    fn a_renamed_record_stays_a_member_under_its_new_name() {
        let before = device(&[("vendor", "Cisco".into())]);
        let mut after = before.clone();
        after.name = Name::parse("é>b".to_owned()).unwrap();
        let expected = [(0, true, true), (1, true, true), (2, true, false)];
        assert_eq!(changed_memberships(Some(&before), Some(&after)), expected);
    }
}
