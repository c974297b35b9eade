//! The fourth step of an import, which is done along with the third so that both are one change:
//! the members of computed pools.

use std::sync::{Mutex, PoisonError};

use super::{
    ImportError,
    cursor::Cursor,
    log::Log,
    resolve::{Resolved, Scope},
    walk::walk,
};
use crate::disk::{Sorted, Sorter};
use crate::model::{Criteria, Kind, Membership, Pool, Record, Side};
use crate::store::{LiveView, Load, Raw};

/// What the members of one side may take in memory before they are set aside, in bytes.
const MEMBERS_BYTES: usize = 32 * 1024 * 1024;

/// The pools that an import will leave and that are computed, and the members that were found.
pub(super) struct Members {
    pools: Vec<Computed>,
    devices: Mutex<Sorter>,
    links: Mutex<Sorter>,
}

/// A computed pool.
struct Computed {
    name: String,
    /// Of its record, which names its members' lists.
    ordinal: u64,
    /// The ordinal that the record has before the import, where it is there already.
    ordinal_before: Option<u64>,
    devices: Criteria,
    links: Criteria,
}

/// Lets a pool's record be as it is stored: a computed one's members stand beside it, and the
/// numbers of another are those of its lists. Says whether that changes it.
pub(super) fn amend(
    old: &LiveView,
    record: &mut dyn Record,
    before: Option<&Raw>,
) -> Result<bool, ImportError> {
    let Some(pool) = record.of_kind_mut::<Pool>() else { return Ok(false) };
    let membership = pool.membership();
    let kept = match (&membership, before) {
        (Membership::Invalid(_), Some(before)) => keep_members(old, pool, before)?,
        (Membership::Manual | Membership::Computed { .. } | Membership::Invalid(_), _) => false,
    };
    Ok(pool.settle(&membership) | kept)
}

/// A pool whose criteria cannot be asked any more keeps the members that it has. Says whether its
/// lists took them over.
fn keep_members(old: &LiveView, pool: &mut Pool, before: &Raw) -> Result<bool, ImportError> {
    let Some(was) = before.record(Kind::Pool, pool.name.as_bytes())?.into_kind::<Pool>() else {
        return Ok(false);
    };
    let lists_nothing =
        pool.devices.get().is_none_or(Vec::is_empty) && pool.links.get().is_none_or(Vec::is_empty);
    match was.membership() {
        Membership::Computed { .. } if lists_nothing => {
            let members = |side| old.members(before.header.ordinal, side);
            *pool = pool.clone().with_members(members(Side::Device)?, members(Side::Link)?);
            Ok(true)
        }
        Membership::Computed { .. } | Membership::Manual | Membership::Invalid(_) => Ok(false),
    }
}

impl Members {
    /// Looks at the pools that there will be.
    pub fn prepare(scope: &Scope<'_>, resolved: &Resolved, log: &Log) -> Result<Self, ImportError> {
        let mut pools = Vec::new();
        walk(Kind::Pool, scope, resolved, &mut |_, _| Ok(false), &mut |step| {
            let Some(after) = step.after else { return Ok(()) };
            let Some(pool) = after.record.of_kind::<Pool>() else { return Ok(()) };
            match pool.membership() {
                Membership::Manual => {}
                Membership::Computed { devices, links } => pools.push(Computed {
                    name: step.name.to_owned(),
                    ordinal: after.ordinal,
                    ordinal_before: step.before.map(|before| before.header.ordinal),
                    devices,
                    links,
                }),
                Membership::Invalid(error) => log.warn(format!(
                    "the pool '{}' keeps the members that it has: {error}",
                    step.name
                )),
            }
            Ok(())
        })?;
        pools.sort_unstable_by_key(|pool| pool.ordinal);
        let sorter = || Mutex::new(Sorter::new(log.scratch(), MEMBERS_BYTES));
        Ok(Self { pools, devices: sorter(), links: sorter() })
    }

    /// Finds the pools that admit a device or link.
    pub fn offer(&self, side: Side, record: &dyn Record, ordinal: u64) -> Result<(), ImportError> {
        for pool in &self.pools {
            let (criteria, found) = match side {
                Side::Device => (&pool.devices, &self.devices),
                Side::Link => (&pool.links, &self.links),
            };
            if criteria.matches(record) {
                let mut key = pool.ordinal.to_be_bytes().to_vec();
                key.extend_from_slice(&ordinal.to_be_bytes());
                key.extend_from_slice(record.name().as_bytes());
                found.lock().unwrap_or_else(PoisonError::into_inner).push(&key, &[])?;
            }
        }
        Ok(())
    }

    /// Ends the offers.
    pub fn finish(self) -> Result<Found, ImportError> {
        let finish = |found: Mutex<Sorter>| {
            found.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
        };
        Ok(Found { pools: self.pools, devices: finish(self.devices)?, links: finish(self.links)? })
    }
}

/// The members of the computed pools, each pool's in the order of their ordinals.
pub(super) struct Found {
    /// By ordinal.
    pools: Vec<Computed>,
    devices: Sorted,
    links: Sorted,
}

/// A pool whose members are not those that it had.
pub(super) struct Moved<'a> {
    pub name: &'a str,
    pub devices: Option<Numbers>,
    pub links: Option<Numbers>,
}

/// How many members there were, and will be.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    pub before: u64,
    pub after: u64,
}

impl Found {
    /// Writes all members into a new generation.
    pub fn write(&self, load: &Load<'_>, log: &Log) -> Result<(), ImportError> {
        let mut devices = Cursor::new(&self.devices);
        let mut links = Cursor::new(&self.links);
        load.members(|put| {
            for pool in &self.pools {
                for (side, cursor) in [(Side::Device, &mut devices), (Side::Link, &mut links)] {
                    let mut member = Member::first(cursor, pool.ordinal)?;
                    while let Some(Member { ordinal, name }) = member {
                        log.progress().advance(1)?;
                        put(pool.ordinal, side, ordinal, &name)?;
                        member = Member::next(cursor, pool.ordinal)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Calls `each` with every pool that was there and gets other members.
    pub fn moved(
        &self,
        old: &LiveView,
        mut each: impl FnMut(Moved<'_>) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let mut devices = Cursor::new(&self.devices);
        let mut links = Cursor::new(&self.links);
        for pool in &self.pools {
            let Some(before) = pool.ordinal_before else { continue };
            let moved = Moved {
                name: &pool.name,
                devices: compare(old, before, Side::Device, &mut devices, pool.ordinal)?,
                links: compare(old, before, Side::Link, &mut links, pool.ordinal)?,
            };
            if moved.devices.is_some() || moved.links.is_some() {
                each(moved)?;
            }
        }
        Ok(())
    }
}

/// Compares the members that a pool has with those that were found, one by one.
fn compare(
    old: &LiveView,
    ordinal_before: u64,
    side: Side,
    cursor: &mut Cursor<'_>,
    ordinal: u64,
) -> Result<Option<Numbers>, ImportError> {
    let mut numbers = Numbers { before: 0, after: 0 };
    let mut same = true;
    let mut found = Member::first(cursor, ordinal)?;
    old.each_member(ordinal_before, side, |name| {
        numbers.before += 1;
        same &= found.as_ref().is_some_and(|found| found.name == name);
        if found.is_some() {
            numbers.after += 1;
            found = Member::next(cursor, ordinal)?;
        }
        Ok::<_, ImportError>(())
    })?;
    while found.is_some() {
        same = false;
        numbers.after += 1;
        found = Member::next(cursor, ordinal)?;
    }
    Ok((!same).then_some(numbers))
}

/// A member that was found.
struct Member {
    ordinal: u64,
    name: String,
}

impl Member {
    /// The pool's first. Pools are asked for by ordinal.
    fn first(cursor: &mut Cursor<'_>, pool: u64) -> Result<Option<Self>, ImportError> {
        cursor.seek(&pool.to_be_bytes())?;
        Ok(Self::here(cursor, pool))
    }

    fn next(cursor: &mut Cursor<'_>, pool: u64) -> Result<Option<Self>, ImportError> {
        cursor.advance()?;
        Ok(Self::here(cursor, pool))
    }

    fn here(cursor: &Cursor<'_>, pool: u64) -> Option<Self> {
        let (key, _) = cursor.here()?;
        let (ordinal, name) = key.strip_prefix(&pool.to_be_bytes())?.split_first_chunk()?;
        Some(Self {
            ordinal: u64::from_be_bytes(*ordinal),
            name: String::from_utf8_lossy(name).into_owned(),
        })
    }
}
