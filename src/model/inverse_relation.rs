//! Inverse relations: properties that show the records that refer to this record.
//!
//! A relation is stored on one side only. The other side shows it too, mostly under eNMS's name. One
//! name can stand for both directions: a device's `devices` contains the devices in its own list and
//! the devices whose `gateways` contain it. All records in one inverse relation are of the same kind.
//!
//! If our name differs from eNMS's, the relation has both: a device's `services` are its
//! `target_services` in eNMS. Requests can use either name. A response shows eNMS's names beside
//! ours if the request asks for them.

use std::sync::LazyLock;

use super::{Arity, Kind, PerKind, Target};

/// The relations of other records to the records of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InverseRelations {
    /// The targets under which the index of references finds the kind's records.
    pub targets: Vec<Target>,
    /// The inverse relations, sorted by name.
    pub relations: Vec<InverseRelation>,
    /// The same relations under the names of eNMS that are not ours, sorted by name. A relation of
    /// ours can be several of eNMS: a device's `links` are its `source` and its `destination` there.
    pub enms: Vec<InverseRelation>,
}

/// One inverse relation: a property that shows the records that refer to this record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InverseRelation {
    /// The name of the property on the wire.
    pub name: String,
    /// The target of the kind's own property of this name, if it has one. The property then shows
    /// the names in the record's own list as well.
    pub own: Option<Target>,
    /// The relations of other records that it shows; never empty.
    pub holders: Vec<Holder>,
}

/// A relation: the kind and the property that hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The kind of the records that store the relation.
    pub kind: Kind,
    /// The property in which they store it.
    pub property: &'static str,
    /// The kinds to which the relation can refer.
    pub target: Target,
}

impl InverseRelation {
    /// The kind of the records that hold the relation: all holders are of one kind.
    pub fn holder_kind(&self) -> Kind {
        self.holders[0].kind
    }
}

impl InverseRelations {
    /// The inverse relations of a kind.
    pub fn of(kind: Kind) -> &'static Self {
        static ALL: LazyLock<PerKind<InverseRelations>> =
            LazyLock::new(|| PerKind::new(InverseRelations::gather));
        &ALL[kind]
    }

    /// The inverse relation of this name, which can be eNMS's.
    pub fn relation(&self, name: &str) -> Option<&InverseRelation> {
        named(&self.relations, name).or_else(|| named(&self.enms, name))
    }

    fn gather(kind: Kind) -> Self {
        let mut inverse =
            InverseRelations { targets: Vec::new(), relations: Vec::new(), enms: Vec::new() };
        let own = held_by(kind);
        for holder in Kind::ALL.into_iter().flat_map(held_by) {
            if !holder.target.kinds().contains(&kind) {
                continue;
            }
            if !inverse.targets.contains(&holder.target) {
                inverse.targets.push(holder.target);
            }
            let (name, enms_name) = inverse_names(kind, holder);
            match inverse.relations.iter_mut().find(|relation| relation.name == name) {
                Some(relation) => relation.holders.push(holder),
                None => {
                    let own = own.iter().find(|own| own.property == name).map(|own| own.target);
                    inverse.relations.push(InverseRelation { name, own, holders: vec![holder] });
                }
            }
            if let Some(name) = enms_name {
                inverse.enms.push(InverseRelation { name, own: None, holders: vec![holder] });
            }
        }
        inverse.relations.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        inverse.enms.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        inverse
    }
}

/// The relation of this name, in a list sorted by name.
fn named<'r>(relations: &'r [InverseRelation], name: &str) -> Option<&'r InverseRelation> {
    let found = relations.binary_search_by(|relation| relation.name.as_str().cmp(name));
    found.ok().map(|at| &relations[at])
}

/// Returns the arity of a relation. `None` for a property that is not a relation.
pub fn arity(kind: Kind, property: &str) -> Option<Arity> {
    kind.property(property)?.type_.relation().map(|(arity, _)| arity)
}

/// The relations in a kind's own properties.
fn held_by(kind: Kind) -> Vec<Holder> {
    let held = kind.properties().iter().filter_map(|property| {
        let (_, target) = property.type_.relation()?;
        Some(Holder { kind, property: property.name, target })
    });
    held.collect()
}

/// The name of a relation as seen from the records to which it refers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InverseName {
    relation: &'static str,
    /// The kind of those records. `None` for every kind.
    seen_from: Option<Kind>,
    name: &'static str,
    /// The name in eNMS, if it is another one.
    enms_name: Option<&'static str>,
}

impl InverseName {
    /// The inverse name of a relation on every kind to which it can refer.
    pub const fn new(relation: &'static str, name: &'static str) -> Self {
        Self { relation, seen_from: None, name, enms_name: None }
    }

    /// The inverse name of a relation on the records of one kind.
    pub const fn seen_from(kind: Kind, relation: &'static str, name: &'static str) -> Self {
        Self { relation, seen_from: Some(kind), name, enms_name: None }
    }

    /// The same, with the name that eNMS's models have for it.
    pub const fn in_enms(self, enms_name: &'static str) -> Self {
        Self { enms_name: Some(enms_name), ..self }
    }

    fn fits(&self, kind: Kind, relation: &str) -> bool {
        self.relation == relation && self.seen_from.is_none_or(|seen_from| seen_from == kind)
    }
}

/// The name under which a record of `kind` shows the records whose relation is `holder`, and eNMS's
/// name if it is another one.
fn inverse_names(kind: Kind, holder: Holder) -> (String, Option<String>) {
    let Holder { kind: holder_kind, property, .. } = holder;
    match holder_kind.inverse_names().iter().find(|name| name.fits(kind, property)) {
        Some(inverse) => (inverse.name.to_owned(), inverse.enms_name.map(str::to_owned)),
        None if property == "owners" => {
            (format!("owned_{holder_kind}s"), Some(format!("user_{holder_kind}s")))
        }
        None => (format!("{property}_{holder_kind}s"), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PropertyType;

    #[test]
    fn every_relation_has_one_inverse_on_every_target_kind() {
        for holder in Kind::ALL.into_iter().flat_map(held_by) {
            for kind in Kind::ALL {
                let relations = &InverseRelations::of(kind).relations;
                let words = relations.iter().filter(|found| found.holders.contains(&holder));
                let named = holder.target.kinds().contains(&kind);
                assert_eq!(words.count(), usize::from(named), "{holder:?} on a {kind}");
            }
        }
    }

    #[test]
    fn an_inverse_relation_is_not_a_property_of_another_type() {
        for kind in Kind::ALL {
            let properties = kind.properties();
            let inverse = InverseRelations::of(kind);
            assert!(inverse.relations.is_sorted_by(|a, b| a.name < b.name), "{kind}");
            for relation in &inverse.relations {
                let word = &relation.name;
                // All holders are of one kind.
                let holder = relation.holders[0].kind;
                assert!(relation.holders.iter().all(|h| h.kind == holder), "{kind} {word}");
                let property = properties.iter().find(|property| property.name == word);
                match property.map(|property| property.type_) {
                    None => assert_eq!(relation.own, None, "{kind} {word}"),
                    Some(PropertyType::Many(target)) => {
                        assert_eq!(relation.own, Some(target), "{kind} {word}");
                        assert_eq!(target.kinds(), [holder], "{kind} {word}");
                    }
                    Some(other) => panic!("{kind} {word} is {other} already"),
                }
                assert!(kind.aliases().iter().all(|(alias, _)| alias != word), "{kind} {word}");
                for holder in &relation.holders {
                    assert!(inverse.targets.contains(&holder.target), "{kind} {word}");
                }
            }
        }
    }

    #[test]
    fn the_names_of_enms_are_no_other_property() {
        for kind in Kind::ALL {
            let inverse = InverseRelations::of(kind);
            assert!(inverse.enms.is_sorted_by(|a, b| a.name < b.name), "{kind}");
            for relation in &inverse.enms {
                let word = &relation.name;
                assert_eq!(relation.own, None, "{kind} {word}");
                assert_eq!(kind.property(word), None, "{kind} {word}");
                assert!(inverse.relations.iter().all(|ours| ours.name != *word), "{kind} {word}");
                let [holder] = relation.holders[..] else { panic!("{kind} {word}") };
                assert!(inverse.relations.iter().any(|ours| ours.holders.contains(&holder)));
                assert_eq!(inverse.relation(word), Some(relation));
            }
        }
    }

    /// The names are those of the models of eNMS 4.6 (`eNMS/models`), without its runs and sessions.
    #[test]
    fn relations_have_enms_names_beside_ours() {
        let words = |kind: Kind| -> Vec<&str> {
            InverseRelations::of(kind).enms.iter().map(|relation| relation.name.as_str()).collect()
        };
        assert_eq!(words(Kind::Device), ["destination", "source", "target_services"]);
        assert_eq!(words(Kind::Pool), ["credential_devices"]);
        assert_eq!(words(Kind::Service), ["destinations", "sources"]);
        assert_eq!(
            words(Kind::User),
            [
                "user_credentials",
                "user_devices",
                "user_links",
                "user_networks",
                "user_pools",
                "user_services",
                "user_tasks",
            ]
        );
        assert_eq!(
            words(Kind::Group),
            [
                "rbac_pool_rbac_configuration",
                "rbac_pool_rbac_connect",
                "rbac_pool_rbac_edit",
                "rbac_pool_rbac_read",
                "rbac_pool_rbac_target",
            ]
        );
        for kind in [Kind::Network, Kind::Link, Kind::Task, Kind::File, Kind::Credential] {
            assert_eq!(words(kind), [""; 0], "{kind}");
        }
    }

    #[test]
    fn the_arity_of_a_relation_is_one_or_many() {
        assert_eq!(arity(Kind::Device, "owners"), Some(Arity::Many));
        assert_eq!(arity(Kind::Link, "source"), Some(Arity::One));
        assert_eq!(arity(Kind::Device, "port"), None);
        assert_eq!(arity(Kind::Device, "source"), None);
    }

    /// Lists the names that several relations share, and the names that are also a property of the
    /// kind.
    #[test]
    fn only_relations_of_the_same_meaning_share_a_name() {
        let mut shared = Vec::new();
        for kind in Kind::ALL {
            for relation in &InverseRelations::of(kind).relations {
                if relation.holders.len() > 1 || relation.own.is_some() {
                    let held: Vec<_> = relation.holders.iter().map(|h| h.property).collect();
                    let own = if relation.own.is_some() { "own " } else { "" };
                    shared.push(format!("{kind}.{}: {own}{}", relation.name, held.join(" ")));
                }
            }
        }
        assert_eq!(
            shared,
            [
                "device.devices: own gateways",
                "device.gateways: own devices",
                "device.links: destination source",
                "service.target_pools: own target_services",
                "network.attached_links: destination source",
                "network.parent_networks: networks nodes",
                "task.pools: own tasks",
                "pool.target_services: own target_pools",
                "pool.tasks: own pools",
            ]
        );
    }

    #[test]
    fn inverse_relations_have_enms_names() {
        let words = |kind: Kind| -> Vec<&str> {
            InverseRelations::of(kind)
                .relations
                .iter()
                .map(|relation| relation.name.as_str())
                .collect()
        };
        assert_eq!(
            words(Kind::Device),
            ["devices", "gateways", "links", "networks", "pools", "services", "tasks"]
        );
        assert_eq!(words(Kind::Network), ["attached_links", "parent_networks"]);
        assert_eq!(words(Kind::Link), ["networks", "pools"]);
        assert_eq!(words(Kind::Pool), ["credentials", "target_services", "tasks"]);
        assert_eq!(
            words(Kind::Service),
            ["edges", "incoming_edges", "outgoing_edges", "target_pools", "tasks", "workflows"]
        );
        assert_eq!(words(Kind::Task), ["pools"]);
        assert_eq!(words(Kind::File), ["folders"]);
        assert_eq!(words(Kind::Credential), [""; 0]);
        assert_eq!(words(Kind::WorkflowEdge), [""; 0]);
        assert_eq!(
            words(Kind::User),
            [
                "groups",
                "owned_credentials",
                "owned_devices",
                "owned_links",
                "owned_networks",
                "owned_pools",
                "owned_services",
                "owned_tasks",
                "restricted_services",
            ]
        );
        let group = words(Kind::Group);
        assert!(group.contains(&"credentials") && group.contains(&"rbac_read_devices"));
        assert!(group.contains(&"rbac_run_services"));
        assert!(group.contains(&"rbac_group_rbac_target_pools"));
    }

    #[test]
    fn every_inverse_name_is_of_a_relation_of_its_kind() {
        for kind in Kind::ALL {
            for inverse in kind.inverse_names() {
                let property = kind.property(inverse.relation).unwrap();
                let (_, target) = property.type_.relation().unwrap();
                let mut seen_from = inverse.seen_from.into_iter();
                assert!(seen_from.all(|kind| target.kinds().contains(&kind)), "{inverse:?}");
            }
        }
    }

    #[test]
    fn an_alias_resolves_to_a_property_and_is_not_a_property() {
        for kind in Kind::ALL {
            let properties = kind.properties();
            assert!(kind.aliases().is_sorted());
            for (alias, name) in kind.aliases() {
                assert!(properties.iter().any(|property| property.name == *name), "{kind} {name}");
                assert!(
                    properties.iter().all(|property| property.name != *alias),
                    "{kind} {alias}"
                );
                assert_eq!(kind.unaliased(alias), *name);
            }
            assert_eq!(kind.unaliased("name"), "name");
        }
    }
}
