//! One change in the making: the store's transaction, and what has to follow whatever is written.
//!
//! Every record that a change writes goes through [`Editing::write`] and every one that it takes
//! away through [`Editing::remove`], those that follow a new name or lose one from their lists
//! included. So no member of a pool and no reference can be forgotten.

use std::{collections::HashSet, sync::Arc};

use crate::{
    inventory::{
        Inner,
        pools::computed::{ComputedPools, Versioned},
        pools::follow::{Shift, changed_properties, shifts},
        pools::refill::Refills,
    },
    model::{self, AnyRecord, Kind, Membership, Pool, Record, Side, Target, limits},
    store::{Referrer, StoreError, Stored, Transaction},
};

/// The most records that follow one new name, or go or are struck with one that is deleted. They
/// are held in memory until they are written, some 5 KB each with the references that they hold;
/// what concerns more is an import's business.
pub(in crate::inventory) const RECORDS_MAX: usize = 150_000;

/// A change in the making.
pub(in crate::inventory) struct Editing<'e, 't> {
    pub inventory: &'e Inner,
    pub transaction: &'e mut Transaction<'t>,
    /// The computed pools as this change leaves them; none while nobody asked.
    pools: Option<Arc<ComputedPools>>,
    refills: Refills,
    /// The number of records that were written and taken away.
    pub written: usize,
}

impl Inner {
    /// Makes a change. It is durable when this returns.
    pub(in crate::inventory) fn change<T, X: From<StoreError>>(
        &self,
        make: impl FnOnce(&mut Editing<'_, '_>) -> Result<T, X>,
    ) -> Result<T, X> {
        let (made, left) = self.store.change(|transaction| -> Result<_, X> {
            let mut editing = Editing {
                inventory: self,
                transaction,
                pools: None,
                refills: Refills::default(),
                written: 0,
            };
            let made = make(&mut editing)?;
            Ok((made, editing.finish()?))
        })?;
        // Only what is committed may be remembered.
        if let Some(left) = left {
            self.computed.keep(left);
        }
        Ok(made)
    }
}

impl Editing<'_, '_> {
    /// Writes a record: a new one, or in the place of `before`, under another name where it has
    /// one. References to it follow, and so do the members of pools. That the new name is free and
    /// that what the record names is there is the caller's business.
    pub fn write(
        &mut self,
        before: Option<&Stored<AnyRecord>>,
        mut after: AnyRecord,
    ) -> Result<(), StoreError> {
        let kind = after.kind();
        let renamed = before.filter(|before| before.record.name() != after.name());
        let mut followers = Vec::new();
        if let Some(before) = renamed {
            let from = before.record.name();
            followers = self.referrers(kind, from)?;
            rename_own(&mut *after, from);
            // They are sealed again under the new name.
            self.inventory.store.vault().open_secrets(&mut *after)?;
        }
        let mut membership = None;
        if let Some(pool) = after.of_kind_mut::<Pool>() {
            // As they were before this one is written.
            self.pools()?;
            let is = pool.membership();
            pool.settle(&is);
            membership = Some(is);
        }
        check_limits(before, &mut after)?;
        let side = Side::of(kind);
        let shifts = match side {
            Some(side) => self.shifts(side, before.map(|before| &*before.record), Some(&*after))?,
            None => Vec::new(),
        };
        let to = after.name().clone();
        if let Some(before) = renamed {
            self.transaction.rename(kind, before.record.name(), to.clone())?;
        }
        self.transaction.put(after)?;
        self.written += 1;
        // The ordinal of a new record is known now, and seldom needed.
        if let (Some(side), false) = (side, shifts.is_empty()) {
            let ordinal = self.ordinal(kind, before, &to)?;
            let from = before.map_or(&to, |before| before.record.name());
            self.shift(side, ordinal, &shifts, from, &to)?;
        }
        if let Some(membership) = membership {
            let ordinal = self.ordinal(kind, before, &to)?;
            self.pool_written(ordinal, &to, membership)?;
        }
        if let Some(before) = renamed {
            self.follow(kind, before.record.name(), &to, followers)?;
        }
        Ok(())
    }

    /// Takes a record away. That nothing names it any more is the caller's business.
    pub fn remove(&mut self, before: &Stored<AnyRecord>) -> Result<(), StoreError> {
        let (kind, name) = (before.record.kind(), before.record.name());
        if let Some(side) = Side::of(kind) {
            let shifts = self.shifts(side, Some(&*before.record), None)?;
            self.shift(side, before.ordinal, &shifts, name, name)?;
        }
        if kind == Kind::Pool {
            self.pool_gone(before.ordinal)?;
        }
        self.transaction.remove(kind, name)?;
        self.written += 1;
        Ok(())
    }

    /// The references to a record: those that name its kind, and those that name one of several.
    /// Sorted, so that one record's stand together.
    pub fn referrers(&self, kind: Kind, name: &str) -> Result<Vec<Referrer>, StoreError> {
        let mut referrers = self.transaction.referrers(Target::Kind(kind), name)?;
        if Target::Node.kinds().contains(&kind) {
            referrers.extend(self.transaction.referrers(Target::Node, name)?);
        }
        referrers.sort_unstable();
        Ok(referrers)
    }

    /// The members of a computed pool.
    pub fn members(&mut self, pool: u64, side: Side) -> Result<Vec<String>, StoreError> {
        self.refill()?;
        self.transaction.members(pool, side)
    }

    /// The computed pools as they are at this point of the change.
    pub fn pools(&mut self) -> Result<Arc<ComputedPools>, StoreError> {
        if let Some(pools) = &self.pools {
            return Ok(pools.clone());
        }
        let version = self.transaction.changed(Kind::Pool);
        let pools = match self.inventory.computed.of(version) {
            Some(pools) => pools,
            None => Arc::new({
                ComputedPools::of(self.transaction.scan::<Pool>(), &self.inventory.damage)?
            }),
        };
        Ok(self.pools.insert(pools).clone())
    }

    /// Computes the members of these pools anew, of one side each, at the end of the change.
    pub fn ask_refill(&mut self, pool: u64, side: Side) {
        self.refills.ask(pool, side);
    }

    /// Computes what is asked for so far. Gives the pools whose members were others.
    pub fn refill(&mut self) -> Result<HashSet<u64>, StoreError> {
        let refills = std::mem::take(&mut self.refills);
        if refills.is_empty() {
            return Ok(HashSet::new());
        }
        let pools = self.pools()?;
        refills.run(self.transaction, &pools)
    }

    fn finish(mut self) -> Result<Option<Versioned>, StoreError> {
        self.refill()?;
        let version = self.transaction.changed(Kind::Pool);
        Ok(self.pools.map(|pools| Versioned { version, pools }))
    }

    /// The ordinal of a record that was just written.
    fn ordinal(
        &self,
        kind: Kind,
        before: Option<&Stored<AnyRecord>>,
        name: &str,
    ) -> Result<u64, StoreError> {
        if let Some(before) = before {
            return Ok(before.ordinal);
        }
        let written = self.transaction.get_any(kind, name)?.map(|stored| stored.ordinal);
        written.ok_or_else(|| {
            let detail = format!("the {kind} '{name}' was written and is not there");
            StoreError::Damaged { part: "transaction", detail }
        })
    }

    /// What changes in the pools when this record does.
    fn shifts(
        &mut self,
        side: Side,
        before: Option<&dyn Record>,
        after: Option<&dyn Record>,
    ) -> Result<Vec<Shift>, StoreError> {
        let changed = before.zip(after).map(|(before, after)| changed_properties(before, after));
        if changed.as_ref().is_some_and(|changed| changed.is_empty()) {
            return Ok(Vec::new());
        }
        let pools = self.pools()?;
        Ok(shifts(&pools, side, before, after, changed.as_ref()))
    }

    fn shift(
        &mut self,
        side: Side,
        ordinal: u64,
        shifts: &[Shift],
        from: &str,
        to: &str,
    ) -> Result<(), StoreError> {
        for shift in shifts {
            let moved = from != to;
            if shift.was && (moved || !shift.is) {
                self.transaction.remove_members(shift.pool, side, &[(ordinal, from)]);
            }
            if shift.is && (moved || !shift.was) {
                self.transaction.add_members(shift.pool, side, &[(ordinal, to)]);
            }
        }
        Ok(())
    }

    /// A pool was written, and its members come from here now.
    fn pool_written(
        &mut self,
        ordinal: u64,
        name: &str,
        membership: Membership,
    ) -> Result<(), StoreError> {
        let (devices, links) = match &membership {
            Membership::Computed { devices, links } => (devices, links),
            Membership::Manual | Membership::Invalid(_) => return self.pool_gone(ordinal),
        };
        let pools = self.pools()?;
        let was = pools.get(ordinal);
        for (side, asks) in [(Side::Device, devices), (Side::Link, links)] {
            let asked = was.map(|was| was.criteria(side));
            if asked.map_or(!asks.is_empty(), |asked| asked != asks) {
                self.ask_refill(ordinal, side);
            }
        }
        self.edit_pools(pools, |pools| pools.put(ordinal, name, membership));
        Ok(())
    }

    /// A pool is not computed any more, or is gone.
    fn pool_gone(&mut self, ordinal: u64) -> Result<(), StoreError> {
        let pools = self.pools()?;
        if pools.get(ordinal).is_some() {
            for side in [Side::Device, Side::Link] {
                self.refills.forget(ordinal, side);
                self.transaction.clear_members(ordinal, side)?;
            }
            self.edit_pools(pools, |pools| pools.remove(ordinal));
        }
        Ok(())
    }

    fn edit_pools(&mut self, mut pools: Arc<ComputedPools>, edit: impl FnOnce(&mut ComputedPools)) {
        // Another copy would be made of all while this change holds one.
        self.pools = None;
        edit(Arc::make_mut(&mut pools));
        self.pools = Some(pools);
    }

    /// Lets those who named a record by its old name name it by the new one.
    fn follow(
        &mut self,
        kind: Kind,
        from: &str,
        to: &str,
        followers: Vec<Referrer>,
    ) -> Result<(), StoreError> {
        for references in followers.chunk_by(|a, b| a.kind == b.kind && a.name == b.name) {
            let Some(first) = references.first() else { continue };
            // What it says of itself was renamed with it.
            if first.kind != kind || first.name != from {
                self.follow_one(first, references, from, to)?;
            }
        }
        Ok(())
    }

    /// Lets one record follow a new name in all of its relations.
    fn follow_one(
        &mut self,
        follower: &Referrer,
        references: &[Referrer],
        from: &str,
        to: &str,
    ) -> Result<(), StoreError> {
        let before = self.transaction.get_any(follower.kind, &follower.name)?;
        let Some(before) = before else { return Ok(()) };
        let mut after = before.record.clone();
        for reference in references {
            after.rename(&reference.relation, from, to);
        }
        self.write(Some(&before), after)
    }
}

/// Refuses a record that is over a limit. One that was over it before may stay so, as long as it
/// does not grow: it was stored before the limit was, and its lists must be able to lose names.
fn check_limits(
    before: Option<&Stored<AnyRecord>>,
    after: &mut AnyRecord,
) -> Result<(), StoreError> {
    let Err(over) = model::check_limits(&mut **after) else { return Ok(()) };
    let after_weight = limits::weight(&mut **after);
    let shrinks = before.is_some_and(|before| {
        let mut before = before.record.clone();
        model::check_limits(&mut *before).is_err() && after_weight <= limits::weight(&mut *before)
    });
    if shrinks {
        return Ok(());
    }
    Err(StoreError::OverLimit { kind: after.kind(), name: after.name().to_string(), over })
}

/// Lets what a record says of itself follow its new name.
fn rename_own(after: &mut dyn Record, from: &str) {
    let kind = after.kind();
    let mut relations = Vec::new();
    after.references(&mut |reference| {
        if reference.name == from && reference.target.kinds().contains(&kind) {
            relations.push(reference.relation);
        }
    });
    let to = after.name().clone();
    for relation in relations {
        after.rename(relation, from, &to);
    }
}
