//! The fourth step of an import, recomputing: the members of computed pools. The third step already
//! searches them, so that both steps are one change.
//!
//! A walk over all records finds all members. A lookup finds the members that join and leave because
//! of the imported records; it is possible only if no pool is new or has other criteria.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::{
    ImportError,
    decide::{Decision, Step, Steps},
    log::Log,
    pairs::Reading,
    resolve::Resolved,
    scope::Scope,
    sorted_cursor::SortedCursor,
};
use crate::{
    disk::{Sorted, Sorter},
    model::{AnyRecord, Criteria, Kind, Membership, Pool, Record, Side},
    store::{LiveView, Load},
};

/// The memory for the members of one side, in bytes. Beyond it they are sorted on the disk.
const MEMBERS_BYTES: usize = 32 * 1024 * 1024;

/// Searches the members of the pools that are computed after the import.
pub(super) struct MemberSearch {
    pools: Vec<ComputedPool>,
    /// A sentence for each pool whose criteria cannot be evaluated.
    warnings: Vec<String>,
    /// True if a pool is new or gets other criteria. Every record must be compared then.
    needs_all_records: bool,
    devices: Mutex<Sorter>,
    links: Mutex<Sorter>,
    /// The changed members by the ordinal of the pool, if only the imported records are read.
    changed: Mutex<BTreeMap<(u64, Side), PoolMembers>>,
}

/// The members that join and leave one side of a pool.
pub(super) struct PoolMembers {
    /// The ordinal of the pool's record.
    pub pool: u64,
    pub side: Side,
    /// The ordinals and names of records that become members.
    pub joining: Vec<(u64, String)>,
    /// The ordinals and names of records that are no longer members.
    pub leaving: Vec<(u64, String)>,
}

/// A pool that is computed after the import.
struct ComputedPool {
    name: String,
    /// The ordinal of its record after the import: the key of its members.
    ordinal: u64,
    /// The ordinal of the existing record, if there is one.
    existing_ordinal: Option<u64>,
    devices: Criteria,
    links: Criteria,
}

impl MemberSearch {
    /// Reads the pools that exist after the import.
    ///
    /// # Errors
    /// As [`Steps::next`].
    pub(super) fn prepare(
        scope: &Scope<'_>,
        resolved: &Resolved,
        log: &Log,
    ) -> Result<Self, ImportError> {
        let (mut pools, mut warnings) = (Vec::new(), Vec::new());
        let mut needs_all_records = false;
        let mut steps = Steps::new(Kind::Pool, Reading::Walk, scope, resolved)?;
        while let Some(step) = steps.next()? {
            let Some(result) = &step.result else { continue };
            let Some(pool) = result.record.of_kind::<Pool>() else { continue };
            let membership = pool.membership();
            needs_all_records |= changes_criteria(&step, &membership)?;
            match membership {
                Membership::Manual => {}
                Membership::Computed { devices, links } => pools.push(ComputedPool {
                    name: step.name.clone(),
                    ordinal: result.ordinal,
                    existing_ordinal: step.existing.as_ref().map(|raw| raw.header.ordinal),
                    devices,
                    links,
                }),
                Membership::Invalid(error) => {
                    warnings.push(format!(
                        "the pool '{}' keeps its current members: {error}",
                        step.name
                    ));
                }
            }
        }
        pools.sort_unstable_by_key(|pool| pool.ordinal);
        let sorter = || Mutex::new(Sorter::new(log.scratch(), MEMBERS_BYTES));
        Ok(Self {
            pools,
            warnings,
            needs_all_records,
            devices: sorter(),
            links: sorter(),
            changed: Mutex::default(),
        })
    }

    /// Returns whether every record must be compared with the criteria of a pool.
    pub(super) fn needs_all_records(&self) -> bool {
        self.needs_all_records
    }

    /// The number of computed pools.
    pub(super) fn pools(&self) -> u64 {
        self.pools.len() as u64
    }

    /// Warns of pools whose criteria cannot be evaluated.
    pub(super) fn warn(&self, log: &Log) {
        self.warnings.iter().for_each(|warning| log.warn(warning.clone()));
    }

    /// Adds a device or link to the pools whose criteria it meets.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if a member cannot be stored.
    pub(super) fn offer(
        &self,
        side: Side,
        record: &dyn Record,
        ordinal: u64,
    ) -> Result<(), ImportError> {
        for pool in &self.pools {
            let (criteria, found) = match side {
                Side::Device => (&pool.devices, &self.devices),
                Side::Link => (&pool.links, &self.links),
            };
            if criteria.matches(record) {
                let mut key = pool.ordinal.to_be_bytes().to_vec();
                key.extend_from_slice(&ordinal.to_be_bytes());
                key.extend_from_slice(record.name().as_bytes());
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.push(&key, &[]).map_err(ImportError::TemporaryFile)?;
            }
        }
        Ok(())
    }

    /// Compares a changed device or link with the criteria of all pools, before and after the import.
    ///
    /// # Errors
    /// [`ImportError::Store`] if the existing record cannot be decoded.
    pub(super) fn offer_change(
        &self,
        kind: Kind,
        side: Side,
        step: &Step<'_>,
    ) -> Result<(), ImportError> {
        let after = step.result.as_ref().map(|result| result.ordinal);
        let before = step.existing.as_ref().map(|existing| existing.header.ordinal);
        let Some(ordinal) = after.or(before).filter(|_| step.is_change()) else {
            return Ok(());
        };
        let before = step.existing_record(kind)?;
        for pool in &self.pools {
            let criteria = match side {
                Side::Device => &pool.devices,
                Side::Link => &pool.links,
            };
            let was_member = before.as_ref().is_some_and(|before| criteria.matches(&**before));
            let is_member =
                step.result.as_ref().is_some_and(|after| criteria.matches(&*after.record));
            if was_member == is_member {
                continue;
            }
            let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
            let members = changed.entry((pool.ordinal, side)).or_insert_with(|| PoolMembers {
                pool: pool.ordinal,
                side,
                joining: Vec::new(),
                leaving: Vec::new(),
            });
            let list = if is_member { &mut members.joining } else { &mut members.leaving };
            list.push((ordinal, step.name.clone()));
        }
        Ok(())
    }

    /// Ends the comparison of the imported records. Returns the existing pools whose members change,
    /// and the changes.
    ///
    /// # Errors
    /// [`ImportError::Store`] if the number of members cannot be read.
    pub(super) fn finish_changes(
        self,
        existing: &LiveView,
    ) -> Result<(Vec<ChangedPool>, Vec<PoolMembers>), ImportError> {
        let changed = self.changed.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut pools = Vec::new();
        for pool in &self.pools {
            let Some(ordinal) = pool.existing_ordinal else { continue };
            let count = |side| -> Result<Option<MemberCount>, ImportError> {
                let Some(members) = changed.get(&(pool.ordinal, side)) else { return Ok(None) };
                let before = existing.member_count(ordinal, side)?;
                let after = before + members.joining.len() as u64;
                // A wrong stored number, which `verify` reports, must not prevent an import.
                let after = after.saturating_sub(members.leaving.len() as u64);
                Ok(Some(MemberCount { before, after }))
            };
            let (devices, links) = (count(Side::Device)?, count(Side::Link)?);
            if devices.is_some() || links.is_some() {
                pools.push(ChangedPool { name: pool.name.clone(), devices, links });
            }
        }
        Ok((pools, changed.into_values().collect()))
    }

    /// Ends the search.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if the members cannot be sorted.
    pub(super) fn finish(self) -> Result<FoundMembers, ImportError> {
        let finish = |found: Mutex<Sorter>| {
            let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
            found.finish().map_err(ImportError::TemporaryFile)
        };
        let (devices, links) = (finish(self.devices)?, finish(self.links)?);
        Ok(FoundMembers { pools: self.pools, devices, links })
    }
}

/// Returns whether a pool gets other criteria. A pool that is not computed has none.
fn changes_criteria(step: &Step<'_>, after: &Membership) -> Result<bool, ImportError> {
    match step.decision {
        Decision::Keep | Decision::LeaveUnchanged => return Ok(false),
        Decision::Adjust | Decision::Create | Decision::Update | Decision::Remove => {}
    }
    let before = step.existing_record(Kind::Pool)?.and_then(AnyRecord::into_kind::<Pool>);
    let before = before.map(|before| before.membership());
    let criteria = |membership: Option<&Membership>| match membership {
        Some(Membership::Computed { devices, links }) => Some((devices.clone(), links.clone()))
            .filter(|(devices, links)| !(devices.is_empty() && links.is_empty())),
        Some(Membership::Manual | Membership::Invalid(_)) | None => None,
    };
    Ok(criteria(before.as_ref()) != criteria(Some(after)))
}

/// The members of the computed pools. The members of each pool are sorted by ordinal.
pub(super) struct FoundMembers {
    /// Sorted by ordinal.
    pools: Vec<ComputedPool>,
    devices: Sorted,
    links: Sorted,
}

/// An existing pool whose members change.
pub(super) struct ChangedPool {
    pub name: String,
    /// The number of devices, if the devices of the pool change.
    pub devices: Option<MemberCount>,
    /// The number of links, if the links of the pool change.
    pub links: Option<MemberCount>,
}

/// The number of members of one side.
#[derive(Clone, Copy)]
pub(super) struct MemberCount {
    pub before: u64,
    pub after: u64,
}

impl FoundMembers {
    /// Writes all members into a new generation.
    pub(super) fn write(&self, load: &Load<'_>, log: &Log) -> Result<(), ImportError> {
        let mut devices = SortedCursor::new(&self.devices);
        let mut links = SortedCursor::new(&self.links);
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

    /// The existing pools whose members change. Members are compared one by one, so the memory
    /// grows only with the number of pools.
    ///
    /// # Errors
    /// [`ImportError::Store`] or [`ImportError::TemporaryFile`] if members cannot be read.
    pub(super) fn changed_pools(
        &self,
        existing: &LiveView,
    ) -> Result<Vec<ChangedPool>, ImportError> {
        let mut devices = SortedCursor::new(&self.devices);
        let mut links = SortedCursor::new(&self.links);
        let mut changed = Vec::new();
        for pool in &self.pools {
            let Some(ordinal) = pool.existing_ordinal else { continue };
            let pool = ChangedPool {
                name: pool.name.clone(),
                devices: compare(existing, ordinal, Side::Device, &mut devices, pool.ordinal)?,
                links: compare(existing, ordinal, Side::Link, &mut links, pool.ordinal)?,
            };
            if pool.devices.is_some() || pool.links.is_some() {
                changed.push(pool);
            }
        }
        Ok(changed)
    }
}

/// Compares the existing members of a pool with the found ones, both sorted by ordinal. Returns
/// their numbers if they differ.
fn compare(
    existing: &LiveView,
    existing_ordinal: u64,
    side: Side,
    cursor: &mut SortedCursor<'_>,
    ordinal: u64,
) -> Result<Option<MemberCount>, ImportError> {
    let mut count = MemberCount { before: 0, after: 0 };
    let mut same = true;
    let mut found = Member::first(cursor, ordinal)?;
    existing.each_member(existing_ordinal, side, |name| {
        count.before += 1;
        same &= found.as_ref().is_some_and(|found| found.name == name);
        if found.is_some() {
            count.after += 1;
            found = Member::next(cursor, ordinal)?;
        }
        Ok::<_, ImportError>(())
    })?;
    while found.is_some() {
        same = false;
        count.after += 1;
        found = Member::next(cursor, ordinal)?;
    }
    Ok((!same).then_some(count))
}

/// A found member of a pool.
struct Member {
    ordinal: u64,
    name: String,
}

impl Member {
    /// The first member of a pool. The caller must request pools by ascending ordinal.
    fn first(cursor: &mut SortedCursor<'_>, pool: u64) -> Result<Option<Self>, ImportError> {
        cursor.seek(&pool.to_be_bytes())?;
        Ok(Self::current(cursor, pool))
    }

    /// The next member of the pool.
    fn next(cursor: &mut SortedCursor<'_>, pool: u64) -> Result<Option<Self>, ImportError> {
        cursor.advance()?;
        Ok(Self::current(cursor, pool))
    }

    /// The member at the cursor; `None` if it belongs to another pool.
    fn current(cursor: &SortedCursor<'_>, pool: u64) -> Option<Self> {
        let (key, _) = cursor.current()?;
        let (ordinal, name) = key.strip_prefix(&pool.to_be_bytes())?.split_first_chunk()?;
        Some(Self {
            ordinal: u64::from_be_bytes(*ordinal),
            name: String::from_utf8_lossy(name).into_owned(),
        })
    }
}
