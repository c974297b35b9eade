//! The members of computed pools, from scratch: when a pool's criteria change, and on request.
//!
//! All pools that a change asks for are filled by one scan of the devices and one of the links.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{PoolsReport, computed::ComputedPools};
use crate::{
    inventory::{Inventory, InventoryError},
    model::{Criteria, Device, Entity, Kind, Link, Membership, Pool, Side},
    store::{StoreError, Stored, Transaction},
    wording::chain,
};

/// How many members are compared in one scan. Their names are held in memory, some 100 bytes each;
/// pools that have more together are compared in several scans.
const COMPARED_MAX: u64 = 1_000_000;

/// The pools whose members are to be computed, for each side.
#[derive(Default)]
pub(in crate::inventory) struct Refills {
    devices: BTreeSet<u64>,
    links: BTreeSet<u64>,
}

impl Refills {
    pub fn ask(&mut self, pool: u64, side: Side) {
        self.side(side).insert(pool);
    }

    pub fn forget(&mut self, pool: u64, side: Side) {
        self.side(side).remove(&pool);
    }

    pub fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.links.is_empty()
    }

    fn side(&mut self, side: Side) -> &mut BTreeSet<u64> {
        match side {
            Side::Device => &mut self.devices,
            Side::Link => &mut self.links,
        }
    }

    /// Gives the pools their members. Says which pools' were others.
    pub fn run(
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

/// Gives pools their members of one side, as many pools a scan as can be compared.
fn fill<E: Entity>(
    transaction: &mut Transaction<'_>,
    pools: &ComputedPools,
    side: Side,
    asked: &BTreeSet<u64>,
    changed: &mut HashSet<u64>,
) -> Result<(), StoreError> {
    let mut round: Vec<Filling<'_>> = Vec::new();
    let mut compared = 0;
    for &pool in asked {
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
        round.push(Filling::begin(transaction, pool, side, criteria)?);
    }
    if round.is_empty() { Ok(()) } else { compare::<E>(transaction, side, round, changed) }
}

/// A pool that is being filled.
struct Filling<'c> {
    pool: u64,
    criteria: &'c Criteria,
    /// Members that were not met yet.
    unmet: HashSet<String>,
    join: Vec<(u64, String)>,
    leave: Vec<(u64, String)>,
}

impl<'c> Filling<'c> {
    fn begin(
        transaction: &Transaction<'_>,
        pool: u64,
        side: Side,
        criteria: &'c Criteria,
    ) -> Result<Self, StoreError> {
        let unmet = transaction.members(pool, side)?.into_iter().collect();
        Ok(Self { pool, criteria, unmet, join: Vec::new(), leave: Vec::new() })
    }

    fn meet<E: Entity>(&mut self, stored: &Stored<E>) {
        let name = stored.record.name().as_str();
        match (self.unmet.remove(name), self.criteria.matches(&stored.record)) {
            (true, true) | (false, false) => {}
            (false, true) => self.join.push((stored.ordinal, name.to_owned())),
            (true, false) => self.leave.push((stored.ordinal, name.to_owned())),
        }
    }
}

/// Compares the pools' members with all records, and corrects them.
fn compare<E: Entity>(
    transaction: &mut Transaction<'_>,
    side: Side,
    mut round: Vec<Filling<'_>>,
    changed: &mut HashSet<u64>,
) -> Result<(), StoreError> {
    for stored in transaction.scan::<E>() {
        let stored = match stored {
            Ok(stored) => stored,
            // A damaged record belongs to no pool, and keeps no pool from being computed.
            Err(error) if error.is_damage() => continue,
            Err(error) => return Err(error),
        };
        for filling in &mut round {
            filling.meet(&stored);
        }
    }
    let mut again = Vec::new();
    for filling in round {
        let Filling { pool, criteria, unmet, join, leave } = filling;
        if !unmet.is_empty() {
            // Members that are not there at all: only all of them can be taken out.
            transaction.clear_members(pool, side)?;
            changed.insert(pool);
            again.push(Filling::begin(transaction, pool, side, criteria)?);
            continue;
        }
        if !(join.is_empty() && leave.is_empty()) {
            changed.insert(pool);
        }
        if !leave.is_empty() {
            transaction.remove_members(pool, side, &named(&leave));
        }
        if !join.is_empty() {
            transaction.add_members(pool, side, &named(&join));
        }
    }
    // Those have no members now, so that none can be unmet.
    if again.is_empty() { Ok(()) } else { compare::<E>(transaction, side, again, changed) }
}

fn named(members: &[(u64, String)]) -> Vec<(u64, &str)> {
    members.iter().map(|(ordinal, name)| (*ordinal, name.as_str())).collect()
}

impl Inventory {
    /// Computes the members of pools from scratch: of these, or of all. One change, which costs a
    /// scan of all devices and links; the others wait meanwhile.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`] for a pool that is not there; what the store says.
    pub fn update_pools(&self, names: Option<&[String]>) -> Result<PoolsReport, InventoryError> {
        self.0.change(|editing| {
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
                    // It kept members in its record.
                    editing.write(Some(&found.into_any()), settled.into())?;
                    changed.insert(ordinal);
                }
                editing.ask_refill(ordinal, Side::Device);
                editing.ask_refill(ordinal, Side::Link);
            }
            changed.extend(editing.refill()?);
            report.changed = changed.len() as u64;
            report.kept.sort_unstable();
            Ok(report)
        })
    }
}
