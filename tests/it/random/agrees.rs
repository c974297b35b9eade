//! Compares an inventory with the reference model.

use std::collections::{BTreeMap, BTreeSet};

use satchel::inventory::{Dialect, Inventory};
use satchel::model::{
    Criteria, Device, Entity, InverseRelations, Kind, KindVisitor, Link, Membership, Pool, Secrets,
    Side, Target, Value,
};
use satchel::store::{
    LiveView, Origin, Referrer, Store, StoreError, Stored, parse_posting, parse_target_key,
};

use super::plain::{Plain, Seen};

impl Plain {
    /// Asserts that the store equals the model and is consistent, and that unchanged records kept
    /// their versions since the last comparison.
    pub(super) fn agrees(&mut self, store: &Store, inventory: &Inventory) {
        let reading = store.read();
        let summary = reading.summary().unwrap();
        let mut references = BTreeMap::<(Target, String), BTreeSet<Referrer>>::new();
        let mut seen = Seen::new();
        for kind in Kind::ALL {
            assert_eq!(summary.kind(kind).count, self.records[kind].len() as u64, "{kind}");
            kind.dispatch(Compare {
                plain: self,
                reading: &reading,
                references: &mut references,
                seen: &mut seen,
            });
        }
        let mut found = BTreeMap::<(Target, String), BTreeSet<Referrer>>::new();
        reading
            .each_reference(|target, posting| {
                let (target, name, _) = parse_target_key(target).unwrap();
                found
                    .entry((target, name.to_owned()))
                    .or_default()
                    .insert(parse_posting(posting).unwrap());
                Ok::<_, StoreError>(())
            })
            .unwrap();
        assert_eq!(found, references, "both directions");
        for (target, name) in references.keys() {
            let there = target.kinds().iter().any(|kind| reading.contains(*kind, name).unwrap());
            assert!(there, "{target} {name} is named and not there");
        }
        self.pools_agree(&reading);
        for kind in Kind::ALL {
            for name in self.records[kind].keys() {
                self.shows(inventory, kind, name);
            }
        }
        let pools = inventory.update_pools(None, &Origin::internal("test")).unwrap();
        let computed = self.records[Kind::Pool].values().filter(|pool| !pool.manual).count();
        let found = (pools.computed, pools.changed, pools.kept);
        assert_eq!(found, (computed as u64, 0, Vec::new()), "they were right");
        for (place, (version, words)) in &seen {
            if let Some((before, held)) = self.seen.get(place)
                && held == words
            {
                assert_eq!(version, before, "{place:?} did not change");
            }
        }
        self.seen = seen;
    }

    /// Asserts that an instance shows its relations in both directions.
    fn shows(&self, inventory: &Inventory, kind: Kind, name: &str) {
        let shown: BTreeMap<String, Value> = inventory
            .instance(kind, name, Dialect::Satchel, |shown| {
                let properties = shown.properties.iter();
                properties.map(|(word, view)| ((*word).to_owned(), view.to_value())).collect()
            })
            .unwrap();
        let mut expected = BTreeMap::<&str, BTreeSet<String>>::new();
        for relation in &InverseRelations::of(kind).relations {
            let mut names: BTreeSet<String> = match relation.own {
                Some(_) => self.named_by(kind, name, &relation.name),
                None => BTreeSet::new(),
            };
            for holder in &relation.holders {
                let others = self.records[holder.kind].keys();
                let naming = others
                    .filter(|o| self.named_by(holder.kind, o, holder.property).contains(name));
                names.extend(naming.cloned());
            }
            expected.insert(&relation.name, names);
        }
        if kind == Kind::Pool {
            for side in [Side::Device, Side::Link] {
                let members = self.named_by(kind, name, side.list());
                let count = Value::Int(members.len().try_into().unwrap());
                assert_eq!(shown[side.count()], count, "{name}");
                expected.insert(side.list(), members);
            }
        }
        for (word, expected) in expected {
            let Value::List(found) = &shown[word] else { panic!("{kind} {name} {word}: no list") };
            let names: BTreeSet<String> =
                found.iter().map(|name| name.as_text().unwrap().to_owned()).collect();
            assert_eq!(names.len(), found.len(), "{kind} {name} {word}: a name twice");
            assert_eq!(names, expected, "{kind} {name} {word}");
        }
    }

    /// The names in one of a record's relations, including the members of a computed pool.
    fn named_by(&self, kind: Kind, name: &str, relation: &str) -> BTreeSet<String> {
        let held = &self.records[kind][name];
        if kind == Kind::Pool
            && !held.manual
            && let Some(members) = self.members(held).remove(relation)
        {
            return members;
        }
        held.relations.get(relation).into_iter().flatten().cloned().collect()
    }

    fn pools_agree(&mut self, reading: &LiveView) {
        let devices: Vec<_> = reading.scan::<Device>().map(Result::unwrap).collect();
        let links: Vec<_> = reading.scan::<Link>().map(Result::unwrap).collect();
        for stored in reading.scan::<Pool>() {
            let Stored { record: pool, ordinal, .. } = stored.unwrap();
            let expected = match pool.membership() {
                Membership::Computed { devices: device, links: link } => {
                    assert!(pool.devices.get().is_none_or(Vec::is_empty));
                    assert!(pool.links.get().is_none_or(Vec::is_empty));
                    [
                        (Side::Device, admitted(&devices, &device)),
                        (Side::Link, admitted(&links, &link)),
                    ]
                }
                Membership::Manual => {
                    for (number, list) in [
                        (&pool.device_number, pool.devices.get().map_or(0, Vec::len)),
                        (&pool.link_number, pool.links.get().map_or(0, Vec::len)),
                    ] {
                        assert!(number.get().is_none_or(|number| *number == list as i64));
                    }
                    [(Side::Device, Vec::new()), (Side::Link, Vec::new())]
                }
                Membership::Invalid(error) => panic!("{error}"),
            };
            let plain = self.members(&self.records[Kind::Pool][pool.name.as_str()]);
            for (side, members) in expected {
                assert_eq!(reading.members(ordinal, side).unwrap(), members, "{}", pool.name);
                let count = reading.member_count(ordinal, side).unwrap();
                assert_eq!(count, members.len() as u64, "{}", pool.name);
                if !self.records[Kind::Pool][pool.name.as_str()].manual {
                    let word = if side == Side::Device { "devices" } else { "links" };
                    assert_eq!(members.into_iter().collect::<BTreeSet<_>>(), plain[word]);
                }
            }
        }
    }
}

/// The names of the records that match the criteria, sorted by ordinal.
fn admitted<E: Entity>(all: &[Stored<E>], criteria: &Criteria) -> Vec<String> {
    let mut members: Vec<_> = all.iter().filter(|one| criteria.matches(&one.record)).collect();
    members.sort_by_key(|one| one.ordinal);
    members.into_iter().map(|one| one.record.name().to_string()).collect()
}

struct Compare<'a> {
    plain: &'a mut Plain,
    reading: &'a LiveView,
    references: &'a mut BTreeMap<(Target, String), BTreeSet<Referrer>>,
    seen: &'a mut Seen,
}

impl KindVisitor for Compare<'_> {
    type Output = ();

    fn visit<E: Entity>(self) {
        let Self { plain, reading, references, seen } = self;
        let stored: Vec<Stored<E>> = reading.scan().map(Result::unwrap).collect();
        let found: Vec<&str> = stored.iter().map(|one| one.record.name().as_str()).collect();
        let expected: Vec<&str> = plain.records[E::KIND].keys().map(String::as_str).collect();
        assert_eq!(found, expected, "{}", E::KIND);
        for mut one in stored {
            let name = one.record.name().to_string();
            let mut named = BTreeMap::<&'static str, Vec<String>>::new();
            one.record.references(&mut |reference| {
                named.entry(reference.relation).or_default().push(reference.name.to_owned());
                let target = (reference.target, reference.name.to_owned());
                references.entry(target).or_default().insert(Referrer {
                    kind: E::KIND,
                    name: name.clone(),
                    relation: reference.relation.to_owned(),
                });
            });
            let held = plain.records[E::KIND].get_mut(&name).unwrap();
            if E::KIND == Kind::Pool {
                // The order of a pool's members in its list is not part of the model.
                for side in ["devices", "links"] {
                    let sorted = |names: Option<&Vec<String>>| {
                        names.into_iter().flatten().cloned().collect::<BTreeSet<_>>()
                    };
                    assert_eq!(sorted(named.get(side)), sorted(held.relations.get(side)), "{name}");
                    if let Some(names) = named.get(side) {
                        held.relations.insert(side, names.clone());
                    }
                }
            }
            assert_eq!(named, held.relations, "{} {name}", E::KIND);
            for (property, expected) in [("vendor", &held.vendor), ("creator", &held.creator)] {
                let found = one.record.view(property).map(|view| view.to_value());
                assert_eq!(found, expected.as_deref().map(Value::from), "{} {name}", E::KIND);
            }
            if E::KIND == Kind::Device {
                let text = reading.text(&name, "configuration").unwrap().map(|text| text.text);
                assert_eq!(text, held.text, "{name}");
            }
            reading.decrypt_secrets(&mut one.record).unwrap();
            let words = format!("{:?}", one.record.views(Secrets::Included));
            seen.insert((E::KIND, name), (one.version, words));
        }
    }
}
