//! The pools that are computed, with their criteria compiled, for reads and changes alike.

use std::sync::{Arc, PoisonError, RwLock};

use crate::{
    model::{Criteria, CriterionError, Entity, Kind, Membership, Pool, Side},
    store::{Store, StoreError, Stored},
};

/// A pool that is computed.
#[derive(Debug)]
pub(super) struct ComputedPool {
    pub name: String,
    /// By which the store knows its members.
    pub ordinal: u64,
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

/// The computed pools of one moment.
#[derive(Debug, Default)]
pub(super) struct ComputedPools {
    /// By name.
    pub pools: Vec<ComputedPool>,
    /// By name: those whose criteria cannot be asked, and which keep the members that they have.
    pub kept: Vec<(String, CriterionError)>,
}

impl ComputedPools {
    /// Takes the computed ones of all pools, which come by name.
    pub fn of(
        all: impl Iterator<Item = Result<Stored<Pool>, StoreError>>,
    ) -> Result<Self, StoreError> {
        let mut computed = Self::default();
        for stored in all {
            let Stored { record, ordinal, .. } = stored?;
            let name = || record.name().as_str().to_owned();
            match record.membership() {
                Membership::Manual => {}
                Membership::Computed { devices, links } => {
                    computed.pools.push(ComputedPool { name: name(), ordinal, devices, links });
                }
                Membership::Unaskable(error) => computed.kept.push((name(), error)),
            }
        }
        Ok(computed)
    }

    /// The pool of this name, where it is computed.
    pub fn get(&self, name: &str) -> Option<&ComputedPool> {
        let at = self.pools.binary_search_by(|pool| pool.name.as_str().cmp(name)).ok()?;
        Some(&self.pools[at])
    }

    /// The pools that admit a record: none, where it is neither a device nor a link.
    pub fn admitting<E: Entity>(&self, record: &E) -> impl Iterator<Item = &ComputedPool> {
        let side = Side::of(E::KIND);
        self.pools
            .iter()
            .filter(move |pool| side.is_some_and(|side| pool.criteria(side).admit(record)))
    }
}

/// The computed pools as they were when they were last asked for, compiled again when a pool has
/// changed since.
#[derive(Default)]
pub(super) struct ComputedCache(RwLock<Option<Cached>>);

struct Cached {
    /// What [`Store::changed`] said before they were read.
    version: u64,
    pools: Arc<ComputedPools>,
}

impl ComputedCache {
    /// The pools as they are. While no pool changes this is one comparison.
    pub fn current(&self, store: &Store) -> Result<Arc<ComputedPools>, StoreError> {
        // Asked before the pools are read: a change in between is seen the next time at the
        // latest.
        let version = store.changed(Kind::Pool)?;
        let cached = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = cached.as_ref().filter(|cached| cached.version == version) {
            return Ok(cached.pools.clone());
        }
        drop(cached);
        let pools = Arc::new(ComputedPools::of(store.read().scan::<Pool>())?);
        let mut cached = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if cached.as_ref().is_none_or(|cached| cached.version <= version) {
            *cached = Some(Cached { version, pools: pools.clone() });
        }
        Ok(pools)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Device, Field, Link, Name};

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
        let first = cache.current(&store).unwrap();
        let names = |pools: &ComputedPools| -> Vec<String> {
            pools.pools.iter().map(|pool| pool.name.clone()).collect()
        };
        assert_eq!(names(&first), ["[x]", "é>b"]);
        assert_eq!(first.kept.len(), 1);
        assert_eq!(first.kept[0].0, "odd");
        assert_eq!(first.get("é>b").unwrap().ordinal, 0);
        assert!(first.get("manual").is_none() && first.get("odd").is_none());
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

        let again = cache.current(&store).unwrap();
        assert!(Arc::ptr_eq(&first, &again), "nothing has changed");
        put(pool("é>b", &[("device_name", "z")]));
        let third = cache.current(&store).unwrap();
        assert!(!Arc::ptr_eq(&first, &third));
        assert_eq!(admitting(&third, "R 1%").0.len(), 0);
    }
}
