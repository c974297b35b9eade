//! Computes all members of pools again: after a change of their criteria, and on request.
//!
//! All requested pools are recomputed in one scan of the devices and one of the links.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{PoolsReport, computed::ComputedPools};
use crate::{
    access::RecordAccess,
    inventory::{Inventory, InventoryError},
    model::{Criteria, Device, Entity, Kind, Link, Membership, Pool, Side},
    store::{Origin, StoreError, Stored, Transaction},
    wording::chain,
};

/// The largest number of current members that are compared in one scan. Their names are held in
/// memory, about 100 bytes each. Pools with more members together are compared in several scans.
const COMPARED_MAX: u64 = 1_000_000;

/// The pools to recompute, by side.
#[derive(Default)]
pub(in crate::inventory) struct Refills {
    devices: BTreeSet<u64>,
    links: BTreeSet<u64>,
}

impl Refills {
    /// Requests that one side of a pool is recomputed.
    pub(crate) fn request(&mut self, pool: u64, side: Side) {
        self.side(side).insert(pool);
    }

    /// Cancels a request.
    pub(crate) fn cancel(&mut self, pool: u64, side: Side) {
        self.side(side).remove(&pool);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.links.is_empty()
    }

    fn side(&mut self, side: Side) -> &mut BTreeSet<u64> {
        match side {
            Side::Device => &mut self.devices,
            Side::Link => &mut self.links,
        }
    }

    /// Recomputes the requested pools. Returns those whose members changed.
    ///
    /// # Errors
    /// [`StoreError`] if records cannot be read.
    pub(crate) fn run(
        self,
        transaction: &mut Transaction<'_>,
        pools: &ComputedPools,
    ) -> Result<HashSet<u64>, StoreError> {
        let mut changed = HashSet::new();
        fill::<Device>(transaction, pools, Side::Device, &self.devices, &mut changed)?;
        fill::<Link>(transaction, pools, Side::Link, &self.links, &mut changed)?;
        Ok(changed)
    }
}

/// Recomputes the members of one side, with as many pools in a scan as the limit allows.
fn fill<E: Entity>(
    transaction: &mut Transaction<'_>,
    pools: &ComputedPools,
    side: Side,
    requested: &BTreeSet<u64>,
    changed: &mut HashSet<u64>,
) -> Result<(), StoreError> {
    let mut round: Vec<Recomputation<'_>> = Vec::new();
    let mut compared = 0;
    for &pool in requested {
        let Some(computed) = pools.get(pool) else { continue };
        let criteria = computed.criteria(side);
        let count = transaction.member_count(pool, side)?;
        if criteria.is_empty() {
            if count > 0 {
                transaction.clear_members(pool, side)?;
                changed.insert(pool);
            }
            continue;
        }
        if compared + count > COMPARED_MAX && !round.is_empty() {
            compare::<E>(transaction, side, std::mem::take(&mut round), changed)?;
            compared = 0;
        }
        compared += count;
        round.push(Recomputation::begin(transaction, pool, side, criteria)?);
    }
    if round.is_empty() { Ok(()) } else { compare::<E>(transaction, side, round, changed) }
}

/// A pool that is being recomputed.
struct Recomputation<'c> {
    pool: u64,
    criteria: &'c Criteria,
    /// Current members that the scan has not found yet.
    unmet: HashSet<String>,
    join: Vec<(u64, String)>,
    leave: Vec<(u64, String)>,
}

impl<'c> Recomputation<'c> {
    /// Begins with the current members.
    fn begin(
        transaction: &Transaction<'_>,
        pool: u64,
        side: Side,
        criteria: &'c Criteria,
    ) -> Result<Self, StoreError> {
        let unmet = transaction.members(pool, side)?.into_iter().collect();
        Ok(Self { pool, criteria, unmet, join: Vec::new(), leave: Vec::new() })
    }

    fn compare_record<E: Entity>(&mut self, stored: &Stored<E>) {
        let name = stored.record.name().as_str();
        let is_member = self.unmet.remove(name);
        let meets_criteria = self.criteria.matches(&stored.record);
        if meets_criteria && !is_member {
            self.join.push((stored.ordinal, name.to_owned()));
        } else if is_member && !meets_criteria {
            self.leave.push((stored.ordinal, name.to_owned()));
        }
    }
}

/// Compares the members of pools with all records, and corrects them.
fn compare<E: Entity>(
    transaction: &mut Transaction<'_>,
    side: Side,
    mut round: Vec<Recomputation<'_>>,
    changed: &mut HashSet<u64>,
) -> Result<(), StoreError> {
    for stored in transaction.scan::<E>() {
        let stored = match stored {
            Ok(stored) => stored,
            // A damaged record belongs to no pool, and must not prevent the computation.
            Err(error) if error.is_damage() => continue,
            Err(error) => return Err(error),
        };
        for recomputation in &mut round {
            recomputation.compare_record(&stored);
        }
    }
    let mut again = Vec::new();
    for recomputation in round {
        let Recomputation { pool, criteria, unmet, join, leave } = recomputation;
        if !unmet.is_empty() {
            // These members do not exist, so their ordinals are unknown. Only all members of the
            // pool can be removed.
            transaction.clear_members(pool, side)?;
            changed.insert(pool);
            again.push(Recomputation::begin(transaction, pool, side, criteria)?);
            continue;
        }
        if !(join.is_empty() && leave.is_empty()) {
            changed.insert(pool);
        }
        if !leave.is_empty() {
            transaction.remove_members(pool, side, &leave);
        }
        if !join.is_empty() {
            transaction.add_members(pool, side, &join);
        }
    }
    // These pools have no members now, so no member can remain.
    if again.is_empty() { Ok(()) } else { compare::<E>(transaction, side, again, changed) }
}

impl Inventory {
    /// Recomputes the members of all pools if custom properties have become secrets when the inventory was
    /// opened: a pool does not compare secrets.
    ///
    /// # Errors
    /// As for [`Inventory::update_pools`].
    pub fn complete_encryption(&self) -> Result<(), InventoryError> {
        if self.0.store.has_outdated_pools()? {
            self.update_pools(None, &Origin::internal("secret_properties"))?;
            self.0.store.note_current_pools()?;
        }
        Ok(())
    }

    /// Recomputes the members of the given pools, or of all pools. It is one change, which scans
    /// all devices and links; other changes wait meanwhile.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`] if a named pool does not exist, [`InventoryError::Store`] if the
    /// store cannot be read or written.
    pub fn update_pools(
        &self,
        names: Option<&[String]>,
        origin: &Origin,
    ) -> Result<PoolsReport, InventoryError> {
        self.edit(origin, |editing| {
            let mut stored = HashMap::new();
            match names {
                Some(names) => {
                    for name in names {
                        let found = editing.transaction.get::<Pool>(name)?;
                        let found = found.ok_or_else(|| InventoryError::NotFound {
                            kind: Kind::Pool,
                            name: name.clone(),
                        })?;
                        stored.insert(found.ordinal, found);
                    }
                }
                None => {
                    for found in editing.transaction.scan::<Pool>() {
                        let found = found?;
                        // A principal updates only the pools that it can change.
                        if !editing.can(RecordAccess::Edit, &found.record)? {
                            continue;
                        }
                        if !matches!(found.record.membership(), Membership::Manual) {
                            stored.insert(found.ordinal, found);
                        }
                    }
                }
            }
            let mut report = PoolsReport::default();
            let mut changed = HashSet::new();
            for (ordinal, found) in stored {
                match found.record.membership() {
                    Membership::Manual => continue,
                    Membership::Invalid(error) => {
                        report.kept.push((found.record.name.to_string(), chain(&error)));
                        continue;
                    }
                    Membership::Computed { .. } => report.computed += 1,
                }
                let mut settled = found.record.clone();
                if settled.settle(&found.record.membership()) {
                    // The record still contains the member lists from before the pool was computed.
                    editing.write(Some(&found.into_any()), settled.into())?;
                    changed.insert(ordinal);
                }
                editing.request_refill(ordinal, Side::Device);
                editing.request_refill(ordinal, Side::Link);
            }
            changed.extend(editing.refill()?);
            report.changed = changed.len() as u64;
            report.kept.sort_unstable();
            Ok(report)
        })
    }
}
