//! One change in progress: the transaction of the store, and the consequences of each write.
//!
//! Every written record goes through [`Editing::write`], and every deleted one through
//! [`Editing::remove`], also records whose references are renamed or removed. So references and the
//! members of pools are always updated.

use std::{collections::HashSet, sync::Arc};

use super::user_names::UserNames;
use crate::{
    access::RecordRights,
    inventory::{
        Inner,
        pools::computed::{ComputedPools, Versioned},
        pools::follow::{MembershipChange, changed_properties, membership_changes},
        pools::refill::Refills,
    },
    model::{self, AnyRecord, Kind, Membership, Pool, Record, Side, Target, limits},
    store::{Origin, Referrer, StoreError, Stored, Transaction},
};

/// The largest number of records that one rename or one deletion affects. They are held in memory
/// until they are written, about 5 KB each with their references. Larger changes need an import.
pub(in crate::inventory) const RECORDS_MAX: usize = 150_000;

/// A change in progress.
pub(in crate::inventory) struct Editing<'e, 't> {
    pub inventory: &'e Inner,
    pub transaction: &'e mut Transaction<'t>,
    /// The records that the principal can read and change.
    pub rights: RecordRights,
    /// The computed pools as this change leaves them; `None` until they are needed.
    pools: Option<Arc<ComputedPools>>,
    refills: Refills,
    /// The names of users by their common forms; `None` until they are needed.
    pub(super) user_names: Option<UserNames>,
    /// The number of records that were written or deleted.
    pub written: usize,
}

impl Inner {
    /// Makes a change of any records. It is durable when this returns.
    ///
    /// # Errors
    /// On every error the inventory stays unchanged.
    /// - The error of `make`.
    /// - The errors of [`Store::change`](crate::store::Store::change).
    pub(in crate::inventory) fn change<T, X: From<StoreError>>(
        &self,
        origin: &Origin,
        make: impl FnOnce(&mut Editing<'_, '_>) -> Result<T, X>,
    ) -> Result<T, X> {
        let (made, pools) = self.store.change(origin, |transaction| -> Result<_, X> {
            let mut editing = Editing {
                inventory: self,
                transaction,
                rights: RecordRights::All,
                pools: None,
                refills: Refills::default(),
                user_names: None,
                written: 0,
            };
            let made = make(&mut editing)?;
            Ok((made, editing.finish()?))
        })?;
        // Only committed pools may be cached.
        if let Some(pools) = pools {
            self.computed.store(pools);
        }
        Ok(made)
    }
}

impl Editing<'_, '_> {
    /// Writes a new record, or replaces `before`, possibly under a new name. Updates the references
    /// to the record and the members of pools. The caller must have checked that the new name is
    /// free, and that all references have targets.
    ///
    /// # Errors
    /// [`StoreError::OverLimit`] if the record is over a limit, and the errors of the transaction.
    pub(crate) fn write(
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
            // The secrets are encrypted again under the new name.
            let vault = self.inventory.store.vault();
            vault.decrypt_secrets_renamed_from(&mut *after, from)?;
        }
        let mut membership = None;
        if let Some(pool) = after.of_kind_mut::<Pool>() {
            // The pools are read before this one is written.
            self.pools()?;
            let written = pool.membership();
            pool.settle(&written);
            membership = Some(written);
        }
        check_limits(before, &mut after)?;
        let side = Side::of(kind);
        let changes = match side {
            Some(side) => {
                self.membership_changes(side, before.map(|before| &*before.record), Some(&*after))?
            }
            None => Vec::new(),
        };
        let to = after.name().clone();
        if let Some(before) = renamed {
            self.transaction.rename(kind, before.record.name(), to.clone())?;
        }
        self.transaction.put(after)?;
        self.written += 1;
        // The ordinal of a new record is known only now. It is read only if it is needed.
        if let Some(side) = side
            && !changes.is_empty()
        {
            let ordinal = self.ordinal(kind, before, &to)?;
            let from = before.map_or(&to, |before| before.record.name());
            self.change_memberships(side, ordinal, &changes, from, &to)?;
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

    /// Deletes a record. The caller must have removed all references to it.
    ///
    /// # Errors
    /// [`StoreError`] if the record or the members of pools cannot be read.
    pub(crate) fn remove(&mut self, before: &Stored<AnyRecord>) -> Result<(), StoreError> {
        let (kind, name) = (before.record.kind(), before.record.name());
        if let Some(side) = Side::of(kind) {
            let changes = self.membership_changes(side, Some(&*before.record), None)?;
            self.change_memberships(side, before.ordinal, &changes, name, name)?;
        }
        if kind == Kind::Pool {
            self.pool_removed(before.ordinal)?;
        }
        self.transaction.remove(kind, name)?;
        self.written += 1;
        Ok(())
    }

    /// The references to a record, by its kind and, for devices and networks, as a node. They are
    /// sorted, so the references of one record follow each other.
    pub(crate) fn referrers(&self, kind: Kind, name: &str) -> Result<Vec<Referrer>, StoreError> {
        let mut referrers = self.transaction.referrers(Target::Kind(kind), name)?;
        if Target::Node.kinds().contains(&kind) {
            referrers.extend(self.transaction.referrers(Target::Node, name)?);
        }
        referrers.sort_unstable();
        Ok(referrers)
    }

    /// The members of a computed pool.
    pub(crate) fn members(&mut self, pool: u64, side: Side) -> Result<Vec<String>, StoreError> {
        self.refill()?;
        self.transaction.members(pool, side)
    }

    /// The computed pools as they are at this point of the change.
    pub(crate) fn pools(&mut self) -> Result<Arc<ComputedPools>, StoreError> {
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

    /// Requests that the members of one side of a pool are recomputed at the end of the change.
    pub(crate) fn request_refill(&mut self, pool: u64, side: Side) {
        self.refills.request(pool, side);
    }

    /// Recomputes the requested pools. Returns those whose members changed.
    pub(crate) fn refill(&mut self) -> Result<HashSet<u64>, StoreError> {
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
            let detail = format!("the {kind} '{name}' was written but does not exist");
            StoreError::Damaged { part: "transaction", detail }
        })
    }

    /// The memberships that change with a record.
    fn membership_changes(
        &mut self,
        side: Side,
        before: Option<&dyn Record>,
        after: Option<&dyn Record>,
    ) -> Result<Vec<MembershipChange>, StoreError> {
        let changed = before.zip(after).map(|(before, after)| changed_properties(before, after));
        if changed.as_ref().is_some_and(|changed| changed.is_empty()) {
            return Ok(Vec::new());
        }
        let pools = self.pools()?;
        Ok(membership_changes(&pools, side, before, after, changed.as_ref()))
    }

    /// Adds a record to pools and removes it from others. Its name was `from` and is now `to`.
    fn change_memberships(
        &mut self,
        side: Side,
        ordinal: u64,
        changes: &[MembershipChange],
        from: &str,
        to: &str,
    ) -> Result<(), StoreError> {
        let renamed = from != to;
        for change in changes {
            if change.was_member && (renamed || !change.is_member) {
                self.transaction.remove_members(change.pool, side, &[(ordinal, from)]);
            }
            if change.is_member && (renamed || !change.was_member) {
                self.transaction.add_members(change.pool, side, &[(ordinal, to)]);
            }
        }
        Ok(())
    }

    /// Updates the computed pools after a pool was written.
    fn pool_written(
        &mut self,
        ordinal: u64,
        name: &str,
        membership: Membership,
    ) -> Result<(), StoreError> {
        let (devices, links) = match &membership {
            Membership::Computed { devices, links } => (devices, links),
            Membership::Manual | Membership::Invalid(_) => return self.pool_removed(ordinal),
        };
        let pools = self.pools()?;
        let before = pools.get(ordinal);
        for (side, criteria) in [(Side::Device, devices), (Side::Link, links)] {
            let criteria_before = before.map(|before| before.criteria(side));
            if criteria_before.map_or(!criteria.is_empty(), |before| before != criteria) {
                self.request_refill(ordinal, side);
            }
        }
        self.edit_pools(pools, |pools| pools.put(ordinal, name, membership));
        Ok(())
    }

    /// Updates the computed pools after a pool was deleted or is no longer computed.
    fn pool_removed(&mut self, ordinal: u64) -> Result<(), StoreError> {
        let pools = self.pools()?;
        if pools.get(ordinal).is_some() {
            for side in [Side::Device, Side::Link] {
                self.refills.cancel(ordinal, side);
                self.transaction.clear_members(ordinal, side)?;
            }
            self.edit_pools(pools, |pools| pools.remove(ordinal));
        }
        Ok(())
    }

    fn edit_pools(&mut self, mut pools: Arc<ComputedPools>, edit: impl FnOnce(&mut ComputedPools)) {
        // A second reference would make `make_mut` copy all pools.
        self.pools = None;
        edit(Arc::make_mut(&mut pools));
        self.pools = Some(pools);
    }

    /// Updates the references to a renamed record.
    fn follow(
        &mut self,
        kind: Kind,
        from: &str,
        to: &str,
        followers: Vec<Referrer>,
    ) -> Result<(), StoreError> {
        for references in followers.chunk_by(|a, b| a.kind == b.kind && a.name == b.name) {
            let Some(first) = references.first() else { continue };
            // References of the record to itself were renamed with it.
            if first.kind != kind || first.name != from {
                self.follow_one(first, references, from, to)?;
            }
        }
        Ok(())
    }

    /// Updates the references of one referring record.
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

/// Refuses a record that is over a limit. A record that was over it before is accepted if it does
/// not grow: it was stored before the limit existed, and removing references from its lists must be
/// possible.
pub(super) fn check_limits(
    before: Option<&Stored<AnyRecord>>,
    after: &mut AnyRecord,
) -> Result<(), StoreError> {
    let Err(over) = model::check_limits(&mut **after) else { return Ok(()) };
    let after_bytes = limits::record_bytes(&mut **after);
    let shrinks = before.is_some_and(|before| {
        let mut before = before.record.clone();
        model::check_limits(&mut *before).is_err()
            && after_bytes <= limits::record_bytes(&mut *before)
    });
    if shrinks {
        return Ok(());
    }
    Err(StoreError::OverLimit { kind: after.kind(), name: after.name().to_string(), over })
}

/// Renames the references of a record to itself.
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
