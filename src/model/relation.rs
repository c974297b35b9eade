//! The words under which a record shows the records that name it.
//!
//! A relation is held on one side only; on the other it is shown too, under a word of eNMS's. A
//! word can stand for both: a device's `devices` are those that it lists and those that list it
//! among their `gateways`. Under one word all names are of the same kinds and mean the same.

use std::sync::LazyLock;

use super::{Arity, Kind, PerKind, Target};

/// The relations of one kind's records that are held by others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InverseRelations {
    /// What the reverse index knows the kind's records as.
    pub targets: Vec<Target>,
    /// By word.
    pub relations: Vec<InverseRelation>,
}

/// A word under which records show who names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InverseRelation {
    pub name: String,
    /// What the kind's own property of this word refers to, where it has one: both are shown.
    pub own: Option<Target>,
    /// Never empty.
    pub holders: Vec<Holder>,
}

/// A property of a kind that holds a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    pub kind: Kind,
    pub property: &'static str,
    /// What the property refers to.
    pub target: Target,
}

impl InverseRelations {
    /// What others hold about records of this kind.
    pub fn of(kind: Kind) -> &'static Self {
        static ALL: LazyLock<PerKind<InverseRelations>> =
            LazyLock::new(|| PerKind::new(InverseRelations::gather));
        &ALL[kind]
    }

    /// The relation that a word stands for.
    pub fn relation(&self, word: &str) -> Option<&InverseRelation> {
        let found = self.relations.binary_search_by(|relation| relation.name.as_str().cmp(word));
        found.ok().map(|at| &self.relations[at])
    }

    fn gather(kind: Kind) -> Self {
        let mut inverse = InverseRelations { targets: Vec::new(), relations: Vec::new() };
        let own = held_by(kind);
        for holder in Kind::ALL.into_iter().flat_map(held_by) {
            if !holder.target.kinds().contains(&kind) {
                continue;
            }
            if !inverse.targets.contains(&holder.target) {
                inverse.targets.push(holder.target);
            }
            let word = word(kind, holder);
            match inverse.relations.iter_mut().find(|relation| relation.name == word) {
                Some(relation) => relation.holders.push(holder),
                None => {
                    let own = own.iter().find(|own| own.property == word).map(|own| own.target);
                    inverse.relations.push(InverseRelation {
                        name: word,
                        own,
                        holders: vec![holder],
                    });
                }
            }
        }
        inverse.relations.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        inverse
    }
}

/// How many records a property of a kind names; none, where it is no relation.
pub fn arity(kind: Kind, property: &str) -> Option<Arity> {
    kind.property(property)?.type_.relation().map(|(arity, _)| arity)
}

/// The relations that a kind's records hold.
fn held_by(kind: Kind) -> Vec<Holder> {
    let held = kind.properties().iter().filter_map(|property| {
        let (_, target) = property.type_.relation()?;
        Some(Holder { kind, property: property.name, target })
    });
    held.collect()
}

/// The word under which a record of `kind` shows those whose property is `holder`.
fn word(kind: Kind, holder: Holder) -> String {
    let word = match (holder.kind, holder.property, kind) {
        (Kind::Device, "devices", _) => "gateways",
        (Kind::Device, "gateways", _) => "devices",
        (Kind::Link, "source" | "destination", Kind::Network) => "attached_links",
        (Kind::Link, "source" | "destination", _) => "links",
        // A network's own `networks` are those inside of it.
        (Kind::Network, "networks" | "nodes", Kind::Network) => "parent_networks",
        (Kind::Network, "links" | "nodes", _) => "networks",
        (Kind::Pool, "devices" | "links" | "tasks", _) => "pools",
        (Kind::Pool, "target_services", _) => "target_pools",
        (Kind::Service, "services", _) => "workflows",
        (Kind::Service, "target_devices", _) => "services",
        (Kind::Service, "target_pools", _) => "target_services",
        (Kind::Service, "restrict_to_owners", _) => "restricted_services",
        (Kind::WorkflowEdge, "workflow", _) => "edges",
        (Kind::WorkflowEdge, "source", _) => "outgoing_edges",
        (Kind::WorkflowEdge, "destination", _) => "incoming_edges",
        (Kind::Task, "service" | "devices" | "pools", _) => "tasks",
        (Kind::Credential, "device_pools" | "groups", _) => "credentials",
        (Kind::Group, "users", _) => "groups",
        (Kind::File, "files", _) => "folders",
        (holder, "owners", _) => return format!("owned_{holder}s"),
        // `rbac_read_devices`: and no relation is without a word of its own.
        (holder, property, _) => return format!("{property}_{holder}s"),
    };
    word.to_owned()
}

/// Other words of the wire for a kind's properties, with the properties' names, by word.
pub fn aliases(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::Link => &[("destination_name", "destination"), ("source_name", "source")],
        Kind::User
        | Kind::Group
        | Kind::Device
        | Kind::File
        | Kind::Service
        | Kind::Network
        | Kind::WorkflowEdge
        | Kind::Task
        | Kind::Credential
        | Kind::Pool => &[],
    }
}

/// The property that a word of the wire means: itself, where it is no alias.
pub fn unaliased(kind: Kind, word: &str) -> &str {
    aliases(kind).iter().find(|(alias, _)| *alias == word).map_or(word, |(_, property)| property)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PropertyType;

    #[test]
    fn every_relation_has_one_word_on_every_kind_that_it_names() {
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
    fn a_word_means_one_thing() {
        for kind in Kind::ALL {
            let properties = kind.properties();
            let inverse = InverseRelations::of(kind);
            assert!(inverse.relations.is_sorted_by(|a, b| a.name < b.name), "{kind}");
            for relation in &inverse.relations {
                let word = &relation.name;
                // All names under one word are of one kind.
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
                assert!(aliases(kind).iter().all(|(alias, _)| alias != word), "{kind} {word}");
                for holder in &relation.holders {
                    assert!(inverse.targets.contains(&holder.target), "{kind} {word}");
                }
            }
        }
    }

    #[test]
    fn a_relation_names_one_or_many() {
        assert_eq!(arity(Kind::Device, "owners"), Some(Arity::Many));
        assert_eq!(arity(Kind::Link, "source"), Some(Arity::One));
        assert_eq!(arity(Kind::Device, "port"), None);
        assert_eq!(arity(Kind::Device, "source"), None);
    }

    /// Where several relations share a word, and where a word is shared with the kind's own.
    #[test]
    fn the_words_that_unite_are_those_that_mean_the_same() {
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
    fn enms_words_are_the_words() {
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
    fn aliases_are_other_words_for_properties() {
        for kind in Kind::ALL {
            let properties = kind.properties();
            assert!(aliases(kind).is_sorted());
            for (alias, name) in aliases(kind) {
                assert!(properties.iter().any(|property| property.name == *name), "{kind} {name}");
                assert!(
                    properties.iter().all(|property| property.name != *alias),
                    "{kind} {alias}"
                );
                assert_eq!(unaliased(kind, alias), *name);
            }
            assert_eq!(unaliased(kind, "name"), "name");
        }
    }
}
