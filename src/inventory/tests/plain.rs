//! A plain inventory in memory, of which a test knows that it is right, and the comparison of the
//! store with it.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{
    inventory::plan::arity,
    model::{
        Arity, Backward, Criteria, Device, Entity, KindVisitor, Link, Membership, Pool,
        PropertyType, Secrets, Side, Target,
    },
    store::{Reading, Referrer, parse_posting, parse_target_key},
};

/// A record of the plain inventory: of each kind the same few properties, and all relations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Held {
    /// What each relation names. One that holds one names one or none.
    pub relations: BTreeMap<&'static str, Vec<String>>,
    pub vendor: Option<String>,
    /// A pool's.
    pub manual: bool,
    pub criteria: BTreeMap<String, String>,
    /// A device's configuration.
    pub text: Option<String>,
}

/// What is put.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    pub name: String,
    pub new_name: Option<String>,
    pub relations: BTreeMap<&'static str, Vec<String>>,
    pub vendor: Option<String>,
    pub manual: Option<bool>,
    pub criteria: BTreeMap<String, String>,
    /// A text, or its removal.
    pub text: Option<Option<String>>,
}

/// A record as it was seen: its version and its properties, in words.
type Seen = BTreeMap<(Kind, String), (u64, String)>;

#[derive(Clone, Default)]
pub struct Plain {
    pub records: PerKind<BTreeMap<String, Held>>,
    seen: Seen,
}

/// A relation of a kind.
#[derive(Clone, Copy)]
pub struct Relation {
    pub name: &'static str,
    pub target: Target,
    pub arity: Arity,
}

/// The relations of a kind.
pub fn relations(kind: Kind) -> Vec<Relation> {
    struct Relations;
    impl KindVisitor for Relations {
        type Output = Vec<Relation>;
        fn visit<E: Entity>(self) -> Self::Output {
            let relation = |property: &crate::model::Property| match property.type_ {
                PropertyType::One(target) | PropertyType::Many(target) => Some(Relation {
                    name: property.name,
                    target,
                    arity: arity::<E>(property.name).unwrap(),
                }),
                _ => None,
            };
            E::PROPERTIES.iter().filter_map(relation).collect()
        }
    }
    kind.dispatch(Relations)
}

impl Wish {
    /// The object that says it.
    pub fn object(&self, kind: Kind) -> Map {
        let mut entries: Vec<(Value, Value)> = vec![("name".into(), self.name.as_str().into())];
        let mut say = |key: &str, value: Value| entries.push((key.into(), value));
        if let Some(new_name) = &self.new_name {
            say("new_name", new_name.as_str().into());
        }
        for relation in relations(kind) {
            let Some(named) = self.relations.get(relation.name) else { continue };
            let named: Vec<&str> = named.iter().map(String::as_str).collect();
            match relation.arity {
                Arity::Many => say(relation.name, names(&named)),
                Arity::One => say(relation.name, named.first().copied().unwrap_or("").into()),
            }
        }
        if let Some(vendor) = &self.vendor {
            say("vendor", vendor.as_str().into());
        }
        if let Some(manual) = self.manual {
            say("manually_defined", Value::Bool(manual));
        }
        for (key, value) in &self.criteria {
            say(key, value.as_str().into());
        }
        if let Some(text) = &self.text {
            say("configuration", text.as_deref().map_or(Value::Null, Value::from));
        }
        Map::from_entries(entries)
    }
}

impl Plain {
    /// The plain inventory of what the store holds when it is new.
    pub fn new() -> Self {
        let mut plain = Self::default();
        plain.records[Kind::User].insert(CALLER.to_owned(), Held::default());
        plain
    }

    /// The names that a relation may name.
    pub fn names(&self, target: Target) -> Vec<&str> {
        let kinds = target.kinds().iter();
        kinds.flat_map(|kind| self.records[*kind].keys().map(String::as_str)).collect()
    }

    /// Puts what is wished for, and says what that did; none when it is faulty.
    pub fn put(&mut self, kind: Kind, wish: &Wish, atomic: Atomic) -> Option<Fate> {
        let mut after = self.clone();
        let fate = after.try_put(kind, wish)?;
        if atomic == Atomic::Each && after.dangles() {
            return None;
        }
        *self = after;
        Some(fate)
    }

    fn try_put(&mut self, kind: Kind, wish: &Wish) -> Option<Fate> {
        let before = self.records[kind].get(&wish.name).cloned();
        let to = wish.new_name.as_ref().filter(|to| **to != wish.name);
        if to.is_some() && before.is_none() {
            return None;
        }
        let wanted = to.unwrap_or(&wish.name);
        if to.is_some() || before.is_none() {
            let nodes = [Kind::Device, Kind::Network];
            let mut taken = self.records[kind].contains_key(wanted);
            if nodes.contains(&kind) {
                taken |= nodes.iter().any(|node| self.records[*node].contains_key(wanted));
            }
            if taken {
                return None;
            }
        }
        let mut after = before.clone().unwrap_or_default();
        let was_computed = before.is_some() && kind == Kind::Pool && !after.manual;
        let members = was_computed.then(|| self.members(&after));
        for (relation, named) in &wish.relations {
            let mut named = named.clone();
            if before.is_some() {
                let held = after.relations.get(relation).cloned().unwrap_or_default();
                named.retain(|n| held.contains(n) || !self.is_named_by(kind, wish, relation, n));
            }
            after.relations.insert(relation, named);
        }
        after.vendor = wish.vendor.clone().or(after.vendor);
        after.manual = wish.manual.unwrap_or(after.manual);
        after.criteria.extend(wish.criteria.clone());
        if let Some(text) = &wish.text {
            after.text = text.clone();
        }
        if kind == Kind::Pool {
            for side in ["devices", "links"] {
                if !after.manual {
                    after.relations.remove(side);
                } else if let Some(members) = &members
                    && !wish.relations.contains_key(side)
                {
                    after.relations.insert(side, members[side].iter().cloned().collect());
                }
            }
        }
        after.relations.retain(|_, named| !named.is_empty());
        let fate = match &before {
            None => Fate::Created,
            Some(before) if *before == after && to.is_none() => Fate::Unchanged,
            Some(_) => Fate::Updated,
        };
        self.records[kind].insert(wish.name.clone(), after);
        if let Some(to) = to {
            let record = self.records[kind].remove(&wish.name).unwrap();
            self.records[kind].insert(to.clone(), record);
            self.each_naming(kind, &wish.name, |_, name| *name = to.clone());
        }
        Some(fate)
    }

    /// Whether the other one names this record, which shows it under the same word as its own.
    fn is_named_by(&self, kind: Kind, wish: &Wish, word: &str, other: &str) -> bool {
        let Some(relation) = Backward::of(kind).relation(word) else { return false };
        relation.holders.iter().any(|holder| {
            let held = self.records[holder.kind].get(other);
            let named = held.and_then(|held| held.relations.get(holder.property));
            named.is_some_and(|named| named.contains(&wish.name))
        })
    }

    /// Calls `each` with every place that names a record.
    fn each_naming(
        &mut self,
        kind: Kind,
        name: &str,
        mut each: impl FnMut(&Relation, &mut String),
    ) {
        for (source, records) in self.records.iter_mut() {
            for relation in relations(source) {
                if !relation.target.kinds().contains(&kind) {
                    continue;
                }
                let named =
                    records.values_mut().filter_map(|held| held.relations.get_mut(relation.name));
                named.flatten().filter(|named| *named == name).for_each(|n| each(&relation, n));
            }
        }
    }

    /// Deletes a record and what goes with it, and gives those.
    pub fn delete(&mut self, kind: Kind, name: &str) -> Option<BTreeSet<(Kind, String)>> {
        self.records[kind].get(name)?;
        let mut gone = BTreeSet::from([(kind, name.to_owned())]);
        loop {
            let before = gone.len();
            for source in Kind::ALL {
                for relation in relations(source).iter().filter(|one| one.arity == Arity::One) {
                    for (referrer, held) in &self.records[source] {
                        let named = held.relations.get(relation.name).into_iter().flatten();
                        let kinds = relation.target.kinds();
                        let mut named = named.flat_map(|n| kinds.iter().map(|k| (*k, n.clone())));
                        // A name is of one kind only.
                        if named.any(|named| gone.contains(&named)) {
                            gone.insert((source, referrer.clone()));
                        }
                    }
                }
            }
            if gone.len() == before {
                break;
            }
        }
        for (kind, name) in &gone {
            self.records[*kind].remove(name);
        }
        for source in Kind::ALL {
            for relation in relations(source) {
                let kinds = relation.target.kinds();
                for held in self.records[source].values_mut() {
                    if let Some(named) = held.relations.get_mut(relation.name) {
                        named.retain(|n| !kinds.iter().any(|k| gone.contains(&(*k, n.clone()))));
                        if named.is_empty() {
                            held.relations.remove(relation.name);
                        }
                    }
                }
            }
        }
        Some(gone)
    }

    /// Whether something is named that is not there.
    pub fn dangles(&self) -> bool {
        let dangles = |target: Target, name: &String| {
            !target.kinds().iter().any(|kind| self.records[*kind].contains_key(name))
        };
        self.records.iter().any(|(kind, records)| {
            relations(kind).iter().any(|relation| {
                let named = records.values().filter_map(|held| held.relations.get(relation.name));
                named.flatten().any(|name| dangles(relation.target, name))
            })
        })
    }

    /// The members that a pool's criteria give, by the words of a few criteria.
    fn members(&self, pool: &Held) -> BTreeMap<&'static str, BTreeSet<String>> {
        let side = |word: &'static str, kind: Kind, prefix: &str| {
            let asked: Vec<(&str, &str)> = pool
                .criteria
                .iter()
                .filter(|(key, value)| !value.is_empty() && !key.ends_with("_match"))
                .filter_map(|(key, value)| Some((key.strip_prefix(prefix)?, value.as_str())))
                .collect();
            let includes =
                |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
            let admits = |name: &String, held: &Held| {
                asked.iter().all(|(property, value)| match *property {
                    "vendor" => includes(held.vendor.as_deref().unwrap_or_default(), value),
                    "name" => name == value,
                    "source_name" => {
                        let source = held.relations.get("source").and_then(|s| s.first());
                        includes(source.map_or("", String::as_str), value)
                    }
                    other => panic!("{other}"),
                })
            };
            let all = self.records[kind].iter().filter(|_| !asked.is_empty());
            let members = all.filter(|(name, held)| admits(name, held));
            (word, members.map(|(name, _)| name.clone()).collect())
        };
        BTreeMap::from([
            side("devices", Kind::Device, "device_"),
            side("links", Kind::Link, "link_"),
        ])
    }

    /// Asserts that the store holds exactly this, that everything in it fits together, and that
    /// what did not change since the last look kept its version.
    pub fn agrees(&mut self, store: &Store) {
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
                Ok(())
            })
            .unwrap();
        assert_eq!(found, references, "both directions");
        for (target, name) in references.keys() {
            let there = target.kinds().iter().any(|kind| reading.contains(*kind, name).unwrap());
            assert!(there, "{target} {name} is named and not there");
        }
        self.pools_agree(&reading);
        for (place, (version, words)) in &seen {
            if let Some((before, held)) = self.seen.get(place)
                && held == words
            {
                assert_eq!(version, before, "{place:?} did not change");
            }
        }
        self.seen = seen;
    }

    fn pools_agree(&mut self, reading: &Reading) {
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
                Membership::Unaskable(error) => panic!("{error}"),
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

/// The names of the records that the criteria admit, in the order of their ordinals.
fn admitted<E: Entity>(all: &[Stored<E>], criteria: &Criteria) -> Vec<String> {
    let mut members: Vec<_> = all.iter().filter(|one| criteria.admit(&one.record)).collect();
    members.sort_by_key(|one| one.ordinal);
    members.into_iter().map(|one| one.record.name().to_string()).collect()
}

struct Compare<'a> {
    plain: &'a mut Plain,
    reading: &'a Reading,
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
                // In which order a pool's members became its list is the store's business.
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
            let vendor = one.record.view("vendor").map(|view| view.to_value());
            assert_eq!(vendor, held.vendor.as_deref().map(Value::from), "{} {name}", E::KIND);
            if E::KIND == Kind::Device {
                let text = reading.text(&name, "configuration").unwrap().map(|text| text.text);
                assert_eq!(text, held.text, "{name}");
            }
            reading.open_secrets(&mut one.record).unwrap();
            let words = format!("{:?}", one.record.views(Secrets::Included));
            seen.insert((E::KIND, name), (one.version, words));
        }
    }
}
