//! The session of one read request: reads records, their referrers, and the members of computed
//! pools.

use std::{cell::OnceCell, collections::HashSet, ops::Range, slice, sync::Arc};

use super::visibility::Visibility;
use crate::{
    inventory::{ClientPresence, Inner, Inventory, InventoryError, pools::computed::ComputedPools},
    model::{
        AnyRecord, Holder, InverseRelation, Kind, Projected, Projection, PropertyPosition, Side,
        Target, View,
    },
    store::{LiveView, Raw, Store, StoreError, Stored},
};

/// The reads of one request, on one view of the inventory.
pub(in crate::inventory) struct ReadSession<'i> {
    inner: &'i Inner,
    pub reading: LiveView,
    computed: OnceCell<Arc<ComputedPools>>,
    visibility: Visibility<'i>,
    client: &'i ClientPresence,
}

impl Inventory {
    /// Begins the reads of one request.
    pub(in crate::inventory) fn session(&self) -> ReadSession<'_> {
        ReadSession {
            inner: &self.0,
            reading: self.0.store.read(),
            computed: OnceCell::new(),
            visibility: Visibility::new(&self.1),
            client: &self.2,
        }
    }
}

impl ReadSession<'_> {
    /// Returns whether nobody waits for the result any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.client.has_left()
    }

    /// The store of the inventory.
    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Returns whether the principal can read all records.
    pub(crate) fn shows_everything(&self) -> bool {
        self.visibility.is_complete()
    }

    /// Returns whether the principal can read a record.
    pub(crate) fn shows(&self, kind: Kind, raw: &Raw) -> Result<bool, StoreError> {
        self.visibility.shows(&self.reading, kind, raw)
    }

    /// Returns a record if the principal can read it.
    pub(crate) fn shown(
        &self,
        stored: Option<Stored<AnyRecord>>,
    ) -> Result<Option<Stored<AnyRecord>>, StoreError> {
        match stored {
            Some(stored) if self.visibility.shows_record(&self.reading, &*stored.record)? => {
                Ok(Some(stored))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Returns whether the principal can read the record that a name means.
    pub(crate) fn shows_target(&self, target: Target, name: &str) -> Result<bool, StoreError> {
        Ok(self.shows_everything() || self.visibility.shows_target(&self.reading, target, name)?)
    }

    /// Removes the names of records that the principal cannot read.
    pub(crate) fn retain_shown<N: AsRef<str>>(
        &self,
        target: Target,
        names: &mut Vec<N>,
    ) -> Result<(), StoreError> {
        self.visibility.retain(&self.reading, target, names)
    }

    /// Removes the names of records that the principal cannot read from the value of a relation.
    pub(crate) fn filter<'v>(
        &self,
        target: Target,
        value: View<'v>,
    ) -> Result<View<'v>, StoreError> {
        self.visibility.filter(&self.reading, target, value)
    }

    /// Removes the names of records that the principal cannot read from the properties of a record.
    pub(crate) fn filter_properties(
        &self,
        kind: Kind,
        properties: &mut [(&str, View<'_>)],
    ) -> Result<(), StoreError> {
        self.visibility.filter_properties(&self.reading, kind, properties)
    }

    /// Counts and logs damage that a read skips. Returns any other error.
    pub(crate) fn note_damage(&self, error: StoreError) -> Result<(), StoreError> {
        match error.damage().filter(|_| error.is_damage()) {
            Some(damage) => {
                self.inner.damage.note(damage);
                Ok(())
            }
            None => Err(error),
        }
    }

    /// The computed pools, read when they are needed for the first time.
    pub(crate) fn computed(&self) -> Result<&ComputedPools, InventoryError> {
        if let Some(computed) = self.computed.get() {
            return Ok(computed);
        }
        let computed = self.inner.computed.current(&self.reading, &self.inner.damage)?;
        Ok(self.computed.get_or_init(|| computed))
    }

    /// Returns whether a damaged pool could contain a record, so that its list of pools is
    /// incomplete.
    ///
    /// # Errors
    /// [`InventoryError::Store`] if the pools cannot be read.
    pub(crate) fn pools_are_incomplete(&self) -> Result<bool, InventoryError> {
        Ok(self.computed()?.has_damaged())
    }

    /// The names that a record shows under a relation: its own list, and its referrers.
    pub(crate) fn related(
        &self,
        kind: Kind,
        relation: &InverseRelation,
        name: &str,
        raw: &Raw,
    ) -> Result<Vec<String>, InventoryError> {
        let mut targets: Vec<Target> = relation.holders.iter().map(|h| h.target).collect();
        targets.dedup();
        let referrers = Referrers::read(&self.reading, &targets, slice::from_ref(relation), name)?;
        let mut others = referrers.of_relation(0);
        if shows_pools(relation) && !self.computed()?.is_empty() {
            let record = raw.record(kind, name.as_bytes())?;
            others.extend(self.computed()?.admitting(&*record).map(|pool| pool.name.as_str()));
        }
        self.retain_shown(Target::Kind(relation.holder_kind()), &mut others)?;
        let own = match relation.own {
            Some(target) => {
                let mut own = self.stored_names(kind, &relation.name, name, raw)?;
                self.retain_shown(target, &mut own)?;
                own
            }
            None => Vec::new(),
        };
        Ok(union(&own, others).into_iter().map(str::to_owned).collect())
    }

    /// The names in one of a record's own relations, as the record stores them.
    pub(crate) fn stored_names<'a>(
        &self,
        kind: Kind,
        property: &str,
        name: &str,
        raw: &'a Raw,
    ) -> Result<Vec<&'a str>, InventoryError> {
        let projection = Projection::new(vec![PropertyPosition::of(kind, property)]);
        let found = raw.project(kind, &projection).map_err(|error| corrupt(kind, name, error))?;
        Ok(found
            .into_iter()
            .flatten()
            .flat_map(|value| match value {
                Projected::View(View::Text(name)) if !name.is_empty() => vec![name],
                Projected::View(View::Texts(names)) => names,
                Projected::View(_) | Projected::Value(_) => Vec::new(),
            })
            .collect())
    }

    /// The records of `kind` whose relation shows the record `name`, sorted by name. Empty if the
    /// principal cannot read that record.
    pub(crate) fn records_showing(
        &self,
        kind: Kind,
        relation: &InverseRelation,
        name: &str,
    ) -> Result<Vec<String>, InventoryError> {
        let mut found = match relation.own {
            Some(target) if self.shows_target(target, name)? => {
                self.referring(kind, &relation.name, target, name)?
            }
            Some(_) | None => Vec::new(),
        };
        for holder in &relation.holders {
            if !self.shows_target(Target::Kind(holder.kind), name)? {
                continue;
            }
            for other in self.names_in(holder.kind, holder.property, name)? {
                // The target of the reference can be a device or a network.
                if holder.target == Target::Kind(kind) || self.reading.contains(kind, &other)? {
                    found.push(other);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The names in one of a record's relations, including the members of a computed pool. Empty if
    /// the record does not exist.
    fn names_in(
        &self,
        kind: Kind,
        property: &str,
        name: &str,
    ) -> Result<Vec<String>, InventoryError> {
        let Some(raw) = self.reading.get_raw(kind, name)? else { return Ok(Vec::new()) };
        if let Some(side) = member_side(kind, property)
            && self.computed()?.get(raw.header.ordinal).is_some()
        {
            return Ok(self.reading.members(raw.header.ordinal, side)?);
        }
        let names = self.stored_names(kind, property, name, &raw)?;
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    /// The records of `kind` whose relation `property` refers to the record `name`, sorted by name.
    pub(crate) fn referring(
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

    /// The pools that a device or link is a member of, sorted by name.
    pub(crate) fn pools_of(&self, side: Side, name: &str) -> Result<Vec<String>, InventoryError> {
        let property = side.list();
        let mut pools = self.referring(Kind::Pool, property, Target::Kind(side.kind()), name)?;
        if let Some(stored) = self.reading.get_any(side.kind(), name)? {
            let admitting = self.computed()?.admitting(&*stored.record);
            pools.extend(admitting.map(|pool| pool.name.clone()));
        }
        pools.sort_unstable();
        pools.dedup();
        Ok(pools)
    }
}

/// Returns whether a relation shows pools, so that computed pools belong to it too.
pub(in crate::inventory) fn shows_pools(relation: &InverseRelation) -> bool {
    relation.holders.iter().any(|h| member_side(h.kind, h.property).is_some())
}

/// The side of pools that a property lists; `None` if it does not list members.
fn member_side(kind: Kind, property: &str) -> Option<Side> {
    let mut sides = [Side::Device, Side::Link].into_iter().filter(|_| kind == Kind::Pool);
    sides.find(|side| side.list() == property)
}

/// The referrers of a record, by relation. A record can have thousands of referrers, so one string
/// contains all names.
pub(in crate::inventory) struct Referrers {
    names: String,
    /// The end of each name in the string, in bytes.
    ends: Vec<usize>,
    runs: Vec<Run>,
}

/// Consecutive referrers of the same kind and relation.
struct Run {
    /// The index of the relation that shows them.
    relation: usize,
    holder: Holder,
    /// The range of their names.
    names: Range<usize>,
}

impl Referrers {
    /// Reads the referrers of the record `name`, as one of these targets, under these relations.
    pub(super) fn read(
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
        // Referrers come sorted by kind and relation, so a million devices of a group are one run.
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

    /// The names under the relation with this index.
    pub(super) fn of_relation(&self, relation: usize) -> Vec<&str> {
        let runs = self.runs.iter().filter(|run| run.relation == relation);
        let mut names = Vec::with_capacity(runs.clone().map(|run| run.names.len()).sum());
        for at in runs.flat_map(|run| run.names.clone()) {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            names.push(&self.names[start..self.ends[at]]);
        }
        names
    }
}

/// A record's own list in its order, followed by the other names, sorted. Without duplicates.
pub(in crate::inventory) fn union<'n>(own: &[&'n str], mut others: Vec<&'n str>) -> Vec<&'n str> {
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

/// The error for a record that cannot be decoded.
pub(in crate::inventory) fn corrupt(kind: Kind, name: &str, error: impl ToString) -> StoreError {
    StoreError::Corrupt { kind, name: name.to_owned(), detail: error.to_string() }
}
