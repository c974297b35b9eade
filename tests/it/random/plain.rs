//! The reference model of the inventory, in memory.

use std::collections::{BTreeMap, BTreeSet};

use satchel::inventory::{Atomicity, Effect};
use satchel::model::{
    Arity, Entity, InverseRelations, Kind, KindVisitor, Map, PerKind, Side, Target, Value,
};

/// The principal, an administrator.
pub(super) const CALLER: &str = "admin";

/// A record of the model: the same few properties for each kind, and all relations.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Held {
    /// The targets of each relation. A relation to one record has at most one.
    pub relations: BTreeMap<&'static str, Vec<String>>,
    pub vendor: Option<String>,
    /// Who created it by a call. An import gives none.
    pub creator: Option<String>,
    /// The criteria of a pool.
    pub manual: bool,
    pub criteria: BTreeMap<String, String>,
    /// The configuration of a device.
    pub text: Option<String>,
}

/// The change to apply.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    pub name: String,
    pub new_name: Option<String>,
    pub relations: BTreeMap<&'static str, Vec<String>>,
    pub vendor: Option<String>,
    pub manual: Option<bool>,
    pub criteria: BTreeMap<String, String>,
    /// A text, or its removal.
    pub text: Option<Option<String>>,
    /// Whether a pool contains the numbers of its members.
    pub counts: bool,
}

/// A record in a response: its version and its properties as text.
pub(super) type Seen = BTreeMap<(Kind, String), (u64, String)>;

#[derive(Clone, Default)]
pub(super) struct Plain {
    pub records: PerKind<BTreeMap<String, Held>>,
    /// The record in the last comparison with the store.
    pub seen: Seen,
}

/// A relation of a kind.
#[derive(Clone, Copy)]
pub(super) struct Relation {
    pub name: &'static str,
    pub target: Target,
    pub arity: Arity,
}

/// The relations of a kind.
pub(super) fn relations(kind: Kind) -> Vec<Relation> {
    struct Relations;
    impl KindVisitor for Relations {
        type Output = Vec<Relation>;
        fn visit<E: Entity>(self) -> Self::Output {
            let all = E::PROPERTIES.iter().filter_map(|property| {
                let (arity, target) = property.type_.relation()?;
                Some(Relation { name: property.name, target, arity })
            });
            all.collect()
        }
    }
    kind.dispatch(Relations)
}

impl Wish {
    /// The JSON object of the patch.
    pub(super) fn object(&self, kind: Kind) -> Map {
        let mut entries: Vec<(Value, Value)> = vec![("name".into(), self.name.as_str().into())];
        let mut say = |key: &str, value: Value| entries.push((key.into(), value));
        if let Some(new_name) = &self.new_name {
            say("new_name", new_name.as_str().into());
        }
        for relation in relations(kind) {
            let Some(named) = self.relations.get(relation.name) else { continue };
            let named: Vec<&str> = named.iter().map(String::as_str).collect();
            match relation.arity {
                Arity::Many => {
                    let names = named.into_iter().map(Value::from);
                    say(relation.name, Value::List(names.collect()));
                }
                Arity::One => say(relation.name, named.first().copied().unwrap_or("").into()),
            }
        }
        if let Some(vendor) = &self.vendor {
            say("vendor", vendor.as_str().into());
        }
        if let Some(manual) = self.manual {
            say("manually_defined", Value::Bool(manual));
        }
        for side in [Side::Device, Side::Link].into_iter().filter(|_| self.counts) {
            let listed = self.relations.get(side.list()).map_or(0, Vec::len);
            say(side.count(), Value::Int(listed.try_into().unwrap()));
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

impl Held {
    /// Merges a patch.
    pub(super) fn take(&mut self, kind: Kind, wish: &Wish) {
        self.relations.extend(wish.relations.clone());
        self.vendor = wish.vendor.clone().or(self.vendor.take());
        self.manual = wish.manual.unwrap_or(self.manual);
        self.criteria.extend(wish.criteria.clone());
        if let Some(text) = &wish.text {
            self.text = text.clone();
        }
        if kind == Kind::Pool && !self.manual {
            for side in [Side::Device, Side::Link] {
                self.relations.remove(side.list());
            }
        }
        self.relations.retain(|_, named| !named.is_empty());
    }
}

impl Plain {
    /// The model of a new store.
    pub(super) fn new() -> Self {
        let mut plain = Self::default();
        plain.records[Kind::User].insert(CALLER.to_owned(), Held::default());
        plain
    }

    /// The possible targets of a relation.
    pub(super) fn names(&self, target: Target) -> Vec<&str> {
        let kinds = target.kinds().iter();
        kinds.flat_map(|kind| self.records[*kind].keys().map(String::as_str)).collect()
    }

    /// Applies a patch and returns its outcome; `None` if it is invalid.
    pub(super) fn put(&mut self, kind: Kind, wish: &Wish, atomicity: Atomicity) -> Option<Effect> {
        let mut after = self.clone();
        let effect = after.try_put(kind, wish)?;
        if atomicity == Atomicity::Each && after.dangles() {
            return None;
        }
        *self = after;
        Some(effect)
    }

    fn try_put(&mut self, kind: Kind, wish: &Wish) -> Option<Effect> {
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
        let mut said = wish.clone();
        for (relation, named) in &mut said.relations {
            let held = after.relations.get(relation).into_iter().flatten();
            let held: Vec<&String> = held.collect();
            let is_new = before.is_none();
            named.retain(|n| {
                is_new || held.contains(&n) || !self.is_named_by(kind, wish, relation, n)
            });
        }
        if let Some(members) = members
            && wish.manual == Some(true)
        {
            // The pool keeps its current members.
            for (side, members) in members {
                said.relations.entry(side).or_insert(members.into_iter().collect());
            }
        }
        after.take(kind, &said);
        if before.is_none() && kind.property("creator").is_some() {
            after.creator = Some(CALLER.to_owned());
        }
        let unlisted = self.unlisted(kind, wish);
        let effect = match &before {
            None => Effect::Created,
            Some(before) if *before == after && to.is_none() && unlisted.is_empty() => {
                Effect::Unchanged
            }
            Some(_) => Effect::Updated,
        };
        self.records[kind].insert(wish.name.clone(), after);
        for (kind, name, property) in unlisted {
            let held = self.records[kind].get_mut(&name).unwrap();
            if let Some(named) = held.relations.get_mut(property) {
                named.retain(|named| *named != wish.name);
            }
            held.relations.retain(|_, named| !named.is_empty());
        }
        if let Some(to) = to {
            let record = self.records[kind].remove(&wish.name).unwrap();
            self.records[kind].insert(to.clone(), record);
            self.each_naming(kind, &wish.name, |_, name| *name = to.clone());
        }
        Some(effect)
    }

    /// The relations of others that name this record, although it shows them in a list that it is now
    /// given without them.
    fn unlisted(&self, kind: Kind, wish: &Wish) -> Vec<(Kind, String, &'static str)> {
        let mut unlisted = Vec::new();
        for (word, listed) in &wish.relations {
            let Some(relation) = InverseRelations::of(kind).relation(word) else { continue };
            for holder in relation.holders.iter().filter(|_| relation.own.is_some()) {
                for (name, held) in &self.records[holder.kind] {
                    let named = held.relations.get(holder.property);
                    let is_named = named.is_some_and(|named| named.contains(&wish.name));
                    if is_named && !listed.contains(name) {
                        unlisted.push((holder.kind, name.clone(), holder.property));
                    }
                }
            }
        }
        unlisted
    }

    /// Returns whether the other record refers to this record, which shows it under the name of its
    /// own relation.
    fn is_named_by(&self, kind: Kind, wish: &Wish, word: &str, other: &str) -> bool {
        let Some(relation) = InverseRelations::of(kind).relation(word) else { return false };
        relation.holders.iter().any(|holder| {
            let held = self.records[holder.kind].get(other);
            let named = held.and_then(|held| held.relations.get(holder.property));
            named.is_some_and(|named| named.contains(&wish.name))
        })
    }

    /// Calls `each` with every relation that refers to a record.
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

    /// Deletes a record and its dependent records, and returns them.
    pub(super) fn delete(&mut self, kind: Kind, name: &str) -> Option<BTreeSet<(Kind, String)>> {
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
                        // Each name belongs to one kind only.
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

    /// Returns whether there is a dangling reference.
    pub(super) fn dangles(&self) -> bool {
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

    /// The members that match a pool's criteria.
    pub(super) fn members(&self, pool: &Held) -> BTreeMap<&'static str, BTreeSet<String>> {
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
}
