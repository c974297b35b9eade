//! The computed pools with their compiled criteria, for reads and changes.
//!
//! They are compiled once and cached until a pool changes, so that neither a read nor a change of a
//! device scans the pools.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    inventory::damage::DamageLog,
    model::{Criteria, Kind, Membership, Pool, Record, Side},
    store::{LiveView, StoreError, Stored},
};

/// A computed pool.
#[derive(Debug)]
pub(in crate::inventory) struct ComputedPool {
    pub name: String,
    pub devices: Criteria,
    pub links: Criteria,
}

impl ComputedPool {
    pub(crate) fn criteria(&self, side: Side) -> &Criteria {
        match side {
            Side::Device => &self.devices,
            Side::Link => &self.links,
        }
    }
}

/// The computed pools at one version of the inventory, by ordinal. The ordinal is the key of their
/// members in the store.
#[derive(Clone, Debug, Default)]
pub(in crate::inventory) struct ComputedPools {
    pools: BTreeMap<u64, Arc<ComputedPool>>,
    /// Whether the store contains a damaged pool. Any record could be a member of it.
    has_damaged: bool,
}

impl ComputedPools {
    /// Selects the computed pools. Damaged pools are logged and skipped;
    /// [`ComputedPools::has_damaged`] returns whether there are any.
    ///
    /// # Errors
    /// [`StoreError`] if the pools cannot be read.
    pub(crate) fn of(
        all: impl Iterator<Item = Result<Stored<Pool>, StoreError>>,
        log: &DamageLog,
    ) -> Result<Self, StoreError> {
        let mut computed = Self::default();
        for stored in all {
            let Stored { record, ordinal, .. } = match stored {
                Ok(stored) => stored,
                // A damaged pool must not prevent reads and changes of devices and links.
                Err(error) if error.is_damage() => {
                    error.damage().into_iter().for_each(|damage| log.note(damage));
                    computed.has_damaged = true;
                    continue;
                }
                Err(error) => return Err(error),
            };
            computed.put(ordinal, record.name(), record.membership());
        }
        Ok(computed)
    }

    /// The computed pool with this ordinal.
    pub(crate) fn get(&self, ordinal: u64) -> Option<&ComputedPool> {
        self.pools.get(&ordinal).map(Arc::as_ref)
    }

    /// Updates a pool after its record changed.
    pub(crate) fn put(&mut self, ordinal: u64, name: &str, membership: Membership) {
        match membership {
            Membership::Computed { devices, links } => {
                let pool = ComputedPool { name: name.to_owned(), devices, links };
                self.pools.insert(ordinal, Arc::new(pool));
            }
            Membership::Manual | Membership::Invalid(_) => self.remove(ordinal),
        }
    }

    /// Removes a pool.
    pub(crate) fn remove(&mut self, ordinal: u64) {
        self.pools.remove(&ordinal);
    }

    /// Returns whether no pool is computed.
    pub(crate) fn is_empty(&self) -> bool {
        self.pools.is_empty()
    }

    /// Returns whether a pool is damaged, so that the pools of a record are not all known.
    pub(crate) fn has_damaged(&self) -> bool {
        self.has_damaged
    }

    /// All computed pools with their ordinals.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &ComputedPool)> {
        self.pools.iter().map(|(ordinal, pool)| (*ordinal, pool.as_ref()))
    }

    /// The pools whose criteria match a record. None if the record is neither a device nor a link.
    pub(crate) fn admitting(&self, record: &dyn Record) -> impl Iterator<Item = &ComputedPool> {
        let side = Side::of(record.kind());
        let all = self.iter().map(|(_, pool)| pool);
        all.filter(move |pool| side.is_some_and(|side| pool.criteria(side).matches(record)))
    }
}

/// A cache of the computed pools at one version. A committed change stores its pools here, so that
/// they are rarely read from the store.
#[derive(Default)]
pub(in crate::inventory) struct ComputedCache(RwLock<Option<Versioned>>);

/// Computed pools with the version of the last change of a pool.
pub(in crate::inventory) struct Versioned {
    pub version: u64,
    pub pools: Arc<ComputedPools>,
}

impl ComputedCache {
    /// The computed pools of this version, if they are cached.
    pub(crate) fn of(&self, version: u64) -> Option<Arc<ComputedPools>> {
        let cached = self.0.read().unwrap_or_else(PoisonError::into_inner);
        cached
            .as_ref()
            .filter(|cached| cached.version == version)
            .map(|cached| cached.pools.clone())
    }

    /// Caches pools, unless the cache is newer: changes can arrive out of order.
    pub(crate) fn store(&self, found: Versioned) {
        let mut cached = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if cached.as_ref().is_none_or(|cached| cached.version < found.version) {
            *cached = Some(found);
        }
    }

    /// The computed pools of a view, from the cache if no pool has changed.
    ///
    /// # Errors
    /// [`StoreError`] if the pools cannot be read.
    pub(crate) fn current(
        &self,
        reading: &LiveView,
        log: &DamageLog,
    ) -> Result<Arc<ComputedPools>, StoreError> {
        let changed = || Ok::<_, StoreError>(reading.summary()?.kind(Kind::Pool).changed);
        let version = changed()?;
        if let Some(pools) = self.of(version) {
            return Ok(pools);
        }
        let pools = Arc::new(ComputedPools::of(reading.scan::<Pool>(), log)?);
        // If a pool changed during the scan, the result belongs to no version.
        if changed()? == version {
            self.store(Versioned { version, pools: pools.clone() });
        }
        Ok(pools)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Device, Entity, Field, Link, Name},
        store::Store,
    };

    fn named<E: Entity>(name: &str) -> E {
        E::named(Name::parse(name.to_owned()).unwrap())
    }

    fn pool(name: &str, criteria: &[(&str, &str)]) -> Pool {
        let mut pool: Pool = named(name);
        for (key, value) in criteria {
            pool.set(key, (*value).into()).unwrap();
        }
        pool
    }

    #[test]
    fn pools_are_recompiled_after_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let put = |pool: Pool| {
            store
                .change(&crate::store::Origin::internal("test"), |t| -> Result<_, StoreError> {
                    t.put(pool)
                })
                .unwrap();
        };
        put(pool("é>b", &[("device_name", "r 1%")]));
        put(pool("[x]", &[("link_name", "^l$"), ("link_name_match", "regex")]));
        put(pool("odd", &[("link_name", "("), ("link_name_match", "regex")]));
        let mut manual = pool("manual", &[("device_name", "r")]);
        manual.manually_defined = Field::Set(true);
        put(manual);
        let cache = ComputedCache::default();
        let log = DamageLog::default();
        let first = cache.current(&store.read(), &log).unwrap();
        let names = |pools: &ComputedPools| -> Vec<String> {
            pools.iter().map(|(_, pool)| pool.name.clone()).collect()
        };
        assert_eq!(names(&first), ["é>b", "[x]"], "neither the invalid pool nor the manual one");
        let ordinal = store.read().get::<Pool>("[x]").unwrap().unwrap().ordinal;
        assert_eq!(first.get(ordinal).unwrap().name, "[x]");
        let admitting = |pools: &ComputedPools, name: &str| -> (Vec<String>, Vec<String>) {
            let names = |pools: Vec<&ComputedPool>| pools.iter().map(|p| p.name.clone()).collect();
            (
                names(pools.admitting(&named::<Device>(name)).collect()),
                names(pools.admitting(&named::<Link>(name)).collect()),
            )
        };
        assert_eq!(admitting(&first, "R 1%"), (vec!["é>b".to_owned()], vec![]));
        assert_eq!(admitting(&first, "l"), (vec![], vec!["[x]".to_owned()]));
        assert_eq!(first.admitting(&named::<Pool>("l")).count(), 0);

        let again = cache.current(&store.read(), &log).unwrap();
        assert!(Arc::ptr_eq(&first, &again), "nothing has changed");
        put(pool("é>b", &[("device_name", "z")]));
        let third = cache.current(&store.read(), &log).unwrap();
        assert!(!Arc::ptr_eq(&first, &third));
        assert_eq!(admitting(&third, "R 1%").0.len(), 0);
    }
}
