//! One session at the inventory, from which everything of one request is read: records, those who
//! name them, and the members of computed pools.

use std::{cell::OnceCell, collections::HashSet, ops::Range, slice, sync::Arc};

use crate::{
    inventory::{Inner, Inventory, InventoryError, pools::computed::ComputedPools},
    model::{
        Holder, InverseRelation, Kind, Projected, Projection, PropertyPosition, Side, Target, View,
    },
    store::{LiveView, Raw, Store, StoreError},
};

/// One session at the inventory.
pub(in crate::inventory) struct ReadSession<'i> {
    inner: &'i Inner,
    pub reading: LiveView,
    computed: OnceCell<Arc<ComputedPools>>,
}

impl Inventory {
    pub(in crate::inventory) fn session(&self) -> ReadSession<'_> {
        ReadSession { inner: &self.0, reading: self.0.store.read(), computed: OnceCell::new() }
    }
}

impl ReadSession<'_> {
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Counts and logs damage that was met, and passed over. Gives back any other error.
    pub fn note_damage(&self, error: StoreError) -> Result<(), StoreError> {
        match error.damage().filter(|_| error.is_damage()) {
            Some(damage) => {
                self.inner.damage.note(damage);
                Ok(())
            }
            None => Err(error),
        }
    }

    /// The computed pools.
    pub fn computed(&self) -> Result<&ComputedPools, InventoryError> {
        if let Some(computed) = self.computed.get() {
            return Ok(computed);
        }
        let computed = self.inner.computed.current(&self.reading, &self.inner.damage)?;
        Ok(self.computed.get_or_init(|| computed))
    }

    /// The names under one of the relations of a record.
    pub fn related(
        &self,
        kind: Kind,
        relation: &InverseRelation,
        name: &str,
        raw: &Raw,
    ) -> Result<Vec<String>, InventoryError> {
        let mut targets: Vec<Target> = relation.holders.iter().map(|h| h.target).collect();
        targets.dedup();
        let referrers = Referrers::read(&self.reading, &targets, slice::from_ref(relation), name)?;
        let mut others = referrers.under(0);
        if shows_pools(relation) && !self.computed()?.is_empty() {
            let record = raw.record(kind, name.as_bytes())?;
            others.extend(self.computed()?.admitting(&*record).map(|pool| pool.name.as_str()));
        }
        let own = match relation.own {
            Some(_) => self.listed(kind, &relation.name, name, raw)?,
            None => Vec::new(),
        };
        Ok(united(&own, others).into_iter().map(str::to_owned).collect())
    }

    /// The names that one of a record's own relations holds.
    pub fn listed<'a>(
        &self,
        kind: Kind,
        property: &str,
        name: &str,
        raw: &'a Raw,
    ) -> Result<Vec<&'a str>, InventoryError> {
        let places = Projection::new(vec![PropertyPosition::of(kind, property)]);
        let found = raw.project(kind, &places).map_err(|error| corrupt(kind, name, error))?;
        Ok(found
            .into_iter()
            .flatten()
            .flat_map(|probed| match probed {
                Projected::View(View::Text(name)) if !name.is_empty() => vec![name],
                Projected::View(View::Texts(names)) => names,
                Projected::View(_) | Projected::Value(_) => Vec::new(),
            })
            .collect())
    }

    /// The records of `kind` that show the record `name` under this relation, by name.
    pub fn showing(
        &self,
        kind: Kind,
        relation: &InverseRelation,
        name: &str,
    ) -> Result<Vec<String>, InventoryError> {
        let mut found = match relation.own {
            Some(target) => self.naming(kind, &relation.name, target, name)?,
            None => Vec::new(),
        };
        for holder in &relation.holders {
            for other in self.named(holder.kind, holder.property, name)? {
                // A node may be of the other kind.
                if holder.target == Target::Kind(kind) || self.reading.contains(kind, &other)? {
                    found.push(other);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The names that a record holds in one of its relations, a computed pool's members among
    /// them; none, where there is no such record.
    fn named(&self, kind: Kind, property: &str, name: &str) -> Result<Vec<String>, InventoryError> {
        let Some(raw) = self.reading.get_raw(kind, name)? else { return Ok(Vec::new()) };
        if let Some(side) = member_side(kind, property)
            && self.computed()?.get(raw.header.ordinal).is_some()
        {
            return Ok(self.reading.members(raw.header.ordinal, side)?);
        }
        let names = self.listed(kind, property, name, &raw)?;
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    /// The records of `kind` whose own relation `property` names the record `name`, by name.
    pub fn naming(
        &self,
        kind: Kind,
        property: &str,
        target: Target,
        name: &str,
    ) -> Result<Vec<String>, InventoryError> {
        let mut names = Vec::new();
        self.reading.each_referrer(target, name, |found, relation, name| {
            if found == kind && relation == property {
                names.push(name.to_owned());
            }
        })?;
        Ok(names)
    }

    /// The pools that have a device or link as a member, by name.
    pub fn pools_with(&self, side: Side, name: &str) -> Result<Vec<String>, InventoryError> {
        let property = side.list();
        let mut pools = self.naming(Kind::Pool, property, Target::Kind(side.kind()), name)?;
        if let Some(stored) = self.reading.get_any(side.kind(), name)? {
            let admitting = self.computed()?.admitting(&*stored.record);
            pools.extend(admitting.map(|pool| pool.name.clone()));
        }
        pools.sort_unstable();
        pools.dedup();
        Ok(pools)
    }
}

/// Whether computed pools stand under this relation too.
pub(in crate::inventory) fn shows_pools(relation: &InverseRelation) -> bool {
    relation.holders.iter().any(|h| member_side(h.kind, h.property).is_some())
}

/// The side of pools whose members a property lists, where it lists members.
fn member_side(kind: Kind, property: &str) -> Option<Side> {
    let mut sides = [Side::Device, Side::Link].into_iter().filter(|_| kind == Kind::Pool);
    sides.find(|side| side.list() == property)
}

/// Those who name a record, by some of its relations. A record that is read a thousand times a
/// second is named by many: their names are one text, and not a thousand.
pub(in crate::inventory) struct Referrers {
    names: String,
    /// Where each name ends in the text.
    ends: Vec<usize>,
    runs: Vec<Run>,
}

/// Those who follow each other and name the record in the same way.
struct Run {
    /// Which of the relations they stand under.
    relation: usize,
    holder: Holder,
    /// Which of the names are theirs.
    names: Range<usize>,
}

impl Referrers {
    /// Reads who names the record `name` as one of these targets, under these relations.
    pub fn read(
        reading: &LiveView,
        targets: &[Target],
        relations: &[InverseRelation],
        name: &str,
    ) -> Result<Self, StoreError> {
        let mut found = Self { names: String::new(), ends: Vec::new(), runs: Vec::new() };
        for target in targets {
            reading.each_referrer(*target, name, |kind, property, name| {
                found.push(relations, kind, property, name);
            })?;
        }
        Ok(found)
    }

    fn push(&mut self, relations: &[InverseRelation], kind: Kind, property: &str, name: &str) {
        let same = |holder: &Holder| holder.kind == kind && holder.property == property;
        // They come sorted by kind and relation: a group that a million devices name is one run.
        if self.runs.last().is_none_or(|run| !same(&run.holder)) {
            let under = relations.iter().enumerate().find_map(|(relation, known)| {
                let holder = *known.holders.iter().find(|holder| same(holder))?;
                Some(Run { relation, holder, names: self.ends.len()..self.ends.len() })
            });
            let Some(run) = under else { return };
            self.runs.push(run);
        }
        self.names.push_str(name);
        self.ends.push(self.names.len());
        if let Some(run) = self.runs.last_mut() {
            run.names.end = self.ends.len();
        }
    }

    /// The names under the relation at this place.
    pub fn under(&self, relation: usize) -> Vec<&str> {
        let runs = self.runs.iter().filter(|run| run.relation == relation);
        let mut names = Vec::with_capacity(runs.clone().map(|run| run.names.len()).sum());
        for at in runs.flat_map(|run| run.names.clone()) {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            names.push(&self.names[start..self.ends[at]]);
        }
        names
    }
}

/// A record's own list in its order, and behind it the others by name; no name twice.
pub(in crate::inventory) fn united<'n>(own: &[&'n str], mut others: Vec<&'n str>) -> Vec<&'n str> {
    others.sort_unstable();
    others.dedup();
    if own.is_empty() {
        return others;
    }
    let mut seen = HashSet::with_capacity(own.len());
    let mut all: Vec<&str> = own.iter().copied().filter(|name| seen.insert(*name)).collect();
    all.extend(others.into_iter().filter(|name| !seen.contains(name)));
    all
}

/// The error of a record that cannot be decoded.
pub(in crate::inventory) fn corrupt(kind: Kind, name: &str, error: impl ToString) -> StoreError {
    StoreError::Corrupt { kind, name: name.to_owned(), detail: error.to_string() }
}
