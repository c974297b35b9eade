//! The pools that are computed, with their criteria compiled, for reads and changes alike.
//!
//! They are compiled once and kept in memory until a pool changes, so that neither a read nor a
//! change of a device scans the pools.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    inventory::damage::DamageLog,
    model::{Criteria, Kind, Membership, Pool, Record, Side},
    store::{LiveView, StoreError, Stored},
};

/// A pool that is computed.
#[derive(Debug)]
pub(in crate::inventory) struct ComputedPool {
    pub name: String,
    pub devices: Criteria,
    pub links: Criteria,
}

impl ComputedPool {
    pub fn criteria(&self, side: Side) -> &Criteria {
        match side {
            Side::Device => &self.devices,
            Side::Link => &self.links,
        }
    }
}

/// The computed pools of one moment, by the ordinals of their records, by which the store knows
/// their members.
#[derive(Clone, Debug, Default)]
pub(in crate::inventory) struct ComputedPools(BTreeMap<u64, Arc<ComputedPool>>);

impl ComputedPools {
    /// Takes the computed ones of all pools. Damaged ones are noted and passed over.
    pub fn of(
        all: impl Iterator<Item = Result<Stored<Pool>, StoreError>>,
        log: &DamageLog,
    ) -> Result<Self, StoreError> {
        let mut computed = Self::default();
        for stored in all {
            let Stored { record, ordinal, .. } = match stored {
                Ok(stored) => stored,
                // A damaged pool must not keep devices and links from being read and changed.
                Err(error) if error.is_damage() => {
                    error.damage().into_iter().for_each(|damage| log.note(damage));
                    continue;
                }
                Err(error) => return Err(error),
            };
            computed.put(ordinal, record.name(), record.membership());
        }
        Ok(computed)
    }

    /// The pool of this ordinal, where it is computed.
    pub fn get(&self, ordinal: u64) -> Option<&ComputedPool> {
        self.0.get(&ordinal).map(Arc::as_ref)
    }

    /// Lets a pool be what its record says.
    pub fn put(&mut self, ordinal: u64, name: &str, membership: Membership) {
        match membership {
            Membership::Computed { devices, links } => {
                let pool = ComputedPool { name: name.to_owned(), devices, links };
                self.0.insert(ordinal, Arc::new(pool));
            }
            Membership::Manual | Membership::Invalid(_) => self.remove(ordinal),
        }
    }

    pub fn remove(&mut self, ordinal: u64) {
        self.0.remove(&ordinal);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, with their ordinals.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &ComputedPool)> {
        self.0.iter().map(|(ordinal, pool)| (*ordinal, pool.as_ref()))
    }

    /// The pools that admit a record: none, where it is neither a device nor a link.
    pub fn admitting(&self, record: &dyn Record) -> impl Iterator<Item = &ComputedPool> {
        let side = Side::of(record.kind());
        let all = self.iter().map(|(_, pool)| pool);
        all.filter(move |pool| side.is_some_and(|side| pool.criteria(side).matches(record)))
    }
}

/// The computed pools of one version of the inventory's pools. A change leaves its own here when
/// it is committed, so that they are seldom read from the store.
#[derive(Default)]
pub(in crate::inventory) struct ComputedCache(RwLock<Option<Versioned>>);

/// Computed pools, and the version of the inventory's pools that they are.
pub(in crate::inventory) struct Versioned {
    pub version: u64,
    pub pools: Arc<ComputedPools>,
}

impl ComputedCache {
    /// The computed pools of this version, where they are known.
    pub fn of(&self, version: u64) -> Option<Arc<ComputedPools>> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|kept| kept.version == version).map(|kept| kept.pools.clone())
    }

    /// Keeps what was found. The newest may not come last.
    pub fn keep(&self, found: Versioned) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|kept| kept.version < found.version) {
            *kept = Some(found);
        }
    }

    /// The pools of an inventory that is read. While no pool changes this is one comparison.
    pub fn current(
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
        // A pool that changed meanwhile may be among them, and this would be neither version.
        if changed()? == version {
            self.keep(Versioned { version, pools: pools.clone() });
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
    fn pools_are_compiled_again_when_one_changes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let put = |pool: Pool| {
            store.change(|t| -> Result<_, StoreError> { t.put(pool) }).unwrap();
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
        assert_eq!(names(&first), ["é>b", "[x]"], "neither the odd one nor the manual one");
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
