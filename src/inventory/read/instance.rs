//! Reads one instance: its properties, defaults, and the relations of both directions.

use super::{
    Dialect, InstanceRow, RowState,
    session::{ReadSession, Referrers, shows_pools, union},
};
use crate::{
    inventory::{Inventory, InventoryError},
    model::{AnyRecord, InverseRelations, Kind, Record, Side, Target, View},
    store::Stored,
};

/// The property that marks an incomplete list `pools`: a pool that could contain the record is
/// damaged. Its value is true, or it is absent.
pub(super) const POOLS_INCOMPLETE: &str = "pools_incomplete";

impl Inventory {
    /// Calls `show` with one instance: all properties except secrets, and the names of related
    /// records in both directions.
    ///
    /// It reads the record, and each range of the reverse index that can refer to its kind: two for
    /// devices and networks, because links refer to either. [`Dialect::Enms`] reads them twice.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`] if there is no such instance, [`InventoryError::Store`] if it
    /// cannot be read.
    pub fn instance<R>(
        &self,
        kind: Kind,
        name: &str,
        dialect: Dialect,
        show: impl FnOnce(&InstanceRow<'_>) -> R,
    ) -> Result<R, InventoryError> {
        let session = self.session();
        let stored = session.reading.get_any(kind, name)?;
        let Some(stored) = session.shown(stored)? else {
            return Err(InventoryError::NotFound { kind, name: name.to_owned() });
        };
        let backward = InverseRelations::of(kind);
        let relations = &backward.relations;
        let referrers = Referrers::read(&session.reading, &backward.targets, relations, name)?;
        let pools_at = relations.iter().position(shows_pools);
        let pools: Vec<&str> = match pools_at {
            Some(_) => session
                .computed()?
                .admitting(&*stored.record)
                .map(|pool| pool.name.as_str())
                .collect(),
            None => Vec::new(),
        };
        let own = OwnProperties::read(&session, &stored)?;
        let mut properties = own.properties(&*stored.record);
        session.filter_properties(kind, &mut properties)?;
        let mut related: Vec<(&str, View<'_>)> = Vec::with_capacity(relations.len());
        for (at, relation) in relations.iter().enumerate() {
            let word = relation.name.as_str();
            let mut others = referrers.of_relation(at);
            if pools_at == Some(at) {
                others.extend_from_slice(&pools);
            }
            session.retain_shown(Target::Kind(relation.holder_kind()), &mut others)?;
            let names = match relation.own.and_then(|_| find(&properties, word)) {
                Some(View::Texts(own)) => union(own, others),
                _ => union(&[], others),
            };
            related.push((word, View::Texts(names)));
        }
        if pools_at.is_some() && session.pools_are_incomplete()? {
            related.push((POOLS_INCOMPLETE, View::Bool(true)));
            related.sort_unstable_by_key(|(word, _)| *word);
        }
        let mut properties = merged(properties, related);
        let enms;
        if dialect == Dialect::Enms {
            enms = Referrers::read(&session.reading, &backward.targets, &backward.enms, name)?;
            let mut related = Vec::with_capacity(backward.enms.len());
            for (at, relation) in backward.enms.iter().enumerate() {
                let mut names = enms.of_relation(at);
                session.retain_shown(Target::Kind(relation.holder_kind()), &mut names)?;
                related.push((relation.name.as_str(), View::Texts(union(&[], names))));
            }
            properties = merged(properties, related);
        }
        let (version, ordinal, state) = (stored.version, stored.ordinal, RowState::Read);
        Ok(show(&InstanceRow { version, ordinal, state, properties: &properties }))
    }
}

impl Inventory {
    /// The `type` of an instance, such as `router`; `None` if there is no such instance.
    ///
    /// # Errors
    /// [`InventoryError::Store`] if it cannot be read.
    pub fn exact_type(&self, kind: Kind, name: &str) -> Result<Option<String>, InventoryError> {
        const TYPE: &str = "type";
        let session = self.session();
        let stored = session.reading.get_any(kind, name)?;
        let Some(stored) = session.shown(stored)? else { return Ok(None) };
        let shown = kind.property(TYPE).map(|known| known.shown(stored.record.view(TYPE)));
        Ok(Some(match shown {
            Some(View::Text(word)) => word.to_owned(),
            Some(_) | None => kind.to_string(),
        }))
    }
}

/// The properties that a record shows without its referrers, including the members of a computed
/// pool, which are stored beside the record.
pub(in crate::inventory) struct OwnProperties {
    members: Option<Members>,
}

struct Members {
    devices: Vec<String>,
    links: Vec<String>,
}

impl OwnProperties {
    /// The properties of a record that is not the present one: the stored members are of no use.
    pub(in crate::inventory) fn without_members() -> Self {
        Self { members: None }
    }

    /// Reads the members, which are stored beside the record.
    ///
    /// # Errors
    /// [`InventoryError::Store`] if the members cannot be read.
    pub(super) fn read(
        session: &ReadSession<'_>,
        stored: &Stored<AnyRecord>,
    ) -> Result<Self, InventoryError> {
        let computed = match stored.record.kind() {
            Kind::Pool => session.computed()?.get(stored.ordinal).is_some(),
            _ => false,
        };
        let members = |side| session.reading.members(stored.ordinal, side);
        let members = if computed {
            Some(Members { devices: members(Side::Device)?, links: members(Side::Link)? })
        } else {
            None
        };
        Ok(Self { members })
    }

    /// The properties, sorted by name, with aliases and the members and counts of a pool.
    pub(in crate::inventory) fn properties<'a>(
        &'a self,
        record: &'a dyn Record,
    ) -> Vec<(&'a str, View<'a>)> {
        let properties = record.shown();
        let mut more: Vec<(&str, View<'_>)> = record
            .kind()
            .aliases()
            .iter()
            .filter_map(|(alias, name)| Some((*alias, find(&properties, name)?.clone())))
            .collect();
        for (name, default) in record.kind().custom_defaults() {
            if !record.custom().contains_key(*name) {
                more.extend(default.view().map(|view| (*name, view)));
            }
        }
        if record.kind() == Kind::Pool {
            for side in [Side::Device, Side::Link] {
                let members = self.members.as_ref().map(|members| match side {
                    Side::Device => &members.devices,
                    Side::Link => &members.links,
                });
                let count = match (members, find(&properties, side.list())) {
                    (Some(names), _) => names.len(),
                    (None, Some(View::Texts(names))) => names.len(),
                    (None, _) => 0,
                };
                more.push((side.count(), View::Int(i64::try_from(count).unwrap_or(i64::MAX))));
                if let Some(names) = members {
                    let names = names.iter().map(String::as_str).collect();
                    more.push((side.list(), View::Texts(names)));
                }
            }
        }
        more.sort_unstable_by_key(|(name, _)| *name);
        merged(properties, more)
    }
}

/// The value of a property, in a list sorted by name.
fn find<'p, 'a>(properties: &'p [(&'a str, View<'a>)], name: &str) -> Option<&'p View<'a>> {
    let at = properties.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    Some(&properties[at].1)
}

/// Merges two lists sorted by name. If both have an entry of one name, the entry of `preferred` is
/// kept.
fn merged<'a>(
    properties: Vec<(&'a str, View<'a>)>,
    preferred: Vec<(&'a str, View<'a>)>,
) -> Vec<(&'a str, View<'a>)> {
    if preferred.is_empty() {
        return properties;
    }
    let mut all = Vec::with_capacity(properties.len() + preferred.len());
    let mut preferred = preferred.into_iter().peekable();
    for (name, view) in properties {
        while let Some(before) = preferred.next_if(|(word, _)| *word < name) {
            all.push(before);
        }
        if preferred.peek().is_none_or(|(word, _)| *word != name) {
            all.push((name, view));
        }
    }
    all.extend(preferred);
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        inventory::sample::{Sample, list, object},
        model::Value,
    };

    #[test]
    fn a_device_shows_relations_of_both_directions() {
        let sample = Sample::small();
        let shown = sample.shown(Kind::Device, "R 1%");
        let names: Vec<&str> = shown.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        let get = |name: &str| sample.shown_property(Kind::Device, "R 1%", name);
        assert_eq!(get("name"), "R 1%".into());
        assert_eq!(get("port"), Value::Int(22), "a default");
        assert_eq!(get("vendor"), Value::Null, "explicitly null");
        assert_eq!(get("model"), "".into());
        assert_eq!(get("positions"), Value::Null);
        assert_eq!(get("rack"), Value::Int(7));
        assert_eq!(get("owners"), list(&[]));
        assert_eq!(get("links"), list(&["..>l", "l 1%"]));
        assert_eq!(get("networks"), list(&["net [x]"]));
        // Its own list comes first, in its order; then its referrers.
        assert_eq!(get("gateways"), list(&["é>b", "[Shared] x", "gw"]));
        assert_eq!(get("devices"), list(&[]));
        assert_eq!(get("services"), list(&["[Shared] s"]));
        assert_eq!(get("tasks"), list(&["t %"]));
        assert_eq!(sample.shown_property(Kind::Device, "gw", "devices"), list(&["R 1%"]));
        assert_eq!(sample.shown_property(Kind::Device, "é>b", "devices"), list(&["R 1%"]));
    }

    #[test]
    fn enms_names_stand_beside_ours_on_request() {
        let sample = Sample::small();
        let shown = |kind, name: &str, dialect| -> Vec<String> {
            let names = |row: &InstanceRow<'_>| {
                row.properties.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>()
            };
            sample.inventory.instance(kind, name, dialect, names).unwrap()
        };
        let ours = shown(Kind::Device, "R 1%", Dialect::Satchel);
        let both = shown(Kind::Device, "R 1%", Dialect::Enms);
        assert!(both.is_sorted_by(|a, b| a < b), "{both:?}");
        let added: Vec<&String> = both.iter().filter(|name| !ours.contains(name)).collect();
        assert_eq!(added, ["destination", "source", "target_services"]);
        let found = sample.inventory.instance(Kind::Device, "R 1%", Dialect::Enms, |row| {
            let value = |name: &str| {
                let (_, view) = row.properties.iter().find(|(word, _)| *word == name).unwrap();
                view.to_value()
            };
            (value("target_services"), value("source"), value("destination"))
        });
        let expected = (list(&["[Shared] s"]), list(&["..>l", "l 1%"]), list(&[]));
        assert_eq!(found.unwrap(), expected);
        // They can be columns and filters without being asked for.
        assert_eq!(sample.shown_property(Kind::Task, "t %", "is_active"), Value::Bool(false));
    }

    #[test]
    fn a_relation_is_preferred_to_a_custom_property() {
        let sample = Sample::small();
        sample.put(Kind::Device, object(&[("name", "é>b".into()), ("links", "mine".into())]));
        assert_eq!(sample.shown_property(Kind::Device, "é>b", "links"), list(&[]));
    }

    #[test]
    fn the_ends_of_a_link_are_shown_under_both_names() {
        let sample = Sample::small();
        let get = |name: &str, property: &str| sample.shown_property(Kind::Link, name, property);
        assert_eq!(get("l 1%", "source"), "R 1%".into());
        assert_eq!(get("l 1%", "source_name"), "R 1%".into());
        assert_eq!(get("l 1%", "destination_name"), "sub".into());
        assert_eq!(get("..>l", "destination"), Value::Null);
        assert_eq!(get("..>l", "destination_name"), Value::Null);
        assert_eq!(get("l 1%", "networks"), list(&["net [x]"]));
        let attached = sample.shown_property(Kind::Network, "sub", "attached_links");
        assert_eq!(attached, list(&["l 1%"]));
        let parents = sample.shown_property(Kind::Network, "sub", "parent_networks");
        assert_eq!(parents, list(&["net [x]"]));
    }

    #[test]
    fn pools_and_their_members_show_each_other() {
        let sample = Sample::small();
        let pools = |kind, name: &str| sample.shown_property(kind, name, "pools");
        // "cisco" is computed; the other pools list their members.
        assert_eq!(pools(Kind::Device, "é>b"), list(&["cisco", "pool %"]));
        assert_eq!(pools(Kind::Device, "R 1%"), list(&["pool %"]));
        assert_eq!(pools(Kind::Link, "l 1%"), list(&["odd"]));
        let get = |name: &str, property: &str| sample.shown_property(Kind::Pool, name, property);
        assert_eq!(get("pool %", "device_number"), Value::Int(2));
        assert_eq!(get("pool %", "link_number"), Value::Int(0));
        assert_eq!(
            get("odd", "link_number"),
            Value::Int(1),
            "its criteria are invalid, so it keeps its members"
        );
        assert_eq!(get("pool %", "target_services"), list(&["[Shared] s", "s 2"]));
        // A changed pool is recomputed.
        sample.put(Kind::Pool, object(&[("name", "cisco".into()), ("device_name", "1%".into())]));
        assert_eq!(pools(Kind::Device, "é>b"), list(&["pool %"]));
        assert_eq!(pools(Kind::Device, "R 1%"), list(&["cisco", "pool %"]));
    }

    #[test]
    fn a_computed_pool_shows_its_members() {
        let sample = Sample::small();
        let get = |property: &str| sample.shown_property(Kind::Pool, "cisco", property);
        assert_eq!(get("devices"), list(&[]));
        sample.fill("cisco", Side::Device, &[(1, "é>b"), (0, "R 1%")]);
        assert_eq!(get("devices"), list(&["R 1%", "é>b"]), "in the order of their records");
        assert_eq!(get("device_number"), Value::Int(2));
        assert_eq!(get("links"), list(&[]));
        assert_eq!(get("link_number"), Value::Int(0));
    }

    #[test]
    fn secrets_are_not_shown() {
        let sample = Sample::small();
        let shown = sample.shown(Kind::User, "admin");
        assert!(shown.iter().all(|(name, _)| name != "password"));
        assert_eq!(sample.shown_property(Kind::User, "admin", "owned_links"), list(&["l 1%"]));
    }

    #[test]
    fn missing_instances_are_not_found() {
        let sample = Sample::small();
        for name in ["nobody", "", "é", "R 1", "R 1%\0"] {
            let result = sample.inventory.instance(Kind::Device, name, Dialect::Satchel, |_| ());
            assert!(matches!(result, Err(InventoryError::NotFound { .. })), "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]

        /// A record shows under a relation exactly what all records refer to.
        #[test]
        fn both_directions_agree(seed in any::<u64>()) {
            let sample = Sample::random(seed);
            let references = sample.references();
            for kind in Kind::ALL {
                for name in sample.names(kind) {
                    for relation in &InverseRelations::of(kind).relations {
                        let mut expected: BTreeSet<String> = BTreeSet::new();
                        for (from, from_name, property, target, to) in &references {
                            let holds = |h: &crate::model::Holder| {
                                h.kind == *from && h.property == *property && h.target == *target
                            };
                            if *to == name && relation.holders.iter().any(holds) {
                                expected.insert(from_name.clone());
                            }
                            if *from == kind && *from_name == name && *property == relation.name {
                                expected.insert(to.clone());
                            }
                        }
                        let Value::List(shown) = sample.shown_property(kind, &name, &relation.name)
                        else {
                            panic!("{kind} {name} {}: no list", relation.name);
                        };
                        let names: BTreeSet<String> =
                            shown.iter().map(|name| name.as_text().unwrap().to_owned()).collect();
                        prop_assert_eq!(&names, &expected, "{} {} {}", kind, name, relation.name);
                        prop_assert_eq!(names.len(), shown.len(), "no name twice");
                    }
                }
            }
        }
    }
}
