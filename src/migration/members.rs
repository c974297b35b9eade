//! The fourth step of an import, which is done along with the third so that both are one change:
//! the members of computed pools.

use std::{collections::HashMap, sync::Mutex, sync::PoisonError};

use super::{
    MigrationError,
    cursor::Cursor,
    log::Log,
    resolve::{Resolved, Scope},
    walk::walk,
};
use crate::model::{Criteria, Entity, Field, Pool, Ref, Referable, Side};
use crate::store::{Sorted, Sorter};

/// What the members of one side may take in memory before they are set aside, in bytes.
const MEMBERS_BYTES: usize = 32 * 1024 * 1024;

/// The pools that an import will leave and that are computed, and the members that were found.
pub(super) struct Members {
    pools: Vec<Computed>,
    /// The pools' numbers, by name.
    numbers: HashMap<String, u32>,
    devices: Mutex<Sorter>,
    links: Mutex<Sorter>,
}

struct Computed {
    devices: Criteria,
    links: Criteria,
}

impl Members {
    /// Looks at the pools that there will be.
    pub fn prepare(
        scope: &Scope<'_>,
        resolved: &Resolved,
        log: &Log,
    ) -> Result<Self, MigrationError> {
        let mut pools = Vec::new();
        let mut numbers = HashMap::new();
        walk::<Pool>(
            scope,
            resolved,
            |_, _| Ok(false),
            |step| {
                let Some(after) = step.after else { return Ok(()) };
                if after.record.manually_defined.get() == Some(&true) {
                    return Ok(());
                }
                let criteria = |side| Criteria::of(after.record, side);
                match (criteria(Side::Device), criteria(Side::Link)) {
                    (Ok(devices), Ok(links)) => {
                        let number =
                            u32::try_from(pools.len()).map_err(|_| MigrationError::Pools)?;
                        numbers.insert(step.name.to_owned(), number);
                        pools.push(Computed { devices, links });
                    }
                    (Err(error), _) | (_, Err(error)) => log.warn(format!(
                        "the pool '{}' keeps the members that it has: {error}",
                        step.name
                    )),
                }
                Ok(())
            },
        )?;
        let sorter = || Mutex::new(Sorter::new(log.scratch(), MEMBERS_BYTES));
        Ok(Self { pools, numbers, devices: sorter(), links: sorter() })
    }

    /// Finds the pools that admit a device or link.
    pub fn offer<E: Entity>(
        &self,
        side: Side,
        record: &E,
        ordinal: u64,
    ) -> Result<(), MigrationError> {
        for (number, pool) in self.pools.iter().enumerate() {
            let (criteria, found) = match side {
                Side::Device => (&pool.devices, &self.devices),
                Side::Link => (&pool.links, &self.links),
            };
            if criteria.admit(record) {
                let mut key = (number as u32).to_be_bytes().to_vec();
                key.extend_from_slice(&ordinal.to_be_bytes());
                key.extend_from_slice(record.name().as_bytes());
                found.lock().unwrap_or_else(PoisonError::into_inner).push(&key, &[])?;
            }
        }
        Ok(())
    }

    /// Ends the offers.
    pub fn finish(self) -> Result<Found, MigrationError> {
        let finish = |found: Mutex<Sorter>| {
            found.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
        };
        Ok(Found {
            numbers: self.numbers,
            devices: finish(self.devices)?,
            links: finish(self.links)?,
        })
    }
}

/// The members of the computed pools, each pool's in the order of their ordinals.
pub(super) struct Found {
    numbers: HashMap<String, u32>,
    devices: Sorted,
    links: Sorted,
}

impl Found {
    /// Gives a computed pool its members. Says whether it is one. Pools come by name.
    pub fn give<'a>(&'a self) -> impl FnMut(&mut Pool) -> Result<bool, MigrationError> + 'a {
        let mut devices = Cursor::new(&self.devices);
        let mut links = Cursor::new(&self.links);
        move |pool| {
            let Some(&number) = self.numbers.get(pool.name.as_str()) else { return Ok(false) };
            let count = fill(&mut pool.devices, list(&mut devices, number)?);
            recount(&mut pool.device_number, count);
            let count = fill(&mut pool.links, list(&mut links, number)?);
            recount(&mut pool.link_number, count);
            Ok(true)
        }
    }
}

/// The names behind a pool's number.
fn list<E: Referable>(cursor: &mut Cursor<'_>, number: u32) -> Result<Vec<Ref<E>>, MigrationError> {
    let prefix = number.to_be_bytes();
    cursor.seek(&prefix)?;
    let mut names = Vec::new();
    while let Some((key, _)) = cursor.here() {
        let Some(rest) = key.strip_prefix(&prefix) else { break };
        let name = rest.get(size_of::<u64>()..).unwrap_or_default();
        names.push(Ref::new(String::from_utf8_lossy(name)));
        cursor.advance()?;
    }
    Ok(names)
}

/// A list that was not said stays unsaid while it is empty.
fn fill<E>(field: &mut Field<Vec<Ref<E>>>, members: Vec<Ref<E>>) -> usize {
    let count = members.len();
    if count > 0 || *field != Field::Absent {
        *field = Field::Set(members);
    }
    count
}

/// A count that is not said is not kept.
fn recount(field: &mut Field<i64>, count: usize) {
    if *field != Field::Absent {
        *field = Field::Set(count as i64);
    }
}
